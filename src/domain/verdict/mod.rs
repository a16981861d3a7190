//! The ladder: what a container runs against what its tag serves, proven by content.
//!
//! Comparing two digest strings is wrong on every runtime in some case: one content has many digests
//! (index, platform manifest, older indexes of the same image), and runtimes report any of them. So an
//! equal digest proves `fresh`, and an unequal one proves nothing until the contents were compared.
//!
//! [`judge`] climbs as far as the answers reach and then names the next questions. Each step costs more
//! than the one before, and most containers never leave the third.

mod evidence;
mod ground;
mod ladder;
mod node;
mod pinned;
#[cfg(test)]
mod tests;

pub use ground::{Ground, PinnedTag};
pub(super) use node::is_named;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use self::ladder::Ladder;
use super::diagnosis::{Content, Evidence, Verdict};
use super::inventory::{Answers, Question, Workload};
use super::workload::{Container, Listed, Pod};
use super::{Digest, Platform};

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// One of its containers.
    pub container: &'a Container,
    /// What its node is, where that may be read.
    pub platform: Option<&'a Platform>,
    /// The controllers above the pod that have a template to roll out, nearest first.
    pub controllers: &'a [Workload],
    /// Workloads whose templates were read before, by UID.
    pub listed: &'a HashMap<Arc<str>, Listed>,
    /// Pods of the same workload ask for different references, or its template asks for another one, as far as that was
    /// read before: a rollout is likely.
    pub references_differ: bool,
    /// The pod is the last run of something that runs again, and nothing else of it runs: what has ended stands for
    /// what the next run will start.
    pub last_run: bool,
    /// Now.
    pub now: Timestamp,
    /// Ask for dates, revisions and contents even where the verdict does not need them.
    pub thorough: bool,
}

/// How far the ladder got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These have to be answered before it goes on.
    Ask(Vec<Question>),
    /// Decided.
    Decided(Box<Judgement>),
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The word.
    pub verdict: Verdict,
    /// Which step decided.
    pub ground: Ground,
    /// What the tag serves, if it was asked and answered.
    pub served: Option<Digest>,
    /// What the served content tells of itself.
    pub served_content: Option<Content>,
    /// What the running content tells of itself.
    pub running_content: Option<Content>,
    /// What the running content is for: two contents for one platform differ, two for different ones need not.
    pub running_platform: Option<Platform>,
    /// The tag beside a digest names other content by now.
    pub tag_moved: bool,
    /// The reference that was judged, where it is not the container's: the template has no digest, and something added
    /// one on the pod's way.
    pub asked: Option<Arc<str>>,
    /// Why a node that does not hold the image cannot start it.
    pub next_start_fails: Option<String>,
    /// Everything that was asked, in order.
    pub evidence: Vec<Evidence>,
}

impl Judgement {
    /// `unknown`, for a reason that is no answer's.
    #[must_use]
    pub fn undecided(why: &str) -> Self {
        Self {
            verdict: Verdict::Unknown,
            ground: Ground::Undecidable(why.to_owned()),
            served: None,
            served_content: None,
            running_content: None,
            running_platform: None,
            tag_moved: false,
            asked: None,
            next_start_fails: None,
            evidence: Vec::new(),
        }
    }
}

/// Judges one container with the answers at hand.
#[must_use]
pub fn judge(subject: &Subject<'_>, answers: &Answers) -> Step {
    let mut ladder = Ladder {
        subject,
        answers,
        served: None,
        contents: (None, None),
        running_platform: None,
        tag_moved: false,
        asked: None,
        next_start_fails: None,
        evidence: Vec::new(),
    };
    match ladder.climb() {
        Err(questions) => Step::Ask(questions),
        Ok((verdict, ground)) => {
            let (served_content, running_content) = ladder.contents;
            Step::Decided(Box::new(Judgement {
                verdict,
                ground,
                served: ladder.served,
                served_content,
                running_content,
                running_platform: ladder.running_platform,
                tag_moved: ladder.tag_moved,
                asked: ladder.asked,
                next_start_fails: ladder.next_start_fails,
                evidence: ladder.evidence,
            }))
        }
    }
}

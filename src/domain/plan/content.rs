//! Which content a place of a template is to get, and which it has now.

use std::collections::BTreeMap;

use crate::domain::Digest;
use crate::domain::Reference;
use crate::domain::diagnosis::{Group, Item, Verdict};
use crate::domain::plan::ContentOf;
use crate::domain::running::Running;
use crate::domain::workload::Role;

/// What some pods run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The digest of an index or manifest; `None` where the runtime tells none.
    pub digest: Option<Digest>,
    /// By how many pods.
    pub pods: usize,
}

/// What a repository says of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It has it: an index of images.
    Index,
    /// It has it: one platform's image.
    Image,
    /// It does not have it.
    Absent,
    /// It did not say; why.
    Unknown(String),
}

/// What a repository says of the digests that were asked for.
pub type Presences = BTreeMap<Digest, Presence>;

/// What the pods of a row run, each content once, the one of most pods first; among equals the most worrying one.
#[must_use]
pub fn runs(item: &Item) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let ran = |group: &&Group| group.verdict == Verdict::Ended && !group.image_id.is_empty();
    let runs_now = |group: &&Group| !matches!(group.verdict, Verdict::Waiting | Verdict::Ended);
    // What has ended counts where that is the nature of it, or where nothing else is left.
    let counts_ended = item.container.role == Role::Init || !item.running.iter().any(|group| runs_now(&group));
    for group in item.running.iter().filter(|group| runs_now(group) || (counts_ended && ran(group))) {
        let digest = match group.verdict {
            // The same content under the name by which everybody gets it: the runtime may name one platform of it.
            Verdict::Fresh | Verdict::Rewrapped if group.image == item.image => {
                item.served_digest.clone().or_else(|| group.digest.clone())
            }
            _ => match Running::parse(&group.image_id) {
                Running::Manifest { digest, .. } | Running::Imported { digest } => Some(digest),
                Running::Absent | Running::Config { .. } | Running::Malformed => None,
            },
        };
        match runs.iter_mut().find(|run| run.digest == digest) {
            Some(run) => run.pods += group.pods.len(),
            None => runs.push(Run { digest, pods: group.pods.len() }),
        }
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.pods));
    runs
}

/// The content that is meant: a digest that the reference's own repository has.
///
/// # Errors
/// Why it cannot be told, in one sentence.
pub fn wanted(
    content: ContentOf,
    served: &Result<Digest, String>,
    runs: &[Run],
    presences: &Presences,
) -> Result<Digest, String> {
    match content {
        ContentOf::Served => served.clone(),
        ContentOf::Running => match runs {
            [] => Err("no pod runs, so there is no running content to name".to_owned()),
            [Run { digest: None, .. }] => {
                Err("the runtime tells no digest of what runs that a registry could be asked for".to_owned())
            }
            [Run { digest: Some(digest), .. }] => match presences.get(digest) {
                Some(Presence::Index | Presence::Image) => Ok(digest.clone()),
                Some(Presence::Absent) => Err("what runs is not in the repository any more".to_owned()),
                Some(Presence::Unknown(why)) => {
                    Err(format!("whether the repository still has what runs is not known: {why}"))
                }
                None => Err("whether the repository still has what runs was not asked".to_owned()),
            },
            several => {
                Err(format!("its pods run {} different contents, and which one is meant cannot be told", several.len()))
            }
        },
    }
}

/// A reference to exactly what ran before, by digest: the tag may mean something else by then.
///
/// # Errors
/// Why there is none, in one sentence.
pub fn way_back(reference: &Reference, runs: &[Run], presences: &Presences) -> Result<String, String> {
    if reference.digest().is_some() {
        return Ok(reference.original().to_owned());
    }
    match runs.first() {
        None => Err("no pod runs, so there is nothing to go back to".to_owned()),
        Some(Run { digest: None, .. }) => Err("the runtime tells no digest of what runs now".to_owned()),
        Some(Run { digest: Some(digest), .. }) => match presences.get(digest) {
            Some(Presence::Absent) => Err("what runs now is not in the repository any more".to_owned()),
            _ => Ok(reference.with_digest(digest)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ui::samples;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
    }

    fn item(groups: &[(Verdict, String, usize)]) -> Item {
        let mut item = samples::story().items.remove(0);
        let group = item.running[0].clone();
        item.served_digest = Some(digest('5'));
        item.running = groups
            .iter()
            .map(|(verdict, image_id, pods)| Group {
                verdict: *verdict,
                image: Arc::clone(&item.image),
                image_id: image_id.as_str().into(),
                digest: Running::parse(image_id).digest().cloned(),
                pods: (0..*pods).map(|number| format!("p{number}").into()).collect(),
                ..group.clone()
            })
            .collect();
        item
    }

    fn of(letter: char) -> String {
        format!("reg.example.com/app@{}", digest(letter))
    }

    #[test]
    fn the_content_of_most_pods_comes_first_and_fresh_ones_count_as_what_is_served() {
        let row = item(&[
            (Verdict::Stale, of('a'), 1),
            (Verdict::Fresh, of('b'), 2),
            (Verdict::Rewrapped, of('c'), 1),
            (Verdict::Waiting, String::new(), 4),
        ]);
        let run = |digest, pods| Run { digest, pods };
        assert_eq!(runs(&row), [run(Some(digest('5')), 3), run(Some(digest('a')), 1)]);
        let tie = item(&[(Verdict::Stale, of('a'), 2), (Verdict::Fresh, of('5'), 2)]);
        assert_eq!(runs(&tie)[0].digest, Some(digest('a')));
        let mut init = item(&[(Verdict::Ended, of('a'), 2), (Verdict::Waiting, String::new(), 1)]);
        init.container.role = Role::Init;
        assert_eq!(runs(&init), [run(Some(digest('a')), 2)], "what ended well can be gone back to");
        let config = item(&[(Verdict::Local, digest('a').to_string(), 1)]);
        assert_eq!(runs(&config), [run(None, 1)]);
    }

    #[test]
    fn running_content_has_to_be_one_and_in_the_repository() {
        let served = Ok(digest('5'));
        let one = [Run { digest: Some(digest('a')), pods: 1 }];
        let presences = |presence| Presences::from([(digest('a'), presence)]);
        assert_eq!(wanted(ContentOf::Served, &served, &[], &Presences::new()), Ok(digest('5')));
        assert_eq!(wanted(ContentOf::Running, &served, &one, &presences(Presence::Index)), Ok(digest('a')));
        assert_eq!(wanted(ContentOf::Running, &served, &one, &presences(Presence::Image)), Ok(digest('a')));
        let two = [one[0].clone(), Run { digest: Some(digest('b')), pods: 1 }];
        for (runs, presence, word) in [
            (&one[..], Presence::Absent, "any more"),
            (&one, Presence::Unknown("asleep".to_owned()), "asleep"),
            (&[], Presence::Index, "no pod runs"),
            (&[Run { digest: None, pods: 1 }], Presence::Index, "tells no digest"),
            (&two, Presence::Index, "2 different contents"),
        ] {
            let why = wanted(ContentOf::Running, &served, runs, &presences(presence)).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn the_way_back_names_the_digest_and_keeps_a_pinned_reference() {
        let tagged: Reference = "app:1.0".parse().unwrap();
        let runs = [Run { digest: Some(digest('a')), pods: 1 }];
        let presences = |presence| Presences::from([(digest('a'), presence)]);
        let expected = format!("app:1.0@{}", digest('a'));
        assert_eq!(way_back(&tagged, &runs, &presences(Presence::Image)), Ok(expected.clone()));
        // Whoever goes back is told then if it is gone.
        assert_eq!(way_back(&tagged, &runs, &presences(Presence::Unknown("x".to_owned()))), Ok(expected.clone()));
        assert!(way_back(&tagged, &runs, &presences(Presence::Absent)).is_err());
        assert!(way_back(&tagged, &[Run { digest: None, pods: 1 }], &Presences::new()).is_err());
        assert!(way_back(&tagged, &[], &Presences::new()).is_err());
        let pinned: Reference = expected.parse().unwrap();
        assert_eq!(way_back(&pinned, &[], &Presences::new()), Ok(expected));
    }
}

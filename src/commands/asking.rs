//! Questions on their way, and the answers so far.
//!
//! Every question is sent once, at once; the edges behind it limit what a host gets at a time and share
//! what several namespaces ask alike.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::domain::inquiry::Inquiry;
use crate::domain::inventory::{Answers, Object, Question, Tag, Workload};
use crate::domain::remote::{Failure, ImageConfig, Manifest, Served};
use crate::domain::workload::{NodeStore, WorkloadState};
use crate::registry::Registries;

/// Judging again is cheap but not free: with thousands of answers coming in one by one, they are taken
/// in by the handful.
const PAUSE_BETWEEN_ROUNDS: Duration = Duration::from_millis(20);

/// Asks on behalf of an inquiry.
pub(super) struct Asking {
    cluster: Cluster,
    registries: Registries,
    asked: HashSet<Question>,
    tasks: JoinSet<Answer>,
    answers: Answers,
}

enum Answer {
    Served(Tag, Result<Served, Failure>),
    Manifest(Object, Result<Manifest, Failure>),
    Config(Object, Result<ImageConfig, Failure>),
    Present(Object, Result<(), Failure>),
    NodeStore(std::sync::Arc<str>, Result<NodeStore, String>),
    Workload(Workload, Result<WorkloadState, String>),
}

impl Asking {
    pub(super) fn new(cluster: Cluster, registries: Registries) -> Self {
        Self::knowing(cluster, registries, Answers::default())
    }

    /// Some answers are known beforehand.
    pub(super) fn knowing(cluster: Cluster, registries: Registries, answers: Answers) -> Self {
        Self { cluster, registries, asked: HashSet::new(), tasks: JoinSet::new(), answers }
    }

    /// Sends a question unless it was sent before.
    pub(super) fn ask(&mut self, question: Question) {
        if self.asked.contains(&question) {
            return;
        }
        self.asked.insert(question.clone());
        let (cluster, registries) = (self.cluster.clone(), self.registries.clone());
        self.tasks.spawn(async move {
            match question {
                Question::Served(tag) => {
                    let answer = registries.served(&tag).await;
                    Answer::Served(tag, answer)
                }
                Question::Manifest(object) => {
                    let answer = registries.manifest(&object).await;
                    Answer::Manifest(object, answer)
                }
                Question::Config(object) => {
                    let answer = registries.config(&object).await;
                    Answer::Config(object, answer)
                }
                Question::Present(object) => {
                    let answer = registries.present(&object).await;
                    Answer::Present(object, answer)
                }
                Question::NodeStore(node) => {
                    let answer = cluster.node_store(&node).await;
                    Answer::NodeStore(node, answer)
                }
                Question::Workload(workload) => {
                    let answer = cluster.workload_and_events(&workload).await;
                    Answer::Workload(workload, answer)
                }
            }
        });
    }

    /// Asks until everything is decided. `progress` gets the numbers of answers and of questions.
    pub(super) async fn settle(&mut self, inquiry: &mut Inquiry<'_>, progress: impl Fn(usize, usize)) {
        loop {
            for question in inquiry.advance(&self.answers) {
                self.ask(question);
            }
            progress(self.asked.len() - self.tasks.len(), self.asked.len());
            if self.tasks.is_empty() {
                return;
            }
            // One slow registry must not hold up the next questions to the others, so a round ends after a
            // short while; it does not end before something has come in.
            let round = Instant::now();
            while let Some(done) = self.tasks.join_next().await {
                self.take(done);
                while let Some(done) = self.tasks.try_join_next() {
                    self.take(done);
                }
                if round.elapsed() >= PAUSE_BETWEEN_ROUNDS {
                    break;
                }
            }
        }
    }

    /// Asks, waits for everything that is under way, and gives the answers.
    pub(super) async fn answers(&mut self, questions: impl IntoIterator<Item = Question>) -> &Answers {
        for question in questions {
            self.ask(question);
        }
        while let Some(done) = self.tasks.join_next().await {
            self.take(done);
        }
        &self.answers
    }

    /// What was answered so far.
    pub(super) fn known(&self) -> &Answers {
        &self.answers
    }

    fn take(&mut self, done: Result<Answer, tokio::task::JoinError>) {
        match done {
            Ok(Answer::Served(key, answer)) => {
                self.answers.served.insert(key, answer);
            }
            Ok(Answer::Manifest(key, answer)) => {
                self.answers.manifests.insert(key, answer);
            }
            Ok(Answer::Config(key, answer)) => {
                self.answers.configs.insert(key, answer);
            }
            Ok(Answer::Present(key, answer)) => {
                self.answers.presences.insert(key, answer);
            }
            Ok(Answer::NodeStore(key, answer)) => {
                self.answers.node_stores.insert(key, answer);
            }
            Ok(Answer::Workload(key, answer)) => {
                self.answers.workloads.insert(key, answer);
            }
            // Tasks are never cancelled while somebody waits for them, so this is a bug of ours: let it be
            // seen as one.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

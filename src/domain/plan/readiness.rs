//! Can the nodes start what is planned? A tag is written and pods are replaced only where they can: an index without an
//! image for the node's platform, or one whose image is gone, would end in pods that never start.

use std::sync::Arc;

use super::Target;
use crate::domain::content;
use crate::domain::inquiry::is_live;
use crate::domain::inventory::{Answers, Object, Question};
use crate::domain::reference::Reference;
use crate::domain::remote::{Failure, Manifest};
use crate::domain::verification::belongs;
use crate::domain::workload::{Access, Snapshot};
use crate::domain::{Digest, Platform, Repository};

/// Where the pods of a target are to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nodes {
    /// On nodes of each of these platforms, as its pods do now.
    Each(Vec<Platform>),
    /// On some of these: it has no pods that would tell.
    Some(Vec<Platform>),
}

/// The platforms of the nodes that run a target's pods; of all nodes, where it has none. Both are empty where nodes may
/// not be read.
#[must_use]
pub fn nodes(snapshot: &Snapshot, target: &Target) -> Nodes {
    let ours = snapshot.pods.iter().filter(|pod| is_live(pod) && belongs(pod, &snapshot.owners, target));
    let mut platforms: Vec<Platform> = ours.filter_map(|pod| snapshot.nodes.get(pod.node.as_ref()?)).cloned().collect();
    let none = platforms.is_empty();
    if none {
        platforms.extend(snapshot.nodes.values().cloned());
    }
    platforms.sort_by_key(ToString::to_string);
    platforms.dedup();
    if none { Nodes::Some(platforms) } else { Nodes::Each(platforms) }
}

/// What a target's new content lacks to be started; `None`: nothing that could be seen.
///
/// # Errors
/// What has to be asked first.
pub fn lacks(
    target: &Target,
    nodes: &Nodes,
    answers: &Answers,
    access: &Arc<Access>,
) -> Result<Option<String>, Vec<Question>> {
    let mut questions = Vec::new();
    for change in target.changes.iter().filter(|change| !change.done) {
        let Ok(reference) = change.new_image.parse::<Reference>() else { continue };
        match content_lacks(reference.repository(), &change.digest, nodes, answers, access) {
            Ok(None) => {}
            Ok(Some(why)) => return Ok(Some(format!("container {} could not start: {why}", change.container.name))),
            Err(more) => questions.extend(more),
        }
    }
    if questions.is_empty() { Ok(None) } else { Err(questions) }
}

fn content_lacks(
    repository: &Repository,
    digest: &Digest,
    nodes: &Nodes,
    answers: &Answers,
    access: &Arc<Access>,
) -> Result<Option<String>, Vec<Question>> {
    let object = Object { repository: repository.clone(), digest: digest.clone(), access: Arc::clone(access) };
    let children = match answers.manifests.get(&object) {
        None => return Err(vec![Question::Manifest(object)]),
        Some(Ok(Manifest::Index { children, .. })) => children,
        Some(Err(Failure::NotFound)) => {
            return Ok(Some(format!("registry `{}` does not have {}", repository.registry, digest.short(12))));
        }
        // A registry that gives no answer is told where the content was looked for.
        Some(Ok(_) | Err(_)) => return Ok(None),
    };
    let (platforms, each) = match nodes {
        Nodes::Each(platforms) => (platforms, true),
        Nodes::Some(platforms) => (platforms, false),
    };
    let mut lacking = Vec::new();
    let mut questions = Vec::new();
    for platform in platforms {
        match content::lacks(repository, children, platform, answers, access) {
            Ok(None) if !each => return Ok(None),
            Ok(None) => {}
            Ok(Some(why)) => lacking.push(why),
            Err(more) => questions.extend(more),
        }
    }
    if !questions.is_empty() {
        return Err(questions);
    }
    Ok((!lacking.is_empty()).then(|| lacking.join("; ")))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::domain::diagnosis::ContainerName;
    use crate::domain::plan::Change;
    use crate::domain::plan::assemble::{self, Around, Author};
    use crate::domain::remote::{Child, Provenance};
    use crate::domain::template::Definition;
    use crate::domain::workload::Role;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
    }

    fn target() -> Target {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "reg.example.com/app:1.0"}]}}},
        });
        let definition = Arc::new(Definition::read(object).unwrap());
        let slot = definition.slots[0].clone();
        let change = Change {
            container: ContainerName { name: "app".into(), role: Role::Container },
            verdict: None,
            image: slot.image.clone(),
            pod_image: None,
            running: Vec::new(),
            served_digest: None,
            new_image: "reg.example.com/app:1.1".to_owned(),
            digest: digest('5'),
            pull_policy: None,
            done: false,
            given: false,
            back: None,
            no_way_back: None,
            warnings: Vec::new(),
            slot,
        };
        let around = Around {
            definition: &definition,
            managers: &[],
            pods: 1,
            cause: "bump",
            author: &Author::default(),
            last_is_proven: false,
            now: Timestamp::UNIX_EPOCH,
        };
        assemble::target(&around, vec![change])
    }

    fn amd64() -> Platform {
        Platform::new("linux", "amd64")
    }

    fn arm64() -> Platform {
        Platform::new("linux", "arm64")
    }

    /// What is lacking when the registry has an index of these, and of their manifests only those in `there`.
    fn lacking(children: &[(char, Platform)], there: &[char], nodes: &Nodes) -> Option<String> {
        let child = |(letter, platform): &(char, Platform)| Child {
            digest: digest(*letter),
            platform: Some(platform.clone()),
            attestation: false,
        };
        let index =
            Manifest::Index { children: children.iter().map(child).collect(), provenance: Provenance::default() };
        let access = Arc::default();
        let mut answers = Answers::default();
        for _ in 0..4 {
            match lacks(&target(), nodes, &answers, &access) {
                Ok(lacking) => return lacking,
                Err(questions) => {
                    for question in questions {
                        match question {
                            Question::Manifest(object) => {
                                answers.manifests.insert(object, Ok(index.clone()));
                            }
                            Question::Present(object) => {
                                let has = there.iter().any(|letter| digest(*letter) == object.digest);
                                answers.presences.insert(object, if has { Ok(()) } else { Err(Failure::NotFound) });
                            }
                            other => panic!("asks {other:?}"),
                        }
                    }
                }
            }
        }
        panic!("it asks for ever");
    }

    #[test]
    fn every_platform_of_the_nodes_that_run_it_has_to_be_there() {
        let both = [('a', amd64()), ('b', arm64())];
        let each = |platforms: &[Platform]| Nodes::Each(platforms.to_vec());
        for (children, there, nodes, expected) in [
            (&both[..], &['a', 'b'][..], each(&[amd64(), arm64()]), None),
            (&both, &['a'], each(&[amd64()]), None),
            (&both, &['a'], each(&[amd64(), arm64()]), Some("for linux/arm64")),
            (&both[1..], &['b'], each(&[amd64()]), Some("has no image for linux/amd64")),
            (&both[1..], &['b'], Nodes::Some(vec![amd64(), arm64()]), None),
            (&both[1..], &['b'], Nodes::Some(vec![amd64()]), Some("has no image for linux/amd64")),
            (&both[1..], &['b'], each(&[]), None),
        ] {
            let found = lacking(children, there, &nodes);
            match expected {
                None => assert_eq!(found, None, "{nodes:?}"),
                Some(words) => {
                    assert!(found.as_deref().is_some_and(|found| found.contains(words)), "{nodes:?} {found:?}")
                }
            }
        }
    }

    #[test]
    fn content_that_the_registry_lacks_cannot_be_started() {
        let mut answers = Answers::default();
        let repository = Repository::parse("reg.example.com/app").unwrap();
        let access: Arc<Access> = Arc::default();
        let object = Object { repository, digest: digest('5'), access: Arc::clone(&access) };
        answers.manifests.insert(object, Err(Failure::NotFound));
        let found = lacks(&target(), &Nodes::Each(vec![amd64()]), &answers, &access).unwrap();
        assert!(found.is_some_and(|found| found.contains("does not have")));
    }
}

//! Do two manifests stand for the same content on a node's platform?
//!
//! The identity of content is the config digest of one platform's image. An index is only a wrapping:
//! its digest changes with every annotation and attestation, and runtimes report whichever of several
//! wrappings they like. So two manifests are compared by the configs that a given node would run.

use std::sync::Arc;

use super::inventory::{Answers, Object, Question};
use super::remote::{Child, Failure, ImageConfig, Manifest, Provenance};
use super::workload::Access;
use super::{Digest, Platform, Repository};

/// A manifest that was fetched, and where from: its children are in the same repository.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// Its repository.
    pub repository: &'a Repository,
    /// Its digest.
    pub digest: &'a Digest,
    /// What it holds.
    pub manifest: &'a Manifest,
}

/// Indexes of more images are not compared: nobody builds for so many platforms, and each image is a request.
const MOST_IMAGES: usize = 100;

/// An index with more images for one platform is nothing that a build makes, and each is a request.
const MOST_CHOICES: usize = 8;

/// Which of an index's images are compared.
#[derive(Clone, Copy)]
enum Among<'a> {
    /// Those that a runtime there would choose among; `None`: all.
    Chosen(Option<&'a Platform>),
    /// Whatever can run there, preferred or not.
    Fitting(&'a Platform),
}

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Both stand for one content.
    Same,
    /// They stand for different contents.
    Different,
    /// These have to be answered first.
    Ask(Vec<Question>),
    /// It cannot be told, and why.
    Undecidable(String),
    /// A child could not be fetched.
    Failed(Failure, Repository),
}

/// One image of a manifest: the platform it is for, and its config if that is known yet.
struct Candidate<'a> {
    platform: Option<&'a Platform>,
    /// The child's own digest; the manifest's where there are no children.
    digest: &'a Digest,
    repository: &'a Repository,
    config: Option<&'a Digest>,
}

/// The runnable children of an index: attestations describe others and never run.
pub fn runnable(children: &[Child]) -> impl Iterator<Item = &Child> {
    children.iter().filter(|child| !child.attestation)
}

/// The children that a runtime on `node` would choose among.
///
/// Runtimes take the default variant of amd64 and arm64 if there is one; for 32-bit arm the node's own
/// variant decides, which nothing in the API tells, so that several children may be left.
#[must_use]
pub fn choices<'a>(children: &'a [Child], node: Option<&Platform>) -> Vec<&'a Child> {
    let Some(node) = node else { return runnable(children).collect() };
    let fitting: Vec<&Child> = runnable(children).filter(|child| may_run(child, node)).collect();
    let exact = |child: &&Child| {
        child.platform.as_ref().is_some_and(|platform| platform.normal_variant() == node.normal_variant())
    };
    let preferred: Vec<&Child> = fitting.iter().copied().filter(exact).collect();
    match (preferred.is_empty(), fitting.is_empty()) {
        (false, _) => preferred,
        (true, false) => fitting,
        // Nothing fits and yet it runs: runtimes fall back to related platforms (386 on amd64).
        (true, true) => runnable(children).collect(),
    }
}

/// What an index lacks for a node of this platform to start its image: an image for the platform, or that image itself.
/// `None`: nothing.
///
/// # Errors
/// What has to be asked first: whether the registry has the image.
pub fn lacks(
    repository: &Repository,
    children: &[Child],
    node: &Platform,
    answers: &Answers,
    access: &Arc<Access>,
) -> Result<Option<String>, Vec<Question>> {
    let fitting = runnable(children).any(|child| may_run(child, node));
    if !fitting {
        // Runtimes fall back to related platforms, which is for them to know.
        let related = node.os == "linux" && node.architecture == "amd64";
        let has_related = runnable(children)
            .any(|child| child.platform.as_ref().is_some_and(|platform| related && platform.architecture == "386"));
        return Ok((!has_related).then(|| format!("the index has no image for {node}")));
    }
    let choices = choices(children, Some(node));
    if choices.len() > MOST_CHOICES {
        return Ok(None);
    }
    let mut missing = None;
    let mut questions = Vec::new();
    for child in choices {
        let object = with((repository.clone(), child.digest.clone()), access);
        let gone = match (answers.manifests.get(&object), answers.presences.get(&object)) {
            (Some(answer), _) => matches!(answer, Err(Failure::NotFound)),
            (None, Some(answer)) => matches!(answer, Err(Failure::NotFound)),
            (None, None) => {
                questions.push(Question::Present(object));
                continue;
            }
        };
        match gone {
            true => missing = Some(format!("the index's image for {node}, {}, is gone", child.digest.short(12))),
            // One of several that the node may choose among is there.
            false => return Ok(None),
        }
    }
    if questions.is_empty() { Ok(missing) } else { Err(questions) }
}

fn may_run(child: &Child, node: &Platform) -> bool {
    child.platform.as_ref().is_none_or(|platform| platform.fits(node))
}

/// Compares what runs with what is served, for a node of this platform (`None`: not known).
#[must_use]
pub fn compare(
    running: Fetched<'_>,
    served: Fetched<'_>,
    node: Option<&Platform>,
    answers: &Answers,
    access: &Arc<Access>,
) -> Comparison {
    if running.digest == served.digest {
        return Comparison::Same;
    }
    for side in [running, served] {
        if let Manifest::Incomparable(what) = side.manifest {
            return Comparison::Undecidable(format!("{what} has no config digest to compare"));
        }
    }
    let outcome = compare_among(running, served, Among::Chosen(node), answers, access);
    let (Comparison::Different, Manifest::Image { config, .. }, Manifest::Index { .. }, Some(node)) =
        (&outcome, running.manifest, served.manifest, node)
    else {
        return outcome;
    };
    // A single image may be for another platform than the node's (loaded by hand and emulated). Its config
    // tells; it is wanted for the explanation anyway.
    let object = with((running.repository.clone(), config.clone()), access);
    match answers.configs.get(&object) {
        None => Comparison::Ask(vec![Question::Config(object)]),
        Some(Ok(ImageConfig { platform: Some(platform), .. })) if platform.fits(node) => {
            compare_among(running, served, Among::Fitting(node), answers, access)
        }
        Some(Ok(ImageConfig { platform: Some(platform), .. })) => {
            compare_among(running, served, Among::Chosen(Some(platform)), answers, access)
        }
        // It does not tell, or cannot be read: then it must not be equal to any of them.
        Some(_) => compare_among(running, served, Among::Chosen(None), answers, access),
    }
}

fn compare_among(
    running: Fetched<'_>,
    served: Fetched<'_>,
    among: Among<'_>,
    answers: &Answers,
    access: &Arc<Access>,
) -> Comparison {
    let ours = match candidates(running, among, answers, access) {
        Ok(candidates) => candidates,
        Err(comparison) => return comparison,
    };
    let theirs = match candidates(served, among, answers, access) {
        Ok(candidates) => candidates,
        Err(comparison) => return comparison,
    };
    if theirs.is_empty() {
        return nothing_served();
    }
    match matches(&ours, &theirs) {
        Ok((_, 0)) => Comparison::Undecidable("the index that runs has no image in it".to_owned()),
        Ok((same, total)) if same == total => Comparison::Same,
        Ok((0, _)) => Comparison::Different,
        Ok(_) => Comparison::Undecidable(
            "only some of its platforms have changed, and which of them the node runs is not known".to_owned(),
        ),
        Err(missing) => {
            Comparison::Ask(missing.into_iter().map(|object| Question::Manifest(with(object, access))).collect())
        }
    }
}

/// An index of attestations alone, or of nothing: no content to run, and so none to differ from.
fn nothing_served() -> Comparison {
    Comparison::Undecidable("the index that the tag serves has no image in it".to_owned())
}

fn with(object: (Repository, Digest), access: &Arc<Access>) -> Object {
    Object { repository: object.0, digest: object.1, access: Arc::clone(access) }
}

/// How many of `ours` have their content among `theirs` on the same platform, or what must be fetched to
/// know.
fn matches(ours: &[Candidate<'_>], theirs: &[Candidate<'_>]) -> Result<(usize, usize), Vec<(Repository, Digest)>> {
    let mut missing = Vec::new();
    let mut same = 0;
    for our in ours {
        let counterparts: Vec<&Candidate<'_>> = theirs.iter().filter(|their| could_be(our, their)).collect();
        if counterparts.iter().any(|their| their.digest == our.digest) {
            same += 1;
            continue;
        }
        let unknown: Vec<&Candidate<'_>> =
            counterparts.iter().copied().chain([our]).filter(|candidate| candidate.config.is_none()).collect();
        if !counterparts.is_empty() && !unknown.is_empty() {
            missing.extend(unknown.iter().map(|candidate| (candidate.repository.clone(), candidate.digest.clone())));
        } else if counterparts.iter().any(|their| their.config == our.config) {
            same += 1;
        }
    }
    missing.sort();
    missing.dedup();
    if missing.is_empty() { Ok((same, ours.len())) } else { Err(missing) }
}

/// Whether both can be the same content as far as their platforms tell. Nothing told fits everything.
fn could_be(our: &Candidate<'_>, their: &Candidate<'_>) -> bool {
    let (Some(our), Some(their)) = (our.platform, their.platform) else { return true };
    // Many an index leaves the variant of 32-bit arm out.
    let variant_fits = match (our.normal_variant(), their.normal_variant()) {
        (None, _) | (_, None) if our.architecture == "arm" => true,
        (our, their) => our == their,
    };
    our.os == their.os && our.architecture == their.architecture && variant_fits
}

/// The images of a manifest that may be what runs. Children that were fetched already
/// have their config; one that failed ends the comparison, for it might be the equal one.
fn candidates<'a>(
    fetched: Fetched<'a>,
    among: Among<'_>,
    answers: &'a Answers,
    access: &Arc<Access>,
) -> Result<Vec<Candidate<'a>>, Comparison> {
    let children = match fetched.manifest {
        Manifest::Image { config, .. } => {
            return Ok(vec![Candidate {
                platform: None,
                digest: fetched.digest,
                repository: fetched.repository,
                config: Some(config),
            }]);
        }
        Manifest::Incomparable(what) => return Err(Comparison::Undecidable(what.clone())),
        Manifest::Index { children, .. } => match among {
            Among::Chosen(node) => choices(children, node),
            Among::Fitting(node) => runnable(children).filter(|child| may_run(child, node)).collect(),
        },
    };
    if children.len() > MOST_IMAGES {
        return Err(Comparison::Undecidable(format!("an index of {} images is not compared", children.len())));
    }
    children
        .into_iter()
        .map(|child| {
            let object = with((fetched.repository.clone(), child.digest.clone()), access);
            let config = match answers.manifests.get(&object) {
                None => None,
                Some(Ok(Manifest::Image { config, .. })) => Some(config),
                Some(Ok(Manifest::Index { .. })) => {
                    return Err(Comparison::Undecidable("the index holds another index".to_owned()));
                }
                Some(Ok(Manifest::Incomparable(what))) => return Err(Comparison::Undecidable(what.clone())),
                Some(Err(failure)) => return Err(Comparison::Failed(failure.clone(), fetched.repository.clone())),
            };
            Ok(Candidate {
                platform: child.platform.as_ref(),
                digest: &child.digest,
                repository: fetched.repository,
                config,
            })
        })
        .collect()
}

/// Looks for a config digest among the images of what is served.
#[must_use]
pub fn contains_config(
    config: &Digest,
    served: Fetched<'_>,
    node: Option<&Platform>,
    answers: &Answers,
    access: &Arc<Access>,
) -> Comparison {
    if let Manifest::Incomparable(what) = served.manifest {
        return Comparison::Undecidable(format!("{what} has no config digest to compare"));
    }
    // The node's own platform first: in the ordinary case that is one GET. If it does not match, the config
    // that runs tells (it is wanted for the explanation anyway) whether the others have to follow: a node may
    // run a platform that is not its own.
    let mut steps = vec![Among::Chosen(node)];
    if let Some(node) = node {
        steps.push(Among::Fitting(node));
        steps.push(Among::Chosen(None));
    }
    for among in steps {
        if let (Among::Fitting(node), Manifest::Index { .. }) = (among, served.manifest) {
            let object = with((served.repository.clone(), config.clone()), access);
            match answers.configs.get(&object) {
                None => return Comparison::Ask(vec![Question::Config(object)]),
                Some(Ok(ImageConfig { platform: Some(platform), .. })) if platform.fits(node) => {}
                Some(_) => continue,
            }
        }
        let candidates = match candidates(served, among, answers, access) {
            Ok(candidates) => candidates,
            Err(comparison) => return comparison,
        };
        if candidates.is_empty() && matches!(among, Among::Chosen(_)) {
            return nothing_served();
        }
        if candidates.iter().any(|candidate| candidate.config == Some(config)) {
            return Comparison::Same;
        }
        let unknown: Vec<Question> = candidates
            .iter()
            .filter(|candidate| candidate.config.is_none())
            .map(|candidate| Question::Manifest(with((candidate.repository.clone(), candidate.digest.clone()), access)))
            .collect();
        if !unknown.is_empty() {
            return Comparison::Ask(unknown);
        }
        if matches!(among, Among::Fitting(_)) {
            break;
        }
    }
    Comparison::Different
}

/// The one image of a manifest that the node runs, if that can be told: its platform, config and
/// annotations. The questions are what has to be fetched first.
pub fn chosen<'a>(
    fetched: Fetched<'a>,
    node: Option<&Platform>,
    answers: &'a Answers,
    access: &Arc<Access>,
) -> Result<Option<Chosen<'a>>, Vec<Question>> {
    match fetched.manifest {
        Manifest::Image { config, provenance } => {
            Ok(Some(Chosen { index: false, platform: None, config, annotations: provenance, wrapping: None }))
        }
        Manifest::Incomparable(_) => Ok(None),
        Manifest::Index { children, provenance: wrapping } => {
            let choices = choices(children, node);
            let [child] = choices.as_slice() else { return Ok(None) };
            let object = with((fetched.repository.clone(), child.digest.clone()), access);
            match answers.manifests.get(&object) {
                None => Err(vec![Question::Manifest(object)]),
                Some(Ok(Manifest::Image { config, provenance })) => Ok(Some(Chosen {
                    index: true,
                    platform: child.platform.as_ref(),
                    config,
                    annotations: provenance,
                    wrapping: Some(wrapping),
                })),
                Some(_) => Ok(None),
            }
        }
    }
}

/// See [`chosen`].
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// It was one of an index.
    pub index: bool,
    /// What the index says that it is for.
    pub platform: Option<&'a Platform>,
    /// Its config digest.
    pub config: &'a Digest,
    /// Its manifest's annotations.
    pub annotations: &'a Provenance,
    /// The index's annotations.
    pub wrapping: Option<&'a Provenance>,
}

//! What decided a verdict, and the sentence that says so.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::remote::Failure;
use crate::domain::{Digest, Repository};

/// What decided a verdict. Each has its sentence in [`Ground::proof`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The reference cannot be parsed; the text says why.
    MalformedReference(String),
    /// The reference has a digest; the tag beside it, if any, was compared as far as possible.
    Pinned(PinnedTag),
    /// The tag beside the pod's digest serves other content, and the template that would say who added the digest cannot
    /// be read; why.
    PinnedByWhom(String),
    /// The pod is being deleted.
    Deleting,
    /// The container waits; reason and message.
    Waits(Arc<str>, Arc<str>),
    /// The container has ended; reason.
    Ended(Arc<str>),
    /// Nothing is reported yet.
    NotStarted,
    /// The template asks for another reference; the reference, and how the rollout stands.
    Rollout(Arc<str>, String),
    /// `imageID` is the digest that the tag serves.
    EqualDigest,
    /// `imageID` is a child of the index that the tag serves.
    ChildOfIndex,
    /// `imageID` is the config digest of what the tag serves.
    EqualConfig,
    /// The digest that runs holds the same content as the one that the tag serves; where it was found.
    SameContent(Repository),
    /// The node's inventory has both digests as names of one image.
    SameInInventory(Arc<str>),
    /// A digest that the node has for the same image still exists, and holds the same content.
    SameThroughSibling(Digest),
    /// The contents differ.
    DifferentContent,
    /// A digest that the node has for the same image still exists, and its content differs.
    DifferentThroughSibling(Digest),
    /// The config digest that runs belongs to no image that the tag serves.
    DifferentConfig,
    /// The config digest that runs belongs to no image that the tag serves, and the repository does not have it: no
    /// registry is known to have served what runs.
    NeverServed,
    /// What runs is in no registry any more.
    Gone,
    /// What runs is in no registry any more, and the node has not yet reported what it holds since the container started.
    NodeLags(Arc<str>),
    /// The next run asks the registry, so that what the last one ran tells nothing of it.
    NextRunPulls,
    /// The reference names no registry, and which one the runtime took it from could not be found out.
    ShortName(Repository),
    /// The image was put on the node; with what the registry said.
    PutOnNode(Option<(Failure, Repository)>),
    /// The registry has no such tag.
    NoSuchTag,
    /// A registry gave no usable answer.
    Registry(Failure, Repository),
    /// The cluster does not report what an image volume holds.
    VolumeNotReported,
    /// The `imageID` has a form that no runtime is known to write.
    UnknownForm,
    /// The contents cannot be compared; the text says why.
    Undecidable(String),
}

/// How the tag beside a digest stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinnedTag {
    /// There is none.
    None,
    /// It serves the pinned content.
    Same,
    /// It serves other content.
    Moved,
    /// It is not in the registry.
    Absent,
    /// It could not be compared; why.
    NotKnown(String),
}

impl Ground {
    /// What would help where a registry kept the verdict from being decided.
    #[must_use]
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Registry(failure, _) => failure.hint(),
            Self::NodeLags(_) => Some("ask again in a minute".into()),
            Self::ShortName(_) => Some("write the registry into the image reference".into()),
            _ => None,
        }
    }

    /// What decided, in one sentence.
    #[must_use]
    pub fn proof(&self) -> String {
        match self {
            Self::MalformedReference(why) => format!("the image reference cannot be parsed: {why}"),
            Self::Pinned(PinnedTag::None) => "the reference has a digest".to_owned(),
            Self::Pinned(PinnedTag::Same) => "the reference has a digest, and its tag serves that content".to_owned(),
            Self::Pinned(PinnedTag::Moved) => "the reference has a digest; its tag serves other content by now".to_owned(),
            Self::Pinned(PinnedTag::Absent) => "the reference has a digest; its tag is not in the registry".to_owned(),
            Self::Pinned(PinnedTag::NotKnown(why)) => {
                format!("the reference has a digest; where its tag points is not known: {why}")
            }
            Self::PinnedByWhom(why) => {
                format!("the pod's digest is not what its tag serves, and whether the template pins it is not known: {why}")
            }
            Self::Deleting => "the pod is being deleted".to_owned(),
            Self::Waits(reason, message) => match (reason.is_empty(), message.is_empty()) {
                (true, _) => "the container waits".to_owned(),
                (false, true) => format!("the container waits: {reason}"),
                (false, false) => format!("the container waits: {reason}: {message}"),
            },
            Self::Ended(reason) if reason.is_empty() => "the container has ended".to_owned(),
            Self::Ended(reason) => format!("the container has ended: {reason}"),
            Self::NotStarted => "the container has not started yet".to_owned(),
            Self::Rollout(image, how) => format!("the template asks for `{image}` already; {how}"),
            Self::EqualDigest => "the running digest is the one that the tag serves".to_owned(),
            Self::ChildOfIndex => "the running digest is a child of the index that the tag serves".to_owned(),
            Self::EqualConfig => "the running config digest is the one of the image that the tag serves".to_owned(),
            Self::SameContent(_) => {
                "the running digest differs, but it holds the same content (equal config digests)".to_owned()
            }
            Self::SameInInventory(node) => {
                format!("node {node} has the running digest and what the tag serves as names of one image")
            }
            Self::SameThroughSibling(digest) => {
                format!("the node has the same image as {}, which holds the content that the tag serves", digest.short(12))
            }
            Self::DifferentContent => "the contents differ (config digests)".to_owned(),
            Self::DifferentThroughSibling(digest) => {
                format!("the node has the same image as {}, whose content differs (config digests)", digest.short(12))
            }
            Self::DifferentConfig => "the running config digest belongs to no image that the tag serves".to_owned(),
            Self::NeverServed => "the running config digest belongs to no image that the tag serves, and the registry does not have it: most likely the tag was pushed again, or the image was loaded on the node".to_owned(),
            Self::Gone => "what runs is no longer in the registry, so its content can't be compared; most likely the tag was pushed again".to_owned(),
            Self::NodeLags(node) => {
                format!("what runs is no longer in the registry, and node {node} has not reported its images since the container started; ask again in a minute")
            }
            Self::NextRunPulls => "the last run has other content than the tag serves; the next one asks the registry".to_owned(),
            Self::ShortName(repository) => {
                format!("the reference names no registry, and whether the runtime took it from `{}` could not be found out", repository.registry)
            }
            Self::PutOnNode(None) => "the image was loaded on the node, and its content cannot be compared with what the tag serves".to_owned(),
            Self::PutOnNode(Some((failure, repository))) => {
                format!("the image was loaded on the node; registry `{}` {}", repository.registry, failure.clause())
            }
            Self::NoSuchTag => "the registry has no such tag".to_owned(),
            Self::Registry(failure, repository) => format!("registry `{}` {}", repository.registry, failure.clause()),
            Self::VolumeNotReported => {
                "the cluster does not report what an image volume holds (feature gate ImageVolumeWithDigest)".to_owned()
            }
            Self::UnknownForm => "the runtime reports an imageID of an unknown form".to_owned(),
            Self::Undecidable(why) => why.clone(),
        }
    }
}

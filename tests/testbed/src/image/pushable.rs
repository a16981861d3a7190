//! What an image and an index have in common: they can be pushed, imported and named.

use std::sync::Arc;

use super::{Image, Index, Layer, Platform, archive, digest_of};

/// A manifest's or an index's exact bytes with their media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The media type, also the `Content-Type` of the push.
    pub media_type: String,
    /// The bytes that are hashed.
    pub bytes: Vec<u8>,
}

impl Manifest {
    /// The digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(&self.bytes)
    }
}

/// A config or a layer.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The blob's digest.
    pub digest: String,
    /// The blob's bytes.
    pub bytes: Arc<Vec<u8>>,
}

impl Blob {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { digest: digest_of(&bytes), bytes: Arc::new(bytes) }
    }

    pub(crate) fn of_layer(layer: &Layer) -> Self {
        Self { digest: layer.digest().to_owned(), bytes: Arc::clone(layer.bytes()) }
    }
}

/// A child, none for an image that has no index around it, and the blobs to push before it.
pub(crate) type Part = (Option<Manifest>, Vec<Blob>);

/// An image or an index: whatever a tag can stand for.
#[derive(Debug, Clone)]
pub enum Pushable {
    /// A single-platform image.
    Image(Image),
    /// A multi-platform index.
    Index(Index),
}

impl From<Image> for Pushable {
    fn from(image: Image) -> Self {
        Self::Image(image)
    }
}

impl From<Index> for Pushable {
    fn from(index: Index) -> Self {
        Self::Index(index)
    }
}

impl From<&Image> for Pushable {
    fn from(image: &Image) -> Self {
        Self::Image(image.clone())
    }
}

impl From<&Index> for Pushable {
    fn from(index: &Index) -> Self {
        Self::Index(index.clone())
    }
}

impl Pushable {
    /// The digest that a tag serves after the push.
    #[must_use]
    pub fn digest(&self) -> String {
        self.manifest().digest()
    }

    /// The top-level manifest.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        self.parts().0
    }

    /// The platforms with their config digests, attestations left out.
    #[must_use]
    pub fn config_digests(&self) -> Vec<(Platform, String)> {
        self.images().iter().map(|image| (image.platform_of().clone(), image.config_digest())).collect()
    }

    /// The images for platforms.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        match self {
            Self::Image(image) => std::slice::from_ref(image),
            Self::Index(index) => index.images(),
        }
    }

    /// The top-level manifest, and in the order of pushing each child with its blobs. An image has no child: its
    /// blobs come as one nameless entry.
    pub(crate) fn parts(&self) -> (Manifest, Vec<Part>) {
        match self {
            Self::Image(image) => {
                let (manifest, blobs) = image.parts();
                (manifest, vec![(None, blobs)])
            }
            Self::Index(index) => {
                let (manifest, children) = index.parts();
                (manifest, children.into_iter().map(|(child, blobs)| (Some(child), blobs)).collect())
            }
        }
    }

    /// Every digest with a name that a reader of a test understands, such as `index:v1`, `manifest:v1` and
    /// `config:v1`; children for other platforms carry theirs.
    #[must_use]
    pub fn named_digests(&self) -> Vec<(String, String)> {
        let mut named = Vec::new();
        if let Self::Index(index) = self {
            named.push((index.digest(), format!("index:{}", index.name())));
        }
        for image in self.images() {
            let platform = image.platform_of();
            let suffix = if *platform == Platform::of_this_machine() { String::new() } else { format!(" {platform}") };
            named.push((image.digest(), format!("manifest:{}{suffix}", image.name())));
            named.push((image.config_digest(), format!("config:{}{suffix}", image.name())));
        }
        named
    }

    /// The tar of an OCI layout, as `ctr images import` and `docker load` read it, with the image's full `reference`.
    #[must_use]
    pub fn oci_archive(&self, reference: &str) -> Vec<u8> {
        archive::oci_archive(self, reference)
    }
}

//! A multi-platform index around images.

use serde_json::{Map, Value, json};

use super::pushable::{Blob, Manifest};
use super::{Image, Platform, Types, digest_of, to_bytes};

/// An OCI index or Docker manifest list. Its digest is what a multi-arch tag serves.
#[derive(Debug, Clone)]
pub struct Index {
    name: String,
    images: Vec<Image>,
    types: Types,
    annotations: Map<String, Value>,
    attestations: bool,
}

impl Index {
    /// An index whose children are `images`, in this order.
    #[must_use]
    pub fn new(images: impl IntoIterator<Item = Image>) -> Self {
        let images: Vec<Image> = images.into_iter().collect();
        let name = images.first().map_or_else(|| "nothing".to_owned(), |image| image.name().to_owned());
        Self { name, images, types: Types::Oci, annotations: Map::new(), attestations: false }
    }

    /// An annotation of the index: changes its digest and nothing else, as a build's provenance does.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), json!(value));
        self
    }

    /// Adds for each image what BuildKit adds: a child of platform `unknown/unknown` that holds a statement about it.
    #[must_use]
    pub fn with_attestations(mut self) -> Self {
        self.attestations = true;
        self
    }

    /// A Docker manifest list with Docker's images instead of an OCI index.
    #[must_use]
    pub fn docker_types(mut self) -> Self {
        self.types = Types::Docker;
        self.images = self.images.into_iter().map(Image::docker_types).collect();
        self
    }

    /// The name under which outputs show this index's digest; the first image's name if none is set.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// See [`Index::named`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The images for platforms, attestations left out.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The digest of the index itself.
    #[must_use]
    pub fn digest(&self) -> String {
        self.manifest().digest()
    }

    /// The index as it is pushed.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        self.parts().0
    }

    /// The index's own manifest, and each child's with its blobs.
    pub(crate) fn parts(&self) -> (Manifest, Vec<(Manifest, Vec<Blob>)>) {
        let mut children = Vec::new();
        let mut descriptors = Vec::new();
        let mut statements = Vec::new();
        for image in &self.images {
            let (manifest, blobs) = image.parts();
            let mut descriptor = descriptor_of(&manifest);
            descriptor["platform"] = image.platform_of().json();
            descriptors.push(descriptor);
            if self.attestations {
                statements.push(self.attestation(&manifest));
            }
            children.push((manifest, blobs));
        }
        // BuildKit lists the attestations after all the images.
        for (subject, (manifest, blobs)) in statements {
            let mut descriptor = descriptor_of(&manifest);
            descriptor["platform"] = Platform::new("unknown", "unknown", None).json();
            descriptor["annotations"] = json!({
                "vnd.docker.reference.digest": subject,
                "vnd.docker.reference.type": "attestation-manifest",
            });
            descriptors.push(descriptor);
            children.push((manifest, blobs));
        }
        let mut index = json!({"schemaVersion": 2, "mediaType": self.types.index(), "manifests": descriptors});
        if !self.annotations.is_empty() {
            index["annotations"] = json!(self.annotations);
        }
        (Manifest { media_type: self.types.index().to_owned(), bytes: to_bytes(&index) }, children)
    }

    fn attestation(&self, subject: &Manifest) -> (String, (Manifest, Vec<Blob>)) {
        let statement = to_bytes(&json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [{"name": "_", "digest": {"sha256": subject.digest().trim_start_matches("sha256:")}}],
            "predicate": {},
        }));
        let config = to_bytes(&json!({
            "architecture": "unknown", "os": "unknown", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(&statement)]},
        }));
        let manifest = to_bytes(&json!({
            "schemaVersion": 2,
            "mediaType": self.types.manifest(),
            "config": {"mediaType": self.types.config(), "digest": digest_of(&config), "size": config.len()},
            "layers": [{
                "mediaType": "application/vnd.in-toto+json",
                "digest": digest_of(&statement),
                "size": statement.len(),
                "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"},
            }],
        }));
        let manifest = Manifest { media_type: self.types.manifest().to_owned(), bytes: manifest };
        (subject.digest(), (manifest, vec![Blob::new(config), Blob::new(statement)]))
    }
}

fn descriptor_of(manifest: &Manifest) -> Value {
    json!({"mediaType": manifest.media_type, "digest": manifest.digest(), "size": manifest.bytes.len()})
}

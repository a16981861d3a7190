//! Container images of a few hundred bytes, made in memory.
//!
//! A story needs images whose *contents* it controls to the byte: two images with equal content under different
//! digests, two contents under one tag, an index whose digest changes while its children don't. Image builders do
//! not give that control, so the images are put together here. Everything is deterministic: the same inputs give the
//! same digests, on any machine and on any day.

mod archive;
mod index;
mod layer;
mod pushable;

#[cfg(test)]
mod tests;

pub use index::Index;
pub use layer::Layer;
pub use pushable::{Blob, Manifest, Pushable};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The `created` time of images that don't say another one. Fixed, so that digests don't depend on the day.
pub const DEFAULT_CREATED: &str = "2026-01-02T03:04:05Z";

/// The file in the image that holds its content text.
pub const CONTENT_PATH: &str = "www/index.html";

/// Digest of `bytes` in the registry's notation, `sha256:…`.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let mut digest = String::with_capacity(71);
    digest.push_str("sha256:");
    for byte in hash {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// Operating system, architecture and variant of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// `linux`, `windows`, or `unknown` for attestations.
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
}

impl Platform {
    /// The platform of these three parts.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.map(str::to_owned) }
    }

    /// The platform of this machine's containers, which is what nodes of either bed report.
    #[must_use]
    pub fn of_this_machine() -> Self {
        match std::env::consts::ARCH {
            "aarch64" => Self::new("linux", "arm64", Some("v8")),
            "x86_64" => Self::new("linux", "amd64", None),
            other => Self::new("linux", other, None),
        }
    }

    /// As JSON of a descriptor or a config.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut platform = json!({"architecture": self.architecture, "os": self.os});
        if let Some(variant) = &self.variant {
            platform["variant"] = json!(variant);
        }
        platform
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(formatter, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// Whose media types an image or an index is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Types {
    Oci,
    Docker,
}

impl Types {
    pub(crate) fn manifest(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.manifest.v1+json",
            Self::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    pub(crate) fn index(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.index.v1+json",
            Self::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    pub(crate) fn config(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.config.v1+json",
            Self::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    pub(crate) fn layer(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Docker => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    }
}

/// One image for one platform: a config, gzip tar layers and the manifest that names them.
#[derive(Debug, Clone)]
pub struct Image {
    name: String,
    platform: Platform,
    types: Types,
    created: String,
    labels: Map<String, Value>,
    command: Vec<String>,
    base_layers: Vec<Layer>,
    files: Vec<(String, Vec<u8>, u32)>,
    annotations: Map<String, Value>,
}

impl Image {
    /// An image that holds `content` as its one file; two images of equal content and settings are equal to the byte.
    #[must_use]
    pub fn new(content: &str) -> Self {
        Self {
            name: content.to_owned(),
            platform: Platform::of_this_machine(),
            types: Types::Oci,
            created: DEFAULT_CREATED.to_owned(),
            labels: Map::new(),
            command: vec!["/bin/busybox".to_owned(), "sleep".to_owned(), "1000000".to_owned()],
            base_layers: Vec::new(),
            files: vec![(CONTENT_PATH.to_owned(), content.as_bytes().to_vec(), 0o644)],
            annotations: Map::new(),
        }
    }

    /// Another platform than this machine's.
    #[must_use]
    pub fn platform(mut self, os: &str, architecture: &str, variant: Option<&str>) -> Self {
        self.platform = Platform::new(os, architecture, variant);
        self
    }

    /// When the image says that it was built (RFC 3339).
    #[must_use]
    pub fn created(mut self, timestamp: &str) -> Self {
        self.created = timestamp.to_owned();
        self
    }

    /// The source revision that the image says it was built from.
    #[must_use]
    pub fn revision(self, revision: &str) -> Self {
        self.label("org.opencontainers.image.revision", revision)
    }

    /// The version that the image says it is.
    #[must_use]
    pub fn version(self, version: &str) -> Self {
        self.label("org.opencontainers.image.version", version)
    }

    /// Any label of the config; changes the content's identity.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), json!(value));
        self
    }

    /// An annotation of the manifest: changes the manifest's digest, and leaves the config's as it is.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), json!(value));
        self
    }

    /// Docker's media types instead of OCI's; the content stays the same.
    #[must_use]
    pub fn docker_types(mut self) -> Self {
        self.types = Types::Docker;
        self
    }

    /// What the container runs.
    #[must_use]
    pub fn command<I: IntoIterator<Item = S>, S: Into<String>>(mut self, command: I) -> Self {
        self.command = command.into_iter().map(Into::into).collect();
        self
    }

    /// A container of it ends at once and badly, if the pod does not say what to run.
    #[must_use]
    pub fn that_crashes(self) -> Self {
        self.command(["/bin/busybox", "false"])
    }

    /// The same after some seconds.
    #[must_use]
    pub fn that_crashes_after(self, seconds: u32) -> Self {
        self.command(["/bin/busybox".to_owned(), "sh".to_owned(), "-c".to_owned(), format!("sleep {seconds}; exit 1")])
    }

    /// Another file of the content layer.
    #[must_use]
    pub fn with_file(mut self, path: &str, bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        self.files.push((path.trim_start_matches('/').to_owned(), bytes.into(), mode));
        self
    }

    /// A ready layer below the content: on the real bed the one with a static busybox, packed once and shared by all
    /// images, so that pushes and pulls move it once.
    #[must_use]
    pub fn on_layer(mut self, layer: Layer) -> Self {
        self.base_layers.push(layer);
        self
    }

    /// The name under which outputs show this image's digests; the content text if none is set. No part of the image.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// See [`Image::named`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The image's platform.
    #[must_use]
    pub fn platform_of(&self) -> &Platform {
        &self.platform
    }

    /// The layers from the lowest to the content layer.
    #[must_use]
    pub fn layers(&self) -> Vec<Layer> {
        let mut layers = self.base_layers.clone();
        layers.push(Layer::of_files(self.files.iter().map(|(path, bytes, mode)| (path.as_str(), &bytes[..], *mode))));
        layers
    }

    /// The bytes of the config.
    #[must_use]
    pub fn config(&self) -> Vec<u8> {
        self.config_over(&self.layers())
    }

    fn config_over(&self, layers: &[Layer]) -> Vec<u8> {
        let mut config = self.platform.json();
        config["created"] = json!(self.created);
        config["config"] = json!({
            "Entrypoint": self.command,
            "Env": ["PATH=/bin"],
            "Labels": self.labels,
        });
        config["rootfs"] = json!({"type": "layers", "diff_ids": layers.iter().map(Layer::diff_id).collect::<Vec<_>>()});
        config["history"] = layers.iter().map(|_| json!({"created": self.created, "created_by": "testbed"})).collect();
        to_bytes(&config)
    }

    /// The config's digest: the identity of the content, which runtimes call the image ID.
    #[must_use]
    pub fn config_digest(&self) -> String {
        digest_of(&self.config())
    }

    /// The manifest's digest.
    #[must_use]
    pub fn digest(&self) -> String {
        self.manifest().digest()
    }

    /// The manifest as it is pushed.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        self.parts().0
    }

    /// Manifest and blobs, put together once.
    pub(crate) fn parts(&self) -> (Manifest, Vec<Blob>) {
        let layers = self.layers();
        let config = self.config_over(&layers);
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": self.types.manifest(),
            "config": {"mediaType": self.types.config(), "digest": digest_of(&config), "size": config.len()},
            "layers": layers.iter().map(|layer| json!({
                "mediaType": self.types.layer(), "digest": layer.digest(), "size": layer.bytes().len(),
            })).collect::<Vec<_>>(),
        });
        if !self.annotations.is_empty() {
            manifest["annotations"] = json!(self.annotations);
        }
        let mut blobs = vec![Blob::new(config)];
        blobs.extend(layers.iter().map(Blob::of_layer));
        (Manifest { media_type: self.types.manifest().to_owned(), bytes: to_bytes(&manifest) }, blobs)
    }
}

/// JSON with its keys in order, so that equal values are equal bytes whatever order `serde_json` was built to keep.
pub(crate) fn to_bytes(value: &Value) -> Vec<u8> {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
                entries.sort_by(|one, other| one.0.cmp(&other.0));
                Value::Object(entries.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
            other => other.clone(),
        }
    }
    sorted(value).to_string().into_bytes()
}

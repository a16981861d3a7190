//! Manifests and configs as registries really serve them.
//!
//! Only the fields that identity needs are read, leniently: `oci-client`'s types refuse documents with an
//! operating system or architecture they do not know, or without fields that nobody here looks at, and an
//! image that runs must not become `unknown` for that.

use std::sync::LazyLock;

use jiff::Timestamp;
use oci_distribution::manifest;
use serde::Deserialize;

use crate::domain::remote::{Child, ImageConfig, Manifest, Provenance, is_build_time};
use crate::domain::{Digest, Platform};
use crate::text::excerpt;

/// The types that a request for a manifest accepts. With fewer, registries answer with a child's digest,
/// a converted schema 1, or 404.
pub(super) static MANIFEST_TYPES: LazyLock<String> = LazyLock::new(|| {
    [
        manifest::OCI_IMAGE_INDEX_MEDIA_TYPE,
        manifest::OCI_IMAGE_MEDIA_TYPE,
        manifest::IMAGE_MANIFEST_LIST_MEDIA_TYPE,
        manifest::IMAGE_MANIFEST_MEDIA_TYPE,
    ]
    .join(", ")
});

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u32>,
    media_type: Option<String>,
    manifests: Option<Vec<Entry>>,
    config: Option<Descriptor>,
    layers: Option<serde::de::IgnoredAny>,
    fs_layers: Option<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "lenient")]
    annotations: Option<Labels>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    #[serde(default, deserialize_with = "lenient")]
    media_type: Option<String>,
}

impl Descriptor {
    /// Whether it is an image's config, which lists the digests of what is in the layers and so names the
    /// content. An artifact's config need not: many have `{}` there, a Helm chart its name and version, and two
    /// contents share one config digest.
    fn names_content(&self) -> bool {
        const IMAGES: [&str; 4] = [
            manifest::IMAGE_CONFIG_MEDIA_TYPE,
            manifest::IMAGE_DOCKER_CONFIG_MEDIA_TYPE,
            // What Docker 1.10 wrote, and what nothing tells.
            "application/octet-stream",
            "",
        ];
        /// `{}` and nothing at all.
        const EMPTY: [&str; 2] = [
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ];
        IMAGES.contains(&self.media_type.as_deref().unwrap_or_default()) && !EMPTY.contains(&self.digest.as_str())
    }
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    #[serde(default, deserialize_with = "lenient")]
    platform: Option<PlatformFields>,
    #[serde(default, deserialize_with = "lenient")]
    annotations: Option<Labels>,
}

#[derive(Deserialize)]
struct PlatformFields {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    #[serde(rename = "os.version")]
    os_version: Option<String>,
}

#[derive(Deserialize)]
struct ConfigDocument {
    created: Option<String>,
    #[serde(flatten)]
    platform: PlatformFields,
    #[serde(default, deserialize_with = "lenient")]
    config: Option<ConfigFields>,
}

#[derive(Deserialize)]
struct ConfigFields {
    #[serde(default, rename = "Labels", deserialize_with = "lenient")]
    labels: Option<Labels>,
}

/// The three annotations or labels that tell of an image's making, and the one that marks an attestation.
#[derive(Default, Deserialize)]
struct Labels {
    #[serde(default, rename = "org.opencontainers.image.created", deserialize_with = "lenient")]
    created: Option<String>,
    #[serde(default, rename = "org.opencontainers.image.revision", deserialize_with = "lenient")]
    revision: Option<String>,
    #[serde(default, rename = "org.opencontainers.image.version", deserialize_with = "lenient")]
    version: Option<String>,
    #[serde(default, rename = "vnd.docker.reference.type", deserialize_with = "lenient")]
    reference_type: Option<String>,
}

/// A field of another type than expected counts as absent: a number for a version must not spoil a digest.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// Reads a manifest; the error is a clause for a person.
pub(super) fn manifest(body: &[u8], content_type: Option<&str>) -> Result<Manifest, String> {
    let document: Document = json(body, "manifest")?;
    let media_type = document.media_type.as_deref().or(content_type).unwrap_or("");
    if document.schema_version == Some(1) || document.fs_layers.is_some() {
        return Ok(Manifest::Incomparable("a Docker schema 1 manifest".to_owned()));
    }
    let provenance = document.annotations.as_ref().map(provenance).unwrap_or_default();
    match (document.manifests, document.config) {
        // Two readings of one document are an attack (CVE-2021-41190): runtimes refuse it as well.
        (Some(_), Some(_)) => Err("the manifest is an index and an image at once".to_owned()),
        (Some(_), None) if document.layers.is_some() => Err("the manifest is an index and an image at once".to_owned()),
        (Some(entries), None) => {
            let children = entries.into_iter().map(child).collect::<Result<_, _>>()?;
            Ok(Manifest::Index { children, provenance })
        }
        (None, Some(config)) if config.names_content() => {
            Ok(Manifest::Image { config: digest(&config.digest)?, provenance })
        }
        (None, Some(_)) => Ok(Manifest::Incomparable("an artifact that is no image".to_owned())),
        // An index of no children writes `null` or nothing with some builders.
        (None, None) if media_type.contains("index") || media_type.contains("manifest.list") => {
            Ok(Manifest::Index { children: Vec::new(), provenance })
        }
        (None, None) if media_type.is_empty() => Err("the document is no image manifest".to_owned()),
        (None, None) => Ok(Manifest::Incomparable(format!("a manifest of type {}", excerpt(media_type, 80)))),
    }
}

/// Reads a config blob; the error is a clause for a person.
pub(super) fn config(body: &[u8]) -> Result<ImageConfig, String> {
    let document: ConfigDocument = json(body, "image config")?;
    let labels = document.config.and_then(|config| config.labels).unwrap_or_default();
    let mut provenance = provenance(&labels);
    // The builder's own field outweighs a label, which base images hand down to what is built on them.
    provenance.created = document.created.as_deref().and_then(built_at).or(provenance.created);
    Ok(ImageConfig { provenance, platform: platform(document.platform) })
}

/// Reads a document, and tells what came instead of it; the error is a clause for a person.
pub(super) fn json<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, String> {
    match body.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                format!("the {what} lacks what every {what} has")
            } else {
                format!("the {what} is no JSON")
            }
        }),
        // What a log-in page, a captive portal or a proxy sends.
        Some(b'<') => Err(format!("a web page instead of the {what}")),
        _ => Err(format!("the {what} is no JSON object")),
    }
}

/// Whether a body can be a manifest at all: a tag's digest must not be the hash of a log-in page.
pub(super) fn check_json(body: &[u8]) -> Result<(), String> {
    json::<serde::de::IgnoredAny>(body, "manifest").map(|_| ())
}

fn child(entry: Entry) -> Result<Child, String> {
    let unknown = |field: &Option<String>| field.as_deref() == Some("unknown");
    let attestation = entry.annotations.is_some_and(|labels| labels.reference_type.is_some())
        || entry.platform.as_ref().is_some_and(|platform| unknown(&platform.os) && unknown(&platform.architecture));
    Ok(Child { digest: digest(&entry.digest)?, platform: entry.platform.and_then(platform), attestation })
}

fn platform(fields: PlatformFields) -> Option<Platform> {
    let clean = |text: String| excerpt(&text, 60);
    let given = |field: Option<String>| field.filter(|text| !text.is_empty()).map(clean);
    Some(Platform {
        os: given(fields.os)?,
        architecture: given(fields.architecture)?,
        variant: given(fields.variant),
        os_version: given(fields.os_version),
    })
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse().map_err(|_| format!("`{}` is no digest", excerpt(text, 80)))
}

fn provenance(labels: &Labels) -> Provenance {
    let given =
        |label: &Option<String>| label.as_deref().map(|text| excerpt(text, 200)).filter(|text| !text.is_empty());
    Provenance {
        created: labels.created.as_deref().and_then(built_at),
        revision: given(&labels.revision),
        version: given(&labels.version),
    }
}

/// When it was built, if that is told.
fn built_at(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|time| is_build_time(*time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn hex(character: char) -> String {
        format!("sha256:{}", character.to_string().repeat(64))
    }

    fn read(document: &serde_json::Value) -> Result<Manifest, String> {
        manifest(document.to_string().as_bytes(), None)
    }

    #[test]
    fn an_index_tells_platforms_from_attestations() {
        let document = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "annotations": { "org.opencontainers.image.revision": "abc", "org.opencontainers.image.version": 7 },
            "manifests": [
                { "digest": hex('a'), "size": 1, "platform": { "os": "linux", "architecture": "arm", "variant": "v7" } },
                { "digest": hex('b'), "platform": { "os": "plan9", "architecture": "vax" } },
                { "digest": hex('c'), "platform": { "os": "unknown", "architecture": "unknown" } },
                { "digest": hex('d'), "annotations": { "vnd.docker.reference.type": "attestation-manifest" } },
                { "digest": hex('e'), "platform": "linux" },
            ],
        });
        let Ok(Manifest::Index { children, provenance }) = read(&document) else { panic!("{:?}", read(&document)) };
        let shown: Vec<_> = children
            .iter()
            .map(|child| (child.platform.as_ref().map(ToString::to_string), child.attestation))
            .collect();
        assert_eq!(
            shown,
            [
                (Some("linux/arm/v7".to_owned()), false),
                (Some("plan9/vax".to_owned()), false),
                (Some("unknown/unknown".to_owned()), true),
                (None, true),
                (None, false),
            ]
        );
        assert_eq!((provenance.revision.as_deref(), provenance.version), (Some("abc"), None));
    }

    #[test]
    fn an_image_is_known_by_its_config() {
        for document in [
            json!({ "schemaVersion": 2, "config": { "digest": hex('a') }, "layers": [] }),
            json!({ "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": { "digest": hex('a') } }),
            json!({ "config": { "digest": hex('a'), "mediaType": "application/vnd.oci.image.config.v1+json" } }),
            json!({ "config": { "digest": hex('a'), "mediaType": "application/vnd.docker.container.image.v1+json" } }),
            json!({ "config": { "digest": hex('a'), "mediaType": "application/octet-stream" } }),
            json!({ "config": { "digest": hex('a'), "mediaType": 7 } }),
        ] {
            let expected = Manifest::Image { config: hex('a').parse().unwrap(), provenance: Provenance::default() };
            assert_eq!(read(&document), Ok(expected), "{document}");
        }
    }

    #[test]
    fn an_artifacts_config_does_not_name_its_content() {
        let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        for document in [
            json!({ "config": { "digest": hex('a'), "mediaType": "application/vnd.cncf.helm.config.v1+json" } }),
            json!({ "config": { "digest": empty, "mediaType": "application/vnd.oci.empty.v1+json" } }),
            json!({ "config": { "digest": empty, "mediaType": "application/vnd.unknown.config.v1+json" } }),
            json!({ "config": { "digest": empty, "mediaType": "application/vnd.oci.image.config.v1+json" } }),
        ] {
            let expected = Manifest::Incomparable("an artifact that is no image".to_owned());
            assert_eq!(read(&document), Ok(expected), "{document}");
        }
    }

    #[test]
    fn what_cannot_be_compared_or_read_says_what_it_is() {
        assert_eq!(
            read(&json!({ "schemaVersion": 1, "fsLayers": [] })),
            Ok(Manifest::Incomparable("a Docker schema 1 manifest".to_owned()))
        );
        assert_eq!(
            read(&json!({ "mediaType": "application/x\u{1b}[31m" })),
            Ok(Manifest::Incomparable("a manifest of type application/x\u{fffd}[31m".to_owned()))
        );
        for (body, message) in [
            ("<html>".to_owned(), "a web page instead of the manifest"),
            ("hello".to_owned(), "the manifest is no JSON object"),
            ("{".to_owned(), "the manifest is no JSON"),
            (r#"{"manifests":7}"#.to_owned(), "the manifest lacks what every manifest has"),
            ("{}".to_owned(), "the document is no image manifest"),
            (json!({ "config": { "digest": "sha256:x" } }).to_string(), "`sha256:x` is no digest"),
            (
                json!({ "config": { "digest": hex('a') }, "manifests": [] }).to_string(),
                "the manifest is an index and an image at once",
            ),
            (r#"{"a":"#.repeat(100_000), "the manifest is no JSON"),
        ] {
            assert_eq!(manifest(body.as_bytes(), None).unwrap_err(), message, "{:.40}", body);
        }
    }

    #[test]
    fn a_config_tells_when_and_from_what_it_was_built() {
        let document = json!({
            "created": "2026-11-01T10:00:00.5Z", "os": "linux", "architecture": "arm64", "variant": "v8",
            "config": { "Labels": {
                "org.opencontainers.image.created": "2020-01-01T00:00:00Z",
                "org.opencontainers.image.revision": "abc\ndef",
            } },
        });
        let config = config(document.to_string().as_bytes()).unwrap();
        assert_eq!(config.provenance.created, "2026-11-01T10:00:00.5Z".parse().ok());
        assert_eq!(config.provenance.revision.as_deref(), Some("abc def"));
        assert_eq!(config.platform.unwrap().to_string(), "linux/arm64/v8");
    }

    #[test]
    fn a_reproducible_builds_placeholder_is_no_date() {
        for created in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1980-01-01T00:00:01Z", "soon", ""] {
            let document = json!({ "created": created, "config": null });
            let config = config(document.to_string().as_bytes()).unwrap();
            assert_eq!((config.provenance.created, config.platform), (None, None), "{created}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (manifest(&body, None), config(&body), check_json(&body));
        }
    }
}

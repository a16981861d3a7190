//! A manifest as it is stored, with the media type under which it has to be stored again.

use oci_distribution::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::decode::json;
use crate::domain::remote::Document;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<Value>,
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
}

/// Finds out what the bytes are; the error is a clause for a person.
pub(super) fn document(bytes: Vec<u8>, content_type: Option<&str>) -> Result<Document, String> {
    let shape: Shape = json(&bytes, "manifest")?;
    let told = content_type.and_then(specific).or_else(|| shape.media_type.as_ref()?.as_str().and_then(specific));
    let media_type = match (told, shape.manifests, shape.config) {
        (Some(told), _, _) => told,
        (None, Some(_), None) => OCI_IMAGE_INDEX_MEDIA_TYPE,
        (None, None, Some(_)) => OCI_IMAGE_MEDIA_TYPE,
        (None, Some(_), Some(_)) => return Err("the manifest is an index and an image at once".to_owned()),
        (None, None, None) => return Err("the document is no image manifest".to_owned()),
    };
    Ok(Document { media_type: media_type.to_owned(), bytes })
}

/// A media type without its parameters, if it tells more than that the bytes are JSON, text or a file: stores behind
/// a registry answer with such, and a manifest that is sent under one is refused.
fn specific(media_type: &str) -> Option<&str> {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let (kind, name) = media_type.split_once('/')?;
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let says_little = !kind.eq_ignore_ascii_case("application") || matches!(name, "json" | "octet-stream");
    (is_token(kind) && is_token(name) && !says_little).then_some(media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_is_the_registrys_the_documents_own_or_of_its_shape() {
        const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
        const SCHEMA2: &str = "application/vnd.docker.distribution.manifest.v2+json";
        for (body, content_type, expected) in [
            (r#"{"manifests":[]}"#, Some(LIST), Ok(LIST)),
            (
                r#"{"config":{}}"#,
                Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
                Ok(OCI_IMAGE_MEDIA_TYPE),
            ),
            (r#"{"config":{},"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#, None, Ok(SCHEMA2)),
            (
                r#"{"config":{},"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#,
                Some("application/json"),
                Ok(SCHEMA2),
            ),
            (r#"{"manifests":[]}"#, None, Ok(OCI_IMAGE_INDEX_MEDIA_TYPE)),
            (r#"{"manifests":[]}"#, Some("text/plain; charset=utf-8"), Ok(OCI_IMAGE_INDEX_MEDIA_TYPE)),
            (r#"{"manifests":[],"config":null}"#, Some(""), Ok(OCI_IMAGE_INDEX_MEDIA_TYPE)),
            (r#"{"config":{}}"#, Some("application/octet-stream"), Ok(OCI_IMAGE_MEDIA_TYPE)),
            ("{\"config\":{},\"mediaType\":\"application/x\\r\\ny\"}", None, Ok(OCI_IMAGE_MEDIA_TYPE)),
            (r#"{"config":{},"mediaType":7}"#, None, Ok(OCI_IMAGE_MEDIA_TYPE)),
            (r#"{"config":{},"manifests":[]}"#, None, Err("the manifest is an index and an image at once")),
            ("{}", None, Err("the document is no image manifest")),
            ("<html>", Some("text/html"), Err("a web page instead of the manifest")),
        ] {
            let found = document(body.as_bytes().to_vec(), content_type).map(|document| document.media_type);
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, expected, "{body} as {content_type:?}");
        }
    }
}

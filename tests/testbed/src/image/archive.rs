//! Images as a file: the tar of an OCI layout, the form in which a node takes an image without a registry.

use std::collections::BTreeMap;

use serde_json::json;

use super::layer::append;
use super::{Pushable, to_bytes};

pub(super) fn oci_archive(pushable: &Pushable, reference: &str) -> Vec<u8> {
    let (manifest, children) = pushable.parts();
    let mut blobs = BTreeMap::new();
    for (child, child_blobs) in children {
        for blob in child_blobs {
            blobs.insert(blob.digest, blob.bytes.to_vec());
        }
        if let Some(child) = child {
            blobs.insert(child.digest(), child.bytes);
        }
    }
    let tag = reference.rsplit('/').next().and_then(|last| last.split_once(':')).map_or("latest", |(_, tag)| tag);
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": manifest.media_type,
            "digest": manifest.digest(),
            "size": manifest.bytes.len(),
            "annotations": {
                // containerd takes the full name from its own annotation; the standard one holds the tag alone.
                "io.containerd.image.name": reference,
                "org.opencontainers.image.ref.name": tag,
            },
        }],
    });
    blobs.insert(manifest.digest(), manifest.bytes);

    let mut archive = tar::Builder::new(Vec::new());
    let regular = tar::EntryType::Regular;
    append(&mut archive, regular, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644);
    append(&mut archive, regular, "index.json", &to_bytes(&index), 0o644);
    for (digest, bytes) in blobs {
        append(&mut archive, regular, &format!("blobs/{}", digest.replace(':', "/")), &bytes, 0o644);
    }
    archive.into_inner().expect("writing to memory does not fail")
}

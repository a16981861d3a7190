use std::io::Read as _;

use serde_json::Value;

use super::{Image, Index, Pushable, digest_of};

fn amd64(content: &str) -> Image {
    Image::new(content).platform("linux", "amd64", None)
}

#[test]
fn the_same_inputs_give_the_same_digests_on_any_machine() {
    let image = amd64("hello").revision("1a2b3c").version("1.0");
    assert_eq!(image.digest(), image.clone().digest());
    // Pinned: what runs on another machine or after an update of a library must be the same bytes.
    assert_eq!(image.config_digest(), "sha256:9ca8ba0534714efa631fcc4287a63798f2c9114e8c493c929a6b3ca55aa9acaf");
}

#[test]
fn another_content_changes_config_and_manifest() {
    assert_ne!(amd64("one").config_digest(), amd64("two").config_digest());
    assert_ne!(amd64("one").digest(), amd64("two").digest());
}

#[test]
fn a_manifest_annotation_leaves_the_content_alone() {
    let plain = amd64("hello");
    let annotated = amd64("hello").annotation("build", "7");
    assert_eq!(plain.config_digest(), annotated.config_digest());
    assert_ne!(plain.digest(), annotated.digest());
}

#[test]
fn docker_types_change_the_manifest_and_not_the_content() {
    let oci = amd64("hello");
    let docker = amd64("hello").docker_types();
    assert_eq!(oci.config_digest(), docker.config_digest());
    assert_ne!(oci.digest(), docker.digest());
    assert_eq!(docker.manifest().media_type, "application/vnd.docker.distribution.manifest.v2+json");
}

#[test]
fn an_index_annotation_changes_only_the_index_digest() {
    let index = |build: &str| {
        Index::new([amd64("hello"), amd64("hello").platform("linux", "arm64", Some("v8"))]).annotation("build", build)
    };
    let (one, two) = (index("1"), index("2"));
    assert_ne!(one.digest(), two.digest());
    let children = |index: &Index| index.images().iter().map(Image::digest).collect::<Vec<_>>();
    assert_eq!(children(&one), children(&two));
}

#[test]
fn attestations_are_children_of_an_unknown_platform() {
    let index = Index::new([amd64("hello")]).with_attestations();
    let json: Value = serde_json::from_slice(&index.manifest().bytes).unwrap();
    let manifests = json["manifests"].as_array().unwrap();
    assert_eq!(manifests.len(), 2);
    assert_eq!(manifests[1]["platform"]["os"], "unknown");
    assert_eq!(manifests[1]["annotations"]["vnd.docker.reference.type"], "attestation-manifest");
    assert_eq!(manifests[1]["annotations"]["vnd.docker.reference.digest"], amd64("hello").digest());
}

#[test]
fn a_manifest_list_has_docker_children() {
    let list = Index::new([amd64("hello")]).docker_types();
    assert_eq!(list.manifest().media_type, "application/vnd.docker.distribution.manifest.list.v2+json");
    let json: Value = serde_json::from_slice(&list.manifest().bytes).unwrap();
    assert_eq!(json["manifests"][0]["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
}

#[test]
fn an_archive_holds_every_blob_under_its_digest_and_the_reference() {
    let image = amd64("hello");
    let bytes = Pushable::from(&image).oci_archive("example.com/shop/app:1.0");
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if let Some(hash) = path.strip_prefix("blobs/sha256/") {
            assert_eq!(digest_of(&content), format!("sha256:{hash}"));
        } else if path == "index.json" {
            let index: Value = serde_json::from_slice(&content).unwrap();
            let annotations = &index["manifests"][0]["annotations"];
            assert_eq!(annotations["io.containerd.image.name"], "example.com/shop/app:1.0");
            assert_eq!(annotations["org.opencontainers.image.ref.name"], "1.0");
        }
        names.push(path);
    }
    assert_eq!(names.len(), 2 + 3, "layout, index, and config, layer, manifest: {names:?}");
}

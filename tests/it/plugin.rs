//! `plugin.yaml` keeps krew's rules, as krew's own validation has them.

use std::collections::HashSet;

use serde_json::Value;

use crate::program::text_of;

fn manifest() -> Value {
    serde_saphyr::from_str(&text_of("plugin.yaml")).unwrap()
}

fn keys(value: &Value) -> HashSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text"))
}

#[test]
fn it_is_the_manifest_of_this_version() {
    let manifest = manifest();
    assert_eq!(text(&manifest, "apiVersion"), "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(text(&manifest, "kind"), "Plugin");
    assert_eq!(text(&manifest["metadata"], "name"), "freshimage");
    assert_eq!(text(&manifest["spec"], "version"), concat!("v", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_short_description_is_one_line_that_does_not_repeat_kubectl() {
    let manifest = manifest();
    let short = text(&manifest["spec"], "shortDescription");
    assert!(!short.is_empty() && !short.contains(['\n', '\r']) && short.chars().count() <= 80);
    assert!(!short.ends_with('.') && !short.to_lowercase().contains("kubectl"));
}

#[test]
fn it_has_the_fields_that_krew_knows_and_no_others() {
    let manifest = manifest();
    assert_eq!(keys(&manifest), HashSet::from(["apiVersion", "kind", "metadata", "spec"]));
    let known = HashSet::from(["version", "homepage", "shortDescription", "description", "caveats", "platforms"]);
    assert_eq!(keys(&manifest["spec"]), known);
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        assert_eq!(keys(platform), HashSet::from(["selector", "uri", "sha256", "files", "bin"]));
        assert_eq!(keys(&platform["selector"]), HashSet::from(["matchLabels"]));
    }
}

#[test]
fn each_platform_is_matched_once() {
    let manifest = manifest();
    let mut pairs = HashSet::new();
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        let labels = &platform["selector"]["matchLabels"];
        assert_eq!(keys(labels), HashSet::from(["os", "arch"]));
        assert!(pairs.insert((text(labels, "os").to_owned(), text(labels, "arch").to_owned())), "{labels} twice");
    }
    let expected =
        [("linux", "amd64"), ("linux", "arm64"), ("darwin", "amd64"), ("darwin", "arm64"), ("windows", "amd64")];
    assert_eq!(pairs, expected.map(|(os, arch)| (os.to_owned(), arch.to_owned())).into());
}

#[test]
fn each_archive_has_its_address_checksum_program_and_licence() {
    let manifest = manifest();
    let version = text(&manifest["spec"], "version");
    let mut addresses = HashSet::new();
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        let labels = &platform["selector"]["matchLabels"];
        let (os, arch, uri) = (text(labels, "os"), text(labels, "arch"), text(platform, "uri"));
        assert!(uri.starts_with("https://"));
        assert!(uri.contains(&format!("/{version}/")) && uri.contains(&format!("-{version}-{os}-{arch}.")), "{uri}");
        assert!(uri.ends_with(if os == "windows" { ".zip" } else { ".tar.gz" }), "{uri}");
        assert!(addresses.insert(uri));
        let sha256 = text(platform, "sha256");
        assert!(sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{sha256}");
        let bin = text(platform, "bin");
        assert_eq!(bin, if os == "windows" { "kubectl-freshimage.exe" } else { "kubectl-freshimage" });
        let files: Vec<(&str, &str)> =
            platform["files"].as_array().unwrap().iter().map(|file| (text(file, "from"), text(file, "to"))).collect();
        assert_eq!(files, [(bin, "."), ("LICENSE", ".")]);
    }
}

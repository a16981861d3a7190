//! Reading an image from a file: the tar of an OCI layout, as a node imports it without a registry.

use std::collections::HashMap;
use std::io::Read;

use serde_json::Value;

use crate::store::object::{items, text};

use super::images::Content;
use super::pull::{Platform, choose, command_of};

/// The content that the archive holds for the platform.
pub fn content_of(archive: &[u8], platform: &Platform) -> Result<Content, String> {
    let mut files: HashMap<String, Vec<u8>> = HashMap::new();
    let mut tar = tar::Archive::new(archive);
    for entry in tar.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path =
            entry.path().map_err(|error| error.to_string())?.to_string_lossy().trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        files.insert(path, bytes);
    }
    let json = |path: &str| -> Result<Value, String> {
        let bytes = files.get(path).ok_or_else(|| format!("the archive has no `{path}`"))?;
        serde_json::from_slice(bytes).map_err(|error| format!("`{path}`: {error}"))
    };
    let blob = |digest: &str| json(&format!("blobs/{}", digest.replace(':', "/")));
    let mut manifest_digest = text(&json("index.json")?, "/manifests/0/digest").to_owned();
    let mut manifest = blob(&manifest_digest)?;
    if manifest.get("manifests").is_some() {
        manifest_digest = choose(&manifest, platform).ok_or("the archive has nothing for the node's platform")?;
        manifest = blob(&manifest_digest)?;
    }
    let config_digest = text(&manifest, "/config/digest").to_owned();
    let size = items(&manifest, "/layers").iter().filter_map(|layer| layer["size"].as_u64()).sum::<u64>();
    let command = command_of(&blob(&config_digest)?);
    Ok(Content { config_digest, manifest_digest, size, command })
}

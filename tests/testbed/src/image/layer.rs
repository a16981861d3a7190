//! A gzip tar layer with fixed times and owners.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use flate2::{Compression, GzBuilder};

use super::digest_of;

/// A packed layer. Cheap to clone, since a layer with busybox is a megabyte and every image of the real bed has it.
#[derive(Debug, Clone)]
pub struct Layer {
    bytes: Arc<Vec<u8>>,
    digest: Arc<str>,
    diff_id: Arc<str>,
}

impl Layer {
    /// Packs files given as path, bytes and mode; parent directories are added.
    pub fn of_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8], u32)>) -> Self {
        let mut archive = tar::Builder::new(Vec::new());
        let mut directories = BTreeSet::new();
        for (path, bytes, mode) in files {
            for (end, _) in path.match_indices('/') {
                let directory = &path[..=end];
                if directories.insert(directory.to_owned()) {
                    append(&mut archive, tar::EntryType::Directory, directory, &[], 0o755);
                }
            }
            append(&mut archive, tar::EntryType::Regular, path, bytes, mode);
        }
        let tar = archive.into_inner().expect("writing to memory does not fail");
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        gzip.write_all(&tar).expect("writing to memory does not fail");
        let bytes = gzip.finish().expect("writing to memory does not fail");
        Self { digest: digest_of(&bytes).into(), diff_id: digest_of(&tar).into(), bytes: Arc::new(bytes) }
    }

    /// Digest of the packed bytes, which the manifest names.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Digest of the unpacked tar, which the config names.
    #[must_use]
    pub fn diff_id(&self) -> &str {
        &self.diff_id
    }

    /// The packed bytes.
    #[must_use]
    pub fn bytes(&self) -> &Arc<Vec<u8>> {
        &self.bytes
    }
}

/// Adds one entry whose header holds nothing that changes from run to run.
pub(crate) fn append(archive: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, path: &str, bytes: &[u8], mode: u32) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive.append_data(&mut header, path, bytes).expect("writing to memory does not fail, and paths are short");
}

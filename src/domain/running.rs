//! What a pod's status says that it runs: every form of `imageID`.
//!
//! The forms were collected from containerd, CRI-O and Docker nodes. None of them is "the digest of
//! the tag": a repo digest may belong to an index or to one platform's manifest, to another
//! repository with the same content, or to an older index of it; a bare digest is the config's.

use super::{Digest, Repository};

/// The identity of what runs, as the runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Running {
    /// Nothing is reported yet.
    Absent,
    /// `repo@sha256:…`: an index or a platform manifest that some repository served.
    Manifest {
        /// The repository that the runtime names; not necessarily the one that was asked for.
        /// `None` where the name in front of the `@` is malformed.
        repository: Option<Repository>,
        /// Digest of an index or of a manifest.
        digest: Digest,
    },
    /// `docker.io/library/import-YYYY-MM-DD@sha256:…`: a manifest digest made by an import (`kind load`),
    /// in a repository that exists nowhere.
    Imported {
        /// Digest of the manifest that the import wrote.
        digest: Digest,
    },
    /// The config digest: containerd for images without a repo digest, CRI-O 1.28, Docker.
    Config {
        /// Digest of the config blob.
        digest: Digest,
        /// Docker says that no registry ever served it (`docker://sha256:…`).
        built_on_node: bool,
    },
    /// A form that nobody is known to write.
    Malformed,
}

impl Running {
    /// Reads `status.*Statuses[].imageID` (or an image volume's `imageRef`).
    #[must_use]
    pub fn parse(image_id: &str) -> Self {
        if image_id.is_empty() {
            return Self::Absent;
        }
        if let Some(rest) = image_id.strip_prefix("docker-pullable://") {
            return Self::repo_digest(rest);
        }
        if let Some(rest) = image_id.strip_prefix("docker://") {
            return match rest.parse() {
                Ok(digest) => Self::Config { digest, built_on_node: true },
                Err(_) => Self::Malformed,
            };
        }
        if image_id.contains('@') {
            return Self::repo_digest(image_id);
        }
        match image_id.parse().or_else(|_| Digest::from_sha256_hex(image_id)) {
            Ok(digest) => Self::Config { digest, built_on_node: false },
            Err(_) => Self::Malformed,
        }
    }

    fn repo_digest(text: &str) -> Self {
        let Some((name, digest)) = text.split_once('@') else {
            return Self::Malformed;
        };
        let Ok(digest) = digest.parse() else {
            return Self::Malformed;
        };
        if is_import_name(name) {
            return Self::Imported { digest };
        }
        Self::Manifest { repository: Repository::parse(name), digest }
    }

    /// The digest that is reported, whatever it is a digest of.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Absent | Self::Malformed => None,
            Self::Manifest { digest, .. } | Self::Imported { digest } | Self::Config { digest, .. } => Some(digest),
        }
    }

    /// Whether the form itself tells that the image was put on the node and not pulled.
    #[must_use]
    pub fn is_node_local(&self) -> bool {
        matches!(self, Self::Imported { .. } | Self::Config { built_on_node: true, .. })
    }
}

/// `import-YYYY-MM-DD` is what `ctr image import` calls an archive without names.
fn is_import_name(name: &str) -> bool {
    let Some(date) = name.rsplit('/').next().and_then(|last| last.strip_prefix("import-")) else {
        return false;
    };
    let shape: String =
        date.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    shape == "0000-00-00" && (name.starts_with("docker.io/library/") || !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "0f83c2a1b4d5e6f70f83c2a1b4d5e6f70f83c2a1b4d5e6f70f83c2a1b4d5e6f7";

    #[test]
    fn every_known_form_of_image_id_is_understood() {
        let digest = Digest::from_sha256_hex(HEX).unwrap();
        let manifest = |name: &str| Running::Manifest { repository: Repository::parse(name), digest: digest.clone() };
        let config = |built_on_node| Running::Config { digest: digest.clone(), built_on_node };
        for (image_id, expected) in [
            (String::new(), Running::Absent),
            (format!("docker.io/library/nginx@sha256:{HEX}"), manifest("docker.io/library/nginx")),
            (format!("127.0.0.1:5000/a/app@sha256:{HEX}"), manifest("127.0.0.1:5000/a/app")),
            (format!("sha256:{HEX}"), config(false)),
            (format!("docker.io/library/import-2026-11-23@sha256:{HEX}"), Running::Imported { digest: digest.clone() }),
            (HEX.to_owned(), config(false)),
            (format!("docker-pullable://reg.example.com/app@sha256:{HEX}"), manifest("reg.example.com/app")),
            (format!("docker-pullable://nginx@sha256:{HEX}"), manifest("docker.io/library/nginx")),
            (format!("docker://sha256:{HEX}"), config(true)),
            (format!("docker.io/library/import-tool@sha256:{HEX}"), manifest("docker.io/library/import-tool")),
            (format!("reg.example.com/import-2026-11-23@sha256:{HEX}"), manifest("reg.example.com/import-2026-11-23")),
            ("nginx:1.27".to_owned(), Running::Malformed),
            ("nginx@sha256:abc".to_owned(), Running::Malformed),
            ("docker://nginx".to_owned(), Running::Malformed),
        ] {
            assert_eq!(Running::parse(&image_id), expected, "{image_id}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = Running::parse(&text);
        }

        #[test]
        fn a_reported_digest_is_never_changed(hex in "[0-9a-f]{64}", name in "[a-z]{1,8}(/[a-z]{1,8}){0,2}") {
            for form in [format!("{name}@sha256:{hex}"), format!("docker-pullable://{name}@sha256:{hex}"), format!("sha256:{hex}"), hex.clone(), format!("docker://sha256:{hex}")] {
                let running = Running::parse(&form);
                prop_assert_eq!(running.digest().map(Digest::hex), Some(hex.as_str()), "{}", form);
            }
        }
    }
}

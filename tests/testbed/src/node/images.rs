//! A node's image store, with the measured behaviour of real runtimes.
//!
//! Content is known by its config digest; any number of references (tags and repo digests, of any repository) lead to
//! it. What a pod reports as `imageID` is chosen among *all* references of the content, and not by what was pulled for
//! it: that is what makes naive comparisons wrong, and why it is simulated faithfully.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::reference::Reference;

/// The container runtime of a node, for the forms in which it reports what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Runtime {
    /// containerd 2.4: the first repo digest of the content, in whatever repository.
    #[default]
    Containerd24,
    /// containerd 1.6: where another repository holds the content too, the own repository with the platform's manifest.
    Containerd16,
    /// CRI-O: the own repository, with the digest that the tag served (of an index, if it is one).
    CriO,
    /// CRI-O where it reports the platform's manifest.
    CriOPlatform,
    /// CRI-O 1.28: the config digest without its prefix.
    CriO128,
    /// docker through cri-dockerd.
    Docker,
}

impl Runtime {
    /// `containerRuntimeVersion` of a node.
    pub fn version(self) -> &'static str {
        match self {
            Self::Containerd24 => "containerd://2.4.2",
            Self::Containerd16 => "containerd://1.6.28",
            Self::CriO | Self::CriOPlatform => "cri-o://1.31.2",
            Self::CriO128 => "cri-o://1.28.4",
            Self::Docker => "docker://27.3.1",
        }
    }

    /// How container ids begin.
    pub fn scheme(self) -> &'static str {
        self.version().split("://").next().unwrap_or_default()
    }
}

/// Content that can be put on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Digest of the config: the identity of the content.
    pub config_digest: String,
    /// Digest of the platform's manifest.
    pub manifest_digest: String,
    /// `sizeBytes`.
    pub size: u64,
    /// What its container runs if the pod does not say: entrypoint and command.
    pub command: Vec<String>,
}

impl Content {
    /// Content by its digests.
    pub fn new(config_digest: &str, manifest_digest: &str) -> Self {
        Self {
            config_digest: config_digest.into(),
            manifest_digest: manifest_digest.into(),
            size: 1_000_000,
            command: Vec::new(),
        }
    }
}

/// Who may use a pulled image without asking the registry again.
#[derive(Debug, Clone, Default)]
struct PulledBy {
    everybody: bool,
    credentials: HashSet<String>,
}

/// The images of one node.
#[derive(Debug, Default)]
pub struct ImageStore {
    contents: HashMap<String, Content>,
    /// Full references, `host/repository:tag` and `host/repository@digest`, to config digests.
    references: BTreeMap<String, String>,
    /// For each full reference with a digest: the platform's manifest, and whether it is what was pulled last.
    served: HashMap<String, String>,
    /// By config digest and repository.
    pulled_by: HashMap<(String, String), PulledBy>,
    /// Contents that some kubelet pulled: others are preloaded, and free for all.
    kubelet_pulled: HashSet<String>,
}

impl ImageStore {
    /// Notes a pull: the tag moves to the content, and the repo digest is added.
    pub fn add_pulled(&mut self, reference: &Reference, top_digest: &str, content: &Content, credential: Option<&str>) {
        let config = content.config_digest.clone();
        self.contents.insert(config.clone(), content.clone());
        self.references.insert(reference.normalized(), config.clone());
        self.references.insert(format!("{}@{top_digest}", reference.name()), config.clone());
        self.served.insert(reference.normalized(), top_digest.to_owned());
        self.kubelet_pulled.insert(config.clone());
        let pulled_by = self.pulled_by.entry((config, reference.name())).or_default();
        match credential {
            None => pulled_by.everybody = true,
            Some(credential) => drop(pulled_by.credentials.insert(credential.to_owned())),
        }
        self.forget_unreferenced();
    }

    /// Puts content on the node as `ctr images import` does: under a tag, without any repo digest.
    pub fn import(&mut self, reference: &Reference, content: &Content) {
        self.contents.insert(content.config_digest.clone(), content.clone());
        self.references.insert(reference.normalized(), content.config_digest.clone());
        self.forget_unreferenced();
    }

    /// Puts content on the node as `kind load` does: with a repo digest in a repository that exists nowhere.
    pub fn import_as_kind(&mut self, reference: &Reference, content: &Content, date: &str) {
        self.import(reference, content);
        let digest_reference = format!("docker.io/library/import-{date}@{}", content.manifest_digest);
        self.references.insert(digest_reference, content.config_digest.clone());
    }

    /// Removes one reference; content without any is gone.
    pub fn remove(&mut self, reference: &str) -> bool {
        let full = Reference::parse(reference).map_or_else(|_| reference.to_owned(), |parsed| parsed.normalized());
        let removed = self.references.remove(&full).is_some();
        self.forget_unreferenced();
        removed
    }

    fn forget_unreferenced(&mut self) {
        let used: BTreeSet<&String> = self.references.values().collect();
        self.contents.retain(|config, _| used.contains(config));
    }

    /// The content that a reference leads to on this node.
    pub fn find(&self, reference: &Reference) -> Option<&Content> {
        self.contents.get(self.references.get(&reference.normalized())?)
    }

    /// Whether a pod with these credentials must ask the registry although the content is here
    /// (`KubeletEnsureSecretPulledImages`, on since Kubernetes 1.35).
    pub fn must_verify(&self, reference: &Reference, credentials: &[String]) -> bool {
        let Some(content) = self.find(reference) else { return true };
        if !self.kubelet_pulled.contains(&content.config_digest) {
            return false;
        }
        match self.pulled_by.get(&(content.config_digest.clone(), reference.name())) {
            None => true,
            Some(by) => !by.everybody && !credentials.iter().any(|credential| by.credentials.contains(credential)),
        }
    }

    fn names(&self, config: &str, digests: bool) -> Vec<&str> {
        self.references
            .iter()
            .filter(|(reference, found)| *found == config && reference.contains('@') == digests)
            .map(|(reference, _)| reference.as_str())
            .collect()
    }

    /// The first tag that leads to the content, else the bare config digest: what a pod shows as `image`.
    pub fn shown_image(&self, runtime: Runtime, reference: &Reference, config: &str) -> String {
        let own = || match reference.digest {
            Some(_) => reference.normalized(),
            None => format!("{}:{}", reference.name(), reference.tag().unwrap_or("latest")),
        };
        match runtime {
            Runtime::Containerd24 | Runtime::Containerd16 => {
                self.names(config, false).first().map_or_else(|| config.to_owned(), |tag| (*tag).to_owned())
            }
            Runtime::Docker => {
                own().trim_start_matches("docker.io/library/").trim_start_matches("docker.io/").to_owned()
            }
            _ => own(),
        }
    }

    /// What a pod that was started from `reference` reports as `imageID`.
    pub fn image_id(&self, runtime: Runtime, reference: &Reference, config: &str) -> String {
        let digests = self.names(config, true);
        let own_prefix = format!("{}@", reference.name());
        let own = digests.iter().find(|digest| digest.starts_with(&own_prefix));
        let platform = || {
            let manifest = self.contents.get(config).map_or("", |content| content.manifest_digest.as_str());
            format!("{own_prefix}{manifest}")
        };
        let Some(first) = digests.first() else {
            return match runtime {
                Runtime::CriO128 => config.trim_start_matches("sha256:").to_owned(),
                Runtime::Docker => format!("docker://{config}"),
                _ => config.to_owned(),
            };
        };
        match runtime {
            Runtime::Containerd24 => (*first).to_owned(),
            Runtime::Containerd16 => match own {
                Some(_) if digests.iter().any(|digest| !digest.starts_with(&own_prefix)) => platform(),
                _ => (*first).to_owned(),
            },
            Runtime::CriO => match self.served.get(&reference.normalized()) {
                Some(digest) => format!("{own_prefix}{digest}"),
                None => own.unwrap_or(first).to_string(),
            },
            Runtime::CriOPlatform => platform(),
            Runtime::CriO128 => config.trim_start_matches("sha256:").to_owned(),
            Runtime::Docker => format!("docker-pullable://{}", own.unwrap_or(first)),
        }
    }

    /// `status.images` of the node: grouped by content, biggest first, at most 50 images with at most 5 names each, repo
    /// digests before tags.
    pub fn status_images(&self) -> Vec<Value> {
        let mut contents: Vec<&Content> = self.contents.values().collect();
        contents.sort_by(|left, right| {
            right.size.cmp(&left.size).then_with(|| left.config_digest.cmp(&right.config_digest))
        });
        contents
            .into_iter()
            .take(50)
            .map(|content| {
                let mut names = self.names(&content.config_digest, true);
                names.extend(self.names(&content.config_digest, false));
                names.truncate(5);
                json!({"names": names, "sizeBytes": content.size})
            })
            .collect()
    }

    /// All references on the node with the config digests that they lead to.
    pub fn references(&self) -> &BTreeMap<String, String> {
        &self.references
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    fn reference(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    fn content(config: char, manifest: char) -> Content {
        Content::new(&digest(config), &digest(manifest))
    }

    #[test]
    fn one_content_under_two_references_reports_the_smallest_repo_digest_even_of_another_repository() {
        let mut store = ImageStore::default();
        let (plain, index) = (reference("reg.io/a/app:1.0"), reference("reg.io/b/multi:v1"));
        store.add_pulled(&plain, &digest('c'), &content('1', 'c'), None);
        store.add_pulled(&index, &digest('d'), &content('1', 'c'), None);
        let config = digest('1');
        assert_eq!(store.shown_image(Runtime::Containerd24, &index, &config), "reg.io/a/app:1.0");
        assert_eq!(store.image_id(Runtime::Containerd24, &index, &config), format!("reg.io/a/app@{}", digest('c')));
        assert_eq!(store.image_id(Runtime::Containerd16, &index, &config), format!("reg.io/b/multi@{}", digest('c')));
        assert_eq!(
            store.status_images()[0]["names"],
            json!([
                format!("reg.io/a/app@{}", digest('c')),
                format!("reg.io/b/multi@{}", digest('d')),
                "reg.io/a/app:1.0",
                "reg.io/b/multi:v1",
            ])
        );
    }

    #[test]
    fn one_content_under_three_index_digests_reports_the_smallest_whatever_the_order_of_pulling() {
        for order in [['6', '8', 'c'], ['c', '6', '8'], ['8', 'c', '6']] {
            let mut store = ImageStore::default();
            let tag = reference("reg.io/c/rewrap:v1");
            for index in order {
                store.add_pulled(&tag, &digest(index), &content('1', 'a'), None);
            }
            let reported = store.image_id(Runtime::Containerd24, &tag, &digest('1'));
            assert_eq!(reported, format!("reg.io/c/rewrap@{}", digest('6')));
            assert_eq!(store.status_images().len(), 1);
        }
    }

    #[test]
    fn a_tag_that_moved_leaves_the_old_content_with_its_repo_digest_only() {
        let mut store = ImageStore::default();
        let tag = reference("reg.io/app:1.0");
        store.add_pulled(&tag, &digest('a'), &content('1', 'a'), None);
        store.add_pulled(&tag, &digest('b'), &content('2', 'b'), None);
        assert_eq!(store.find(&tag).unwrap().config_digest, digest('2'));
        assert_eq!(store.image_id(Runtime::Containerd24, &tag, &digest('1')), format!("reg.io/app@{}", digest('a')));
        assert_eq!(store.shown_image(Runtime::Containerd24, &tag, &digest('1')), digest('1'));
    }

    #[test]
    fn imported_content_is_reported_by_its_config_digest() {
        let mut store = ImageStore::default();
        let tag = reference("registry.example.com/team/imported:1");
        store.import(&tag, &content('9', 'a'));
        assert_eq!(store.image_id(Runtime::Containerd24, &tag, &digest('9')), digest('9'));
        assert_eq!(store.image_id(Runtime::Docker, &tag, &digest('9')), format!("docker://{}", digest('9')));
        assert_eq!(store.image_id(Runtime::CriO128, &tag, &digest('9')), "9".repeat(64));
        assert!(!store.must_verify(&tag, &[]));
    }

    #[test]
    fn kind_load_reports_a_repository_that_exists_nowhere() {
        let mut store = ImageStore::default();
        let tag = reference("team/app:dev");
        store.import_as_kind(&tag, &content('9', 'a'), "2026-11-23");
        assert_eq!(
            store.image_id(Runtime::Containerd24, &tag, &digest('9')),
            format!("docker.io/library/import-2026-11-23@{}", digest('a'))
        );
    }

    #[test]
    fn a_removed_reference_leaves_running_content_with_its_bare_config_digest() {
        let mut store = ImageStore::default();
        let tag = reference("reg.io/app:1.0");
        store.add_pulled(&tag, &digest('a'), &content('1', 'a'), None);
        assert!(store.remove("reg.io/app:1.0"));
        assert!(store.remove(&format!("reg.io/app@{}", digest('a'))));
        assert_eq!(store.image_id(Runtime::Containerd24, &tag, &digest('1')), digest('1'));
        assert!(store.status_images().is_empty());
    }

    #[test]
    fn cri_o_and_docker_report_in_their_own_forms() {
        let mut store = ImageStore::default();
        let tag = reference("reg.io/app:1.0");
        store.add_pulled(&tag, &digest('d'), &content('1', 'a'), None);
        let config = digest('1');
        assert_eq!(store.image_id(Runtime::CriO, &tag, &config), format!("reg.io/app@{}", digest('d')));
        assert_eq!(store.image_id(Runtime::CriOPlatform, &tag, &config), format!("reg.io/app@{}", digest('a')));
        assert_eq!(
            store.image_id(Runtime::Docker, &tag, &config),
            format!("docker-pullable://reg.io/app@{}", digest('d'))
        );
    }

    #[test]
    fn other_credentials_make_the_kubelet_ask_again() {
        let mut store = ImageStore::default();
        let tag = reference("reg.io/app:1.0");
        store.add_pulled(&tag, &digest('d'), &content('1', 'a'), Some("first"));
        assert!(!store.must_verify(&tag, &["first".into()]));
        assert!(store.must_verify(&tag, &["second".into()]));
        store.add_pulled(&tag, &digest('d'), &content('1', 'a'), None);
        assert!(!store.must_verify(&tag, &[]));
    }
}

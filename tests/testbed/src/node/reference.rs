//! Image references as container runtimes read them.

/// A reference, normalised: the host and the repository are always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `docker.io`, `127.0.0.1:5000`.
    pub host: String,
    /// `library/nginx`.
    pub repository: String,
    /// The tag as written, if any.
    pub explicit_tag: Option<String>,
    /// `sha256:…`, if written.
    pub digest: Option<String>,
}

/// Whether it is `sha256:` and 64 hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
    })
}

impl Reference {
    /// Parses what stands in a pod's spec. The error is worded as the kubelet's.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| Err(format!("couldn't parse image name \"{text}\": invalid reference format{why}"));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some(_) => return bad(""),
            None => (text, None),
        };
        let (rest, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (rest, None),
        };
        let tag_is_valid = |tag: &str| {
            !tag.is_empty()
                && tag.len() <= 128
                && !tag.starts_with(['.', '-'])
                && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        if tag.as_deref().is_some_and(|tag| !tag_is_valid(tag)) {
            return bad("");
        }
        let (host, repository) = match rest.split_once('/') {
            // The reference grammar also takes a first part with capital letters for a host.
            Some((first, path))
                if first.contains(['.', ':'])
                    || first == "localhost"
                    || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
            {
                let host =
                    if matches!(first, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { first };
                (host.to_owned(), path.to_owned())
            }
            _ => ("docker.io".to_owned(), rest.to_owned()),
        };
        let repository = if host == "docker.io" && !repository.contains('/') && !repository.is_empty() {
            format!("library/{repository}")
        } else {
            repository
        };
        if let Some(upper) = repository.split('/').find(|part| part.bytes().any(|byte| byte.is_ascii_uppercase())) {
            return bad(&format!(": repository name ({upper}) must be lowercase"));
        }
        let part_is_valid = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte))
                && !part.starts_with(['.', '-', '_'])
                && !part.ends_with(['.', '-', '_'])
        };
        if repository.is_empty() || !repository.split('/').all(part_is_valid) {
            return bad("");
        }
        Ok(Self { host, repository, explicit_tag: tag, digest })
    }

    /// Host and repository, as a repo digest begins.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The tag that is asked for; `None` beside a digest without a tag.
    pub fn tag(&self) -> Option<&str> {
        match (&self.explicit_tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, Some(_)) => None,
            (None, None) => Some("latest"),
        }
    }

    /// The full text under which a runtime keeps it. A digest beside a tag wins, and the tag is not kept.
    pub fn normalized(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}@{digest}", self.name()),
            None => format!("{}:{}", self.name(), self.tag().unwrap_or("latest")),
        }
    }

    /// What stands behind `/manifests/`: the digest, or else the tag.
    pub fn manifest_key(&self) -> &str {
        self.digest.as_deref().unwrap_or_else(|| self.tag().unwrap_or("latest"))
    }

    /// Whether the registry speaks plain http because it is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a host (with or without a port) is this machine.
pub fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.starts_with("127.") || name == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_belong_to_docker_hub() {
        for text in ["nginx:1.27", "library/nginx:1.27", "docker.io/nginx:1.27", "index.docker.io/library/nginx:1.27"] {
            assert_eq!(Reference::parse(text).unwrap().normalized(), "docker.io/library/nginx:1.27");
        }
    }

    #[test]
    fn a_host_has_a_dot_or_a_colon_or_is_localhost() {
        assert_eq!(Reference::parse("localhost/app").unwrap().normalized(), "localhost/app:latest");
        assert_eq!(Reference::parse("127.0.0.1:5000/a/b").unwrap().host, "127.0.0.1:5000");
        assert_eq!(Reference::parse("team/app:1").unwrap().name(), "docker.io/team/app");
    }

    #[test]
    fn a_digest_beside_a_tag_wins() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let reference = Reference::parse(&format!("127.0.0.1:5000/app:1.0@{digest}")).unwrap();
        assert_eq!(reference.normalized(), format!("127.0.0.1:5000/app@{digest}"));
        assert_eq!(reference.tag(), Some("1.0"));
    }

    #[test]
    fn a_bad_name_is_refused_in_the_kubelets_words() {
        assert_eq!(
            Reference::parse("Bad/NAME:1").unwrap_err(),
            "couldn't parse image name \"Bad/NAME:1\": invalid reference format: repository name (NAME) must be lowercase"
        );
        assert!(Reference::parse("app:").is_err());
    }
}

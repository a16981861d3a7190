//! A registry that answers this machine elsewhere than where the pods' references say, and which credentials may go
//! there.
//!
//! A local login is looked up under the name that is asked: it is this machine's own. What pull secrets hold was given for
//! the name inside, so it goes there and to this machine itself, and to no third place.

use std::sync::Arc;

use url::Url;

use super::clients::is_loopback;
use super::host::addresses;
use super::options::RegistryOptions;
use crate::domain::Repository;
use crate::domain::remote::Failure;

/// The other place of a registry.
#[derive(Debug)]
pub(super) struct Outside {
    /// Host and port, as a reference would name them.
    host: Arc<str>,
    /// Whether what was given for the name inside may be shown there.
    pub(super) takes_pull_secrets: bool,
    /// What the cluster says about it.
    help: Option<String>,
}

impl Outside {
    /// For the registry that pods call `inside`: the place, and its addresses, the likeliest first. `place` is a URL, or
    /// a host that is asked as any other is.
    pub(super) fn of(
        inside: &str,
        place: &str,
        help: Option<String>,
        options: &RegistryOptions,
    ) -> Result<(Self, Vec<Url>), Failure> {
        let bases = if place.contains("://") {
            vec![
                Url::parse(place)
                    .map_err(|_| Failure::Unreachable("the address that was given for it is no URL".to_owned()))?,
            ]
        } else {
            addresses(place, options)?
        };
        let host = bases.first().map(name_of).unwrap_or_default();
        let takes_pull_secrets = bases.iter().all(is_loopback) || without_port(&host) == without_port(inside);
        Ok((Self { host: host.into(), takes_pull_secrets, help }, bases))
    }

    /// What it is called there.
    pub(super) fn repository(&self, inside: &Repository) -> Repository {
        Repository { registry: Arc::clone(&self.host), path: Arc::clone(&inside.path) }
    }

    /// A failure, with the place where it happened.
    pub(super) fn told(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Unreachable(cause) => {
                Failure::UnreachableAt { host: self.host.to_string(), cause, help: self.help.clone() }
            }
            other => other,
        }
    }
}

/// The host of an address as references write it: Docker Hub answers under another name than it has.
fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let name = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    match Repository::parse(&format!("{name}/x")) {
        Some(repository) => repository.registry.to_string(),
        None => name,
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_secrets_go_to_the_host_they_name_and_to_this_machine() {
        let options = RegistryOptions { insecure_registries: vec!["b.example.com:5000".into()], ..Default::default() };
        for (inside, place, bases, takes) in [
            ("kind-registry:5000", "localhost:5001", vec!["http://localhost:5001/", "https://localhost:5001/"], true),
            ("kind-registry:5000", "http://127.0.0.1:5001", vec!["http://127.0.0.1:5001/"], true),
            ("kind-registry:5000", "[::1]:5001", vec!["http://[::1]:5001/", "https://[::1]:5001/"], true),
            ("a.example.com:5000", "https://a.example.com", vec!["https://a.example.com/"], true),
            ("a.example.com:5000", "a.example.com:443", vec!["https://a.example.com/"], true),
            ("docker.io", "https://registry-1.docker.io", vec!["https://registry-1.docker.io/"], true),
            ("docker.io", "https://cache.example.com/hub", vec!["https://cache.example.com/hub"], false),
            ("a.example.com", "b.example.com", vec!["https://b.example.com/"], false),
            ("a.example.com", "http://b.example.com", vec!["http://b.example.com/"], false),
            ("a.example.com", "a.example.com.evil.org", vec!["https://a.example.com.evil.org/"], false),
            ("a.example.com", "localhost.evil.org", vec!["https://localhost.evil.org/"], false),
            ("[::1]:5000", "[::2]:5000", vec!["https://[::2]:5000/"], false),
            ("a:5000", "b.example.com:5000", vec!["https://b.example.com:5000/", "http://b.example.com:5000/"], false),
        ] {
            let (outside, found) = Outside::of(inside, place, None, &options).unwrap();
            assert_eq!(found.iter().map(Url::as_str).collect::<Vec<_>>(), bases, "{inside} at {place}");
            assert_eq!(outside.takes_pull_secrets, takes, "{inside} at {place}");
        }
    }

    #[test]
    fn a_login_is_looked_up_under_the_name_that_is_asked() {
        for (place, expected) in [
            ("http://localhost:5001", "localhost:5001/shop/web"),
            ("https://cache.example.com/hub", "cache.example.com/shop/web"),
            ("https://registry-1.docker.io", "docker.io/shop/web"),
        ] {
            let (outside, _) = Outside::of("kind-registry:5000", place, None, &RegistryOptions::default()).unwrap();
            let inside = Repository::parse("kind-registry:5000/shop/web").unwrap();
            assert_eq!(outside.repository(&inside).to_string(), expected);
        }
    }
}

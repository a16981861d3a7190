//! `--registry-mirror HOST=URL`, and the same pairs in the environment.

use std::collections::BTreeMap;

use url::Url;

use crate::domain::Repository;
use crate::domain::reference::is_registry_host;
use crate::error::AppError;
use crate::text::excerpt;

const EXAMPLE: &str = "write it as in `registry.localhost:5000=http://localhost:5001`";

/// Where a registry answers this machine, by the host that pods name.
pub(super) type Mirrors = BTreeMap<String, String>;

/// Reads the pairs of a flag or variable. An address is never repeated in an error: it may hold a password.
pub(super) fn mirrors<'a>(source: &str, pairs: impl IntoIterator<Item = &'a str>) -> Result<Mirrors, AppError> {
    let mut mirrors = Mirrors::new();
    for pair in pairs {
        let (host, place) = mirror(source, pair)?;
        if mirrors.get(&host).is_some_and(|other| *other != place) {
            return Err(
                AppError::usage(format!("`{source}` has two places for `{host}`")).hint("leave out one of them")
            );
        }
        mirrors.insert(host, place);
    }
    Ok(mirrors)
}

fn mirror(source: &str, pair: &str) -> Result<(String, String), AppError> {
    if pair.contains('@') {
        return Err(AppError::usage(format!("the URL of `{source}` must not contain a user name or password"))
            .hint("log in with `docker login` to the host that the URL names"));
    }
    let Some((host, place)) = pair.split_once('=').map(|(host, place)| (host.trim(), place.trim())) else {
        return Err(AppError::usage(format!("`{source}` needs HOST=URL, not `{}`", excerpt(pair, 100))).hint(EXAMPLE));
    };
    if !is_registry_host(host) {
        return Err(AppError::usage(format!("`{source}` needs a registry's host, not `{}`", excerpt(host, 100)))
            .hint("write it as in an image's name: `registry.localhost:5000`"));
    }
    // As references are read: Docker Hub's names are one.
    let host = host.to_ascii_lowercase();
    let host = match Repository::parse(&format!("{host}/x")) {
        Some(repository) if host.contains(['.', ':']) => repository.registry.to_string(),
        _ => host,
    };
    match readable(place) {
        Some(place) => Ok((host, place)),
        None => Err(AppError::usage(format!("the URL of `{source}` for `{host}` cannot be read")).hint(EXAMPLE)),
    }
}

/// A base URL without its last slash, or a host alone, which is asked as container tools ask any.
fn readable(place: &str) -> Option<String> {
    if !place.contains("://") {
        return is_registry_host(place).then(|| place.to_ascii_lowercase());
    }
    let url = Url::parse(place).ok()?;
    let is_base = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_base.then(|| url.as_str().trim_end_matches('/').to_owned())
}

//! Tags that move by design.

/// Names that registries' users re-push on purpose. Compared without case, as whole words between `-`,
/// `.` and `_`: `main-alpine` floats as `main` does, `maintenance-3` does not.
const FLOATING: [&str; 22] = [
    "latest",
    "head",
    "canary",
    "main",
    "master",
    "trunk",
    "edge",
    "nightly",
    "dev",
    "devel",
    "develop",
    "development",
    "stable",
    "testing",
    "unstable",
    "next",
    "current",
    "snapshot",
    "rolling",
    "staging",
    "prod",
    "production",
];

/// Whether a tag floats by its name. A digit anywhere makes it a version or a build of its own
/// (`nightly-2026-11-23`, `1.27-stable`), for which nothing can be said.
#[must_use]
pub fn is_floating(tag: &str) -> bool {
    let word_floats = |word: &str| FLOATING.iter().any(|floating| word.eq_ignore_ascii_case(floating));
    !tag.bytes().any(|byte| byte.is_ascii_digit()) && tag.split(['-', '.', '_']).any(word_floats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_float_and_versions_do_not() {
        for tag in ["latest", "HEAD", "main", "main-alpine", "edge", "Nightly"] {
            assert!(is_floating(tag), "{tag}");
        }
        for tag in ["1.0", "v7", "nightly-2026-11-23", "1.27-stable", "maintenance", "alpine", "3f2c1d"] {
            assert!(!is_floating(tag), "{tag}");
        }
    }
}

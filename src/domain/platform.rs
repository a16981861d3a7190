//! Which image of an index a node would run.

use std::fmt;

/// What an image is built for, or what a node is.
///
/// Nodes tell operating system and architecture only; the CPU variant of a node is known to nobody
/// but its runtime.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// As Go writes it: `linux`, `windows`.
    pub os: String,
    /// As Go writes it: `amd64`, `arm64`, `arm`.
    pub architecture: String,
    /// `v6`, `v7`, `v8`; `None` where none is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Windows only: the build, such as `10.0.20348` on a node or `10.0.20348.2113` in an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl Platform {
    /// A platform without variant and version.
    #[must_use]
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: None, os_version: None }
    }

    /// The variant as runtimes compare it: `v8` of arm64 and `v1` of amd64 are what "no variant" means
    /// there (containerd's `platforms` normalises the same way).
    #[must_use]
    pub fn normal_variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", Some("v8" | "8")) | ("amd64", Some("v1")) | (_, Some("")) => None,
            (_, variant) => variant,
        }
    }

    /// Whether an image for `self` can run on `node`, as far as the node tells.
    #[must_use]
    pub fn fits(&self, node: &Self) -> bool {
        let build_fits = match (&node.os_version, &self.os_version) {
            (Some(node_build), Some(image_build)) if self.os == "windows" => image_build
                .strip_prefix(node_build.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
            _ => true,
        };
        self.os == node.os && self.architecture == node.architecture && build_fits
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(formatter, "/{variant}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_variant(architecture: &str, variant: &str) -> Platform {
        Platform { variant: Some(variant.to_owned()), ..Platform::new("linux", architecture) }
    }

    #[test]
    fn the_default_variants_are_the_same_as_none() {
        assert_eq!(with_variant("arm64", "v8").normal_variant(), None);
        assert_eq!(with_variant("amd64", "v1").normal_variant(), None);
        assert_eq!(with_variant("arm", "v7").normal_variant(), Some("v7"));
        assert_eq!(with_variant("amd64", "v3").normal_variant(), Some("v3"));
    }

    #[test]
    fn a_windows_image_fits_only_its_own_build() {
        let windows =
            |build: &str| Platform { os_version: Some(build.to_owned()), ..Platform::new("windows", "amd64") };
        assert!(windows("10.0.20348.2113").fits(&windows("10.0.20348")));
        assert!(!windows("10.0.17763.5122").fits(&windows("10.0.20348")));
        assert!(!windows("10.0.203481.1").fits(&windows("10.0.20348")));
        assert!(windows("10.0.20348.2113").fits(&Platform::new("windows", "amd64")));
        assert!(!Platform::new("linux", "amd64").fits(&windows("10.0.20348")));
    }
}

//! Content digests, as the OCI image specification writes them (`descriptor.md`, "Digests").

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A validated digest: `sha256:` and 64, or `sha512:` and 128 lower-case hex digits.
///
/// Cheap to clone: a cluster names the same few digests thousands of times.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Arc<str>);

/// Why a text is no digest. The text itself is not repeated: the caller knows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no `algorithm:` in front.
    #[error("a digest has the form `sha256:` and 64 hex digits")]
    Form,
    /// The algorithm is none that runtimes or registries use.
    #[error("the digest algorithm is neither `sha256` nor `sha512`")]
    Algorithm,
    /// Too short, too long, or with characters other than `0-9a-f`.
    #[error("the hex part of the digest is malformed")]
    Hex,
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Digest {
    /// Makes a sha256 digest of 64 bare hex digits, the form in which CRI-O 1.28 reports an image.
    ///
    /// # Errors
    /// [`DigestError::Hex`] if it is anything else.
    pub fn from_sha256_hex(hex: &str) -> Result<Self, DigestError> {
        format!("sha256:{hex}").parse()
    }

    /// The whole text, `sha256:…`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The algorithm, `sha256` or `sha512`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.0.split_once(':').map_or("", |(algorithm, _)| algorithm)
    }

    /// The hex digits alone.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// The algorithm and the first `digits` hex digits: enough for a person to tell two apart.
    #[must_use]
    pub fn short(&self, digits: usize) -> &str {
        let end = self.algorithm().len() + 1 + digits;
        self.0.get(..end).unwrap_or(&self.0)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::Form)?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err(DigestError::Algorithm),
        };
        // Upper-case digits are refused as the specification does: two spellings of one digest
        // would compare as different contents.
        let valid = hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(text.into())) } else { Err(DigestError::Hex) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_lower_case_hex_of_the_right_length_is_a_digest() {
        let hex = "a".repeat(64);
        assert!(format!("sha256:{hex}").parse::<Digest>().is_ok());
        assert!(format!("sha512:{hex}{hex}").parse::<Digest>().is_ok());
        for (text, error) in [
            (hex.clone(), DigestError::Form),
            (format!("sha256:{}", "A".repeat(64)), DigestError::Hex),
            (format!("sha256:{}", "a".repeat(63)), DigestError::Hex),
            (format!("sha512:{hex}"), DigestError::Hex),
            (format!("md5:{hex}"), DigestError::Algorithm),
            (String::new(), DigestError::Form),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        }
    }

    #[test]
    fn the_short_form_keeps_the_algorithm() {
        let digest: Digest = format!("sha256:{}", "0123456789abcdef".repeat(4)).parse().unwrap();
        assert_eq!(digest.short(6), "sha256:012345");
        assert_eq!(digest.short(500), digest.as_str());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_written_back_unchanged(hex in "[0-9a-f]{64}") {
            let text = format!("sha256:{hex}");
            let digest: Digest = text.parse().unwrap();
            prop_assert_eq!(digest.as_str(), &text);
            prop_assert_eq!(Digest::from_sha256_hex(&hex).unwrap(), digest);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = text.parse::<Digest>();
        }
    }
}

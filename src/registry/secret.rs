//! Secrets in types that cannot print themselves: neither a `Debug` of a whole state nor an error's
//! text can carry a password out.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// A password or token. Compares and hashes by content, never shows it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Secret(Arc<str>);

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that puts it on the wire.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// What can be shown to a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Credential {
    /// User name and password, also those that a registry issued as a pair ("robot accounts").
    Basic { user: Arc<str>, password: Secret },
    /// An OAuth refresh token, exchanged by POST at the token server.
    Identity(Secret),
    /// A bearer token that the registry takes as it is.
    Bearer(Secret),
}

impl Credential {
    /// Of the parts that a Docker config entry or a helper gives; `None` if they say nothing.
    pub(super) fn of_parts(user: &str, password: &str) -> Option<Self> {
        match (user, password) {
            (_, "") => None,
            // How helpers mark an identity token, which has no user.
            ("<token>", token) => Some(Self::Identity(Secret::new(token))),
            (user, password) => Some(Self::Basic { user: user.into(), password: Secret::new(password) }),
        }
    }
}

/// Encodes `user:password` for an `Authorization: Basic` header.
pub(super) fn basic(user: &str, password: &Secret) -> Secret {
    Secret::new(&STANDARD.encode(format!("{user}:{}", password.expose())))
}

/// Decodes the `auth` field of a Docker config. Some writers leave the padding out, some end it with a
/// line end, and old Docker clients padded the password with NUL.
pub(super) fn decode_basic(auth: &str) -> Option<(String, String)> {
    let auth = auth.trim();
    let bytes = STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.trim_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_output_shows_a_secret() {
        let all = [
            Credential::of_parts("anna", "hunter2"),
            Credential::of_parts("<token>", "hunter2"),
            Some(Credential::Bearer(Secret::new("hunter2"))),
        ];
        let shown = format!("{all:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("anna") && shown.contains("Identity"), "{shown}");
    }

    #[test]
    fn every_way_to_write_the_auth_field_is_read() {
        let pair = Some(("a".to_owned(), "b:c".to_owned()));
        for auth in ["YTpiOmM=", "YTpiOmM", " YTpiOmM=\n", "YTpiOmMA"] {
            assert_eq!(decode_basic(auth), pair, "{auth:?}");
        }
        for auth in ["", "!", "YQ==", "gICA"] {
            assert_eq!(decode_basic(auth), None, "{auth:?}");
        }
    }

    #[test]
    fn an_entry_without_a_password_is_no_credential() {
        assert_eq!(Credential::of_parts("anna", ""), None);
        assert_eq!(Credential::of_parts("", ""), None);
    }
}

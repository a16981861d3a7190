//! What a registry wants to see before it answers: the `WWW-Authenticate` header (RFC 9110, 11.6.1).
//!
//! One header may hold several challenges, and commas separate both challenges and their parameters;
//! quoted values may contain commas. So it is read token by token, never split at commas.

/// One way to log in that the registry offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with every request.
    Basic,
    /// A token from a token server.
    Bearer(Bearer),
}

/// The parameters of a `Bearer` challenge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bearer {
    /// Where tokens are issued.
    pub(super) realm: String,
    /// For whom; some token servers do without.
    pub(super) service: Option<String>,
    /// For what.
    pub(super) scope: Option<String>,
}

/// The challenge to take up among all headers: `Bearer` before `Basic`, because a registry that offers
/// both (Artifactory, Nexus) grants anonymous access through the token only.
pub(super) fn choose<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let offers: Vec<Challenge> = headers.into_iter().flat_map(parse).collect();
    let bearer = offers.iter().position(|offer| matches!(offer, Challenge::Bearer(_)));
    offers.into_iter().nth(bearer.unwrap_or(0))
}

/// The challenges of one header that are understood, in their order.
fn parse(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = Cursor(header);
    while let Some(scheme) = rest.word() {
        let mut parameters: Vec<(String, String)> = Vec::new();
        loop {
            // A word that is followed by `=` is a parameter of this scheme, any other starts the next.
            let mut ahead = rest;
            let Some(name) = ahead.word() else { break };
            let Some(value) = ahead.value() else { break };
            parameters.push((name.to_ascii_lowercase(), value));
            rest = ahead;
        }
        let mut take = |name: &str| {
            let at = parameters.iter().position(|(other, _)| other == name)?;
            Some(parameters.swap_remove(at).1).filter(|value| !value.is_empty())
        };
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = take("realm")
        {
            found.push(Challenge::Bearer(Bearer { realm, service: take("service"), scope: take("scope") }));
        }
    }
    found
}

#[derive(Clone, Copy)]
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    /// The next token, past commas and blanks; anything that no token can start with is skipped, so that a
    /// garbled header ends the reading instead of stopping it half-way.
    fn word(&mut self) -> Option<&'a str> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
        let start = self.0.bytes().position(is_token)?;
        let rest = &self.0[start..];
        let end = rest.bytes().position(|byte| !is_token(byte)).unwrap_or(rest.len());
        self.0 = &rest[end..];
        Some(&rest[..end])
    }

    /// `= value` or `= "quoted value"`; `None` if no `=` follows.
    fn value(&mut self) -> Option<String> {
        let rest = self.0.trim_start().strip_prefix('=')?.trim_start();
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find([',', ' ', '\t']).unwrap_or(rest.len());
            self.0 = &rest[end..];
            return Some(rest[..end].to_owned());
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        self.0 = "";
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer(Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        })
    }

    #[test]
    fn headers_as_registries_write_them() {
        let hub = bearer(
            "https://auth.docker.io/token",
            Some("registry.docker.io"),
            Some("repository:library/nginx:pull,push"),
        );
        for (header, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push""#,
                vec![hub.clone()],
            ),
            (
                r#"bearer Realm="https://auth.docker.io/token" , SERVICE=registry.docker.io, scope = "repository:library/nginx:pull,push",error="insufficient_scope""#,
                vec![hub.clone()],
            ),
            (r#"Basic realm="Registry, \"the\" one", charset=UTF-8"#, vec![Challenge::Basic]),
            ("Basic", vec![Challenge::Basic]),
            (
                r#"Basic realm="a, b", Bearer realm="https://t/token?x=1,2""#,
                vec![Challenge::Basic, bearer("https://t/token?x=1,2", None, None)],
            ),
            (
                r#"Negotiate, NTLM, Bearer realm="https://t",service="",Basic realm=x"#,
                vec![bearer("https://t", None, None), Challenge::Basic],
            ),
            (r#"Negotiate a87421000492aa874209af8bc028=="#, vec![]),
            (r#"Bearer service="x""#, vec![]),
            (r#"Bearer realm="https://t/unclosed"#, vec![bearer("https://t/unclosed", None, None)]),
            ("", vec![]),
            (",,= \"", vec![]),
        ] {
            assert_eq!(parse(header), expected, "{header}");
        }
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        assert_eq!(
            choose([r#"Basic realm="x""#, r#"Bearer realm="https://t""#]),
            Some(bearer("https://t", None, None))
        );
        assert_eq!(choose([r#"Basic realm="x""#]), Some(Challenge::Basic));
        assert_eq!(choose([]), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_hang(header in r#"([a-zA-Z]{0,6}|[,= "\\]|realm="|ü){0,40}"#) {
            let _ = parse(&header);
        }
    }
}

//! Where a list goes on: the `Link` header (RFC 8288).
//!
//! Commas separate links and stand inside addresses and quoted values as well, so it is read piece by piece.

use http::HeaderMap;
use http::header::LINK;

/// The address of the next page, as it is written: relative or absolute.
pub(super) fn next(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(next_in)
}

fn next_in(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (parameters, others) = after.split_at(unquoted(after, ',').unwrap_or(after.len()));
        if is_next(parameters) {
            return Some(target.trim());
        }
        rest = others;
    }
}

/// Whether one of a link's parameters is `rel=next`, among other relations perhaps.
fn is_next(parameters: &str) -> bool {
    let mut rest = parameters;
    loop {
        let (parameter, others) = rest.split_at(unquoted(rest, ';').unwrap_or(rest.len()));
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            let relations = value.trim().trim_matches('"');
            return relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"));
        }
        match others.strip_prefix(';') {
            Some(others) => rest = others,
            None => return false,
        }
    }
}

/// The first place of a character outside quotes.
fn unquoted(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().find_map(|(place, character)| {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            other if other == wanted && !quoted => return Some(place),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_next_page_is_found_however_the_header_is_written() {
        for (header, expected) in [
            (r#"</v2/app/tags/list?last=b&n=2>; rel="next""#, Some("/v2/app/tags/list?last=b&n=2")),
            (
                "<https://r.example.com/v2/app/tags/list?a=1,2>;rel=next",
                Some("https://r.example.com/v2/app/tags/list?a=1,2"),
            ),
            (r#"</a>; rel="prev", </b>; title="x, <y>; rel=next" ; REL="last Next", </c>; rel="first""#, Some("/b")),
            (r#"</a>; title="\"; rel=next, <z>"; rel="prev""#, None),
            (r#"</a>; rel="next prev"; rel="x""#, Some("/a")),
            ("</a>; rel=prev; rel=next", None),
            ("</a>", None),
            ("</a", None),
            ("/a; rel=next", None),
            ("", None),
        ] {
            assert_eq!(next_in(header), expected, "{header}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(next(&headers), None);
        headers.append(LINK, "</a>; rel=prev".parse().unwrap());
        headers.append(LINK, "</b>; rel=next".parse().unwrap());
        assert_eq!(next(&headers), Some("/b"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_hang(header in r#"([a-z]{0,3}|[<>;=,"\\ ]|rel=|ü){0,40}"#) {
            let _ = next_in(&header);
        }
    }
}

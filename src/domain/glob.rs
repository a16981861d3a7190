//! Patterns in which `*` is any number of characters, and everything else is itself.

/// Whether all of a text is as the pattern says. Each part is looked for once, from left to right, so that no pattern
/// takes longer than its length and the text's together.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(start).and_then(|text| text.strip_suffix(end)) else { return false };
    for part in middle.split('*') {
        match text.find(part) {
            Some(place) => text = &text[place + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_any_number_of_characters() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "a/b:c", true),
            ("**", "a", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*b*", "abc", true),
            ("*bc*bc*", "abcbc", true),
            ("*bc*bc*", "abc", false),
            ("kube-*", "kube-system", true),
            ("kube-*", "my-kube-system", false),
            ("docker.io/library/*", "docker.io/library/nginx:1.27", true),
            ("[a]?", "[a]?", true),
            ("ü*ß", "über den Fuß", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let start = std::time::Instant::now();
        assert!(!matches(&format!("{}b", "a*".repeat(20_000)), &"a".repeat(100_000)));
        assert!(!matches(&"*a".repeat(20_000), &format!("{}b", "a".repeat(100_000))));
        assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
    }

    /// What a star means, word by word.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|place| slowly(rest, &text[place..])),
            Some((first, rest)) => text.first() == Some(first) && slowly(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let characters = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(matches(&pattern, &text), slowly(&characters(&pattern), &characters(&text)));
        }
    }
}

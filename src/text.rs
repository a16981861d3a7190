//! Text from outside, made fit for a terminal.

use std::borrow::Cow;

/// Replaces every character that could steer a terminal (C0, C1, DEL, and the bidirectional and
/// invisible format characters that can make a line read as another one) by `\u{fffd}`; line ends and
/// tabs become spaces. Most text needs no change and is borrowed.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|character| match character {
                '\n' | '\r' | '\t' => ' ',
                other if is_unprintable(other) => '\u{fffd}',
                other => other,
            })
            .collect(),
    )
}

/// [`printable`], one line, cut to `limit` characters with `…` at the end.
#[must_use]
pub fn excerpt(text: &str, limit: usize) -> String {
    let clean = printable(text.trim());
    let folded = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.chars().count() <= limit {
        return folded;
    }
    let mut cut: String = folded.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The word as a POSIX shell takes it: quoted unless it is made of harmless characters. For commands that are
/// hinted at, because people copy them; names of owners are any text.
#[must_use]
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let harmless = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=,".contains(character);
    if !word.is_empty() && word.chars().all(harmless) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
    }
}

/// Whether a character could steer a terminal, or make a line read as another one.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(printable("\u{1b}[31mred\u{7f}"), "\u{fffd}[31mred\u{fffd}");
        assert_eq!(printable("a\nb\tc"), "a b c");
        assert_eq!(printable("\u{202e}gpj.exe"), "\u{fffd}gpj.exe");
        assert_eq!(printable("\u{61c}a\u{ad}b\u{180e}c\u{e0041}"), "\u{fffd}a\u{fffd}b\u{fffd}c\u{fffd}");
        assert!(matches!(printable("größe 大"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_excerpt_is_one_line_of_bounded_length() {
        assert_eq!(excerpt("  a \n\n b ", 10), "a b");
        assert_eq!(excerpt("abcdef", 4), "abc…");
    }

    #[test]
    fn a_copied_word_is_one_word_and_no_command() {
        for (word, quoted) in [
            ("deployment/web", "deployment/web"),
            ("job/x; touch y", "'job/x; touch y'"),
            ("job/$(id)`id`", "'job/$(id)`id`'"),
            ("job/it's", r"'job/it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), quoted);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_steers_a_terminal_is_left(text in any::<String>()) {
            prop_assert!(!printable(&text).chars().any(is_unprintable));
        }
    }
}

//! Columns on a terminal: how wide a text is, how it is wrapped and shortened.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The same without what paints it.
pub(super) fn width_unpainted(text: &str) -> usize {
    width(&anstream::adapter::strip_str(text).to_string())
}

/// Text with an indent; where the lines have a limit, it is broken at spaces and goes on further to the right. A text
/// that fits keeps its gaps.
pub(super) fn hanging(indent: usize, text: &str, limit: Option<usize>) -> Vec<String> {
    match limit {
        Some(limit) if indent + width_unpainted(text) > limit => {
            let lines = wrap(text, limit.saturating_sub(indent + 2));
            let indents = std::iter::once(indent).chain(std::iter::repeat(indent + 2));
            lines.iter().zip(indents).map(|(line, indent)| format!("{:indent$}{line}", "")).collect()
        }
        _ => vec![format!("{:indent$}{text}", "")],
    }
}

/// The longest start of a text that takes no more than so many columns.
pub(super) fn clipped(text: &str, room: usize) -> &str {
    if width(text) <= room {
        return text;
    }
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let next = at + character.len_utf8();
        if width(&text[..next]) > room {
            break;
        }
        end = next;
    }
    &text[..end]
}

/// The text, with `…` at the end where it does not fit.
pub(super) fn shortened(text: &str, room: usize) -> Cow<'_, str> {
    if width(text) <= room {
        return Cow::Borrowed(text);
    }
    match room.checked_sub(1) {
        Some(rest) => Cow::Owned(format!("{}…", clipped(text, rest))),
        None => Cow::Borrowed(""),
    }
}

/// Breaks a text at spaces into lines of at most `limit` columns. A word that is longer stays whole: half a digest or
/// name cannot be copied.
pub(super) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width_unpainted(&line) + 1 + width_unpainted(word) > limit {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The reference without what stands before a slash, `…/awesomeapp:1.0`, as far as needed to fit into `limit`
/// columns. The last part, which tells images apart, is never cut.
pub(super) fn shorten_image(image: &str, limit: usize) -> String {
    // A digest behind the name has no slash, so that the last slash always belongs to the name.
    let mut rest = image;
    let mut shortened = image.to_owned();
    while width(&shortened) > limit {
        let Some((_, after)) = rest.split_once('/') else { break };
        rest = after;
        shortened = format!("…/{rest}");
    }
    // One single part in front, such as `a/`, is not longer than what would stand for it.
    if width(&shortened) < width(image) { shortened } else { image.to_owned() }
}

/// Puts `paint(word)` in the place of `word` where it stands at a column of a line that is laid out already.
pub(super) fn paint_at(line: &str, column: usize, word: &str, paint: impl Fn(&str) -> String) -> String {
    let mut at = 0;
    for (offset, character) in line.char_indices() {
        if at == column && line[offset..].starts_with(word) {
            return format!("{}{}{}", &line[..offset], paint(word), &line[offset + word.len()..]);
        }
        if at >= column {
            break;
        }
        at += character.width().unwrap_or_default();
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a verylongword b", 4), ["a", "verylongword", "b"]);
        assert_eq!(wrap("大大 大大", 5), ["大大", "大大"]);
        assert!(wrap("  ", 4).is_empty());
    }

    #[test]
    fn an_image_loses_its_host_first_and_never_its_name() {
        let image = "reg.example.com/cp-enablement/awesomeapp:1.0";
        assert_eq!(shorten_image(image, 80), image);
        assert_eq!(shorten_image(image, 40), "…/cp-enablement/awesomeapp:1.0");
        assert_eq!(shorten_image(image, 20), "…/awesomeapp:1.0");
        assert_eq!(shorten_image(image, 3), "…/awesomeapp:1.0");
        assert_eq!(shorten_image("a/b:1", 3), "a/b:1");
    }

    #[test]
    fn only_the_word_in_its_column_is_painted() {
        let paint = |word: &str| format!("<{word}>");
        assert_eq!(paint_at("fresh   fresh   1", 8, "fresh", paint), "fresh   <fresh>   1");
        assert_eq!(paint_at("大   fresh", 5, "fresh", paint), "大   <fresh>");
        assert_eq!(paint_at("ab", 8, "fresh", paint), "ab");
    }
}

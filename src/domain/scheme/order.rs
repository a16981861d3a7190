//! Tags in the order in which people count: `v10` after `v9`.

use std::cmp::Ordering;

/// Compares piece by piece, runs of digits as numbers of any length and everything else as text.
#[must_use]
pub fn by_number(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (piece, rest) = piece(one);
        let (other_piece, other_rest) = self::piece(other);
        if piece.is_empty() || other_piece.is_empty() {
            return piece.len().cmp(&other_piece.len());
        }
        let is_number = |text: &str| text.starts_with(|character: char| character.is_ascii_digit());
        let order = if is_number(piece) && is_number(other_piece) {
            let value = |text: &'_ str| text.trim_start_matches('0').to_owned();
            let (value, other_value) = (value(piece), value(other_piece));
            value
                .len()
                .cmp(&other_value.len())
                .then_with(|| value.cmp(&other_value))
                .then_with(|| piece.cmp(other_piece))
        } else {
            piece.cmp(other_piece)
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (rest, other_rest);
    }
}

/// The digits, or the other characters, that a text begins with.
fn piece(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|character: char| character.is_ascii_digit());
    let end = text.find(|character: char| character.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_and_texts_sort() {
        let mut tags = ["v10", "v9", "1.10", "1.9", "1.9-alpine", "v09", "build-100", "build-20", ""];
        tags.sort_by(|one, other| by_number(one, other));
        assert_eq!(tags, ["", "1.9", "1.9-alpine", "1.10", "build-20", "build-100", "v09", "v9", "v10"]);
    }
}

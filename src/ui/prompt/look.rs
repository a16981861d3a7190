//! The look of the prompts: marks and colours are those of `dialoguer`'s theme, so that they are the ones that people
//! know from other programs.

use std::fmt;

use console::{Style, StyledObject, style};
use dialoguer::theme::{ColorfulTheme, Theme as _};

use crate::domain::diagnosis::Verdict;
use crate::text::printable;
use crate::ui::Palette;

/// Paints the parts of a prompt, or leaves them as they are.
pub(super) struct Look {
    theme: ColorfulTheme,
    palette: Palette,
}

impl Look {
    /// Whether there are colours is decided once for the whole program, and not again by what the theme finds.
    pub(super) fn new(palette: Palette) -> Self {
        let colored = palette.is_colored();
        let mark = |mark: StyledObject<String>| mark.force_styling(colored);
        let of = |style: Style| style.force_styling(colored);
        let usual = ColorfulTheme::default();
        let theme = ColorfulTheme {
            prompt_prefix: mark(usual.prompt_prefix),
            prompt_suffix: mark(usual.prompt_suffix),
            prompt_style: of(usual.prompt_style),
            success_prefix: mark(usual.success_prefix),
            success_suffix: mark(usual.success_suffix),
            values_style: of(usual.values_style),
            error_prefix: mark(usual.error_prefix),
            error_style: of(usual.error_style),
            hint_style: of(usual.hint_style),
            active_item_style: of(usual.active_item_style),
            // As in its simple theme: these are in every font, and they are told apart without colours too.
            active_item_prefix: mark(style(">".to_owned()).for_stderr().green()),
            checked_item_prefix: mark(style("[x]".to_owned()).for_stderr().green()),
            unchecked_item_prefix: mark(style("[ ]".to_owned()).for_stderr()),
            ..usual
        };
        Self { theme, palette }
    }

    /// The mark in front of a question.
    pub(super) fn asking(&self) -> String {
        self.theme.prompt_prefix.to_string()
    }

    /// The mark between a question and what is typed.
    pub(super) fn typing(&self) -> String {
        self.theme.prompt_suffix.to_string()
    }

    /// A question.
    pub(super) fn title(&self, text: &str) -> String {
        self.theme.prompt_style.apply_to(text).to_string()
    }

    /// Keys and counts.
    pub(super) fn hint(&self, text: &str) -> String {
        self.theme.hint_style.apply_to(text).to_string()
    }

    /// The mark of the row that the keys act on.
    pub(super) fn current(&self) -> String {
        self.theme.active_item_prefix.to_string()
    }

    /// The mark of a row that can be chosen.
    pub(super) fn choice(&self, chosen: bool) -> String {
        if chosen { &self.theme.checked_item_prefix } else { &self.theme.unchecked_item_prefix }.to_string()
    }

    /// What the row that the keys act on says.
    pub(super) fn label(&self, text: &str) -> String {
        self.theme.active_item_style.apply_to(text).to_string()
    }

    /// What is to be known about a row.
    pub(super) fn note(&self, verdict: Option<Verdict>, text: &str) -> String {
        match verdict {
            Some(verdict) => self.palette.verdict(verdict, text),
            None => self.hint(text),
        }
    }

    /// The mark in front of a refusal.
    pub(super) fn refusing(&self) -> String {
        self.theme.error_prefix.to_string()
    }

    /// Why something is not taken.
    pub(super) fn refusal(&self, text: &str) -> String {
        self.theme.error_style.apply_to(text).to_string()
    }

    /// The line that stays after an answer.
    pub(super) fn told(&self, title: &str, answer: &str) -> String {
        let (title, answer) = (printable(title), printable(answer));
        written(|text| self.theme.format_input_prompt_selection(text, &title, &answer))
    }

    /// The line that stays after a yes or a no.
    pub(super) fn told_yes_or_no(&self, title: &str, yes: bool) -> String {
        let title = printable(title);
        written(|text| self.theme.format_confirm_prompt_selection(text, &title, Some(yes)))
    }
}

fn written(write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_there_or_not_as_the_palette_says() {
        for colored in [true, false] {
            let look = Look::new(Palette::new(colored));
            for text in [
                look.asking(),
                look.typing(),
                look.title("a"),
                look.hint("a"),
                look.current(),
                look.choice(true),
                look.label("a"),
                look.note(Some(Verdict::Stale), "a"),
                look.refusing(),
                look.refusal("a"),
                look.told("a", "b"),
                look.told_yes_or_no("a", true),
            ] {
                assert_eq!(text.contains('\u{1b}'), colored, "{text:?}");
            }
        }
    }

    #[test]
    fn an_answer_is_told_in_the_words_of_the_theme() {
        let look = Look::new(Palette::plain());
        assert_eq!(look.told("New tag", "1.0"), "✔ New tag · 1.0");
        assert_eq!(look.told_yes_or_no("Apply?", false), "✔ Apply? · no");
        assert!(!look.told("t\u{1b}", "a\u{9b}").contains(['\u{1b}', '\u{9b}']));
    }
}

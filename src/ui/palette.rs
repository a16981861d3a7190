//! Colours: one for each verdict, never the only carrier of meaning.

use anstyle::{AnsiColor, Color, Style};

use crate::domain::diagnosis::Verdict;

/// Paints, or leaves text as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Palette {
    colored: bool,
}

impl Palette {
    /// With or without colours.
    #[must_use]
    pub fn new(colored: bool) -> Self {
        Self { colored }
    }

    /// Without colours.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// Whether it paints.
    #[must_use]
    pub fn is_colored(self) -> bool {
        self.colored
    }

    /// Text in the colour of a verdict.
    #[must_use]
    pub fn verdict(self, verdict: Verdict, text: &str) -> String {
        self.paint(style_of(verdict), text)
    }

    /// The word that a failure starts with.
    #[must_use]
    pub fn error(self, text: &str) -> String {
        self.paint(foreground(AnsiColor::Red).bold(), text)
    }

    /// The word that a hint or note starts with.
    #[must_use]
    pub fn hint(self, text: &str) -> String {
        self.paint(foreground(AnsiColor::Cyan), text)
    }

    /// A label, or what matters less.
    #[must_use]
    pub fn quiet(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// The head of a page.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// A line that goes.
    #[must_use]
    pub fn removed(self, text: &str) -> String {
        self.paint(foreground(AnsiColor::Red), text)
    }

    /// A line that comes.
    #[must_use]
    pub fn added(self, text: &str) -> String {
        self.paint(foreground(AnsiColor::Green), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.colored { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn foreground(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

fn style_of(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Fresh => foreground(AnsiColor::Green),
        Verdict::Rewrapped => foreground(AnsiColor::Green).dimmed(),
        Verdict::Stale | Verdict::Mixed => foreground(AnsiColor::Red),
        Verdict::Pinned => foreground(AnsiColor::Blue),
        Verdict::Rolling | Verdict::Waiting | Verdict::Ended => Style::new().dimmed(),
        Verdict::Suspect | Verdict::Stuck | Verdict::Local | Verdict::Unpublished | Verdict::Unknown => {
            foreground(AnsiColor::Yellow)
        }
    }
}

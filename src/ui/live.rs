//! Lines on stderr that tell how far things are which are under way side by side. Silent if stderr is no terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text::printable;

/// The lines.
pub struct Live {
    bars: MultiProgress,
}

/// One of them; it is gone when this is dropped.
pub struct Line {
    bar: ProgressBar,
}

impl Live {
    /// Nothing is shown yet.
    #[must_use]
    pub fn start(terminal: bool) -> Self {
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target) }
    }

    /// A line for something of this name.
    #[must_use]
    pub fn line(&self, name: &str) -> Line {
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}   {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(printable(name).into_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Line { bar }
    }

    /// Takes all lines away.
    pub fn clear(&self) {
        // If the terminal is gone, so are the lines.
        let _ = self.bars.clear();
    }
}

impl Line {
    /// How far it is.
    pub fn set(&self, text: &str) {
        self.bar.set_message(printable(text).into_owned());
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

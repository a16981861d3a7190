//! Lines on stderr that tell how far things are which are under way side by side. Silent if stderr is no terminal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::layout::{shortened, width};
use super::{names, parked};
use crate::text::printable;

const TICK: Duration = Duration::from_millis(120);
/// Names are not cut below this, however narrow the terminal is.
const LEAST_NAME: usize = 12;

/// The lines.
#[derive(Clone)]
pub struct Live {
    bars: MultiProgress,
    expected: Arc<Mutex<Expected>>,
}

/// What will be under way in all; the lines come and go.
#[derive(Default)]
struct Expected {
    names: usize,
    done: usize,
    /// How wide the longest name is.
    column: usize,
    /// The line above the others that counts them.
    head: Option<ProgressBar>,
}

/// One of them; it is gone when this is dropped.
pub struct Line {
    live: Live,
    bar: ProgressBar,
    counts: bool,
}

impl Live {
    /// Nothing is shown yet.
    #[must_use]
    pub fn start(terminal: bool) -> Self {
        let bars = MultiProgress::with_draw_target(parked::target(terminal));
        Self { bars, expected: Arc::default() }
    }

    /// Lines for these workloads will come, not all of them at once.
    pub fn expect(&self, names: &[String]) {
        let mut expected = self.expected();
        expected.names = names.len();
        expected.done = 0;
        expected.column = names.iter().map(|name| width(&printable(name))).max().unwrap_or_default();
        if names.len() > 1 {
            let head = self.bars.insert(0, ProgressBar::new_spinner());
            show(&head, "{spinner} {wide_msg}");
            head.set_message(expected.words());
            expected.head = Some(head);
        }
    }

    /// A line for one of the workloads that were expected.
    #[must_use]
    pub fn workload(&self, name: &str) -> Line {
        self.begin(name, true)
    }

    /// A line for something else.
    #[must_use]
    pub fn line(&self, name: &str) -> Line {
        self.begin(name, false)
    }

    fn begin(&self, name: &str, counts: bool) -> Line {
        let name = printable(name);
        // At most half of the line, so that there is room for what happens.
        let column = self.expected().column.max(width(&name)).min((parked::columns() / 2).max(LEAST_NAME));
        let bar = self.bars.add(ProgressBar::new_spinner());
        show(&bar, &format!("{{spinner}} {{prefix:{column}}}   {{wide_msg}}"));
        bar.set_prefix(shortened(&name, column).into_owned());
        Line { live: self.clone(), bar, counts }
    }

    /// Takes all lines away.
    pub fn clear(&self) {
        if let Some(head) = self.expected().head.take() {
            head.finish_and_clear();
            self.bars.remove(&head);
        }
        // If the terminal is gone, so are the lines.
        let _ = self.bars.clear();
    }

    fn expected(&self) -> MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is interrupted drops everything at once.
impl Drop for Expected {
    fn drop(&mut self) {
        if let Some(head) = &self.head {
            head.finish_and_clear();
        }
    }
}

impl Expected {
    fn words(&self) -> String {
        format!("{} of {} done", self.done, names::counted(self.names, "workload", "workloads"))
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
        self.live.bars.remove(&self.bar);
        if self.counts {
            let mut expected = self.live.expected();
            expected.done += 1;
            if let Some(head) = &expected.head {
                head.set_message(expected.words());
            }
        }
    }
}

fn show(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
}

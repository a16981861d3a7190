//! A line on stderr that tells how far it got, while it takes longer than half a second.

use std::sync::mpsc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::names::{counted, thousands};
use super::parked;

/// Shorter than this, a line would only flicker.
const PATIENCE: Duration = Duration::from_millis(500);

/// The line; it is gone when this is dropped.
pub struct Progress {
    bar: ProgressBar,
    /// Dropping it tells the thread below that nothing is to be shown any more.
    stop: Option<mpsc::Sender<()>>,
    shower: Option<std::thread::JoinHandle<()>>,
}

impl Progress {
    /// Starts to wait. Without a terminal nothing is ever shown.
    #[must_use]
    pub fn start(terminal: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        if !terminal {
            return Self { bar, stop: None, shower: None };
        }
        let (stop, stopped) = mpsc::channel();
        let shown = bar.clone();
        // A thread of its own: the work may be waiting for one slow answer and never report within that time.
        let shower = std::thread::spawn(move || {
            if stopped.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                shown.set_draw_target(parked::target(true));
                shown.enable_steady_tick(Duration::from_millis(120));
            }
        });
        Self { bar, stop: Some(stop), shower: Some(shower) }
    }

    /// Says how far it got. Cheap: the line is drawn at its own pace.
    pub fn set(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// Takes the line away.
    pub fn finish(self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(shower) = self.shower.take() {
            let _ = shower.join();
        }
        self.bar.finish_and_clear();
    }
}

/// `12,000 pods, 431 of 900 tags`; the tags only once there are some.
#[must_use]
pub fn line(pods: usize, answered: usize, asked: usize) -> String {
    let pods = counted(pods, "pod", "pods");
    if asked == 0 {
        return pods;
    }
    format!("{pods}, {} of {}", thousands(answered), counted(asked, "tag", "tags"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_pods_then_tags() {
        assert_eq!(line(12_000, 431, 900), "12,000 pods, 431 of 900 tags");
        assert_eq!(line(1, 0, 1), "1 pod, 0 of 1 tag");
        assert_eq!(line(500, 0, 0), "500 pods");
    }
}

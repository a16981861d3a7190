//! When to ask again, and how long to wait first.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::transport::{Reply, Silence};
use crate::domain::remote::Failure;
use crate::text::excerpt;

/// What a lookup may still spend on second tries, over all its requests.
#[derive(Debug)]
pub(super) struct Budget {
    retries: u32,
    wait: Duration,
    next: Duration,
    /// A connection that breaks is not tried again.
    pub(super) broken_is_final: bool,
}

/// Why a request may be sent again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The server said how long to wait.
    Asked(Duration),
    /// It is overloaded and says nothing about time.
    Unwell,
    /// The connection broke.
    Broken,
}

impl Budget {
    pub(super) fn new(wait: Duration) -> Self {
        Self { retries: 2, wait, next: Duration::from_millis(200), broken_is_final: false }
    }

    /// How long to wait before the next try; `None` if there is none left, or if the wait is longer than
    /// anybody would sit there for.
    pub(super) fn wait_for(&mut self, reason: &Reason) -> Option<Duration> {
        let wait = match reason {
            Reason::Asked(wait) => *wait,
            Reason::Unwell | Reason::Broken => jitter(self.next),
        };
        if self.retries == 0 || wait > self.wait || (self.broken_is_final && *reason == Reason::Broken) {
            return None;
        }
        self.retries -= 1;
        self.wait -= wait;
        self.next *= 3;
        Some(wait)
    }
}

/// Half to all of it, so that the many that failed together do not come back together. The hasher's seed is
/// all the randomness that this needs.
fn jitter(full: Duration) -> Duration {
    let random = std::hash::RandomState::new().build_hasher().finish() % 1024;
    full / 2 + full.mul_f64(random as f64 / 2048.0)
}

/// Whether the outcome is of the kind that passes.
pub(super) fn reason(outcome: &Result<Reply, Silence>) -> Option<Reason> {
    match outcome {
        Err(Silence::Broken(_)) => Some(Reason::Broken),
        Err(Silence::Failure(_)) => None,
        Ok(reply) if matches!(reply.status.as_u16(), 429 | 502 | 503 | 504) => {
            Some(retry_after(reply).map_or(Reason::Unwell, Reason::Asked))
        }
        Ok(_) => None,
    }
}

/// What to say when there is no further try.
pub(super) fn give_up(outcome: Result<Reply, Silence>) -> Result<Reply, Silence> {
    let reply = outcome?;
    Err(Silence::Failure(match reply.status.as_u16() {
        429 => Failure::RateLimited {
            retry_after: retry_after(&reply).map(|wait| wait.as_secs()),
            remaining: reply.header("ratelimit-remaining").map(|text| excerpt(text, 40)),
        },
        status => Failure::Status(status),
    }))
}

/// `Retry-After`, as seconds or as a date.
fn retry_after(reply: &Reply) -> Option<Duration> {
    wait_of(reply.header("retry-after")?.trim(), Timestamp::now())
}

fn wait_of(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    // A moment that has passed is "now".
    Some(date.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_seconds_or_by_the_clock() {
        let now: Timestamp = "2026-11-17T10:00:00Z".parse().unwrap();
        for (text, wait) in [
            ("7", Some(7)),
            ("Tue, 17 Nov 2026 10:01:00 GMT", Some(60)),
            ("Tue, 17 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(wait_of(text, now), wait.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn the_budget_bounds_number_and_length_of_the_waits() {
        let asked = |seconds| Reason::Asked(Duration::from_secs(seconds));
        let mut budget = Budget::new(Duration::from_secs(5));
        assert_eq!(budget.wait_for(&asked(6)), None);
        assert_eq!(budget.wait_for(&asked(3)), Some(Duration::from_secs(3)));
        assert_eq!(budget.wait_for(&asked(3)), None);
        assert!(budget.wait_for(&Reason::Unwell).is_some_and(|wait| wait < Duration::from_secs(1)));
        assert_eq!(budget.wait_for(&asked(0)), None);
    }

    #[test]
    fn the_jitter_stays_between_half_and_all() {
        let full = Duration::from_millis(200);
        assert!((0..100).map(|_| jitter(full)).all(|wait| wait >= full / 2 && wait <= full));
    }
}

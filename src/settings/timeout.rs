//! Durations as kubectl's `--request-timeout` takes them: seconds as a bare number, or Go's notation.

use std::time::Duration;

use super::RequestTimeout;
use crate::error::AppError;

/// `--request-timeout`, read by [`parse_duration`].
///
/// # Errors
/// A usage error that names the flag.
pub fn parse_timeout(text: &str) -> Result<RequestTimeout, AppError> {
    parse_duration("--request-timeout", text)
}

/// Reads `0`, `30`, `30s`, `1m30s`, `1.5h`, `500ms`.
///
/// # Errors
/// A usage error for anything else, also for what is longer than a year's time: nobody means it.
pub fn parse_duration(flag: &str, text: &str) -> Result<RequestTimeout, AppError> {
    let longest = Duration::from_secs(366 * 24 * 3600);
    let duration = text
        .parse::<u32>()
        .map(|seconds| Duration::from_secs(u64::from(seconds)))
        .ok()
        .or_else(|| go_duration(text))
        .filter(|duration| *duration <= longest)
        .ok_or_else(|| {
            AppError::usage(format!("`{flag}` cannot be read: `{text}`"))
                .hint("write seconds or a duration: `30`, `30s`, `1m30s`; `0` is without end")
        })?;
    Ok(if duration.is_zero() { RequestTimeout::Never } else { RequestTimeout::After(duration) })
}

/// Go's `time.ParseDuration` without a sign: numbers with an optional fraction, each with its unit.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let unit_at = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(unit_at);
        let unit_end =
            after.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let factor = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = next;
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(seconds).ok() }
}

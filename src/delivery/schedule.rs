//! When a failed callback is tried again (design §6). Pure.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Waits after the first, second, .. failure, in seconds: about 69 hours in all.
const WAITS: [i64; 11] = [1, 5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400, 86_400];
/// Shortest and longest wait that a `Retry-After` can ask for, in seconds.
const RETRY_AFTER_BOUNDS: (i64, i64) = (1, 86_400);
/// Up to a tenth is added to each wait, so that callbacks that failed together do not return together.
const JITTER_PERCENT: i64 = 10;

/// The wait after the `failures`th failure (from 1), or `None` when the callback is to be parked.
///
/// The jitter comes from the callback's id, so that the same failure always waits the same time. A `Retry-After`
/// lengthens a wait but never shortens it: a server that always says "1" would else be given up within seconds.
#[must_use]
pub fn wait(callback_id: Uuid, failures: i32, retry_after: Option<TimeDelta>) -> Option<TimeDelta> {
    let index = usize::try_from(failures.checked_sub(1)?).ok()?;
    let seconds = *WAITS.get(index)?;
    let planned = TimeDelta::milliseconds(seconds * 1_000 + jitter_millis(callback_id, failures, seconds));
    Some(retry_after.map_or(planned, |asked| planned.max(asked)))
}

fn jitter_millis(callback_id: Uuid, failures: i32, seconds: i64) -> i64 {
    // The tail of a UUIDv7 is random; the multiplier (2^64 / golden ratio) spreads neighbouring failures.
    let (_, tail) = callback_id.as_u64_pair();
    let mixed = tail.wrapping_add(u64::from(failures.unsigned_abs())).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let thousandth = i64::try_from((mixed >> 32) % 1_000).unwrap_or_default();
    seconds * JITTER_PERCENT * thousandth / 100
}

/// Reads a `Retry-After` header: seconds or an HTTP date (RFC 9110 §10.2.3), brought within bounds.
#[must_use]
pub fn retry_after(header: &str, wall: DateTime<Utc>) -> Option<TimeDelta> {
    let text = header.trim();
    let seconds = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        text.parse::<i64>().unwrap_or(i64::MAX)
    } else {
        let at = DateTime::parse_from_rfc2822(text).ok()?;
        (at.with_timezone(&Utc) - wall).num_seconds()
    };
    let (shortest, longest) = RETRY_AFTER_BOUNDS;
    Some(TimeDelta::seconds(seconds.clamp(shortest, longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_1234_5678_9abc);

    #[test]
    fn waits_grow_over_three_days_and_end() {
        let waits: Vec<TimeDelta> = (1..).map_while(|failures| wait(ID, failures, None)).collect();
        assert_eq!(waits.len(), WAITS.len());
        for (waited, planned) in waits.iter().zip(WAITS) {
            let shortest = TimeDelta::seconds(planned);
            assert!((shortest..=shortest * 11 / 10).contains(waited), "{waited} for {planned} s");
        }
        let total: TimeDelta = waits.iter().sum();
        assert!((68..=76).contains(&total.num_hours()));
    }

    #[test]
    fn the_same_failure_always_waits_the_same_time() {
        assert_eq!(wait(ID, 4, None), wait(ID, 4, None));
        assert_ne!(wait(ID, 4, None), wait(Uuid::from_u128(7), 4, None));
        assert_eq!(wait(ID, 0, None), None);
        assert_eq!(wait(ID, -1, None), None);
    }

    #[test]
    fn retry_after_lengthens_and_never_shortens() {
        let hour = TimeDelta::hours(1);
        assert_eq!(wait(ID, 1, Some(hour)), Some(hour));
        assert_eq!(wait(ID, 9, Some(hour)), wait(ID, 9, None));
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date_within_bounds() {
        let wall = DateTime::UNIX_EPOCH;
        let read = |header| retry_after(header, wall).map(|asked| asked.num_seconds());
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("0"), Some(1));
        assert_eq!(read("99999999999999999999"), Some(86_400));
        assert_eq!(read("Thu, 01 Jan 1970 00:02:00 GMT"), Some(120));
        assert_eq!(read("Wed, 31 Dec 1969 00:02:00 GMT"), Some(1));
        assert_eq!(read("soon"), None);
        assert_eq!(read(""), None);
        assert_eq!(read("-5"), None);
    }
}

//! What stands in the place of a sealed value once it was erased: the format byte 0 and when.

use chrono::{DateTime, Utc};

/// Format byte of a value that was erased; no sealed value begins with it.
pub const ERASED: u8 = 0;

/// The bytes that take the place of a sealed value: 0, then the second since 1970, big endian.
#[must_use]
pub fn erased(at: DateTime<Utc>) -> Vec<u8> {
    [[ERASED].as_slice(), &at.timestamp().to_be_bytes()].concat()
}

/// Whether a stored value was erased.
#[must_use]
pub fn is_erased(stored: &[u8]) -> bool {
    erased_at(stored).is_some()
}

/// When a stored value was erased, if it was.
pub(super) fn erased_at(stored: &[u8]) -> Option<DateTime<Utc>> {
    let (first, seconds) = stored.split_first()?;
    let seconds: [u8; 8] = seconds.try_into().ok()?;
    if *first == ERASED { DateTime::from_timestamp(i64::from_be_bytes(seconds), 0) } else { None }
}

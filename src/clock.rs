//! Time and identifiers: the only place that asks the operating system for either.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, FixedOffset, NaiveDate, Utc};
use rand::Rng as _;
use uuid::Uuid;

/// Indian standard time, in which the lender's day runs (`lending.md` §2.1).
const IST_SECONDS: i32 = 19_800;

/// Business time. `dev` and tests may move it; leases use the database's clock, signatures and TLS the wall's.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that is ahead of the wall by some milliseconds.
    #[must_use]
    pub fn ahead_by(offset_ms: i64) -> Self {
        Self { offset_ms: Arc::new(AtomicI64::new(offset_ms)) }
    }

    /// Business time, for offers, OTPs, backoff, timers and business dates.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.wall() + Duration::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    /// The operating system's time, for windows of signed timestamps.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where time comes from")]
    pub fn wall(&self) -> DateTime<Utc> {
        Utc::now()
    }

    /// The lender's business date (Asia/Kolkata).
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        business_date(self.now())
    }

    /// Moves business time forward.
    pub fn advance(&self, by: Duration) {
        self.offset_ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }

    /// How far business time is ahead of the wall, milliseconds.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }
}

/// The calendar date of an instant in Asia/Kolkata, which has had no other offset since 1945.
#[must_use]
pub fn business_date(at: DateTime<Utc>) -> NaiveDate {
    match FixedOffset::east_opt(IST_SECONDS) {
        Some(ist) => at.with_timezone(&ist).date_naive(),
        None => at.date_naive(),
    }
}

/// Identifiers and unguessable texts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ids;

impl Ids {
    /// A `UUIDv7`: sorts by time, so indexes stay compact.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where ids come from")]
    pub fn uuid(self) -> Uuid {
        Uuid::now_v7()
    }

    /// 32 URL-safe characters with 192 bits of randomness.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness comes from")]
    pub fn token(self) -> String {
        let bytes: [u8; 24] = rand::rng().random();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A loan's number as borrowers see it: `LON` and 12 digits and capitals.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness comes from")]
    pub fn loan(self) -> String {
        const ALPHABET: [char; 32] = [
            '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N',
            'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
        ];
        let mut rng = rand::rng();
        let tail: String = (0..12).filter_map(|_| ALPHABET.get(rng.random_range(0..ALPHABET.len()))).collect();
        format!("LON{tail}")
    }
}

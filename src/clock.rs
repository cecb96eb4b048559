//! Time and identifiers: the only place that asks the operating system for either.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use rand::Rng as _;
use uuid::Uuid;

pub use crate::domain::calendar::business_date;

/// Business time. `dev` and tests may move it; leases use the database's clock, signatures and TLS the wall's.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Clock {
    /// A clock that is ahead of the wall by some milliseconds.
    #[must_use]
    pub fn ahead_by(offset_ms: i64) -> Self {
        Self { offset_ms: Arc::new(AtomicI64::new(offset_ms)), turn: Arc::default() }
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

    /// Sets business time, also back: to where a snapshot of the sandbox was taken.
    pub fn set(&self, now: DateTime<Utc>) {
        self.offset_ms.store(now.signed_duration_since(self.wall()).num_milliseconds(), Ordering::Relaxed);
    }

    /// Lets one caller at a time move the clock.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Whether nobody moves the clock just now, nor sweeps by it.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.turn.try_lock().is_ok()
    }

    /// How far business time is ahead of the wall, milliseconds.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
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

    /// 32 URL-safe characters with 191 bits of randomness, a letter first: no command takes it for an option.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness comes from")]
    pub fn token(self) -> String {
        let mut bytes: [u8; 24] = rand::rng().random();
        bytes[0] &= 0x7f;
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Twelve digits and capitals that nobody mistakes for each other.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness comes from")]
    pub fn letters(self) -> String {
        let mut rng = rand::rng();
        spelt((0..LETTERS).map(|_| rng.random()))
    }

    /// A loan's number as borrowers see it, `LON` and twelve digits and capitals, made of derived bytes.
    #[must_use]
    pub fn loan_of(self, derived: &[u8]) -> String {
        format!("LON{}", spelt(derived.iter().copied().take(LETTERS)))
    }
}

/// How many letters tell one number from another: 60 bits.
const LETTERS: usize = 12;

fn spelt(bytes: impl Iterator<Item = u8>) -> String {
    const ALPHABET: [char; 32] = [
        '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P',
        'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
    ];
    bytes.filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).collect()
}

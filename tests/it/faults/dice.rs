//! Chance that can be repeated: the same seed rolls the same numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ocen_lender::clock::Ids;

/// Dice that many hands may roll (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Dice(Arc<AtomicU64>);

impl Dice {
    /// Dice of the seed in `OCEN_FAULT_SEED`, or of one that is made up and told.
    pub fn new() -> Self {
        let given = std::env::var("OCEN_FAULT_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| Ids.uuid().as_u64_pair().1);
        eprintln!("OCEN_FAULT_SEED={seed}");
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// A number below `sides`.
    pub fn roll(&self, sides: u64) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides.max(1)
    }

    /// Lets a random time pass: faults come when nobody expects them.
    pub async fn wait(&self, at_least: Duration, at_most: Duration) {
        let span = u64::try_from(at_most.saturating_sub(at_least).as_millis()).unwrap();
        tokio::time::sleep(at_least + Duration::from_millis(self.roll(span))).await;
    }
}

//! How an exact instalment becomes a payable one.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::money::Paise;

/// Digits of a paisa that are kept before rounding. Below them lies only the error of the
/// division, which would otherwise lift an exact 101000.00 to the next rupee.
const GUARD_DIGITS: u32 = 10;

/// The rounding of the instalment, a term of the product (`lending.md` §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rounding {
    /// To the nearest paisa, half a paisa up.
    PaiseHalfUp,
    /// To the nearest paisa, half a paisa to the even one.
    PaiseHalfEven,
    /// To the nearest rupee, 50 paise up.
    RupeeHalfUp,
    /// To the next whole rupee.
    RupeeCeil,
    /// To the nearest multiple of the amount, half up. The amount is more than nothing.
    MultipleOf(Paise),
}

impl Rounding {
    /// Rounds an exact number of paise, or `None` when the result does not fit or the multiple is
    /// not positive.
    #[must_use]
    pub fn apply(self, paise: Decimal) -> Option<Paise> {
        const HALF_UP: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;
        let (unit, strategy) = match self {
            Self::PaiseHalfUp => (Paise(1), HALF_UP),
            Self::PaiseHalfEven => (Paise(1), RoundingStrategy::MidpointNearestEven),
            Self::RupeeHalfUp => (Paise::from_rupees(1), HALF_UP),
            Self::RupeeCeil => (Paise::from_rupees(1), RoundingStrategy::ToPositiveInfinity),
            Self::MultipleOf(unit) => (unit, HALF_UP),
        };
        if !unit.is_positive() {
            return None;
        }
        let guarded = paise.round_dp_with_strategy(GUARD_DIGITS, RoundingStrategy::MidpointNearestEven);
        let units = guarded.checked_div(Decimal::from(unit.0))?.round_dp_with_strategy(0, strategy);
        units.to_i64()?.checked_mul(unit.0).map(Paise)
    }
}

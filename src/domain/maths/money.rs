//! Money in integer paise: the only form in which an amount is stored, added or compared.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const PAISE_PER_RUPEE: i64 = 100;

/// An amount of Indian rupees counted in paise (1 rupee = 100 paise).
///
/// The count is signed, so that a difference or a reversal can be carried; a caller that needs a
/// real payment asks [`Paise::is_positive`]. In serde the value is the bare integer of paise; the
/// rupee text of the OCEN messages is [`fmt::Display`] and [`FromStr`] (`lending.md` §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Paise(pub i64);

impl Paise {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The amount of `rupees` whole rupees, or `None` beyond the range of 64 bits.
    #[must_use]
    pub const fn checked_from_rupees(rupees: i64) -> Option<Self> {
        match rupees.checked_mul(PAISE_PER_RUPEE) {
            Some(paise) => Some(Self(paise)),
            None => None,
        }
    }

    /// The amount of `rupees` whole rupees, for constants and configuration.
    ///
    /// Stops at the ends of the range instead of wrapping: use
    /// [`Paise::checked_from_rupees`] for a number that came from outside.
    #[must_use]
    pub const fn from_rupees(rupees: i64) -> Self {
        Self(rupees.saturating_mul(PAISE_PER_RUPEE))
    }

    /// The amount as a number of paise.
    #[must_use]
    pub const fn paise(self) -> i64 {
        self.0
    }

    /// The sum, or `None` when it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(paise) => Some(Self(paise)),
            None => None,
        }
    }

    /// The difference, or `None` when it does not fit. The result may be negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(paise) => Some(Self(paise)),
            None => None,
        }
    }

    /// The difference, never below [`Paise::ZERO`]: what is left of a balance after a payment.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        let left = self.0.saturating_sub(other.0);
        if left < 0 { Self::ZERO } else { Self(left) }
    }

    /// The sum, held at the ends of the range: for amounts whose bounds were checked before.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The sum of all amounts, or `None` when it does not fit.
    pub fn checked_sum<I: IntoIterator<Item = Self>>(amounts: I) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Whether the amount is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The amount in rupees, exactly, with two decimals.
    #[must_use]
    pub fn to_rupees(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// The amount of `rupees`, or `None` when it has a part smaller than a paisa or does not fit.
    ///
    /// Nothing is ever rounded here: an amount from outside either is exact or is refused.
    #[must_use]
    pub fn from_rupees_exact(rupees: Decimal) -> Option<Self> {
        let paise = rupees.checked_mul(Decimal::from(PAISE_PER_RUPEE))?;
        if !paise.fract().is_zero() {
            return None;
        }
        paise.to_i64().map(Self)
    }
}

impl fmt::Display for Paise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.to_rupees()))
    }
}

/// Why a text is not an amount of rupees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyTextError {
    /// The text is not `-?digits.dd`, with no leading zero and no sign before zero.
    #[error("an amount is written in rupees with exactly two decimals, like 30595.00")]
    Form,
    /// The text has the right form, but the amount does not fit in 64 bits of paise.
    #[error("the amount is out of range")]
    Range,
}

impl FromStr for Paise {
    type Err = MoneyTextError;

    /// Reads exactly the form [`fmt::Display`] writes: `30595.00`, `-1.05`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (rupees, paise) = unsigned.split_once('.').ok_or(MoneyTextError::Form)?;
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = rupees.len() > 1 && rupees.starts_with('0');
        if rupees.is_empty() || paise.len() != 2 || leading_zero || !all_digits(rupees) || !all_digits(paise) {
            return Err(MoneyTextError::Form);
        }
        // The sign goes through the parse with the digits, so that i64::MIN is read back as well.
        let sign = if text.starts_with('-') { "-" } else { "" };
        let value: i64 = format!("{sign}{rupees}{paise}").parse().map_err(|_| MoneyTextError::Range)?;
        if value == 0 && !sign.is_empty() {
            return Err(MoneyTextError::Form);
        }
        Ok(Self(value))
    }
}

//! The contract rate of interest.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::day_count::YearFraction;
use super::money::Paise;
use super::rounding::Rounding;

const MAX_PERCENT: i64 = 200;
const PERCENT: i64 = 100;

/// A nominal rate of interest in percent per annum, from 0 to 200.
///
/// In text and in serde it is a decimal string with at least two decimals: `12.58`, `15.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AnnualRate(Decimal);

/// Why a number or a text is not an annual rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RateError {
    /// The text is not a plain decimal number.
    #[error("a rate is a decimal number of percent per annum, like 12.58")]
    Form,
    /// The rate is negative or above 200 %.
    #[error("a rate lies between 0 and 200 percent per annum")]
    Range,
}

impl AnnualRate {
    /// No interest.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// A rate of `percent` per annum.
    ///
    /// # Errors
    ///
    /// [`RateError::Range`] outside 0 to 200.
    pub fn new(percent: Decimal) -> Result<Self, RateError> {
        if percent < Decimal::ZERO || percent > Decimal::from(MAX_PERCENT) {
            return Err(RateError::Range);
        }
        Ok(Self(percent.normalize()))
    }

    /// The rate in percent per annum.
    #[must_use]
    pub const fn percent(self) -> Decimal {
        self.0
    }

    /// Whether the loan bears no interest.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The growth of one unit of money over `part` of a year, as a fraction (0.0125 for a month
    /// at 15 %), or `None` out of range.
    #[must_use]
    pub fn factor(self, part: YearFraction) -> Option<Decimal> {
        self.scaled(Decimal::ONE, part)
    }

    /// Simple interest on `balance` for `part` of a year, rounded to the paisa half up, or `None`
    /// out of range (`lending.md` §2.1).
    #[must_use]
    pub fn interest(self, balance: Paise, part: YearFraction) -> Option<Paise> {
        Rounding::PaiseHalfUp.apply(self.exact_interest(balance, part)?)
    }

    /// The same before rounding, in paise.
    pub(super) fn exact_interest(self, balance: Paise, part: YearFraction) -> Option<Decimal> {
        self.scaled(Decimal::from(balance.0), part)
    }

    /// Multiplies before the one division, so that an exact half paisa stays one.
    fn scaled(self, amount: Decimal, part: YearFraction) -> Option<Decimal> {
        let parts_in_percent = Decimal::from(part.denominator).checked_mul(Decimal::from(PERCENT))?;
        amount.checked_mul(self.0)?.checked_mul(Decimal::from(part.numerator))?.checked_div(parts_in_percent)
    }
}

impl fmt::Display for AnnualRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::try_from(self.0.scale()).unwrap_or(2).max(2);
        f.pad(&format!("{:.decimals$}", self.0))
    }
}

impl FromStr for AnnualRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser of the decimal library also takes signs, underscores and a bare point.
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !plain || text.starts_with('.') || text.ends_with('.') {
            return Err(RateError::Form);
        }
        Self::new(Decimal::from_str_exact(text).map_err(|_| RateError::Form)?)
    }
}

impl TryFrom<String> for AnnualRate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AnnualRate> for String {
    fn from(rate: AnnualRate) -> Self {
        rate.to_string()
    }
}

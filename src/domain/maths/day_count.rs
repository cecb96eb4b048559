//! Day counts: which part of a year lies between two days, as an exact fraction.
//!
//! Plain arithmetic on days and years here cannot overflow: the calendar ends at year 262142.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frequency::{Frequency, Step, days_between};
use super::schedule::Method;

const DAYS_IN_52_WEEKS: i64 = 364;

/// The convention by which days become a part of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DayCount {
    /// Each whole period is exactly its share of a year: 1/12 for a month, 1/52 for a week. Odd
    /// days count 1/360 each beside whole months, or 1/364 beside whole weeks. Periods of a number of
    /// days have no whole months: each day counts 1/360.
    Thirty360,
    /// Days divided by 365.
    Actual365,
    /// Days divided by 360.
    Actual360,
    /// Days divided by 364, so that a week is exactly 1/52.
    Actual364,
    /// Days divided by the length of the year they lie in, cut at 31 December.
    ActualActual,
}

/// A part of a year, kept as numerator and denominator so that interest is divided only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YearFraction {
    /// Parts counted.
    pub numerator: i64,
    /// Parts in a year; never zero when made by [`DayCount::year_fraction`].
    pub denominator: i64,
}

impl YearFraction {
    /// The fraction as one decimal number, or `None` when the denominator is zero.
    #[must_use]
    pub fn to_decimal(self) -> Option<Decimal> {
        Decimal::from(self.numerator).checked_div(Decimal::from(self.denominator))
    }
}

impl DayCount {
    /// The day count of a loan for which none is named: months and weeks are exactly their share of a year, days and
    /// bullets count 1/365 each (`lending.md` §2.2).
    #[must_use]
    pub const fn usual(method: Method, frequency: Frequency) -> Self {
        match (method, frequency) {
            (Method::Bullet, _) | (_, Frequency::EveryDays(_)) => Self::Actual365,
            _ => Self::Thirty360,
        }
    }

    /// The part of a year from `from` to `until` for a loan repaid at `frequency`.
    ///
    /// The frequency matters only to [`DayCount::Thirty360`], which counts whole periods. `None`
    /// when `until` is before `from`, a period has no days, or the span is out of range.
    #[must_use]
    pub fn year_fraction(self, frequency: Frequency, from: NaiveDate, until: NaiveDate) -> Option<YearFraction> {
        if until < from {
            return None;
        }
        let days_over = |denominator| YearFraction { numerator: days_between(from, until), denominator };
        match self {
            Self::Thirty360 => match (frequency, frequency.step()) {
                (_, Step::Months(months)) => thirty_360(frequency, months, from, until),
                (Frequency::EveryDays(_), _) => Some(days_over(360)),
                (_, Step::Days(_)) => Some(days_over(DAYS_IN_52_WEEKS)),
            },
            Self::Actual365 => Some(days_over(365)),
            Self::Actual360 => Some(days_over(360)),
            Self::Actual364 => Some(days_over(364)),
            Self::ActualActual => actual_actual(from, until),
        }
    }
}

/// Whole periods, and whole months before them, have 30 days each; the odd days are those that the money was held, so
/// that the three between 28 Feb and 3 Mar are three (`lending.md` §1.4).
fn thirty_360(frequency: Frequency, months: u32, from: NaiveDate, until: NaiveDate) -> Option<YearFraction> {
    let interval = frequency.split(from, until)?;
    let odd = Frequency::Monthly.split(from, interval.odd_until)?;
    let in_periods = i64::from(months).checked_mul(i64::from(interval.whole))?;
    let whole_days = in_periods.checked_add(i64::from(odd.whole))?.checked_mul(30)?;
    Some(YearFraction { numerator: whole_days.checked_add(odd.odd_days)?, denominator: 360 })
}

fn actual_actual(from: NaiveDate, until: NaiveDate) -> Option<YearFraction> {
    let first_length = days_in_year(from.year());
    if from.year() == until.year() {
        return Some(YearFraction { numerator: days_between(from, until), denominator: first_length });
    }
    let last_length = days_in_year(until.year());
    let in_first = days_between(from, last_day_of_year(from.year())?);
    let in_last = days_between(last_day_of_year(until.year().checked_sub(1)?)?, until);
    let years_between = i64::from(until.year()) - i64::from(from.year()) - 1;
    let denominator = first_length * last_length;
    let numerator = years_between
        .checked_mul(denominator)?
        .checked_add(in_first * last_length)?
        .checked_add(in_last * first_length)?;
    Some(YearFraction { numerator, denominator })
}

fn last_day_of_year(year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, 12, 31)
}

fn days_in_year(year: i32) -> i64 {
    let leap = NaiveDate::from_ymd_opt(year, 2, 29).is_some();
    if leap { 366 } else { 365 }
}

//! Day counts: which part of a year lies between two days, as an exact fraction.
//!
//! Plain arithmetic on days and years here cannot overflow: the calendar ends at year 262142.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frequency::{Frequency, Step, days_between};

const DAYS_IN_52_WEEKS: i64 = 364;

/// The convention by which days become a part of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DayCount {
    /// Each whole period is exactly its share of a year: 1/12 for a month, 1/52 for a week. Odd
    /// days count 1/360 each in months of 30 days, or 1/364 beside whole weeks.
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

fn thirty_360(frequency: Frequency, months: u32, from: NaiveDate, until: NaiveDate) -> Option<YearFraction> {
    let interval = frequency.split(from, until)?;
    let whole_days = i64::from(months).checked_mul(30)?.checked_mul(i64::from(interval.whole))?;
    let numerator = whole_days.checked_add(days_of_thirty_day_months(from, interval.odd_until))?;
    Some(YearFraction { numerator, denominator: 360 })
}

/// Days between two dates when each month has 30 of them and a 31st counts as the 30th (30E/360).
fn days_of_thirty_day_months(from: NaiveDate, until: NaiveDate) -> i64 {
    let day_number =
        |date: NaiveDate| i64::from(date.year()) * 360 + i64::from(date.month0()) * 30 + i64::from(date.day().min(30));
    day_number(until) - day_number(from)
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

//! How often instalments fall due, and how a stretch of days splits into such periods.

use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const DAYS_PER_YEAR: u32 = 365;
const MONTHS_PER_YEAR: u32 = 12;
const DAYS_PER_WEEK: u32 = 7;
const WEEKS_PER_YEAR: u32 = 52;
/// Length of a month where only parts of it are counted (US Regulation Z, Appendix J (b)(5)).
const DAYS_PER_MONTH: i64 = 30;

/// The period between two instalments, which is also the unit period of the APR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Frequency {
    /// The same day of each month; 12 periods a year.
    Monthly,
    /// Every 7 days; 52 periods a year.
    Weekly,
    /// Every 14 days; 26 periods a year.
    Fortnightly,
    /// Every 3 months; 4 periods a year.
    Quarterly,
    /// Every 6 months; 2 periods a year.
    HalfYearly,
    /// Every 12 months.
    Yearly,
    /// Every so many days; 365 divided by that number of periods a year, or 52 divided by the weeks
    /// when it is whole weeks. Zero is no period.
    EveryDays(u32),
}

/// The length of one period on the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Months(u32),
    Days(u32),
}

/// A stretch of days split into whole periods, counted back from its end, and an odd part before
/// them (US Regulation Z, Appendix J (b)(5); `lending.md` §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Number of whole periods.
    pub whole: u32,
    /// The day on which the odd part ends and the whole periods begin.
    pub odd_until: NaiveDate,
    /// Length of the odd part in days; zero when the stretch is whole periods only.
    pub odd_days: i64,
    /// The odd part as a fraction of one period: of 30 days a month, 365 days a year, or the
    /// period's own days.
    pub odd_fraction: Decimal,
}

impl Frequency {
    pub(super) const fn step(self) -> Step {
        match self {
            Self::Monthly => Step::Months(1),
            Self::Quarterly => Step::Months(3),
            Self::HalfYearly => Step::Months(6),
            Self::Yearly => Step::Months(MONTHS_PER_YEAR),
            Self::Weekly => Step::Days(7),
            Self::Fortnightly => Step::Days(14),
            Self::EveryDays(days) => Step::Days(days),
        }
    }

    /// The day `periods` periods after `from`, or `None` outside the calendar.
    ///
    /// In months the day of the month is kept and shortened only where the month is too short, so
    /// a series counted from one start keeps its day: 31 Jan, 28 Feb, 31 Mar (`lending.md` §2.1).
    #[must_use]
    pub fn after(self, from: NaiveDate, periods: u32) -> Option<NaiveDate> {
        match self.step() {
            Step::Months(months) => from.checked_add_months(Months::new(months.checked_mul(periods)?)),
            Step::Days(days) => {
                let days = i64::from(days).checked_mul(i64::from(periods))?;
                from.checked_add_signed(TimeDelta::try_days(days)?)
            }
        }
    }

    /// Number of periods in a year, the multiplier of the APR; `None` for a period of no days.
    #[must_use]
    pub fn periods_per_year(self) -> Option<Decimal> {
        match self {
            Self::Weekly => Some(Decimal::from(52)),
            Self::Fortnightly => Some(Decimal::from(26)),
            // A multiple of a week is counted in weeks (US 12 CFR 1026, Appendix J (b)(3) and (5)).
            Self::EveryDays(days) if days > 0 && days.is_multiple_of(DAYS_PER_WEEK) => {
                Decimal::from(WEEKS_PER_YEAR).checked_div(Decimal::from(days / DAYS_PER_WEEK))
            }
            Self::EveryDays(days) => Decimal::from(DAYS_PER_YEAR).checked_div(Decimal::from(days)),
            Self::Monthly => Some(Decimal::from(12)),
            Self::Quarterly => Some(Decimal::from(4)),
            Self::HalfYearly => Some(Decimal::TWO),
            Self::Yearly => Some(Decimal::ONE),
        }
    }

    /// Splits the days from `from` to `until` into whole periods and an odd part.
    ///
    /// `None` when `until` is before `from` or a period has no days.
    #[must_use]
    pub fn split(self, from: NaiveDate, until: NaiveDate) -> Option<Interval> {
        if until < from {
            return None;
        }
        let (whole, odd_until) = self.whole_periods(from, until)?;
        Some(Interval {
            whole,
            odd_until,
            odd_days: days_between(from, odd_until),
            odd_fraction: self.odd_fraction(from, odd_until)?,
        })
    }

    fn whole_periods(self, from: NaiveDate, until: NaiveDate) -> Option<(u32, NaiveDate)> {
        match self.step() {
            Step::Months(months) => whole_months(from, until, months),
            Step::Days(days) => {
                let span = days_between(from, until);
                let odd_days = span.checked_rem(i64::from(days))?;
                let whole = u32::try_from(span.checked_div(i64::from(days))?).ok()?;
                Some((whole, from.checked_add_signed(TimeDelta::try_days(odd_days)?)?))
            }
        }
    }

    fn odd_fraction(self, from: NaiveDate, odd_until: NaiveDate) -> Option<Decimal> {
        let (part, period) = match self.step() {
            Step::Days(days) => (days_between(from, odd_until), i64::from(days)),
            Step::Months(step) => {
                let (months, month_start) = whole_months(from, odd_until, 1)?;
                let days = days_between(from, month_start);
                if step == MONTHS_PER_YEAR && days > 0 {
                    (days_between(from, odd_until), i64::from(DAYS_PER_YEAR))
                } else {
                    let part = i64::from(months).checked_mul(DAYS_PER_MONTH)?.checked_add(days)?;
                    (part, i64::from(step).checked_mul(DAYS_PER_MONTH)?)
                }
            }
        };
        Decimal::from(part).checked_div(Decimal::from(period))
    }
}

/// Number of days from `from` to `until`.
pub(super) fn days_between(from: NaiveDate, until: NaiveDate) -> i64 {
    until.signed_duration_since(from).num_days()
}

/// Whole steps of `months` that fit before `until`, and the day on which the first of them begins.
fn whole_months(from: NaiveDate, until: NaiveDate, months: u32) -> Option<(u32, NaiveDate)> {
    let month_number = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
    let span = u32::try_from(month_number(until).checked_sub(month_number(from))?).ok()?;
    let steps = span.checked_div(months)?;
    let steps_in_months = steps.checked_mul(months)?;
    // 31 Jan to 28 Feb is one month although 28 Jan comes before 31 Jan.
    if from.checked_add_months(Months::new(steps_in_months)) == Some(until) {
        return Some((steps, from));
    }
    let start = until.checked_sub_months(Months::new(steps_in_months))?;
    if start >= from {
        return Some((steps, start));
    }
    let fewer = steps.checked_sub(1)?;
    let start = until.checked_sub_months(Months::new(fewer.checked_mul(months)?))?;
    Some((fewer, start))
}

//! The lender's working days: a weekly day off and holidays, as data.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc, Weekday};
use serde::{Deserialize, Serialize};

/// Seconds by which Indian standard time is ahead of UTC: Asia/Kolkata has had no other offset since 1945, and the
/// lender's day runs in it (`lending.md` §2.1).
const IST_SECONDS: i32 = 19_800;
/// Days in a row without a working day after which the search for one gives up.
const LONGEST_CLOSURE: usize = 60;

/// Indian standard time. `None` never: the offset is a valid one.
#[must_use]
pub fn ist() -> Option<FixedOffset> {
    FixedOffset::east_opt(IST_SECONDS)
}

/// The first instant of a day of the lender. `None` at the beginning of the calendar.
fn start_of_day(day: NaiveDate) -> Option<DateTime<Utc>> {
    day.and_time(NaiveTime::MIN).and_utc().checked_sub_signed(TimeDelta::seconds(i64::from(IST_SECONDS)))
}

/// The last millisecond of a day of the lender. `None` at the end of the calendar.
#[must_use]
pub fn end_of_day(day: NaiveDate) -> Option<DateTime<Utc>> {
    start_of_day(day.succ_opt()?)?.checked_sub_signed(TimeDelta::milliseconds(1))
}

/// The instant at which the lender's next day begins. `None` at the end of the calendar.
#[must_use]
pub fn midnight_after(day: NaiveDate) -> Option<DateTime<Utc>> {
    start_of_day(day.succ_opt()?)
}

/// An instant as the lender's people and borrowers read it: `26 Nov 2026, 11:59 pm IST`.
#[must_use]
pub fn instant(at: DateTime<Utc>) -> String {
    ist().map_or_else(|| at.to_rfc3339(), |ist| at.with_timezone(&ist).format("%d %b %Y, %-I:%M %P IST").to_string())
}

/// An instant for machines and those who read their messages: UTC with milliseconds, as all instants on the wire.
#[must_use]
pub fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The calendar date of an instant in Asia/Kolkata.
#[must_use]
pub fn business_date(at: DateTime<Utc>) -> NaiveDate {
    match ist() {
        Some(ist) => at.with_timezone(&ist).date_naive(),
        None => at.date_naive(),
    }
}

/// Which days are working days. By default every day but Sunday is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WorkingDays {
    /// Days of the week that are off, e.g. `Sun`.
    pub weekly_off: Vec<Weekday>,
    /// Dates that are off.
    pub holidays: BTreeSet<NaiveDate>,
}

impl Default for WorkingDays {
    fn default() -> Self {
        Self { weekly_off: vec![Weekday::Sun], holidays: BTreeSet::new() }
    }
}

impl WorkingDays {
    /// Whether the lender works on a day.
    #[must_use]
    pub fn is_working(&self, day: NaiveDate) -> bool {
        !self.weekly_off.contains(&day.weekday()) && !self.holidays.contains(&day)
    }

    /// The n-th working day after a day; `None` at the end of the calendar, or when the lender never works.
    #[must_use]
    pub fn after(&self, day: NaiveDate, count: u32) -> Option<NaiveDate> {
        let mut day = day;
        for _ in 0..count {
            day = day.iter_days().skip(1).take(LONGEST_CLOSURE).find(|next| self.is_working(*next))?;
        }
        Some(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_of_the_lender_ends_at_half_past_six_in_the_evening_of_utc() {
        let text = |at: Option<DateTime<Utc>>| at.unwrap().to_rfc3339();
        assert_eq!(text(end_of_day(day("2026-01-28"))), "2026-01-28T18:29:59.999+00:00");
        assert_eq!(text(midnight_after(day("2026-01-28"))), "2026-01-28T18:30:00+00:00");
        let dates =
            [end_of_day(day("2026-01-28")), midnight_after(day("2026-01-28"))].map(|at| business_date(at.unwrap()));
        assert_eq!(dates, [day("2026-01-28"), day("2026-01-29")]);
    }

    #[test]
    fn working_days_leave_out_sundays_and_holidays() {
        let days = WorkingDays { holidays: [day("2026-01-26")].into(), ..WorkingDays::default() };
        // Friday, then Saturday, then not Sunday, not Republic Day, but Tuesday.
        assert_eq!(days.after(day("2026-01-23"), 1), Some(day("2026-01-24")));
        assert_eq!(days.after(day("2026-01-23"), 2), Some(day("2026-01-27")));
    }

    #[test]
    fn a_lender_that_never_works_is_told_apart() {
        let all = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        let days = WorkingDays { weekly_off: all.to_vec(), ..WorkingDays::default() };
        assert_eq!(days.after(day("2026-01-23"), 1), None);
    }
}

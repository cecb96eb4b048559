//! Short ways to write terms and amounts in a test.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::domain::maths::{
    AnnualRate, DayCount, FirstPeriod, Flow, Frequency, Method, Paise, Rounding, Schedule, ScheduleTerms, schedule,
};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub(super) fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

pub(super) fn rupees(text: &str) -> Paise {
    Paise::from_rupees_exact(decimal(text)).expect("an amount")
}

pub(super) fn rate(text: &str) -> AnnualRate {
    text.parse().expect("a rate")
}

/// A loan from 1 Jan 2024 in monthly equal instalments, 30/360, paise half up.
pub(super) fn monthly(principal: &str, percent: &str, installments: u32) -> ScheduleTerms {
    ScheduleTerms {
        principal: rupees(principal),
        annual_rate: rate(percent),
        installments,
        frequency: Frequency::Monthly,
        method: Method::EqualInstalment,
        rounding: Rounding::PaiseHalfUp,
        day_count: DayCount::Thirty360,
        disbursed_on: day("2024-01-01"),
        first_due: day("2024-02-01"),
        due_day: None,
        first_period: FirstPeriod::Stretch,
        odd_day_count: None,
    }
}

/// The same with another period and day count, first due one period after the disbursal.
pub(super) fn every(frequency: Frequency, day_count: DayCount, terms: &ScheduleTerms) -> ScheduleTerms {
    let first_due = frequency.after(terms.disbursed_on, 1).expect("a date");
    ScheduleTerms { frequency, day_count, first_due, ..terms.clone() }
}

/// A single payment of principal and interest on `due`, Actual/365.
pub(super) fn bullet(principal: &str, percent: &str, due: &str) -> ScheduleTerms {
    ScheduleTerms {
        method: Method::Bullet,
        day_count: DayCount::Actual365,
        first_due: day(due),
        due_day: None,
        ..monthly(principal, percent, 1)
    }
}

pub(super) fn plan(terms: &ScheduleTerms) -> Schedule {
    schedule(terms).expect("a schedule")
}

/// `count` equal payments from period `first` on.
pub(super) fn annuity(first: u32, count: u32, amount: &str) -> Vec<Flow> {
    (first..first + count).map(|period| Flow { period, amount: rupees(amount) }).collect()
}

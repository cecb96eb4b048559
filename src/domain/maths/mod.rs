//! The lending arithmetic: money, day counts, repayment schedules and the annual percentage rate.
//!
//! Everything here is a pure function of its arguments. Money is integer paise; rates and factors
//! are exact decimals; nothing is a binary float, and nothing panics: what cannot be computed is
//! an error with its reason (`lending.md` §1.3, §2.1 to §2.4).

pub mod accrual;
mod amortisation;
pub mod apr;
pub mod day_count;
pub mod first_period;
pub mod frequency;
pub mod given;
pub mod money;
pub mod rate;
pub mod reschedule;
pub mod rounding;
pub mod rupees;
pub mod schedule;
mod unit_rate;

#[cfg(test)]
mod tests;

pub use accrual::{accrued_interest, cooling_off_interest, percent_of, simple_charge};
pub use amortisation::{due_dates, seed_day};
pub use apr::{
    Apr, AprError, Flow, apr, apr_of, apr_of_dated, counts_days, effective_annual_rate, effective_rate_of,
    unit_periods_per_year,
};
pub use day_count::{DayCount, YearFraction};
pub use first_period::FirstPeriod;
pub use frequency::{Frequency, Interval};
pub use given::{GivenRate, rows_of_payments};
pub use money::{MoneyTextError, Paise};
pub use rate::{AnnualRate, RateError};
pub use reschedule::{Prepayment, PrepaymentMode, after_prepayment};
pub use rounding::Rounding;
pub use schedule::{Method, Row, Schedule, ScheduleError, ScheduleTerms, schedule};

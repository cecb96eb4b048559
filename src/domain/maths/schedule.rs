//! Repayment schedules: a pure function of the terms of a loan (spec lending 2.2 and 2.3).

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::amortisation::{amortise, periods};
use super::day_count::DayCount;
use super::money::Paise;
use super::rate::AnnualRate;
use super::rounding::Rounding;

pub use super::frequency::Frequency;

/// The most instalments one schedule may have: fifty years of months.
pub const MAX_INSTALLMENTS: u32 = 600;

/// How the principal comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// Equated periodic instalments: each row pays the same, the last one takes the difference.
    ///
    /// Where the instalment is in paise and that difference is more than half a paisa for each
    /// row, the instalment moves by its share of it, provided the last row comes nearer (spec
    /// lending 2.1, smoothing). So it may lie a paisa beside the textbook annuity.
    EqualInstalment,
    /// Each row pays the same principal and the interest on the balance.
    EqualPrincipal,
    /// One payment of principal and interest at the end.
    Bullet,
}

/// The terms of a loan that decide its schedule, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleTerms {
    /// Amount lent, before any fee is deducted.
    pub principal: Paise,
    /// Contract rate, percent per annum.
    pub annual_rate: AnnualRate,
    /// Number of instalments, 1 to [`MAX_INSTALLMENTS`]; 1 for [`Method::Bullet`].
    pub installments: u32,
    /// Distance between two due dates.
    pub frequency: Frequency,
    /// How the principal comes back.
    pub method: Method,
    /// Rounding of the instalment, and of the principal part under [`Method::EqualPrincipal`].
    pub rounding: Rounding,
    /// How days become interest.
    pub day_count: DayCount,
    /// The day from which interest runs: the value date of the disbursal (spec lending 1.4).
    pub disbursed_on: NaiveDate,
    /// The due date of the first row, later than the disbursal. A first period that is not one
    /// whole period bears interest for its own days, and the instalment is worked out for it
    /// (`STRETCH`, spec lending 2.3).
    pub first_due: NaiveDate,
}

/// One line of a schedule. `opening - principal = closing`, `principal + interest = instalment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Counted from 1.
    pub number: u32,
    /// Business date on which the instalment is due.
    pub due_date: NaiveDate,
    /// Principal outstanding before the payment.
    pub opening: Paise,
    /// Principal repaid by this row.
    pub principal: Paise,
    /// Interest of the period that ends on the due date.
    pub interest: Paise,
    /// Amount payable.
    pub instalment: Paise,
    /// Principal outstanding after the payment; zero in the last row.
    pub closing: Paise,
}

/// The amortisation of a loan over its whole life (KFS Annex C).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The regular instalment, which is what the first row pays.
    pub instalment: Paise,
    /// The rows in order of due date.
    pub rows: Vec<Row>,
    /// Sum of all interest.
    pub total_interest: Paise,
    /// Sum of all instalments: principal plus interest, without fees (RBI 2024 definition).
    pub total_paid: Paise,
}

/// Why no schedule exists for the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// The amount lent is zero or negative.
    #[error("the principal must be more than zero")]
    PrincipalNotPositive,
    /// No instalment was asked for.
    #[error("a loan has at least one instalment")]
    NoInstallments,
    /// More than [`MAX_INSTALLMENTS`].
    #[error("a loan has at most {MAX_INSTALLMENTS} instalments")]
    TooManyInstallments,
    /// A bullet loan with several instalments.
    #[error("a bullet loan is repaid in one instalment")]
    BulletInstallments,
    /// Interest would start before the money is out, or the loan would last no time.
    #[error("the first due date must be later than the disbursal")]
    FirstDueNotAfterDisbursal,
    /// [`Frequency::EveryDays`] of zero days.
    #[error("the period between instalments must have at least one day")]
    EmptyPeriod,
    /// [`Rounding::MultipleOf`] an amount that is not positive.
    #[error("instalments cannot be rounded to a multiple of zero or less")]
    RoundingUnit,
    /// A regular instalment does not repay any principal.
    #[error("instalment {number} does not cover its interest, the loan would never be repaid")]
    NotAmortising {
        /// Row in which the principal would not fall.
        number: u32,
    },
    /// Rounding up repays the whole loan before its last row.
    #[error("rounding repays the loan with instalment {number}, before the last one")]
    RepaidEarly {
        /// Row in which nothing would be left.
        number: u32,
    },
    /// An amount or a date does not fit.
    #[error("an amount or a date of the schedule is out of range")]
    OutOfRange,
}

/// Works out the schedule of `terms`. The same terms always give the same schedule.
///
/// # Errors
///
/// [`ScheduleError`] names the term that has no schedule.
pub fn schedule(terms: &ScheduleTerms) -> Result<Schedule, ScheduleError> {
    check(terms)?;
    let periods = periods(terms).ok_or(ScheduleError::OutOfRange)?;
    let rows = amortise(terms, &periods)?;
    total(rows).ok_or(ScheduleError::OutOfRange)
}

fn check(terms: &ScheduleTerms) -> Result<(), ScheduleError> {
    if !terms.principal.is_positive() {
        return Err(ScheduleError::PrincipalNotPositive);
    }
    if terms.installments == 0 {
        return Err(ScheduleError::NoInstallments);
    }
    if terms.installments > MAX_INSTALLMENTS {
        return Err(ScheduleError::TooManyInstallments);
    }
    if terms.method == Method::Bullet && terms.installments != 1 {
        return Err(ScheduleError::BulletInstallments);
    }
    if terms.first_due <= terms.disbursed_on {
        return Err(ScheduleError::FirstDueNotAfterDisbursal);
    }
    if terms.frequency == Frequency::EveryDays(0) {
        return Err(ScheduleError::EmptyPeriod);
    }
    match terms.rounding {
        Rounding::MultipleOf(unit) if !unit.is_positive() => Err(ScheduleError::RoundingUnit),
        _ => Ok(()),
    }
}

fn total(rows: Vec<Row>) -> Option<Schedule> {
    Some(Schedule {
        instalment: rows.first()?.instalment,
        total_interest: Paise::checked_sum(rows.iter().map(|row| row.interest))?,
        total_paid: Paise::checked_sum(rows.iter().map(|row| row.instalment))?,
        rows,
    })
}

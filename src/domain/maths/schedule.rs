//! Repayment schedules: a pure function of the terms of a loan (`lending.md` §2.2 and §2.3).

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::amortisation::{amortise, periods};
use super::day_count::DayCount;
use super::first_period::{FirstPeriod, OddDays};
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
    /// The day from which interest runs: the value date of the disbursal (`lending.md` §1.4).
    pub disbursed_on: NaiveDate,
    /// The due date of the first row, later than the disbursal.
    pub first_due: NaiveDate,
    /// The day of the month on which a product's instalments fall due, 1 to 31; a month that is too short has its last
    /// day instead. `None` counts from the first due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_day: Option<u32>,
    /// How the odd days of a first period longer than one period are paid for.
    #[serde(default)]
    pub first_period: FirstPeriod,
    /// How odd days that do not stay in the first row become interest; `None` as all other days.
    /// A product with months of 30/360 often charges a broken month by its days in 365.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub odd_day_count: Option<DayCount>,
}

impl ScheduleTerms {
    /// The day count of odd days that do not stay in the first row.
    #[must_use]
    pub fn odd_days_count(&self) -> DayCount {
        self.odd_day_count.unwrap_or(self.day_count)
    }

    /// Rounding of a row's interest: to the paisa. Where the product wants equal principal in
    /// multiples of an amount, the interest is such a multiple too: otherwise no instalment would
    /// be one.
    pub(super) fn row_interest_rounding(&self) -> Rounding {
        match (self.method, self.rounding) {
            (Method::EqualPrincipal, Rounding::MultipleOf(_)) => self.rounding,
            _ => Rounding::PaiseHalfUp,
        }
    }
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

impl Row {
    /// The row that repays `principal` of `opening`, or `None` when an amount does not fit.
    pub(super) fn new(
        number: u32,
        due_date: NaiveDate,
        opening: Paise,
        principal: Paise,
        interest: Paise,
    ) -> Option<Self> {
        let instalment = principal.checked_add(interest)?;
        let closing = opening.checked_sub(principal)?;
        Some(Self { number, due_date, opening, principal, interest, instalment, closing })
    }
}

/// The amortisation of a loan over its whole life (KFS Annex C).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The regular instalment. It is what the first row pays, save that under
    /// [`FirstPeriod::AddToFirst`] the first row pays the interest of the odd days on top.
    pub instalment: Paise,
    /// The rows in order of due date.
    pub rows: Vec<Row>,
    /// Sum of the interest in the rows, so without [`Schedule::upfront_interest`].
    pub total_interest: Paise,
    /// Sum of all instalments: principal plus interest, without fees (RBI 2024 definition) and
    /// without [`Schedule::upfront_interest`].
    pub total_paid: Paise,
    /// Interest of the odd days that is kept from the disbursal ([`FirstPeriod::Upfront`]), in no
    /// row; zero under every other policy. Who pays out deducts it from the principal.
    #[serde(default)]
    pub upfront_interest: Paise,
}

impl Schedule {
    /// All interest the borrower bears, that of the rows and that kept from the disbursal: what the
    /// key facts statement calls total interest. `None` when it does not fit.
    #[must_use]
    pub fn cost_of_interest(&self) -> Option<Paise> {
        self.total_interest.checked_add(self.upfront_interest)
    }

    /// What reaches the borrower of `principal` when `charges` are kept beside the upfront
    /// interest: the net amount of the APR. `None` when it does not fit; may be negative.
    #[must_use]
    pub fn net_disbursed(&self, principal: Paise, charges: Paise) -> Option<Paise> {
        principal.checked_sub(self.upfront_interest)?.checked_sub(charges)
    }
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
    let odd_days = OddDays::apart(terms)?;
    let start = odd_days.map_or(terms.disbursed_on, |odd| odd.until);
    let periods = periods(terms, start).ok_or(ScheduleError::OutOfRange)?;
    let rows = amortise(terms, &periods)?;
    let odd_interest = odd_days.map_or(Some(Paise::ZERO), |odd| odd.interest(terms));
    odd_interest.and_then(|odd| total(terms.first_period, rows, odd)).ok_or(ScheduleError::OutOfRange)
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

/// The schedule of `rows`, which do not bear the interest of the odd days yet.
fn total(policy: FirstPeriod, mut rows: Vec<Row>, odd_interest: Paise) -> Option<Schedule> {
    let first = rows.first_mut()?;
    let instalment = first.instalment;
    let upfront_interest = if policy == FirstPeriod::AddToFirst {
        first.interest = first.interest.checked_add(odd_interest)?;
        first.instalment = first.instalment.checked_add(odd_interest)?;
        Paise::ZERO
    } else {
        odd_interest
    };
    Some(Schedule {
        instalment,
        total_interest: Paise::checked_sum(rows.iter().map(|row| row.interest))?,
        total_paid: Paise::checked_sum(rows.iter().map(|row| row.instalment))?,
        rows,
        upfront_interest,
    })
}

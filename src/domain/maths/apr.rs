//! The annual percentage rate (APR) by the actuarial method.
//!
//! The APR is the internal rate of return of one unit period times the number of unit periods in
//! a year: nominal, not compounded. RBI's own illustration (RBI/2024-25/18, Annex B) and US
//! Regulation Z, Appendix J, both do so; the odd days of a first period are a simple fraction
//! (`lending.md` §1.3 and §2.4).

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::{Decimal, MathematicalOps as _, RoundingStrategy};
use serde::Serialize;
use thiserror::Error;

use super::frequency::{Frequency, Step, days_between};
use super::money::Paise;
use super::schedule::{Method, Schedule, ScheduleTerms};
use super::unit_rate::{Payment, day_rate, unit_rate};

/// Digits of an effective annual rate that are known.
const RATE_DIGITS: u32 = 11;
const MONTHS_PER_YEAR: u32 = 12;
const DAYS_PER_YEAR: i64 = 365;
const DAYS_TO_COMPOUND: u64 = 365;

/// An annual percentage rate. Has no upper end: a short loan with a fee may be at 521.43.
///
/// [`fmt::Display`] and serde give the figure that is shown, rounded half up to two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Apr(Decimal);

impl Apr {
    /// The rate in percent per annum, not rounded.
    #[must_use]
    pub const fn percent(self) -> Decimal {
        self.0
    }

    /// The rate as it is shown: percent per annum with two decimals, half up.
    #[must_use]
    pub fn rounded(self) -> Decimal {
        self.0.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
    }
}

impl fmt::Display for Apr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.rounded()))
    }
}

impl From<Apr> for String {
    fn from(apr: Apr) -> Self {
        apr.to_string()
    }
}

/// A payment by the borrower at the end of a number of whole unit periods.
///
/// Third-party charges belong in it or are deducted from the net amount; contingent charges such
/// as penal interest do not (`lending.md` §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Whole unit periods from the end of the odd days to the payment.
    pub period: u32,
    /// Amount paid, not negative; two flows of one period add up.
    pub amount: Paise,
}

/// Why there is no APR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AprError {
    /// Nothing reaches the borrower after the upfront charges.
    #[error("the net disbursed amount must be more than zero")]
    NetNotPositive,
    /// The borrower would pay back less than received: a subvention, not a cost of credit.
    #[error("the payments are less than the net disbursed amount")]
    Negative,
    /// A payment to the borrower among the payments by the borrower.
    #[error("a payment cannot be negative")]
    NegativeFlow,
    /// The rate of one unit period is above 1000 %.
    #[error("the cost of credit is above 1000 percent in one period")]
    TooHigh,
    /// An amount, a period or a fraction does not fit.
    #[error("an amount or a period of the payments is out of range")]
    OutOfRange,
}

/// The APR of `flows` paid for `net_disbursed`.
///
/// `odd_fraction` is the length of the odd days before the first whole unit period, as a fraction
/// of a unit period (17 days of a month: 17/30); zero when there are none.
///
/// # Errors
///
/// [`AprError`] when there is no rate from 0 up, or a number is out of range.
pub fn apr(
    net_disbursed: Paise,
    flows: &[Flow],
    odd_fraction: Decimal,
    periods_per_year: Decimal,
) -> Result<Apr, AprError> {
    if periods_per_year <= Decimal::ZERO {
        return Err(AprError::OutOfRange);
    }
    let payments = flows.iter().map(|flow| Payment { period: flow.period, odd: Decimal::ZERO, amount: flow.amount });
    if flows.iter().any(|flow| flow.amount < Paise::ZERO) {
        return Err(AprError::NegativeFlow);
    }
    let unit_rate = unit_rate(net_disbursed, payments.collect(), odd_fraction)?;
    annual(unit_rate, periods_per_year)
}

fn annual(unit_rate: Decimal, periods_per_year: Decimal) -> Result<Apr, AprError> {
    unit_rate
        .checked_mul(periods_per_year)
        .and_then(|rate| rate.checked_mul(Decimal::ONE_HUNDRED))
        .map(Apr)
        .ok_or(AprError::OutOfRange)
}

/// The APR of payments on any days for `net_disbursed` received on `from`; a negative amount is a
/// further advance to the borrower.
///
/// Each amount is discounted over its own whole periods and, as simple interest, its own odd part:
/// `(1 + f i)(1 + i)^t` (US 12 CFR 1026, Appendix J (b)(8)). The period of `frequency` is the unit
/// period, save that a single payment has its whole term as one, up to a year: a number of months
/// when `frequency` counts in months and it is a whole one, else of days (Appendix J (b)(4) and (5)).
///
/// # Errors
///
/// As [`apr()`]; also [`AprError::OutOfRange`] for an amount before `from`.
pub fn apr_of_dated(
    net_disbursed: Paise,
    from: NaiveDate,
    flows: &[(NaiveDate, Paise)],
    frequency: Frequency,
) -> Result<Apr, AprError> {
    if let &[(on, amount)] = flows
        && let Some((term, terms_per_year)) = single_term(from, on, frequency)
    {
        return apr(net_disbursed, &[Flow { period: term, amount }], Decimal::ZERO, terms_per_year);
    }
    let frequency = if flows.len() == 1 { Frequency::Yearly } else { frequency };
    let per_year = frequency.periods_per_year().ok_or(AprError::OutOfRange)?;
    let payments = flows.iter().map(|&(on, amount)| {
        let interval = frequency.split(from, on)?;
        Some(Payment { period: interval.whole, odd: interval.odd_fraction, amount })
    });
    let payments = payments.collect::<Option<Vec<_>>>().ok_or(AprError::OutOfRange)?;
    annual(unit_rate(net_disbursed, payments, Decimal::ZERO)?, per_year)
}

/// One unit period that is the whole term of a single payment, and the number of such terms in a
/// year; `None` beyond a year.
fn single_term(from: NaiveDate, on: NaiveDate, frequency: Frequency) -> Option<(u32, Decimal)> {
    let in_months = !matches!(frequency, Frequency::Weekly | Frequency::Fortnightly | Frequency::EveryDays(_));
    let months = Frequency::Monthly.split(from, on)?;
    let (part, of_year) = if in_months && months.odd_days == 0 {
        (i64::from(months.whole), i64::from(MONTHS_PER_YEAR))
    } else {
        (days_between(from, on), DAYS_PER_YEAR)
    };
    let terms_per_year = Decimal::from(of_year).checked_div(Decimal::from(part))?;
    (part <= of_year).then_some((1, terms_per_year))
}

/// The effective annual rate of payments on any days for `net_disbursed` received on `from`: the rate at which all of
/// them, each discounted over its days in years of 365, are worth that amount (COM(1996)79; what spreadsheets call
/// XIRR). Compounded, so a second figure beside the APR and never in its place (`lending.md` §1.3).
///
/// # Errors
///
/// As [`apr()`], with [`AprError::TooHigh`] above 1000 % a day; [`AprError::OutOfRange`] also for a payment before `from`
/// and for a rate that does not fit.
pub fn effective_annual_rate(
    net_disbursed: Paise,
    from: NaiveDate,
    flows: &[(NaiveDate, Paise)],
) -> Result<Apr, AprError> {
    let payment = |&(on, amount): &(NaiveDate, Paise)| {
        let period = u32::try_from(days_between(from, on)).ok()?;
        Some(Payment { period, odd: Decimal::ZERO, amount })
    };
    let payments = flows.iter().map(payment).collect::<Option<Vec<_>>>().ok_or(AprError::OutOfRange)?;
    let of_a_day = day_rate(net_disbursed, payments)?;
    let grown = of_a_day.checked_add(Decimal::ONE).and_then(|growth| growth.checked_powu(DAYS_TO_COMPOUND));
    let rate = grown.and_then(|grown| grown.checked_sub(Decimal::ONE)).ok_or(AprError::OutOfRange)?;
    annual(rate.round_dp(RATE_DIGITS), Decimal::ONE)
}

/// The effective annual rate of a schedule whose periods are counted in days; `None` where they are months, which the
/// APR alone describes, and where there is no such rate.
///
/// RBI names no day count for days, so that one APR of a short loan may be stated in several ways (`lending.md` §1.3).
#[must_use]
pub fn effective_rate_of(terms: &ScheduleTerms, schedule: &Schedule, net_disbursed: Paise) -> Option<Apr> {
    if !counts_days(terms.method, terms.frequency) {
        return None;
    }
    let flows: Vec<_> = schedule.rows.iter().map(|row| (row.due_date, row.instalment)).collect();
    effective_annual_rate(net_disbursed, terms.disbursed_on, &flows).ok()
}

/// Whether periods are a number of days, not of months.
#[must_use]
pub const fn counts_days(method: Method, frequency: Frequency) -> bool {
    matches!(method, Method::Bullet) || matches!(frequency.step(), Step::Days(_))
}

/// The APR of a schedule of which `net_disbursed` reaches the borrower, so without the charges and
/// the interest kept from the disbursal ([`Schedule::net_disbursed`]).
///
/// The unit period is the schedule's own period. A single payment has that of [`apr_of_dated`]; a
/// bullet loan of up to a year counts its term in days.
///
/// # Errors
///
/// As [`apr()`]; also [`AprError::OutOfRange`] when the schedule is not one of these terms.
pub fn apr_of(terms: &ScheduleTerms, schedule: &Schedule, net_disbursed: Paise) -> Result<Apr, AprError> {
    if let [only] = schedule.rows.as_slice() {
        let flow = (only.due_date, only.instalment);
        return apr_of_dated(net_disbursed, terms.disbursed_on, &[flow], frequency_of_single(terms));
    }
    let first = terms.frequency.split(terms.disbursed_on, terms.first_due).ok_or(AprError::OutOfRange)?;
    let per_year = terms.frequency.periods_per_year().ok_or(AprError::OutOfRange)?;
    let flows: Vec<Flow> =
        (first.whole..).zip(&schedule.rows).map(|(period, row)| Flow { period, amount: row.instalment }).collect();
    apr(net_disbursed, &flows, first.odd_fraction, per_year)
}

/// Number of the unit periods of [`apr_of`] in a year; `None` for a period of no days.
#[must_use]
pub fn unit_periods_per_year(terms: &ScheduleTerms) -> Option<Decimal> {
    if terms.installments != 1 {
        return terms.frequency.periods_per_year();
    }
    let term = single_term(terms.disbursed_on, terms.first_due, frequency_of_single(terms));
    Some(term.map_or(Decimal::ONE, |(_, terms_per_year)| terms_per_year))
}

/// A bullet bears interest by the day, so its term is days even where they happen to be whole months.
const fn frequency_of_single(terms: &ScheduleTerms) -> Frequency {
    match terms.method {
        Method::Bullet => Frequency::EveryDays(1),
        Method::EqualInstalment | Method::EqualPrincipal => terms.frequency,
    }
}

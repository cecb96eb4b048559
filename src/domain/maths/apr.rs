//! The annual percentage rate (APR) by the actuarial method.
//!
//! The APR is the internal rate of return of one unit period times the number of unit periods in
//! a year: nominal, not compounded. RBI's own illustration (RBI/2024-25/18, Annex B) and US
//! Regulation Z, Appendix J, both do so; the odd days of a first period are a simple fraction
//! (spec lending 1.3 and 2.4).

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use thiserror::Error;

use super::frequency::days_between;
use super::money::Paise;
use super::schedule::{Method, Schedule, ScheduleTerms};

/// The rate of one unit period is looked for between 0 and 1000 %.
const MAX_UNIT_RATE: Decimal = Decimal::TEN;
/// The search stops when the rate of one unit period is known to 1e-12.
const TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 12);
/// Digits of the answer: one less than are known, so that an exact rate comes out exact.
const UNIT_RATE_DIGITS: u32 = 11;
/// Digits of a trial rate; two more than the tolerance needs, few enough to multiply fast.
const TRIAL_DIGITS: u32 = 14;
const MAX_PERIODS: u32 = 40_000;
const DAYS_PER_YEAR: i64 = 365;

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
/// as penal interest do not (spec lending 2.4).
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
    let unit_rate = unit_rate(net_disbursed, flows, odd_fraction)?;
    unit_rate
        .checked_mul(periods_per_year)
        .and_then(|rate| rate.checked_mul(Decimal::ONE_HUNDRED))
        .map(Apr)
        .ok_or(AprError::OutOfRange)
}

/// The APR of a schedule of which `net_disbursed` reaches the borrower, so without the charges and
/// the interest kept from the disbursal ([`Schedule::net_disbursed`]).
///
/// The unit period is the schedule's own period. A bullet loan has one payment, so its unit
/// period is its term of d days and the multiplier 365/d.
///
/// # Errors
///
/// As [`apr()`]; also [`AprError::OutOfRange`] when the schedule is not one of these terms.
pub fn apr_of(terms: &ScheduleTerms, schedule: &Schedule, net_disbursed: Paise) -> Result<Apr, AprError> {
    if terms.method == Method::Bullet {
        let flow = Flow { period: 1, amount: schedule.total_paid };
        let days = days_between(terms.disbursed_on, terms.first_due);
        let terms_per_year = Decimal::from(DAYS_PER_YEAR).checked_div(Decimal::from(days));
        return apr(net_disbursed, &[flow], Decimal::ZERO, terms_per_year.ok_or(AprError::OutOfRange)?);
    }
    let first = terms.frequency.split(terms.disbursed_on, terms.first_due).ok_or(AprError::OutOfRange)?;
    let per_year = terms.frequency.periods_per_year().ok_or(AprError::OutOfRange)?;
    let flows: Vec<Flow> =
        (first.whole..).zip(&schedule.rows).map(|(period, row)| Flow { period, amount: row.instalment }).collect();
    apr(net_disbursed, &flows, first.odd_fraction, per_year)
}

/// The rate of one unit period at which the payments are worth the net amount.
///
/// The present value falls as the rate rises, so a bracket whose ends lie on both sides holds
/// exactly one solution and bisection cannot miss it; fees near the principal make an unguarded
/// Newton step diverge.
fn unit_rate(net_disbursed: Paise, flows: &[Flow], odd_fraction: Decimal) -> Result<Decimal, AprError> {
    if !net_disbursed.is_positive() {
        return Err(AprError::NetNotPositive);
    }
    if flows.iter().any(|flow| flow.amount < Paise::ZERO) {
        return Err(AprError::NegativeFlow);
    }
    if odd_fraction < Decimal::ZERO || flows.iter().any(|flow| flow.period > MAX_PERIODS) {
        return Err(AprError::OutOfRange);
    }
    let total = Paise::checked_sum(flows.iter().map(|flow| flow.amount)).ok_or(AprError::OutOfRange)?;
    if total < net_disbursed {
        return Err(AprError::Negative);
    }
    if total == net_disbursed {
        return Ok(Decimal::ZERO);
    }
    let mut latest_first = flows.to_vec();
    latest_first.sort_by_key(|flow| std::cmp::Reverse(flow.period));
    let payments = Payments { latest_first, odd_fraction, net: Decimal::from(net_disbursed.0) };
    if payments.exceed_net(MAX_UNIT_RATE).ok_or(AprError::OutOfRange)? {
        return Err(AprError::TooHigh);
    }
    bisect(|rate| payments.exceed_net(rate)).ok_or(AprError::OutOfRange)
}

/// Halves [0, `MAX_UNIT_RATE`] until `too_low` is pinned down to the tolerance.
fn bisect(too_low: impl Fn(Decimal) -> Option<bool>) -> Option<Decimal> {
    let (mut low, mut high) = (Decimal::ZERO, MAX_UNIT_RATE);
    while high.checked_sub(low)? > TOLERANCE {
        let middle = low.checked_add(high)?.checked_div(Decimal::TWO)?.round_dp(TRIAL_DIGITS);
        if too_low(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    let middle = low.checked_add(high)?.checked_div(Decimal::TWO)?;
    Some(middle.round_dp(UNIT_RATE_DIGITS))
}

struct Payments {
    latest_first: Vec<Flow>,
    odd_fraction: Decimal,
    net: Decimal,
}

impl Payments {
    /// Whether the present value at `rate` is above the net amount, that is, the rate too low.
    ///
    /// Horner's scheme from the last payment back: one multiplication for each period.
    fn exceed_net(&self, rate: Decimal) -> Option<bool> {
        let discount = Decimal::ONE.checked_div(Decimal::ONE.checked_add(rate)?)?;
        let mut value = Decimal::ZERO;
        let mut at_period = self.latest_first.first().map_or(0, |flow| flow.period);
        for flow in &self.latest_first {
            value = discounted(value, discount, at_period.checked_sub(flow.period)?)?;
            value = value.checked_add(Decimal::from(flow.amount.0))?;
            at_period = flow.period;
        }
        value = discounted(value, discount, at_period)?;
        let odd_growth = Decimal::ONE.checked_add(self.odd_fraction.checked_mul(rate)?)?;
        Some(value > self.net.checked_mul(odd_growth)?)
    }
}

/// `value * discount ^ periods` by repeated squaring.
fn discounted(mut value: Decimal, discount: Decimal, mut periods: u32) -> Option<Decimal> {
    let mut power = discount;
    while periods > 0 {
        if periods & 1 == 1 {
            value = value.checked_mul(power)?;
        }
        periods >>= 1;
        if periods > 0 {
            power = power.checked_mul(power)?;
        }
    }
    Some(value)
}

//! What an approved amount costs: schedule, charges, APR and plans, all from the same rows (`lending.md` §2.4).

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::Application;
use super::ask::Approval;
use super::decision::Facts;
use super::facets::{Charges, Generation, Offer, Plan};
use super::form::{Tenure, TenureUnit};
use crate::domain::ids::{OfferId, PlanId};
use crate::domain::kfs;
use crate::domain::maths::accrual::percent_of;
use crate::domain::maths::apr::{AprError, apr_of};
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::{Frequency, Method, Schedule, ScheduleError, ScheduleTerms, schedule};
use crate::domain::product::Product;
use crate::domain::rules;
use crate::domain::servicing::{FeeLine, FeeRule, Payee};

/// Why an approved amount could not be priced.
#[derive(Debug, thiserror::Error)]
pub enum PricingError {
    /// The schedule refuses.
    #[error("schedule: {0}")]
    Schedule(#[from] ScheduleError),
    /// The APR refuses.
    #[error("APR: {0}")]
    Apr(#[from] AprError),
    /// Charges eat the loan up, or a figure is out of range.
    #[error("charges or dates are out of range")]
    OutOfRange,
    /// Interest would begin before the money is out.
    #[error("{}", rules::INTEREST_FROM_DISBURSAL.refusal("the schedule begins before the payout"))]
    InterestBeforePayout,
    /// An offer without a key facts statement is never sent (DL 6).
    #[error("the key facts statement cannot be written")]
    NoKfs,
}

/// Prices one approval for a payout today; ids are made from the application, so the same underwriting gives the same ids.
///
/// # Errors
/// When the figures make no schedule, no APR, or charges above the amount.
pub fn price(
    app: &Application,
    product: &Product,
    approval: &Approval,
    id: (Generation, usize),
    facts: &Facts<'_>,
) -> Result<Offer, PricingError> {
    let tenure = tenure(app, product, approval);
    let terms = terms(product, approval, tenure, facts.today).ok_or(PricingError::OutOfRange)?;
    if terms.disbursed_on < facts.today {
        return Err(PricingError::InterestBeforePayout);
    }
    let schedule = schedule(&terms)?;
    let fees = fees(product, approval.amount).ok_or(PricingError::OutOfRange)?;
    let processing = fees.first().map_or(Paise::ZERO, FeeLine::total);
    let net = net(&schedule, approval.amount, &fees).ok_or(PricingError::OutOfRange)?;
    let days = approval.valid_days.unwrap_or(product.offer_validity_days);
    let suffix = format!("{}-{}-{}", app.id, id.0, id.1.saturating_add(1));
    let offer = Offer {
        id: OfferId(format!("OF-{suffix}")),
        product: product.id.clone(),
        valid_till: valid_till(days, &terms, &schedule, facts).ok_or(PricingError::OutOfRange)?,
        requested: app.form.requested,
        sanctioned: approval.amount,
        annual_rate: terms.annual_rate,
        interest: schedule.cost_of_interest().ok_or(PricingError::OutOfRange)?,
        total: schedule.total_paid,
        instalment: schedule.instalment,
        tenure,
        charges: Charges {
            processing,
            bounce: product.bounce_charge,
            late_payment_percent: product.late_payment_percent,
        },
        fees,
        servicing: product.servicing.clone(),
        gst_percent: product.gst_percent,
        net_disbursed: net,
        apr: apr_of(&terms, &schedule, net)?.rounded(),
        cooling_off_days: product.cooling_off_days,
        disbursement_plans: vec![disbursement_plan(&suffix, approval.amount)],
        repayment_plans: vec![repayment_plan(&suffix, product, &terms, &schedule, tenure)],
        terms,
        schedule,
        kfs: None,
    };
    with_kfs(app, offer, facts)
}

/// Why an approval that cannot be priced never can be: only the tenure that was asked for stands in the way.
#[must_use]
pub fn impossible_tenure(
    app: &Application,
    product: &Product,
    approval: &Approval,
    facts: &Facts<'_>,
) -> Option<String> {
    let asked = app.form.tenure.filter(|_| approval.installments.is_none())?;
    let mut without = app.clone();
    without.form.tenure = None;
    price(&without, product, approval, (0, 0), facts).ok()?;
    let unit = match asked.unit {
        TenureUnit::Day => "DAY",
        TenureUnit::Month => "MONTH",
        TenureUnit::Year => "YEAR",
    };
    Some(format!(
        "no loan of {} rupees is repaid over {} {unit}; ask for another tenure",
        approval.amount, asked.duration
    ))
}

/// The same offer for a payout on another day: rate, fees and ids stay; dates and all that follows from them are new, and
/// its key facts statement is still to be written.
///
/// # Errors
/// As [`price()`].
pub fn for_payout(offer: &Offer, on: NaiveDate) -> Result<Offer, PricingError> {
    let first_due = offer.servicing.first_due(offer.terms.frequency, on).ok_or(PricingError::OutOfRange)?;
    let terms = ScheduleTerms { disbursed_on: on, first_due, ..offer.terms.clone() };
    let schedule = schedule(&terms)?;
    let net = net(&schedule, offer.sanctioned, &offer.fees).ok_or(PricingError::OutOfRange)?;
    let moved = |plan: &Plan| Plan {
        total: schedule.total_paid,
        interest: Some(schedule.total_interest),
        start_date: Some(first_due),
        ..plan.clone()
    };
    Ok(Offer {
        interest: schedule.cost_of_interest().ok_or(PricingError::OutOfRange)?,
        total: schedule.total_paid,
        instalment: schedule.instalment,
        net_disbursed: net,
        apr: apr_of(&terms, &schedule, net)?.rounded(),
        repayment_plans: offer.repayment_plans.iter().map(moved).collect(),
        terms,
        schedule,
        kfs: None,
        ..offer.clone()
    })
}

/// What reaches the borrower, when anything does.
fn net(schedule: &Schedule, sanctioned: Paise, fees: &[FeeLine]) -> Option<Paise> {
    let kept = Paise::checked_sum(fees.iter().map(FeeLine::total))?;
    schedule.net_disbursed(sanctioned, kept).filter(|net| net.is_positive())
}

/// The validity given, or that of the key facts statement where it is longer: one instant for both, so that neither
/// outlives the other.
fn valid_till(valid_days: u32, terms: &ScheduleTerms, schedule: &Schedule, facts: &Facts<'_>) -> Option<DateTime<Utc>> {
    let days = kfs::working_days(terms, schedule.rows.last()?.due_date);
    let least = kfs::valid_at_least_till(days, facts.today, facts.calendar)?;
    Some(least.max(facts.now + Duration::days(i64::from(valid_days))))
}

fn with_kfs(app: &Application, offer: Offer, facts: &Facts<'_>) -> Result<Offer, PricingError> {
    let statement = kfs::statement(&offer, facts.letterhead, &facts.lsp_name, app.form.loan_type);
    let issued = statement.and_then(|statement| facts.scribe.issue(&statement)).ok_or(PricingError::NoKfs)?;
    Ok(Offer { kfs: Some(issued), ..offer })
}

/// Length: the decision's, else the one asked for, else the product's own.
fn tenure(app: &Application, product: &Product, approval: &Approval) -> Tenure {
    if product.method == Method::Bullet {
        let asked = app.form.tenure.map(|asked| days_in(asked).unwrap_or(u32::MAX));
        let days = approval.installments.or(asked).or(product.bullet_days).unwrap_or(30);
        return Tenure { duration: days, unit: TenureUnit::Day };
    }
    let asked = app.form.tenure.map(|asked| instalments_in(asked, product.frequency).unwrap_or(u32::MAX));
    let installments = approval.installments.or(asked).unwrap_or(product.installments);
    match product.frequency {
        Frequency::Monthly => Tenure { duration: installments, unit: TenureUnit::Month },
        Frequency::Quarterly => Tenure { duration: installments.saturating_mul(3), unit: TenureUnit::Month },
        Frequency::HalfYearly => Tenure { duration: installments.saturating_mul(6), unit: TenureUnit::Month },
        Frequency::Yearly => Tenure { duration: installments, unit: TenureUnit::Year },
        Frequency::Weekly => Tenure { duration: installments.saturating_mul(7), unit: TenureUnit::Day },
        Frequency::Fortnightly => Tenure { duration: installments.saturating_mul(14), unit: TenureUnit::Day },
        Frequency::EveryDays(days) => Tenure { duration: installments.saturating_mul(days), unit: TenureUnit::Day },
    }
}

/// Instalments that last for a tenure, the last one included when it does not come out even. A tenure in months lasts
/// whole weeks at the most: a year has 52. `None` when there are none, or too many to be counted.
fn instalments_in(tenure: Tenure, frequency: Frequency) -> Option<u32> {
    let (length, period) = match frequency {
        Frequency::Monthly => (months_in(tenure)?, 1),
        Frequency::Quarterly => (months_in(tenure)?, 3),
        Frequency::HalfYearly => (months_in(tenure)?, 6),
        Frequency::Yearly => (months_in(tenure)?, 12),
        Frequency::Weekly => (days_in(tenure)?, 7),
        Frequency::Fortnightly => (days_in(tenure)?, 14),
        Frequency::EveryDays(days) => (days_in(tenure)?, days),
    };
    let by_days = matches!(frequency, Frequency::Weekly | Frequency::Fortnightly | Frequency::EveryDays(_));
    let whole = length.checked_div(period).filter(|_| length > 0)?;
    if by_days && tenure.unit != TenureUnit::Day { Some(whole.max(1)) } else { Some(length.div_ceil(period)) }
}

/// Months of a tenure; days are rounded up, of which a year has 365.
fn months_in(tenure: Tenure) -> Option<u32> {
    match tenure.unit {
        TenureUnit::Month => Some(tenure.duration),
        TenureUnit::Year => tenure.duration.checked_mul(12),
        TenureUnit::Day => u32::try_from(u64::from(tenure.duration).saturating_mul(12).div_ceil(365)).ok(),
    }
}

/// Days of a tenure, of which a year has 365; a month the twelfth, rounded down.
fn days_in(tenure: Tenure) -> Option<u32> {
    match tenure.unit {
        TenureUnit::Day => Some(tenure.duration),
        TenureUnit::Month => u32::try_from(u64::from(tenure.duration).saturating_mul(365) / 12).ok(),
        TenureUnit::Year => tenure.duration.checked_mul(365),
    }
}

fn terms(product: &Product, approval: &Approval, tenure: Tenure, today: NaiveDate) -> Option<ScheduleTerms> {
    let bullet = product.method == Method::Bullet;
    let frequency = if bullet { Frequency::EveryDays(tenure.duration) } else { product.frequency };
    let installments = if bullet { 1 } else { instalments_in(tenure, product.frequency)? };
    Some(ScheduleTerms {
        principal: approval.amount,
        annual_rate: approval.annual_rate.unwrap_or(product.annual_rate),
        installments,
        frequency,
        method: product.method,
        rounding: product.rounding,
        day_count: product.day_count,
        disbursed_on: today,
        first_due: product.servicing.first_due(frequency, today)?,
        due_day: product.servicing.due_day,
        first_period: product.first_period,
        odd_day_count: product.odd_day_count,
    })
}

/// The processing fee, then the product's other fees; each amount and each tax half-up to the paisa.
fn fees(product: &Product, amount: Paise) -> Option<Vec<FeeLine>> {
    let processing = FeeRule {
        code: "PROCESSING".to_owned(),
        name: "Processing fee".to_owned(),
        payee: Payee::Lender,
        percent: Some(product.processing_fee_percent),
        amount: None,
        taxed: true,
    };
    std::iter::once(&processing).chain(&product.fees).map(|rule| fee(rule, product.gst_percent, amount)).collect()
}

fn fee(rule: &FeeRule, gst_percent: Decimal, sanctioned: Paise) -> Option<FeeLine> {
    let amount = match (rule.percent, rule.amount) {
        (Some(percent), _) => percent_of(sanctioned, percent)?,
        (None, amount) => amount.unwrap_or(Paise::ZERO),
    };
    let tax = if rule.taxed { percent_of(amount, gst_percent)? } else { Paise::ZERO };
    Some(FeeLine { code: rule.code.clone(), name: rule.name.clone(), payee: rule.payee, amount, tax })
}

fn disbursement_plan(suffix: &str, amount: Paise) -> Plan {
    Plan {
        id: PlanId(format!("DP-{suffix}")),
        automatic: false,
        frequency: None,
        installments: 1,
        tenure: None,
        total: amount,
        principal: None,
        interest: None,
        start_date: None,
    }
}

fn repayment_plan(suffix: &str, product: &Product, terms: &ScheduleTerms, schedule: &Schedule, tenure: Tenure) -> Plan {
    Plan {
        id: PlanId(format!("RP-{suffix}")),
        automatic: product.repay_by_mandate,
        frequency: (product.method != Method::Bullet).then_some(product.frequency),
        installments: terms.installments,
        tenure: Some(tenure),
        total: schedule.total_paid,
        principal: Some(terms.principal),
        interest: Some(schedule.total_interest),
        start_date: Some(terms.first_due),
    }
}

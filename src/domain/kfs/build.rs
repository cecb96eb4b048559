//! From a priced offer to its statement. Every figure is the offer's own; nothing is computed twice but sums of fees.

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;

use super::document::{
    Allocation, AprSheet, Basis, ContingentCharge, CoolingOff, Fee, Instalments, Kfs, LenderFacts, OverdueExample,
    PartOne, PartTwo, Penal, RoundingRule, Rules, ScheduleRow, Terms,
};
use super::{Letterhead, words, working_days};
use crate::domain::application::facets::Offer;
use crate::domain::application::form::LoanType;
use crate::domain::maths::apr::{effective_rate_of, unit_periods_per_year};
use crate::domain::maths::money::Paise;
use crate::domain::maths::rounding::Rounding;
use crate::domain::maths::schedule::{Method, Row};
use crate::domain::servicing::{FeeLine, Payee};

/// Version of the form.
const VERSION: &str = "1";
/// Days after the due date of the oldest unpaid instalment (`lending.md` §1.6).
const SMA_1_DAYS: i64 = 30;
const SMA_2_DAYS: i64 = 60;
const NPA_DAYS: i64 = 90;

/// The statement on an offer, by its number, for a borrower whom an LSP brought. `None` when a date leaves the calendar.
#[must_use]
pub fn statement(offer: &Offer, letterhead: &Letterhead, lsp: &str, loan_type: LoanType) -> Option<Kfs> {
    let last_due = offer.schedule.rows.last()?.due_date;
    Some(Kfs {
        version: VERSION.to_owned(),
        proposal_number: format!("KFS-{}", offer.id),
        issued_on: offer.terms.disbursed_on,
        valid_till: offer.valid_till,
        valid_working_days: working_days(&offer.terms, last_due),
        lender: LenderFacts {
            name: letterhead.name.clone(),
            phone: letterhead.phone.clone(),
            email: letterhead.email.clone(),
        },
        part_one: part_one(offer, loan_type),
        part_two: part_two(offer, letterhead, lsp),
        apr_sheet: apr_sheet(offer)?,
        schedule: offer.schedule.rows.iter().map(row).collect(),
        basis: basis(offer)?,
        terms: terms(offer),
        rules: rules(offer)?,
    })
}

fn part_one(offer: &Offer, loan_type: LoanType) -> PartOne {
    let fees = |payee| offer.fees.iter().filter(|fee| fee.payee == payee).map(self::fee).collect();
    PartOne {
        loan_type: words::loan_type(loan_type).to_owned(),
        sanctioned_amount: offer.sanctioned.to_string(),
        disbursal_schedule: words::UPFRONT.to_owned(),
        term: words::term(offer.tenure),
        instalments: Instalments {
            kind: words::rhythm(&offer.terms),
            number: offer.terms.installments,
            amount: offer.instalment.to_string(),
            first_amount: first_apart(offer).map(|amount| amount.to_string()),
            last_amount: last_apart(offer).map(|amount| amount.to_string()),
            first_due: offer.terms.first_due,
            starts_after_days: days_to_first(offer),
        },
        interest_rate: offer.annual_rate.to_string(),
        interest_type: "FIXED".to_owned(),
        floating_rate: "Not applicable: the rate is fixed for the whole term.".to_owned(),
        fees_to_lender: fees(Payee::Lender),
        fees_to_third_parties: fees(Payee::ThirdParty),
        annual_percentage_rate: percent(offer.apr),
        contingent_charges: contingent(offer),
    }
}

fn fee(line: &FeeLine) -> Fee {
    Fee {
        code: line.code.clone(),
        name: line.name.clone(),
        recurrence: "ONE_TIME".to_owned(),
        amount: line.amount.to_string(),
        tax: line.tax.to_string(),
        total: line.total().to_string(),
    }
}

/// Row 10; a charge that is none is said so, because what is not listed cannot be charged.
fn contingent(offer: &Offer) -> Vec<ContingentCharge> {
    let rate = |code: &str, row: &str, rate: Decimal, tax: Decimal, text: String| ContingentCharge {
        code: code.to_owned(),
        row: row.to_owned(),
        percent: Some(percent(rate)),
        amount: None,
        tax_percent: percent(tax),
        text,
    };
    let none = |code: &str, row: &str, text: &str| ContingentCharge {
        amount: Some(Paise::ZERO.to_string()),
        percent: None,
        ..rate(code, row, Decimal::ZERO, Decimal::ZERO, text.to_owned())
    };
    let (rules, tax) = (&offer.servicing, offer.gst_percent);
    vec![
        rate("PENAL", "10(i)", offer.charges.late_payment_percent, Decimal::ZERO, words::penal(offer)),
        none("OTHER_PENAL", "10(ii)", "None."),
        rate("FORECLOSURE", "10(iii)", rules.foreclosure_percent, tax, words::foreclosure(offer)),
        rate("PREPAYMENT", "10(iii)", rules.prepayment_percent, tax, words::prepayment(offer)),
        none("RATE_SWITCH", "10(iv)", "Not applicable: the rate is fixed."),
        ContingentCharge {
            amount: Some(offer.charges.bounce.to_string()),
            ..none("BOUNCE", "10(v)", &words::bounce(offer))
        },
    ]
}

fn part_two(offer: &Offer, letterhead: &Letterhead, lsp: &str) -> PartTwo {
    let agents = &letterhead.recovery_agents;
    PartTwo {
        recovery: words::recovery(!agents.is_empty()),
        grievance_redress: words::GRIEVANCE.to_owned(),
        grievance_officer: letterhead.grievance_officer.clone(),
        transferable: letterhead.transferable,
        co_lending: false,
        cooling_off_days: offer.cooling_off_days,
        lending_service_provider: lsp.to_owned(),
        provider_recovers: agents.iter().any(|agent| agent.name == lsp),
        recovery_agents: agents.clone(),
    }
}

fn apr_sheet(offer: &Offer) -> Option<AprSheet> {
    let fees = |payee| Paise::checked_sum(offer.fees.iter().filter(|fee| fee.payee == payee).map(FeeLine::total));
    let (to_lender, to_others) = (fees(Payee::Lender)?, fees(Payee::ThirdParty)?);
    Some(AprSheet {
        sanctioned_amount: offer.sanctioned.to_string(),
        term: words::term(offer.tenure),
        instalments: words::instalments(offer, first_apart(offer), last_apart(offer)),
        starts: format!("{} days after sanction", days_to_first(offer)),
        interest_type: "FIXED".to_owned(),
        interest_rate: offer.annual_rate.to_string(),
        total_interest: offer.interest.to_string(),
        fees: to_lender.checked_add(to_others)?.to_string(),
        fees_to_lender: to_lender.to_string(),
        fees_to_third_parties: to_others.to_string(),
        upfront_interest: offer.schedule.upfront_interest.to_string(),
        net_disbursed: offer.net_disbursed.to_string(),
        total_paid: offer.sanctioned.checked_add(offer.interest)?.to_string(),
        annual_percentage_rate: percent(offer.apr),
        effective_annual_rate: effective_rate_of(&offer.terms, &offer.schedule, offer.net_disbursed)
            .map(|rate| rate.to_string()),
        disbursal_schedule: words::UPFRONT.to_owned(),
        due_date: offer.terms.first_due.format("%d%m%Y").to_string(),
    })
}

fn row(row: &Row) -> ScheduleRow {
    ScheduleRow {
        number: row.number,
        due_date: row.due_date,
        outstanding: row.opening.to_string(),
        principal: row.principal.to_string(),
        interest: row.interest.to_string(),
        instalment: row.instalment.to_string(),
    }
}

fn basis(offer: &Offer) -> Option<Basis> {
    let per_year = unit_periods_per_year(&offer.terms)?;
    Some(Basis {
        apr: words::apr(offer),
        apr_method: "UNIT_PERIOD_IRR".to_owned(),
        periods_per_year: per_year.round_dp(6).normalize().to_string(),
        tax_included: true,
        rounding: words::rounding(offer),
        day_count: words::day_count(&offer.terms),
        broken_period: words::broken_period(offer),
    })
}

fn terms(offer: &Offer) -> Terms {
    let terms = &offer.terms;
    Terms {
        principal: terms.principal.to_string(),
        annual_rate: terms.annual_rate.to_string(),
        installments: terms.installments,
        frequency: terms.frequency,
        method: terms.method,
        day_count: terms.day_count,
        rounding: rounding(terms.rounding),
        disbursed_on: terms.disbursed_on,
        first_due: terms.first_due,
        first_period: terms.first_period,
        odd_day_count: terms.odd_days_count(),
        due_day: offer.servicing.due_day,
    }
}

fn rounding(rounding: Rounding) -> RoundingRule {
    let (unit, mode) = match rounding {
        Rounding::PaiseHalfUp => (Paise(1), "HALF_UP"),
        Rounding::PaiseHalfEven => (Paise(1), "HALF_EVEN"),
        Rounding::RupeeHalfUp => (Paise::from_rupees(1), "HALF_UP"),
        Rounding::RupeeCeil => (Paise::from_rupees(1), "UP"),
        Rounding::MultipleOf(unit) => (unit, "HALF_UP"),
    };
    RoundingRule { unit: unit.to_string(), mode: mode.to_owned() }
}

fn rules(offer: &Offer) -> Option<Rules> {
    let rules = &offer.servicing;
    let allocation = |policy| Allocation { policy, text: words::allocation(policy) };
    Some(Rules {
        allocation: allocation(rules.allocation),
        npa_allocation: allocation(rules.npa_allocation),
        penal: Penal {
            percent: percent(offer.charges.late_payment_percent),
            base: "AMOUNT_IN_DEFAULT".to_owned(),
            grace_days: rules.penal_grace_days,
            every_days: rules.penal_every_days,
            cap_percent: rules.penal_cap_percent.map(percent),
            text: words::penal(offer),
        },
        bounce_charge: offer.charges.bounce.to_string(),
        foreclosure_percent: percent(rules.foreclosure_percent),
        prepayment_percent: percent(rules.prepayment_percent),
        prepayment_mode: rules.prepayment_mode,
        gst_percent: percent(offer.gst_percent),
        cooling_off: CoolingOff {
            days: offer.cooling_off_days,
            policy: rules.cooling_off,
            text: words::cooling_off(offer),
        },
        reissue_tolerance: rules.reissue_tolerance.to_string(),
        overdue_example: overdue(offer.terms.first_due)?,
    })
}

fn overdue(due_date: NaiveDate) -> Option<OverdueExample> {
    let after = |days| due_date.checked_add_signed(TimeDelta::try_days(days)?);
    let (sma_1, sma_2, npa) = (after(SMA_1_DAYS)?, after(SMA_2_DAYS)?, after(NPA_DAYS)?);
    Some(OverdueExample { due_date, sma_1, sma_2, npa, text: words::overdue(due_date, sma_1, sma_2, npa) })
}

/// The first instalment, when it pays the interest of odd days on top of the others' amount.
fn first_apart(offer: &Offer) -> Option<Paise> {
    offer.schedule.rows.first().map(|row| row.instalment).filter(|first| *first != offer.instalment)
}

/// The last instalment, when each is another amount.
fn last_apart(offer: &Offer) -> Option<Paise> {
    let falls = offer.terms.method == Method::EqualPrincipal && offer.terms.installments > 1;
    offer.schedule.rows.last().map(|row| row.instalment).filter(|last| falls && *last != offer.instalment)
}

fn days_to_first(offer: &Offer) -> i64 {
    offer.terms.first_due.signed_duration_since(offer.terms.disbursed_on).num_days()
}

/// A percentage with two decimals, or as many more as it has.
fn percent(percent: Decimal) -> String {
    let mut percent = percent.normalize();
    if percent.scale() < 2 {
        percent.rescale(2);
    }
    percent.to_string()
}

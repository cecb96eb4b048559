//! Money that arrived: credited once, on the bank's value date; and money that came back.

use chrono::NaiveDate;

use super::{Channel, Payment, PaymentState, confirm, go_on, put, tell};
use crate::domain::application::Application;
use crate::domain::application::decision::{Decision, Effect, Facts};
use crate::domain::book::{Journal, JournalKind, LedgerAccount, credit};
use crate::domain::ids::PaymentId;
use crate::domain::loan::account::{Fact, Split, What};
use crate::domain::loan::{Loan, life};
use crate::domain::maths::money::Paise;
use crate::domain::servicing::AllocationPolicy;

/// Money as the bank tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// The bank's unique transaction reference.
    pub utr: &'a str,
    /// The bank's value date.
    pub value_date: NaiveDate,
    /// How much; absent means what was asked for.
    pub amount: Option<Paise>,
}

/// Row L7: the money is here; it is credited on the bank's value date, once, and the LSP is told.
pub fn settle(
    loan: &mut Loan,
    app: &Application,
    (payment, arrived): (Payment, Arrived<'_>),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let Arrived { utr, value_date, amount } = arrived;
    let amount = amount.unwrap_or(payment.amount);
    let first = loan.account.as_ref().map_or(value_date, |account| account.contract.terms.disbursed_on);
    let value_date = value_date.clamp(first.min(facts.today), facts.today);
    let split = credit_payment(loan, app, (&payment, amount, value_date, utr), facts, d);
    let state = PaymentState::Settled { utr: utr.to_owned(), value_date, amount, split };
    let settled = Payment { state, at: facts.now, exchange: None, ..payment };
    d.event(app, format!("payment {} of {amount} credited", settled.id));
    put(loan, settled.clone(), d);
    tell(loan, app, &settled, d);
    go_on(loan, app, facts, d);
}

/// Notes a receipt and gives its split.
fn credit_payment(
    loan: &mut Loan,
    app: &Application,
    (payment, amount, value_date, utr): (&Payment, Paise, NaiveDate, &str),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Split {
    let policy = policy(loan, facts.borrower_npa_since);
    let utr = Some(utr.to_owned());
    let what = What::Received { payment: payment.id.clone(), amount, purpose: payment.purpose, policy, utr };
    life::record(loan, app, Fact { value_date, what }, facts, d);
    let receipt = d.effects.iter().rev().find_map(|effect| match effect {
        Effect::Post(_, journal) if is_receipt(journal, &payment.id) => Some(split_of(journal)),
        _ => None,
    });
    receipt.unwrap_or(Split { excess: amount, ..Split::default() })
}

fn policy(loan: &Loan, borrower_npa_since: Option<NaiveDate>) -> AllocationPolicy {
    let servicing = &loan.offer.servicing;
    match &loan.account {
        Some(account) if borrower_npa_since.is_none() => account.policy(),
        Some(_) => servicing.npa_allocation,
        None => servicing.allocation,
    }
}

fn is_receipt(journal: &Journal, payment: &PaymentId) -> bool {
    let rest = journal.reference.strip_prefix(payment.as_str());
    journal.kind == JournalKind::Receipt && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// What a receipt's journal settled.
#[must_use]
pub fn split_of(journal: &Journal) -> Split {
    let part = |account| credit(journal.on(account));
    Split {
        principal: part(LedgerAccount::PrincipalReceivable),
        interest: part(LedgerAccount::InterestReceivable),
        fee: part(LedgerAccount::FeeReceivable),
        penal: part(LedgerAccount::PenalReceivable),
        excess: part(LedgerAccount::BorrowerExcess),
    }
}

/// A payment that had been credited came back: it was never paid (return after success).
pub fn returned(
    loan: &mut Loan,
    app: &Application,
    (payment, reason, on): (&Payment, &str, NaiveDate),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let state = PaymentState::Returned { on, reason: reason.to_owned() };
    let back = Payment { state, at: facts.now, ..payment.clone() };
    let what = What::Returned { payment: payment.id.clone() };
    d.event(app, format!("payment {} came back", payment.id));
    put(loan, back.clone(), d);
    life::record(loan, app, Fact { value_date: on, what }, facts, d);
    if payment.channel == Channel::Mandate
        && let Some(instalment) = payment.instalment
    {
        let what = What::Bounced { payment: payment.id.clone(), instalment };
        life::record(loan, app, Fact { value_date: on, what }, facts, d);
    }
    confirm(loan, app, &back, d);
}

//! Money held for the borrower that goes back to the payout account, and what the bank says of it.

use chrono::NaiveDate;

use super::account::{Fact, What};
use super::operator::positive;
use super::resolution::filed;
use super::{Loan, life};
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Finding, Outcome, RefundOrder};
use crate::domain::application::decision::{Decision, Effect, Facts, History, OrderFate, Unclaimed};
use crate::domain::maths::money::Paise;
use crate::domain::personal::is_code;

/// Has the bank pay a part of what is held, or says why not; nothing has changed then.
///
/// # Errors
/// Words for the operator.
pub fn order(
    loan: &mut Loan,
    app: &Application,
    (amount, reference): (Paise, &str),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    positive(amount)?;
    let held = loan.account.as_ref().ok_or("the loan is not paid out")?.excess;
    if amount > held {
        return Err(format!("only {held} rupees are held for the borrower"));
    }
    let payout = loan.payouts.iter().rev().find(|payout| !payout.has_failed()).ok_or("there is no payout account")?;
    if app.erased_at.is_some() {
        return Err("the payout account was erased at the end of its retention".to_owned());
    }
    let order = RefundOrder {
        loan_id: loan.id.clone(),
        reference: reference.to_owned(),
        bank_key: bank_key(loan, reference),
        amount,
        account: payout.account.clone(),
    };
    d.ask_aside(Ask::Refund(order), app, app.generation);
    d.event(app, format!("refund of {amount} ordered"));
    // Booked when ordered, so that it is never ordered twice; a refund that the bank refuses is booked back.
    let what = What::Refunded { reference: reference.to_owned(), amount };
    life::record(loan, app, Fact { value_date: facts.today, what }, facts, d);
    Ok(())
}

fn bank_key(loan: &Loan, reference: &str) -> String {
    format!("{}:{}:refund:{reference}", loan.org_id, loan.id)
}

/// The bank's word on a refund: one that it finally refused is the borrower's money again. That one was paid which is
/// booked back already is for a person: the money would leave twice.
pub fn told(
    loan: &mut Loan,
    app: &Application,
    (order, outcome): (&RefundOrder, &Outcome),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let Some(history) = facts.history else {
        d.lacks_history = true;
        return;
    };
    let is_back = is_booked_back(history, &order.reference);
    match outcome {
        Outcome::Done { finding: Finding::Paid { utr, value_date } } if is_back => {
            let utr = if is_code(utr) { format!(", UTR {utr}") } else { String::new() };
            d.event(app, format!("refund of {} left on {value_date}, and is booked back{utr}", order.amount));
            d.unclaimed = Some(Unclaimed::Stray);
        }
        Outcome::Done { finding: Finding::Paid { .. } } => d.event(app, format!("refund of {} paid", order.amount)),
        Outcome::Refused { code, .. } if !is_back => {
            book_back(loan, app, (&order.reference, order.amount, code), facts, d);
        }
        Outcome::Refused { .. } | Outcome::Done { .. } | Outcome::Pending { .. } | Outcome::Unknown { .. } => {}
    }
}

fn book_back(
    loan: &mut Loan,
    app: &Application,
    (reference, amount, code): (&str, Paise, &str),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let why = if is_code(code) { format!(": {code}") } else { String::new() };
    d.event(app, format!("refund of {amount} refused{why}"));
    let what = What::RefundFailed { reference: reference.to_owned() };
    life::record(loan, app, Fact { value_date: facts.today, what }, facts, d);
}

fn is_booked_back(history: &History, reference: &str) -> bool {
    let is_back = |fact: &Fact| matches!(&fact.what, What::RefundFailed { reference: back } if back == reference);
    history.facts.iter().any(is_back)
}

/// Ends a refund that the bank never answered for by what its file says: paid, or held for the borrower again; or says
/// why not, and nothing has changed then.
///
/// # Errors
/// Words for the operator.
pub fn resolve(
    loan: &mut Loan,
    app: &Application,
    (named, utr, value_date): (&str, Option<&str>, Option<NaiveDate>),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    let history = facts.history.ok_or("the loan's book is not at hand")?;
    let (reference, amount, ordered) = ordered(history, named).ok_or("the loan has no such refund")?;
    let bank_key = bank_key(loan, &reference);
    if facts.orders_under_way.contains(&bank_key) {
        return Err(
            "the bank is still being asked: a refund is ended by hand when the bank does not know it".to_owned()
        );
    }
    if is_booked_back(history, &reference) || !facts.orders_unanswered.contains(&bank_key) {
        return Err("the refund has ended".to_owned());
    }
    match filed(utr, value_date, ("the refund", ordered), facts)? {
        Some((utr, value_date)) => {
            let utr = if is_code(&utr) { format!(", UTR {utr}") } else { String::new() };
            d.event(app, format!("refund of {amount} paid on {value_date} by the bank's file{utr}"));
        }
        None => book_back(loan, app, (&reference, amount, "NOT_IN_BANK_FILE"), facts, d),
    }
    d.effects.push(Effect::Order(OrderFate::Answered, bank_key));
    Ok(())
}

/// Reference, amount and day of a refund that was ordered. An act's id is the same with hyphens and without.
fn ordered(history: &History, named: &str) -> Option<(String, Paise, NaiveDate)> {
    let plain = |text: &str| text.trim().replace('-', "").to_ascii_lowercase();
    history.facts.iter().find_map(|fact| match &fact.what {
        What::Refunded { reference, amount } if plain(reference) == plain(named) => {
            Some((reference.clone(), *amount, fact.value_date))
        }
        _ => None,
    })
}

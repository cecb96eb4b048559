//! Debits by mandate: once for each instalment, and never beside a payment page.

use chrono::{Duration, NaiveDate};

use super::credit::{Arrived, settle, unclaimed};
use super::{Channel, Payment, PaymentState, close_pages, collection, fail, find, go_on, new_payment, put};
use crate::domain::application::Application;
use crate::domain::application::ask::{
    Ask, Collection, Finding, NEVER_RECEIVED, NewAsk, Outcome, lacks_mandate, unreceived,
};
use crate::domain::application::decision::{Decision, Effect, Facts, OrderFate};
use crate::domain::calendar::business_date;
use crate::domain::ids::PaymentId;
use crate::domain::loan::account::{Fact, Instalment, Purpose, What};
use crate::domain::loan::resolution::filed;
use crate::domain::loan::{Loan, life};

/// What lies between telling the borrower and the debit (E-Mandate Framework 2026).
const NOTICE: Duration = Duration::hours(24);

/// An instalment fell due: its mandate is debited once, after every page of the loan is closed.
pub fn present(loan: &mut Loan, app: &Application, number: u32, facts: &Facts<'_>, d: &mut Decision) {
    if life::mandate(app).is_none() || loan.presented >= number {
        return;
    }
    let left = loan.account.as_ref().and_then(|account| account.instalment(number)).map(Instalment::left);
    let Some(left) = left.filter(|left| left.is_positive()) else { return };
    // A payment that came back since may have made it more.
    let told = loan.announced.zip(loan.announced_amount).filter(|((announced, _), _)| *announced == number);
    let amount = told.map_or(left, |(_, told)| left.min(told));
    let in_the_way = loan.payments.iter().any(|payment| payment.state.is_live());
    let state = if in_the_way { PaymentState::Waiting } else { PaymentState::Presenting };
    let payment = new_payment(loan, (Channel::Mandate, Purpose::Instalment), (amount, Some(number)), state, facts);
    loan.presented = number;
    put(loan, payment.clone(), d);
    if in_the_way {
        close_pages(loan, app, "the mandate is debited instead", &payment.id, d);
    } else {
        debit(loan, app, &payment, d);
    }
}

/// Has the bank debit the mandate, 24 hours after the borrower was told at the earliest.
pub(super) fn debit(loan: &Loan, app: &Application, payment: &Payment, d: &mut Decision) {
    let ask = Ask::Present(collection(loan, app, payment));
    let told = loan.announced.filter(|(number, _)| payment.instalment == Some(*number));
    d.asks.push(NewAsk {
        ask,
        targets: vec![(app.id, app.generation)],
        exchange: None,
        not_before: told.map(|(_, at)| at + NOTICE),
    });
}

/// The bank's word on a debit (row L9). A dishonoured one costs what the KFS says.
pub fn presented(
    loan: &mut Loan,
    app: &Application,
    (asked, outcome): (&Collection, &Outcome),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let payment = find(loan, &asked.payment_id).filter(|payment| payment.state == PaymentState::Presenting);
    let Some(payment) = payment else {
        unclaimed(app, (asked, outcome), facts, d);
        return;
    };
    match outcome {
        Outcome::Done { finding: Finding::Collected { utr, value_date, amount } } => {
            // Told of an earlier try: the later one must not debit the borrower again.
            let current = collection(loan, app, &payment).key;
            if current != asked.key {
                d.effects.push(Effect::Order(OrderFate::GivenUp, current));
            }
            settle(loan, app, (payment, Arrived { utr, value_date: *value_date, amount: *amount }), facts, d);
        }
        Outcome::Refused { code, .. }
            if code == NEVER_RECEIVED
                && life::mandate(app).is_some()
                && let Some(pause) = unreceived(payment.attempt) =>
        {
            let again = Payment { attempt: payment.attempt.saturating_add(1), ..payment };
            d.ask_aside(Ask::Present(collection(loan, app, &again)), app, app.generation);
            d.put_off(facts.now + pause);
            put(loan, again, d);
        }
        // Nothing was presented to the borrower's bank, so there is nothing that it dishonoured; or nothing could be
        // presented any more, since the loan or the mandate had ended before.
        Outcome::Refused { code, .. } if code == NEVER_RECEIVED || lacks_mandate(code) || !may_debit(loan, app) => {
            fail(loan, app, payment, &format!("the mandate was not debited: {code}"), d);
            go_on(loan, app, facts, d);
        }
        Outcome::Refused { code, .. } => {
            let number = payment.instalment.unwrap_or_default();
            let what = What::Bounced { payment: payment.id.clone(), instalment: number };
            fail(loan, app, payment, &format!("the debit was dishonoured: {code}"), d);
            life::record(loan, app, Fact { value_date: facts.today, what }, facts, d);
            go_on(loan, app, facts, d);
        }
        Outcome::Done { .. } | Outcome::Pending { .. } | Outcome::Unknown { .. } => {}
    }
}

/// Ends a debit that the collection system never answered for by what the bank's file says: credited as if that system
/// had told of it, or failed; or says why not, and nothing has changed then. One that failed is not said to be
/// dishonoured, so that it costs nothing: all that is known is that no money came.
///
/// # Errors
/// Words for the operator.
pub fn resolve(
    loan: &mut Loan,
    app: &Application,
    (id, utr, value_date): (&PaymentId, Option<&str>, Option<NaiveDate>),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    let payment = find(loan, id).or_else(|| facts.payment.cloned()).ok_or("the loan has no such payment")?;
    if payment.state != PaymentState::Presenting {
        return Err(format!("the payment is {}: no debit of it is in question", payment.state.name()));
    }
    let asked = collection(loan, app, &payment);
    // It may still debit the borrower, and the collection system may still tell what came of it.
    if facts.orders_under_way.contains(&asked.key) {
        return Err(
            "the collection system is still being asked: a debit is ended by hand when that one does not know it"
                .to_owned(),
        );
    }
    if let Some((utr, value_date)) = filed(utr, value_date, ("the debit", business_date(payment.at)), facts)? {
        let finding = Finding::Collected { utr, value_date, amount: None };
        presented(loan, app, (&asked, &Outcome::Done { finding }), facts, d);
    } else {
        fail(loan, app, payment, "the bank's file says that the mandate was not debited", d);
        go_on(loan, app, facts, d);
    }
    d.effects.push(Effect::Order(OrderFate::Answered, asked.key));
    Ok(())
}

/// Whether the borrower's mandate is one for a loan that still runs.
fn may_debit(loan: &Loan, app: &Application) -> bool {
    life::mandate(app).is_some() && loan.account.as_ref().is_some_and(|account| account.ended.is_none())
}

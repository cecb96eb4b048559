//! Payment pages: made on request, watched, and closed before anything else may collect.

use chrono::Duration;

use super::credit::{Arrived, foreseen, settle, unclaimed};
use super::{Payment, PaymentState, REPLACED, answer_payment, close_pages, collection, fail, failed, find, go_on, put};
use crate::domain::application::Application;
use crate::domain::application::answer::RefusalReason;
use crate::domain::application::ask::{Ask, Collection, Finding, Outcome};
use crate::domain::application::decision::{Decision, Facts};
use crate::domain::application::timer::Timer;
use crate::domain::ids::PaymentId;
use crate::domain::loan::Loan;

/// How long a payment page that does not answer is left alone before it is asked again.
const ASK_AGAIN: Duration = Duration::minutes(15);

/// The page is there, or could not be made.
pub fn link_created(
    loan: &mut Loan,
    app: &Application,
    (asked, outcome): (&Collection, &Outcome),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let created = match outcome {
        Outcome::Done { finding: Finding::LinkCreated { reference, url } } => Some((reference.clone(), url.clone())),
        _ => None,
    };
    let Some(payment) = find(loan, &asked.payment_id).filter(|payment| payment.state == PaymentState::Opening) else {
        // A stale page must not take money.
        if let Some((reference, _)) = created {
            d.ask_aside(Ask::CancelLink { collection: asked.clone(), reference }, app, app.generation);
        }
        return;
    };
    let Some((reference, url)) = created else {
        let refused = Payment { state: failed("the payment page could not be made"), ..payment };
        answer_payment(loan, &refused, Some(RefusalReason::RepaymentRail), None, d);
        put(loan, refused, d);
        go_on(loan, app, facts, d);
        return;
    };
    let opened = Payment { state: PaymentState::Open { reference: reference.clone(), url }, at: facts.now, ..payment };
    answer_payment(loan, &opened, None, foreseen(loan, &opened, facts, d), d);
    let opened = Payment { exchange: None, ..opened };
    if let Some(end) = opened.expires_at {
        d.timer(Timer::PaymentLink { payment: opened.id.clone() }, app, end);
    }
    d.ask_aside(Ask::LinkStatus { collection: asked.clone(), reference }, app, app.generation);
    let others_wait = loan.payments.iter().any(|other| other.state == PaymentState::Waiting);
    put(loan, opened, d);
    if others_wait && let Some(waiting) = loan.payments.iter().find(|other| other.state == PaymentState::Waiting) {
        let but = waiting.id.clone();
        close_pages(loan, app, REPLACED, &but, d);
    }
}

/// What became of a page, asked by itself or while it is being closed.
pub fn link_told(
    loan: &mut Loan,
    app: &Application,
    (ask, asked, outcome): (&Ask, &Collection, &Outcome),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let waits =
        |payment: &Payment| matches!(payment.state, PaymentState::Open { .. } | PaymentState::Cancelling { .. });
    let Some(payment) = find(loan, &asked.payment_id).filter(waits) else {
        unclaimed(app, (asked, outcome), facts, d);
        return;
    };
    match (&payment.state, outcome) {
        (
            PaymentState::Open { .. } | PaymentState::Cancelling { .. },
            Outcome::Done { finding: Finding::Collected { utr, value_date, amount } },
        ) => settle(loan, app, (payment, Arrived { utr, value_date: *value_date, amount: *amount }), facts, d),
        (PaymentState::Open { .. }, Outcome::Refused { detail, .. }) if !matches!(ask, Ask::CancelLink { .. }) => {
            fail(loan, app, payment, detail, d);
            go_on(loan, app, facts, d);
        }
        (PaymentState::Cancelling { reason, .. }, Outcome::Done { .. } | Outcome::Refused { .. })
            if matches!(ask, Ask::CancelLink { .. }) =>
        {
            let reason = reason.clone();
            fail(loan, app, payment, &reason, d);
            go_on(loan, app, facts, d);
        }
        // Nobody knows: money may have arrived, so it is asked about until somebody does.
        (PaymentState::Open { .. } | PaymentState::Cancelling { .. }, Outcome::Unknown { .. }) => {
            d.ask_aside(ask.clone(), app, app.generation);
            if let Some(again) = d.asks.last_mut() {
                again.not_before = Some(facts.now + ASK_AGAIN);
            }
        }
        _ => {}
    }
}

/// A page's time is up.
pub fn link_expired(loan: &mut Loan, app: &Application, id: &PaymentId, d: &mut Decision) {
    if let Some(payment) = find(loan, id)
        && let PaymentState::Open { reference, url } = payment.state.clone()
    {
        let ask = Ask::CancelLink { collection: collection(loan, app, &payment), reference: reference.clone() };
        d.ask_aside(ask, app, app.generation);
        let state = PaymentState::Cancelling { reference, url, reason: "the payment page expired".to_owned() };
        put(loan, Payment { state, ..payment }, d);
    }
}

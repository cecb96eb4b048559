//! Payments as they are told to the LSP.

use super::{Channel, MANDATE_METHOD, Payment, PaymentState, confirm, credit};
use crate::domain::application::Application;
use crate::domain::application::answer::{Answer, Content, RefusalReason};
use crate::domain::application::command::RepaymentOrder;
use crate::domain::application::decision::{Decision, Effect, Facts};
use crate::domain::ids::PaymentId;
use crate::domain::loan::Loan;
use crate::domain::loan::account::Purpose;
use crate::domain::loan::content::{RepaymentContent, RepaymentStatus};

/// Tells how a payment stands: the named one, or the latest of the loan (row L10).
pub fn status(loan: &Loan, id: Option<&PaymentId>, facts: &Facts<'_>, d: &mut Decision) {
    // The facts have the payment that the id means, whichever of its ids it is.
    let found = match id {
        Some(_) => facts.payment.map(|known| as_it_stands(loan, known)),
        None => loan.payments.last().or(facts.payment),
    };
    let answer = if let Some(payment) = found {
        Answer::ok(Content::Repayment(content_today(loan, (payment, id), facts, d)))
    } else {
        let order = RepaymentOrder {
            id: None,
            purpose: Purpose::Instalment,
            amount: None,
            instalment: None,
            quote: None,
            method: None,
        };
        let content = Content::Repayment(nothing(loan, &order));
        Answer::refused(RefusalReason::NothingDue, "no payment was triggered", content)
    };
    d.answer(facts, answer);
}

/// C11: an LSP says that it has seen a payment. What we know of one that was credited is told again; one that is being
/// collected is asked about at once (`ocen-v3.md` §1.2). No money moves on the LSP's word.
pub fn hinted(loan: &Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    if let Some(payment) = facts.payment.filter(|payment| matches!(payment.state, PaymentState::Settled { .. })) {
        confirm(loan, app, payment, d);
    }
    if loan.payments.iter().any(|payment| payment.state.collects()) {
        d.effects.push(Effect::Hasten(app.id));
    }
}

/// A payment that was read, as the loan has it while it is under way.
fn as_it_stands<'a>(loan: &'a Loan, known: &'a Payment) -> &'a Payment {
    loan.payments.iter().find(|payment| payment.id == known.id).unwrap_or(known)
}

/// The same intent again, under an id that is known (`ocen-v3.md` §3.5): what became of it is told, and nothing is
/// started. False when the order's id is new.
pub(super) fn again(loan: &Loan, order: &RepaymentOrder, facts: &Facts<'_>, d: &mut Decision) -> bool {
    let Some(known) = facts.payment.filter(|_| order.id.is_some()) else {
        return false;
    };
    let payment = as_it_stands(loan, known);
    let content = Content::Repayment(content_today(loan, (payment, order.id.as_ref()), facts, d));
    let answer = if payment.agrees(order) {
        Answer::ok(content)
    } else {
        let detail = "this payment id stands for another amount, instalment or purpose";
        Answer::refused(RefusalReason::RepaymentAmount, detail, content)
    };
    d.answer(facts, answer);
    true
}

/// The same as [`content`], told under the id by which the LSP named the payment, and with what it would settle today.
pub(super) fn content_today(
    loan: &Loan,
    (payment, id): (&Payment, Option<&PaymentId>),
    facts: &Facts<'_>,
    d: &Decision,
) -> RepaymentContent {
    let named = id.filter(|id| **id != payment.id).cloned();
    let content = content(loan, payment);
    let split = content.split.or_else(|| credit::foreseen(loan, payment, facts, d));
    RepaymentContent { asked_id: named.or(content.asked_id), split, ..content }
}

/// A payment as told to the LSP.
#[must_use]
pub fn content(loan: &Loan, payment: &Payment) -> RepaymentContent {
    let (utr, value_date, split, amount) = match &payment.state {
        PaymentState::Settled { utr, value_date, amount, split } => {
            (Some(utr.clone()), Some(*value_date), Some(*split), *amount)
        }
        _ => (None, None, None, payment.amount),
    };
    let failure = match &payment.state {
        PaymentState::Failed { reason } | PaymentState::Returned { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let status = match &payment.state {
        PaymentState::Settled { .. } => RepaymentStatus::Success,
        PaymentState::Failed { .. } | PaymentState::Returned { .. } => RepaymentStatus::Failure,
        _ => RepaymentStatus::PendingAuth,
    };
    let url = match &payment.state {
        PaymentState::Open { url, .. } => Some(url.clone()),
        _ => None,
    };
    RepaymentContent {
        loan_id: loan.id.clone(),
        payment_id: payment.id.clone(),
        asked_id: payment.asked.first().map(|asked| asked.id.clone()),
        status: Some(status),
        purpose: Some(payment.purpose),
        quote: payment.quote.clone(),
        amount: Some(amount),
        instalment: payment.instalment,
        method: payment
            .method
            .clone()
            .or_else(|| (payment.channel == Channel::Mandate).then(|| MANDATE_METHOD.to_owned())),
        url,
        expires_at: payment.expires_at,
        split,
        utr,
        value_date,
        at: Some(payment.at),
        failure,
        returned: matches!(payment.state, PaymentState::Returned { .. }),
    }
}

/// Nothing was started: the LSP's own id is all that there is.
pub(super) fn nothing(loan: &Loan, order: &RepaymentOrder) -> RepaymentContent {
    RepaymentContent {
        loan_id: loan.id.clone(),
        payment_id: order.id.clone().unwrap_or_else(|| PaymentId::from("NONE")),
        asked_id: None,
        status: None,
        purpose: Some(order.purpose),
        quote: order.quote.clone(),
        amount: order.amount,
        instalment: order.instalment,
        method: order.method.clone(),
        url: None,
        expires_at: None,
        split: None,
        utr: None,
        value_date: None,
        at: None,
        failure: None,
        returned: false,
    }
}

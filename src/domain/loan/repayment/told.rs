//! Payments as they are told to the LSP.

use super::{Channel, Payment, PaymentState, confirm};
use crate::domain::application::Application;
use crate::domain::application::answer::{Answer, Content, RefusalReason};
use crate::domain::application::command::RepaymentOrder;
use crate::domain::application::decision::{Decision, Facts};
use crate::domain::ids::PaymentId;
use crate::domain::loan::Loan;
use crate::domain::loan::account::Purpose;
use crate::domain::loan::content::{RepaymentContent, RepaymentStatus};

/// Row L10: by payment, or the latest of the loan.
pub fn status(loan: &Loan, id: Option<&PaymentId>, facts: &Facts<'_>, d: &mut Decision) {
    let live = match id {
        Some(id) => loan.payments.iter().find(|payment| payment.id == *id),
        None => loan.payments.last(),
    };
    let answer = if let Some(payment) = live.or(facts.payment) {
        Answer::ok(Content::Repayment(content(loan, payment)))
    } else {
        let order = RepaymentOrder { purpose: Purpose::Instalment, amount: None, instalment: None, method: None };
        let content = Content::Repayment(nothing(loan, &order));
        Answer::refused(RefusalReason::NothingDue, "no payment was triggered", content)
    };
    d.answer(facts, answer);
}

/// C11: an LSP says that it has seen a payment. What we know of it is told again; nothing moves.
pub fn hinted(loan: &Loan, app: &Application, id: Option<&PaymentId>, facts: &Facts<'_>, d: &mut Decision) {
    let ended = facts.payment.filter(|payment| id.is_none_or(|id| payment.id == *id));
    if let Some(payment) = ended.filter(|payment| matches!(payment.state, PaymentState::Settled { .. })) {
        confirm(loan, app, payment, d);
    }
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
        status: Some(status),
        purpose: Some(payment.purpose),
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

/// Nothing was started.
pub(super) fn nothing(loan: &Loan, order: &RepaymentOrder) -> RepaymentContent {
    RepaymentContent {
        loan_id: loan.id.clone(),
        payment_id: PaymentId::from("NONE"),
        status: None,
        purpose: Some(order.purpose),
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

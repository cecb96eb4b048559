//! Paying out (rows L1 to L5): a tranche is reserved once, paid once, and only the bank's final word frees it.

use chrono::{DateTime, NaiveDate, Utc};

use super::account::{Fact, Position, What};
use super::{Loan, Payout, PayoutState, Tranche, contradiction, life, repayment};
use crate::domain::application::answer::{Answer, Content, DisbursementContent, PayoutStatus, RefusalReason};
use crate::domain::application::ask::{Ask, Finding, NEVER_RECEIVED, Outcome, PayOrder, unreceived};
use crate::domain::application::command::PaymentOrder;
use crate::domain::application::decision::{Decision, Facts, Webhook, WebhookKind};
use crate::domain::application::facets::Account;
use crate::domain::application::{Application, copies, restate};
use crate::domain::calendar::{business_date, instant};
use crate::domain::ids::{ExchangeId, PaymentId};
use crate::domain::personal::is_code;

/// Code of a payout that was paid and came back.
pub(super) const RETURNED: &str = "RETURNED";

/// Rows L1 and L2: reserves the tranche and has it paid, or tells what holds it already.
pub fn trigger(loan: &mut Loan, app: &mut Application, order: &PaymentOrder, facts: &Facts<'_>, d: &mut Decision) {
    let Some(exchange) = facts.exchange else { return };
    if let Some(known) = loan.payment(&order.id) {
        let answer = if agrees(loan, known, order) {
            Answer::ok(content(loan, known))
        } else {
            let detail = "this payment id stands for another tranche or amount";
            Answer::refused(RefusalReason::PaymentConflict, detail, content(loan, known))
        };
        d.answer(facts, answer);
        return;
    }
    if loan.withdrawn_on.is_some() {
        let detail = "the loan is withdrawn";
        d.answer(facts, Answer::refused(RefusalReason::LoanNotOpen, detail, echo(loan, &order.id)));
        return;
    }
    let account = app.stage.deal().and_then(|deal| deal.account.active()).cloned();
    match (free_tranche(loan, order), account) {
        (Err(detail), _) => {
            d.answer(facts, Answer::refused(RefusalReason::AmountNotAllowed, detail, echo(loan, &order.id)));
        }
        (Ok(_), None) => {
            let detail = "no verified disbursement account";
            d.answer(facts, Answer::refused(RefusalReason::LoanNotOpen, detail, echo(loan, &order.id)));
        }
        (Ok(_), Some(_)) if let Some(from) = waits(app, facts) => {
            let detail = format!("the payout account was changed, and is paid to from {} on", instant(from));
            d.answer(facts, Answer::refused(RefusalReason::LoanNotOpen, detail, echo(loan, &order.id)));
        }
        (Ok(tranche), Some(account)) => {
            if let Some(detail) = stale(loan, app, facts, d) {
                let content = restated(loan, app, &order.id);
                d.answer(facts, Answer::refused(RefusalReason::KfsStale, detail, content));
                return;
            }
            if let Some(detail) = copies::refusal(app, d) {
                d.answer(facts, Answer::refused(RefusalReason::LoanNotOpen, detail, echo(loan, &order.id)));
                return;
            }
            let payout = reserve(loan, tranche, (order.id.clone(), exchange), account, facts.now);
            // Else it is held until the copies of the signed documents left.
            if copies::are_out(app) {
                pay(&payout, &tranche, app, d);
            }
            d.answer(facts, Answer::ok(content(loan, &payout)));
            d.event(app, format!("tranche {} reserved", tranche.number));
        }
    }
}

/// Until when an account that was changed after the signature has to wait: in that time the borrower may object.
fn waits(app: &Application, facts: &Facts<'_>) -> Option<DateTime<Utc>> {
    app.stage.deal()?.account.payable_from().filter(|from| facts.now < *from)
}

/// Why the borrower has to accept terms anew; none once money is out.
fn stale(loan: &Loan, app: &mut Application, facts: &Facts<'_>, d: &mut Decision) -> Option<String> {
    if loan.account.is_some() {
        return None;
    }
    restate::refusal(app, facts, d)
}

fn agrees(loan: &Loan, known: &Payout, order: &PaymentOrder) -> bool {
    let gross = loan.tranche(known.tranche).map(|t| t.gross);
    order.tranche.is_none_or(|t| t == known.tranche) && order.amount.is_none_or(|a| Some(a) == gross)
}

/// The tranche an order means, when nothing holds it and the amount is its own.
fn free_tranche(loan: &Loan, order: &PaymentOrder) -> Result<Tranche, String> {
    let tranche = match order.tranche {
        Some(number) => loan.tranche(number).ok_or_else(|| format!("the loan has no tranche {number}"))?,
        None => loan
            .tranches
            .iter()
            .find(|t| loan.holder(t.number).is_none())
            .ok_or_else(|| "nothing is left to be paid out".to_owned())?,
    };
    if loan.holder(tranche.number).is_some() {
        return Err(format!("tranche {} is paid out, or being paid out, under another payment id", tranche.number));
    }
    if contradiction::of_tranche(loan, tranche.number) {
        return Err(format!(
            "the bank told two things of tranche {}: the lender looks what became of it",
            tranche.number
        ));
    }
    match order.amount {
        Some(amount) if amount != tranche.gross => {
            Err(format!("tranche {} is {} rupees gross", tranche.number, tranche.gross))
        }
        _ => Ok(*tranche),
    }
}

fn reserve(
    loan: &mut Loan,
    tranche: Tranche,
    payment: (PaymentId, ExchangeId),
    account: Account,
    at: DateTime<Utc>,
) -> Payout {
    let (payment_id, exchange) = payment;
    let earlier = loan.payouts.iter().filter(|p| p.tranche == tranche.number).map(|p| p.attempt).max();
    let attempt = earlier.unwrap_or(0).saturating_add(1);
    let payout = Payout {
        payment_id,
        tranche: tranche.number,
        attempt,
        bank_key: format!("{}:{}:{}:{attempt}", loan.org_id, loan.id, tranche.number),
        account,
        exchange,
        state: PayoutState::Open,
        at,
        returned_utr: None,
        told: None,
    };
    loan.payouts.push(payout.clone());
    payout
}

pub(super) fn pay(payout: &Payout, tranche: &Tranche, app: &Application, d: &mut Decision) {
    let loan_id = match &app.stage {
        crate::domain::application::stage::Stage::Granted { loan_id, .. } => loan_id.clone(),
        _ => return,
    };
    let order = PayOrder {
        loan_id,
        payment_id: payout.payment_id.clone(),
        tranche: payout.tranche,
        attempt: payout.attempt,
        bank_key: payout.bank_key.clone(),
        net: tranche.net(),
        account: payout.account.clone(),
    };
    d.ask_aside(Ask::Pay(order), app, app.generation);
}

/// Rows L3 and L4: the bank's word on one try. Anything but a final word changes nothing.
pub fn told(loan: &mut Loan, app: &Application, told: (&PayOrder, &Outcome), facts: &Facts<'_>, d: &mut Decision) {
    let (order, outcome) = told;
    let Some(tranche) = loan.tranche(order.tranche).copied() else {
        return;
    };
    let waits = |payout: &&mut Payout| payout.bank_key == order.bank_key && payout.state == PayoutState::Open;
    let Some(payout) = loan.payouts.iter_mut().find(waits) else {
        contradiction::note(loan, app, (order, outcome), d);
        return;
    };
    let ordered = business_date(payout.at);
    payout.state = match outcome {
        Outcome::Done { finding: Finding::Paid { utr, value_date } } => {
            let booked = believed(app, (*value_date, ordered), &format!("tranche {}", tranche.number), facts, d);
            PayoutState::Paid { utr: utr.clone(), value_date: booked }
        }
        Outcome::Refused { code, detail } => PayoutState::Failed { code: code.clone(), detail: detail.clone() },
        Outcome::Done { .. } | Outcome::Pending { .. } | Outcome::Unknown { .. } => return,
    };
    payout.at = facts.now;
    let payout = payout.clone();
    match &payout.state {
        PayoutState::Paid { value_date, .. } => {
            let what = What::Disbursed { reference: payout.bank_key.clone(), net: tranche.net() };
            d.event(app, format!("tranche {} paid", tranche.number));
            life::record(loan, app, Fact { value_date: *value_date, what }, facts, d);
            life::advance(loan, app, Position::open(facts.today), facts, d);
        }
        // Nothing moved and nothing can move under the dead key, so a new try is safe and the LSP need not act.
        PayoutState::Failed { code, .. }
            if code == NEVER_RECEIVED
                && !contradiction::of_tranche(loan, tranche.number)
                && !restate::is_stale(app, facts.today)
                && let Some(pause) = unreceived(payout.attempt) =>
        {
            let next = reserve(loan, tranche, (payout.payment_id, payout.exchange), payout.account, facts.now);
            pay(&next, &tranche, app, d);
            d.put_off(facts.now + pause);
            d.event(app, format!("the bank never got try {}, trying anew", payout.attempt));
            return;
        }
        PayoutState::Failed { code, .. } if is_code(code) => {
            d.event(app, format!("tranche {} failed: {code}", tranche.number));
        }
        PayoutState::Failed { .. } | PayoutState::Open => d.event(app, format!("tranche {} failed", tranche.number)),
    }
    d.webhooks.push(Webhook {
        application: app.id,
        kind: WebhookKind::DisbursementStatus(payout.exchange),
        content: content(loan, &payout),
    });
}

/// The day on which money counts. Nobody has money before it was ordered, nor tomorrow's today, whatever a bank says; but
/// what it said is noted, because its file will say it too.
pub(super) fn believed(
    app: &Application,
    (told, earliest): (NaiveDate, NaiveDate),
    what: &str,
    facts: &Facts<'_>,
    d: &mut Decision,
) -> NaiveDate {
    let booked = told.max(earliest).min(facts.today);
    if booked != told {
        d.warn(app, format!("{what} counts on {booked}, not on the value date that was told, {told}"));
    }
    booked
}

/// A paid payout came back from the bank: the borrower never had the money, the tranche is free again.
///
/// # Errors
/// Words, when there is no such paid payout.
pub fn came_back(
    loan: &mut Loan,
    app: &Application,
    (payment, on): (&PaymentId, NaiveDate),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    let paid = loan.payouts.iter_mut().find(|payout| payout.payment_id == *payment && payout.is_paid());
    let payout = paid.ok_or("the loan has no such paid payout")?;
    let code = RETURNED.to_owned();
    // It stays the reference of what was told before.
    payout.returned_utr = payout.utr().map(str::to_owned);
    payout.state = PayoutState::Failed { code, detail: "the payout came back from the bank".to_owned() };
    payout.at = facts.now;
    let payout = payout.clone();
    contradiction::after_return(loan, app, payout.tranche, d);
    d.event(app, format!("tranche {} came back", payout.tranche));
    repayment::end_all(loan, app, d);
    let what = What::PayoutReturned { reference: payout.bank_key.clone() };
    life::record(loan, app, Fact { value_date: on, what }, facts, d);
    d.webhooks.push(Webhook {
        application: app.id,
        kind: WebhookKind::DisbursementStatus(payout.exchange),
        content: content(loan, &payout),
    });
    Ok(())
}

/// Tells how a payout stands: the named one, or the latest of the loan (row L5).
pub fn status(loan: &Loan, payment: Option<&PaymentId>, facts: &Facts<'_>, d: &mut Decision) {
    let payout = match payment {
        Some(id) => loan.payment(id),
        None => loan.payouts.last(),
    };
    let answer = match (payout, payment) {
        (Some(payout), _) => Answer::ok(content(loan, payout)),
        (None, id) => {
            let id = id.cloned().unwrap_or_else(|| PaymentId::from("NONE"));
            Answer::refused(RefusalReason::LoanNotOpen, "no disbursement was triggered", echo(loan, &id))
        }
    };
    d.answer(facts, answer);
}

pub(super) fn content(loan: &Loan, payout: &Payout) -> Content {
    let tranche = loan.tranche(payout.tranche);
    let (status, value_date) = match &payout.state {
        PayoutState::Open => (PayoutStatus::PendingAuth, None),
        PayoutState::Paid { value_date, .. } => (PayoutStatus::Success, Some(*value_date)),
        PayoutState::Failed { .. } => (PayoutStatus::Failure, None),
    };
    let failure = payout.failure().map(|(_, detail)| detail.to_owned()).filter(|detail| !detail.is_empty());
    Content::Disbursement(DisbursementContent {
        loan_id: loan.id.clone(),
        payment_id: payout.payment_id.clone(),
        status: Some(status),
        tranche: Some(payout.tranche),
        gross: tranche.map(|t| t.gross),
        net: tranche.map(Tranche::net),
        fee: tranche.map(|t| t.fee),
        utr: payout.utr().map(str::to_owned),
        at: Some(payout.at),
        value_date,
        restated: None,
        failure,
    })
}

/// Nothing was started under this id.
fn echo(loan: &Loan, id: &PaymentId) -> Content {
    Content::Disbursement(nothing(loan, id))
}

/// The same with the terms that wait for the borrower.
fn restated(loan: &Loan, app: &Application, id: &PaymentId) -> Content {
    let restated = restate::waiting(app).map(restate::Restatement::shown);
    Content::Disbursement(DisbursementContent { restated, ..nothing(loan, id) })
}

fn nothing(loan: &Loan, id: &PaymentId) -> DisbursementContent {
    DisbursementContent {
        loan_id: loan.id.clone(),
        payment_id: id.clone(),
        status: None,
        tranche: None,
        gross: None,
        net: None,
        fee: None,
        utr: None,
        at: None,
        value_date: None,
        restated: None,
        failure: None,
    }
}

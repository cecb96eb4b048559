//! A bank that tells of money which left, after it had said that none did.
//!
//! One of its two words is wrong, and only its file tells which. Until a person has looked there (the act
//! `RESOLVE_PAYOUT`) nothing is booked, the tranche is held, and no other try of it leaves.

use super::disbursement::{RETURNED, content};
use super::{Loan, Payout, PayoutState, ToldLate};
use crate::domain::application::Application;
use crate::domain::application::ask::{Finding, Outcome, PayOrder};
use crate::domain::application::decision::{Decision, Effect, Facts, OrderFate, Unclaimed, Webhook, WebhookKind};
use crate::domain::personal::is_code;

/// The code of a payout of which the bank tells two things.
const CONTRADICTED: &str = "PAID_AFTER_ALL";
/// The code of one whose tranche is paid under another try too.
const PAID_TWICE: &str = "PAID_TWICE";
/// The code of one that is not needed any more.
const PAID_BEFORE: &str = "PAID_UNDER_AN_EARLIER_TRY";

impl Payout {
    /// Whether the bank has told both that it was paid and that it was not.
    #[must_use]
    pub fn is_contradicted(&self) -> bool {
        self.failure().is_some_and(|(code, _)| code == CONTRADICTED)
    }
}

/// Whether a person has to look what became of a tranche.
pub fn of_tranche(loan: &Loan, tranche: u32) -> bool {
    loan.payouts.iter().any(|payout| payout.tranche == tranche && payout.is_contradicted())
}

/// The bank tells of a try that has ended. Of a tranche that is paid under another try, or of a loan that is withdrawn,
/// nothing is left to be decided about the loan: a person has the money sent back.
pub fn note(loan: &mut Loan, app: &Application, (order, outcome): (&PayOrder, &Outcome), d: &mut Decision) {
    let is_contradicted = |one: &Payout| one.bank_key == order.bank_key && one.is_contradicted();
    if let Some(standing) = loan.payouts.iter_mut().find(|one| is_contradicted(one)) {
        // Whatever the bank says next: its word is not taken for it.
        standing.told = standing.told.take().or(late(outcome));
        d.unclaimed = Some(Unclaimed::HoldsTranche);
        return;
    }
    let Outcome::Done { finding: Finding::Paid { utr, value_date } } = outcome else {
        retracted(loan, app, (order, outcome), d);
        return;
    };
    let is_withdrawn = loan.withdrawn_on.is_some();
    let others = loan.payouts.iter().filter(|other| other.tranche == order.tranche);
    let is_paid = others.clone().any(Payout::is_paid);
    let open = others.filter(|other| other.state == PayoutState::Open).map(|other| other.bank_key.clone()).next();
    let known = loan.payouts.iter_mut().find(|payout| payout.bank_key == order.bank_key);
    let mut holds_tranche = false;
    if let Some(payout) = known {
        match &payout.state {
            PayoutState::Paid { utr: booked, .. } if booked == utr => return,
            PayoutState::Failed { code, .. } if code == RETURNED || code == PAID_TWICE => return,
            PayoutState::Failed { .. } if !is_paid && !is_withdrawn => {
                let detail = "the bank told of it after it had said that nothing moved".to_owned();
                payout.state = PayoutState::Failed { code: CONTRADICTED.to_owned(), detail };
                holds_tranche = true;
            }
            _ => {}
        }
        payout.told = late(outcome);
    }
    if holds_tranche {
        d.effects.extend(open.map(|key| Effect::Order(OrderFate::Withheld, key)));
    }
    d.unclaimed = Some(if holds_tranche { Unclaimed::HoldsTranche } else { Unclaimed::Stray });
    let utr = if is_code(utr) { format!(", UTR {utr}") } else { String::new() };
    let (tranche, attempt) = (order.tranche, order.attempt);
    d.event(app, format!("tranche {tranche} left on {value_date} under try {attempt}, which has ended{utr}"));
}

/// The bank refuses what it said was paid. Its second word is taken for no more than the first: the loan stays as it is,
/// and a person looks. Where the money came back, the act for that books it.
fn retracted(loan: &Loan, app: &Application, (order, outcome): (&PayOrder, &Outcome), d: &mut Decision) {
    let is_paid = loan.payouts.iter().any(|payout| payout.bank_key == order.bank_key && payout.is_paid());
    let Outcome::Refused { code, .. } = outcome else { return };
    if is_paid {
        d.unclaimed = Some(Unclaimed::Retracted);
        let code = if is_code(code) { format!(": {code}") } else { String::new() };
        d.event(app, format!("the bank refuses tranche {}, which it said was paid{code}", order.tranche));
    }
}

fn late(outcome: &Outcome) -> Option<ToldLate> {
    match outcome {
        Outcome::Done { finding: Finding::Paid { utr, value_date } } => {
            Some(ToldLate { utr: utr.clone(), value_date: *value_date })
        }
        _ => None,
    }
}

/// The try that held a tranche came back. Of another one, which the bank had told of too late, it must be known now what
/// became of it: the borrower may have that money.
pub fn after_return(loan: &mut Loan, app: &Application, tranche: u32, d: &mut Decision) {
    for other in loan.payouts.iter_mut().filter(|one| one.tranche == tranche && one.told.is_some()) {
        if matches!(&other.state, PayoutState::Failed { code, .. } if code != RETURNED) {
            let detail = "the bank told of it, and the try that held the tranche came back".to_owned();
            other.state = PayoutState::Failed { code: CONTRADICTED.to_owned(), detail };
            d.event(
                app,
                format!("try {} of tranche {tranche} may have been paid: it holds the tranche", other.attempt),
            );
            d.effects.push(Effect::Order(OrderFate::InQuestion, other.bank_key.clone()));
        }
    }
}

/// The bank's file tells that a try was paid of which the bank had said both: it is open again, to be booked, and no
/// other try of its tranche is needed. Where another one was paid meanwhile, the borrower has the money twice: the second
/// time is not his loan's, and a person has it sent back.
pub fn was_paid(loan: &mut Loan, app: &Application, bank_key: &str, facts: &Facts<'_>, d: &mut Decision) {
    let granted_at = loan.granted_at;
    let contradicted = |one: &Payout| one.bank_key == bank_key && one.is_contradicted();
    let Some(found) = loan.payouts.iter().find(|one| contradicted(one)) else { return };
    let (tranche, payment) = (found.tranche, found.payment_id.clone());
    let is_paid = loan.payouts.iter().any(|one| one.tranche == tranche && one.is_paid());
    let Some(paid) = loan.payouts.iter_mut().find(|one| contradicted(one)) else { return };
    if is_paid {
        let detail = "the tranche is paid under another try as well".to_owned();
        paid.state = PayoutState::Failed { code: PAID_TWICE.to_owned(), detail };
        d.event(app, format!("tranche {tranche} was paid twice"));
        return;
    }
    paid.state = PayoutState::Open;
    // When it was ordered is not known any more; not before the grant.
    paid.at = granted_at;
    let is_other = |one: &&mut Payout| one.tranche == tranche && one.bank_key != bank_key;
    let mut ended: Vec<Payout> = Vec::new();
    for other in loan.payouts.iter_mut().filter(is_other).filter(|one| one.state == PayoutState::Open) {
        let detail = "the tranche was paid under an earlier try".to_owned();
        other.state = PayoutState::Failed { code: PAID_BEFORE.to_owned(), detail };
        other.at = facts.now;
        d.effects.push(Effect::Order(OrderFate::GivenUp, other.bank_key.clone()));
        ended.push(other.clone());
    }
    // Another try of the same payment is no news of its own.
    for other in ended.iter().filter(|other| other.payment_id != payment) {
        d.webhooks.push(Webhook {
            application: app.id,
            kind: WebhookKind::DisbursementStatus(other.exchange),
            content: content(loan, other),
        });
    }
}

/// The bank's file tells that it was not paid: as the bank had said first. Another try that was withheld goes on.
pub fn was_not_paid(
    loan: &mut Loan,
    bank_key: &str,
    (code, detail): (&str, &str),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let contradicted = |one: &&mut Payout| one.bank_key == bank_key && one.is_contradicted();
    let Some(payout) = loan.payouts.iter_mut().find(contradicted) else { return };
    payout.state = PayoutState::Failed { code: code.to_owned(), detail: detail.to_owned() };
    payout.at = facts.now;
    let (tranche, bank_key) = (payout.tranche, payout.bank_key.clone());
    d.effects.push(Effect::Order(OrderFate::Answered, bank_key));
    if of_tranche(loan, tranche) {
        return;
    }
    let open = loan.payouts.iter().filter(|one| one.tranche == tranche && one.state == PayoutState::Open);
    d.effects.extend(open.map(|other| Effect::Order(OrderFate::LetGo, other.bank_key.clone())));
}

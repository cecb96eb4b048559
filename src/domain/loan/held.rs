//! Payouts that are reserved and wait for the copies of the signed documents (`application::copies`).

use super::disbursement::{content, pay as pay_out};
use super::{Loan, Payout, PayoutState};
use crate::domain::application::Application;
use crate::domain::application::decision::{Decision, Effect, Facts, Webhook, WebhookKind};

/// The code of a payout that the bank was never asked for.
const NOT_SENT: &str = "DOCUMENTS_NOT_SENT";

/// The copies left: the bank is asked for what was reserved. None of it was asked for before.
pub fn pay(app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let Some(loan) = facts.loan else { return };
    for payout in open(loan) {
        if let Some(tranche) = loan.tranche(payout.tranche) {
            pay_out(payout, tranche, app, d);
        }
    }
}

/// The copies finally did not leave: what was reserved is free again, and the LSP is told.
pub fn fail(app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let Some(mut loan) = facts.loan.cloned() else { return };
    let waiting: Vec<String> = open(&loan).map(|payout| payout.bank_key.clone()).collect();
    if waiting.is_empty() {
        return;
    }
    for payout in loan.payouts.iter_mut().filter(|payout| waiting.contains(&payout.bank_key)) {
        let detail = "copies of the signed documents could not be sent to the borrower".to_owned();
        payout.state = PayoutState::Failed { code: NOT_SENT.to_owned(), detail };
        payout.at = facts.now;
    }
    for payout in loan.payouts.iter().filter(|payout| waiting.contains(&payout.bank_key)) {
        d.webhooks.push(Webhook {
            application: app.id,
            kind: WebhookKind::DisbursementStatus(payout.exchange),
            content: content(&loan, payout),
        });
    }
    d.effects.push(Effect::SaveLoan(Box::new(loan)));
}

fn open(loan: &Loan) -> impl Iterator<Item = &Payout> {
    loan.payouts.iter().filter(|payout| payout.state == PayoutState::Open)
}

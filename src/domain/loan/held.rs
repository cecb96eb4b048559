//! Payouts that are reserved and wait for the copies of the signed documents (`application::copies`).

use super::disbursement::{content, pay};
use super::{Loan, Payout, PayoutState};
use crate::domain::application::Application;
use crate::domain::application::copies;
use crate::domain::application::decision::{Decision, Facts, Webhook, WebhookKind};

/// The code of a payout that the bank was never asked for.
const NOT_SENT: &str = "DOCUMENTS_NOT_SENT";

/// The messaging system answered about the copies: what was reserved is paid, or is free again.
pub fn go_on(loan: &mut Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    if copies::are_out(app) {
        // None of it was asked for before.
        for payout in loan.payouts.iter().filter(|payout| payout.state == PayoutState::Open) {
            if let Some(tranche) = loan.tranche(payout.tranche) {
                pay(payout, tranche, app, d);
            }
        }
        return;
    }
    let mut failed: Vec<Payout> = Vec::new();
    for payout in loan.payouts.iter_mut().filter(|payout| payout.state == PayoutState::Open) {
        let detail = "copies of the signed documents could not be sent to the borrower".to_owned();
        payout.state = PayoutState::Failed { code: NOT_SENT.to_owned(), detail };
        payout.at = facts.now;
        failed.push(payout.clone());
    }
    for payout in &failed {
        d.webhooks.push(Webhook {
            application: app.id,
            kind: WebhookKind::DisbursementStatus(payout.exchange),
            content: content(loan, payout),
        });
    }
}

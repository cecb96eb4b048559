//! Payouts that are reserved and wait for the copies of the signed documents (`application::copies`).

use super::disbursement::{content, pay};
use super::{Loan, Payout, PayoutState};
use crate::domain::application::decision::{Decision, Facts, Webhook, WebhookKind};
use crate::domain::application::restate::{self, KFS_STALE};
use crate::domain::application::{Application, copies};

/// The code of a payout that the bank was never asked for.
const NOT_SENT: &str = "DOCUMENTS_NOT_SENT";

/// The messaging system answered about the copies: what was reserved is paid, or is free again. It is free too when it
/// waited into a day on which the accepted terms are stale.
pub fn go_on(loan: &mut Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let stale = loan.account.is_none() && restate::is_stale(app, facts.today);
    if copies::are_out(app) && !stale {
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
        let (code, detail) = if copies::are_out(app) {
            (KFS_STALE, "terms got worse while the copies of the signed documents were on their way")
        } else {
            (NOT_SENT, "copies of the signed documents could not be sent to the borrower")
        };
        payout.state = PayoutState::Failed { code: code.to_owned(), detail: detail.to_owned() };
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

//! Copies of the signed documents: they go to the borrower at once, and no money goes before them (DL 8).
//!
//! A payout that is asked for while they are on their way is reserved and held, not refused: the tranche is taken, the
//! LSP is told `PENDING_AUTH`, and the bank is asked when the copies left. Only when they finally could not be sent is
//! the next try refused, and sends them again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Application;
use super::ask::{Ask, Finding, Outcome};
use super::decision::{Decision, Facts};
use super::facets::{Agreement, Deal};
use super::notice::{Notice, NoticeKind};
use crate::domain::rules;

/// What became of the copies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Copies {
    /// Nothing is signed, or nothing was sent.
    #[default]
    None,
    /// On their way.
    Sending {
        /// Key of the message.
        key: String,
        /// Counts messages that could not be sent.
        failures: u32,
    },
    /// Finally not sent.
    Failed {
        /// Counts messages that could not be sent.
        failures: u32,
    },
    /// Sent.
    Sent(DocumentsSent),
}

/// Proof that the copies left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentsSent {
    /// The messaging system's id.
    pub message_id: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Sends what was signed; nothing while a message is on its way or was sent.
pub fn send(app: &mut Application, d: &mut Decision) {
    let id = app.id.to_string();
    let Some(deal) = app.stage.deal_mut() else { return };
    let failures = match &deal.copies {
        Copies::None => 0,
        Copies::Failed { failures } => *failures,
        Copies::Sending { .. } | Copies::Sent(_) => return,
    };
    let Some(notice) = notice(deal, &id, failures) else { return };
    deal.copies = Copies::Sending { key: notice.key.clone(), failures };
    d.ask_aside(Ask::Notify(notice), app, app.generation);
}

/// Links to the very texts that were signed; they name no borrower.
fn notice(deal: &Deal, application: &str, failures: u32) -> Option<Notice> {
    let agreement = deal.agreement.text()?;
    let kfs = deal.kfs.as_ref();
    let statement = kfs.map(|kfs| format!("Key facts statement {}: {} ", kfs.number, kfs.url)).unwrap_or_default();
    let number = kfs.map_or(application, |kfs| kfs.number.as_str());
    Some(Notice {
        kind: NoticeKind::SignedDocuments,
        loan_id: None,
        instalment: None,
        amount: None,
        // A message that was refused is another one when it is tried again.
        key: format!("signed-documents:{number}:{}", failures.saturating_add(1)),
        text: format!(
            "You have signed your loan agreement. Please keep your copies. {statement}Agreement: {}",
            agreement.url
        ),
    })
}

/// The messaging system's word on one message; an older one's changes nothing.
pub fn told(app: &mut Application, notice: &Notice, outcome: &Outcome, facts: &Facts<'_>, d: &mut Decision) {
    let Some(deal) = app.stage.deal_mut() else { return };
    let failures = match &deal.copies {
        Copies::Sending { key, failures } if *key == notice.key => *failures,
        _ => return,
    };
    if let Outcome::Done { finding: Finding::Notified { message_id } } = outcome {
        deal.copies = Copies::Sent(DocumentsSent { message_id: message_id.clone(), at: facts.now });
        d.event(app, "copies of the signed documents sent to the borrower");
    } else {
        deal.copies = Copies::Failed { failures: failures.saturating_add(1) };
        d.event(app, "copies of the signed documents could not be sent");
    }
}

/// Why no payout may even be reserved: the copies could not be sent. They are sent again meanwhile.
pub fn refusal(app: &mut Application, d: &mut Decision) -> Option<String> {
    let deal = app.stage.deal()?;
    if !matches!(deal.agreement, Agreement::Signed(_))
        || matches!(deal.copies, Copies::Sending { .. } | Copies::Sent(_))
    {
        return None;
    }
    send(app, d);
    let detail = "copies of the signed documents have not reached the borrower; they are being sent again, try later";
    Some(rules::DL_8_COPIES.refusal(detail))
}

/// Whether money may go.
#[must_use]
pub fn are_out(app: &Application) -> bool {
    app.stage.deal().is_some_and(|deal| matches!(deal.copies, Copies::Sent(_)))
}

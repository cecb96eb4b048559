//! Disputes about a loan (rows L16 to L19).

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Loan;
use super::content::DisputeContent;
use crate::domain::application::answer::{Answer, Content, RefusalReason};
use crate::domain::application::decision::{Decision, Effect, Facts};
use crate::domain::ids::{DisputeId, LoanId, OrgId};
use crate::domain::rules::DL_11;

/// A complaint of the borrower's about a loan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dispute {
    /// Made by the lender.
    pub id: DisputeId,
    /// About which loan.
    #[serde(alias = "loan_id")]
    pub loan_id: LoanId,
    /// Raised by which LSP.
    #[serde(alias = "org_id")]
    pub org_id: OrgId,
    /// What the borrower says; later words are added on lines of their own.
    pub description: String,
    /// Where it stands.
    pub status: DisputeStatus,
    /// The lender's last word on it.
    pub note: Option<String>,
    /// When it was raised.
    #[serde(alias = "raised_at")]
    pub raised_at: DateTime<Utc>,
    /// When the status was reached.
    pub at: DateTime<Utc>,
}

/// `dispute.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DisputeStatus {
    /// Raised.
    New,
    /// The lender is at work.
    Processing,
    /// The borrower must say more.
    NeedMoreInfo,
    /// The lender has answered.
    Resolved,
    /// Ended.
    Closed,
}

/// Bytes of description that one dispute takes in all.
const LONGEST: usize = 40_000;

/// Rows L16 and L18: a new dispute, or more words on one that is open. Only the words that the lender waits for move it
/// (L18); while it is at work anyway they are added as they come. A resolved one takes none: `ocen-v3.md` §6.2 has no way
/// back from `RESOLVED`, so an LSP cannot undo the lender's answer, and words that nobody looks at would be lost. A
/// borrower whom the answer does not settle raises a new one, which is answered in its own time.
pub fn raise(loan: &Loan, (known, description): (Option<&DisputeId>, &str), facts: &Facts<'_>, d: &mut Decision) {
    let found = facts.dispute.filter(|dispute| known == Some(&dispute.id) && dispute.loan_id == loan.id);
    let dispute = match found {
        // An id that is not ours is one that the LSP made up: it cannot know ours on the first raise.
        None => Dispute {
            id: DisputeId(facts.fresh.dispute_id.clone()),
            loan_id: loan.id.clone(),
            org_id: loan.org_id.clone(),
            description: description.to_owned(),
            status: DisputeStatus::New,
            note: None,
            raised_at: facts.now,
            at: facts.now,
        },
        Some(dispute) if matches!(dispute.status, DisputeStatus::Resolved | DisputeStatus::Closed) => {
            let detail = format!("the dispute is {}; raise a new one", dispute.status.name());
            let content = told(loan, dispute, facts, d);
            d.answer(facts, Answer::refused(RefusalReason::DisputeState, detail, content));
            return;
        }
        Some(dispute) if dispute.description.len().saturating_add(description.len()) > LONGEST => {
            let detail = format!("a dispute has at most {LONGEST} bytes of description: raise another one");
            let content = told(loan, dispute, facts, d);
            d.answer(facts, Answer::refused(RefusalReason::DisputeState, detail, content));
            return;
        }
        Some(dispute) => dispute.added(description, facts.now),
    };
    d.events.push((loan.application, format!("dispute {} is {}", dispute.id, dispute.status.name())));
    let content = told(loan, &dispute, facts, d);
    d.answer(facts, Answer::ok(content));
    d.effects.push(Effect::SaveDispute(Box::new(dispute)));
}

/// Tells how a dispute stands (row L19).
pub fn status(loan: &Loan, facts: &Facts<'_>, d: &mut Decision) {
    if let Some(dispute) = facts.dispute {
        let content = told(loan, dispute, facts, d);
        d.answer(facts, Answer::ok(content));
    }
}

/// A dispute as told to the LSP, with the page where the borrower follows it, which is open from then on.
fn told(loan: &Loan, dispute: &Dispute, facts: &Facts<'_>, d: &mut Decision) -> Content {
    d.effects.push(Effect::PublishDispute(loan.application, dispute.id.clone()));
    Content::Dispute(dispute.content(facts.scribe.dispute_url(&dispute.id)))
}

/// All statuses; the database's CHECK has the same list.
pub const STATUSES: [DisputeStatus; 5] = [
    DisputeStatus::New,
    DisputeStatus::Processing,
    DisputeStatus::NeedMoreInfo,
    DisputeStatus::Resolved,
    DisputeStatus::Closed,
];

impl DisputeStatus {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Processing => "PROCESSING",
            Self::NeedMoreInfo => "NEED_MORE_INFO",
            Self::Resolved => "RESOLVED",
            Self::Closed => "CLOSED",
        }
    }

    /// Whether an operator may move a dispute so (`ocen-v3.md` §6.2): an answer is not taken back.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::New, Self::Processing | Self::NeedMoreInfo | Self::Resolved)
                | (Self::Processing, Self::NeedMoreInfo | Self::Resolved)
                | (Self::NeedMoreInfo, Self::Processing | Self::Resolved)
                | (Self::Resolved, Self::Closed)
        )
    }
}

/// Why an operator's move is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveRefusal {
    /// The statuses do not follow each other.
    #[error("a dispute that is {} cannot become {}", from.name(), to.name())]
    Order {
        /// As it is.
        from: DisputeStatus,
        /// As it should be.
        to: DisputeStatus,
    },
    /// A complaint is not ended without an answer (RBI digital lending, DL 11).
    #[error("{}", DL_11.refusal("a dispute is resolved or closed with a reply to the borrower: give a `note`"))]
    NoReply,
}

impl Dispute {
    /// An operator moves it.
    ///
    /// # Errors
    /// [`MoveRefusal`]; the dispute stays as it was.
    pub fn moved(&self, to: DisputeStatus, note: Option<&str>, now: DateTime<Utc>) -> Result<Self, MoveRefusal> {
        let note = note.map(str::trim).filter(|note| !note.is_empty());
        if !self.status.may_become(to) {
            return Err(MoveRefusal::Order { from: self.status, to });
        }
        // What was asked before is no reply; a resolution stays the reply when the dispute is closed.
        let replied = note.is_some() || (self.status, to) == (DisputeStatus::Resolved, DisputeStatus::Closed);
        let note = note.map(str::to_owned).or_else(|| self.note.clone());
        if matches!(to, DisputeStatus::Resolved | DisputeStatus::Closed) && !replied {
            return Err(MoveRefusal::NoReply);
        }
        Ok(Self { status: to, note, at: now, ..self.clone() })
    }

    /// The borrower says more about it: the lender goes on where it waited for that (row L18).
    #[must_use]
    pub fn added(&self, words: &str, now: DateTime<Utc>) -> Self {
        let description = format!("{}\n{words}", self.description);
        let said = Self { description, ..self.clone() };
        if self.status == DisputeStatus::NeedMoreInfo {
            return Self { status: DisputeStatus::Processing, at: now, ..said };
        }
        said
    }

    /// As told to the LSP, with the address of the borrower's page.
    #[must_use]
    pub fn content(&self, url: String) -> DisputeContent {
        DisputeContent {
            id: self.id.clone(),
            loan_id: Some(self.loan_id.clone()),
            description: Some(self.description.clone()),
            status: Some(self.status),
            note: self.note.clone(),
            at: Some(self.at),
            url: Some(url),
        }
    }
}

//! The main stage of an application (`ocen-v3.md` §6.3) and the stage changes that are legal.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facets::{Deal, Generation, Offer};
use crate::domain::ids::LoanId;

/// Main stage with the data that exists only there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// Stored; the preliminary check runs.
    Received {
        /// Which preliminary check is the current one.
        generation: Generation,
    },
    /// Passed the preliminary check.
    Processing,
    /// Data is fetched and offers are computed.
    Underwriting {
        /// Which underwriting is the current one.
        generation: Generation,
    },
    /// Offers are on the table.
    Offered {
        /// At least one.
        offers: Vec<Offer>,
    },
    /// The borrower chose an offer.
    OfferAccepted {
        /// The chosen offer and set-up.
        deal: Box<Deal>,
    },
    /// An OTP was sent for the agreement.
    OtpSent {
        /// The chosen offer and set-up.
        deal: Box<Deal>,
        /// The OTP session.
        session: OtpSession,
    },
    /// The agreement is signed.
    Agreed {
        /// The chosen offer and set-up.
        deal: Box<Deal>,
        /// Proof of the signature.
        acceptance: Acceptance,
    },
    /// Last checks before the grant.
    Granting {
        /// The chosen offer and set-up.
        deal: Box<Deal>,
        /// Proof of the signature.
        acceptance: Acceptance,
        /// Which final check is the current one.
        generation: Generation,
        /// What must be confirmed once more before the final check is asked for; empty when it is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        looks: Vec<Look>,
    },
    /// A loan exists.
    Granted {
        /// The chosen offer and set-up.
        deal: Box<Deal>,
        /// Proof of the signature.
        acceptance: Acceptance,
        /// The loan.
        loan_id: LoanId,
    },
    /// Declined for good.
    Rejected {
        /// Why.
        reasons: Vec<Rejection>,
        /// The accepted offer's set-up, kept because a refused grant must still show its terms (C6).
        deal: Option<Box<Deal>>,
    },
    /// The borrower must bring something first.
    ActionRequired {
        /// Where it goes on afterwards.
        resume: Resume,
        /// What is wanted.
        actions: Vec<Action>,
    },
    /// All offers lapsed, or nothing happened for long.
    Expired {
        /// When.
        at: DateTime<Utc>,
        /// Whether new offers may be asked for (row 34): it had passed the preliminary check and no offer was accepted.
        reoffer: bool,
        /// The accepted offer's set-up, for the answers that must show terms.
        deal: Option<Box<Deal>>,
    },
}

/// What the borrower gave and may have taken back since; asked about once more before the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Look {
    /// The mandate is still valid (row 53, R=ACTIVE).
    Mandate,
    /// The monitoring consent is not revoked (row 53, M=READY; row 18 and C19).
    Monitoring,
}

/// Where an application goes on after [`Stage::ActionRequired`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Resume {
    /// The preliminary check again.
    Received,
    /// Ready for offers again.
    Processing,
}

/// Why an application was declined (`rejectiondetail.reason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RejectionReason {
    /// Score below the lender's line.
    LowCreditScore,
    /// Fraud suspected.
    Fraud,
    /// Documents do not hold.
    DocIrregularities,
    /// Anything else.
    Others,
}

/// One reason with words for the borrower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Class of reason.
    pub reason: RejectionReason,
    /// Words.
    pub description: String,
}

/// What kind of step is missing (`actionrequired.actionType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionType {
    /// A document is missing.
    AddDocument,
    /// A document cannot be used.
    ResubmitDocument,
    /// Anything else.
    Other,
}

/// One missing step (`actionrequired`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Kind of step.
    pub action_type: ActionType,
    /// Words for the borrower.
    pub description: String,
    /// What it is about, e.g. `documents` or `consent`.
    pub object: String,
    /// Which one of them; may be empty.
    pub value: String,
    /// Where the borrower does it, when there is such a page.
    pub url: Option<String>,
}

/// One OTP session over one or more applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtpSession {
    /// The `otpSessionKey`.
    pub key: String,
    /// Good until this instant.
    pub expires_at: DateTime<Utc>,
    /// Wrong tries so far.
    pub wrong_tries: u32,
}

/// The borrower's signature by OTP (row 40).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The session that proved it.
    pub session_key: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Hash of the agreement text that was accepted.
    pub agreement_hash: String,
    /// Hash of the key facts statement that it stands on.
    #[serde(default)]
    pub kfs_hash: Option<String>,
    /// Masked phone that the OTP went to.
    pub masked_phone: String,
}

/// Wire vocabulary of an application (`loanApplicationStatus`, `ocen-v3.md` §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Under way.
    Processing,
    /// Offers are on the table.
    Offered,
    /// An offer was chosen.
    OfferAccepted,
    /// A loan exists.
    Granted,
    /// Declined or lapsed.
    Rejected,
    /// The borrower must act.
    ActionRequired,
}

/// Names of all stages, in the order of the life of an application; the database's CHECK has the same list.
pub const STAGES: [&str; 12] = [
    "RECEIVED",
    "PROCESSING",
    "UNDERWRITING",
    "OFFERED",
    "OFFER_ACCEPTED",
    "OTP_SENT",
    "AGREED",
    "GRANTING",
    "GRANTED",
    "REJECTED",
    "ACTION_REQUIRED",
    "EXPIRED",
];

impl Stage {
    /// The word stored in the database and shown to operators.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Received { .. } => "RECEIVED",
            Self::Processing => "PROCESSING",
            Self::Underwriting { .. } => "UNDERWRITING",
            Self::Offered { .. } => "OFFERED",
            Self::OfferAccepted { .. } => "OFFER_ACCEPTED",
            Self::OtpSent { .. } => "OTP_SENT",
            Self::Agreed { .. } => "AGREED",
            Self::Granting { .. } => "GRANTING",
            Self::Granted { .. } => "GRANTED",
            Self::Rejected { .. } => "REJECTED",
            Self::ActionRequired { .. } => "ACTION_REQUIRED",
            Self::Expired { .. } => "EXPIRED",
        }
    }

    /// What an LSP is told.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Received { .. } | Self::Processing | Self::Underwriting { .. } => Status::Processing,
            Self::Offered { .. } => Status::Offered,
            Self::OfferAccepted { .. } | Self::OtpSent { .. } | Self::Agreed { .. } | Self::Granting { .. } => {
                Status::OfferAccepted
            }
            Self::Granted { .. } => Status::Granted,
            Self::Rejected { .. } | Self::Expired { .. } => Status::Rejected,
            Self::ActionRequired { .. } => Status::ActionRequired,
        }
    }

    /// The chosen offer and set-up, in stages that have one.
    #[must_use]
    pub fn deal(&self) -> Option<&Deal> {
        match self {
            Self::OfferAccepted { deal }
            | Self::OtpSent { deal, .. }
            | Self::Agreed { deal, .. }
            | Self::Granting { deal, .. }
            | Self::Granted { deal, .. } => Some(deal),
            Self::Rejected { deal, .. } | Self::Expired { deal, .. } => deal.as_deref(),
            Self::Received { .. }
            | Self::Processing
            | Self::Underwriting { .. }
            | Self::Offered { .. }
            | Self::ActionRequired { .. } => None,
        }
    }

    /// The deal while it can still change; none once rejected or expired.
    #[must_use]
    pub fn live_deal(&self) -> Option<&Deal> {
        match self {
            Self::Rejected { .. } | Self::Expired { .. } => None,
            live => live.deal(),
        }
    }

    /// The live deal, to be changed; a rejected or expired one stays as it was.
    pub fn deal_mut(&mut self) -> Option<&mut Deal> {
        match self {
            Self::OfferAccepted { deal }
            | Self::OtpSent { deal, .. }
            | Self::Agreed { deal, .. }
            | Self::Granting { deal, .. }
            | Self::Granted { deal, .. } => Some(deal),
            Self::Received { .. }
            | Self::Processing
            | Self::Underwriting { .. }
            | Self::Offered { .. }
            | Self::Rejected { .. }
            | Self::ActionRequired { .. }
            | Self::Expired { .. } => None,
        }
    }
}

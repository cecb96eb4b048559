//! The parts of an application that move beside its stage (design §2, "facet").

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::deal::{Charges, Deal, Offer, Plan};
use super::erase::ERASED;
use crate::domain::ids::{AccountId, PlanId};

/// Counts the asks of one application; an outcome that carries an older number is stale (design §5, "Generation").
pub type Generation = u32;

/// Which of the two consents a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConsentPurpose {
    /// Account-aggregator data for underwriting, fetched once.
    Data,
    /// Account-aggregator data while the loan runs, fetched periodically.
    Monitoring,
}

/// State of one consent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Consent {
    /// Never asked for.
    #[default]
    None,
    /// The account aggregator was asked for a handle.
    Requested {
        /// Which ask is the current one.
        generation: Generation,
        /// The borrower's address at the account aggregator.
        vua: String,
    },
    /// The borrower has to approve.
    Pending {
        /// From the account aggregator.
        handle: String,
        /// The borrower's address at the account aggregator.
        vua: String,
    },
    /// Approved.
    Ready {
        /// From the account aggregator.
        handle: String,
        /// The borrower's address at the account aggregator.
        vua: String,
        /// The consent artefact's id; has no member in v3, kept for fetching.
        consent_id: String,
        /// When the data life ends that the borrower consented to, where the account aggregator says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_life_ends: Option<DateTime<Utc>>,
    },
    /// Rejected, revoked, expired, or never created.
    Failed {
        /// Present when the account aggregator had given one.
        handle: Option<String>,
        /// The borrower's address at the account aggregator.
        vua: String,
    },
}

impl Consent {
    /// The word stored in the database and shown to operators.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Requested { .. } => "REQUESTED",
            Self::Pending { .. } => "PENDING",
            Self::Ready { .. } => "READY",
            Self::Failed { .. } => "FAILED",
        }
    }

    /// The account aggregator's handle, where one is known.
    #[must_use]
    pub fn handle(&self) -> Option<&str> {
        match self {
            Self::None | Self::Requested { .. } => None,
            Self::Pending { handle, .. } | Self::Ready { handle, .. } => Some(handle),
            Self::Failed { handle, .. } => handle.as_deref(),
        }
    }

    /// The borrower's address at the account aggregator, where one is known and was not erased.
    #[must_use]
    pub fn vua(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Requested { vua, .. }
            | Self::Pending { vua, .. }
            | Self::Ready { vua, .. }
            | Self::Failed { vua, .. } => Some(vua.as_str()).filter(|vua| !vua.is_empty() && *vua != ERASED),
        }
    }
}

/// Identity verification of the borrower. v3 has no message for it (design §5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kyc {
    /// Not started.
    #[default]
    None,
    /// The lender's KYC system is at work.
    Pending {
        /// Which ask is the current one.
        generation: Generation,
        /// Where the borrower completes it, once known.
        url: Option<String>,
    },
    /// Verified.
    Done {
        /// The KYC system's reference.
        reference: String,
    },
    /// Refused by the KYC system.
    Failed {
        /// Why, for the borrower.
        detail: String,
    },
}

impl Kyc {
    /// The word stored in the database and shown to operators.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Pending { .. } => "PENDING",
            Self::Done { .. } => "DONE",
            Self::Failed { .. } => "FAILED",
        }
    }
}

/// The loan agreement that the OTP is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Agreement {
    /// Not prepared yet.
    #[default]
    None,
    /// The lender's document system is preparing it.
    Preparing {
        /// Which ask is the current one.
        generation: Generation,
    },
    /// Prepared, to be signed by OTP.
    Prepared(AgreementText),
    /// Signed.
    Signed(AgreementText),
}

/// What was prepared: the exact thing that the borrower accepts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgreementText {
    /// SHA-256 of the text, hex.
    pub hash: String,
    /// Where the borrower reads it.
    pub url: String,
    /// The text that was hashed, where it is the server's page that shows it.
    #[serde(default)]
    pub text: Option<String>,
}

impl fmt::Debug for AgreementText {
    /// Without the text, which names the borrower, and the page's address, which gives access.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgreementText").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Agreement {
    /// The word stored in the database and shown to operators.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Preparing { .. } => "PREPARING",
            Self::Prepared(_) => "PREPARED",
            Self::Signed(_) => "SIGNED",
        }
    }

    /// The prepared or signed text.
    #[must_use]
    pub fn text(&self) -> Option<&AgreementText> {
        match self {
            Self::None | Self::Preparing { .. } => None,
            Self::Prepared(text) | Self::Signed(text) => Some(text),
        }
    }
}

/// Set-up of repayment (region R).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RepaymentSetup {
    /// No plan chosen.
    #[default]
    None,
    /// The mandate is being registered, or waits for the borrower.
    PendingAuth {
        /// Which ask is the current one.
        generation: Generation,
        /// The chosen plan.
        plan: PlanId,
        /// The collection system's reference and page, once registered.
        mandate: Option<Mandate>,
    },
    /// Mandate authorised, or none needed.
    Active {
        /// The chosen plan.
        plan: PlanId,
        /// Absent when the plan is not automatic.
        mandate: Option<Mandate>,
    },
    /// Refused, cancelled, or its link expired.
    Inactive {
        /// The plan that was chosen.
        plan: PlanId,
        /// The collection system's reference of the mandate, where the borrower had authorised one and it was
        /// cancelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cancelled: Option<String>,
    },
}

/// A debit mandate at the collection system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// The collection system's reference.
    pub reference: String,
    /// Where the borrower authorises it.
    pub payment_url: String,
}

impl RepaymentSetup {
    /// The word stored in the database and shown to operators.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::PendingAuth { .. } => "PENDING_AUTH",
            Self::Active { .. } => "ACTIVE",
            Self::Inactive { .. } => "INACTIVE",
        }
    }

    /// The chosen plan.
    #[must_use]
    pub fn plan(&self) -> Option<&PlanId> {
        match self {
            Self::None => None,
            Self::PendingAuth { plan, .. } | Self::Active { plan, .. } | Self::Inactive { plan, .. } => Some(plan),
        }
    }

    /// Whether this very mandate is authorised and stands.
    #[must_use]
    pub fn stands_on(&self, reference: &str) -> bool {
        matches!(self, Self::Active { mandate: Some(mandate), .. } if mandate.reference == reference)
    }

    /// The mandate, where one is registered.
    #[must_use]
    pub fn mandate(&self) -> Option<&Mandate> {
        match self {
            Self::None | Self::Inactive { .. } => None,
            Self::PendingAuth { mandate, .. } | Self::Active { mandate, .. } => mandate.as_ref(),
        }
    }
}

/// Characters that are shown of an account at most.
const MOST_SHOWN: usize = 4;

/// Where a loan is paid to. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name by which both sides know it.
    pub id: AccountId,
    /// Bank account or UPI address.
    pub target: AccountTarget,
    /// Holder as the LSP gives it, where it does.
    pub holder: Option<String>,
    /// `CURRENT`, `SAVING` or `OVERDRAFT`, or what the LSP sent (a wallet or escrow is refused).
    pub kind: Option<String>,
}

/// Bank account or UPI address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountTarget {
    /// IFSC and account number.
    Account {
        /// Indian financial system code of the branch.
        ifsc: String,
        /// Account number.
        number: String,
    },
    /// Virtual payment address.
    Vpa {
        /// e.g. `name@bank`.
        vpa: String,
    },
}

impl Account {
    /// The account number or address with all but its end hidden: at most four characters, and never more than a third.
    #[must_use]
    pub fn masked(&self) -> String {
        let text = match &self.target {
            AccountTarget::Account { number, .. } => number,
            AccountTarget::Vpa { vpa } => vpa,
        };
        let length = text.chars().count();
        let hidden = length.saturating_sub(MOST_SHOWN.min(length / 3));
        let shown: String = text.chars().skip(hidden).collect();
        format!("{}{shown}", "X".repeat(hidden))
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Set-up of the payout account (half of region D).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountSetup {
    /// No account known.
    #[default]
    None,
    /// The bank is being asked who holds it; the earlier account, if any, stays the payout account meanwhile.
    Checking {
        /// Which ask is the current one.
        generation: Generation,
        /// The account in question.
        candidate: Account,
        /// The account that counts until the answer.
        current: Option<Account>,
        /// From when on that one is paid to, where it has to wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payable_from: Option<DateTime<Utc>>,
    },
    /// Verified.
    Active {
        /// The payout account.
        account: Account,
        /// From when on it is paid to, where it took the place of another one after the signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payable_from: Option<DateTime<Utc>>,
    },
}

impl AccountSetup {
    /// The word stored in the database and shown to operators.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Checking { .. } => "CHECKING",
            Self::Active { .. } => "ACTIVE",
        }
    }

    /// The verified account, where there is one.
    #[must_use]
    pub fn active(&self) -> Option<&Account> {
        match self {
            Self::None => None,
            Self::Checking { current, .. } => current.as_ref(),
            Self::Active { account, .. } => Some(account),
        }
    }

    /// From when on the verified account is paid to, where it has to wait.
    #[must_use]
    pub fn payable_from(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::None => None,
            Self::Checking { payable_from, .. } | Self::Active { payable_from, .. } => *payable_from,
        }
    }
}

//! What the lender tells the borrower directly, beside anything the LSP shows (`lending.md` §1.4 DL 8, §1.5).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::LoanId;
use crate::domain::maths::money::Paise;

/// One message to one borrower, who is the application's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The loan; none before the grant.
    pub loan_id: Option<LoanId>,
    /// The instalment that it is about, where it is about one.
    pub instalment: Option<u32>,
    /// What the borrower is told will be debited, where that is what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Paise>,
    /// Same key, same message: it is sent once however often it is asked for.
    pub key: String,
    /// What the borrower reads; no account numbers.
    pub text: String,
}

impl fmt::Debug for Notice {
    /// Without the text: its links give access.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("kind", &self.kind).field("key", &self.key).finish_non_exhaustive()
    }
}

/// Occasions on which the borrower is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeKind {
    /// Copies of the key facts statement and the signed agreement.
    SignedDocuments,
    /// A debit by mandate is coming.
    PreDebit,
    /// An instalment is overdue.
    Overdue,
    /// A penal charge is about to be levied, and why (RBI/2023-24/53).
    PenalCharge,
    /// Another charge was posted.
    ChargePosted,
    /// The loan is closed.
    LoanClosed,
    /// The payout account was changed after the agreement was signed.
    PayoutAccountChanged,
    /// The loan, which was closed, is open again: a payment came back.
    LoanReopened,
}

//! The `ledger` port: the lender's general ledger or loan system takes our journals, and tells its balances.
//!
//! It is no [`Port`](super::Port): it is asked about the book, not about applications, and nothing waits for it.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PortError;
use super::gate::Gate;
use super::question::rupees_schema;
use crate::domain::book::LedgerAccount;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rupees;

/// The port's name.
pub const LEDGER: &str = "ledger";
/// How long a resting adapter is left alone before it is looked at again.
const PAUSE: TimeDelta = TimeDelta::seconds(1);

/// Debit or credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Debit.
    Debit,
    /// Credit.
    Credit,
}

/// One side of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Code in the lender's general ledger.
    pub account: String,
    /// The account of our book.
    pub book_account: LedgerAccount,
    /// Debit or credit.
    pub side: Side,
    /// How much, more than zero.
    #[serde(with = "rupees")]
    #[schemars(schema_with = "rupees_schema")]
    pub amount: Paise,
}

/// One journal: debits and credits are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedJournal {
    /// Its idempotency key, a UUID: whatever comes again under it is the same journal.
    #[schemars(with = "String")]
    pub key: Uuid,
    /// Its place in the feed; ascends within each loan, with gaps.
    pub number: i64,
    /// The loan.
    pub loan_id: String,
    /// What it is for, e.g. `RECEIPT`.
    pub kind: String,
    /// The same in words.
    pub narration: String,
    /// With loan and kind unique, e.g. the payment or the instalment.
    pub reference: String,
    /// The day on which it counts for the borrower.
    pub value_date: NaiveDate,
    /// The business day on which it was posted: by this day balances are compared.
    pub booking_date: NaiveDate,
    /// Debits and credits.
    pub entries: Vec<Entry>,
}

/// `ledger`/`journal`.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(super) struct JournalsDetail<'a> {
    /// To be taken, all or none, in their order.
    #[schemars(length(min = 1))]
    pub(super) journals: &'a [FeedJournal],
}

/// `ledger`/`compare`.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BalancesDetail<'a> {
    /// The business day; journals count that were booked on it or before.
    pub(super) as_of: NaiveDate,
    /// Our balances of the accounts in question; empty when the question is about loans.
    pub(super) accounts: &'a [AccountBalance],
    /// Our control totals of the loans in question; empty when the question is about accounts.
    pub(super) loans: &'a [LoanTotals],
}

/// What the general ledger says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "camelCase")]
pub(super) enum LedgerFound {
    /// Every journal of the batch is in the books, those of them that came before under the same key only once.
    JournalsTaken,
    /// Your balances of what was asked; what is left out is zero.
    Balances(Balances),
}

/// Nothing, or rupees; a sign stands before a credit.
fn maybe_rupees(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": SIGNED })
}

/// Rupees; a sign stands before a credit.
fn signed_rupees(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": SIGNED })
}

/// Rupees of either side.
const SIGNED: &str = "^-?[0-9]+\\.[0-9]{2}$";

/// Journals to be taken, all or none, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The same for the same journals.
    pub key: &'a str,
    /// At least one.
    pub journals: &'a [FeedJournal],
    /// Now, by the business clock.
    pub now: DateTime<Utc>,
    /// The business date.
    pub today: NaiveDate,
}

/// Balance of an account: debit positive, credit negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountBalance {
    /// Code in the general ledger.
    pub account: String,
    /// Rupees.
    #[serde(with = "rupees")]
    #[schemars(schema_with = "signed_rupees")]
    pub balance: Paise,
}

/// Control totals of a loan; one that the other side does not keep is left out there and not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoanTotals {
    /// The loan.
    pub loan_id: String,
    /// Balance of its principal.
    #[serde(default, with = "rupees::option")]
    #[schemars(schema_with = "maybe_rupees")]
    pub principal: Option<Paise>,
    /// Balance of `PRINCIPAL_RECEIVABLE`, `INTEREST_RECEIVABLE`, `FEE_RECEIVABLE`, `PENAL_RECEIVABLE` and
    /// `BORROWER_EXCESS` (a credit) together; `INTEREST_ACCRUED`, which is not due yet, is left out.
    #[serde(default, with = "rupees::option")]
    #[schemars(schema_with = "maybe_rupees")]
    pub outstanding: Option<Paise>,
    /// How many journals.
    #[serde(default)]
    pub journals: Option<i64>,
}

/// Balances at the end of a business day, over all journals booked until then.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// The same for the same question.
    pub key: &'a str,
    /// The business day.
    pub as_of: NaiveDate,
    /// Our balances of the accounts in question; empty when the question is about loans.
    pub accounts: &'a [AccountBalance],
    /// Our control totals of the loans in question; empty when the question is about accounts.
    pub loans: &'a [LoanTotals],
    /// Now, by the business clock.
    pub now: DateTime<Utc>,
    /// The business date.
    pub today: NaiveDate,
}

/// Their balances for what was asked; what is left out is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balances {
    /// Of accounts.
    #[serde(default)]
    pub accounts: Vec<AccountBalance>,
    /// Of loans.
    #[serde(default)]
    pub loans: Vec<LoanTotals>,
}

/// Why the general ledger did not do it; it is asked again later.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not before this instant.
    #[error("not before {0}")]
    Later(DateTime<Utc>),
    /// It does not take it as it is: its people must look.
    #[error("refused with {code}: {detail}")]
    Refused {
        /// Its code.
        code: String,
        /// Words.
        detail: String,
    },
    /// No answer, or none that can be read.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The lender's general ledger or loan system.
pub trait Ledger: Send + Sync {
    /// Takes journals, each once by its key.
    ///
    /// # Errors
    /// [`LedgerError`]; the same journals come again then.
    fn journal<'a>(&'a self, batch: Batch<'a>) -> BoxFuture<'a, Result<(), LedgerError>>;

    /// Tells its balances.
    ///
    /// # Errors
    /// [`LedgerError`]; the same question comes again then.
    fn compare<'a>(&'a self, asked: Comparison<'a>) -> BoxFuture<'a, Result<Balances, LedgerError>>;
}

/// A general ledger behind an adapter's budget and circuit breaker.
pub(super) struct Gated {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) gate: Arc<Gate>,
}

impl Gated {
    async fn within<T>(
        &self,
        now: DateTime<Utc>,
        call: BoxFuture<'_, Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        let pass = self.gate.enter().ok_or(LedgerError::Later(now + PAUSE))?;
        let result = call.await;
        match &result {
            Err(LedgerError::Port(error)) => pass.failed(error),
            Ok(_) | Err(LedgerError::Later(_) | LedgerError::Refused { .. }) => pass.answered(),
        }
        result
    }
}

impl Ledger for Gated {
    fn journal<'a>(&'a self, batch: Batch<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(self.within(batch.now, self.ledger.journal(batch)))
    }

    fn compare<'a>(&'a self, asked: Comparison<'a>) -> BoxFuture<'a, Result<Balances, LedgerError>> {
        Box::pin(self.within(asked.now, self.ledger.compare(asked)))
    }
}

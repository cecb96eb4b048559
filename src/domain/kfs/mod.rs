//! The key facts statement (KFS) of an offer: what RBI wants told before a loan contract, as values (`lending.md` §1.2,
//! §1.3). Turning it into bytes is the engine's business; once issued, the bytes are what counts.

mod build;
pub mod document;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

pub use self::build::statement;
pub use self::document::{Contact, Kfs};
pub use self::words::days;
use super::application::facets::AccountTarget;
use super::calendar::{WorkingDays, end_of_day};
use super::ids::{AccountId, ApplicationId, DisputeId, LoanId, OrgId};
use super::maths::schedule::ScheduleTerms;

/// Loans of so many days or more have the longer validity.
const LONG_TENOR_DAYS: i64 = 7;
/// Working days of validity of a longer loan.
const LONG_VALIDITY: u32 = 3;
/// Working days of validity of a shorter one.
const SHORT_VALIDITY: u32 = 1;

/// What the lender says about itself on every statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letterhead {
    /// Registered name.
    pub name: String,
    /// Phone for borrowers.
    pub phone: String,
    /// Email for borrowers.
    pub email: Option<String>,
    /// Nodal grievance officer (RBI digital lending, DL 11).
    pub grievance_officer: Contact,
    /// Agents who may collect when the loan is overdue; the LSP is one when its name is among them.
    pub recovery_agents: Vec<Contact>,
    /// Whether loans may be transferred to others or securitised.
    pub transferable: bool,
}

/// A statement as it was sent. Its text is never written anew, so the hash stays true.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedKfs {
    /// Proposal number.
    pub number: String,
    /// JSON, the bytes that were hashed.
    pub text: String,
    /// SHA-256 of the text, hex.
    pub hash: String,
    /// Where the borrower reads it.
    pub url: String,
    /// Where the borrower reads the agreement on it, a draft until the text is prepared.
    pub agreement_url: String,
    /// The lender is bound until this instant; the offer ends with it.
    pub valid_till: DateTime<Utc>,
}

impl fmt::Debug for IssuedKfs {
    /// Without the pages' addresses, which give access.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedKfs").field("number", &self.number).field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Writes statements down (JSON, hash and the unguessable address of the page), gives disputes their pages, and loans and
/// payout accounts their ids.
pub trait Scribe: fmt::Debug + Send + Sync {
    /// The statement as it will be sent; the same for the same statement. Nothing when it cannot be written.
    fn issue(&self, kfs: &Kfs) -> Option<IssuedKfs>;

    /// SHA-256 of a text, in hexadecimal digits.
    fn hash(&self, text: &str) -> String;

    /// The unguessable address of the page where the borrower follows a dispute; the same for the same dispute.
    fn dispute_url(&self, dispute: &DisputeId) -> String;

    /// The id of the loan that an application leads to: the same whenever it is asked for. The keys under which the bank
    /// pays are made of it, so that a grant which is repeated on a restored database pays nothing twice.
    fn loan_id(&self, org: &OrgId, loan_application_id: &str) -> LoanId;

    /// An id for a payout account of an application: the same whenever it is asked for, and of no use to anybody who
    /// guesses account numbers.
    fn account_id(&self, application: &ApplicationId, target: &AccountTarget) -> AccountId;
}

/// Working days for which a statement on these terms is valid at the least.
#[must_use]
pub fn working_days(terms: &ScheduleTerms, last_due: NaiveDate) -> u32 {
    let tenor = last_due.signed_duration_since(terms.disbursed_on).num_days();
    if tenor >= LONG_TENOR_DAYS { LONG_VALIDITY } else { SHORT_VALIDITY }
}

/// The end of the last working day of that validity, which begins after the day of issue. `None` for a lender that
/// never works.
#[must_use]
pub fn valid_at_least_till(days: u32, issued_on: NaiveDate, calendar: &WorkingDays) -> Option<DateTime<Utc>> {
    end_of_day(calendar.after(issued_on, days)?)
}

//! What callbacks about a running loan say, free of any wire spelling.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::account::{AssetClass, PayOff, Purpose, Split};
use super::quote::Quotes;
use crate::domain::application::facets::{Account as BankAccount, Deal};
use crate::domain::application::form::{Form, LoanType, Tenure};
use crate::domain::ids::{DisputeId, LoanId, PaymentId};
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::Row;

/// A payment by the borrower as told to the LSP: `triggerRepaymentResponse`, `triggerRepaymentStatusResponse`,
/// `confirmRepayment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepaymentContent {
    /// The loan.
    pub loan_id: LoanId,
    /// Made by the lender; the echo of an id, or `NONE`, when there is no such payment.
    pub payment_id: PaymentId,
    /// The id under which the LSP asked for it, where it gave one and the payment is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_id: Option<PaymentId>,
    /// Status; absent when nothing was started.
    pub status: Option<RepaymentStatus>,
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// The quote that a pay-off stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// How much is to be paid, or was.
    pub amount: Option<Paise>,
    /// Which instalment it is for, where it is for one.
    pub instalment: Option<u32>,
    /// `paymentMethodType` as asked for, or that of the mandate.
    pub method: Option<String>,
    /// Where the borrower pays.
    pub url: Option<String>,
    /// Until when.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it settled, once it did; before, what it would settle if it came in today.
    pub split: Option<Split>,
    /// The bank's unique transaction reference.
    pub utr: Option<String>,
    /// The bank's value date.
    pub value_date: Option<NaiveDate>,
    /// When the status was reached.
    pub at: Option<DateTime<Utc>>,
    /// Why it failed or came back.
    pub failure: Option<String>,
    /// It was credited and came back.
    pub returned: bool,
}

/// `payment.status` of a repayment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RepaymentStatus {
    /// Credited.
    Success,
    /// Will not come, or came back.
    Failure,
    /// The borrower has to pay, or the bank is at work.
    PendingAuth,
}

/// `loanStatus` of `loanSummaryResponse` and `getLoanResponse` (`ocen-v3.md` §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LoanStatus {
    /// Granted, paid out or not, nothing overdue.
    Granted,
    /// An instalment is unpaid after its due date.
    Overdue,
    /// A non-performing asset, or written off.
    Defaulted,
    /// Nothing is owed any more.
    Completed,
}

/// One instalment with what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalmentView {
    /// As scheduled.
    pub row: Row,
    /// It has fallen due.
    pub due: bool,
    /// Settled so far.
    pub paid: Paise,
    /// When nothing was left of it.
    pub settled_on: Option<NaiveDate>,
}

/// `summary.currentRepayment` or `summary.nextRepayment`: an instalment and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueView {
    /// Number of the instalment.
    pub number: u32,
    /// When it falls, or fell, due.
    pub due_date: NaiveDate,
    /// What is left to be paid of it.
    pub amount: Paise,
    /// Part of it that is principal.
    pub principal: Paise,
    /// Part of it that is interest.
    pub interest: Paise,
}

/// Where a loan stands: the common part of `loanSummaryResponse` and `getLoanResponse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanHead {
    /// The loan.
    pub loan_id: LoanId,
    /// The LSP's application id.
    pub loan_application_id: String,
    /// Status.
    pub status: LoanStatus,
    /// When it was granted.
    pub created_at: DateTime<Utc>,
    /// The value date of the payout; before, the day of the grant.
    pub start: NaiveDate,
    /// The last due date; once closed, the day of the closure.
    pub end: NaiveDate,
    /// How it ended: `MATURED`, `FORECLOSED`, `COOLING_OFF` or `WRITTEN_OFF`.
    pub ending: Option<super::account::Ending>,
}

/// `loanSummaryResponse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryContent {
    /// Where it stands.
    pub head: LoanHead,
    /// The business date for which everything holds.
    pub as_of: NaiveDate,
    /// The oldest instalment that is due and not paid; none when nothing is due.
    pub current: Option<DueView>,
    /// The first instalment that is not due yet.
    pub next: Option<DueView>,
    /// Principal settled with money.
    pub principal_paid: Paise,
    /// Interest settled with money.
    pub interest_paid: Paise,
    /// Penal charges settled with money.
    pub penalty_paid: Paise,
    /// Fees settled with money, those kept from the payout left out.
    pub fees_paid: Paise,
    /// Principal owed, due or not.
    pub principal_pending: Paise,
    /// Interest that is due, and that of all instalments to come.
    pub interest_pending: Paise,
    /// Interest that is due.
    pub interest_due: Paise,
    /// Interest of the running period up to the business date.
    pub interest_accrued: Paise,
    /// Penal charges owed, up to the business date.
    pub penalty_pending: Paise,
    /// Fees owed.
    pub fees_pending: Paise,
    /// Gross amount paid out.
    pub amount_disbursed: Paise,
    /// Everything received, less what came back and was refunded. With what was given back, and without what was
    /// recovered, it is the sum of what was paid of principal, interest, charges and fees, and of what is held.
    pub amount_repaid: Paise,
    /// Fees and interest kept from the payout that were given back.
    #[serde(default)]
    pub given_back: Paise,
    /// Received after a write-off.
    #[serde(default)]
    pub recovered: Paise,
    /// The borrower's money that is held.
    pub excess: Paise,
    /// Waived.
    pub waived: Paise,
    /// Principal written off.
    pub written_off: Paise,
    /// What may be paid today as an instalment.
    pub payable: Paise,
    /// Length.
    pub tenure: Tenure,
    /// Product, in words.
    pub description: String,
    /// Days past due; none when nothing is.
    pub days_past_due: Option<i64>,
    /// Classification, that of the borrower's other loans included.
    pub class: AssetClass,
    /// Pay-off today.
    pub foreclosure: Option<PayOff>,
    /// Leaving within the cooling-off period today, while it lasts.
    pub cooling_off_exit: Option<PayOff>,
    /// What the lender stands by of the two.
    #[serde(default)]
    pub quotes: Quotes,
    /// Last day of the cooling-off period.
    pub cooling_off_ends: Option<NaiveDate>,
    /// The current schedule.
    pub instalments: Vec<InstalmentView>,
}

/// `getLoanResponse`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoanContent {
    /// Where it stands.
    pub head: LoanHead,
    /// Product family.
    pub loan_type: LoanType,
    /// What the LSP filed: borrower, collaterals, guarantors and applicants are in its echo.
    pub form: Form,
    /// The accepted offer and set-up.
    pub deal: Deal,
    /// Page of the agreement.
    pub agreement_url: Option<String>,
    /// Where the money went.
    pub account: Option<BankAccount>,
    /// The current schedule; before the payout that of the offer.
    pub schedule: Vec<Row>,
    /// Counts schedules, from 1.
    pub schedule_version: u32,
    /// It is paid out and not over: the borrower may pay, the next instalment ahead of its time too.
    #[serde(default)]
    pub takes_payments: bool,
}

/// One row of `loanStatementResponse.accountStatement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRow {
    /// Value date.
    pub date: NaiveDate,
    /// Words.
    pub narration: String,
    /// The bank's reference, or the journal's.
    pub reference: String,
    /// More than zero.
    pub amount: Paise,
    /// The borrower owes less (`DEPOSIT`) rather than more (`WITHDRAWL`).
    pub deposit: bool,
    /// What the borrower owes after it.
    pub closing: Paise,
}

/// `loanStatementResponse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementContent {
    /// The loan.
    pub loan_id: LoanId,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// Owed before the first row.
    pub opening: Paise,
    /// Owed after the last row.
    pub closing: Paise,
    /// Rows in order of value date.
    pub rows: Vec<StatementRow>,
}

/// One item of `listLoansResponse`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedLoan {
    /// Where it stands.
    pub head: LoanHead,
    /// The accepted offer and set-up.
    pub deal: Deal,
    /// Page of the agreement.
    pub agreement_url: Option<String>,
    /// Principal owed.
    pub principal_pending: Paise,
}

/// A dispute as told to the LSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeContent {
    /// Made by the lender.
    pub id: DisputeId,
    /// The loan, where known.
    pub loan_id: Option<LoanId>,
    /// What the borrower says.
    pub description: Option<String>,
    /// Status; absent when the dispute was refused.
    pub status: Option<super::dispute::DisputeStatus>,
    /// The lender's last word on it.
    pub note: Option<String>,
    /// When the status was reached.
    pub at: Option<DateTime<Utc>>,
    /// Where the borrower follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

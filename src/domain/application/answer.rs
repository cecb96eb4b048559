//! What a callback says, free of any wire spelling. An answer is frozen in the transaction that decided it.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::facets::{Account, Deal, Offer, Plan};
use super::form::{Form, Tenure};
use super::stage::{Action, Rejection, Status};
use crate::domain::ids::{LoanId, PaymentId, PlanId};
use crate::domain::loan::content::{
    DisputeContent, ListedLoan, LoanContent, RepaymentContent, StatementContent, SummaryContent,
};
use crate::domain::maths::money::Paise;

/// One result of one exchange: for a request over several applications there is one per application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Why not, when the request was refused; state is then unchanged.
    pub refusal: Option<Refusal>,
    /// The business object, in its least harmful form when refused (`ocen-v3.md` §3.3).
    pub content: Content,
}

impl Answer {
    /// A request that was carried out.
    #[must_use]
    pub fn ok(content: Content) -> Self {
        Self { refusal: None, content }
    }

    /// A request that was refused.
    #[must_use]
    pub fn refused(reason: RefusalReason, detail: impl Into<String>, content: Content) -> Self {
        Self { refusal: Some(Refusal { reason, detail: detail.into() }), content }
    }
}

/// A business or system reason, answered by callback, never by ack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What the protocol turns into an OCEN code.
    pub reason: RefusalReason,
    /// Words for the LSP's engineer.
    pub detail: String,
}

/// Reasons; the protocol maps each, with its operation, to a code of `ocen-v3.md` §8.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalReason {
    /// No product serves the loan type.
    LoanTypeNotSupported,
    /// `createdDate` lies in the future.
    CreatedInFuture,
    /// More than the product lends.
    AmountAboveLimit,
    /// The collateral is already pledged or makes no sense.
    CollateralInvalid,
    /// The borrower's data makes no sense.
    BorrowerInvalid,
    /// The application id is taken by other data.
    ApplicationIdReused,
    /// The stage does not allow the request.
    WrongState,
    /// Data consent is needed first.
    ConsentNotReady,
    /// The account aggregator, a bureau or another data source is down.
    SourceUnavailable,
    /// No such offer of this application.
    UnknownOffer,
    /// The offer lapsed.
    OfferExpired,
    /// The borrower's limit over all loans would be passed.
    ExposureLimit,
    /// Too many OTPs.
    ResendLimit,
    /// The SMS could not be sent.
    SmsFailed,
    /// The agreement could not be prepared.
    AgreementFailed,
    /// The accepted key facts statement ran out.
    KfsExpired,
    /// A payout today is on worse terms than the accepted key facts statement.
    KfsStale,
    /// The OTP session is gone.
    OtpSession,
    /// No such plan in the accepted offer.
    UnknownPlan,
    /// The account cannot be paid to.
    AccountRefused,
    /// The mandate could not be registered.
    MandateRefused,
    /// The sanction lapsed.
    SanctionLapsed,
    /// The loan takes no payout.
    LoanNotOpen,
    /// The tranche is taken or the amount is not its amount.
    AmountNotAllowed,
    /// The payment id is taken by another order.
    PaymentConflict,
    /// The bank refused.
    PaymentRail,
    /// Nothing is to be paid, or the loan takes no payment.
    NothingDue,
    /// The amount, instalment or purpose of a payment by the borrower is not allowed.
    RepaymentAmount,
    /// Another payment of the loan is being collected.
    PaymentUnderWay,
    /// A payment page could not be made, or the payment failed.
    RepaymentRail,
    /// The statement's dates make no sense.
    DateRange,
    /// The dispute cannot be added to.
    DisputeState,
}

/// The business object of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "content", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Content {
    /// One item of `createLoanApplicationsResponse`.
    Application(ApplicationContent),
    /// One item of `generateOffersResponse`.
    Offers(OffersContent),
    /// `consentHandleResponse`, `consentStatusResponse`.
    Consent(ConsentContent),
    /// `setOfferResponse`.
    OfferSet {
        /// The LSP's application id.
        loan_application_id: String,
        /// Current status.
        status: Status,
    },
    /// `triggerLoanAcceptanceResponse`, `verifyLoanAcceptanceResponse`.
    Otp(OtpContent),
    /// `getDisbursementPlansResponse`, `getRepaymentPlansResponse`.
    Plans {
        /// The accepted offer's plans; empty when refused.
        plans: Vec<PlanContent>,
    },
    /// `setDisbursementPlanResponse`, `setRepaymentPlanResponse`, `setRepaymentPlanStatusResponse`.
    Plan {
        /// Our own copy, or an echo of the id when we know none.
        plan: PlanContent,
    },
    /// `getDisbursementAccountsResponse`.
    Accounts {
        /// Known accounts, shown masked.
        accounts: Vec<AccountContent>,
    },
    /// `setDisbursementAccountResponse`.
    Account {
        /// The account in question, shown masked.
        account: AccountContent,
    },
    /// `grantLoanResponse`.
    Grant(Box<GrantContent>),
    /// `triggerDisbursementResponse`, `triggerDisbursementStatusResponse`.
    Disbursement(DisbursementContent),
    /// `triggerRepaymentResponse`, `triggerRepaymentStatusResponse`, `confirmRepayment`.
    Repayment(RepaymentContent),
    /// `loanSummaryResponse`.
    Summary(Box<SummaryContent>),
    /// `getLoanResponse`.
    Loan(Box<LoanContent>),
    /// `loanStatementResponse`.
    Statement(StatementContent),
    /// `listLoansResponse`.
    Loans {
        /// Newest first.
        loans: Vec<ListedLoan>,
    },
    /// `raiseDisputeResponse`, `disputeStatusResponse`.
    Dispute(DisputeContent),
    /// Heartbeat, lookup codes, error codes: the protocol fills in what was asked.
    Meta {
        /// What was asked.
        meta: super::command::Meta,
    },
}

/// One item of `createLoanApplicationsResponse`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationContent {
    /// The LSP's application id.
    pub loan_application_id: String,
    /// What is echoed.
    pub form: Form,
    /// Status; absent when the item was not stored (`ocen-v3.md` §3.3).
    pub status: Option<Status>,
    /// Why it was declined.
    pub rejections: Vec<Rejection>,
    /// What the borrower must bring.
    pub actions: Vec<Action>,
}

/// One item of `generateOffersResponse`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OffersContent {
    /// The LSP's application id.
    pub loan_application_id: String,
    /// Status.
    pub status: Status,
    /// Offers, when `Offered` (best first).
    pub offers: Vec<Offer>,
    /// Why it was declined.
    pub rejections: Vec<Rejection>,
    /// What the borrower must bring.
    pub actions: Vec<Action>,
}

/// Consent as told to the LSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentContent {
    /// Handle, where known.
    pub handle: Option<String>,
    /// `READY`, `PENDING` or `FAILED`.
    pub status: ConsentStatus,
    /// Which consent, where known; tells `ONETIME` from `PERIODIC`.
    pub purpose: Option<super::facets::ConsentPurpose>,
    /// The borrower's address at the account aggregator.
    pub vua: Option<String>,
    /// Made by the LSP.
    pub aggregation_id: Option<String>,
}

/// `consent.consentStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConsentStatus {
    /// Approved.
    Ready,
    /// Waits for the borrower.
    Pending,
    /// Rejected, revoked, expired or not created.
    Failed,
}

/// OTP step as told to the LSP; never holds the OTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtpContent {
    /// Session, where there is one.
    pub session_key: Option<String>,
    /// e.g. `XXXXXXX001`.
    pub masked_phone: Option<String>,
    /// Result.
    pub status: OtpStatus,
}

/// `OTPBlock.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OtpStatus {
    /// Sent, or verified.
    Success,
    /// Gone, replaced, or too many tries.
    InvalidSession,
    /// Wrong digits.
    IncorrectOtp,
}

/// `paymentplan.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanStatus {
    /// Set up.
    Active,
    /// Not chosen, refused or cancelled.
    Inactive,
    /// Waits for the borrower.
    PendingAuth,
}

/// A plan as told to the LSP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanContent {
    /// The id, ours or an echo.
    pub id: PlanId,
    /// Our copy; `None` when we know no plan of this id.
    pub plan: Option<Plan>,
    /// Status.
    pub status: PlanStatus,
    /// Where the borrower authorises the mandate.
    pub payment_url: Option<String>,
    /// The schedule behind a repayment plan, for `extensibleData.schedule`.
    pub schedule: Option<crate::domain::maths::schedule::Schedule>,
}

/// An account as told to the LSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountContent {
    /// The account; `None` when an unknown id was named.
    pub account: Option<Account>,
    /// The id that was named.
    pub id: String,
    /// Verified, and the payout account.
    pub active: bool,
}

/// `grantLoanResponse.loanStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GrantStatus {
    /// A loan exists.
    Granted,
    /// A loan was granted before, and is a non-performing asset or written off.
    Defaulted,
    /// A loan was granted before, and is over.
    Completed,
    /// Declined.
    Rejected,
    /// Steps are missing.
    ActionRequired,
}

/// `grantLoanResponse` (C6: terms and plans always, even when refused).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrantContent {
    /// The LSP's application id.
    pub loan_application_id: String,
    /// The loan, when granted.
    pub loan_id: Option<LoanId>,
    /// Result.
    pub status: GrantStatus,
    /// What was asked; the terms to show when there is no deal.
    pub requested: Paise,
    /// Tenure that was asked.
    pub tenure: Option<Tenure>,
    /// Chosen offer and set-up; `None` before an offer exists.
    pub deal: Option<Deal>,
    /// Page of the agreement, where prepared.
    pub agreement_url: Option<String>,
    /// Why it was declined.
    pub rejections: Vec<Rejection>,
    /// What is missing.
    pub actions: Vec<Action>,
}

/// A payout as told to the LSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisbursementContent {
    /// The loan.
    pub loan_id: LoanId,
    /// The payment, ours or an echo of the id.
    pub payment_id: PaymentId,
    /// Status; absent when nothing was started and nothing is final (`ocen-v3.md` §3.3).
    pub status: Option<PayoutStatus>,
    /// Which tranche, counted from 1.
    pub tranche: Option<u32>,
    /// The gross tranche.
    pub gross: Option<Paise>,
    /// Amount transferred.
    pub net: Option<Paise>,
    /// Fee kept.
    pub fee: Option<Paise>,
    /// The bank's unique transaction reference.
    pub utr: Option<String>,
    /// When the status was reached.
    pub at: Option<DateTime<Utc>>,
    /// The bank's value date, when paid.
    pub value_date: Option<NaiveDate>,
    /// Terms that the borrower must accept before money goes.
    #[serde(default)]
    pub restated: Option<Restated>,
    /// Why it failed, in the bank's words.
    #[serde(default)]
    pub failure: Option<String>,
}

/// A key facts statement that was issued anew for a later payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restated {
    /// Proposal number.
    pub number: String,
    /// Where the borrower reads it.
    pub url: String,
    /// SHA-256 of its text, hex.
    pub hash: String,
    /// The lender is bound until this instant.
    pub valid_till: DateTime<Utc>,
    /// Annual percentage rate.
    pub apr: Decimal,
    /// Each instalment.
    pub instalment: Paise,
    /// Amount to be transferred.
    pub net_disbursed: Paise,
}

/// `payment.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PayoutStatus {
    /// Paid.
    Success,
    /// Finally refused by the bank.
    Failure,
    /// Under way.
    PendingAuth,
}

//! What an LSP can ask of us, free of any wire spelling.

use chrono::NaiveDate;

use super::facets::{Account, AccountTarget, ConsentPurpose};
use super::form::Form;
use crate::domain::ids::{AccountId, DisputeId, LoanId, OfferId, PaymentId, PlanId};
use crate::domain::loan::account::Purpose;
use crate::domain::maths::money::Paise;

/// One request, decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `createLoanApplicationsRequest`: at least one, ids distinct.
    CreateApplications(Vec<NewApplication>),
    /// `consentHandleRequest`.
    RequestConsent(RequestConsent),
    /// `consentStatusRequest`.
    ConsentStatus(ConsentKey),
    /// `generateOffersRequest`, by the LSP's application ids.
    GenerateOffers(Vec<String>),
    /// `setOfferRequest`.
    SetOffer {
        /// The LSP's application id.
        loan_application_id: String,
        /// The chosen offer; nothing else that the LSP sends about it counts (C14).
        offer: OfferId,
    },
    /// `triggerLoanAcceptanceRequest`.
    TriggerAcceptance {
        /// The LSP's application ids; one OTP for all of them.
        loan_application_ids: Vec<String>,
        /// Android SMS auto-read hash, to be put into the SMS.
        app_token: Option<String>,
    },
    /// `verifyLoanAcceptanceRequest`.
    VerifyAcceptance {
        /// The session that the OTP was sent in.
        session_key: String,
        /// Digits as typed, padded to the issued length by the decoder.
        otp: String,
    },
    /// `getDisbursementPlansRequest`.
    DisbursementPlans(Subject),
    /// `setDisbursementPlanRequest`.
    SetDisbursementPlan(Subject, PlanId),
    /// `getDisbursementAccountsRequest`.
    DisbursementAccounts(Subject),
    /// `setDisbursementAccountRequest`.
    SetDisbursementAccount(Subject, ChosenAccount),
    /// `getRepaymentPlansRequest`.
    RepaymentPlans(Subject),
    /// `setRepaymentPlanRequest`.
    SetRepaymentPlan(Subject, PlanId),
    /// `setRepaymentPlanStatusRequest`; the plan id is the only key.
    RepaymentPlanStatus(PlanId),
    /// `grantLoanRequest`.
    Grant {
        /// The LSP's application id.
        loan_application_id: String,
    },
    /// `triggerDisbursementRequest`.
    TriggerDisbursement {
        /// The loan to be paid out.
        loan_id: LoanId,
        /// Which tranche and how much.
        payment: PaymentOrder,
    },
    /// `triggerDisbursementStatusRequest`, by payment, by loan, or both.
    DisbursementStatus {
        /// The loan, where given.
        loan_id: Option<LoanId>,
        /// The payment, where given; at least one of the two is.
        payment_id: Option<PaymentId>,
    },
    /// `triggerRepaymentRequest`.
    TriggerRepayment {
        /// The loan to be paid.
        loan_id: LoanId,
        /// What and how much.
        order: RepaymentOrder,
    },
    /// `triggerRepaymentStatusRequest`, by payment, by loan, or both.
    RepaymentStatus {
        /// The loan, where given.
        loan_id: Option<LoanId>,
        /// The payment, where given; at least one of the two is.
        payment_id: Option<PaymentId>,
    },
    /// `confirmRepayment` posted by an LSP: a hint that it has seen, or expects, a payment; nothing moves because of it.
    RepaymentHint {
        /// The loan, where given.
        loan_id: Option<LoanId>,
        /// The payment, where given; at least one of the two is.
        payment_id: Option<PaymentId>,
    },
    /// `LoanSummaryRequest`.
    LoanSummary(LoanId),
    /// `getLoanRequest`.
    GetLoan(LoanId),
    /// `loanStatementRequest`; without dates the whole statement.
    LoanStatement {
        /// The loan.
        loan_id: LoanId,
        /// First day.
        from: Option<NaiveDate>,
        /// Last day.
        to: Option<NaiveDate>,
    },
    /// `listLoansRequest`.
    ListLoans(LoanFilter),
    /// `raiseDisputeRequest`; with the id of a dispute the borrower says more about it.
    RaiseDispute {
        /// The loan.
        loan_id: LoanId,
        /// A dispute that was raised before.
        dispute: Option<DisputeId>,
        /// What the borrower says.
        description: String,
    },
    /// `disputeStatusRequest`.
    DisputeStatus(DisputeId),
    /// Heartbeat, lookup codes and error codes: nothing of ours changes.
    Meta(Meta),
}

impl Command {
    /// Whether it takes an application towards a loan, as nothing does that is asked or told about a loan that exists or
    /// about its consents.
    #[must_use]
    pub fn leads_to_a_loan(&self) -> bool {
        match self {
            Self::CreateApplications(_)
            | Self::GenerateOffers(_)
            | Self::SetOffer { .. }
            | Self::TriggerAcceptance { .. }
            | Self::VerifyAcceptance { .. }
            | Self::Grant { .. } => true,
            Self::RequestConsent(_)
            | Self::ConsentStatus(_)
            | Self::DisbursementPlans(_)
            | Self::SetDisbursementPlan(..)
            | Self::DisbursementAccounts(_)
            | Self::SetDisbursementAccount(..)
            | Self::RepaymentPlans(_)
            | Self::SetRepaymentPlan(..)
            | Self::RepaymentPlanStatus(_)
            | Self::TriggerDisbursement { .. }
            | Self::DisbursementStatus { .. }
            | Self::TriggerRepayment { .. }
            | Self::RepaymentStatus { .. }
            | Self::RepaymentHint { .. }
            | Self::LoanSummary(_)
            | Self::GetLoan(_)
            | Self::LoanStatement { .. }
            | Self::ListLoans(_)
            | Self::RaiseDispute { .. }
            | Self::DisputeStatus(_)
            | Self::Meta(_) => false,
        }
    }
}

/// One item of `createLoanApplicationsRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApplication {
    /// Made by the LSP, unique per LSP.
    pub loan_application_id: String,
    /// The filled form.
    pub form: Form,
}

/// `consentHandleRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestConsent {
    /// The LSP's application ids; one handle for all of them.
    pub loan_application_ids: Vec<String>,
    /// From `consentFetchType`; `None` when the LSP leaves it to the stage (`ocen-v3.md` §6.3).
    pub purpose: Option<ConsentPurpose>,
    /// The borrower's address at the account aggregator; absent when the LSP relies on one that it gave before.
    pub vua: Option<String>,
    /// Made by the LSP, the same for all lenders.
    pub aggregation_id: Option<String>,
    /// `isAggregationEnabled`, where said: whether the borrower consents for several lenders at once.
    pub aggregated: Option<bool>,
    /// `lspInfo`: by what the account aggregator recognises the LSP.
    pub lsp: Option<LspInfo>,
}

/// `lspinfo` (`ocen-v3.md` §2.3), as the LSP told it.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct LspInfo {
    /// By which the account aggregator knows the LSP.
    pub lsp_id: Option<String>,
    /// Version of the LSP's software.
    pub version: Option<String>,
    /// Package name of the LSP's app.
    pub app_name: Option<String>,
    /// The LSP's page.
    pub url: Option<String>,
}

/// How a consent is named in a status request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsentKey {
    /// By the account aggregator's handle.
    Handle(String),
    /// By the LSP's aggregation id.
    AggregationId(String),
}

/// How a request names an application or its loan (C7): either id, or an application id put into `loanId`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `loanId` as sent; may in truth be an application id.
    pub loan_id: Option<String>,
    /// `loanApplicationId` as sent. At least one of the two is present; together they must agree.
    pub loan_application_id: Option<String>,
}

/// The account in `setDisbursementAccountRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChosenAccount {
    /// One that we know already.
    Known(AccountId),
    /// A full new one.
    New(NewAccount),
}

/// An account as the LSP tells it in full. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The LSP's own id, where it gives one.
    pub id: Option<AccountId>,
    /// Bank account or UPI address.
    pub target: AccountTarget,
    /// Holder, where told.
    pub holder: Option<String>,
    /// As in [`Account::kind`].
    pub kind: Option<String>,
}

impl NewAccount {
    /// The account under an id: the LSP's own, else this one.
    #[must_use]
    pub fn or_under(&self, id: impl FnOnce() -> AccountId) -> Account {
        let Self { target, holder, kind, .. } = self.clone();
        Account { id: self.id.clone().unwrap_or_else(id), target, holder, kind }
    }
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The payment in `triggerDisbursementRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// Made by the LSP, unique per loan.
    pub id: PaymentId,
    /// Which tranche, counted from 1; `None` means the next one.
    pub tranche: Option<u32>,
    /// The gross tranche (design §8); `None` means all of it.
    pub amount: Option<Paise>,
}

/// The payment in `triggerRepaymentRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepaymentOrder {
    /// The LSP's own id of it, unique per loan: the same id is the same order, however often it comes.
    pub id: Option<PaymentId>,
    /// What for (design §8).
    pub purpose: Purpose,
    /// How much; `None` means all that the purpose asks for. A prepayment has it always.
    pub amount: Option<Paise>,
    /// Which instalment; `None` means what is due, or the next one.
    pub instalment: Option<u32>,
    /// The quote that a pay-off is to stand on; `None` means today's.
    pub quote: Option<String>,
    /// `paymentMethodType`, as sent.
    pub method: Option<String>,
}

/// Which loans `listLoansRequest` means: those that this LSP brought, of one borrower.
#[derive(Clone, PartialEq, Eq)]
pub struct LoanFilter {
    /// The borrower's identifier.
    pub primary_id: String,
    /// `PAN`, `MOBILE`, `AADHAAR` or what the LSP sent; absent means any.
    pub primary_id_type: Option<String>,
    /// Only loans against this collateral: its id.
    pub collateral: Option<String>,
    /// Only loans granted on this day or later.
    pub from: Option<NaiveDate>,
    /// Only loans granted on this day or earlier.
    pub to: Option<NaiveDate>,
}

impl std::fmt::Debug for LoanFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoanFilter(***)")
    }
}

/// Requests that touch no application.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "meta", content = "asked", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Meta {
    /// `heartbeatRequest`.
    Heartbeat,
    /// `getLookupCodesRequest` with its `lookupType`.
    LookupCodes(String),
    /// `getErrorCodesRequest` with its `errorCode`; blank or `*` asks for all.
    ErrorCodes(String),
}

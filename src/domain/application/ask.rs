//! Questions to the lender's own systems, what they found, and timers: everything that comes back later.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::command::LspInfo;
use super::facets::{Account, AgreementText, ConsentPurpose, Generation};
use super::notice::Notice;
use super::referral::ReferralReason;
use super::stage::{Action, Rejection};
use crate::domain::ids::{ApplicationId, ExchangeId, LoanId, PaymentId, PlanId};
use crate::domain::maths::money::Paise;

/// A question that a decision wants answered. Everything that must not change meanwhile is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ask {
    /// Port `decision`, `eligibility`: the preliminary check (rows 5 to 7).
    Eligibility,
    /// Port `data`, `fetch`: the borrower's data under the consent.
    FetchData {
        /// The consent artefact, when the product needs one.
        consent_id: Option<String>,
    },
    /// Port `decision`, `offers` (rows 24 to 26).
    Offers,
    /// Port `data`, `consent-create`.
    ConsentCreate {
        /// Which consent.
        purpose: ConsentPurpose,
        /// The borrower's address at the account aggregator.
        vua: String,
        /// Made by the LSP.
        aggregation_id: Option<String>,
        /// Whether the borrower consents for several lenders at once, where the LSP says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aggregated: Option<bool>,
        /// By what the account aggregator recognises the LSP.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lsp: Option<LspInfo>,
    },
    /// Port `data`, `consent-status`.
    ConsentStatus {
        /// Which consent.
        purpose: ConsentPurpose,
        /// The account aggregator's handle.
        handle: String,
    },
    /// Port `data`, `consent-revoke`: what the consent was for has ended.
    ConsentRevoke {
        /// Which consent.
        purpose: ConsentPurpose,
        /// The account aggregator's handle.
        handle: String,
    },
    /// Port `kyc`, `start`; then `status` while it is pending.
    Kyc,
    /// Port `agreement`, `prepare`.
    PrepareAgreement {
        /// Handed on to the OTP that follows.
        app_token: Option<String>,
    },
    /// Port `agreement`, `send-otp`.
    SendOtp {
        /// The session that the OTP belongs to.
        session_key: String,
        /// Hashes of the key facts statement and the agreement of each target, in their order: what the OTP is bound to.
        document_hashes: Vec<String>,
        /// Android SMS auto-read hash.
        app_token: Option<String>,
    },
    /// Port `disbursement`, `verify-account`.
    VerifyAccount {
        /// The account in question.
        account: Account,
    },
    /// Port `collections`, `register-mandate`.
    RegisterMandate {
        /// The chosen plan.
        plan: PlanId,
    },
    /// Port `collections`, `status` of a mandate.
    MandateStatus {
        /// The chosen plan.
        plan: PlanId,
        /// The collection system's reference.
        reference: String,
        /// The borrower had authorised it: is it still valid? Then nobody waits for the borrower, and silence is an
        /// answer.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// Port `collections`, `cancel`: compensation for a mandate that is not wanted any more.
    CancelMandate {
        /// The plan it was for.
        plan: PlanId,
        /// The collection system's reference.
        reference: String,
    },
    /// Port `decision`, `final-check` (rows 55 to 57).
    FinalCheck,
    /// Port `disbursement`, `pay`; after it may have left, only `status`.
    Pay(PayOrder),
    /// Port `disbursement`, `pay` of money held for the borrower back to the payout account.
    Refund(RefundOrder),
    /// Port `collections`, `payment-link`: a page on which the borrower pays.
    PaymentLink(Collection),
    /// Port `collections`, `status` of a payment page.
    LinkStatus {
        /// What is collected.
        collection: Collection,
        /// The collection system's reference.
        reference: String,
    },
    /// Port `collections`, `cancel` of a payment page: it takes no money from then on, or it took some before.
    CancelLink {
        /// What is collected.
        collection: Collection,
        /// The collection system's reference.
        reference: String,
    },
    /// Port `collections`, `notify`: a debit by mandate is coming.
    AnnounceDebit(ComingDebit),
    /// Port `collections`, `present`: a debit by mandate; after it may have left, only `status`.
    Present(Collection),
    /// Port `notifier`, `send`: a message to the borrower.
    Notify(Notice),
}

/// A money call, complete: account and amount as they were when the tranche was reserved (design §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayOrder {
    /// The loan.
    pub loan_id: LoanId,
    /// The LSP's payment id.
    pub payment_id: PaymentId,
    /// Which tranche, counted from 1.
    pub tranche: u32,
    /// Counts final failures of this tranche, from 1.
    pub attempt: u32,
    /// Same key, same payment: made from org, loan, tranche and attempt.
    pub bank_key: String,
    /// Amount to transfer.
    pub net: Paise,
    /// Where to.
    pub account: Account,
}

/// A debit that the borrower is told of, for rails that must be told too (E-Mandate Framework 2026).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComingDebit {
    /// The loan.
    pub loan_id: LoanId,
    /// Number of the instalment, counted from 1.
    pub instalment: u32,
    /// When it is due.
    pub due_on: NaiveDate,
    /// What will be debited, or less where a part is paid before.
    pub amount: Paise,
    /// The mandate that will be debited.
    pub mandate: String,
}

/// Money to be collected from a borrower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// The loan.
    pub loan_id: LoanId,
    /// Made by the lender.
    pub payment_id: PaymentId,
    /// Same key, same debit: made from org, loan, payment and attempt.
    pub key: String,
    /// How much.
    pub amount: Paise,
    /// The instalment that it is for, where it is for one.
    pub instalment: Option<u32>,
    /// `paymentMethodType` as asked for.
    pub method: Option<String>,
    /// The mandate's reference, for a debit.
    pub mandate: Option<String>,
    /// Until when a page takes money.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Money to be paid back to a borrower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundOrder {
    /// The loan.
    pub loan_id: LoanId,
    /// Made by the lender; unique per loan.
    pub reference: String,
    /// Same key, same payment.
    pub bank_key: String,
    /// How much.
    pub amount: Paise,
    /// Where to.
    pub account: Account,
}

impl Ask {
    /// The port it goes to (design §7).
    #[must_use]
    pub fn port(&self) -> &'static str {
        match self {
            Self::Eligibility | Self::Offers | Self::FinalCheck => "decision",
            Self::FetchData { .. }
            | Self::ConsentCreate { .. }
            | Self::ConsentStatus { .. }
            | Self::ConsentRevoke { .. } => "data",
            Self::Kyc => "kyc",
            Self::PrepareAgreement { .. } | Self::SendOtp { .. } => "agreement",
            Self::VerifyAccount { .. } | Self::Pay(_) | Self::Refund(_) => "disbursement",
            Self::RegisterMandate { .. }
            | Self::MandateStatus { .. }
            | Self::CancelMandate { .. }
            | Self::PaymentLink(_)
            | Self::LinkStatus { .. }
            | Self::CancelLink { .. }
            | Self::AnnounceDebit(_)
            | Self::Present(_) => "collections",
            Self::Notify(_) => "notifier",
        }
    }

    /// The method of the port (design §7).
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Eligibility => "eligibility",
            Self::FetchData { .. } => "fetch",
            Self::Offers => "offers",
            Self::ConsentCreate { .. } => "consent-create",
            Self::ConsentStatus { .. } => "consent-status",
            Self::ConsentRevoke { .. } => "consent-revoke",
            Self::Kyc => "start",
            Self::PrepareAgreement { .. } => "prepare",
            Self::SendOtp { .. } => "send-otp",
            Self::VerifyAccount { .. } => "verify-account",
            Self::RegisterMandate { .. } => "register-mandate",
            Self::MandateStatus { .. } | Self::LinkStatus { .. } => "status",
            Self::CancelMandate { .. } | Self::CancelLink { .. } => "cancel",
            Self::PaymentLink(_) => "payment-link",
            Self::AnnounceDebit(_) => "notify",
            Self::Present(_) => "present",
            Self::FinalCheck => "final-check",
            Self::Pay(_) | Self::Refund(_) => "pay",
            Self::Notify(_) => "send",
        }
    }

    /// Whether a blind repeat could move money twice.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        matches!(self, Self::Pay(_) | Self::Refund(_) | Self::Present(_))
    }

    /// Whether its outcome is about a running loan.
    #[must_use]
    pub fn is_about_a_loan(&self) -> bool {
        matches!(
            self,
            Self::Pay(_)
                | Self::Refund(_)
                | Self::PaymentLink(_)
                | Self::LinkStatus { .. }
                | Self::CancelLink { .. }
                | Self::Present(_)
                | Self::Notify(_)
        )
    }

    /// The collection whose money its outcome may tell of.
    #[must_use]
    pub fn collects(&self) -> Option<&Collection> {
        match self {
            Self::LinkStatus { collection, .. } | Self::CancelLink { collection, .. } => Some(collection),
            Self::Present(collection) => Some(collection),
            _ => None,
        }
    }

    /// The key under which the bank knows a money call.
    #[must_use]
    pub fn money_key(&self) -> Option<&str> {
        match self {
            Self::Pay(order) => Some(&order.bank_key),
            Self::Refund(order) => Some(&order.bank_key),
            Self::Present(collection) => Some(&collection.key),
            _ => None,
        }
    }
}

/// How a port call ended (design §7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// Answered.
    Done {
        /// What was found.
        finding: Finding,
    },
    /// Accepted; ask again later.
    Pending {
        /// The other system's reference.
        reference: String,
        /// Not before this instant; the engine bounds it.
        poll_after: DateTime<Utc>,
        /// Where the borrower can act, if anywhere.
        url: Option<String>,
    },
    /// Finally refused.
    Refused {
        /// The other system's code.
        code: String,
        /// Words.
        detail: String,
    },
    /// It may or may not have happened.
    Unknown {
        /// The other system's reference, where it gave one.
        reference: Option<String>,
    },
}

impl Outcome {
    /// Whether a person is to decide: nothing changes until then.
    #[must_use]
    pub fn is_referral(&self) -> bool {
        matches!(self, Self::Done { finding: Finding::Refer { .. } })
    }
}

/// What a lender's system found, by kind of question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "camelCase")]
pub enum Finding {
    /// Nothing to say beyond "done" (`consent-revoke`, `fetch`, `send-otp`, `cancel`).
    Acknowledged,
    /// `eligibility`, `final-check`: go on.
    Pass,
    /// `eligibility`, `offers`, `final-check`: declined.
    Decline {
        /// At least one.
        reasons: Vec<Rejection>,
    },
    /// `eligibility`, `offers`, `final-check`: the borrower must bring something.
    NeedsAction {
        /// At least one.
        actions: Vec<Action>,
    },
    /// `eligibility`, `offers`, `final-check`: a person decides; the question goes on waiting.
    Refer {
        /// At least one.
        reasons: Vec<ReferralReason>,
    },
    /// `offers`: approved; the server prices each (APR and schedule are never the decision engine's).
    Approve {
        /// Best first, at least one.
        offers: Vec<Approval>,
    },
    /// `consent-create`.
    ConsentCreated {
        /// The account aggregator's handle.
        handle: String,
    },
    /// `consent-status`: still waiting for the borrower.
    ConsentPending,
    /// `consent-status`: approved.
    ConsentReady {
        /// The consent artefact's id.
        consent_id: String,
        /// When the data life that the borrower consented to ends: what is kept of the data goes then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_life_ends: Option<DateTime<Utc>>,
    },
    /// `consent-status`: rejected, revoked or expired.
    ConsentFailed,
    /// `kyc`: verified.
    KycDone {
        /// The KYC system's reference.
        reference: String,
    },
    /// `prepare`: one text per target, in their order.
    Prepared {
        /// Hash and page of each.
        agreements: Vec<AgreementText>,
    },
    /// `verify-account`: the account exists and its holder is the borrower.
    AccountVerified {
        /// Proof: the look-up's reference.
        reference: String,
    },
    /// `register-mandate`.
    MandateRegistered {
        /// The collection system's reference.
        reference: String,
        /// Where the borrower authorises it.
        payment_url: String,
    },
    /// `status` of a mandate: the borrower authorised it.
    MandateActive,
    /// `status` of a mandate: refused or cancelled.
    MandateInactive,
    /// `payment-link`: where the borrower pays.
    LinkCreated {
        /// The collection system's reference.
        reference: String,
        /// The page.
        url: String,
    },
    /// `status` of a page, `cancel`, `present`: the borrower's money arrived.
    Collected {
        /// The bank's unique transaction reference.
        utr: String,
        /// The bank's value date.
        value_date: NaiveDate,
        /// How much arrived; absent means what was asked for.
        amount: Option<Paise>,
    },
    /// `pay`, `status`: the money moved.
    Paid {
        /// The bank's unique transaction reference.
        utr: String,
        /// The bank's value date.
        value_date: NaiveDate,
    },
    /// `send`: the message left.
    Notified {
        /// The messaging system's id, proof of the dispatch.
        message_id: String,
    },
}

/// One approved variant; `None` leaves the product's own value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Amount sanctioned.
    pub amount: Paise,
    /// Number of instalments, or for a bullet the days.
    #[serde(default)]
    pub installments: Option<u32>,
    /// Contract rate, percent per annum.
    #[serde(default)]
    pub annual_rate: Option<crate::domain::maths::rate::AnnualRate>,
    /// Days the offer stays valid; never less than its key facts statement must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
}

/// The bank's word that a key never arrived and is dead: nothing moved and nothing can move under it any more.
pub const NEVER_RECEIVED: &str = "NEVER_RECEIVED";
/// Codes by which a collection system says that a debit found no valid mandate: nothing was dishonoured.
const WITHOUT_MANDATE: [&str; 2] = ["MANDATE_CANCELLED", "NO_MANDATE"];

/// Whether a refused debit found no valid mandate; else it was presented under one, and bounced.
#[must_use]
pub fn lacks_mandate(code: &str) -> bool {
    WITHOUT_MANDATE.contains(&code)
}

/// Seconds before an order is sent under a second, third, fourth and fifth key; then it counts as failed. A system that
/// loses one order after the other, or only says so, is not flooded with them.
const UNRECEIVED_PAUSES: [i64; 4] = [0, 10, 60, 300];

/// How long an order waits that never arrived under the keys of so many tries; `None` when there is no further try.
#[must_use]
pub fn unreceived(tries: u32) -> Option<TimeDelta> {
    let place = usize::try_from(tries.checked_sub(1)?).ok()?;
    UNRECEIVED_PAUSES.get(place).map(|seconds| TimeDelta::seconds(*seconds))
}

/// An ask to be stored by the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAsk {
    /// The question.
    pub ask: Ask,
    /// The applications it is about, with the generation that makes a later outcome current.
    pub targets: Vec<(ApplicationId, Generation)>,
    /// The exchange that waits for its outcome, if one does.
    pub exchange: Option<ExchangeId>,
    /// Not before this instant; `None` means at once.
    pub not_before: Option<DateTime<Utc>>,
}

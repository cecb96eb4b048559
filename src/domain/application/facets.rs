//! The parts of an application that move beside its stage (design §2, "facet").

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::copies::Copies;
use super::form::Tenure;
use crate::domain::ids::{AccountId, OfferId, PlanId};
use crate::domain::kfs::IssuedKfs;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rate::AnnualRate;
use crate::domain::maths::schedule::{Frequency, Schedule, ScheduleTerms};
use crate::domain::servicing::{FeeLine, Servicing};

/// Counts the asks of one application; an outcome that carries an older number is stale (design §5, "Generation").
pub type Generation = u32;

/// Which of the two consents a message is about (`ocen-v3.md` §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConsentPurpose {
    /// Account-aggregator data for underwriting, once (region U).
    Data,
    /// Periodic data while the loan runs (region M).
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
            Self::PendingAuth { plan, .. } | Self::Active { plan, .. } | Self::Inactive { plan } => Some(plan),
        }
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
    /// The account number or address with all but the last four characters hidden.
    #[must_use]
    pub fn masked(&self) -> String {
        let text = match &self.target {
            AccountTarget::Account { number, .. } => number,
            AccountTarget::Vpa { vpa } => vpa,
        };
        let shown: String = text.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        format!("{}{shown}", "X".repeat(text.chars().count().saturating_sub(4)))
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
    },
    /// Verified.
    Active {
        /// The payout account.
        account: Account,
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
            Self::Active { account } => Some(account),
        }
    }
}

/// How money moves in a plan (`paymentplan`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Ours, globally unique.
    pub id: PlanId,
    /// Collected by mandate without the borrower's doing.
    pub automatic: bool,
    /// `None` for a single payment.
    pub frequency: Option<Frequency>,
    /// Number of payments.
    pub installments: u32,
    /// Length, where the plan has one.
    pub tenure: Option<Tenure>,
    /// Sum of all payments.
    pub total: Paise,
    /// Part of the sum that is principal; absent for a disbursement plan.
    pub principal: Option<Paise>,
    /// Part of the sum that is interest; absent for a disbursement plan.
    pub interest: Option<Paise>,
    /// First payment, as far as known.
    pub start_date: Option<NaiveDate>,
}

/// Charges told with an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charges {
    /// One-time processing fee with tax, kept from the payout.
    pub processing: Paise,
    /// Fixed, for each bounced instalment.
    pub bounce: Paise,
    /// Percent per annum on the amount in default.
    pub late_payment_percent: Decimal,
}

/// A priced offer; frozen when accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Ours, globally unique.
    pub id: OfferId,
    /// The product it was priced from.
    pub product: String,
    /// Good until this instant, inclusive.
    pub valid_till: DateTime<Utc>,
    /// What was asked.
    pub requested: Paise,
    /// What is offered.
    pub sanctioned: Paise,
    /// Contract rate, percent per annum.
    pub annual_rate: AnnualRate,
    /// Sum of interest over the schedule.
    pub interest: Paise,
    /// Sum of all instalments.
    pub total: Paise,
    /// Each instalment (the last may differ by rounding).
    pub instalment: Paise,
    /// Length.
    pub tenure: Tenure,
    /// Charges.
    pub charges: Charges,
    /// Everything that is kept from the payout, the processing fee among it.
    pub fees: Vec<FeeLine>,
    /// Rules of the loan's life.
    pub servicing: Servicing,
    /// Goods and services tax on fees, percent.
    pub gst_percent: Decimal,
    /// Sanctioned less charges kept.
    pub net_disbursed: Paise,
    /// Annual percentage rate, two decimals (`lending.md` §2.4).
    pub apr: Decimal,
    /// Exit without penalty within so many days.
    pub cooling_off_days: u32,
    /// What the schedule was computed from.
    pub terms: ScheduleTerms,
    /// The repayment schedule for a payout on the day of the offer.
    pub schedule: Schedule,
    /// To choose from at `setDisbursementPlan`.
    pub disbursement_plans: Vec<Plan>,
    /// To choose from at `setRepaymentPlan`.
    pub repayment_plans: Vec<Plan>,
    /// Its key facts statement as sent; stands in [`Deal::kfs`] once the offer is accepted.
    #[serde(default)]
    pub kfs: Option<IssuedKfs>,
}

impl Offer {
    /// Whether it tells what every offer must: APR, instalment, penal terms and a link to its key facts statement
    /// (RBI digital lending, DL 6).
    #[must_use]
    pub fn shows_its_cost(&self) -> bool {
        let told = !self.apr.is_sign_negative() && !self.charges.late_payment_percent.is_sign_negative();
        told && self.instalment.is_positive() && self.kfs.as_ref().is_some_and(|kfs| !kfs.url.is_empty())
    }
}

/// What the borrower has chosen and set up since accepting an offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deal {
    /// The accepted offer, frozen.
    pub offer: Offer,
    /// Its key facts statement, frozen: what the agreement and the OTP stand on.
    #[serde(default)]
    pub kfs: Option<IssuedKfs>,
    /// The other offers, which may still be taken until the agreement is signed (row 36).
    pub others: Vec<Offer>,
    /// Identity verification.
    pub kyc: Kyc,
    /// The agreement.
    pub agreement: Agreement,
    /// Which sending of an OTP is the current one.
    pub otp_generation: Generation,
    /// The chosen disbursement plan.
    pub disbursement_plan: Option<PlanId>,
    /// The payout account.
    pub account: AccountSetup,
    /// The repayment plan and its mandate.
    pub repayment: RepaymentSetup,
    /// What became of the borrower's copies of the signed documents.
    #[serde(default)]
    pub copies: Copies,
}

impl Deal {
    /// A fresh deal on an offer; a single plan is chosen by itself (row 30).
    #[must_use]
    pub fn new(mut offer: Offer, others: Vec<Offer>, kyc: Kyc) -> Self {
        let kfs = offer.kfs.take();
        let only_plan = match offer.disbursement_plans.as_slice() {
            [plan] => Some(plan.id.clone()),
            _ => None,
        };
        Self {
            offer,
            kfs,
            others,
            kyc,
            agreement: Agreement::None,
            otp_generation: 0,
            disbursement_plan: only_plan,
            account: AccountSetup::None,
            repayment: RepaymentSetup::None,
            copies: Copies::None,
        }
    }

    /// Hashes of what the borrower signs: the key facts statement and the agreement, where each is there.
    #[must_use]
    pub fn document_hashes(&self) -> Vec<String> {
        let kfs = self.kfs.as_ref().map(|kfs| kfs.hash.clone());
        kfs.into_iter().chain(self.agreement.text().map(|text| text.hash.clone())).collect()
    }

    /// The offer with its key facts statement again, as it was before it was accepted.
    #[must_use]
    pub fn into_offer(self) -> Offer {
        Offer { kfs: self.kfs, ..self.offer }
    }
}

//! What is offered and what the borrower made of it: offers, plans, and the deal on the accepted offer.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::copies::Copies;
use super::facets::{AccountSetup, Agreement, Generation, Kyc, RepaymentSetup};
use super::form::Tenure;
use super::restate::{Replaced, Restatement};
use crate::domain::ids::{OfferId, PlanId};
use crate::domain::kfs::IssuedKfs;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rate::AnnualRate;
use crate::domain::maths::schedule::{Frequency, Schedule, ScheduleTerms};
use crate::domain::servicing::{FeeLine, Servicing};

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
    /// Worse terms for a later payout, which wait for the borrower.
    #[serde(default)]
    pub restatement: Option<Box<Restatement>>,
    /// Counts key facts statements that were issued anew for a later payout.
    #[serde(default)]
    pub restated: u32,
    /// What was signed before and replaced, oldest first.
    #[serde(default)]
    pub replaced: Vec<Replaced>,
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
            restatement: None,
            restated: 0,
            replaced: Vec::new(),
        }
    }

    /// Hashes of what the borrower signs: the key facts statement and the agreement, where each is there.
    #[must_use]
    pub fn document_hashes(&self) -> Vec<String> {
        let kfs = self.kfs_to_sign().map(|kfs| kfs.hash.clone());
        kfs.into_iter().chain(self.agreement_to_sign().text().map(|text| text.hash.clone())).collect()
    }

    /// The offer that the borrower signs or signed: the restated one while it waits.
    #[must_use]
    pub fn offer_to_sign(&self) -> &Offer {
        self.restatement.as_ref().map_or(&self.offer, |waiting| &waiting.offer)
    }

    /// The key facts statement that the borrower signs or signed.
    #[must_use]
    pub fn kfs_to_sign(&self) -> Option<&IssuedKfs> {
        self.restatement.as_ref().map(|waiting| &waiting.kfs).or(self.kfs.as_ref())
    }

    /// The agreement that the borrower signs or signed.
    #[must_use]
    pub fn agreement_to_sign(&self) -> &Agreement {
        self.restatement.as_ref().map_or(&self.agreement, |waiting| &waiting.agreement)
    }

    /// The same, to be changed.
    pub fn agreement_to_sign_mut(&mut self) -> &mut Agreement {
        self.restatement.as_mut().map_or(&mut self.agreement, |waiting| &mut waiting.agreement)
    }

    /// The offer with its key facts statement again, as it was before it was accepted.
    #[must_use]
    pub fn into_offer(self) -> Offer {
        Offer { kfs: self.kfs, ..self.offer }
    }
}

//! Loan products: what the lender sells, as data in config, and what each demands before a grant.

use chrono::{Duration, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::application::form::LoanType;
use super::maths::FirstPeriod;
use super::maths::day_count::DayCount;
use super::maths::money::Paise;
use super::maths::rate::AnnualRate;
use super::maths::rounding::Rounding;
use super::maths::schedule::{Frequency, Method};
use super::servicing::{FeeRule, Servicing};

/// One product. Its prerequisites are the guards of the state machine (`ocen-v3.md` §6.4 row 53).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a prerequisite that a product has or has not")]
pub struct Product {
    /// Stable name, stored with each offer.
    pub id: String,
    /// The OCEN loan types this product serves.
    pub loan_types: Vec<LoanType>,
    /// Smallest amount that may be asked, rupees with paise as text in config.
    #[serde(with = "crate::domain::maths::rupees")]
    pub min_amount: Paise,
    /// Largest amount that may be asked.
    #[serde(with = "crate::domain::maths::rupees")]
    pub max_amount: Paise,
    /// Fixed contract rate, percent per annum.
    pub annual_rate: AnnualRate,
    /// Equal instalments, equal principal or bullet.
    pub method: Method,
    /// Distance of instalments; ignored by a bullet.
    pub frequency: Frequency,
    /// Number of instalments offered when the LSP asks for no tenure.
    pub installments: u32,
    /// Days to the single due date of a bullet.
    #[serde(default)]
    pub bullet_days: Option<u32>,
    /// How days become a fraction of a year.
    pub day_count: DayCount,
    /// How the instalment is rounded.
    pub rounding: Rounding,
    /// One-time processing fee, percent of the sanctioned amount, kept from the payout.
    #[serde(with = "rust_decimal::serde::str")]
    pub processing_fee_percent: Decimal,
    /// Goods and services tax on fees, percent.
    #[serde(with = "rust_decimal::serde::str")]
    pub gst_percent: Decimal,
    /// Fixed charge for a bounced instalment; told on the offer, charged only when it happens.
    #[serde(with = "crate::domain::maths::rupees")]
    pub bounce_charge: Paise,
    /// Penal charge for late payment, percent per annum on the amount in default.
    #[serde(with = "rust_decimal::serde::str")]
    pub late_payment_percent: Decimal,
    /// Days in which the borrower may leave without penalty (RBI digital lending, at least one).
    pub cooling_off_days: u32,
    /// Days an offer stays valid.
    pub offer_validity_days: u32,
    /// Whether account-aggregator data must be ready before offers.
    pub needs_data_consent: bool,
    /// Whether monitoring consent must be ready before the grant.
    pub needs_monitoring_consent: bool,
    /// Whether the borrower's identity must be verified before the grant.
    pub needs_kyc: bool,
    /// Whether repayment is collected by mandate (`automatic`) or paid by the borrower.
    pub repay_by_mandate: bool,
    /// Hours between a change of the payout account after the signature and the first payout to it; 0 switches it off.
    #[serde(default)]
    pub payout_cool_down_hours: u32,
    /// Document types that must come with the application, e.g. `GST_PROFILE`.
    #[serde(default)]
    pub needs_documents: Vec<String>,
    /// First business date on which it is sold in this version; several versions may share an id.
    #[serde(default)]
    pub effective_from: Option<NaiveDate>,
    /// Last business date on which it is sold in this version.
    #[serde(default)]
    pub effective_to: Option<NaiveDate>,
    /// What becomes of a first period that is longer than the others.
    #[serde(default)]
    pub first_period: FirstPeriod,
    /// How its odd days count; none means as all days.
    #[serde(default)]
    pub odd_day_count: Option<DayCount>,
    /// Fees beside the processing fee, kept from the payout.
    #[serde(default)]
    pub fees: Vec<FeeRule>,
    /// Rules of the loan's life, frozen with each offer.
    #[serde(default)]
    pub servicing: Servicing,
}

impl Product {
    /// Whether this version is sold on a business date.
    #[must_use]
    pub fn is_sold_on(&self, day: NaiveDate) -> bool {
        self.effective_from.is_none_or(|from| from <= day) && self.effective_to.is_none_or(|to| day <= to)
    }
}

/// Time and count limits that the spec leaves to the lender (`ocen-v3.md` §6.6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Limits {
    /// Minutes an OTP is good for.
    pub otp_validity_minutes: i64,
    /// Wrong tries before the session dies.
    pub otp_max_tries: u32,
    /// Sends allowed per application within the window.
    pub otp_max_sends: usize,
    /// Minutes of that window.
    pub otp_send_window_minutes: i64,
    /// Seconds between two sends to one application; 0 switches it off.
    pub otp_send_gap_seconds: i64,
    /// Days after which an untouched application expires.
    pub idle_days: i64,
    /// Days after an offer lapsed in which new offers may be asked.
    pub reoffer_days: i64,
    /// Seconds until a pending offer gets its interim `PROCESSING` answer.
    pub interim_answer_seconds: i64,
    /// Hours the borrower has to authorise a mandate.
    pub mandate_link_hours: i64,
    /// Hours the borrower has to pay on a payment page.
    pub payment_link_hours: i64,
    /// Minutes for which a person who claimed a decision keeps others off it.
    pub decision_claim_minutes: i64,
    /// Most that one borrower may owe or hold reserved over all loans; none means no cap.
    #[serde(with = "crate::domain::maths::rupees::option")]
    pub max_borrower_exposure: Option<Paise>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            otp_validity_minutes: 5,
            otp_max_tries: 3,
            otp_max_sends: 4,
            otp_send_window_minutes: 15,
            otp_send_gap_seconds: 30,
            idle_days: 30,
            reoffer_days: 30,
            interim_answer_seconds: 60,
            mandate_link_hours: 24,
            payment_link_hours: 24,
            decision_claim_minutes: 30,
            max_borrower_exposure: None,
        }
    }
}

impl Limits {
    /// How long an OTP session lives.
    #[must_use]
    pub fn otp_validity(&self) -> Duration {
        Duration::minutes(self.otp_validity_minutes)
    }
}

/// All products of the lender, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Catalogue(pub Vec<Product>);

impl Catalogue {
    /// The first product that serves a loan type on a business date.
    #[must_use]
    pub fn for_type(&self, loan_type: LoanType, on: NaiveDate) -> Option<&Product> {
        self.0.iter().find(|p| p.loan_types.contains(&loan_type) && p.is_sold_on(on))
    }

    /// A product by its name, in the version of a business date.
    #[must_use]
    pub fn get(&self, id: &str, on: NaiveDate) -> Option<&Product> {
        self.0.iter().find(|p| p.id == id && p.is_sold_on(on))
    }
}

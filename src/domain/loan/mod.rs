//! The machine of one loan, from the grant on (`ocen-v3.md` §6.5).

pub mod account;
pub mod checks;
pub mod content;
mod contradiction;
pub mod details;
pub mod disbursement;
pub mod dispute;
mod erase;
pub mod held;
pub mod life;
pub mod operator;
pub mod quote;
pub mod refund;
pub mod repayment;
mod resolution;
#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use self::account::Account;
use self::repayment::Payment;
use super::application::Application;
use super::application::facets::{Account as BankAccount, Deal, Offer};
use super::ids::{ApplicationId, ExchangeId, LoanId, OrgId, PaymentId};
use super::maths::money::Paise;

/// One granted loan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loan {
    /// Made by the lender, told to the LSP at grant.
    pub id: LoanId,
    /// The application it was granted on.
    pub application: ApplicationId,
    /// The LSP that brought it.
    pub org_id: OrgId,
    /// When.
    pub granted_at: DateTime<Utc>,
    /// The accepted terms, frozen.
    pub offer: Offer,
    /// What is to be paid out, in order.
    pub tranches: Vec<Tranche>,
    /// Every try to pay a tranche.
    pub payouts: Vec<Payout>,
    /// What is owed; none while nothing is paid out.
    #[serde(default)]
    pub account: Option<Account>,
    /// Payments by the borrower that are under way; ended ones are rows of their own.
    #[serde(default)]
    pub payments: Vec<Payment>,
    /// How many payments there were: the last one's number.
    #[serde(default)]
    pub payment_count: u32,
    /// The last instalment whose debit was announced to the borrower, and when.
    #[serde(default)]
    pub announced: Option<(u32, DateTime<Utc>)>,
    /// What the borrower was told then: no more than that is debited.
    #[serde(default)]
    pub announced_amount: Option<Paise>,
    /// The last instalment whose mandate was presented; each is presented once.
    #[serde(default)]
    pub presented: u32,
    /// The borrower did not want it before it was paid out.
    #[serde(default)]
    pub withdrawn_on: Option<NaiveDate>,
}

/// One part of the sanctioned amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tranche {
    /// Counted from 1.
    pub number: u32,
    /// Principal that the borrower owes for it.
    pub gross: Paise,
    /// Fee kept.
    pub fee: Paise,
}

impl Tranche {
    /// Amount to transfer.
    #[must_use]
    pub fn net(&self) -> Paise {
        self.gross.saturating_sub(self.fee)
    }
}

/// One try to pay a tranche; account and amount are as they were when it was reserved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payout {
    /// The LSP's payment id.
    pub payment_id: PaymentId,
    /// Which tranche.
    pub tranche: u32,
    /// Counts tries of this tranche, from 1.
    pub attempt: u32,
    /// Same key, same payment at the bank, for ever.
    pub bank_key: String,
    /// Where to.
    pub account: BankAccount,
    /// The request that triggered it.
    pub exchange: ExchangeId,
    /// What became of it.
    pub state: PayoutState,
    /// When it got there.
    pub at: DateTime<Utc>,
    /// The bank's reference of one that was paid and came back. None where it came back before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_utr: Option<String>,
    /// What the bank told of it after it had ended, which nobody has booked by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<ToldLate>,
}

/// Money of which the bank tells too late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldLate {
    /// The bank's unique transaction reference.
    pub utr: String,
    /// The bank's value date.
    pub value_date: NaiveDate,
}

/// What became of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PayoutState {
    /// The tranche is taken; the bank has not answered finally.
    Open,
    /// Paid.
    Paid {
        /// The bank's unique transaction reference.
        utr: String,
        /// The bank's value date.
        value_date: NaiveDate,
    },
    /// Finally refused by the bank; the tranche is free again.
    Failed {
        /// The bank's code.
        code: String,
        /// The bank's words.
        detail: String,
    },
}

impl Payout {
    /// The bank's code and words, once it has failed.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str)> {
        match &self.state {
            PayoutState::Failed { code, detail } => Some((code, detail)),
            PayoutState::Open | PayoutState::Paid { .. } => None,
        }
    }

    /// Whether its tranche is free again.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.state, PayoutState::Failed { .. })
    }

    /// The bank's unique transaction reference, once it has left; a return does not take it back.
    #[must_use]
    pub fn utr(&self) -> Option<&str> {
        match &self.state {
            PayoutState::Paid { utr, .. } => Some(utr),
            PayoutState::Open | PayoutState::Failed { .. } => self.returned_utr.as_deref(),
        }
    }

    /// Whether the money got there.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.state, PayoutState::Paid { .. })
    }
}

/// What is kept from the payout.
fn kept(offer: &Offer) -> Paise {
    offer.sanctioned.saturating_sub(offer.net_disbursed)
}

impl Loan {
    /// A fresh loan on an accepted offer, nothing paid out yet.
    #[must_use]
    pub fn grant(id: LoanId, app: &Application, deal: &Deal, now: DateTime<Utc>) -> Self {
        let tranche = Tranche { number: 1, gross: deal.offer.sanctioned, fee: kept(&deal.offer) };
        Self {
            id,
            application: app.id,
            org_id: app.org_id.clone(),
            granted_at: now,
            offer: deal.offer.clone(),
            tranches: vec![tranche],
            payouts: Vec::new(),
            account: None,
            payments: Vec::new(),
            payment_count: 0,
            announced: None,
            announced_amount: None,
            presented: 0,
            withdrawn_on: None,
        }
    }

    /// Terms that were accepted anew are the loan's, as long as nothing is paid out.
    pub fn take_over(&mut self, deal: &Deal) {
        if self.account.is_some() || self.offer.terms == deal.offer.terms {
            return;
        }
        self.offer = deal.offer.clone();
        for tranche in &mut self.tranches {
            tranche.fee = kept(&deal.offer);
        }
    }

    /// The payout that holds a tranche, open or paid.
    #[must_use]
    pub fn holder(&self, tranche: u32) -> Option<&Payout> {
        self.payouts.iter().find(|p| p.tranche == tranche && !p.has_failed())
    }

    /// The latest try under a payment id.
    #[must_use]
    pub fn payment(&self, id: &PaymentId) -> Option<&Payout> {
        self.payouts.iter().rev().find(|p| p.payment_id == *id)
    }

    /// A tranche by its number.
    #[must_use]
    pub fn tranche(&self, number: u32) -> Option<&Tranche> {
        self.tranches.iter().find(|t| t.number == number)
    }
}

//! What happened to a loan from outside. The list of facts, with the accepted offer, decides the whole book.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::PaymentId;
use crate::domain::maths::money::Paise;
use crate::domain::servicing::{AllocationPolicy, Component};

/// Something that happened, on the day on which it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The bank's value date, or the business date of what has none.
    pub value_date: NaiveDate,
    /// What.
    pub what: What,
}

/// What a payment is for (`extensibleData.purpose`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    /// What is due, or the next instalment ahead of time.
    Instalment,
    /// Part of the principal, ahead of time.
    Prepayment,
    /// Everything.
    Foreclosure,
    /// Everything, within the cooling-off period and without penalty.
    CoolingOffExit,
}

/// Kinds of facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum What {
    /// The bank paid out.
    Disbursed {
        /// The bank key of the try.
        reference: String,
        /// Amount transferred.
        net: Paise,
    },
    /// The payout came back from the bank: the borrower never had the money.
    PayoutReturned {
        /// The bank key of the try.
        reference: String,
    },
    /// The borrower paid.
    Received {
        /// Made by the lender.
        payment: PaymentId,
        /// More than zero.
        amount: Paise,
        /// What for.
        purpose: Purpose,
        /// The order in force when it came in; later changes never split it anew.
        policy: AllocationPolicy,
        /// The bank's unique transaction reference.
        utr: Option<String>,
        /// The day of the quote that it was asked for under, where the bank's value date is a later one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quoted_on: Option<NaiveDate>,
    },
    /// A payment that had been credited came back.
    Returned {
        /// Which.
        payment: PaymentId,
    },
    /// A debit by mandate was dishonoured.
    Bounced {
        /// The payment that failed.
        payment: PaymentId,
        /// The instalment that it was for.
        instalment: u32,
    },
    /// The borrower was told that an instalment is overdue and what that costs.
    Noticed {
        /// Which instalment.
        instalment: u32,
        /// The message's id.
        message_id: String,
    },
    /// The lender let the borrower off something.
    Waived(Waived),
    /// Excess was paid back.
    Refunded {
        /// Makes it unique.
        reference: String,
        /// How much.
        amount: Paise,
    },
    /// The bank refused to pay excess back: it is held again.
    RefundFailed {
        /// Of the refund.
        reference: String,
    },
    /// The regulator or a court has penal charges rest for some days.
    Moratorium {
        /// First day. One that began on the same day is replaced.
        from: NaiveDate,
        /// Last day; none takes the one that began on that day back.
        to: Option<NaiveDate>,
    },
    /// The lender gave the rest up.
    WrittenOff {
        /// Makes it unique.
        reference: String,
    },
}

/// A waiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// Makes it unique.
    pub reference: String,
    /// What of.
    pub component: Component,
    /// How much.
    pub amount: Paise,
}

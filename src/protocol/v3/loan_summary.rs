//! `loanSummary`: what is paid and what is owed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response, TenureBlock};
use super::loan_details::{HeadBlock, LoanKey};
use super::plan::ScheduleRow;
use super::{Decoding, RequestBody};
use crate::domain::application::answer::Content;
use crate::domain::application::command::Command;
use crate::domain::loan::account::{Ending, PayOff};
use crate::domain::loan::content::{DueView, InstalmentView, SummaryContent};
use crate::domain::loan::quote::Quote;
use crate::domain::maths::money::Paise;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::malformed::Malformed;

/// How a loan can end, `extensibleData.ending`.
pub const ENDINGS: [&str; 5] = ["MATURED", "FORECLOSED", "COOLING_OFF", "WRITTEN_OFF", "WITHDRAWN"];

/// `LoanSummaryRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("required" = ["loanId"]))]
pub struct LoanSummaryRequest(pub LoanKey);

impl RequestBody for LoanSummaryRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(Command::LoanSummary)
    }

    fn example() -> Value {
        json!({"loanId": "LON2345678434"})
    }
}

/// `loanSummaryResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LoanSummaryResponse {
    /// Where the loan stands.
    #[serde(flatten)]
    pub head: HeadBlock,
    /// What is paid and what is owed.
    pub summary: SummaryBlock,
}

/// `summary`; amounts in rupees.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SummaryBlock {
    /// The first instalment that is not due yet.
    pub next_repayment: DueBlock,
    /// The oldest instalment that is due and not paid; when nothing is due, the next one.
    pub current_repayment: DueBlock,
    /// Principal paid.
    pub principal_paid: String,
    /// Interest paid.
    pub interest_paid: String,
    /// Penal charges paid.
    pub penalty_paid: String,
    /// Principal owed, due or not.
    pub principal_pending: String,
    /// Interest that is due, and that of all instalments to come.
    pub interest_pending: String,
    /// Paid out, gross.
    pub amount_disbursed: String,
    /// Received from the borrower, less what came back and was refunded. With `extensibleData.givenBack` and without
    /// `extensibleData.recovered` it is the sum of `principalPaid`, `interestPaid`, `penaltyPaid`,
    /// `extensibleData.feesPaid` and `extensibleData.excess`.
    pub amount_repaid: String,
    /// Length.
    pub tenure: TenureBlock,
    /// Product, in words.
    pub description: String,
    /// What the protocol has no member for.
    pub extensible_data: SummaryExtra,
}

/// An instalment and what is left of it, as `payment`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DueBlock {
    /// `INST-` and the number; `NONE` when nothing is left.
    pub id: String,
    /// Left to be paid of it, rupees.
    pub total_amount: String,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installment_number: Option<String>,
    /// When it falls, or fell, due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Part that is principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Part that is interest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_amount: Option<String>,
}

impl DueBlock {
    fn new(due: Option<&DueView>) -> Self {
        let amount = |of: fn(&DueView) -> Paise| due.map(|due| of(due).to_string());
        Self {
            id: due.map_or_else(|| "NONE".to_owned(), |due| format!("INST-{}", due.number)),
            total_amount: due.map(|due| due.amount).unwrap_or_default().to_string(),
            installment_number: due.map(|due| due.number.to_string()),
            date: due.map(|due| core::date(due.due_date)),
            principal: amount(|due| due.principal),
            interest_amount: amount(|due| due.interest),
        }
    }
}

/// `summary.extensibleData`; amounts in rupees, days as `YYYY-MM-DD`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SummaryExtra {
    /// The business date for which everything here holds.
    pub as_of: String,
    /// Days past due; 0 when nothing is.
    pub dpd: i64,
    /// `STANDARD`, `SMA-0`, `SMA-1`, `SMA-2` or `NPA`; what the borrower's other loans do to it included.
    pub sma_class: &'static str,
    /// Fees paid, those kept from the payout left out.
    pub fees_paid: String,
    /// Fees owed.
    pub fees_pending: String,
    /// Penal charges owed, up to today.
    pub penalty_pending: String,
    /// Interest that is due.
    pub interest_due: String,
    /// Interest of the running period up to today.
    pub interest_accrued: String,
    /// The borrower's money that is held.
    pub excess: String,
    /// Fees and interest kept from the payout that were given back to a borrower who paid early.
    pub given_back: String,
    /// Received after a write-off.
    pub recovered: String,
    /// Waived.
    pub waived: String,
    /// Principal written off.
    pub written_off: String,
    /// What may be paid today as an instalment.
    pub payable_now: String,
    /// Last day on which the borrower may leave without penalty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooling_off_ends: Option<String>,
    /// What ends the loan today.
    #[serde(skip_serializing_if = "PayOffs::is_empty")]
    pub pay_off: PayOffs,
    /// The current schedule with what became of each instalment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<InstalmentRow>,
    /// How it ended: `MATURED`, `FORECLOSED`, `COOLING_OFF`, `WRITTEN_OFF` or `WITHDRAWN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<&'static str>,
}

/// The ways to end a loan early.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayOffs {
    /// By paying everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreclosure: Option<PayOffBlock>,
    /// By leaving within the cooling-off period, without penalty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooling_off_exit: Option<PayOffBlock>,
}

impl PayOffs {
    fn is_empty(&self) -> bool {
        self.foreclosure.is_none() && self.cooling_off_exit.is_none()
    }
}

/// The amount that ends a loan on one day, and what it is made of; rupees.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayOffBlock {
    /// The day for which it holds, `YYYY-MM-DD`.
    pub on: String,
    /// To be paid: the parts, less `excess` and `feesGivenBack`.
    pub amount: String,
    /// All principal.
    pub principal: String,
    /// Interest up to the day.
    pub interest: String,
    /// Fees owed.
    pub fees: String,
    /// Penal charges up to the day.
    pub penalty: String,
    /// For leaving early, tax included.
    pub charge: String,
    /// The borrower's money that is held already.
    pub excess: String,
    /// Fees, and interest kept from the payout, that are given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees_given_back: Option<String>,
    /// What the lender stands by; `extensibleData.quoteId` of a payment names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<QuoteBlock>,
}

/// A quote.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuoteBlock {
    /// Ends when the amount changes, or with the day.
    pub id: String,
    /// SHA-256 of `loanId|purpose|on|amount|principal|interest|fees|penalty|charge|feesGivenBack|excess`, hex; what is
    /// not given back is `0.00` there.
    pub hash: String,
    /// The last instant of the day.
    pub valid_till: String,
}

impl From<&Quote> for QuoteBlock {
    fn from(quote: &Quote) -> Self {
        let Quote { id, hash, valid_till } = quote;
        Self { id: id.clone(), hash: hash.clone(), valid_till: core::timestamp(*valid_till) }
    }
}

impl PayOffBlock {
    fn foreclosure(pay_off: &PayOff, quote: Option<&Quote>) -> Self {
        Self {
            on: pay_off.on.to_string(),
            amount: pay_off.total.to_string(),
            principal: pay_off.principal.to_string(),
            interest: pay_off.interest.to_string(),
            fees: pay_off.fees.to_string(),
            penalty: pay_off.penal.to_string(),
            charge: pay_off.charge.to_string(),
            excess: pay_off.excess.to_string(),
            // Interest of odd days that was kept from the payout.
            fees_given_back: pay_off.given_back.is_positive().then(|| pay_off.given_back.to_string()),
            quote: quote.map(QuoteBlock::from),
        }
    }

    fn cooling_off_exit(pay_off: &PayOff, quote: Option<&Quote>) -> Self {
        Self { fees_given_back: Some(pay_off.given_back.to_string()), ..Self::foreclosure(pay_off, quote) }
    }
}

/// One instalment with what became of it; amounts in rupees.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstalmentRow {
    /// As scheduled.
    #[serde(flatten)]
    pub row: ScheduleRow,
    /// It has fallen due.
    pub due: bool,
    /// Settled so far.
    pub paid: String,
    /// When nothing was left of it, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_on: Option<String>,
}

impl From<&InstalmentView> for InstalmentRow {
    fn from(view: &InstalmentView) -> Self {
        Self {
            row: ScheduleRow::from(&view.row),
            due: view.due,
            paid: view.paid.to_string(),
            settled_on: view.settled_on.map(|day| day.to_string()),
        }
    }
}

impl From<&SummaryContent> for SummaryExtra {
    fn from(content: &SummaryContent) -> Self {
        let quotes = &content.quotes;
        let (amount, quote) = (content.foreclosure.as_ref(), quotes.foreclosure.as_ref());
        let foreclosure = amount.map(|amount| PayOffBlock::foreclosure(amount, quote));
        let (amount, quote) = (content.cooling_off_exit.as_ref(), quotes.cooling_off_exit.as_ref());
        let cooling_off_exit = amount.map(|amount| PayOffBlock::cooling_off_exit(amount, quote));
        Self {
            as_of: content.as_of.to_string(),
            dpd: content.days_past_due.unwrap_or_default(),
            sma_class: content.class.name(),
            fees_paid: content.fees_paid.to_string(),
            fees_pending: content.fees_pending.to_string(),
            penalty_pending: content.penalty_pending.to_string(),
            interest_due: content.interest_due.to_string(),
            interest_accrued: content.interest_accrued.to_string(),
            excess: content.excess.to_string(),
            given_back: content.given_back.to_string(),
            recovered: content.recovered.to_string(),
            waived: content.waived.to_string(),
            written_off: content.written_off.to_string(),
            payable_now: content.payable.to_string(),
            cooling_off_ends: content.cooling_off_ends.map(|day| day.to_string()),
            pay_off: PayOffs { foreclosure, cooling_off_exit },
            schedule: content.instalments.iter().map(InstalmentRow::from).collect(),
            ending: content.head.ending.map(ending_word),
        }
    }
}

fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Matured => "MATURED",
        Ending::Foreclosed => "FORECLOSED",
        Ending::CoolingOff => "COOLING_OFF",
        Ending::WrittenOff => "WRITTEN_OFF",
        Ending::Withdrawn => "WITHDRAWN",
    }
}

impl From<&SummaryContent> for SummaryBlock {
    fn from(content: &SummaryContent) -> Self {
        Self {
            next_repayment: DueBlock::new(content.next.as_ref()),
            current_repayment: DueBlock::new(content.current.as_ref().or(content.next.as_ref())),
            principal_paid: content.principal_paid.to_string(),
            interest_paid: content.interest_paid.to_string(),
            penalty_paid: content.penalty_paid.to_string(),
            principal_pending: content.principal_pending.to_string(),
            interest_pending: content.interest_pending.to_string(),
            amount_disbursed: content.amount_disbursed.to_string(),
            amount_repaid: content.amount_repaid.to_string(),
            tenure: TenureBlock::from(content.tenure),
            description: content.description.clone(),
            extensible_data: SummaryExtra::from(content),
        }
    }
}

/// `loanSummaryResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Summary(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let body = LoanSummaryResponse { head: HeadBlock::from(&content.head), summary: SummaryBlock::from(&**content) };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}

//! What an LSP is told about payments by the borrower (C3, C11).

use schemars::JsonSchema;
use serde::Serialize;

use super::core::{self, Response};
use crate::domain::application::answer::{Answer, Content};
use crate::domain::loan::account::Purpose;
use crate::domain::loan::content::{RepaymentContent, RepaymentStatus};
use crate::domain::loan::repayment::refusal_for;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::codes::Code;

/// `payment.paymentMethodType` of the published schema; any other method is told in `extensibleData`.
pub const METHODS: [&str; 5] = ["UPI", "EMANDATE_UPI", "NETBANKING", "ENACH", "DEBIT_CARD"];

/// `triggerRepaymentResponse` and `triggerRepaymentStatusResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepaymentResponse {
    /// The loan.
    pub loan_id: String,
    /// The payment.
    pub payment: RepaymentAsPlan,
}

/// `confirmRepayment` as we post it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmRepayment {
    /// The loan.
    pub loan_id: String,
    /// The payment.
    pub payment: RepaymentBlock,
}

/// A payment with the members that the published schema demands of it, taking it for a plan (C3).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepaymentAsPlan {
    /// What the payment is.
    #[serde(flatten)]
    pub payment: RepaymentBlock,
    /// Always false.
    pub automatic: bool,
    /// Always `ONE_TIME`.
    pub schedule_type: &'static str,
    /// Always `1`.
    pub no_of_installments: &'static str,
    /// Always `1`.
    pub no_of_installment: &'static str,
}

/// `payment` of a repayment; amounts in rupees.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepaymentBlock {
    /// Made by the lender. When there is no payment: the LSP's own id, or `NONE`.
    pub id: String,
    /// `SUCCESS`, `FAILURE` or `PENDING_AUTH`; absent when nothing was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// To be paid, or paid; `0.00` when there is no payment.
    pub total_amount: String,
    /// Part that settles principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Part that settles interest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_amount: Option<String>,
    /// Part that settles fees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// Part that settles penal charges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty: Option<String>,
    /// Which instalment, where it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installment_number: Option<String>,
    /// The bank's unique transaction reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn_ref_no: Option<String>,
    /// When the status was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Where the borrower pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_url: Option<String>,
    /// `UPI`, `EMANDATE_UPI`, `NETBANKING`, `ENACH` or `DEBIT_CARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<String>,
    /// What the protocol has no member for.
    #[serde(skip_serializing_if = "RepaymentExtra::is_empty")]
    pub extensible_data: RepaymentExtra,
}

/// `extensibleData` of a repayment.
#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepaymentExtra {
    /// The LSP's own id, under which it asked for the payment; both ids are good for asking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsp_payment_id: Option<String>,
    /// `INSTALMENT`, `PREPAYMENT`, `FORECLOSURE` or `COOLING_OFF_EXIT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<&'static str>,
    /// The quote that a pay-off stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote_id: Option<String>,
    /// Until when the page takes the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Part for which nothing was due: held for the borrower, rupees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excess: Option<String>,
    /// The bank's value date, on which the payment counts, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_date: Option<String>,
    /// Why it failed or came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// True when it was credited and came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<bool>,
    /// A method that the published list lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<String>,
}

impl RepaymentExtra {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&RepaymentContent> for RepaymentExtra {
    fn from(content: &RepaymentContent) -> Self {
        let excess = content.split.map(|split| split.excess).filter(|excess| excess.is_positive());
        let purpose = content.purpose.map(|purpose| match purpose {
            Purpose::Instalment => "INSTALMENT",
            Purpose::Prepayment => "PREPAYMENT",
            Purpose::Foreclosure => "FORECLOSURE",
            Purpose::CoolingOffExit => "COOLING_OFF_EXIT",
        });
        Self {
            lsp_payment_id: content.asked_id.as_ref().map(ToString::to_string),
            purpose,
            quote_id: content.quote.clone(),
            expires_at: content.expires_at.map(core::timestamp),
            excess: excess.map(|excess| excess.to_string()),
            value_date: content.value_date.map(|day| day.to_string()),
            failure_reason: content.failure.clone(),
            returned: content.returned.then_some(true),
            payment_method_type: content.method.clone().filter(|method| !METHODS.contains(&method.as_str())),
        }
    }
}

impl From<&RepaymentContent> for RepaymentBlock {
    fn from(content: &RepaymentContent) -> Self {
        let status = content.status.map(|status| match status {
            RepaymentStatus::Success => "SUCCESS",
            RepaymentStatus::Failure => "FAILURE",
            RepaymentStatus::PendingAuth => "PENDING_AUTH",
        });
        let split = content.split;
        Self {
            id: content.payment_id.to_string(),
            status,
            total_amount: content.amount.unwrap_or_default().to_string(),
            principal: split.map(|split| split.principal.to_string()),
            interest_amount: split.map(|split| split.interest.to_string()),
            fee: split.map(|split| split.fee.to_string()),
            penalty: split.map(|split| split.penal.to_string()),
            installment_number: content.instalment.map(|number| number.to_string()),
            txn_ref_no: content.utr.clone(),
            date: content.at.map(core::timestamp),
            payment_url: content.url.clone(),
            payment_method_type: content.method.clone().filter(|method| METHODS.contains(&method.as_str())),
            extensible_data: RepaymentExtra::from(content),
        }
    }
}

fn content<'a>(outgoing: &Outgoing<'a>) -> Result<(&'a Answer, &'a RepaymentContent), EncodeError> {
    let answer = core::single(outgoing)?;
    match &answer.content {
        Content::Repayment(content) => Ok((answer, content)),
        _ => Err(core::misfit(outgoing)),
    }
}

/// `triggerRepaymentResponse` and `triggerRepaymentStatusResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let (answer, content) = content(outgoing)?;
    let payment = RepaymentAsPlan {
        payment: RepaymentBlock::from(content),
        automatic: false,
        schedule_type: "ONE_TIME",
        no_of_installments: "1",
        no_of_installment: "1",
    };
    let body = RepaymentResponse { loan_id: content.loan_id.to_string(), payment };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}

/// `confirmRepayment`, whose `response` tells what became of the payment.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_confirmation(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let (answer, content) = content(outgoing)?;
    let response = match (&answer.refusal, content.status) {
        (None, Some(RepaymentStatus::Failure)) => {
            let reason = content.failure.as_deref().unwrap_or("the payment failed");
            Response::error(Code::for_reason(outgoing.operation, refusal_for(reason)), outgoing.settings, reason)
        }
        (refusal, _) => Response::of(outgoing, refusal.as_ref()),
    };
    let body = ConfirmRepayment { loan_id: content.loan_id.to_string(), payment: RepaymentBlock::from(content) };
    core::callback(outgoing, response, body)
}

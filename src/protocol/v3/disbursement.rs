//! Plans and payout of a disbursement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response};
use super::plan::{SubjectIds, loan_of, optional_loan_of};
use super::repayment::SetPlanRequest;
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{Content, DisbursementContent, PayoutStatus, Restated};
use crate::domain::application::command::{Command, PaymentOrder};
use crate::domain::ids::PaymentId;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::amount;
use crate::protocol::lenient::{self, One, Text};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

/// `getDisbursementPlansRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GetDisbursementPlansRequest(pub SubjectIds);

impl RequestBody for GetDisbursementPlansRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(Command::DisbursementPlans)
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1"})
    }
}

/// `setDisbursementPlanRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SetDisbursementPlanRequest(pub SetPlanRequest);

impl RequestBody for SetDisbursementPlanRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(|(subject, plan)| Command::SetDisbursementPlan(subject, plan))
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1", "plan": {"id": "DP-1"}})
    }
}

/// `triggerDisbursementRequest` and `triggerDisbursementStatusRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "DisbursementRequest")]
#[schemars(inline)]
pub struct DisbursementRequest {
    /// The loan.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application whose loan is meant, where `loanId` is left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// The payment; a status request needs either this or `loanId`.
    pub payment: Option<One<AskedPayment>>,
}

respelled!(DisbursementRequest { "loanID" => "loanId" });

/// `payment` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedPayment {
    /// Made by the LSP, unique per loan.
    pub id: Text,
    /// Which tranche, counted from 1; the next one when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub installment_number: Text,
    /// The gross tranche, rupees; all of it when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub total_amount: Text,
}

/// `triggerDisbursementRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("required" = ["loanId", "payment"]))]
pub struct TriggerDisbursementRequest(pub DisbursementRequest);

impl RequestBody for TriggerDisbursementRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let loan_id = loan_of(&self.0.loan_id, &self.0.loan_application_id)?;
        let payment = self.0.payment.unwrap_or_default().0;
        let (number, total) = ("/payment/installmentNumber", "/payment/totalAmount");
        let payment = PaymentOrder {
            id: PaymentId(lenient::id(&payment.id, "/payment/id")?),
            tranche: payment.installment_number.get().map(|text| lenient::count(text, number)).transpose()?,
            amount: payment.total_amount.get().map(|text| amount::positive(text, total)).transpose()?,
        };
        Ok(Command::TriggerDisbursement { loan_id, payment })
    }

    fn example() -> Value {
        json!({
            "loanId": "LON2345678434",
            "payment": {"id": "DISB-1", "installmentNumber": "1", "totalAmount": "30595.00"}
        })
    }
}

/// `triggerDisbursementStatusRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TriggerDisbursementStatusRequest(pub DisbursementRequest);

impl RequestBody for TriggerDisbursementStatusRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let loan_id = optional_loan_of(&self.0.loan_id, &self.0.loan_application_id)?;
        let payment = self.0.payment.unwrap_or_default().0;
        let payment_id = lenient::optional_id(&payment.id, "/payment/id")?.map(PaymentId);
        if loan_id.is_none() && payment_id.is_none() {
            return Err(Malformed::missing("/loanId"));
        }
        Ok(Command::DisbursementStatus { loan_id, payment_id })
    }

    fn example() -> Value {
        json!({"loanId": "LON2345678434", "payment": {"id": "DISB-1"}})
    }
}

/// `TriggerDisbursementResponse` and `TriggerDisbursementStatusResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisbursementResponse {
    /// The loan; the schema lacks it.
    pub loan_id: String,
    /// The payout.
    pub payment: PaymentBlock,
}

/// `payment` of a payout.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentBlock {
    /// The LSP's id.
    pub id: String,
    /// `SUCCESS`, `FAILURE` or `PENDING_AUTH`; absent while nothing was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Which tranche, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installment_number: Option<String>,
    /// The gross tranche, rupees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_amount: Option<String>,
    /// Kept by the lender, rupees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// The bank's unique transaction reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn_ref_no: Option<String>,
    /// When the status was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What the protocol has no member for.
    #[serde(skip_serializing_if = "PaymentExtra::is_empty")]
    pub extensible_data: PaymentExtra,
}

/// `extensibleData` of a payout.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentExtra {
    /// Amount transferred: gross less fee, rupees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_disbursed_amount: Option<String>,
    /// The bank's value date, from which interest runs, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_date: Option<String>,
    /// Why it failed, or that it came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// With `TDRQ1004`: the key facts statement that the borrower must accept before the payout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_facts_statement: Option<RestatedBlock>,
}

impl PaymentExtra {
    fn is_empty(&self) -> bool {
        self.net_disbursed_amount.is_none()
            && self.value_date.is_none()
            && self.failure_reason.is_none()
            && self.key_facts_statement.is_none()
    }
}

/// A key facts statement that was issued anew, because the payout came later than the accepted one assumed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestatedBlock {
    /// Proposal number.
    pub reference: String,
    /// Where the borrower reads it; its bytes with `?format=json`.
    pub url: String,
    /// SHA-256 of these bytes, hex.
    pub kfs_hash: String,
    /// The lender is bound until this instant.
    pub valid_till: String,
    /// Percent per annum.
    pub annual_percentage_rate: String,
    /// Each instalment, rupees.
    pub installment_amount: String,
    /// Amount to be transferred, rupees.
    pub net_disbursed_amount: String,
}

impl From<&Restated> for RestatedBlock {
    fn from(restated: &Restated) -> Self {
        Self {
            reference: restated.number.clone(),
            url: restated.url.clone(),
            kfs_hash: restated.hash.clone(),
            valid_till: core::timestamp(restated.valid_till),
            annual_percentage_rate: format!("{:.2}", restated.apr),
            installment_amount: restated.instalment.to_string(),
            net_disbursed_amount: restated.net_disbursed.to_string(),
        }
    }
}

impl From<&DisbursementContent> for PaymentBlock {
    fn from(content: &DisbursementContent) -> Self {
        let status = content.status.map(|status| match status {
            PayoutStatus::Success => "SUCCESS",
            PayoutStatus::Failure => "FAILURE",
            PayoutStatus::PendingAuth => "PENDING_AUTH",
        });
        Self {
            id: content.payment_id.to_string(),
            status,
            installment_number: content.tranche.map(|number| number.to_string()),
            total_amount: content.gross.map(|amount| amount.to_string()),
            fee: content.fee.map(|amount| amount.to_string()),
            txn_ref_no: content.utr.clone(),
            date: content.at.map(core::timestamp),
            extensible_data: PaymentExtra {
                net_disbursed_amount: content.net.map(|amount| amount.to_string()),
                value_date: content.value_date.map(|day| day.to_string()),
                failure_reason: content.failure.clone(),
                key_facts_statement: content.restated.as_ref().map(RestatedBlock::from),
            },
        }
    }
}

/// `TriggerDisbursementResponse` and `TriggerDisbursementStatusResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_payout(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Disbursement(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let body = DisbursementResponse { loan_id: content.loan_id.to_string(), payment: PaymentBlock::from(content) };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}

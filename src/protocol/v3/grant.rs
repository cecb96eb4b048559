//! `grantLoan` (C6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chosen::{ChosenDisbursement, ChosenRepayment};
use super::core::{self, ActionRequired, RejectionDetail, Response};
use super::terms::Terms;
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{Content, GrantContent, GrantStatus};
use crate::domain::application::command::Command;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::lenient::{self, Text};
use crate::protocol::malformed::Malformed;

/// `grantLoanRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["loanApplicationId"]))]
pub struct GrantLoanRequest {
    /// The LSP's application id.
    pub loan_application_id: Text,
}

impl RequestBody for GrantLoanRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        Ok(Command::Grant { loan_application_id: lenient::id(&self.loan_application_id, "/loanApplicationId")? })
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1"})
    }
}

/// `grantLoanResponse`; terms and plans are always there, also when refused (C6).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantLoanResponse {
    /// Made by the lender; empty when there is no loan.
    pub loan_id: String,
    /// The LSP's application id; the schema lacks it.
    pub loan_application_id: String,
    /// `GRANTED`, `REJECTED` or `ACTION_REQUIRED`; `DEFAULTED` or `COMPLETED` of a loan that was granted before.
    pub loan_status: &'static str,
    /// Sanctioned terms, or the asked ones before there is an offer.
    pub terms: Terms,
    /// Chosen or first plan, and account.
    pub disbursement: ChosenDisbursement,
    /// Chosen or first plan, and mandate.
    pub repayment: ChosenRepayment,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejection_details: Vec<RejectionDetail>,
    /// One per missing step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub action_required: Vec<ActionRequired>,
}

/// `grantLoanResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Grant(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let in_force = matches!(content.status, GrantStatus::Granted | GrantStatus::Defaulted);
    let deal = content.deal.as_ref();
    let body = GrantLoanResponse {
        loan_id: content.loan_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        loan_application_id: content.loan_application_id.clone(),
        loan_status: match content.status {
            GrantStatus::Granted => "GRANTED",
            GrantStatus::Defaulted => "DEFAULTED",
            GrantStatus::Completed => "COMPLETED",
            GrantStatus::Rejected => "REJECTED",
            // This enum knows one spelling only, whatever the LSP's switch says.
            GrantStatus::ActionRequired => "ACTION_REQUIRED",
        },
        terms: grant_terms(content, outgoing),
        disbursement: ChosenDisbursement::new(deal, in_force, outgoing.settings),
        repayment: ChosenRepayment::new(deal, in_force, outgoing.settings),
        rejection_details: content.rejections.iter().map(RejectionDetail::from).collect(),
        action_required: content.actions.iter().map(ActionRequired::from).collect(),
    };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}

fn grant_terms(content: &GrantContent, outgoing: &Outgoing<'_>) -> Terms {
    match &content.deal {
        Some(deal) => Terms::of_deal(deal, content.agreement_url.as_deref(), outgoing.borrower_url),
        None => Terms::asked(content.requested, content.tenure),
    }
}

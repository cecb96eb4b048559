//! `grantLoan` (`ocen-v3.md` §2.2 no. 20, C6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::AccountBlock;
use super::core::{self, ActionRequired, RejectionDetail, Response};
use super::plan::PlanBlock;
use super::terms::{self, Terms};
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{Content, GrantContent, GrantStatus, PlanStatus};
use crate::domain::application::command::Command;
use crate::domain::application::facets::{Deal, RepaymentSetup};
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
    /// `GRANTED`, `REJECTED` or `ACTION_REQUIRED`.
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

/// `chosenDisbursement`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChosenDisbursement {
    /// The plan.
    pub plan: PlanBlock,
    /// The payout account, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_details: Option<AccountBlock>,
}

/// `chosenRepayment`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChosenRepayment {
    /// The plan.
    pub plan: PlanBlock,
    /// The mandate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<PaymentMethod>,
}

/// `paymentmethod`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PaymentMethod {
    /// The collection system's reference.
    pub id: String,
    /// `ACTIVE` or `INACTIVE`.
    pub status: &'static str,
}

impl ChosenDisbursement {
    fn new(deal: Option<&Deal>, granted: bool, outgoing: &Outgoing<'_>) -> Self {
        let status = if granted { PlanStatus::Active } else { PlanStatus::Inactive };
        let chosen =
            deal.and_then(|deal| PlanBlock::chosen(&deal.offer.disbursement_plans, deal.disbursement_plan.as_ref()));
        Self {
            plan: chosen.map_or_else(
                || PlanBlock::unknown("", None),
                |plan| PlanBlock::new(plan, status, None, outgoing.settings),
            ),
            account_details: deal
                .and_then(|deal| deal.account.active())
                .map(|account| AccountBlock::new(account, true)),
        }
    }
}

impl ChosenRepayment {
    fn new(deal: Option<&Deal>, granted: bool, outgoing: &Outgoing<'_>) -> Self {
        let Some(deal) = deal else {
            return Self { plan: PlanBlock::unknown("", None), method: None };
        };
        let status = match &deal.repayment {
            RepaymentSetup::Active { .. } if granted => PlanStatus::Active,
            RepaymentSetup::PendingAuth { .. } if granted => PlanStatus::PendingAuth,
            _ => PlanStatus::Inactive,
        };
        let chosen = PlanBlock::chosen(&deal.offer.repayment_plans, deal.repayment.plan());
        let schedule = Some(&deal.offer.schedule);
        let active = matches!(deal.repayment, RepaymentSetup::Active { .. });
        Self {
            plan: chosen.map_or_else(
                || PlanBlock::unknown("", None),
                |plan| PlanBlock::new(plan, status, schedule, outgoing.settings),
            ),
            method: deal.repayment.mandate().map(|mandate| PaymentMethod {
                id: mandate.reference.clone(),
                status: if active { "ACTIVE" } else { "INACTIVE" },
            }),
        }
    }
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
    let granted = content.status == GrantStatus::Granted;
    let deal = content.deal.as_ref();
    let body = GrantLoanResponse {
        loan_id: content.loan_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        loan_application_id: content.loan_application_id.clone(),
        loan_status: match content.status {
            GrantStatus::Granted => "GRANTED",
            GrantStatus::Rejected => "REJECTED",
            // This enum knows one spelling only, whatever the LSP's switch says.
            GrantStatus::ActionRequired => "ACTION_REQUIRED",
        },
        terms: grant_terms(content, outgoing),
        disbursement: ChosenDisbursement::new(deal, granted, outgoing),
        repayment: ChosenRepayment::new(deal, granted, outgoing),
        rejection_details: content.rejections.iter().map(RejectionDetail::from).collect(),
        action_required: content.actions.iter().map(ActionRequired::from).collect(),
    };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}

fn grant_terms(content: &GrantContent, outgoing: &Outgoing<'_>) -> Terms {
    let Some(deal) = &content.deal else {
        return Terms::asked(content.requested, content.tenure);
    };
    let page = content.agreement_url.clone();
    let page = page.unwrap_or_else(|| terms::agreement_page(outgoing.borrower_url, &deal.offer, deal.kfs.as_ref()));
    Terms::of_offer(&deal.offer, page)
}

//! The plans of a loan with its account and its mandate, shared by `grantLoan` and `getLoan`.

use schemars::JsonSchema;
use serde::Serialize;

use super::account::AccountBlock;
use super::plan::PlanBlock;
use crate::domain::application::answer::PlanStatus;
use crate::domain::application::facets::{Deal, RepaymentSetup};
use crate::domain::loan::repayment::MANDATE_METHOD;
use crate::lsp::Settings;

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
    /// `ENACH`, as in the `paymentMethodType` of what it collects.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `ACTIVE`, `INACTIVE`, or `CANCELLED` when it had been active.
    pub status: &'static str,
}

impl ChosenDisbursement {
    /// The chosen plan, or the first one; active while there is a loan.
    #[must_use]
    pub fn new(deal: Option<&Deal>, in_force: bool, settings: &Settings) -> Self {
        let status = if in_force { PlanStatus::Active } else { PlanStatus::Inactive };
        let chosen =
            deal.and_then(|deal| PlanBlock::chosen(&deal.offer.disbursement_plans, deal.disbursement_plan.as_ref()));
        Self {
            plan: chosen
                .map_or_else(|| PlanBlock::unknown("", None), |plan| PlanBlock::new(plan, status, None, settings)),
            account_details: deal
                .and_then(|deal| deal.account.active())
                .map(|account| AccountBlock::new(account, true)),
        }
    }
}

impl ChosenRepayment {
    /// The chosen plan with the offer's schedule, or the first one; active while there is a loan and its mandate is.
    #[must_use]
    pub fn new(deal: Option<&Deal>, in_force: bool, settings: &Settings) -> Self {
        let Some(deal) = deal else {
            return Self { plan: PlanBlock::unknown("", None), method: None };
        };
        let status = match &deal.repayment {
            RepaymentSetup::Active { .. } if in_force => PlanStatus::Active,
            RepaymentSetup::PendingAuth { .. } if in_force => PlanStatus::PendingAuth,
            _ => PlanStatus::Inactive,
        };
        let chosen = PlanBlock::chosen(&deal.offer.repayment_plans, deal.repayment.plan());
        let schedule = Some(deal.offer.schedule.rows.as_slice());
        let active = matches!(deal.repayment, RepaymentSetup::Active { .. });
        let plan = chosen
            .map_or_else(|| PlanBlock::unknown("", None), |plan| PlanBlock::new(plan, status, schedule, settings));
        Self {
            // A loan that runs on a plan stays on it.
            plan: if in_force { plan.allowing(false, !active) } else { plan },
            method: method(&deal.repayment, in_force),
        }
    }
}

/// The mandate; none where there never was one, or none that the borrower authorised.
fn method(setup: &RepaymentSetup, in_force: bool) -> Option<PaymentMethod> {
    let (id, status) = match setup {
        RepaymentSetup::Active { mandate, .. } if in_force => (mandate.as_ref()?.reference.clone(), "ACTIVE"),
        RepaymentSetup::Inactive { cancelled, .. } => (cancelled.clone()?, "CANCELLED"),
        setup => (setup.mandate()?.reference.clone(), "INACTIVE"),
    };
    Some(PaymentMethod { id, kind: MANDATE_METHOD, status })
}

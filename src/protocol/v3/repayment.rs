//! Set-up of repayment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, IdOnly, Response};
use super::plan::{PlanBlock, SubjectIds};
use super::{Decoding, RequestBody};
use crate::domain::application::answer::Content;
use crate::domain::application::command::Command;
use crate::domain::ids::PlanId;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::lenient::{self, One, Text};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

/// `getRepaymentPlansRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GetRepaymentPlansRequest(pub SubjectIds);

impl RequestBody for GetRepaymentPlansRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(Command::RepaymentPlans)
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1"})
    }
}

/// `setRepaymentPlanRequest` and `setDisbursementPlanRequest`. Of the plan only its id counts.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "SetPlanRequest")]
#[schemars(inline, extend("required" = ["plan"]))]
pub struct SetPlanRequest {
    /// The loan; before the grant an application id is taken here too.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application; either this or `loanId` is mandatory, and together they must agree.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// The chosen plan.
    pub plan: Option<One<IdOnly>>,
}

respelled!(SetPlanRequest { "loanID" => "loanId" });

impl SetPlanRequest {
    /// What it is about and the chosen plan.
    ///
    /// # Errors
    /// When either is missing or malformed.
    pub fn read(self) -> Result<(crate::domain::application::command::Subject, PlanId), Malformed> {
        let subject = SubjectIds { loan_id: self.loan_id, loan_application_id: self.loan_application_id }.read()?;
        let plan = self.plan.unwrap_or_default().0;
        Ok((subject, PlanId(lenient::id(&plan.id, "/plan/id")?)))
    }
}

/// `setRepaymentPlanRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SetRepaymentPlanRequest(pub SetPlanRequest);

impl RequestBody for SetRepaymentPlanRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(|(subject, plan)| Command::SetRepaymentPlan(subject, plan))
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1", "plan": {"id": "RP-1"}})
    }
}

/// `setRepaymentPlanStatusRequest`; the plan id is the only key.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["plan"]))]
pub struct SetRepaymentPlanStatusRequest {
    /// The plan in question.
    pub plan: Option<One<IdOnly>>,
}

impl RequestBody for SetRepaymentPlanStatusRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let plan = self.plan.unwrap_or_default().0;
        Ok(Command::RepaymentPlanStatus(PlanId(lenient::id(&plan.id, "/plan/id")?)))
    }

    fn example() -> Value {
        json!({"plan": {"id": "RP-1"}})
    }
}

/// `getRepaymentPlansResponse` and `getDisbursementPlansResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlansResponse {
    /// The accepted offer's plans.
    pub plans: Vec<PlanBlock>,
}

/// `setRepaymentPlanResponse`, `setRepaymentPlanStatusResponse` and `setDisbursementPlanResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanResponse {
    /// Our own copy of the plan.
    pub plan: PlanBlock,
}

/// `getRepaymentPlansResponse` and `getDisbursementPlansResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_plans(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Plans { plans } = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let plans = plans.iter().map(|plan| PlanBlock::of_content(plan, outgoing.settings)).collect();
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), PlansResponse { plans })
}

/// `setRepaymentPlanResponse`, `setRepaymentPlanStatusResponse` and `setDisbursementPlanResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_plan(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Plan { plan } = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let plan = PlanBlock::of_content(plan, outgoing.settings);
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), PlanResponse { plan })
}

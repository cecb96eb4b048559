//! Where the money goes, and how it comes back.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Application, Journey, messages};
use crate::journey::error::JourneyError;
use crate::journey::operations::{
    GET_DISBURSEMENT_ACCOUNTS, GET_DISBURSEMENT_PLANS, GET_REPAYMENT_PLANS, Operation, SET_DISBURSEMENT_ACCOUNT,
    SET_DISBURSEMENT_PLAN, SET_REPAYMENT_PLAN, SET_REPAYMENT_PLAN_STATUS, list, plan_topic, text,
};
use crate::journey::outbound::Call;

/// Longest pause between two questions after a status.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long to wait before a status is asked for again: 300 ms, doubling.
pub(super) fn pause(round: u32) -> Duration {
    Duration::from_millis(300).saturating_mul(1 << round.min(3)).min(LONGEST_PAUSE)
}

impl Journey<'_> {
    /// Steps 19 and 20: plan and account, each read and set.
    pub(super) async fn choose_disbursement(&self, application: &mut Application) -> Result<(), JourneyError> {
        let courier = &self.lsp.courier;
        application.disbursement_plan = self.first_plan(&GET_DISBURSEMENT_PLANS, &application.id).await?;
        let body = messages::set_plan(&application.id, &application.disbursement_plan);
        let call = Call::new(&SET_DISBURSEMENT_PLAN, body, application.id.clone());
        let answer = courier.ask(&call).await?;
        expect_active(&call, &answer.message, "/plan/status")?;

        let call = Call::new(
            &SET_DISBURSEMENT_ACCOUNT,
            messages::set_account(&application.id, &self.borrower),
            "the borrower's savings account",
        );
        let answer = courier.ask(&call).await?;
        expect_active(&call, &answer.message, "/account/status")?;

        let note = application.id.clone();
        let call = Call::new(&GET_DISBURSEMENT_ACCOUNTS, messages::about(&application.id), note);
        let answer = courier.ask(&call).await?;
        if !list(&answer.message, "/accountList").any(|account| text(account, "/status") == "ACTIVE") {
            return Err(call.failed("an ACTIVE account", "none"));
        }
        Ok(())
    }

    /// Steps 21 to 23: a plan, and the mandate that the borrower authorises.
    pub(super) async fn choose_repayment(&self, application: &mut Application) -> Result<(), JourneyError> {
        application.repayment_plan = self.first_plan(&GET_REPAYMENT_PLANS, &application.id).await?;
        let plan = &application.repayment_plan;
        let call = Call::new(&SET_REPAYMENT_PLAN, messages::set_plan(&application.id, plan), application.id.clone());
        let answer = self.lsp.courier.ask(&call).await?;
        match text(&answer.message, "/plan/status") {
            "ACTIVE" => Ok(()),
            "PENDING_AUTH" if text(&answer.message, "/plan/paymentUrl").is_empty() => {
                Err(call.failed("a paymentUrl to authorise the mandate", "none"))
            }
            "PENDING_AUTH" => self.await_mandate(plan).await,
            other => Err(call.failed("PENDING_AUTH or ACTIVE", other)),
        }
    }

    /// The news may come by itself; now and then it is asked for.
    async fn await_mandate(&self, plan: &Value) -> Result<(), JourneyError> {
        let courier = &self.lsp.courier;
        let plan_id = text(plan, "/id");
        let topic = plan_topic(plan_id);
        let deadline = Instant::now() + courier.patience.step;
        let mut round = 0;
        loop {
            while let Some(news) = courier.news(&topic, Instant::now() + pause(round)).await? {
                if text(&news.message, "/plan/status") == "ACTIVE" {
                    return Ok(());
                }
            }
            let call = Call::new(&SET_REPAYMENT_PLAN_STATUS, messages::plan_status(plan), plan_id);
            let answer = courier.ask(&call).await?;
            match text(&answer.message, "/plan/status") {
                "ACTIVE" => return Ok(()),
                "PENDING_AUTH" if Instant::now() < deadline => {}
                other => return Err(call.failed("plan.status ACTIVE", other)),
            }
            if round == 0 {
                self.tell(&format!("/sandbox/mandates/{plan_id}"), "authorise").await;
            }
            round += 1;
        }
    }

    async fn first_plan(&self, operation: &'static Operation, application_id: &str) -> Result<Value, JourneyError> {
        let call = Call::new(operation, messages::about(application_id), application_id);
        let answer = self.lsp.courier.ask(&call).await?;
        let plan = list(&answer.message, "/plans").find(|plan| !text(plan, "/id").is_empty());
        plan.cloned().ok_or_else(|| call.failed("a plan", "none"))
    }
}

fn expect_active(call: &Call, answer: &Value, pointer: &str) -> Result<(), JourneyError> {
    match text(answer, pointer) {
        "ACTIVE" => Ok(()),
        other => Err(call.failed("status ACTIVE", other)),
    }
}

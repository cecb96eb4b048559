//! From the grant to the money in the account.

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::origination::with_reasons;
use super::set_up::pause;
use super::{Application, Journey, messages};
use crate::clock::Ids;
use crate::journey::borrower::new_id;
use crate::journey::error::JourneyError;
use crate::journey::operations::{GRANT, TRIGGER_DISBURSEMENT, TRIGGER_DISBURSEMENT_STATUS, list, payment_topic, text};
use crate::journey::outbound::Call;
use crate::journey::report::PaidLoan;
use crate::journey::screen::rupees;

impl Journey<'_> {
    /// Steps 24 to 26.
    pub(super) async fn grant(&self, application: &mut Application) -> Result<(), JourneyError> {
        let courier = &self.lsp.courier;
        let deadline = Instant::now() + courier.patience.step;
        for round in 0.. {
            let call = Call::new(&GRANT, messages::grant(&application.id), application.id.clone());
            let answer = courier.ask(&call).await?;
            let grant = &answer.message;
            match text(grant, "/loanStatus") {
                "GRANTED" if !text(grant, "/loanId").is_empty() => {
                    application.paid = terms_of(application, grant);
                    return Ok(());
                }
                // v3 has no message about KYC: all one can do is to ask for the grant again.
                "ACTION_REQUIRED" if waits_for_kyc(grant) && Instant::now() < deadline => sleep(pause(round)).await,
                other => return Err(call.failed("GRANTED with a loanId", with_reasons(other, grant))),
            }
        }
        Ok(())
    }

    /// Steps 27 and 28: the whole plan in one tranche.
    pub(super) async fn disburse(&self, application: &mut Application) -> Result<(), JourneyError> {
        let courier = &self.lsp.courier;
        let (loan_id, payment_id) = (application.paid.loan_id.clone(), new_id(Ids, "PAY"));
        let plan = &application.disbursement_plan;
        let body = messages::trigger_disbursement(&loan_id, &payment_id, plan);
        let call = Call::new(&TRIGGER_DISBURSEMENT, body, format!("{loan_id} {}", rupees(text(plan, "/totalAmount"))));
        let answer = courier.ask(&call).await?;
        let payment = match text(&answer.message, "/payment/status") {
            "SUCCESS" => answer.message.clone(),
            "PENDING_AUTH" | "" => self.await_payment(&loan_id, &payment_id).await?,
            other => return Err(call.failed("PENDING_AUTH or SUCCESS", other)),
        };
        text(&payment, "/payment/txnRefNo").clone_into(&mut application.paid.utr);
        if application.paid.utr.is_empty() {
            return Err(call.failed("a txnRefNo of the payment", "none"));
        }
        Ok(())
    }

    /// The news may come by itself; now and then it is asked for.
    async fn await_payment(&self, loan_id: &str, payment_id: &str) -> Result<Value, JourneyError> {
        let courier = &self.lsp.courier;
        let topic = payment_topic(loan_id, payment_id);
        let deadline = Instant::now() + courier.patience.step;
        let mut round = 0;
        loop {
            while let Some(news) = courier.news(&topic, Instant::now() + pause(round)).await? {
                if text(&news.message, "/payment/status") == "SUCCESS" {
                    return Ok(news.message.clone());
                }
            }
            let body = messages::disbursement_status(loan_id, payment_id);
            let call = Call::new(&TRIGGER_DISBURSEMENT_STATUS, body, loan_id);
            let answer = courier.ask(&call).await?;
            match text(&answer.message, "/payment/status") {
                "SUCCESS" => return Ok(answer.message.clone()),
                "PENDING_AUTH" | "" if Instant::now() < deadline => {}
                other => return Err(call.failed("payment.status SUCCESS", other)),
            }
            if round == 0 {
                self.tell(&format!("/sandbox/payments/{payment_id}?loanId={loan_id}"), "succeed").await;
            }
            round += 1;
        }
    }
}

/// Whether identity verification is all that is missing.
fn waits_for_kyc(grant: &Value) -> bool {
    let mut actions = list(grant, "/actionRequired").peekable();
    actions.peek().is_some() && actions.all(|action| text(action, "/reference/object") == "kyc")
}

fn terms_of(application: &Application, grant: &Value) -> PaidLoan {
    let extra = |member: &str| match grant.pointer(&format!("/terms/extensibleData/{member}")) {
        Some(Value::String(value)) => value.clone(),
        Some(Value::Number(value)) => value.to_string(),
        _ => String::new(),
    };
    PaidLoan {
        loan_application_id: application.id.clone(),
        loan_id: text(grant, "/loanId").to_owned(),
        sanctioned: text(grant, "/terms/sanctionedAmount").to_owned(),
        net: extra("netDisbursedAmount"),
        apr: extra("annualPercentageRate"),
        status: text(grant, "/loanStatus").to_owned(),
        ..PaidLoan::default()
    }
}

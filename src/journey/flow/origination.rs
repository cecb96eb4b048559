//! From the application to the signed agreement.

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::set_up::pause;
use super::{Application, Journey, ids, messages, named};
use crate::journey::error::JourneyError;
use crate::journey::operations::{
    CONSENT_HANDLE, CONSENT_STATUS, CREATE, GENERATE_OFFERS, SET_OFFER, TRIGGER_ACCEPTANCE, VERIFY_ACCEPTANCE, items,
    list, text,
};
use crate::journey::outbound::Call;

impl Journey<'_> {
    /// Steps 1 and 2: all applications in one message.
    pub(super) async fn create(&self, applications: &[Application]) -> Result<(), JourneyError> {
        let created = self.now();
        let bodies: Vec<Value> = applications
            .iter()
            .map(|application| messages::application(&self.borrower, application, &created))
            .collect();
        let call = Call::new(&CREATE, messages::create(&bodies), named(applications));
        let answer = self.lsp.courier.ask(&call).await?;
        for application in applications {
            let item = item(&call, &answer.message, application)?;
            let status = text(item, "/loanApplicationStatus");
            if status != "PROCESSING" {
                return Err(call.failed("PROCESSING", with_reasons(status, item)));
            }
        }
        Ok(())
    }

    /// Steps 3 to 8, for data (`ONETIME`) and for monitoring (`PERIODIC`).
    pub(super) async fn consent(&self, applications: &[Application], fetch_type: &str) -> Result<(), JourneyError> {
        let courier = &self.lsp.courier;
        let body = messages::consent_handle(&ids(applications), &self.borrower, fetch_type);
        let call = Call::new(&CONSENT_HANDLE, body, fetch_type);
        let answer = courier.ask(&call).await?;
        let handle = text(&answer.message, "/consent/consentHandle").to_owned();
        if handle.is_empty() {
            return Err(call.failed("a consentHandle", "none"));
        }
        let deadline = Instant::now() + courier.patience.step;
        for round in 0.. {
            let call = Call::new(&CONSENT_STATUS, messages::consent_status(&handle), handle.clone());
            let answer = courier.ask(&call).await?;
            match text(&answer.message, "/consent/consentStatus") {
                "READY" => break,
                "PENDING" if Instant::now() < deadline => {
                    if round == 1 {
                        self.tell(&format!("/sandbox/consents/{handle}"), "approve").await;
                    }
                    sleep(pause(round)).await;
                }
                other => return Err(call.failed("consentStatus READY", other)),
            }
        }
        Ok(())
    }

    /// Steps 9 to 11. An interim answer says `PROCESSING`; the last one comes with the same requestId.
    pub(super) async fn generate_offers(&self, applications: &mut [Application]) -> Result<(), JourneyError> {
        let courier = &self.lsp.courier;
        let call = Call::new(&GENERATE_OFFERS, messages::generate_offers(&ids(applications)), named(applications));
        let mut answer = courier.ask(&call).await?;
        while GENERATE_OFFERS.settled(&answer.message).is_none() {
            answer = courier.ask_on(&call).await?;
        }
        for application in applications {
            let item = item(&call, &answer.message, application)?;
            let status = text(item, "/loanApplicationStatus");
            let offer = list(item, "/offers").next();
            match (status, offer) {
                ("OFFERED", Some(offer)) if !text(offer, "/id").is_empty() => application.offer = offer.clone(),
                _ => return Err(call.failed("OFFERED with an offer", with_reasons(status, item))),
            }
        }
        Ok(())
    }

    /// Steps 12 and 13.
    pub(super) async fn set_offer(&self, application: &mut Application) -> Result<(), JourneyError> {
        let body = messages::set_offer(&application.id, &application.offer);
        let call = Call::new(&SET_OFFER, body, application.id.clone());
        let answer = self.lsp.courier.ask(&call).await?;
        match text(&answer.message, "/loanApplicationStatus") {
            "OFFER_ACCEPTED" if text(&answer.message, "/loanApplicationId") == application.id => Ok(()),
            other => Err(call.failed(format!("OFFER_ACCEPTED of {}", application.id), other)),
        }
    }

    /// Steps 14 to 18: one OTP for all.
    pub(super) async fn accept(&self, applications: &[Application]) -> Result<(), JourneyError> {
        let courier = &self.lsp.courier;
        let call =
            Call::new(&TRIGGER_ACCEPTANCE, messages::trigger_acceptance(&ids(applications)), named(applications));
        let answer = courier.ask(&call).await?;
        let session_key = text(&answer.message, "/credBlock/data/otpSessionKey");
        if session_key.is_empty() {
            return Err(call.failed("an otpSessionKey", json!(answer.message.get("credBlock")).to_string()));
        }
        let otp = self.lsp.admin.otp(session_key).await.map_err(|came| call.failed("the OTP of the session", came))?;
        let call = Call::new(&VERIFY_ACCEPTANCE, messages::verify_acceptance(session_key, &otp), "OTP ••••••");
        let answer = courier.ask(&call).await?;
        match text(&answer.message, "/credBlock/data/status") {
            "SUCCESS" => Ok(()),
            other => Err(call.failed("SUCCESS", other)),
        }
    }
}

/// What an answer says about one application.
fn item<'a>(call: &Call, answer: &'a Value, application: &Application) -> Result<&'a Value, JourneyError> {
    items(answer)
        .find(|item| text(item, "/loanApplicationId") == application.id)
        .ok_or_else(|| call.failed(format!("an item for {}", application.id), "none"))
}

/// A status with the reasons that stand beside it.
pub(super) fn with_reasons(status: &str, item: &Value) -> String {
    let reasons: Vec<&str> = list(item, "/rejectionDetails")
        .chain(list(item, "/actionRequired"))
        .map(|reason| text(reason, "/description"))
        .collect();
    format!("{status} {}", reasons.join("; ")).trim_end().to_owned()
}

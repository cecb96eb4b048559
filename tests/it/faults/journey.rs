//! A loan from the application to its last rupee, whatever happens on the way.

use std::time::Duration;

use serde_json::{Value, json};

use super::bank::Bank;
use super::lsp::Lsp;
use crate::support::bodies::{self, path};

/// Questions after something that is not there yet.
const ROUNDS: usize = 200;

/// One borrower's way.
pub struct Journey<'a> {
    /// Who sends.
    pub lsp: &'a Lsp,
    /// Who pays, and knows the OTP.
    pub bank: &'a Bank,
}

impl Journey<'_> {
    /// From nothing to a closed loan; gives its id.
    pub async fn go(&self) -> String {
        let lsp = self.lsp;
        let id = bodies::id();
        let filed =
            lsp.ask(path::CREATE, json!({"loanApplications": [bodies::application(&id, &bodies::pan())]})).await;
        assert_eq!(filed["loanApplications"][0]["loanApplicationStatus"], "PROCESSING", "{filed}");
        self.consent(&id).await;
        let offer = self.offer(&id).await;
        lsp.ask(path::SET_OFFER, json!({"loanApplicationId": id, "offer": {"id": offer["id"]}})).await;
        self.sign(&id).await;
        let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
        lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": id, "account": account})).await;
        let plan = json!({"id": offer["repayment"]["plans"][0]["id"]});
        lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": id, "plan": plan})).await;
        self.until(path::REPAYMENT_PLAN_STATUS, json!({"plan": plan}), "/plan/status", "ACTIVE").await;
        // Until the identity is verified, which nobody waits for here, an action is required.
        let granted = self.until(path::GRANT, json!({"loanApplicationId": id}), "/loanStatus", "GRANTED").await;
        let loan = granted["loanId"].as_str().unwrap_or_else(|| panic!("{granted}"));
        let payment = json!({"id": format!("DISB-{id}"), "totalAmount": offer["terms"]["sanctionedAmount"]});
        lsp.ask(path::TRIGGER_DISBURSEMENT, json!({"loanId": loan, "payment": payment})).await;
        self.until(path::DISBURSEMENT_STATUS, json!({"loanId": loan}), "/payment/status", "SUCCESS").await;
        self.repay(loan).await;
        loan.to_owned()
    }

    async fn consent(&self, id: &str) {
        let consent = json!({"consentFetchType": "ONETIME", "vua": "asha@aa.in"});
        let answer = self.lsp.ask(path::CONSENT_HANDLE, json!({"loanApplicationIds": [id], "consent": consent})).await;
        let body = json!({"consent": {"consentHandle": answer["consent"]["consentHandle"]}});
        self.until(path::CONSENT_STATUS, body, "/consent/consentStatus", "READY").await;
    }

    /// An interim answer may come before the offers.
    async fn offer(&self, id: &str) -> Value {
        let request_id = self.lsp.send(path::GENERATE_OFFERS, json!({"loanApplicationIds": [id]})).await;
        loop {
            let answer = self.lsp.answer(&super::lsp::answer_path(path::GENERATE_OFFERS), &request_id).await;
            let item = &answer["loanApplications"][0];
            if item["loanApplicationStatus"] != "PROCESSING" {
                assert_eq!(item["loanApplicationStatus"], "OFFERED", "{answer}");
                return item["offers"][0].clone();
            }
        }
    }

    async fn sign(&self, id: &str) {
        let otp = json!({"type": "OTP", "data": {"appToken": "0aBCD7DMr72"}});
        let sent = self.lsp.ask(path::TRIGGER_ACCEPTANCE, json!({"loanApplicationIds": [id], "credBlock": otp})).await;
        let session = sent["credBlock"]["data"]["otpSessionKey"].as_str().unwrap_or_else(|| panic!("{sent}"));
        let digits = self.bank.otp(session).expect("the OTP was sent before the answer");
        let data = json!({"otpSessionKey": session, "otp": digits});
        let verified = self.lsp.ask(path::VERIFY_ACCEPTANCE, json!({"credBlock": {"type": "OTP", "data": data}})).await;
        assert_eq!(verified["credBlock"]["data"]["status"], "SUCCESS", "{verified}");
    }

    /// The borrower pays everything back within the cooling-off period.
    async fn repay(&self, loan: &str) {
        // What is payable holds for a day; at midnight in India the page expires, and another is asked for.
        while !self.pay(loan).await {}
        self.until(path::LOAN_SUMMARY, json!({"loanId": loan}), "/loanStatus", "COMPLETED").await;
        let statement = self.lsp.ask(path::LOAN_STATEMENT, json!({"loanId": loan})).await;
        let rows = statement["accountStatement"].as_array().unwrap();
        assert_eq!(rows.last().unwrap()["closingBalance"], "0.00", "{statement}");
    }

    /// One payment of everything; tells whether it was paid.
    async fn pay(&self, loan: &str) -> bool {
        let payment = json!({"extensibleData": {"purpose": "COOLING_OFF_EXIT"}});
        let opened = self.lsp.ask(path::TRIGGER_REPAYMENT, json!({"loanId": loan, "payment": payment})).await;
        assert_eq!(opened["response"]["error"], "0", "{opened}");
        let body = json!({"loanId": loan, "payment": {"id": opened["payment"]["id"]}});
        let end = |answer: &Value| ["SUCCESS", "FAILURE"].iter().any(|end| answer["payment"]["status"] == *end);
        let answer = self.until_it(path::REPAYMENT_STATUS, body, end).await;
        let expired = answer["payment"]["extensibleData"]["failureReason"] == "the payment page expired";
        assert!(expired || answer["payment"]["status"] == "SUCCESS", "{answer}");
        !expired
    }

    /// Asks until the answer says what it should; gives it.
    async fn until(&self, path: &str, body: Value, pointer: &str, wanted: &str) -> Value {
        self.until_it(path, body, |answer| answer.pointer(pointer).is_some_and(|value| value == wanted)).await
    }

    async fn until_it(&self, path: &str, body: Value, done: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..ROUNDS {
            last = self.lsp.ask(path, body.clone()).await;
            if done(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{path} did not come to its end: {last}");
    }
}

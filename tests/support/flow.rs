//! Steps of a loan, each checked, up to money in the account.

use serde_json::{Value, json};

use super::bodies::{self, path};
use super::lsp::TestLsp;
use super::server::Server;

/// A loan on its way.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "loanId is what OCEN calls it")]
pub struct Loan {
    /// The LSP's application id.
    pub application: String,
    /// The accepted offer.
    pub offer: Value,
    /// The loan, once granted.
    pub loan_id: String,
}

/// Drives loans for an LSP.
pub struct Flow<'a> {
    /// The server.
    pub server: &'a Server,
    /// The LSP.
    pub lsp: &'a TestLsp,
}

impl Flow<'_> {
    /// Files applications of one borrower in one request; all are `PROCESSING` afterwards.
    pub async fn file(&self, count: usize) -> Vec<String> {
        self.file_for(&bodies::pan(), count).await
    }

    /// The same for a borrower who is known.
    pub async fn file_for(&self, pan: &str, count: usize) -> Vec<String> {
        let ids: Vec<String> = (0..count).map(|_| bodies::id()).collect();
        let items: Vec<Value> = ids.iter().map(|id| bodies::application(id, pan)).collect();
        let answer = self.lsp.ask(path::CREATE, json!({"loanApplications": items})).await;
        for item in answer["loanApplications"].as_array().unwrap() {
            assert_eq!(item["loanApplicationStatus"], "PROCESSING", "{item}");
        }
        ids
    }

    /// Gets a consent and has it approved.
    pub async fn consent(&self, ids: &[String], fetch_type: &str) -> String {
        let body = json!({"loanApplicationIds": ids, "consent": {"consentFetchType": fetch_type, "vua": "asha@aa.in"}});
        let answer = self.lsp.ask(path::CONSENT_HANDLE, body).await;
        let handle = answer["consent"]["consentHandle"].as_str().unwrap().to_owned();
        let answer = self.lsp.ask(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})).await;
        assert_eq!(answer["consent"]["consentStatus"], "READY", "{answer}");
        handle
    }

    /// From filed to offers on the table; gives the offers of each.
    pub async fn offers(&self, ids: &[String]) -> Vec<Value> {
        self.consent(ids, "ONETIME").await;
        let answer = self.lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
        let items = answer["loanApplications"].as_array().unwrap().clone();
        ids.iter()
            .map(|id| {
                let item = items.iter().find(|item| item["loanApplicationId"] == *id).unwrap();
                assert_eq!(item["loanApplicationStatus"], "OFFERED", "{item}");
                item["offers"][0].clone()
            })
            .collect()
    }

    /// Accepts an offer by its id alone.
    pub async fn set_offer(&self, id: &str, offer: &Value) {
        let body = json!({"loanApplicationId": id, "offer": {"id": offer["id"]}});
        let answer = self.lsp.ask(path::SET_OFFER, body).await;
        assert_eq!(answer["loanApplicationStatus"], "OFFER_ACCEPTED", "{answer}");
    }

    /// Sends an OTP for the agreements; gives session and digits.
    pub async fn otp(&self, ids: &[String]) -> (String, String) {
        let body =
            json!({"loanApplicationIds": ids, "credBlock": {"type": "OTP", "data": {"appToken": "0aBCD7DMr72"}}});
        let answer = self.lsp.ask(path::TRIGGER_ACCEPTANCE, body).await;
        assert_eq!(answer["credBlock"]["data"]["status"], "SUCCESS", "{answer}");
        let session = answer["credBlock"]["data"]["otpSessionKey"].as_str().unwrap().to_owned();
        let otp = self.server.get(&format!("/sandbox/otp/{session}")).await["otp"].as_str().unwrap().to_owned();
        (session, otp)
    }

    /// Verifies an OTP; gives the status.
    pub async fn verify(&self, session: &str, otp: &str) -> String {
        let body = json!({"credBlock": {"type": "OTP", "data": {"otpSessionKey": session, "otp": otp}}});
        let answer = self.lsp.ask(path::VERIFY_ACCEPTANCE, body).await;
        answer["credBlock"]["data"]["status"].as_str().unwrap().to_owned()
    }

    /// From offers to a signed agreement.
    pub async fn agree(&self, ids: &[String], offers: &[Value]) {
        for (id, offer) in ids.iter().zip(offers) {
            self.set_offer(id, offer).await;
        }
        let (session, otp) = self.otp(ids).await;
        assert_eq!(self.verify(&session, &otp).await, "SUCCESS");
    }

    /// Account, repayment plan and monitoring consent: everything that a grant needs.
    pub async fn set_up(&self, ids: &[String], offers: &[Value]) {
        for (id, offer) in ids.iter().zip(offers) {
            let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
            let answer = self.lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": id, "account": account})).await;
            assert_eq!(answer["account"]["status"], "ACTIVE", "{answer}");
            let plan = offer["repayment"]["plans"][0]["id"].clone();
            self.lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": id, "plan": {"id": plan}})).await;
            let active = |c: &super::lsp::Callback| {
                c.path.ends_with("setRepaymentPlanStatusResponse")
                    && c.body["plan"]["id"] == plan
                    && c.body["plan"]["status"] == "ACTIVE"
            };
            self.lsp.callback_that("tells that the mandate is active", active).await;
        }
        self.consent(ids, "PERIODIC").await;
    }

    /// Grants one application; gives the callback.
    pub async fn grant(&self, id: &str) -> Value {
        self.lsp.ask(path::GRANT, json!({"loanApplicationId": id})).await
    }

    /// From nothing to granted loans.
    pub async fn granted(&self, count: usize) -> Vec<Loan> {
        let ids = self.file(count).await;
        let offers = self.offers(&ids).await;
        self.agree(&ids, &offers).await;
        self.set_up(&ids, &offers).await;
        let mut loans = Vec::new();
        for (application, offer) in ids.into_iter().zip(offers) {
            let answer = self.grant(&application).await;
            assert_eq!(answer["loanStatus"], "GRANTED", "{answer}");
            let loan_id = answer["loanId"].as_str().unwrap().to_owned();
            loans.push(Loan { application, offer, loan_id });
        }
        loans
    }

    /// A granted loan on a sandbox that waits to be told what the borrower does.
    pub async fn granted_by_hand(&self) -> Loan {
        let ids = self.file(1).await;
        self.consent_by_hand(&ids, "ONETIME").await;
        let answer = self.lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
        let offers = vec![answer["loanApplications"][0]["offers"][0].clone()];
        self.agree(&ids, &offers).await;
        let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
        self.lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;
        let plan = offers[0]["repayment"]["plans"][0]["id"].as_str().unwrap().to_owned();
        self.lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": ids[0], "plan": {"id": plan}})).await;
        self.server.post(&format!("/sandbox/mandates/{plan}"), &json!({"outcome": "authorise"})).await;
        let active = |c: &super::lsp::Callback| c.body["plan"]["id"] == plan && c.body["plan"]["status"] == "ACTIVE";
        self.lsp.callback_that("tells that the mandate is active", active).await;
        self.consent_by_hand(&ids, "PERIODIC").await;
        let answer = self.grant(&ids[0]).await;
        assert_eq!(answer["loanStatus"], "GRANTED", "{answer}");
        let loan_id = answer["loanId"].as_str().unwrap().to_owned();
        Loan { application: ids[0].clone(), offer: offers[0].clone(), loan_id }
    }

    /// Gets a consent and approves it as the borrower.
    pub async fn consent_by_hand(&self, ids: &[String], fetch_type: &str) {
        let body = json!({"loanApplicationIds": ids, "consent": {"consentFetchType": fetch_type, "vua": "asha@aa.in"}});
        let answer = self.lsp.ask(path::CONSENT_HANDLE, body).await;
        let handle = answer["consent"]["consentHandle"].as_str().unwrap().to_owned();
        self.server.post(&format!("/sandbox/consents/{handle}"), &json!({"outcome": "approve"})).await;
        let answer = self.lsp.ask(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})).await;
        assert_eq!(answer["consent"]["consentStatus"], "READY", "{answer}");
    }

    /// Has a loan paid out; gives the final status message.
    pub async fn disburse(&self, loan: &Loan, payment: &str) -> Value {
        let amount = loan.offer["terms"]["sanctionedAmount"].clone();
        let body = json!({"loanId": loan.loan_id, "payment": {"id": payment, "totalAmount": amount}});
        self.lsp.ask(path::TRIGGER_DISBURSEMENT, body).await;
        let paid = |c: &super::lsp::Callback| {
            c.path.ends_with("TriggerDisbursementStatusResponse") && c.body["payment"]["id"] == payment
        };
        self.lsp.callback_that("tells that the payout ended", paid).await.body
    }
}

//! Every scenario code, driven over HTTP: its outcome at the LSP, and its entry in the timeline.

mod clock;
mod decisions;
mod faults;
mod loans;
mod places;
mod referrals;
mod refusals;
mod set_up;
mod snapshots;

use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::TestLsp;
use crate::support::server::Server;

/// A sandbox with an LSP.
pub struct Scene {
    pub server: Server,
    pub lsp: TestLsp,
}

impl Scene {
    /// As `dev` has it.
    pub async fn open() -> Self {
        let server = Server::start().await;
        let lsp = server.lsp().await;
        Self { server, lsp }
    }

    pub fn flow(&self) -> Flow<'_> {
        Flow { server: &self.server, lsp: &self.lsp }
    }

    /// Files an application of a borrower whose PAN has the code; gives its id and what the LSP was told.
    pub async fn file(&self, code: &str) -> (String, Value) {
        let id = bodies::id();
        let answer = self.create(bodies::application(&id, &pan(code))).await;
        (id, answer)
    }

    /// Files one application; gives its item of the answer.
    pub async fn create(&self, application: Value) -> Value {
        let answer = self.lsp.ask(path::CREATE, json!({"loanApplications": [application]})).await;
        answer["loanApplications"][0].clone()
    }

    /// A granted loan of a borrower whose PAN has the code.
    pub async fn granted(&self, code: &str) -> Loan {
        let flow = self.flow();
        let ids = flow.file_for(&pan(code), 1).await;
        let offers = flow.offers(&ids).await;
        flow.agree(&ids, &offers).await;
        flow.set_up(&ids, &offers).await;
        let answer = flow.grant(&ids[0]).await;
        assert_eq!(answer["loanStatus"], "GRANTED", "{answer}");
        let loan_id = answer["loanId"].as_str().unwrap().to_owned();
        Loan { application: ids[0].clone(), offer: offers[0].clone(), loan_id }
    }

    /// A loan that is paid out.
    pub async fn running(&self, code: &str) -> Loan {
        let loan = self.granted(code).await;
        self.flow().disburse(&loan, "DISB-1").await;
        loan
    }

    /// What stands in an application's history.
    pub async fn history(&self, id: &str) -> Vec<String> {
        let shown = self.server.get(&format!("/admin/applications/{}/{id}", self.lsp.org_id)).await;
        let what = |event: &Value| event["what"].as_str().unwrap_or_default().to_owned();
        shown["events"].as_array().unwrap_or_else(|| panic!("{shown}")).iter().map(what).collect()
    }

    /// The history says where the code came from, and what it forced.
    pub async fn timeline(&self, id: &str, says: &[&str]) {
        let history = self.history(id).await;
        for line in says {
            assert!(history.iter().any(|what| what == &format!("scenario {line}")), "no \"{line}\" in {history:#?}");
        }
    }

    /// Moves the clock.
    pub async fn clock(&self, how: Value) -> Value {
        let (status, answer) = self.server.post("/sandbox/clock", &how).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// A loan as operators see it.
    pub async fn loan(&self, loan: &Loan) -> Value {
        self.server.get(&format!("/admin/loans/{}", loan.loan_id)).await
    }

    /// Files an application with codes in the header; gives the request's id.
    pub async fn send_with(&self, codes: &str, application: Value) -> String {
        let body = self.lsp.complete(json!({"loanApplications": [application]}));
        let request = self.server.http.post(format!("{}{}", self.server.url, path::CREATE));
        let request = request.header("content-type", "application/json").header("X-Sandbox-Scenario", codes);
        assert_eq!(request.body(self.lsp.seal(&body)).send().await.unwrap().status(), 200);
        body["requestId"].as_str().unwrap().to_owned()
    }

    /// Sets codes for all that the LSP files from now on.
    pub async fn set_default(&self, codes: &[&str]) {
        let (status, answer) =
            self.server.post("/sandbox/scenario", &json!({"orgId": self.lsp.org_id, "codes": codes})).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Sets codes by a call.
    pub async fn set(&self, id: &str, codes: &[&str]) {
        let body = json!({"orgId": self.lsp.org_id, "loanApplicationId": id, "codes": codes});
        let (status, answer) = self.server.post("/sandbox/scenario", &body).await;
        assert_eq!(status, 200, "{answer}");
    }
}

/// A person's PAN with a code.
pub fn pan(code: &str) -> String {
    format!("ZZZPX{code}Z")
}

#[test]
fn a_journey_can_be_sent_under_every_code_of_the_sandbox() {
    let known: Vec<&str> = ocen_lender::journey::scenario::CODES.iter().map(|code| code.code).collect();
    let sandbox: Vec<&str> = ocen_lender::sandbox::scenario::code::CODES.iter().map(|(code, _)| *code).collect();

    assert_eq!(known, sandbox);
}

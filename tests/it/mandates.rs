//! A mandate that the borrower cancels after he authorised it, at a collection system behind HTTP: it is asked about
//! where that counts, and may tell by itself.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::{Callback, TestLsp};
use crate::support::server::{Options, Server};
use crate::support::sql;
use crate::support::system::{self, Heard, System, Told, call_back, done, signed};

const CANCELLED: &str = "mandateInactive";

/// A collection system that says this of every mandate.
fn saying(finding: &'static str) -> impl Fn(&Heard) -> Told {
    move |heard| {
        let finding = match heard.method.as_str() {
            "register-mandate" => {
                json!({"finding": "mandateRegistered", "reference": "M-1", "paymentUrl": "https://bank.example/m"})
            }
            "status" => json!({ "finding": finding }),
            _ => json!({"finding": "acknowledged"}),
        };
        Told::Status(200, done(finding))
    }
}

async fn with(collections: &Arc<System>) -> (Server, TestLsp) {
    let system = Arc::clone(collections);
    let tweak = move |config: &mut ocen_lender::config::Config| system.behind(config, "collections", |limits| limits);
    let server = Server::start_with(Options { tweak: Some(Box::new(tweak)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    (server, lsp)
}

/// What the LSP is told unasked of a plan.
async fn told(lsp: &TestLsp, plan: &Value, status: &str) {
    let of_plan = |c: &Callback| {
        c.path.ends_with("setRepaymentPlanStatusResponse")
            && c.body["plan"]["id"] == *plan
            && c.body["plan"]["status"] == status
    };
    lsp.callback_that("tells what became of the mandate", of_plan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_loan_is_granted_on_a_mandate_that_was_cancelled_since() {
    let collections = System::start(saying("mandateActive")).await;
    let (server, lsp) = with(&collections).await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let plan = offers[0]["repayment"]["plans"][0]["id"].clone();

    collections.now(saying(CANCELLED));
    let answer = flow.grant(&ids[0]).await;
    assert_eq!(answer["loanStatus"], "ACTION_REQUIRED", "{answer}");
    told(&lsp, &plan, "INACTIVE").await;
    assert_eq!(sql::number(&server.app.pool, "select count(*) from loan").await, 0);
    assert!(collections.calls("cancel").is_empty(), "there is nothing left to be cancelled");

    collections.now(saying("mandateActive"));
    lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": ids[0], "plan": {"id": plan}})).await;
    let status = async || lsp.ask(path::REPAYMENT_PLAN_STATUS, json!({"plan": {"id": plan}})).await;
    server.until("another one is authorised", async || status().await["plan"]["status"] == "ACTIVE").await;
    assert_eq!(flow.grant(&ids[0]).await["loanStatus"], "GRANTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_the_status_of_a_plan_is_told_what_it_is_now() {
    let collections = System::start(saying("mandateActive")).await;
    let (server, lsp) = with(&collections).await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    let plan = loan.offer["repayment"]["plans"][0]["id"].clone();
    let status = async || lsp.ask(path::REPAYMENT_PLAN_STATUS, json!({"plan": {"id": plan}})).await;
    assert_eq!(status().await["plan"]["status"], "ACTIVE");
    collections.now(saying(CANCELLED));
    assert_eq!(status().await["plan"]["status"], "INACTIVE");
    let calls = collections.calls("status").len();
    assert_eq!(status().await["plan"]["status"], "INACTIVE");
    assert_eq!(collections.calls("status").len(), calls, "a mandate that is gone is not asked about");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_system_tells_of_a_cancellation_where_it_was_asked_before() {
    let collections = System::start(saying("mandateActive")).await;
    let (server, lsp) = with(&collections).await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    let plan = loan.offer["repayment"]["plans"][0]["id"].clone();
    let first = &collections.until("status", 1).await[0];
    let url = first.body["context"]["callbackUrl"].as_str().unwrap().to_owned();

    let post = async |body: Value| {
        let body = body.to_string();
        call_back(&server.http, &url, &body, &signed(&body, &system::keys(), 0)).await
    };
    let stale = (200, json!({"status": "stale"}));
    assert_eq!(post(done(json!({"finding": "mandateActive"}))).await, stale, "that was known");
    assert_eq!(post(done(json!({ "finding": CANCELLED }))).await, (200, json!({"status": "applied"})));
    told(&lsp, &plan, "INACTIVE").await;
    let shown = lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await;
    let repayment = &shown["repayment"];
    assert_eq!(
        (&repayment["plan"]["status"], &repayment["method"]),
        (&json!("INACTIVE"), &json!({"id": "M-1", "type": "ENACH", "status": "CANCELLED"})),
        "{shown}"
    );
    assert_eq!(post(done(json!({ "finding": CANCELLED }))).await, stale);
}

/// A collection system whose mandates wait for the borrower, and which wants to be left alone for hours.
fn waiting(heard: &Heard) -> Told {
    match heard.method.as_str() {
        "status" => Told::Status(200, system::pending(39_600)),
        _ => saying("mandateActive")(heard),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_waits_is_looked_at_when_its_status_or_the_grant_is_asked_for() {
    for grant_at_once in [false, true] {
        let collections = System::start(waiting).await;
        let (server, lsp) = with(&collections).await;
        let flow = Flow { server: &server, lsp: &lsp };
        let ids = flow.file(1).await;
        let offers = flow.offers(&ids).await;
        flow.agree(&ids, &offers).await;
        let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
        lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;
        let plan = offers[0]["repayment"]["plans"][0]["id"].clone();
        lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": ids[0], "plan": {"id": plan}})).await;
        flow.consent(&ids, "PERIODIC").await;
        collections.until("status", 1).await;
        let shown = format!("/admin/applications/{}/{}", lsp.org_id, ids[0]);
        server.until("his identity is verified", async || server.get(&shown).await["kyc"] == "DONE").await;

        let status = async || lsp.ask(path::REPAYMENT_PLAN_STATUS, json!({"plan": {"id": plan}})).await;
        assert_eq!(status().await["plan"]["status"], "PENDING_AUTH");
        let refused = flow.grant(&ids[0]).await;
        assert_eq!(refused["loanStatus"], "ACTION_REQUIRED", "{refused}");
        assert_eq!(collections.calls("status").len(), 3, "one look for each, and no more");
        collections.now(saying("mandateActive"));
        if !grant_at_once {
            assert_eq!(status().await["plan"]["status"], "ACTIVE");
        }
        let granted = flow.grant(&ids[0]).await;
        assert_eq!(granted["loanStatus"], "GRANTED", "{grant_at_once} {granted}");
        told(&lsp, &plan, "ACTIVE").await;
    }
}

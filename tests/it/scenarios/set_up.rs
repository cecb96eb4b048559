//! 06xx and 07xx: the mandate, the account and the payout.

use serde_json::{Value, json};

use super::{Scene, pan};
use crate::support::bodies::{self, path};
use crate::support::flow::Loan;
use crate::support::lsp::Callback;

/// An application whose repayment plan was set; gives its id and the plan.
async fn with_plan(scene: &Scene, code: &str) -> (String, Value) {
    let flow = scene.flow();
    let ids = flow.file_for(&pan(code), 1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;
    let plan = offers[0]["repayment"]["plans"][0]["id"].clone();
    scene.lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": ids[0], "plan": {"id": plan}})).await;
    (ids[0].clone(), plan)
}

async fn plan_status(scene: &Scene, plan: &Value) -> Value {
    scene.lsp.ask(path::REPAYMENT_PLAN_STATUS, json!({"plan": {"id": plan}})).await["plan"]["status"].clone()
}

/// Where the mandate of a loan stands.
async fn method(scene: &Scene, loan: &Loan) -> Value {
    let shown = scene.lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await;
    shown["repayment"]["method"]["status"].clone()
}

async fn plan_told(scene: &Scene, plan: &Value, status: &str) {
    let told = |c: &Callback| {
        c.path.ends_with("setRepaymentPlanStatusResponse")
            && c.body["plan"]["id"] == *plan
            && c.body["plan"]["status"] == status
    };
    scene.lsp.callback_that("tells what became of the mandate", told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0601_authorises_the_mandate_after_an_hour() {
    let scene = Scene::open().await;
    let (id, plan) = with_plan(&scene, "0601").await;
    assert_eq!(plan_status(&scene, &plan).await, "PENDING_AUTH");
    scene.clock(json!({"advance": "PT59M"})).await;
    assert_eq!(plan_status(&scene, &plan).await, "PENDING_AUTH");
    scene.clock(json!({"advance": "PT2M"})).await;
    plan_told(&scene, &plan, "ACTIVE").await;
    let says = ["0601: mandate waits for the borrower for an hour", "0601: the borrower authorises the mandate"];
    scene.timeline(&id, &says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0602_lets_the_borrower_cancel_an_active_mandate() {
    let scene = Scene::open().await;
    let loan = scene.running("0602").await;
    let plan = loan.offer["repayment"]["plans"][0]["id"].clone();
    assert_eq!((plan_status(&scene, &plan).await, method(&scene, &loan).await), (json!("ACTIVE"), json!("ACTIVE")));
    scene.clock(json!({"advance": "PT61M"})).await;
    plan_told(&scene, &plan, "INACTIVE").await;
    assert_eq!(
        (plan_status(&scene, &plan).await, method(&scene, &loan).await),
        (json!("INACTIVE"), json!("CANCELLED"))
    );

    scene.clock(json!({"advance": "P45D"})).await;
    let shown = scene.loan(&loan).await;
    assert!(shown["delinquency"]["daysPastDue"].as_i64().unwrap() > 0, "{shown}");
    assert_eq!(shown["payments"], json!([]), "nothing is debited that cannot be");
    assert!(!shown["book"].to_string().contains("BOUNCE"), "and nobody is charged for it: {shown}");
    let says = ["0602: mandate authorised, and cancelled in an hour", "0602: the borrower cancels the mandate"];
    scene.timeline(&loan.application, &says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_cancelled_before_the_grant_grants_nothing_until_there_is_another() {
    let scene = Scene::open().await;
    let flow = scene.flow();
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let plan = offers[0]["repayment"]["plans"][0]["id"].clone();
    let told = format!("/sandbox/mandates/{}", plan.as_str().unwrap());
    assert_eq!(scene.server.post(&told, &json!({"outcome": "cancel"})).await.0, 200);
    plan_told(&scene, &plan, "INACTIVE").await;
    let refused = flow.grant(&ids[0]).await;
    assert_eq!(refused["loanStatus"], "ACTION_REQUIRED", "{refused}");
    assert!(refused["actionRequired"].to_string().contains("repayment is not set up"), "{refused}");

    scene.lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": ids[0], "plan": {"id": plan}})).await;
    scene
        .server
        .until("the borrower authorises another one", async || plan_status(&scene, &plan).await == "ACTIVE")
        .await;
    assert_eq!(flow.grant(&ids[0]).await["loanStatus"], "GRANTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0603_refuses_the_mandate() {
    let scene = Scene::open().await;
    let (id, plan) = with_plan(&scene, "0603").await;
    plan_told(&scene, &plan, "INACTIVE").await;
    scene.timeline(&id, &["0603 from PAN of applicant", "0603: mandate refused"]).await;
}

/// Waits for what the LSP is told of a payout.
async fn payout_told(scene: &Scene, status: &str) -> Value {
    let told =
        |c: &Callback| c.path.ends_with("TriggerDisbursementStatusResponse") && c.body["payment"]["status"] == status;
    scene.lsp.callback_that("tells what became of the payout", told).await.body
}

async fn trigger(scene: &Scene, loan: &Loan) -> Value {
    let amount = loan.offer["terms"]["sanctionedAmount"].clone();
    let body = json!({"loanId": loan.loan_id, "payment": {"id": "DISB-1", "totalAmount": amount}});
    scene.lsp.ask(path::TRIGGER_DISBURSEMENT, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0701_fails_the_payout_for_its_name() {
    let scene = Scene::open().await;
    let loan = scene.granted("0701").await;
    trigger(&scene, &loan).await;
    payout_told(&scene, "FAILURE").await;
    scene.timeline(&loan.application, &["0701 from PAN of applicant", "0701: payout fails, name mismatch"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0702_pays_out_after_an_hour() {
    let scene = Scene::open().await;
    let loan = scene.granted("0702").await;
    assert_eq!(trigger(&scene, &loan).await["payment"]["status"], "PENDING_AUTH");
    let waits = "scenario 0702: payout is pending for an hour";
    scene
        .server
        .until("the bank has the order", async || scene.history(&loan.application).await.contains(&waits.to_owned()))
        .await;
    scene.clock(json!({"advance": "PT61M"})).await;
    payout_told(&scene, "SUCCESS").await;
    scene.timeline(&loan.application, &["0702: the bank pays out"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0703_takes_a_payout_back_on_the_next_day() {
    let scene = Scene::open().await;
    let loan = scene.granted("0703").await;
    trigger(&scene, &loan).await;
    payout_told(&scene, "SUCCESS").await;
    scene.clock(json!({"advance": "P2D"})).await;
    let shown = scene.loan(&loan).await;
    assert_eq!(shown["payouts"][0]["state"], "FAILED", "{shown}");
    payout_told(&scene, "FAILURE").await;
    let says = ["0703: payout unknown, then paid", "0703: the bank takes the payout back"];
    scene.timeline(&loan.application, &says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0704_refuses_an_account_that_is_not_the_borrowers() {
    let scene = Scene::open().await;
    let flow = scene.flow();
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;
    let account = bodies::account("99900000704", bodies::NAME);
    let answer = scene.lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;
    assert_ne!(answer["response"]["error"], "0", "{answer}");
    assert_eq!(answer["account"]["status"], "INACTIVE", "{answer}");
    scene.timeline(&ids[0], &["0704 from payout account", "0704: account refused"]).await;
}

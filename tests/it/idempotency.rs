//! A request id stands for one effect, however often and however fast it comes (design §6, `ocen-v3.md` §3.5).

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::{Ack, Reaction, TestLsp};
use crate::support::server::Server;

/// How often each request is sent at once.
const AT_ONCE: usize = 50;

/// An LSP that wants to be left alone for a day: what it got stays queued until a test says so.
fn busy() -> Reaction {
    Reaction { status: 429, body: None, headers: vec![("retry-after".to_owned(), "86400".to_owned())] }
}

/// Sends one message many times at once, each with metadata of its own.
async fn send_all(lsp: &Arc<TestLsp>, path: &'static str, body: &Value) -> Vec<Ack> {
    let mut sending = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (lsp, body) = (Arc::clone(lsp), body.clone());
        sending.spawn(async move { lsp.send(path, body).await.1 });
    }
    sending.join_all().await
}

/// The answer's row in the outbox; unasked messages that borrow its request id are none.
async fn answers(server: &Server, request_id: &str) -> Vec<Value> {
    let listed = server.get(&format!("/admin/callbacks?requestId={request_id}")).await;
    let mut items = listed["items"].as_array().unwrap().clone();
    items.retain(|item| item["exchangeId"].is_string());
    items
}

/// Waits until the one answer was tried and put off, has it sent again, and waits until it is delivered.
async fn let_it_through(server: &Server, request_id: &str) {
    let tried = || async { answers(server, request_id).await.iter().any(|a| a["attempts"] == 1) };
    server.until("the answer was tried", tried).await;
    let queued = answers(server, request_id).await;
    assert_eq!(queued.len(), 1, "{queued:?}");
    let id = queued[0]["id"].as_str().unwrap();
    server.post(&format!("/admin/callbacks/{id}/redeliver"), &json!({})).await;
    let delivered = || async { answers(server, request_id).await.iter().all(|a| a["state"] == "delivered") };
    server.until("the answer was delivered", delivered).await;
}

/// The same message but for the time of its attempt.
fn frozen(body: &Value) -> Value {
    let mut body = body.clone();
    body["metadata"]["timestamp"] = Value::Null;
    body
}

/// Has a request sent fifty times at once, before its answer can be delivered; gives the answer.
async fn fifty_times(server: &Server, lsp: &Arc<TestLsp>, path: &'static str, body: Value) -> Value {
    lsp.inbox.react("*", vec![busy()]);
    let request_id = format!("REQ-{}", bodies::id());
    let body = with_request_id(body, &request_id);
    for ack in send_all(lsp, path, &body).await {
        assert_eq!((ack.status, ack.error()), (200, "0"), "{path}: {}", ack.body);
    }
    let_it_through(server, &request_id).await;
    let operation = path.rsplit('/').next().unwrap().trim_end_matches("Request").to_ascii_lowercase();
    let mut got = lsp.inbox.of(&request_id);
    got.retain(|c| c.path.to_ascii_lowercase().ends_with(&format!("/{operation}response")));
    assert_eq!(got.len(), 2, "{path}: put off once, taken once");
    assert_eq!(frozen(&got[0].body), frozen(&got[1].body));
    got[1].body.clone()
}

fn with_request_id(mut body: Value, request_id: &str) -> Value {
    body["requestId"] = json!(request_id);
    body
}

async fn offered(server: &Server, lsp: &Arc<TestLsp>) -> (String, Value) {
    let application = bodies::id();
    let item = bodies::application(&application, &bodies::pan());
    let ids = json!([application]);
    let once = |path, body| fifty_times(server, lsp, path, body);
    let filed = once(path::CREATE, json!({"loanApplications": [item]})).await;
    assert_eq!(filed["loanApplications"][0]["loanApplicationStatus"], "PROCESSING");
    consent(server, lsp, &application, "ONETIME").await;
    let offers = once(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    (application, offers["loanApplications"][0]["offers"][0].clone())
}

async fn consent(server: &Server, lsp: &Arc<TestLsp>, application: &str, fetch_type: &str) {
    let once = |path, body| fifty_times(server, lsp, path, body);
    let consent = json!({"consentFetchType": fetch_type, "vua": "asha@aa.in"});
    let asked = once(path::CONSENT_HANDLE, json!({"loanApplicationIds": [application], "consent": consent})).await;
    let handle = asked["consent"]["consentHandle"].clone();
    let told = once(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})).await;
    assert_eq!(told["consent"]["consentStatus"], "READY");
}

async fn agreed(server: &Server, lsp: &Arc<TestLsp>, application: &str, offer: &Value) {
    let once = |path, body| fifty_times(server, lsp, path, body);
    once(path::SET_OFFER, json!({"loanApplicationId": application, "offer": {"id": offer["id"]}})).await;
    let otp = json!({"type": "OTP", "data": {"appToken": "0aBCD7DMr72"}});
    let sent = once(path::TRIGGER_ACCEPTANCE, json!({"loanApplicationIds": [application], "credBlock": otp})).await;
    let session = sent["credBlock"]["data"]["otpSessionKey"].as_str().unwrap();
    let digits = server.get(&format!("/sandbox/otp/{session}")).await["otp"].clone();
    let data = json!({"otpSessionKey": session, "otp": digits});
    let verified = once(path::VERIFY_ACCEPTANCE, json!({"credBlock": {"type": "OTP", "data": data}})).await;
    assert_eq!(verified["credBlock"]["data"]["status"], "SUCCESS");
}

async fn set_up(server: &Server, lsp: &Arc<TestLsp>, application: &str, offer: &Value) {
    let once = |path, body| fifty_times(server, lsp, path, body);
    let about = |member: &str, value: Value| {
        let mut body = json!({"loanApplicationId": application});
        body[member] = value;
        body
    };
    once(path::GET_DISBURSEMENT_PLANS, json!({"loanApplicationId": application})).await;
    once(path::GET_REPAYMENT_PLANS, json!({"loanApplicationId": application})).await;
    let plan = json!({"id": offer["disbursement"]["plans"][0]["id"]});
    once(path::SET_DISBURSEMENT_PLAN, about("plan", plan)).await;
    once(path::SET_ACCOUNT, about("account", bodies::account(bodies::ACCOUNT, bodies::NAME))).await;
    once(path::GET_ACCOUNTS, json!({"loanApplicationId": application})).await;
    let plan = json!({"id": offer["repayment"]["plans"][0]["id"]});
    once(path::SET_REPAYMENT_PLAN, about("plan", plan.clone())).await;
    lsp.callback_that("tells that the mandate is active", |c| c.body["plan"]["status"] == "ACTIVE").await;
    once(path::REPAYMENT_PLAN_STATUS, json!({"plan": plan})).await;
    consent(server, lsp, application, "PERIODIC").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_duplicates_of_each_request_have_one_effect() {
    let server = Server::start().await;
    let lsp = Arc::new(TestLsp::register_with(&server, "LSP-PLAIN", json!({"allowUnsigned": true}), None).await);
    let once = |path, body| fifty_times(&server, &lsp, path, body);

    let (application, offer) = offered(&server, &lsp).await;
    agreed(&server, &lsp, &application, &offer).await;
    set_up(&server, &lsp, &application, &offer).await;
    let granted = once(path::GRANT, json!({"loanApplicationId": application})).await;
    let loan = granted["loanId"].clone();
    let payment = json!({"id": "DISB-1", "totalAmount": offer["terms"]["sanctionedAmount"]});
    once(path::TRIGGER_DISBURSEMENT, json!({"loanId": loan, "payment": payment})).await;
    lsp.callback_that("tells that the money moved", |c| c.body["payment"]["status"] == "SUCCESS").await;
    once(path::DISBURSEMENT_STATUS, json!({"loanId": loan, "payment": {"id": "DISB-1"}})).await;
    once(path::LOOKUP, json!({"lookupType": "LOOKUP_TYPE"})).await;

    let shown = server.get(&format!("/admin/applications/{}/{application}", lsp.org_id)).await;
    let mut events: Vec<&str> =
        shown["events"].as_array().unwrap().iter().map(|e| e["what"].as_str().unwrap()).collect();
    let happened = events.len();
    events.sort_unstable();
    events.dedup();
    assert_eq!(events.len(), happened, "nothing happened twice: {events:?}");
    let shown = server.get(&format!("/admin/loans/{}", loan.as_str().unwrap())).await;
    assert_eq!(shown["payouts"].as_array().unwrap().len(), 1);
    assert_eq!(shown["book"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_after_delivery_queue_one_more_copy() {
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let application = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    let body = json!({"loanApplicationIds": [application], "consent": {"vua": "asha@aa.in"}});
    let body = with_request_id(body, "REQ-1");
    lsp.ask(path::CONSENT_HANDLE, body.clone()).await;
    let delivered = || async { answers(&server, "REQ-1").await[0]["state"] == "delivered" };
    server.until("the answer is delivered", delivered).await;

    lsp.inbox.react("*", vec![busy()]);
    for ack in send_all(&lsp, path::CONSENT_HANDLE, &body).await {
        assert_eq!((ack.status, ack.error()), (200, "0"));
    }
    let_it_through(&server, "REQ-1").await;

    let got = lsp.inbox.of("REQ-1");
    assert_eq!(got.len(), 3, "the first delivery, and one copy that was put off once");
    assert!(got.iter().all(|c| frozen(&c.body) == frozen(&got[0].body)));
}

/// What an LSP hears last when it repeats a settled request: the answer, and behind it the news of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_is_told_the_latest_news_of_its_request_last() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let payment = json!({"id": "DISB-1", "totalAmount": loan.offer["terms"]["sanctionedAmount"]});
    let paid = with_request_id(json!({"loanId": loan.loan_id, "payment": payment}), "REQ-PAY");
    lsp.ask(path::TRIGGER_DISBURSEMENT, paid.clone()).await;
    let plan = json!({"id": loan.offer["repayment"]["plans"][0]["id"]});
    let told = |status: &'static str| {
        let lsp = &lsp;
        async move { lsp.inbox.of("REQ-PAY").iter().filter(|c| c.body["payment"]["status"] == status).count() }
    };
    server.until("the payout was told", async || told("SUCCESS").await == 1).await;

    for again in 2..=3 {
        lsp.send(path::TRIGGER_DISBURSEMENT, paid.clone()).await;
        server.until("the news came again", async || told("SUCCESS").await == again).await;
        let got: Vec<Value> = lsp.inbox.of("REQ-PAY").iter().map(|c| c.body["payment"]["status"].clone()).collect();
        assert_eq!(got, ["PENDING_AUTH", "SUCCESS"].repeat(again), "the answer, then the news");
    }

    let listed = server.get(&format!("/admin/callbacks?orgId={}&limit=100", lsp.org_id)).await;
    let set = listed["items"].as_array().unwrap().iter().find(|c| c["operation"] == "setRepaymentPlan").unwrap();
    let request_id = set["requestId"].as_str().unwrap();
    let again = with_request_id(json!({"loanApplicationId": loan.application, "plan": plan}), request_id);
    lsp.send(path::SET_REPAYMENT_PLAN, again).await;
    server.until("all came again", async || lsp.inbox.of(request_id).len() == 4).await;
    let got: Vec<Value> = lsp.inbox.of(request_id).iter().map(|c| c.body["plan"]["status"].clone()).collect();
    assert_eq!(got, ["PENDING_AUTH", "ACTIVE", "PENDING_AUTH", "ACTIVE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_again_while_its_news_waits() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    let news = "/v3/disbursement/TriggerDisbursementStatusResponse";
    lsp.inbox.react(news, vec![busy()]);
    let body = with_request_id(json!({"loanId": loan.loan_id, "payment": {"id": "DISB-1"}}), "REQ-PAY");
    lsp.ask(path::TRIGGER_DISBURSEMENT, body.clone()).await;
    let listed = async || server.get("/admin/callbacks?requestId=REQ-PAY").await["items"].as_array().unwrap().clone();
    let waits = async || listed().await.iter().any(|c| c["exchangeId"].is_null() && c["attempts"] == 1);
    server.until("the news was put off", waits).await;

    lsp.send(path::TRIGGER_DISBURSEMENT, body).await;
    let waiting = listed().await.into_iter().find(|c| c["exchangeId"].is_null()).unwrap();
    server.post(&format!("/admin/callbacks/{}/redeliver", waiting["id"].as_str().unwrap()), &json!({})).await;
    server.until("the news came", async || lsp.inbox.of("REQ-PAY").len() == 3).await;
    let got: Vec<Value> = lsp.inbox.of("REQ-PAY").iter().map(|c| c.body["payment"]["status"].clone()).collect();
    assert_eq!(got, ["PENDING_AUTH", "SUCCESS", "SUCCESS"], "the one that was put off, and nothing older after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_a_used_request_id_conflicts() {
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(2).await;
    let about = |id: &String| with_request_id(json!({"loanApplicationId": id}), "REQ-1");
    lsp.ask(path::GET_REPAYMENT_PLANS, about(&ids[0])).await;

    let (_, other) = lsp.send(path::GET_REPAYMENT_PLANS, about(&ids[1])).await;
    let (_, elsewhere) = lsp.send(path::GET_DISBURSEMENT_PLANS, about(&ids[1])).await;
    let (_, same) = lsp.send(path::GET_REPAYMENT_PLANS, about(&ids[0])).await;

    assert_eq!((other.status, other.error()), (409, "GEN5008"));
    assert_eq!((elsewhere.status, elsewhere.error()), (200, "0"), "a request id belongs to its operation");
    assert_eq!((same.status, same.error()), (200, "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_bodies_racing_for_one_request_id_one_wins() {
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let pan = bodies::pan();
    let create = |id: &str| with_request_id(json!({"loanApplications": [bodies::application(id, &pan)]}), "REQ-RACE");
    let (one, two) = (bodies::id(), bodies::id());
    let (bodies_one, bodies_two) = (create(&one), create(&two));

    let (first, second) =
        tokio::join!(send_all(&lsp, path::CREATE, &bodies_one), send_all(&lsp, path::CREATE, &bodies_two));

    let won = |acks: &[Ack]| acks.iter().all(|a| a.status == 200);
    let lost = |acks: &[Ack]| acks.iter().all(|a| (a.status, a.error()) == (409, "GEN5008"));
    assert!((won(&first) && lost(&second)) || (lost(&first) && won(&second)), "{first:?} {second:?}");
    let listed = server.get(&format!("/admin/applications?orgId={}", lsp.org_id)).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_applications_that_come_at_once_each_is_filed_once() {
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let mut sending = JoinSet::new();
    for turn in 0..AT_ONCE {
        // Every fifth request comes three times, and every seventh has the id of the one before it.
        let id = if turn % 7 == 6 { turn - 1 } else { turn };
        let item = bodies::application(&format!("AT-ONCE-{id}"), &bodies::pan());
        let body = with_request_id(json!({"loanApplications": [item]}), &format!("REQ-{turn}"));
        for _ in 0..(if turn % 5 == 0 { 3 } else { 1 }) {
            let (lsp, body) = (Arc::clone(&lsp), body.clone());
            sending.spawn(async move { lsp.send(path::CREATE, body).await.1 });
        }
    }

    let acks = sending.join_all().await;

    assert!(acks.iter().all(|ack| ack.status == 200), "{acks:?}");
    let listed = server.get(&format!("/admin/applications?orgId={}&limit=100", lsp.org_id)).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), AT_ONCE - AT_ONCE / 7);
    for turn in 0..AT_ONCE {
        lsp.callback(&format!("REQ-{turn}")).await;
        let answered = answers(&server, &format!("REQ-{turn}")).await;
        assert_eq!(answered.len(), 1, "REQ-{turn}: {answered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_its_ack_refused_may_come_again() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let application = bodies::id();
    let plans = with_request_id(json!({"loanApplicationId": application}), "REQ-1");

    let (_, early) = lsp.send(path::GET_REPAYMENT_PLANS, plans.clone()).await;
    let item = bodies::application(&application, &bodies::pan());
    let (_, malformed) = lsp.send(path::CREATE, with_request_id(json!({"loanApplications": 7}), "REQ-2")).await;
    let create = with_request_id(json!({"loanApplications": [item]}), "REQ-2");
    let filed = lsp.ask(path::CREATE, create).await;
    let (_, again) = lsp.send(path::GET_REPAYMENT_PLANS, plans).await;

    assert_eq!((early.status, early.error()), (404, "GEN5009"));
    assert_eq!(malformed.status, 400, "{}", malformed.body);
    assert_eq!(filed["loanApplications"][0]["loanApplicationStatus"], "PROCESSING");
    assert_eq!((again.status, again.error()), (200, "0"));
}

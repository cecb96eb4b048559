//! The lender's systems behind HTTP: later answers, silence, rest, and mistakes in the connection (`lending.md` §5.2).

use std::sync::Arc;
use std::time::Duration;

use ocen_lender::config::AdapterConfig;
use ocen_lender::lender::webhook::Keys;
use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};

use crate::support::bodies::{self, path};
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::server::{Options, Server};
use crate::support::sql;
use crate::support::system::{self, Heard, System, Told, call_back, paid, pending, signed};

/// A server with a system behind a port, and an LSP.
async fn with(
    system: &Arc<System>,
    port: &'static str,
    limits: fn(AdapterConfig) -> AdapterConfig,
) -> (Server, TestLsp) {
    let system = Arc::clone(system);
    let tweak = move |config: &mut ocen_lender::config::Config| system.behind(config, port, limits);
    let server = Server::start_with(Options { tweak: Some(Box::new(tweak)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    (server, lsp)
}

fn usual(_: &Heard) -> Told {
    Told::Usual
}

/// Usual, but for one method.
fn but(method: &'static str, told: impl Fn(&Heard) -> Told + Send + Sync + 'static) -> impl Fn(&Heard) -> Told {
    move |heard| if heard.method == method { told(heard) } else { Told::Usual }
}

async fn trigger(lsp: &TestLsp, loan: &Loan) {
    let payment = json!({"id": "DISB-1", "totalAmount": loan.offer["terms"]["sanctionedAmount"]});
    let body = json!({"loanId": loan.loan_id, "payment": payment});
    let answer = lsp.ask(path::TRIGGER_DISBURSEMENT, body).await;
    assert_eq!(answer["payment"]["status"], "PENDING_AUTH", "{answer}");
}

fn moved(callback: &Callback) -> bool {
    callback.path.contains("Status") && callback.body["payment"]["status"] == "SUCCESS"
}

async fn paid_once(server: &Server) {
    assert_eq!(sql::number(&server.app.pool, "select count(*) from payout where state = 'PAID'").await, 1);
    assert_eq!(sql::number(&server.app.pool, "select count(*) from journal").await, 1);
}

fn address(heard: &Heard) -> String {
    heard.body["context"]["callbackUrl"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_aggregator_is_told_by_what_to_recognise_the_lsp() {
    let created = |heard: &Heard| {
        let finding = json!({"finding": "consentCreated", "handle": format!("CH-{}", heard.number)});
        Told::Status(200, system::done(finding))
    };
    let aggregator = System::start(but("consent-create", created)).await;
    let (server, lsp) = with(&aggregator, "data", |limits| limits).await;
    let ids = Flow { server: &server, lsp: &lsp }.file(2).await;
    let info = json!({"lspId": "LSP-7", "version": 3, "appName": "in.example.app", "url": null});
    let consent = json!({"vua": "asha@aa.in", "isAggregationEnabled": "true", "lspInfo": [info]});
    lsp.ask(path::CONSENT_HANDLE, json!({"loanApplicationIds": ids[0], "consent": consent})).await;
    let bare = json!({"vua": "asha@aa.in"});
    lsp.ask(path::CONSENT_HANDLE, json!({"loanApplicationIds": ids[1], "consent": bare})).await;

    let heard = aggregator.until("consent-create", 2).await;
    let info = json!({"lspId": "LSP-7", "version": "3", "appName": "in.example.app", "url": null});
    assert_eq!(heard[0].body["ask"]["lspInfo"], info, "{}", heard[0].body);
    assert_eq!(heard[0].body["ask"]["isAggregationEnabled"], true);
    for member in ["lspInfo", "isAggregationEnabled"] {
        assert_eq!(heard[1].body["ask"][member], Value::Null, "{}", heard[1].body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_ends_by_a_signed_callback_and_only_by_one() {
    let bank = System::start(but("pay", |_| Told::Status(202, pending(3600)))).await;
    let (server, lsp) = with(&bank, "disbursement", |limits| limits).await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    trigger(&lsp, &loan).await;
    let url = address(&bank.until("pay", 1).await[0]);
    let settled = "select count(*) from ask where method = 'pay' and lease_id is null and reference is not null";
    server.until("the bank's first answer is noted", async || sql::number(&server.app.pool, settled).await == 1).await;
    let (http, body, ours) = (&server.http, paid().to_string(), system::keys());

    let strangers = Keys::new(&[vec![9; 32].into()]);
    for (headers, wanted) in [(signed(&body, &strangers, 0), 401), (signed(&body, &ours, -301), 401), (Vec::new(), 401)]
    {
        assert_eq!(call_back(http, &url, &body, &headers).await.0, wanted);
    }
    let altered = signed(&body.replace("UTR-1", "UTR-2"), &ours, 0);
    assert_eq!(call_back(http, &url, &body, &altered).await.0, 401);
    let mut other = url.clone();
    let last = other.pop();
    other.push(if last == Some('A') { 'B' } else { 'A' });
    assert_eq!(call_back(http, &other, &body, &signed(&body, &ours, 0)).await.0, 404);
    let endless = "x".repeat(300_000);
    assert_eq!(call_back(http, &url, &endless, &signed(&endless, &ours, 0)).await.0, 413);
    let nonsense = system::done(json!({"finding": "pass"})).to_string();
    assert_eq!(call_back(http, &url, &nonsense, &signed(&nonsense, &ours, 0)).await.0, 422);
    assert_eq!(sql::number(&server.app.pool, "select count(*) from journal").await, 0);

    let headers = signed(&body, &ours, 0);
    assert_eq!(call_back(http, &url, &body, &headers).await, (200, json!({"status": "applied"})));
    assert_eq!(call_back(http, &url, &body, &headers).await, (200, json!({"status": "stale"})));
    lsp.callback_that("tells that the money moved", moved).await;
    paid_once(&server).await;
    assert!(bank.calls("status").is_empty(), "nobody had to ask");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_overtakes_a_poll_that_is_under_way() {
    let bank = System::start(|heard| match heard.method.as_str() {
        "pay" => Told::Status(202, pending(0)),
        "status" => Told::Held(paid()),
        _ => Told::Usual,
    })
    .await;
    let (server, lsp) = with(&bank, "disbursement", |limits| limits).await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    trigger(&lsp, &loan).await;
    let url = address(&bank.until("status", 1).await[0]);

    let body = paid().to_string();
    let answer = call_back(&server.http, &url, &body, &signed(&body, &system::keys(), 0)).await;
    assert_eq!(answer, (200, json!({"status": "applied"})));
    bank.let_go();

    lsp.callback_that("tells that the money moved", moved).await;
    server.app.stop.cancel();
    server.app.tasks.close();
    server.app.tasks.wait().await;
    paid_once(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_without_an_answer_is_only_asked_about() {
    let bank = System::start(|heard| match (heard.method.as_str(), heard.number) {
        ("pay", _) => Told::Status(500, json!({})),
        ("status", 0) => Told::RetryAfter(429, 1),
        ("status", 1) => Told::Status(404, json!({"detail": "a proxy's"})),
        ("status", 2) => Told::Status(200, json!({"outcome": "unknown"})),
        _ => Told::Usual,
    })
    .await;
    let (server, lsp) = with(&bank, "disbursement", |limits| limits).await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    trigger(&lsp, &loan).await;
    lsp.callback_that("tells that the money moved", moved).await;

    let (pays, asks) = (bank.calls("pay"), bank.calls("status"));
    assert_eq!((pays.len(), asks.len()), (1, 4));
    for ask in &asks {
        assert_eq!(ask.body["key"], pays[0].body["key"]);
        assert_ne!(ask.key, pays[0].key, "it would replay the answer to `pay`");
    }
    paid_once(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_or_silent_system_is_asked_again_with_the_same_key() {
    let bank = System::start(but("verify-account", |heard| match heard.number {
        0 => Told::Status(503, json!({})),
        1 => Told::RetryAfter(425, 1),
        2 => Told::Held(json!({})),
        _ => Told::Usual,
    }))
    .await;
    let (server, lsp) =
        with(&bank, "disbursement", |limits| AdapterConfig { timeout: Duration::from_secs(1), ..limits }).await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;

    let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
    let answer = lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;

    assert_eq!(answer["account"]["status"], "ACTIVE", "{answer}");
    let calls = bank.calls("verify-account");
    assert_eq!(calls.len(), 4);
    assert!(calls.iter().all(|call| call.key == calls[0].key), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_system_rests_and_its_questions_spend_no_try() {
    let bank = System::start(but("verify-account", |_| Told::Status(500, json!({})))).await;
    let (server, lsp) = with(&bank, "disbursement", |limits| AdapterConfig {
        breaker_failures: 2,
        breaker_rest: Duration::from_secs(4),
        ..limits
    })
    .await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
    let body = json!({"loanApplicationId": ids[0], "account": account});
    let (request_id, _) = lsp.send(path::SET_ACCOUNT, body).await;

    let port = async || server.get("/admin/ports").await["items"][0].clone();
    server.until("the breaker is open", async || port().await["breaker"] == "OPEN").await;
    let open = port().await;
    assert_eq!((&open["port"], &open["failures"]), (&json!("disbursement"), &json!(2)), "{open}");
    assert_eq!(bank.calls("verify-account").len(), 2);
    let ready = server.http.get(format!("{}/health/ready", server.url)).send().await.unwrap();
    assert!(ready.status().is_success(), "acks must go on");

    bank.now(usual);
    let answer = lsp.callback(&request_id).await;
    assert_eq!(answer["account"]["status"], "ACTIVE", "{answer}");
    assert_eq!(port().await["breaker"], "CLOSED");
    let tries = "select tries::bigint from ask where method = 'verify-account'";
    let calls = bank.calls("verify-account").len();
    assert_eq!((sql::number(&server.app.pool, tries).await, calls), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_of_the_adapter_waits_for_a_person_and_fails_nobody() {
    let identity = System::start(|_| Told::Status(404, json!({"detail": "no route"}))).await;
    let (server, lsp) = with(&identity, "kyc", |limits| limits).await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;

    let stuck = async || server.get("/admin/asks").await["items"].as_array().cloned().unwrap_or_default();
    server.until("the question is stuck", async || stuck().await.len() == 1).await;
    let ask: Value = stuck().await[0].clone();
    assert_eq!((&ask["port"], &ask["loanApplicationId"]), (&json!("kyc"), &json!(ids[0])), "{ask}");
    let kyc = async || server.get(&format!("/admin/applications/{}/{}", lsp.org_id, ids[0])).await["kyc"].clone();
    assert_eq!(kyc().await, "PENDING", "nobody has said that the borrower is somebody else");

    identity.now(usual);
    let retry = format!("/admin/asks/{}/retry", ask["askId"].as_str().unwrap());
    assert_eq!(server.post(&retry, &json!({})).await.0, 200);
    server.until("the borrower is identified", async || kyc().await == "DONE").await;
    assert_eq!(server.post(&retry, &json!({})).await.0, 404);
    let keys: Vec<String> = identity.calls("start").into_iter().map(|call| call.key).collect();
    let [first, again] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!(*again, format!("{first}.1"), "what the adapter keeps under the first key is no answer any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_product_does_not_allow_is_not_offered_whoever_approves_it() {
    let approval = |amount| json!({"finding": "approve", "offers": [{"amount": amount}]});
    let scoring = System::start(but("offers", move |_| {
        Told::Status(200, json!({"outcome": "done", "finding": approval("1000000.01")}))
    }))
    .await;
    let (server, lsp) = with(&scoring, "decision", |limits| limits).await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    flow.consent(&ids, "ONETIME").await;
    lsp.send(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;

    let open = async || server.get("/admin/decisions").await["items"].as_array().unwrap().clone();
    server.until("a person is asked", async || !open().await.is_empty()).await;
    let waiting = open().await[0].clone();
    assert_eq!((&waiting["question"], &waiting["codes"]), (&json!("offers"), &json!(["BEYOND_PRODUCT"])), "{waiting}");
    let shown = server.get(&format!("/admin/decisions/{}", waiting["decisionId"].as_str().unwrap())).await;
    let words = shown["reasons"][0]["description"].as_str().unwrap();
    assert!(words.contains("is given from 1000.00 to 1000000.00 rupees"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_a_newer_version_keeps_no_other_waiting() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    flow.granted(1).await;
    let pool = &server.app.pool;
    let row = pool.fetch_one("select ask_id from ask order by ask_id limit 1").await.unwrap();
    let id: uuid::Uuid = row.get(0);
    let unknown = json!({"kind": "ASK", "ask": {"ask": "FORETELL"}, "targets": []});
    let sealed = hex::encode(server.app.sealer.seal_json(&format!("ask:{}", id.simple()), &unknown).unwrap());
    let due = server.app.clock.now() - chrono::Duration::hours(1);
    let waits = format!(
        "update ask
        set detail = decode('{sealed}', 'hex'), state = 'OPEN', closed_at = null, due_at = '{due}', tries = 0
        where ask_id = '{id}'"
    );
    sql::run(pool, &waits).await.unwrap();
    flow.granted(1).await;
    let left = "select count(*) from ask where state = 'OPEN' and tries > 0 and due_at < now() - interval '1 minute'";
    assert_eq!(sql::number(pool, left).await, 1, "it was taken up, and is left to whoever can read it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_takes_back_that_it_paid_calls_a_person() {
    let bank = System::start(but("pay", |_| Told::Status(200, paid()))).await;
    let (server, lsp) = with(&bank, "disbursement", |limits| limits).await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    trigger(&lsp, &loan).await;
    lsp.callback_that("tells that the money moved", moved).await;
    let url = address(&bank.until("pay", 1).await[0]);
    let refusal = json!({"outcome": "refused", "code": "ACCOUNT_CLOSED", "detail": "closed"}).to_string();
    let headers = signed(&refusal, &system::keys(), 0);
    let post = async || call_back(&server.http, &url, &refusal, &headers).await;
    assert_eq!(post().await, (200, json!({"status": "applied"})));
    assert_eq!(post().await.0, 200, "told twice, it is there once");
    assert_eq!(server.get("/admin/asks").await["items"].as_array().unwrap().len(), 1);

    let waits = server.get("/admin/asks").await["items"][0].clone();
    assert_eq!(waits["reason"], "refused after the bank had said that it was paid: see the bank's file", "{waits}");
    assert_eq!((&waits["mayBeRetried"], &waits["mayBeClosed"]), (&json!(true), &json!(false)), "{waits}");
    paid_once(&server).await;
    bank.now(|_| Told::Status(200, paid()));
    let ask = waits["askId"].as_str().unwrap();
    assert_eq!(server.post(&format!("/admin/asks/{ask}/retry"), &json!({})).await.0, 200);
    server.until("it is settled", async || server.get("/admin/asks").await["items"] == json!([])).await;
    paid_once(&server).await;
}

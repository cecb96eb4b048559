//! Each answer reaches the LSP at least once and in order, whatever the LSP's endpoint does (design §6).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use ocen_lender::app::Hints;
use ocen_lender::config::Config;
use ocen_lender::store::{ask, stream};
use ocen_lender::{engine, protocol};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::{Callback, Reaction, TestLsp};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// Waits between tries, in seconds (design §6); up to a tenth is added.
const SCHEDULE: [i64; 11] = [1, 5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400, 86_400];

fn reaction(status: u16) -> Reaction {
    Reaction { status, body: None, headers: Vec::new() }
}

/// Sends a request that has an answer and touches nothing; gives its id.
async fn ask_something(lsp: &TestLsp) -> String {
    let (request_id, ack) = lsp.send(path::LOOKUP, json!({"lookupType": "LOOKUP_TYPE"})).await;
    assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
    request_id
}

/// The one answer to a request, as operators see it.
async fn shown(server: &Server, request_id: &str) -> Value {
    let listed = server.get(&format!("/admin/callbacks?requestId={request_id}")).await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    items[0].clone()
}

/// Waits until an answer was tried so often, or is not pending any more; gives it.
async fn tried(server: &Server, request_id: &str, attempts: i64) -> Value {
    let enough = |item: &Value| item["attempts"].as_i64().unwrap() >= attempts || item["state"] != "pending";
    server.until("the answer was tried", || async { enough(&shown(server, request_id).await) }).await;
    shown(server, request_id).await
}

async fn delivered(server: &Server, request_id: &str) {
    let is_delivered = || async { shown(server, request_id).await["state"] == "delivered" };
    server.until("the answer is delivered", is_delivered).await;
}

/// Moves business time and has a look at the outbox.
fn advance(server: &Server, by: TimeDelta) {
    server.app.clock.advance(by);
    server.app.wake.notify_callbacks();
}

fn due(item: &Value) -> DateTime<Utc> {
    item["dueAt"].as_str().unwrap().parse().unwrap()
}

/// What must be the same at each attempt.
fn frozen(callback: &Callback) -> Value {
    let mut body = callback.body.clone();
    body["metadata"]["timestamp"] = Value::Null;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_arrive_is_tried_again_unchanged() {
    let server = Server::start().await;
    let (lsp, elsewhere) = (server.lsp().await, TestLsp::register(&server, "LSP-ELSEWHERE").await);
    let registered = server.get("/admin/lsps/LSP-ELSEWHERE").await;
    let location = format!("{}/v3/meta", registered["callbackBaseUrl"].as_str().unwrap());
    let moved = Reaction { headers: vec![("location".to_owned(), location)], ..reaction(302) };
    let garbage = Reaction { body: Some("<html>OK</html>".to_owned()), ..reaction(200) };
    let unproven = json!({"error": "GEN5001", "traceId": "t", "timestamp": "2026-01-01T00:00:00.000Z"});
    let unproven = Reaction { body: Some(unproven.to_string()), ..reaction(200) };

    for bad in [reaction(500), reaction(503), reaction(404), moved, garbage, unproven] {
        lsp.inbox.react("*", vec![bad.clone()]);
        let request_id = ask_something(&lsp).await;
        let waiting = tried(&server, &request_id, 1).await;
        assert_eq!(waiting["state"], "pending", "{bad:?}: {waiting}");
        advance(&server, TimeDelta::seconds(2));
        delivered(&server, &request_id).await;

        let got = lsp.inbox.of(&request_id);
        assert_eq!(got.len(), 2, "{bad:?}");
        assert_eq!(frozen(&got[0]), frozen(&got[1]), "payload and traceId are frozen");
        assert_ne!(got[0].body["metadata"]["timestamp"], got[1].body["metadata"]["timestamp"]);
    }
    assert!(elsewhere.inbox.all().is_empty(), "no redirect is followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_may_ask_for_patience() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let hour = vec![("retry-after".to_owned(), "3600".to_owned())];
    lsp.inbox.react("*", vec![Reaction { headers: hour, ..reaction(429) }]);
    let before = server.app.clock.now();

    let request_id = ask_something(&lsp).await;
    let waiting = tried(&server, &request_id, 1).await;

    assert_eq!(waiting["state"], "pending");
    assert!(due(&waiting) >= before + TimeDelta::hours(1), "{waiting}");
    advance(&server, TimeDelta::hours(1));
    delivered(&server, &request_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_lsp_finally_refuses_is_parked_and_can_be_sent_again() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let no = json!({"error": "GEN5001", "traceId": "t", "timestamp": "2026-01-01T00:00:00.000Z"});
    let signed = String::from_utf8(lsp.seal(&no)).unwrap();
    let signed = Reaction { body: Some(signed), ..reaction(200) };

    for (bad, reason) in [
        (reaction(400), "HTTP 400"),
        (reaction(410), "HTTP 410"),
        (reaction(413), "HTTP 413"),
        (reaction(422), "HTTP 422"),
        (signed, "ack error GEN5001"),
    ] {
        lsp.inbox.react("*", vec![bad]);
        let request_id = ask_something(&lsp).await;
        tried(&server, &request_id, 1).await;
        let parked = server.get(&format!("/admin/callbacks?state=parked&requestId={request_id}")).await;
        let parked = &parked["items"][0];
        assert!(parked["parkedReason"].as_str().unwrap().contains(reason), "{parked}");

        let (status, _) =
            server.post(&format!("/admin/callbacks/{}/redeliver", parked["id"].as_str().unwrap()), &json!({})).await;
        assert_eq!(status, 200);
        delivered(&server, &request_id).await;
        let got = lsp.inbox.of(&request_id);
        assert_eq!((got.len(), frozen(&got[0])), (2, frozen(&got[1])));
    }
}

/// Registers an LSP's endpoint elsewhere.
async fn move_endpoint(server: &Server, lsp: &TestLsp, base: &str) {
    let key = lsp.key.as_ref().unwrap();
    let keys = json!([{"kid": key.kid(), "publicKeyPem": key.public_key_pem()}]);
    let body = json!({"name": lsp.org_id, "callbackBaseUrl": base, "keys": keys, "settings": {}});
    let put = server.http.put(format!("{}/admin/lsps/{}", server.admin, lsp.org_id)).json(&body);
    assert!(put.send().await.unwrap().status().is_success());
}

/// An endpoint that is not there, one that hangs up, and one that never answers.
async fn broken_endpoints() -> [(String, &'static str); 3] {
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rude = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Who hangs up shows as an end or as a reset, before or after the connection is ready, whichever comes first.
    let urls =
        [(url(&gone), "refused"), (url(&rude), "closed|reset|broken pipe|not ready"), (url(&slow), "no answer within")];
    drop(gone);
    tokio::spawn(async move {
        while let Ok((connection, _)) = rude.accept().await {
            drop(connection);
        }
    });
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = slow.accept().await {
            open.push(connection);
        }
    });
    urls
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_rude_or_slow_gets_its_answers_later() {
    let impatient = |config: &mut Config| config.delivery.timeout = Duration::from_secs(1);
    let server = Server::start_with(Options { tweak: Some(Box::new(impatient)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let home = server.get(&format!("/admin/lsps/{}", lsp.org_id)).await["callbackBaseUrl"].as_str().unwrap().to_owned();

    for (broken, words) in broken_endpoints().await {
        move_endpoint(&server, &lsp, &broken).await;
        let request_id = ask_something(&lsp).await;
        let waiting = tried(&server, &request_id, 1).await;
        let id = waiting["id"].as_str().unwrap();
        let noted = format!("select count(*) from attempt where callback_id = '{id}' and error ~* '{words}'");
        assert_eq!(waiting["state"], "pending", "{words}: {waiting}");
        assert!(sql::number(&server.app.pool, &noted).await >= 1, "{words}");

        move_endpoint(&server, &lsp, &home).await;
        advance(&server, TimeDelta::minutes(1));
        delivered(&server, &request_id).await;
        assert_eq!(lsp.inbox.of(&request_id).len(), 1, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_follow_the_schedule_and_end() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    lsp.inbox.react("*", vec![reaction(500); SCHEDULE.len() + 1]);
    let mut before = server.app.clock.now();
    let request_id = ask_something(&lsp).await;

    for (failures, wait) in (1..).zip(SCHEDULE) {
        let waiting = tried(&server, &request_id, failures).await;
        let now = server.app.clock.now();
        assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("pending"), &json!(failures)), "{waiting}");
        assert!(due(&waiting) >= before + TimeDelta::seconds(wait), "{failures}: {waiting}");
        assert!(due(&waiting) <= now + TimeDelta::milliseconds(wait * 1_100), "{failures}: {waiting}");
        before = now;
        advance(&server, due(&waiting) - now);
    }
    let parked = tried(&server, &request_id, 12).await;

    assert_eq!(parked["state"], "parked");
    assert!(parked["parkedReason"].as_str().unwrap().starts_with("given up after 12 tries"), "{parked}");
    assert_eq!(lsp.inbox.of(&request_id).len(), 12);
}

/// Requests about one application, whose answers all go to one stream; gives their ids in the order of their acks.
async fn questions(lsp: &TestLsp, application: &str, paths: &[&str]) -> Vec<String> {
    let mut asked = Vec::new();
    for path in paths {
        let (request_id, ack) = lsp.send(path, json!({"loanApplicationId": application})).await;
        assert_eq!(ack.error(), "0");
        asked.push(request_id);
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_a_bundle_keep_their_order_when_some_fail() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let application = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    lsp.inbox.react("/v3/disbursement/getDisbursementPlansResponse", vec![reaction(500), reaction(503)]);
    lsp.inbox.react("/v3/repayment/getRepaymentPlansResponse", vec![reaction(500), reaction(503)]);

    let paths = [path::GET_DISBURSEMENT_PLANS, path::GET_ACCOUNTS, path::GET_REPAYMENT_PLANS, path::GET_ACCOUNTS];
    let asked = questions(&lsp, &application, &paths).await;
    for failing in [&asked[0], &asked[2]] {
        tried(&server, failing, 1).await;
        advance(&server, TimeDelta::seconds(2));
        tried(&server, failing, 2).await;
        advance(&server, TimeDelta::seconds(6));
    }
    join_all(asked.iter().map(|request_id| delivered(&server, request_id))).await;

    let mut order: Vec<String> =
        lsp.inbox.all().iter().map(|c| c.body["requestId"].as_str().unwrap().to_owned()).collect();
    order.dedup();
    assert_eq!(order[1..], asked, "after the answer to the filing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_head_lets_the_others_pass_after_ten_minutes() {
    const HEAD: &str = "/v3/disbursement/getDisbursementPlansResponse";
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let application = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    lsp.inbox.react(HEAD, vec![reaction(500); 9]);

    let asked = questions(&lsp, &application, &[path::GET_DISBURSEMENT_PLANS, path::GET_ACCOUNTS]).await;
    tried(&server, &asked[0], 1).await;
    advance(&server, TimeDelta::minutes(9));
    tried(&server, &asked[0], 2).await;
    assert!(lsp.inbox.of(&asked[1]).is_empty(), "nobody passes before ten minutes");
    advance(&server, TimeDelta::minutes(2));
    delivered(&server, &asked[1]).await;

    assert_eq!(shown(&server, &asked[0]).await["state"], "pending");
    lsp.inbox.react(HEAD, Vec::new());
    advance(&server, TimeDelta::hours(2));
    delivered(&server, &asked[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_its_ack_or_a_second() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let operation = protocol::route(path::LOOKUP).unwrap();
    let take = async || {
        let body = lsp.complete(json!({"lookupType": "LOOKUP_TYPE"}));
        let ack = protocol::receive(
            &server.app,
            operation,
            lsp.seal(&body).into(),
            (uuid::Uuid::nil(), None),
            Hints::default(),
        )
        .await;
        assert_eq!(ack.status, 200);
        (body["requestId"].as_str().unwrap().to_owned(), ack.exchange.unwrap())
    };

    let before = server.app.clock.now();
    let (unwritten, _) = take().await;
    let waiting = shown(&server, &unwritten).await;
    assert!(due(&waiting) >= before + TimeDelta::seconds(1), "{waiting}");
    advance(&server, TimeDelta::seconds(1));
    delivered(&server, &unwritten).await;

    let (written, exchange) = take().await;
    engine::release(&server.app, exchange);
    delivered(&server, &written).await;
    assert!(due(&shown(&server, &written).await) <= server.app.clock.now());
}

/// Twelve questions about each of eight applications, every other one to the other server.
async fn ask_both(servers: [&Server; 2], lsp: &TestLsp) -> Vec<Vec<String>> {
    let flow = Flow { server: servers[0], lsp };
    let applications = join_all((0..8).map(|_| flow.file(1))).await;
    let ask = async |application: &String| {
        let mut asked = Vec::new();
        for turn in 0..12 {
            let body = lsp.complete(json!({"loanApplicationId": application}));
            let url = format!("{}{}", servers[turn % 2].url, path::GET_REPAYMENT_PLANS);
            let sent = servers[0].http.post(url).header("content-type", "application/json").body(lsp.seal(&body));
            assert_eq!(sent.send().await.unwrap().status().as_u16(), 200);
            asked.push(body["requestId"].as_str().unwrap().to_owned());
        }
        asked
    };
    join_all(applications.iter().map(|bundle| ask(&bundle[0]))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_deliver_each_answer_once_and_in_order() {
    let first = Server::start().await;
    let database_url = Some(first.database_url.clone());
    let second = Server::start_with(Options { database_url, ..Options::default() }).await;
    let lsp = first.lsp().await;

    let asked = ask_both([&first, &second], &lsp).await;
    let open = "select count(*) from callback where state <> 'DELIVERED'";
    first.until("everything is delivered", || async { sql::number(&first.app.pool, open).await == 0 }).await;

    let got: Vec<String> = lsp.inbox.all().iter().map(|c| c.body["requestId"].as_str().unwrap().to_owned()).collect();
    for bundle in asked {
        let of_bundle: Vec<&String> = got.iter().filter(|request_id| bundle.contains(request_id)).collect();
        assert_eq!(of_bundle, bundle.iter().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_leases_of_one_stream_only_the_one_that_holds_is_settled() {
    let server = Server::start_with(Options { idle: true, ..Options::default() }).await;
    let lsp = server.lsp().await;
    ask_something(&lsp).await;
    let mut conn = server.app.pool.acquire().await.unwrap();
    let now = server.app.clock.now() + TimeDelta::minutes(1);
    let [expired, holds] = [server.app.ids.uuid(), server.app.ids.uuid()];
    let leased = stream::lease(&mut conn, expired, now, &[], 10).await.unwrap();
    sql::run(&server.app.pool, "update stream set leased_until = now() - interval '1 second'").await.unwrap();
    assert_eq!(stream::lease(&mut conn, holds, now, &[], 10).await.unwrap(), leased);

    let held = stream::lock_held(&mut conn, &[leased[0], leased[0]], &[expired, holds]).await.unwrap();
    assert_eq!(held, [(leased[0], holds)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ack_lets_go_of_what_waited_for_it_and_of_nothing_else() {
    let server = Server::start_with(Options { idle: true, ..Options::default() }).await;
    let lsp = server.lsp().await;
    let id = bodies::id();
    lsp.send(path::CREATE, json!({"loanApplications": [bodies::application(&id, &bodies::pan())]})).await;
    let consent = json!({"loanApplicationIds": [id], "consent": {"vua": "a@aa", "consentFetchType": "ONETIME"}});
    let (_, ack) = lsp.send(path::CONSENT_HANDLE, consent).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    let pool = &server.app.pool;
    let now = server.app.clock.now();
    // Beside the question that waits for the ack: one that waits for a day to come, and one that was tried.
    let more = format!(
        "insert into ask
        select (jsonb_populate_record(ask, jsonb_build_object(
            'ask_id', gen_random_uuid(), 'tries', tried, 'due_at', '{now}'::timestamptz + after))).*
        from ask, (values (0, interval '1 day'), (1, interval '0.5 s')) as others (tried, after)
        where port <> 'timer'"
    );
    sql::run(pool, &more).await.unwrap();
    let exchange = "select exchange_id from exchange where operation = 'consentHandle'".to_owned();
    let exchange: Uuid = pool.fetch_one(AssertSqlSafe(exchange)).await.unwrap().get(0);

    let mut conn = pool.acquire().await.unwrap();
    ask::release(&mut conn, &[exchange], TimeDelta::seconds(1), now).await.unwrap();

    let released = "select count(*) from ask where due_at < '{now}'::timestamptz + interval '0.1 s'"
        .replace("{now}", &now.to_string());
    assert_eq!(sql::number(pool, &released).await, 1);
    let waiting = "select count(*) from ask where port <> 'timer'";
    assert_eq!(sql::number(pool, waiting).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_wanted_again_while_its_last_try_fails_has_all_its_tries_anew() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let home = server.get(&format!("/admin/lsps/{}", lsp.org_id)).await["callbackBaseUrl"].as_str().unwrap().to_owned();
    lsp.inbox.react("*", vec![reaction(500)]);
    let request_id = ask_something(&lsp).await;
    let id = tried(&server, &request_id, 1).await["id"].as_str().unwrap().to_owned();
    let pool = &server.app.pool;
    sql::run(pool, "update callback set attempts = 11").await.unwrap();
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    move_endpoint(&server, &lsp, &format!("http://{}", slow.local_addr().unwrap())).await;
    advance(&server, TimeDelta::seconds(2));
    let (under_way, _) = slow.accept().await.unwrap();
    assert_eq!(server.post(&format!("/admin/callbacks/{id}/redeliver"), &json!({})).await.0, 200);
    drop(slow);
    drop(under_way);

    let last = "select count(*) from attempt where attempt = 12";
    server.until("the last try has failed", || async { sql::number(pool, last).await == 1 }).await;
    let waiting = shown(&server, &request_id).await;
    assert_eq!(waiting["state"], "pending", "{waiting}");
    assert!(waiting["attempts"].as_i64().unwrap() < 3, "{waiting}");
    move_endpoint(&server, &lsp, &home).await;
    advance(&server, TimeDelta::minutes(1));
    delivered(&server, &request_id).await;
    assert_eq!(sql::number(pool, "select sum(pending)::bigint from stream").await, 0);
}

//! One request over several applications has one answer, however its parts end (design §5).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use ocen_lender::config::Config;
use ocen_lender::domain::application::ask::{Ask, Outcome};
use ocen_lender::lender::{Call, Port, PortError};
use serde_json::{Value, json};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;

use crate::support::bodies::{self, path};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::port::{self, Reply, Steered};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// Pairs of applications, and requests over each pair: a thousand requests whose last two parts end together.
const PAIRS: usize = 125;
const REQUESTS: usize = 8;
/// Pairs in one `createLoanApplicationsRequest`.
const PAIRS_A_MESSAGE: usize = 5;
/// Pairs under way at once. Their parts all wait for each other, and the engine asks 32 questions at a time.
const UNDER_WAY: usize = 12;

/// A decision system that decides about both applications of a pair in the same instant.
#[derive(Default)]
struct Together(Mutex<HashMap<String, Arc<Barrier>>>);

impl Together {
    /// Where the two decisions about a pair wait for each other, and for the test.
    fn meeting(&self, pair: &str) -> Arc<Barrier> {
        let mut pairs = self.0.lock().unwrap();
        Arc::clone(pairs.entry(pair.to_owned()).or_insert_with(|| Arc::new(Barrier::new(3))))
    }
}

impl Port for Together {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move {
            if *call.ask == Ask::Offers {
                let (pair, _) = call.subjects[0].loan_application_id.rsplit_once('-').unwrap();
                self.meeting(pair).wait().await;
            }
            Ok(port::usual(&call))
        })
    }
}

/// An application for a loan that needs no data consent.
fn vehicle(id: &str, pan: &str) -> Value {
    let mut item = bodies::application(id, pan);
    item["type"] = json!("VEHICLE");
    item
}

/// Three instalments keep a thousand offers small.
fn short_loans(config: &mut Config) {
    for product in &mut config.products.0 {
        product.installments = 3;
    }
}

async fn file_pairs(lsp: &Arc<TestLsp>) -> Vec<String> {
    let mut filing = JoinSet::new();
    for _ in 0..PAIRS / PAIRS_A_MESSAGE {
        let lsp = Arc::clone(lsp);
        filing.spawn(async move {
            let pairs: Vec<String> = (0..PAIRS_A_MESSAGE).map(|_| bodies::id()).collect();
            let items: Vec<Value> = pairs
                .iter()
                .flat_map(|pair| [format!("{pair}-A"), format!("{pair}-B")])
                .map(|id| vehicle(&id, &bodies::pan()))
                .collect();
            lsp.ask(path::CREATE, json!({"loanApplications": items})).await;
            pairs
        });
    }
    filing.join_all().await.concat()
}

/// Asks for offers on both applications of a pair, several times at once, before any decision about them.
async fn overlapping(lsp: &Arc<TestLsp>, pair: &str, meeting: &Barrier) -> Vec<(String, Vec<String>)> {
    let mut sending = JoinSet::new();
    for number in 0..REQUESTS {
        let mut ids = vec![format!("{pair}-A"), format!("{pair}-B")];
        ids.rotate_left(number % 2);
        let lsp = Arc::clone(lsp);
        sending.spawn(async move {
            let (request_id, ack) = lsp.send(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
            assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
            (request_id, ids)
        });
    }
    let sent = sending.join_all().await;
    meeting.wait().await;
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_whose_last_parts_end_together_have_one_answer_each() {
    let decision = Arc::new(Together::default());
    let port: Arc<dyn Port> = Arc::clone(&decision) as _;
    let tweak: Box<dyn FnOnce(&mut Config) + Send> = Box::new(short_loans);
    let server =
        Server::start_with(Options { port: Some(("decision", port)), tweak: Some(tweak), ..Options::default() }).await;
    let settings = json!({"allowUnsigned": true});
    let lsp = Arc::new(TestLsp::register_with(&server, "LSP-BULK", settings, None).await);

    let pairs = file_pairs(&lsp).await;
    let places = Arc::new(Semaphore::new(UNDER_WAY));
    let mut asking = JoinSet::new();
    for pair in pairs {
        let (lsp, decision, places) = (Arc::clone(&lsp), Arc::clone(&decision), Arc::clone(&places));
        asking.spawn(async move {
            let _place = places.acquire().await.unwrap();
            overlapping(&lsp, &pair, &decision.meeting(&pair)).await
        });
    }
    let sent: Vec<(String, Vec<String>)> = asking.join_all().await.concat();
    let pool = &server.app.pool;
    let open = "select count(*) from exchange where pending > 0";
    server.until("every request has its results", || async { sql::number(pool, open).await == 0 }).await;
    let queued = "select count(*) from callback where state <> 'DELIVERED'";
    server.until("every answer is delivered", || async { sql::number(pool, queued).await == 0 }).await;

    let mut answers: HashMap<String, Vec<Value>> = HashMap::new();
    for callback in lsp.inbox.all() {
        answers.entry(callback.body["requestId"].as_str().unwrap().to_owned()).or_default().push(callback.body);
    }
    assert_eq!(sent.len(), PAIRS * REQUESTS);
    for (request_id, ids) in sent {
        let got = answers.remove(&request_id).unwrap_or_default();
        assert_eq!(got.len(), 1, "{request_id}: {got:?}");
        let items = got[0]["loanApplications"].as_array().unwrap();
        let told: Vec<&str> = items.iter().map(|item| item["loanApplicationId"].as_str().unwrap()).collect();
        assert_eq!(told, ids, "in the order of the request");
        assert!(items.iter().all(|item| item["loanApplicationStatus"] == "OFFERED"), "{items:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_application_does_not_fail_its_siblings() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let pan = bodies::pan();
    let ids = [bodies::id(), bodies::id(), bodies::id()];
    let mut items: Vec<Value> = ids.iter().map(|id| bodies::application(id, &pan)).collect();
    items[1]["terms"]["requestedAmount"] = json!("1000000.01");

    let answer = lsp.ask(path::CREATE, json!({"loanApplications": items})).await;

    assert_eq!(answer["response"]["error"], "0", "{answer}");
    let told = answer["loanApplications"].as_array().unwrap();
    let status = |index: usize| told[index]["loanApplicationStatus"].as_str().unwrap();
    assert_eq!([status(0), status(1), status(2)], ["PROCESSING", "REJECTED", "PROCESSING"]);
    assert_eq!(told[1]["loanApplicationId"], ids[1].as_str());
}

/// Two applications on file; the decision about the second one waits for the test.
async fn half_decided(decision: &Arc<Steered>) -> (Server, TestLsp, [String; 2]) {
    let port: Arc<dyn Port> = Arc::clone(decision) as _;
    let server = Server::start_with(Options { port: Some(("decision", port)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let ids = [format!("{}-A", bodies::id()), format!("{}-B", bodies::id())];
    let items: Vec<Value> = ids.iter().map(|id| vehicle(id, &bodies::pan())).collect();
    let (_, ack) = lsp.send(path::CREATE, json!({"loanApplications": items})).await;
    assert_eq!(ack.error(), "0");
    (server, lsp, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interim_answer_shows_what_is_known_and_the_final_one_follows() {
    let decision = Steered::new(|call| match call.ask {
        Ask::Offers if call.subjects[0].ends_with("-B") => Reply::UsualHeld("the second decision"),
        _ => Reply::Usual,
    });
    let (server, lsp, ids) = half_decided(&decision).await;
    let (request_id, _) = lsp.send(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    let first = format!("/admin/applications/{}/{}", lsp.org_id, ids[0]);
    server.until("the first is decided", || async { server.get(&first).await["stage"] == "OFFERED" }).await;

    server.app.clock.advance(chrono::Duration::seconds(server.app.config.limits.interim_answer_seconds + 1));
    server.app.wake.notify_asks();
    let interim = lsp.callback(&request_id).await;
    decision.let_go("the second decision");
    let is_final = |c: &Callback| {
        c.body["requestId"] == *request_id && c.body["loanApplications"][1]["loanApplicationStatus"] == "OFFERED"
    };
    let last = lsp.callback_that("is the final answer", is_final).await.body;

    let status = |body: &Value, index: usize| body["loanApplications"][index]["loanApplicationStatus"].clone();
    assert_eq!([status(&interim, 0), status(&interim, 1)], ["OFFERED", "PROCESSING"]);
    assert_eq!([status(&last, 0), status(&last, 1)], ["OFFERED", "OFFERED"]);
    assert_eq!(interim["loanApplications"][0]["offers"], last["loanApplications"][0]["offers"]);
    assert_eq!(lsp.inbox.of(&request_id).len(), 2, "one interim answer, one final one");
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_asked_before_the_preliminary_check_ended_come_after_it() {
    let decision = Steered::new(|call| match call.ask {
        Ask::Eligibility => Reply::UsualHeld("the preliminary check"),
        _ => Reply::Usual,
    });
    let (server, lsp, ids) = half_decided(&decision).await;

    let (request_id, ack) = lsp.send(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    let before = server.get(&format!("/admin/applications/{}/{}", lsp.org_id, ids[0])).await;
    decision.let_go("the preliminary check");
    let offers = lsp.callback(&request_id).await;

    assert_eq!((ack.error(), &before["stage"]), ("0", &json!("RECEIVED")));
    for item in offers["loanApplications"].as_array().unwrap() {
        assert_eq!(item["loanApplicationStatus"], "OFFERED", "{item}");
    }
    let order: Vec<String> = lsp.inbox.all().into_iter().map(|c| c.path).collect();
    assert_eq!(order, ["/v3/loanApplication/createLoanApplicationsResponse", "/v3/offer/generateOffersResponse"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn creators_of_the_same_applications_in_opposite_order_share_them() {
    const ROUNDS: usize = 20;
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let mut creating = JoinSet::new();
    for _ in 0..ROUNDS {
        let pan = bodies::pan();
        let mut items: Vec<Value> = (0..5).map(|_| bodies::application(&bodies::id(), &pan)).collect();
        for _ in 0..2 {
            items.reverse();
            let (lsp, body) = (Arc::clone(&lsp), json!({"loanApplications": items}));
            creating.spawn(async move { lsp.ask(path::CREATE, body).await });
        }
    }
    for answer in creating.join_all().await {
        assert_eq!(answer["response"]["error"], "0", "{answer}");
        for item in answer["loanApplications"].as_array().unwrap() {
            assert_eq!(item["loanApplicationStatus"], "PROCESSING", "{item}");
        }
    }
    let filed = sql::number(&server.app.pool, "select count(*) from application").await;
    assert_eq!(filed, i64::try_from(ROUNDS * 5).unwrap());
}

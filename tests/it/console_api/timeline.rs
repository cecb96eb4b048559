//! The timeline of one application.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::each;
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::Reaction;
use crate::support::server::Server;

/// All pages of a timeline.
async fn whole(server: &Server, application: &str, limit: usize) -> Vec<Value> {
    let path = format!("/admin/applications/LSP-TEST/{application}/timeline?limit={limit}");
    let (mut items, mut next) = (Vec::new(), path.clone());
    loop {
        let page = server.get(&next).await;
        assert!(page["items"].as_array().unwrap().len() <= limit, "{page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(cursor) => next = format!("{path}&cursor={cursor}"),
            None => return items,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_happened_stands_in_the_order_of_time() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let slow = Reaction { status: 500, body: Some("out of order".to_owned()), headers: Vec::new() };
    lsp.inbox.react("/v3/offer/generateOffersResponse", vec![slow]);
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    flow.offers(&ids).await;
    fingerprint::at_rest(&server).await;

    let page = server.get(&format!("/admin/applications/LSP-TEST/{}/timeline", ids[0])).await;
    let lanes = each_text(&page["lanes"]);
    assert_eq!(lanes[..2], ["LSP", "LENDER"]);
    assert!(lanes.contains(&"data") && lanes.contains(&"decision"), "{lanes:?}");
    let items = page["items"].as_array().unwrap();
    let kinds = each(&page["items"], "kind");
    assert_eq!(kinds[..2], ["request", "ack"]);
    for kind in ["request", "ack", "callback", "ask", "outcome", "event"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let times: Vec<DateTime<Utc>> = each(&page["items"], "at").into_iter().map(|at| at.parse().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let find = |kind: &str, operation: &str| {
        items.iter().find(|item| item["kind"] == kind && item["operation"] == operation).unwrap()
    };
    let asked = find("ask", "fetch");
    assert_eq!(
        (&asked["from"], &asked["to"], &asked["state"]),
        (&json!("LENDER"), &json!("data"), &json!("delivered"))
    );
    assert_eq!(find("outcome", "fetch")["status"], "done");
    let ack = find("ack", "generateOffers");
    assert_eq!((&ack["status"], &ack["error"]), (&json!(200), &json!("0")));
    let told = find("callback", "generateOffers");
    assert_eq!((&told["from"], &told["to"], &told["state"]), (&json!("LENDER"), &json!("LSP"), &json!("delivered")));
    assert_eq!(told["requestId"], find("request", "generateOffers")["requestId"]);
    let attempts = told["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["status"], &attempts[0]["verdict"]), (2, &json!(500), &json!("failed")));
    assert_eq!((&attempts[1]["status"], &attempts[1]["verdict"]), (&json!(200), &json!("delivered")));
    assert_eq!(told["status"], 200);
    assert!(told["simulatedAt"].is_null(), "nobody moved the clock: {told}");
}

fn each_text(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_everything_once() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    flow.offers(&ids).await;
    fingerprint::at_rest(&server).await;
    let (one, three) = (whole(&server, &ids[0], 500).await, whole(&server, &ids[0], 3).await);
    let names = |items: &[Value]| items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&three), names(&one));
    assert!(one.len() > 12, "{one:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_clock_shows() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let (status, _) = server.post("/sandbox/clock", &json!({"advance": "P40D"})).await;
    assert_eq!(status, 200);
    fingerprint::at_rest(&server).await;

    let items = whole(&server, &loan.application, 100).await;
    let now = server.app.clock.wall();
    let at = |item: &Value, member: &str| item[member].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert!(items.iter().all(|item| at(item, "at") <= now), "nothing is in the wall's future");
    let settled = items.iter().rfind(|item| item["operation"] == "confirmRepayment").unwrap();
    assert!(at(settled, "simulatedAt") > now, "{settled}");
}

#[tokio::test(flavor = "multi_thread")]
async fn siblings_of_a_bundle_keep_their_own_news_apart() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loans = flow.granted(2).await;
    flow.disburse(&loans[0], "DISB-1").await;
    fingerprint::at_rest(&server).await;

    let paid = |items: &[Value]| {
        items
            .iter()
            .filter(|item| item["kind"] == "callback" && item["operation"] == "triggerDisbursementStatus")
            .count()
    };
    let (first, second) =
        (whole(&server, &loans[0].application, 500).await, whole(&server, &loans[1].application, 500).await);
    assert_eq!((paid(&first), paid(&second)), (1, 0));
    // The consent was asked for once, for both.
    let asked = |items: &[Value]| {
        items.iter().filter(|item| item["kind"] == "ask" && item["operation"] == "consent-create").count()
    };
    assert_eq!((asked(&first), asked(&second)), (2, 2));
}

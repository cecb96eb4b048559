//! The whole sandbox, kept aside and gone back to; and that nothing of the bench exists in production.

use ocen_lender::config::Mode;
use serde_json::{Value, json};

use super::{Scene, pan};
use crate::support::bodies::{self, path};
use crate::support::operators;
use crate::support::server::Options;
use crate::support::sql;

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_takes_loans_and_the_clock_back_and_everything_goes_on() {
    let scene = Scene::open().await;
    let loan = scene.running("0000").await;
    let (status, taken) = scene.server.post("/sandbox/snapshots", &json!({"name": "paid out"})).await;
    assert_eq!(status, 201, "{taken}");
    let before = scene.loan(&loan).await;
    scene.clock(json!({"advance": "P100D"})).await;
    let (later, _) = scene.file("0101").await;
    assert_ne!(scene.loan(&loan).await["account"]["received"], "0.00");

    let id = taken["id"].as_str().unwrap();
    let (status, restored) = scene.server.post(&format!("/sandbox/snapshots/{id}/restore"), &json!({})).await;
    assert_eq!(status, 200, "{restored}");
    assert_eq!(restored["businessDate"], before["businessDate"]);
    assert_eq!(scene.loan(&loan).await, before);
    let shown = scene.server.get(&format!("/admin/applications/{}/{later}", scene.lsp.org_id)).await;
    assert_eq!(shown["status"], 404, "{shown}");

    scene.clock(json!({"advance": "P45D"})).await;
    assert_ne!(scene.loan(&loan).await["account"]["received"], "0.00");
    let (_, answer) = scene.file("0101").await;
    assert_eq!(answer["loanApplicationStatus"], "REJECTED", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_back_from_a_snapshot_at_work() {
    let scene = Scene::open().await;
    scene.file("0000").await;
    let pool = &scene.server.app.pool;
    for table in ["ask", "stream", "ledger_worker"] {
        let lease = format!("update {table} set lease_id = gen_random_uuid(), leased_until = now() + interval '1 day'");
        sql::run(pool, &lease).await.unwrap();
    }
    let (_, taken) = scene.server.post("/sandbox/snapshots", &json!({})).await;
    let id = taken["id"].as_str().unwrap();
    let (status, restored) = scene.server.post(&format!("/sandbox/snapshots/{id}/restore"), &json!({})).await;
    assert_eq!(status, 200, "{restored}");
    for table in ["ask", "stream", "ledger_worker"] {
        let held = format!(
            "select count(*) from {table} where lease_id is not null and leased_until > now() + interval '1 hour'"
        );
        assert_eq!(sql::number(pool, &held).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_listed_and_deleted() {
    let scene = Scene::open().await;
    let (_, taken) = scene.server.post("/sandbox/snapshots", &json!({})).await;
    let id = taken["id"].as_str().unwrap();
    assert_eq!(scene.server.get("/sandbox/snapshots").await["items"][0]["id"], id);
    let url = format!("{}/sandbox/snapshots/{id}", scene.server.admin);
    assert_eq!(scene.server.http.delete(&url).send().await.unwrap().status(), 204);
    assert_eq!(scene.server.http.delete(&url).send().await.unwrap().status(), 404);
    assert_eq!(scene.server.get("/sandbox/snapshots").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn production_knows_no_scenario_no_fault_and_no_snapshot() {
    let scene = Scene::open().await;
    let database_url = Some(scene.server.database_url.clone());
    let options = Options { database_url, idle: true, ..Options::default() };
    let serve = operators::start(&[], options, |config| {
        config.mode = Mode::Serve;
        config.admin_token = Some("the token of admin".into());
    })
    .await;
    assert!(serve.app.bench.is_none());
    for call in ["scenario", "scenarios", "faults", "snapshots", "clock"] {
        let get = serve.http.get(format!("{}/sandbox/{call}", serve.admin)).bearer_auth("the token of admin");
        assert_eq!(get.send().await.unwrap().status(), 404, "{call}");
    }
    let id = bodies::id();
    let body = scene.lsp.complete(json!({"loanApplications": [bodies::application(&id, &pan("0101"))]}));
    let request = serve.http.post(format!("{}{}", serve.url, path::CREATE)).header("X-Sandbox-Scenario", "0101,0907");
    let request = request.header("content-type", "application/json").body(scene.lsp.seal(&body));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let answer = scene.lsp.callback(body["requestId"].as_str().unwrap()).await;
    let status: &Value = &answer["loanApplications"][0]["loanApplicationStatus"];
    assert_eq!(status, "PROCESSING", "the code is ordinary data: {answer}");
    let history = scene.history(&id).await;
    assert!(history.iter().all(|what| !what.contains("scenario")), "{history:?}");
}

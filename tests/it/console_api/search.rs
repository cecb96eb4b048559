//! One field that finds an application and its loan by whatever somebody has of them.

use serde_json::{Value, json};

use super::each;
use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;

/// The applications that `q` finds.
async fn found(server: &Server, q: &str) -> Vec<String> {
    let url = reqwest::Url::parse_with_params(&format!("{}/admin/applications", server.admin), [("q", q)]).unwrap();
    let page: Value = server.http.get(url).send().await.unwrap().json().await.unwrap();
    each(&page["items"], "loanApplicationId").into_iter().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_found_by_every_id_and_by_its_borrower() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let pan = bodies::pan();
    let flow = Flow { server: &server, lsp: &lsp };
    let id = flow.file_for(&pan, 1).await.remove(0);
    let other = flow.file(1).await.remove(0);
    let (request, _) = lsp.send(path::GENERATE_OFFERS, json!({"loanApplicationIds": [id]})).await;
    let callback = lsp.callback(&request).await;

    let row = server.get(&format!("/admin/applications?q={id}")).await["items"][0].clone();
    let trace = callback["metadata"]["traceId"].as_str().unwrap();
    let bundle = row["bundleId"].as_str().unwrap();
    for q in [id.as_str(), row["applicationId"].as_str().unwrap(), bundle, &request, trace, &pan, &pan.to_lowercase()] {
        assert_eq!(found(&server, q).await, std::slice::from_ref(&id), "{q}");
    }
    for phone in [bodies::PHONE, "+91 98450 12367", "098450-12367"] {
        assert_eq!(found(&server, phone).await, [other.clone(), id.clone()], "{phone}");
    }
    let part = id.get(..id.len() - 1).unwrap();
    for nobodys in ["APP-NEVER", "ABCPB1234C", "9845012368", "%", "' or 1=1 --", part] {
        assert!(found(&server, nobodys).await.is_empty(), "{nobodys}");
    }
    let long = server.http.get(format!("{}/admin/applications?q={}", server.admin, "x".repeat(129))).send().await;
    assert_eq!(long.unwrap().status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn loans_are_listed_and_found() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loans = flow.granted(2).await;
    flow.disburse(&loans[0], "DISB-1").await;

    let page = server.get("/admin/loans?orgId=LSP-TEST").await;
    assert_eq!(each(&page["items"], "loanId").len(), 2);
    let running = server.get("/admin/loans?status=running").await["items"].clone();
    assert_eq!(each(&running, "loanId"), [loans[0].loan_id.as_str()]);
    assert_eq!(running[0]["principalOutstanding"], loans[0].offer["terms"]["sanctionedAmount"]);
    assert_eq!(running[0]["loanApplicationId"], loans[0].application);
    for q in [&loans[1].loan_id, &loans[1].application] {
        let found = server.get(&format!("/admin/loans?q={q}")).await;
        assert_eq!(each(&found["items"], "loanId"), [loans[1].loan_id.as_str()], "{q}");
    }
    let first = server.get("/admin/loans?limit=1").await;
    let rest = server.get(&format!("/admin/loans?limit=1&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert!(rest["nextCursor"].is_null() && rest["items"][0]["loanId"] != first["items"][0]["loanId"], "{rest}");
    assert!(server.get("/admin/loans?orgId=NOBODY").await["items"].as_array().unwrap().is_empty());
    let wrong = server.http.get(format!("{}/admin/loans?status=dreaming", server.admin)).send().await.unwrap();
    assert_eq!(wrong.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_of_two_lsps_is_two_applications() {
    let server = Server::start().await;
    let (first, second) = (server.lsp().await, TestLsp::register(&server, "LSP-NEXT").await);
    let body = json!({"loanApplications": [bodies::application("APP-1", &bodies::pan())]});
    first.ask(path::CREATE, body.clone()).await;
    second.ask(path::CREATE, body).await;
    assert_eq!(found(&server, "APP-1").await.len(), 2);
    let own = server.get("/admin/applications?q=APP-1&orgId=LSP-NEXT").await;
    assert_eq!(each(&own["items"], "orgId"), ["LSP-NEXT"]);
}

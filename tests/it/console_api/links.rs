//! An LSP's link: its own traffic, masked, and nothing else.

use ocen_lender::config::Role;
use ocen_lender::http::admin::routes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bodies;
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::operators::{self, audited};
use crate::support::server::Server;

/// Makes a link for an LSP; gives its token.
async fn link(server: &Server, org_id: &str, valid_for: &str) -> String {
    let (status, made) = server.post(&format!("/admin/lsps/{org_id}/links"), &json!({"validFor": valid_for})).await;
    assert_eq!(status, 201, "{made}");
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/console?link=", server.admin)), "{url}");
    assert!(made["expiresAt"].is_string(), "{made}");
    url.split_once("link=").unwrap().1.to_owned()
}

/// A call with a link's token.
async fn call(server: &Server, token: &str, (method, path): (Method, &str)) -> (u16, Value) {
    let request = server.http.request(method, format!("{}{path}", server.admin)).bearer_auth(token);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    if answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream") {
        return (status, Value::Null);
    }
    (status, answer.json().await.unwrap_or(Value::Null))
}

async fn get(server: &Server, token: &str, path: &str) -> (u16, Value) {
    call(server, token, (Method::GET, path)).await
}

/// Two LSPs with a loan each, and the first one's link.
struct Two {
    server: Server,
    token: String,
    own: crate::support::flow::Loan,
    other: crate::support::flow::Loan,
}

async fn two() -> Two {
    let server = Server::start().await;
    let mut loans = Vec::new();
    for org_id in ["LSP-A", "LSP-B"] {
        let lsp = TestLsp::register(&server, org_id).await;
        let flow = Flow { server: &server, lsp: &lsp };
        let loan = flow.granted(1).await.remove(0);
        flow.disburse(&loan, &format!("DISB-{org_id}")).await;
        loans.push(loan);
    }
    crate::support::fingerprint::at_rest(&server).await;
    let token = link(&server, "LSP-A", "P7D").await;
    let (other, own) = (loans.pop().unwrap(), loans.pop().unwrap());
    Two { server, token, own, other }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_sees_what_is_its_own() {
    let Two { server, token, own, .. } = two().await;
    let application = format!("/admin/applications/LSP-A/{}", own.application);
    let (_, me) = get(&server, &token, "/admin/whoami").await;
    assert_eq!((&me["orgId"], &me["roles"]), (&json!("LSP-A"), &json!(["lsp viewer"])), "{me}");
    for path in ["/admin/applications", "/admin/loans", "/admin/callbacks"] {
        let (status, page) = get(&server, &token, path).await;
        let items = page["items"].as_array().unwrap();
        assert!(status == 200 && !items.is_empty(), "{path}: {page}");
        assert!(items.iter().all(|item| item["orgId"] == "LSP-A"), "{path}: {page}");
    }
    let (_, overview) = get(&server, &token, "/admin/overview").await;
    assert_eq!((&overview["applications"]["total"], &overview["loans"]["total"]), (&json!(1), &json!(1)));
    let (_, timeline) = get(&server, &token, &format!("{application}/timeline?limit=500")).await;
    let items = timeline["items"].as_array().unwrap();
    assert!(items.len() > 20, "{timeline}");
    let loan = format!("/admin/loans/{}", own.loan_id);
    for path in [application.as_str(), &loan] {
        let (status, shown) = get(&server, &token, path).await;
        let text = shown.to_string();
        assert_eq!(status, 200, "{path}");
        assert!(!text.contains(bodies::NAME) && !text.contains(bodies::ACCOUNT), "{text}");
        assert_eq!(get(&server, &token, &format!("{path}?reveal=true")).await.0, 403, "{path}");
    }
    for item in items.iter().filter(|item| item["messageId"].is_string()) {
        let (status, message) =
            get(&server, &token, &format!("/admin/messages/{}", item["messageId"].as_str().unwrap())).await;
        assert_eq!((status, &message["masked"]), (200, &json!(true)), "{message}");
        assert!(!message.to_string().contains(bodies::NAME), "{message}");
    }
    assert_eq!(get(&server, &token, "/admin/disputes").await.0, 200);
    assert_eq!(get(&server, &token, "/admin/live").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_answers_like_what_is_not_there() {
    let Two { server, token, own, other } = two().await;
    let page = server.get(&format!("/admin/applications/LSP-B/{}/timeline", other.application)).await;
    let message = page["items"][0]["messageId"].as_str().unwrap();
    let nowhere = "0190d3a0-0000-7000-8000-000000000000";
    for (theirs, nobodys) in [
        (format!("/admin/applications/LSP-B/{}", other.application), "/admin/applications/LSP-B/NEVER".to_owned()),
        (
            format!("/admin/applications/LSP-B/{}/timeline", other.application),
            "/admin/applications/NOBODY/NEVER/timeline".to_owned(),
        ),
        (format!("/admin/loans/{}", other.loan_id), "/admin/loans/LON-NEVER".to_owned()),
        (format!("/admin/messages/{message}"), format!("/admin/messages/{nowhere}")),
        ("/admin/applications?orgId=LSP-B".to_owned(), "/admin/applications?orgId=NOBODY".to_owned()),
        ("/admin/loans?orgId=LSP-B".to_owned(), "/admin/loans?orgId=NOBODY".to_owned()),
        ("/admin/callbacks?orgId=LSP-B".to_owned(), "/admin/callbacks?orgId=NOBODY".to_owned()),
        ("/admin/disputes?orgId=LSP-B".to_owned(), "/admin/disputes?orgId=NOBODY".to_owned()),
        (format!("/admin/applications?q={}", other.application), "/admin/applications?q=NEVER".to_owned()),
        (format!("/admin/loans?q={}", other.loan_id), "/admin/loans?q=NEVER".to_owned()),
    ] {
        let (seen, unknown) = (get(&server, &token, &theirs).await, get(&server, &token, &nobodys).await);
        assert_eq!(seen, unknown, "{theirs}");
        assert!(seen.0 == 404 || seen.1["items"] == json!([]), "{theirs}: {seen:?}");
    }
    let (_, overview) = get(&server, &token, "/admin/overview?orgId=LSP-B").await;
    assert_eq!((&overview["applications"]["total"], &overview["recent"]), (&json!(0), &json!([])));
    // Even where the application of the other LSP has the same name.
    let (status, _) = get(&server, &token, &format!("/admin/applications/LSP-A/{}", own.application)).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_route_is_shut() {
    let server = Server::start().await;
    server.lsp().await;
    let token = link(&server, "LSP-TEST", "PT1H").await;
    let linked = [
        "/admin/whoami",
        "/admin/overview",
        "/admin/live",
        "/admin/applications",
        "/admin/applications/{orgId}/{loanApplicationId}",
        "/admin/applications/{orgId}/{loanApplicationId}/timeline",
        "/admin/messages/{id}",
        "/admin/loans",
        "/admin/loans/{loanId}",
        "/admin/disputes",
        "/admin/callbacks",
    ];
    for route in routes::table() {
        let path = route.path.replace(['{', '}'], "");
        let (status, problem) = call(&server, &token, (route.method.clone(), &path)).await;
        let open = route.method == Method::GET && linked.contains(&route.path);
        assert_eq!(status != 403, open, "{} {}: {status} {problem}", route.method, route.path);
        assert_eq!(route.linked, open, "{}", route.path);
    }
    for path in ["/metrics", "/sandbox/clock", "/sandbox/inbox/LSP-TEST"] {
        assert_eq!(get(&server, &token, path).await.0, 403, "{path}");
    }
    assert_eq!(get(&server, &token, "/admin/nothing").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_when_its_time_is_over_or_somebody_revokes_it() {
    let server = operators::with(&[("omar", &[Role::Operator])]).await;
    server.lsp().await;
    let (short, long) = (link(&server, "LSP-TEST", "PT2S").await, link(&server, "LSP-TEST", "P30D").await);
    assert_eq!(get(&server, &long, "/admin/whoami").await.0, 200);
    server.until("the short one is over", || async { get(&server, &short, "/admin/whoami").await.0 == 401 }).await;
    // The sandbox's clock has nothing to do with it.
    server.post("/sandbox/clock", &json!({"advance": "P60D"})).await;
    assert_eq!(get(&server, &long, "/admin/whoami").await.0, 200);

    let revoke = (Method::DELETE, "/admin/lsps/LSP-TEST/links");
    let (status, revoked) = operators::call(&server, "omar", revoke, None).await;
    assert_eq!((status, &revoked["revoked"]), (200, &json!(1)), "{revoked}");
    assert_eq!(get(&server, &long, "/admin/whoami").await.0, 401);
    let query = format!("{}/admin/live?link={long}", server.admin);
    assert_eq!(server.http.get(query).send().await.unwrap().status(), 401);

    let entries = audited(&server).await;
    let said: Vec<&Value> = entries.iter().take(3).map(|entry| &entry["action"]).collect();
    assert_eq!(said, ["LSP_LINKS_REVOKED", "LSP_LINK_MADE", "LSP_LINK_MADE"]);
    assert_eq!(entries[1]["subject"]["orgId"], "LSP-TEST");
    assert!(!json!(entries).to_string().contains(&long), "the log opens nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_event_stream_takes_its_token_from_the_address() {
    let server = Server::start().await;
    server.lsp().await;
    let token = link(&server, "LSP-TEST", "P1D").await;
    let by_address = |path: &str| server.http.get(format!("{}{path}?link={token}", server.admin)).send();
    assert_eq!(by_address("/admin/live").await.unwrap().status(), 200);
    let me: Value = by_address("/admin/whoami").await.unwrap().json().await.unwrap();
    assert!(me["orgId"].is_null(), "elsewhere it counts for nothing: {me}");
    for wrong in ["ocl_", "ocl_AAAA", &format!("{token}A")] {
        assert_eq!(get(&server, wrong, "/admin/whoami").await.0, 401, "{wrong} opens no open sandbox either");
    }
    let (status, _) = server.post("/admin/lsps/NOBODY/links", &json!({})).await;
    assert_eq!(status, 404);
    let (status, problem) = server.post("/admin/lsps/LSP-TEST/links", &json!({"validFor": "P1Y"})).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/validFor")));
}

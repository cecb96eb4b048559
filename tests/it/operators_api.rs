//! What is published of the operators' API is true, whole and committed. Every answer that a test gets by the helpers for
//! operators is held against it, too.

use ocen_lender::http::admin::{openapi, routes};
use serde_json::{Value, json};

use crate::support::flow::Flow;
use crate::support::server::Server;

fn document() -> Value {
    serde_json::from_str(&openapi::text().unwrap()).unwrap()
}

#[test]
fn the_committed_file_is_what_the_code_describes() {
    assert!(openapi::PUBLISHED == openapi::text().unwrap(), "openapi/operators.json is old: run `make openapi`");
}

#[test]
fn every_route_is_there_with_words_for_all_that_it_takes() {
    let document = document();
    for route in routes::table() {
        let call = &document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
        let name = format!("{} {}", route.method, route.path);
        assert!(call["summary"].as_str().unwrap().ends_with('.'), "{name}");
        let roles: Vec<Value> = route.roles.iter().map(|role| json!(role.name())).collect();
        assert_eq!(call["x-roles"], json!(roles), "{name}");
        for parameter in call["parameters"].as_array().unwrap() {
            let about = parameter["description"].as_str().unwrap_or_default();
            assert!(about.ends_with('.'), "{name} does not say what {} is", parameter["name"]);
        }
    }
}

#[test]
fn what_is_sent_is_described_to_the_last_member() {
    let document = document();
    for name in ["NewLsp", "NewKey", "Settings", "NewAct", "NewProposal", "ApprovedTerms", "Redeliver", "DisputeMove"] {
        let members = document["components"]["schemas"][name]["properties"].as_object();
        for (member, schema) in members.unwrap_or_else(|| panic!("{name} is not described")) {
            let told = schema["description"].is_string() || schema.get("$ref").is_some();
            assert!(told, "nothing is said of {name}.{member}: {schema}");
        }
    }
}

/// [`Server::get`] holds each answer against what is described.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_loan_leaves_behind_is_shown_as_described() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    flow.consent(&ids, "ONETIME").await;
    let found = server.get("/admin/openapi.json").await;
    assert!(found == document(), "what is served is not what is published: run `make openapi`");
    for route in routes::table() {
        if route.method == "GET" && !route.path.contains('{') && !route.path.ends_with("/live") {
            let answer = server.get(route.path).await;
            assert!(answer["status"].is_null(), "{}: {answer}", route.path);
        }
    }
    let (status, _) = server.post("/admin/lsps/LSP-TEST/links", &json!({})).await;
    assert_eq!(status, 201);
}

//! The description of what we serve is true, whole and committed.

use std::collections::{BTreeSet, HashSet};

use jsonschema::{Draft, Validator};
use ocen_lender::protocol::OPERATIONS;
use ocen_lender::protocol::openapi;
use serde_json::{Value, json};

use super::support::server::Server;

fn document() -> Value {
    serde_json::to_value(openapi::document().unwrap()).unwrap()
}

#[test]
fn the_committed_file_is_what_the_code_describes() {
    let committed = include_str!("../../openapi/ocen-v3.json");
    assert!(committed == openapi::text().unwrap(), "openapi/ocen-v3.json is old: run `make openapi`");
}

#[test]
fn the_committed_schema_of_key_facts_statements_is_what_the_code_writes() {
    let committed = include_str!("../../openapi/kfs.schema.json");
    assert!(committed == openapi::kfs_schema().unwrap(), "openapi/kfs.schema.json is old: run `make openapi`");
}

#[test]
fn every_call_is_described_in_full() {
    let document = document();
    let mut ids = HashSet::new();
    for operation in OPERATIONS {
        let post = &document["paths"][operation.request_path]["post"];
        assert!(ids.insert(post["operationId"].to_string()), "{}", operation.name);
        assert_eq!(post["operationId"], operation.name);
        for status in ["200", "400", "401", "403", "404", "409", "413", "415", "429", "503"] {
            assert!(post["responses"][status].is_object(), "{} {status}", operation.name);
        }
        let callback = post["callbacks"].as_object().unwrap().values().next().unwrap();
        let (path, _) = callback.as_object().unwrap().iter().next().unwrap();
        assert_eq!(path.strip_prefix("{lspCallbackBaseUrl}"), operation.answer_path, "{}", operation.name);
    }
}

#[test]
fn it_keeps_the_rules_of_openapi() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let declared: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].to_string()).collect();
    let mut ids = HashSet::new();
    let mut operations = 0;
    walk(&document, "", &mut |place, value| {
        assert!(!value.is_null() || place.contains("/examples/"), "{place} is null");
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{place}: {target} leads nowhere");
        }
        if value.get("operationId").is_some_and(Value::is_string) {
            operations += 1;
            assert!(ids.insert(value["operationId"].to_string()), "{place}: the operationId is taken");
            assert!(value["responses"].as_object().is_some_and(|responses| !responses.is_empty()), "{place}");
            for tag in value["tags"].as_array().into_iter().flatten() {
                assert!(declared.contains(&tag.to_string()), "{place}: {tag} is not declared");
            }
        }
    });
    assert!(operations > OPERATIONS.len(), "{operations}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::meta::is_valid(schema), "{name} is no JSON schema");
        // Two types of one name are told apart by a number, which says nothing to anybody.
        assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name}: the name is taken twice");
    }
}

#[test]
fn every_example_fits_its_schema() {
    let document = document();
    let mut checked = 0;
    walk(&document, "", &mut |place, value| {
        let (Some(schema), Some(examples)) = (value.get("schema"), value.get("examples").and_then(Value::as_object))
        else {
            return;
        };
        let validator = validator(&document, schema);
        for (name, example) in examples {
            let example = match example.get("$ref").and_then(Value::as_str) {
                Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
                None => example,
            };
            let wrong: Vec<_> = validator
                .iter_errors(&example["value"])
                .map(|error| format!("{error} at {}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{place} {name}: {wrong:#?}\n{example:#}");
            checked += 1;
        }
    });
    assert!(checked > 2 * OPERATIONS.len(), "{checked}");
}

#[tokio::test]
async fn it_is_served_with_a_page_that_needs_nothing_else() {
    let server = Server::start().await;
    let get = |path: &str| server.http.get(format!("{}{path}", server.url)).send();

    let served: Value = get("/openapi.json").await.unwrap().json().await.unwrap();
    assert_eq!(served, document());

    let page = get("/docs").await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    let mut linked = html.split('"').filter(|part| part.starts_with('/') || part.contains("//")).collect::<Vec<_>>();
    linked.sort_unstable();
    linked.dedup();
    assert_eq!(linked, ["/docs/docs.css", "/docs/docs.js", "/docs/guides", "/openapi.json"]);
    for asset in linked {
        let answer = get(asset).await.unwrap();
        assert!(answer.status().is_success(), "{asset}");
        let text = answer.text().await.unwrap();
        assert!(
            std::path::Path::new(asset).extension().is_some_and(|e| e == "json") || !text.contains("://"),
            "{asset} points outside"
        );
    }
}

/// A validator of a schema inside the description, with what it refers to.
fn validator(document: &Value, schema: &Value) -> Validator {
    let whole = json!({"allOf": [schema], "components": document["components"]});
    jsonschema::options().with_draft(Draft::Draft202012).build(&whole).unwrap()
}

/// Visits every value with its JSON pointer.
fn walk<'a>(value: &'a Value, place: &str, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(place, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                walk(member, &format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{place}/{index}"), visit);
            }
        }
        _ => {}
    }
}

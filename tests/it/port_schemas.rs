//! What is published of the ports is true, whole and committed.

use std::collections::{BTreeSet, HashSet};

use jsonschema::Draft;
use ocen_lender::lender::methods::METHODS;
use ocen_lender::lender::{PORTS, openapi};
use serde_json::{Value, json};

fn document() -> Value {
    serde_json::from_str(&openapi::text().unwrap()).unwrap()
}

fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let whole = json!({"allOf": [schema], "components": document["components"]});
    let validator = jsonschema::options().with_draft(Draft::Draft202012).build(&whole).unwrap();
    let wrong: Vec<String> = validator.iter_errors(value).map(|e| format!("{e} at {}", e.instance_path())).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong:#?}\n{value:#}")) }
}

#[test]
fn the_committed_file_is_what_the_code_describes() {
    let committed = include_str!("../../openapi/ports.json");
    assert!(committed == openapi::text().unwrap(), "openapi/ports.json is old: run `make openapi`");
}

#[test]
fn every_method_of_every_port_is_described_with_an_example_that_fits() {
    let document = document();
    let ports: BTreeSet<&str> = METHODS.iter().map(|method| method.port).collect();
    assert_eq!(ports, BTreeSet::from(PORTS));
    for method in METHODS {
        let post = &document["paths"][format!("/{}/{}", method.port, method.name)]["post"];
        let media = &post["requestBody"]["content"]["application/json"];
        let example = &media["examples"]["test"]["value"];
        assert!(example.is_object(), "{}/{}", method.port, method.name);
        fits(&document, &media["schema"], example).unwrap_or_else(|e| panic!("{}/{}: {e}", method.port, method.name));
    }
}

#[test]
fn answers_that_the_server_reads_fit_and_others_do_not() {
    let document = document();
    let answer = |path: &str| {
        document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"].clone()
    };
    let paid = json!({"outcome": "done", "finding": {"finding": "paid", "utr": "U1", "valueDate": "2026-01-05"}});
    let pending = json!({"outcome": "pending", "reference": "R1", "pollAfter": "2026-01-05T10:00:00Z"});
    for good in [&paid, &pending, &json!({"outcome": "refused", "code": "X"}), &json!({"outcome": "unknown"})] {
        fits(&document, &answer("/disbursement/pay"), good).unwrap();
    }
    let offers = json!([{"amount": "50000.00", "annualRate": "16.00"}]);
    let approve = json!({"outcome": "done", "finding": {"finding": "approve", "offers": offers}});
    fits(&document, &answer("/decision/offers"), &approve).unwrap();
    for bad in [&approve, &json!({"outcome": "done"}), &json!({"outcome": "failed"})] {
        assert!(fits(&document, &answer("/disbursement/pay"), bad).is_err(), "{bad}");
    }
}

#[test]
fn it_keeps_the_rules_of_openapi_and_describes_every_member() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let (mut ids, mut members) = (HashSet::new(), 0);
    walk(&document, "", &mut |place, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{place}: {target} leads nowhere");
        }
        if let Some(id) = value.get("operationId") {
            assert!(ids.insert(id.to_string()), "{place}: the operationId is taken");
        }
        if place.starts_with("/components/schemas/") && !place.contains("/properties/") {
            for (name, schema) in value.get("properties").and_then(Value::as_object).into_iter().flatten() {
                members += 1;
                // A tag says itself what it is.
                let described = ["description", "$ref", "const", "anyOf"].iter().any(|key| schema.get(key).is_some());
                assert!(described, "{place}/properties/{name} has no words");
            }
        }
    });
    assert!(members > 100, "{members}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::meta::is_valid(schema), "{name} is no JSON schema");
        assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name}: the name is taken twice");
    }
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

//! The journey as a Postman collection, written from the same table of operations: whoever changes a path changes both.

mod scripts;
mod steps;

use serde_json::{Value, json};

use self::steps::{FOLDERS, Step};
use super::operations::Operation;

/// The collection format that is written.
const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
/// The collection's id; it stays, so that an import replaces the one before.
const ID: &str = "0e5a7c1e-3d5b-4c59-9a63-0c3a5f0d7a01";
/// The environment's.
const ENVIRONMENT_ID: &str = "0e5a7c1e-3d5b-4c59-9a63-0c3a5f0d7a02";

/// The collection, as it stands in `openapi/postman/`.
///
/// # Errors
/// When the library fails to write JSON.
pub fn collection() -> serde_json::Result<String> {
    let mut number = 0_u32;
    let mut variables: Vec<&str> = vec!["requestId", "traceId", "timestamp", "tries", "run"];
    let mut folders = Vec::new();
    for folder in FOLDERS {
        let mut items = Vec::new();
        for step in folder.steps {
            variables.extend(step.saves().iter().map(|save| save.0));
            for item in step.items() {
                number += 1;
                items.push(item.numbered(number));
            }
        }
        folders.push(json!({"name": folder.name, "description": folder.words, "item": items}));
    }
    variables.sort_unstable();
    variables.dedup();
    let variables: Vec<Value> = variables.into_iter().map(|key| json!({"key": key, "value": ""})).collect();
    text(&json!({
        "info": {
            "_postman_id": ID,
            "name": "OCEN v3: a loan from application to closure",
            "description": scripts::DESCRIPTION,
            "schema": SCHEMA,
        },
        "event": [
            scripts::event("prerequest", scripts::SIGN),
            scripts::event("test", scripts::ACKNOWLEDGED),
        ],
        "variable": variables,
        "item": folders,
    }))
}

/// The environment of a `dev` server on this machine.
///
/// # Errors
/// When the library fails to write JSON.
pub fn environment() -> serde_json::Result<String> {
    let value = |key, value, words| json!({"key": key, "value": value, "description": words, "enabled": true});
    text(&json!({
        "id": ENVIRONMENT_ID,
        "name": "ocen-lender dev",
        "_postman_variable_scope": "environment",
        "values": [
            value("url", "http://127.0.0.1:8080", "The lender's address for LSPs"),
            value("adminUrl", "http://127.0.0.1:8081", "The lender's address for operators"),
            value("orgId", "LSP-DEMO", "The LSP; the sandbox signs for LSP-DEMO only"),
            value("sign", "true", "false sends plain JSON"),
            value("pan", "AAAPL1234C", "The borrower's PAN; ZZZPX0101Z and the like choose a scenario"),
            value("account", "50100012345678", "The borrower's account; 9990000702 and the like choose a scenario"),
        ],
    }))
}

fn text(value: &Value) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}

/// One request of the collection.
struct Item {
    name: String,
    value: Value,
}

impl Item {
    fn numbered(self, number: u32) -> Value {
        let mut value = self.value;
        if let Some(members) = value.as_object_mut() {
            // A name that is there once, because a runner that repeats a request goes by it.
            members.insert("name".to_owned(), format!("{number:02} {}", self.name).into());
        }
        value
    }
}

impl Step {
    fn saves(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Ask { saves, .. } | Self::Await { saves, .. } | Self::Get { saves, .. } => saves,
            Self::Post { .. } | Self::Tell { .. } => &[],
        }
    }

    fn items(&self) -> Vec<Item> {
        match self {
            Self::Ask { operation, words, members, when, saves } => {
                let answer = inbox("{{requestId}}", operation.answer_path, (when, saves), "The answer to it.");
                vec![request(operation, words, members), answer]
            }
            Self::Tell { operation, words } => vec![request(operation, words, "")],
            Self::Await { operation, request_id, words, when, saves } => {
                vec![inbox(request_id, operation.answer_path, (when, saves), words)]
            }
            Self::Get { name, path, words, saves } => {
                let value = json!({
                    "request": {"method": "GET", "description": words, "url": format!("{{{{adminUrl}}}}{path}")},
                    "event": [scripts::event("test", &scripts::saves_of_answer(saves))],
                });
                vec![Item { name: (*name).to_owned(), value }]
            }
            Self::Post { name, path, words, body } => {
                let value = json!({
                    "request": {
                        "method": "POST",
                        "description": words,
                        "header": [{"key": "Content-Type", "value": "application/json"}],
                        "url": format!("{{{{adminUrl}}}}{path}"),
                        "body": raw(body),
                    },
                    "event": [scripts::event("test", scripts::SUCCEEDED)],
                });
                vec![Item { name: (*name).to_owned(), value }]
            }
        }
    }
}

/// A request to the lender.
fn request(operation: &Operation, words: &str, members: &str) -> Item {
    let value = json!({
        "request": {
            "method": "POST",
            "description": words,
            "header": [{"key": "Content-Type", "value": "application/json"}],
            "url": format!("{{{{url}}}}{}", operation.request_path),
            "body": raw(&steps::body(members)),
        },
    });
    Item { name: format!("→ {}", operation.request_name()), value }
}

/// Waits for a callback in the sandbox's inbox.
fn inbox(
    request_id: &str,
    answer_path: &str,
    (when, saves): (&str, &[(&'static str, &'static str)]),
    words: &str,
) -> Item {
    let name = answer_path.rsplit('/').next().unwrap_or(answer_path);
    let value = json!({
        "request": {
            "method": "GET",
            "description": format!("{words} Asked for again until it is there."),
            "url": format!("{{{{adminUrl}}}}/sandbox/inbox/{{{{orgId}}}}?requestId={request_id}"),
        },
        "event": [scripts::event("test", &scripts::wait(answer_path, when, saves))],
    });
    Item { name: format!("← {name}"), value }
}

fn raw(body: &str) -> Value {
    json!({"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}})
}

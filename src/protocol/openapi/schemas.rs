//! Components of the description: each wire type once, without what only Rust readers need.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Where references point.
const COMPONENTS: &str = "#/components/schemas/";
/// Types whose name in Rust says less than it could to an LSP.
const RENAMED: [(&str, &str); 4] = [
    ("AckBody", "Ack"),
    ("Health", "HeartbeatResponse"),
    ("Item", "LoanApplication"),
    ("ItemResult", "LoanApplicationResult"),
];

/// Collects the schemas that are referred to.
pub(super) struct Schemas {
    /// What we read: a member with a default may be left out.
    requests: SchemaGenerator,
    /// What we write: a member that is always written is required.
    answers: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self { requests: settings().into_generator(), answers: settings().for_serialize().into_generator() }
    }
}

impl Schemas {
    /// A reference to what an LSP sends.
    pub(super) fn request(&mut self, schema: fn(&mut SchemaGenerator) -> Schema) -> Value {
        tidied(schema(&mut self.requests).to_value())
    }

    /// A reference to what we send.
    pub(super) fn answer(&mut self, schema: fn(&mut SchemaGenerator) -> Schema) -> Value {
        tidied(schema(&mut self.answers).to_value())
    }

    /// A reference to a type that we send.
    pub(super) fn answer_of<T: JsonSchema>(&mut self) -> Value {
        tidied(self.answers.subschema_for::<T>().to_value())
    }

    /// All that was referred to, by name.
    pub(super) fn into_components(mut self) -> BTreeMap<String, Value> {
        let requests = self.requests.take_definitions(true);
        let answers = self.answers.take_definitions(true);
        let mut components: BTreeMap<String, Value> =
            requests.into_iter().chain(answers).map(|(name, schema)| (renamed(&name), tidied(schema))).collect();
        components.insert("SignedMessage".to_owned(), signed_message());
        components
    }
}

/// Either the message itself or its signed envelope.
pub(super) fn plain_or_signed(message: &Value) -> Value {
    json!({"oneOf": [message, {"$ref": format!("{COMPONENTS}SignedMessage")}]})
}

fn signed_message() -> Value {
    let header = "The protected header in base64url: `{\"kid\":\"...\",\"alg\":\"RS512\"}`.";
    json!({
        "type": "object",
        "description": "A message in its signed envelope: JWS in flattened JSON (RFC 7515, 7.2.2), RS512. \
                        The signature is over the protected header, a dot and the payload, both as they are sent. \
                        The protected header stands in `header`, as in OCEN's sample, or in `protected`, as in \
                        the RFC; \
                        answers use the member that the last request used.",
        "properties": {
            "payload": {"type": "string", "description": "The message, UTF-8 JSON in base64url."},
            "header": {"type": "string", "description": header},
            "protected": {"type": "string", "description": header},
            "signature": {"type": "string", "description": "The signature in base64url."}
        },
        "required": ["payload", "signature"],
        "anyOf": [{"required": ["header"]}, {"required": ["protected"]}]
    })
}

fn renamed(name: &str) -> String {
    RENAMED.iter().find(|(rust, _)| *rust == name).map_or(name, |(_, better)| better).to_owned()
}

/// A schema for readers of JSON: components by their names here, no `null` (blank is absent in what we read,
/// and nothing is null in what we write), no defaults, docstrings as running text.
fn tidied(schema: Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(collapsed(members.into_iter().filter_map(member).collect())),
        Value::Array(items) => items.into_iter().filter(|item| !is_null(item)).map(tidied).collect(),
        other => other,
    }
}

fn member((name, value): (String, Value)) -> Option<(String, Value)> {
    let value = match (name.as_str(), value) {
        ("title" | "default" | "$schema", Value::String(_) | Value::Null | Value::Bool(_)) => return None,
        ("default", Value::Array(_) | Value::Object(_)) => return None,
        ("properties", Value::Object(properties)) => {
            properties.into_iter().map(|(name, schema)| (name, tidied(schema))).collect()
        }
        ("$ref", Value::String(target)) => {
            let name = target.strip_prefix(COMPONENTS).unwrap_or(&target);
            format!("{COMPONENTS}{}", renamed(name)).into()
        }
        ("description", Value::String(text)) => prose(&text).into(),
        ("type", Value::Array(types)) => one_type(types),
        (_, value) => tidied(value),
    };
    Some((name, value))
}

fn one_type(types: Vec<Value>) -> Value {
    let mut types: Vec<Value> = types.into_iter().filter(|kind| kind != "null").collect();
    match types.len() {
        1 => types.remove(0),
        _ => Value::Array(types),
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null") || schema.is_null()
}

/// A choice of one is no choice.
fn collapsed(mut members: Map<String, Value>) -> Map<String, Value> {
    let only = members.get("anyOf").and_then(Value::as_array).filter(|choices| choices.len() == 1);
    let only = only.and_then(|choices| choices.first()).and_then(Value::as_object).cloned();
    if let Some(only) = only {
        members.remove("anyOf");
        for (name, value) in only {
            members.entry(name).or_insert(value);
        }
    }
    members
}

/// Words in brackets that begin so point into our own papers.
const OURS: [&str; 9] = ["(C1", "(C2", "(C3", "(C5", "(C6", "(C7", "(C9", "(`ocen-v3.md`", "(design "];

/// A docstring in one line, without links and without pointers into our own papers.
fn prose(docstring: &str) -> String {
    let mut text = docstring.replace("\n\n", "\u{b6}").replace('\n', " ").replace('\u{b6}', "\n\n");
    text = text.replace("[`", "`").replace("`]", "`");
    while let Some((before, after)) = OURS.iter().find_map(|mark| {
        let (before, rest) = text.split_once(mark)?;
        let (_, after) = rest.split_once(')')?;
        Some((before.trim_end().to_owned(), after.to_owned()))
    }) {
        text = before + &after;
    }
    text
}

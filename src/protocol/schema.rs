//! How a message differs from the schema that we publish for it: every place, not only the first.
//!
//! The document says little more than types, members and references, so that a few words of JSON Schema are enough; a
//! test fails when it begins to say more. A validator for all of JSON Schema would bring a second engine for regular
//! expressions and tables of Unicode: megabytes that nothing here needs.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Operation;

/// The description of what is served, as `make openapi` writes it; a test keeps it true.
pub const PUBLISHED: &str = include_str!("../../openapi/ocen-v3.json");
/// Most differences of one message that are told.
const MOST: usize = 100;
/// How deep messages and references are followed; messages are never so deep.
const DEEPEST: usize = 64;
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(PUBLISHED).unwrap_or_default());

/// One place at which a message differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// JSON pointer (RFC 6901) into the message.
    pub pointer: String,
    /// What is wrong there, for an engineer. Never repeats the value.
    pub problem: String,
}

/// How a request's payload differs from what is published for it.
#[must_use]
pub fn of_request(operation: &Operation, message: &Value) -> Vec<Difference> {
    let body = member(&DOCUMENT, &["paths", operation.request_path, "post"]);
    differences(body, message)
}

/// How a callback's payload differs from what is published for it.
#[must_use]
pub fn of_callback(operation: &Operation, message: &Value) -> Vec<Difference> {
    let callbacks = member(&DOCUMENT, &["paths", operation.request_path, "post", "callbacks"]);
    let first = |value: Option<&'static Value>| value.and_then(Value::as_object).and_then(|all| all.values().next());
    let path = first(first(callbacks));
    differences(path.and_then(|path| path.get("post")), message)
}

fn member(value: &'static Value, path: &[&str]) -> Option<&'static Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// A message is published as itself or its signed envelope: the first is meant.
fn differences(post: Option<&'static Value>, message: &Value) -> Vec<Difference> {
    let schema = post.and_then(|post| post.pointer("/requestBody/content/application~1json/schema/oneOf/0"));
    let mut found = Found::default();
    if let Some(schema) = schema {
        found.check(schema, message, 0);
    }
    found.differences
}

/// The differences so far, and where the check stands.
#[derive(Debug, Default)]
struct Found {
    differences: Vec<Difference>,
    place: String,
}

impl Found {
    fn tell(&mut self, problem: impl Into<String>) {
        if self.differences.len() < MOST {
            self.differences.push(Difference { pointer: self.place.clone(), problem: problem.into() });
        }
    }

    fn check(&mut self, schema: &Value, value: &Value, depth: usize) {
        let Some(words) = schema.as_object().filter(|_| depth < DEEPEST) else {
            return;
        };
        if let Some(target) = words.get("$ref").and_then(Value::as_str).and_then(resolve) {
            self.check(target, value, depth + 1);
        }
        if let Some(problem) = wrong_type(words, value).or_else(|| wrong_value(words, value)) {
            // Whatever else is said is about a value of another kind.
            self.tell(problem);
            return;
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(choices) = words.get(word).and_then(Value::as_array) {
                self.check_choices(choices, value, depth);
            }
        }
        match value {
            Value::Object(members) => self.check_members(words, members, depth),
            Value::Array(items) => self.check_items(words, items, depth),
            _ => {}
        }
    }

    /// The choice that fits, or the differences from the one that nearly does.
    fn check_choices(&mut self, choices: &[Value], value: &Value, depth: usize) {
        let tried = choices.iter().map(|choice| {
            let mut alone = Self { place: self.place.clone(), ..Self::default() };
            alone.check(choice, value, depth + 1);
            alone.differences
        });
        let nearest = tried.min_by_key(Vec::len).unwrap_or_default();
        let room = MOST.saturating_sub(self.differences.len());
        self.differences.extend(nearest.into_iter().take(room));
    }

    fn check_members(&mut self, words: &Map<String, Value>, members: &Map<String, Value>, depth: usize) {
        let names = words.get("required").and_then(Value::as_array);
        for name in names.into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.within(name, |found| found.tell("is missing"));
            }
        }
        let known = words.get("properties").and_then(Value::as_object);
        for (name, value) in members {
            let schema = known.and_then(|known| known.get(name));
            match (schema, words.get("additionalProperties")) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                    self.within(name, |found| found.check(schema, value, depth + 1));
                }
                (None, Some(Value::Bool(false))) => self.within(name, |found| found.tell("is not a member")),
                (None, _) => {}
            }
        }
    }

    fn check_items(&mut self, words: &Map<String, Value>, items: &[Value], depth: usize) {
        let bound = |word: &str| words.get(word).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        if let Some(least) = bound("minItems").filter(|least| items.len() < *least) {
            self.tell(format!("has fewer than {least} items"));
        }
        if let Some(most) = bound("maxItems").filter(|most| items.len() > *most) {
            self.tell(format!("has more than {most} items"));
        }
        if let Some(schema) = words.get("items") {
            for (place, item) in items.iter().enumerate() {
                self.within(&place.to_string(), |found| found.check(schema, item, depth + 1));
            }
        }
    }

    fn within(&mut self, name: &str, act: impl FnOnce(&mut Self)) {
        let length = self.place.len();
        self.place.push('/');
        self.place.push_str(&name.replace('~', "~0").replace('/', "~1"));
        act(self);
        self.place.truncate(length);
    }
}

fn resolve(target: &str) -> Option<&'static Value> {
    DOCUMENT.pointer(target.strip_prefix('#')?)
}

fn wrong_type(words: &Map<String, Value>, value: &Value) -> Option<String> {
    let allowed: Vec<&str> = match words.get("type")? {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    let fits = allowed.iter().any(|kind| is(kind));
    (!fits).then(|| format!("is {}, not {}", kind_of(value), allowed.join(" or ")))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_value(words: &Map<String, Value>, value: &Value) -> Option<String> {
    if let Some(only) = words.get("const").filter(|only| *only != value) {
        return Some(format!("is not {only}"));
    }
    if let Some(allowed) = words.get("enum").and_then(Value::as_array).filter(|allowed| !allowed.contains(value)) {
        let names: Vec<String> = allowed.iter().map(Value::to_string).collect();
        return Some(format!("is none of {}", names.join(", ")));
    }
    let least = words.get("minimum").and_then(Value::as_f64)?;
    let below = value.as_f64().is_some_and(|number| number < least);
    below.then(|| format!("is less than {least}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::protocol::OPERATIONS;

    /// The words of JSON Schema that are checked. What is not among them only describes.
    const CHECKED: [&str; 13] = [
        "$ref",
        "type",
        "const",
        "enum",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minimum",
        "anyOf",
        "oneOf",
    ];

    /// Words that describe and demand nothing. A `format` says what a reader may make of a value.
    const DESCRIBE: [&str; 5] = ["description", "format", "writeOnly", "title", "examples"];

    fn words(schema: &Value, found: &mut BTreeSet<String>) {
        let Some(members) = schema.as_object() else {
            schema.as_array().into_iter().flatten().for_each(|item| words(item, found));
            return;
        };
        for (word, value) in members {
            found.insert(word.clone());
            match word.as_str() {
                "properties" => {
                    value.as_object().unwrap().values().for_each(|property| words(property, found));
                }
                "enum" | "const" | "required" | "examples" => {}
                _ => words(value, found),
            }
        }
    }

    #[test]
    fn the_published_schemas_say_nothing_that_is_not_checked() {
        let mut found = BTreeSet::new();
        let components = DOCUMENT.pointer("/components/schemas").and_then(Value::as_object).unwrap();
        components.values().for_each(|schema| words(schema, &mut found));
        let unknown: Vec<&String> = found
            .iter()
            .filter(|word| !CHECKED.contains(&word.as_str()) && !DESCRIBE.contains(&word.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn every_published_example_fits_its_schema() {
        for operation in OPERATIONS {
            let post = member(&DOCUMENT, &["paths", operation.request_path, "post"]).unwrap();
            let example = post.pointer("/requestBody/content/application~1json/examples/message/value").unwrap();
            assert_eq!(of_request(operation, example), [], "{}", operation.name);
            assert!(!of_request(operation, &json!([])).is_empty(), "{} has a schema", operation.name);
            if operation.answer_path.is_some() {
                assert!(
                    !of_callback(operation, &json!([])).is_empty(),
                    "{} has a schema of its callback",
                    operation.name
                );
            }
        }
    }

    #[test]
    fn each_place_that_differs_is_pointed_at() {
        let create = crate::protocol::find("createLoanApplications").unwrap();
        let message = json!({
            "metadata": {"version": "1.0", "orgId": 7, "timestamp": "t", "traceId": "t"},
            "requestId": "r",
            "loanApplications": [{"loanApplicationId": {}}],
        });
        let found = of_request(create, &message);
        let at = |pointer: &str| found.iter().find(|d| d.pointer == pointer).map(|d| d.problem.clone());
        assert_eq!(at("/metadata/orgId").as_deref(), Some("is number, not string"), "{found:?}");
        assert!(at("/loanApplications/0/loanApplicationId").is_some(), "{found:?}");
    }
}

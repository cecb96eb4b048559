//! The operators' API in a guide, out of its description.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::Value;

use crate::http::admin::openapi::PUBLISHED;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(PUBLISHED).unwrap_or_default());

/// Every call with what it takes, the calls of one subject together.
pub(super) fn calls() -> String {
    let tags = array(&DESCRIPTION, "tags").iter().map(|tag| text(tag, "name"));
    tags.fold(String::new(), |mut written, tag| {
        let _ = writeln!(written, "\n## {tag} {{#{tag}}}\n");
        let paths = DESCRIPTION.get("paths").and_then(Value::as_object).into_iter().flatten();
        for (path, methods) in paths {
            for (method, call) in methods.as_object().into_iter().flatten() {
                if array(call, "tags").iter().any(|of| of == tag) {
                    written.push_str(&one(path, method, call));
                }
            }
        }
        written
    })
}

fn one(path: &str, method: &str, call: &Value) -> String {
    let (id, method) = (text(call, "operationId"), method.to_ascii_uppercase());
    let mut written = format!("### `{method} {path}` {{#{id}}}\n\n{}\n\n", text(call, "summary"));
    let _ = writeln!(written, "{}\n", text(call, "description"));
    let takes = array(call, "parameters").iter().fold(String::new(), |mut rows, parameter| {
        let (name, place) = (text(parameter, "name"), text(parameter, "in"));
        let _ = writeln!(rows, "| `{name}` | {place} | {} |", cell(text(parameter, "description")));
        rows
    });
    if !takes.is_empty() {
        let _ = writeln!(written, "| parameter | in | meaning |\n|---|---|---|\n{takes}");
    }
    if let Some(body) = call.pointer("/requestBody/content/application~1json/schema") {
        let name = body.get("$ref").and_then(Value::as_str).map_or("", last);
        let _ = writeln!(written, "The body, `{name}`:\n\n{}\n", members(name).unwrap_or_default());
    }
    let answers = call.get("responses").and_then(Value::as_object).into_iter().flatten();
    for (status, answer) in answers.filter(|(status, _)| *status != "default") {
        let schema = answer.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
        let what = schema.map_or_else(|| text(answer, "description").to_owned(), |name| format!("`{}`.", last(name)));
        let _ = writeln!(written, "Answers {status}: {what}\n");
    }
    written
}

/// What an object of the description has, one member a row.
pub(super) fn members(name: &str) -> Option<String> {
    let schema = DESCRIPTION.pointer("/components/schemas")?.get(name)?;
    let Some(members) = schema.get("properties").and_then(Value::as_object) else {
        return variants(schema);
    };
    let required = array(schema, "required");
    let rows = members.iter().fold(String::new(), |mut rows, (member, of)| {
        let must = if required.iter().any(|one| one == member) { "required" } else { "" };
        let left_out = of.get("default").filter(|default| !default.is_null());
        let left_out = left_out.map_or_else(|| must.to_owned(), |default| format!("left out: `{default}`"));
        let _ = writeln!(rows, "| `{member}` | {} | {left_out} | {} |", kind(of), cell(text(of, "description")));
        rows
    });
    Some(format!("| member | type | needed | meaning |\n|---|---|---|---|\n{rows}"))
}

/// An object that is one of several kinds, one kind a row.
fn variants(schema: &Value) -> Option<String> {
    let rows: String = array(schema, "oneOf")
        .iter()
        .filter_map(|variant| {
            let members = variant.get("properties")?.as_object()?;
            let kind = members.get("kind")?.get("const")?.as_str()?;
            let required = array(variant, "required");
            let others = members.iter().filter(|(member, _)| *member != "kind").map(|(member, of)| {
                let may = if required.iter().any(|one| one == member) { "" } else { ", may be left out" };
                let about = cell(text(of, "description"));
                format!("`{member}` ({}{may}): {}", self::kind(of), about.trim_end_matches('.'))
            });
            let others: Vec<String> = others.collect();
            let about = cell(text(variant, "description"));
            Some(format!("| `{kind}` | {about} | {} |\n", others.join("; ")))
        })
        .collect();
    if rows.is_empty() { None } else { Some(format!("| kind | meaning | with |\n|---|---|---|\n{rows}")) }
}

/// Every object of the description that is not a page of others.
pub(super) fn types() -> String {
    let all = DESCRIPTION.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    all.filter(|(name, _)| !name.ends_with("Page")).fold(String::new(), |mut written, (name, schema)| {
        if let Some(members) = members(name) {
            let about = text(schema, "description");
            let _ = writeln!(written, "### `{name}` {{#type-{name}}}\n\n{about}\n\n{members}");
        }
        written
    })
}

/// A type in a word or two; of words all of them.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let named = DESCRIPTION.pointer("/components/schemas").and_then(|all| all.get(last(name)));
        return named.map_or_else(String::new, |named| words(named).unwrap_or_else(|| plain(named, last(name))));
    }
    let choices = array(schema, "anyOf").iter().filter(|one| one.get("type").is_none_or(|kind| kind != "null"));
    if let Some(choice) = choices.into_iter().next() {
        return kind(choice);
    }
    if let Some(items) = schema.get("items") {
        return format!("array of {}", kind(items));
    }
    words(schema).unwrap_or_else(|| plain(schema, "any"))
}

/// An id is a text; an object is known by its name.
fn plain(schema: &Value, name: &str) -> String {
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "object" && name != "any" => format!("`{name}`"),
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").map_or_else(String::new, str::to_owned)
        }
        _ => format!("`{name}`"),
    }
}

/// The words of which it is one.
fn words(schema: &Value) -> Option<String> {
    let listed = array(schema, "enum").iter().filter_map(Value::as_str);
    let told = array(schema, "oneOf").iter().filter_map(|one| one.get("const").and_then(Value::as_str));
    let words: Vec<String> = listed.chain(told).map(|word| format!("`{word}`")).collect();
    if words.is_empty() { None } else { Some(words.join(", ")) }
}

fn array<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The name behind a reference.
fn last(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

/// One line, which ends no cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

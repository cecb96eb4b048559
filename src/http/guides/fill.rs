//! What is put into a guide from the description: `{{call NAME}}` a call with its messages, `{{news NAME}}` a callback
//! that nobody asks for, `{{ack}}` an ack, `{{codes PREFIX}}` the error codes that begin so, `{{readme HEADING}}` a part of
//! the README, `{{operators}}` the calls of the operators' API, `{{members TYPE}}` what a type
//! of it has, `{{types}}` all its types.

use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::operators;
use crate::protocol::codes::CODES;

/// Members that come first in a message.
const FIRST: [&str; 3] = ["metadata", "response", "requestId"];
/// Longest text of an example, in characters: documents are cut.
const LONGEST: usize = 96;
const README: &str = include_str!("../../../README.md");

fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| serde_json::from_str(super::super::docs::OPENAPI).unwrap_or_default())
}

/// Every call, with its path.
fn posts() -> impl Iterator<Item = (&'static str, &'static Value)> {
    let paths = description().get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.filter_map(|(path, item)| Some((path.as_str(), item.get("post")?)))
}

/// The names of all calls.
#[cfg(test)]
pub(super) fn calls() -> impl Iterator<Item = &'static str> {
    posts().filter_map(|(_, post)| post.get("operationId").and_then(Value::as_str))
}

/// Puts in what stands on lines of its own.
pub(super) fn fill(markdown: &str) -> String {
    let mut filled = String::with_capacity(markdown.len());
    for line in markdown.lines() {
        match line.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            // What is not known stays, and a test finds it.
            Some(wanted) => filled.push_str(&put_in(wanted).unwrap_or_else(|| line.to_owned())),
            None => filled.push_str(line),
        }
        filled.push('\n');
    }
    filled
}

fn put_in(wanted: &str) -> Option<String> {
    match wanted.split_once(' ') {
        Some(("call", name)) => call(name),
        Some(("news", name)) => news(name),
        Some(("codes", prefix)) => Some(codes(prefix)),
        Some(("readme", heading)) => readme(heading),
        Some(("members", name)) => operators::members(name),
        None if wanted == "operators" => Some(operators::calls()),
        None if wanted == "types" => Some(operators::types()),
        None if wanted == "ack" => posts().find_map(|(_, post)| example(post.pointer("/responses/200")?)),
        _ => None,
    }
}

fn call(name: &str) -> Option<String> {
    let (path, post) = posts().find(|(_, post)| post.get("operationId").and_then(Value::as_str) == Some(name))?;
    let text = |member: &str| post.get(member).and_then(Value::as_str).unwrap_or_default();
    let mut written = format!("\n## {} {{#{name}}}\n\n`{name}`: `POST {path}`\n\n", text("summary"));
    let _ = writeln!(written, "{}\n", text("description"));
    let _ = writeln!(written, "### Request {{#{name}-request}}\n\n{}\n", example(post.get("requestBody")?)?);
    let _ = writeln!(written, "### Ack {{#{name}-ack}}\n\n{}\n", example(post.pointer("/responses/200")?)?);
    let callbacks = post.get("callbacks").and_then(Value::as_object).into_iter().flatten();
    for (answer, by_path) in callbacks {
        let (address, item) = by_path.as_object()?.iter().next()?;
        let address = address.rsplit_once('}').map_or(address.as_str(), |(_, path)| path);
        let callback = item.get("post")?;
        let _ = writeln!(written, "### Callback {{#{name}-callback}}\n\n`{answer}`: `POST {address}` at the LSP\n");
        let _ = writeln!(written, "{}\n", callback.get("description").and_then(Value::as_str).unwrap_or_default());
        let _ = writeln!(written, "{}\n", example(callback.get("requestBody")?)?);
        let _ = writeln!(written, "{}", table(name, callback.get("x-error-codes")));
    }
    Some(written)
}

fn news(name: &str) -> Option<String> {
    let post = description().get("webhooks")?.get(name)?.get("post")?;
    let about = post.get("description").and_then(Value::as_str).unwrap_or_default();
    let example = example(post.get("requestBody")?)?;
    Some(format!("\n## Unasked: {name} {{#{name}-unasked}}\n\n{about}\n\n{example}\n"))
}

/// A part of the README, which is for whoever has no server yet. Its links into the repository lead nowhere from here.
fn readme(heading: &str) -> Option<String> {
    let (_, after) = README.split_once(&format!("\n## {heading}\n"))?;
    let part = after.split("\n## ").next()?;
    let mut written = format!("\n## {heading}\n");
    let mut rest = part;
    while let Some((before, link)) = rest.split_once("](") {
        let (target, behind) = link.split_once(')')?;
        if target.starts_with("http") || target.starts_with('/') {
            let _ = write!(written, "{before}]({target})");
        } else {
            // The words stay, their brackets and the target go.
            let (lead, words) = before.rsplit_once('[')?;
            let _ = write!(written, "{lead}{words}");
        }
        rest = behind;
    }
    written.push_str(rest);
    Some(written)
}

/// The first example of a body, as a block of JSON.
fn example(body: &Value) -> Option<String> {
    let examples = body.pointer("/content/application~1json/examples")?.as_object()?;
    let value = examples.get("message").or_else(|| examples.get("accepted"))?.get("value")?;
    Some(format!("```json\n{}\n```", pretty(value)))
}

/// Indented, with the envelope's members first.
fn pretty(value: &Value) -> String {
    let short = shortened(value);
    let Value::Object(members) = &short else {
        return serde_json::to_string_pretty(&short).unwrap_or_default();
    };
    let first = FIRST.iter().filter_map(|name| members.get_key_value(*name));
    let rest = members.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let lines: Vec<String> = first
        .chain(rest)
        .map(|(name, member)| {
            let text = serde_json::to_string_pretty(member).unwrap_or_default();
            format!("  {}: {}", Value::from(name.as_str()), text.replace('\n', "\n  "))
        })
        .collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > LONGEST => {
            let begin: String = text.chars().take(LONGEST / 2).collect();
            Value::String(format!("{begin}…"))
        }
        Value::Array(items) => Value::Array(items.iter().map(shortened).collect()),
        Value::Object(members) => {
            let short: Map<String, Value> =
                members.iter().map(|(name, member)| (name.clone(), shortened(member))).collect();
            Value::Object(short)
        }
        other => other.clone(),
    }
}

/// The codes that `response.error` of a callback may have.
fn table(name: &str, codes: Option<&Value>) -> String {
    let codes = codes.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows: String = codes
        .iter()
        .filter_map(|code| {
            Some(format!("| `{}` | {} |\n", code.get("code")?.as_str()?, code.get("description")?.as_str()?))
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("### Errors in the callback {{#{name}-errors}}\n\n| `response.error` | meaning |\n|---|---|\n{rows}")
}

/// The codes that begin with one of some prefixes, with the status that an ack with them has.
fn codes(prefixes: &str) -> String {
    let wanted = CODES.iter().filter(|code| prefixes.split(' ').any(|prefix| code.text().starts_with(prefix)));
    let rows = wanted.fold(String::new(), |mut rows, code| {
        let _ = writeln!(rows, "| `{}` | {} | {} |", code.text(), code.status(), code.meaning());
        rows
    });
    format!("| code | HTTP status of the ack | meaning |\n|---|---|---|\n{rows}")
}

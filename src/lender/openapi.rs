//! The OpenAPI 3.1 description of what a lender's systems answer (`openapi/ports.json`), made from the wire types.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::PORTS;
use super::answer::{Answer, Found};
use super::contract::sample::Samples;
use super::ledger::{LEDGER, LedgerFound};
use super::methods::{METHODS, Method};
use super::question::Context;

/// Where references point.
const COMPONENTS: &str = "#/components/schemas/";
/// Types whose name in Rust says less than it could.
const SUFFIX: &str = "Detail";
/// What a reader must know before anything else.
const INTRODUCTION: &str = "What ocen-lender asks of a lender's own systems. Each call is `POST {base}/{port}/{method}` \
    with a JSON body, signed by Standard Webhooks (symmetric, `v1`): the signature is the base64 of HMAC-SHA256 over \
    `{webhook-id}.{webhook-timestamp}.{body}` with the bytes behind `whsec_`. `webhook-signature` may hold several, \
    parted by blanks; one that fits is enough. Refuse a signature that does not fit, and a timestamp more than five \
    minutes away, with 401.\n\n\
    `Idempotency-Key` is the same for every try of the same question, and the answer to it must be, too; nothing may \
    happen twice. Keys are told apart by port. Asking what became of a question (`status`, and any call with a \
    `reference`) has a key of its own. A question that people have asked again after `ADAPTER_ERROR` or a bare 4xx comes \
    under a new key.\n\n\
    200 carries an outcome. 202 carries `pending`: the outcome may be posted to `context.callbackUrl`, and is asked for \
    at `pollAfter` in any case, within six hours; where that is past already, at growing intervals from half a second to \
    five minutes. 4xx carries `refused`; a 4xx without it is a mistake in the connection and calls a \
    person, never declines a borrower. 408, 409, 425, 429 and 5xx are asked again, not before `Retry-After`. Of money, \
    whatever was not finally refused or done is only asked about by `status`, never sent again.\n\n\
    Amounts are rupees as text with two decimals. New members may appear in what is sent; ignore what you do not know.";

/// The description.
#[derive(Debug, Serialize)]
struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Value,
    paths: Map<String, Value>,
    components: Value,
}

/// The description as it stands in `openapi/ports.json`.
///
/// # Errors
/// When serialising fails, which it does not for a schema.
pub fn text() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&document())?;
    text.push('\n');
    Ok(text)
}

fn document() -> Document {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    for method in METHODS {
        paths.insert(format!("/{}/{}", method.port, method.name), json!({ "post": operation(method, &mut schemas) }));
    }
    let tags: Vec<Value> = PORTS.iter().map(|port| json!({ "name": port })).collect();
    Document {
        openapi: "3.1.0",
        info: json!({
            "title": "Ports of ocen-lender",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The protocol between ocen-lender and a lender's own systems",
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        }),
        servers: json!([{ "url": "http://127.0.0.1:9000", "description": "The example backend in `tests/backend`" }]),
        tags: Value::Array(tags),
        paths,
        components: json!({
            "schemas": schemas.into_components(),
            "parameters": parameters(),
            "responses": responses(),
        }),
    }
}

fn operation(method: &'static Method, schemas: &mut Schemas) -> Value {
    let name = pascal(&format!("{}-{}", method.port, method.name));
    let request = schemas.request(method);
    schemas.named.insert(format!("{name}Request"), request);
    let answer = answer_of(method);
    schemas.named.insert(format!("{name}Answer"), answer);
    let reference = |what: &str| json!({ "$ref": format!("{COMPONENTS}{name}{what}") });
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let mut body = content(reference("Request"));
    if let (Some(example), Some(media)) = (example(method), body.pointer_mut("/application~1json")) {
        media["examples"] = json!({ "test": { "value": example } });
    }
    let answers = content(reference("Answer"));
    let mut described = json!({
        "operationId": format!("{}.{}", method.port, method.name),
        "tags": [method.port],
        "summary": method.summary,
        "description": method.description,
        "parameters": HEADERS.iter().map(|(name, _)| json!({ "$ref": format!("#/components/parameters/{name}") }))
            .collect::<Vec<_>>(),
        "requestBody": { "required": true, "content": body },
        "responses": {
            "200": { "description": "An outcome.", "content": answers },
            "202": { "description": "`pending`: the outcome follows.", "content": content(pending_only()) },
            "401": { "$ref": "#/components/responses/Unsigned" },
            "404": { "$ref": "#/components/responses/NoSuchMethod" },
            "422": { "description": "`refused`; 200 will do as well.", "content": answers },
            "429": { "$ref": "#/components/responses/Later" },
            "503": { "$ref": "#/components/responses/Later" },
        },
        "callbacks": { "outcome": { "{$request.body#/context/callbackUrl}": { "post": later(&answers) } } },
    });
    // The book is asked about again; nothing is posted back.
    if let (LEDGER, Value::Object(members)) = (method.port, &mut described) {
        members.remove("callbacks");
    }
    described
}

/// The same question, answered later.
fn later(answers: &Value) -> Value {
    json!({
        "summary": "The outcome, after `pending`",
        "description": "Signed by you with the port's secret, as the call was signed by us: `webhook-id` is an id of your \
            own, the same when you send the message again; no `Idempotency-Key` is needed. Send it again until it is \
            answered with 2xx. 200 also answers an outcome that comes too late to count.",
        "parameters": HEADERS.iter().filter(|(name, _)| name.starts_with("webhook"))
            .map(|(name, _)| json!({ "$ref": format!("#/components/parameters/{name}") })).collect::<Vec<_>>(),
        "requestBody": { "required": true, "content": answers },
        "responses": {
            "200": { "description": "Taken, or stale.", "content": { "application/json": { "schema": taken() } } },
            "401": { "description": "The signature does not fit, or the timestamp is more than five minutes away." },
            "404": { "description": "The address stands for no question." },
            "422": { "description": "No outcome of this question." },
            "503": { "description": "Could not be applied now; send it again." },
        },
    })
}

/// What an outcome that came later is answered with.
fn taken() -> Value {
    json!({
        "type": "object",
        "properties": { "status": {
            "enum": ["applied", "noted", "stale"],
            "description": "`applied`: it counts. `noted`: it is not final, the question is asked again at its time. \
                `stale`: the question had its outcome before; nothing changed.",
        } },
        "required": ["status"],
    })
}

fn example(method: &Method) -> Option<Value> {
    let today = NaiveDate::from_ymd_opt(2026, 1, 5)?;
    let samples = Samples { run: "1".to_owned(), now: today.and_hms_opt(10, 0, 0)?.and_utc(), today };
    if method.port == LEDGER {
        return samples.of_the_book(method.name).map(|(_, body)| body);
    }
    let sample = samples.of(method.port, method.name)?;
    Some(samples.body(&sample, Some("https://ocen.internal.lender.example/ports/v1/callbacks/AZs1kq0u")))
}

const HEADERS: [(&str, &str); 4] = [
    ("webhook-id", "Id of the message; equal to `Idempotency-Key`."),
    ("webhook-timestamp", "When it was signed, seconds since 1970."),
    ("webhook-signature", "`v1,` and the base64 of the signature; several are parted by blanks."),
    ("Idempotency-Key", "The same key is the same question: answer it alike, do nothing twice."),
];

fn parameters() -> Value {
    let parameter = |(name, description): &(&str, &str)| {
        let schema = json!({ "type": "string" });
        let header = json!({
            "name": name, "in": "header", "required": true, "description": description, "schema": schema,
        });
        ((*name).to_owned(), header)
    };
    Value::Object(HEADERS.iter().map(parameter).collect())
}

fn responses() -> Value {
    json!({
        "Unsigned": { "description": "The signature does not fit, or the timestamp is more than five minutes away." },
        "NoSuchMethod": { "description": "This system does not answer the method." },
        "Later": {
            "description": "Not now. The call is made again with the same key; a payment or debit is asked about instead.",
            "headers": { "Retry-After": {
                "description": "Not before so many seconds.", "schema": { "type": "integer", "minimum": 0 },
            } },
        },
    })
}

fn pending_only() -> Value {
    json!({ "$ref": format!("{COMPONENTS}Pending") })
}

/// Collects the schemas that are referred to.
struct Schemas {
    /// What we send: a member that is always written is required.
    sent: SchemaGenerator,
    /// What we read: a member with a default may be left out.
    read: SchemaGenerator,
    named: BTreeMap<String, Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        let (sent, read) = (settings().for_serialize().into_generator(), settings().into_generator());
        let mut schemas = Self { sent, read, named: BTreeMap::new() };
        let answers = schemas.read.root_schema_for::<Answer>().to_value();
        for (tag, variant) in variants(&answers, "outcome").filter(|(tag, _)| tag != "done") {
            schemas.named.insert(pascal(&tag), variant);
        }
        let found = schemas.read.root_schema_for::<Found>().to_value();
        for (tag, variant) in variants(&found, "finding") {
            schemas.named.insert(format!("Found{}", pascal(&tag)), variant);
        }
        let told = schemas.read.root_schema_for::<LedgerFound>().to_value();
        for (tag, variant) in variants(&told, "finding") {
            schemas.named.insert(format!("Found{}", pascal(&tag)), variant);
        }
        schemas
    }
}

impl Schemas {
    fn request(&mut self, method: &Method) -> Value {
        if method.port == LEDGER {
            return self.ledger_request(method);
        }
        let context = self.sent.subschema_for::<Context<'static>>().to_value();
        let asks: Vec<Value> = method.asks.iter().map(|make| make(&mut self.sent).to_value()).collect();
        let subject = (method.subject)(&mut self.sent).to_value();
        json!({
            "type": "object",
            "description": format!("{}.", method.summary),
            "properties": {
                "context": context,
                "key": {
                    "type": "string",
                    "description": "Names the question over all its tries and polls; for money the bank key.",
                },
                "ask": any_of(asks),
                "subjects": {
                    "type": "array", "minItems": 1, "items": subject,
                    "description": "The applications that it is about; several only for one borrower's consent or \
                        signature.",
                },
                "reference": {
                    "type": ["string", "null"],
                    "description": "What an earlier answer gave as `reference`: this call asks what became of the \
                        question. Null in a first call.",
                },
                "now": {
                    "type": "string", "format": "date-time", "description": "The server's business time.",
                },
                "businessDate": {
                    "type": "string", "format": "date", "description": "The lender's day, Asia/Kolkata.",
                },
            },
            "required": ["context", "key", "ask", "subjects", "reference", "now", "businessDate"],
        })
    }

    /// The book is about no application, and its answer is waited for.
    fn ledger_request(&mut self, method: &Method) -> Value {
        let asks: Vec<Value> = method.asks.iter().map(|make| make(&mut self.sent).to_value()).collect();
        json!({
            "type": "object",
            "description": format!("{}.", method.summary),
            "properties": {
                "key": { "type": "string", "description": "The same for the same question." },
                "ask": any_of(asks),
                "now": {
                    "type": "string", "format": "date-time", "description": "The server's business time.",
                },
                "businessDate": {
                    "type": "string", "format": "date", "description": "The lender's day, Asia/Kolkata.",
                },
            },
            "required": ["key", "ask", "now", "businessDate"],
        })
    }

    fn into_components(mut self) -> BTreeMap<String, Value> {
        let definitions = self.sent.take_definitions(true).into_iter().chain(self.read.take_definitions(true));
        let mut components: BTreeMap<String, Value> =
            definitions.filter(|(name, _)| !matches!(name.as_str(), "Found" | "LedgerFound" | "Answer")).collect();
        components.extend(self.named);
        components.into_iter().map(|(name, schema)| (renamed(&name), tidied(schema))).collect()
    }
}

/// The outcomes of a method.
fn answer_of(method: &Method) -> Value {
    let found = method.findings.iter().map(|tag| json!({ "$ref": format!("{COMPONENTS}Found{}", pascal(tag)) }));
    let done = json!({
        "type": "object",
        "description": "Answered.",
        "properties": { "outcome": { "type": "string", "const": "done" }, "finding": any_of(found.collect()) },
        "required": ["outcome", "finding"],
    });
    let others = ["Pending", "Refused", "Unknown"].map(|name| json!({ "$ref": format!("{COMPONENTS}{name}") }));
    let outcomes: Vec<Value> = std::iter::once(done).chain(others).collect();
    json!({ "oneOf": outcomes })
}

/// The variants of an enum with a tag, by the tag's value.
fn variants<'a>(schema: &'a Value, tag: &'a str) -> impl Iterator<Item = (String, Value)> + 'a {
    let all = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(move |variant| {
        let name = variant.pointer(&format!("/properties/{tag}/const"))?.as_str()?;
        Some((name.to_owned(), variant.clone()))
    })
}

fn any_of(mut schemas: Vec<Value>) -> Value {
    if schemas.len() == 1 { schemas.remove(0) } else { json!({ "anyOf": schemas }) }
}

/// `consent-create` and `consentCreated` in capitals.
fn pascal(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
    words.collect()
}

/// `PayDetail` is an `PayAsk` to its reader.
fn renamed(name: &str) -> String {
    name.strip_suffix(SUFFIX).map_or_else(|| name.to_owned(), |what| format!("{what}Ask"))
}

/// Without titles and defaults, docstrings in one line without links, references under their names here.
fn tidied(schema: Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(members.into_iter().filter_map(member).collect()),
        Value::Array(items) => items.into_iter().map(tidied).collect(),
        other => other,
    }
}

fn member((name, value): (String, Value)) -> Option<(String, Value)> {
    let value = match (name.as_str(), value) {
        ("title" | "default" | "$schema" | "$defs" | "components", _) => return None,
        ("properties", Value::Object(properties)) => {
            properties.into_iter().map(|(name, schema)| (name, tidied(schema))).collect()
        }
        ("$ref", Value::String(target)) => {
            format!("{COMPONENTS}{}", renamed(target.strip_prefix(COMPONENTS).unwrap_or(&target))).into()
        }
        ("description", Value::String(text)) => text.replace('\n', " ").replace("[`", "`").replace("`]", "`").into(),
        (_, value) => tidied(value),
    };
    Some((name, value))
}

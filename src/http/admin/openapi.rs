//! The OpenAPI 3.1 description of the operators' API (`openapi/operators.json`), made from the table of its routes and
//! the types that their handlers read and write.

use std::collections::BTreeMap;

use axum::http::Method;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::reveal::LONGEST_REASON;
use super::routes::{self, Answer, Route, TRANSCRIPT};
use crate::config::Role;

/// As it stands in `openapi/operators.json`; a test keeps it true.
pub const PUBLISHED: &str = include_str!("../../../openapi/operators.json");
/// What a reader must know before anything else.
const INTRODUCTION: &str = "How a lender's people look at ocen-lender and act on it, on the operators' listener. \
    `Authorization: Bearer` carries an operator's own token, which stands for a name and roles, or the token of every \
    role; `dev` on loopback asks for none. The console under `/console` does all of this by the same calls.\n\n\
    Lists come in pages, newest first unless said otherwise: `nextCursor` goes into `cursor` for the next page and is \
    null on the last one; `limit` is 1 to 500, and 50 when left out. Amounts are rupees as text with two decimals. \
    Refusals are problem details (RFC 9457) and change nothing; `pointer` leads to the member that is wrong.\n\n\
    Answers that speak of persons are masked. With `reveal=true` and a reason in the header `Ocen-Reason` they are shown \
    in full to whoever has a role beside `viewer`, and the audit log keeps by whom and why. A body needs \
    `Content-Type: application/json`. Members may be added to answers; ignore what you do not know.";

/// What stands in paths.
const IN_PATHS: [(&str, &str); 9] = [
    ("orgId", "The LSP's `metadata.orgId`."),
    ("loanApplicationId", "The LSP's id of the application."),
    ("loanId", "The loan's id."),
    ("kid", "The `kid` of one of the LSP's keys."),
    ("actId", "As the list gives it."),
    ("askId", "As the list gives it."),
    ("id", "As the list gives it."),
    ("kind", "`lsp`, `product`, `operation` or `payouts`."),
    ("subject", "An LSP's id, a product or an operation; of `payouts` a product or `all`."),
];

/// What stands in many queries.
const IN_QUERIES: [(&str, &str); 4] = [
    ("cursor", "`nextCursor` of the page before."),
    ("limit", "Most items of the page, 1 to 500; 50 when left out."),
    ("orgId", "Of this LSP alone."),
    ("loanId", "Of this loan alone."),
];

/// The description.
#[derive(Debug, Serialize)]
struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    security: Value,
    tags: Vec<Value>,
    paths: BTreeMap<&'static str, Map<String, Value>>,
    components: Value,
}

/// The description as it stands in `openapi/operators.json`.
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
    let mut paths: BTreeMap<_, Map<_, _>> = BTreeMap::new();
    let mut tags = Vec::new();
    for route in routes::table() {
        let tag = tag(route.path);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        let of_path = paths.entry(route.path).or_default();
        of_path.insert(route.method.as_str().to_ascii_lowercase(), operation(&route, &mut schemas));
    }
    Document {
        openapi: "3.1.0",
        info: json!({
            "title": "Operators' API of ocen-lender",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What a lender's people see and do",
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        }),
        servers: json!([{ "url": "http://127.0.0.1:8081", "description": "`dev` on its own defaults" }]),
        security: json!([{ "token": [] }]),
        tags: tags.iter().map(|tag| json!({ "name": tag })).collect(),
        paths,
        components: json!({
            "schemas": schemas.into_components(),
            "responses": { "Refused": {
                "description": "Refused; nothing has changed.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        }),
    }
}

/// What a path is about.
fn tag(path: &str) -> &str {
    path.split('/').nth(2).unwrap_or_default()
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let described = json!({
        "operationId": operation_id(route),
        "tags": [tag(route.path)],
        "summary": route.summary,
        "description": description(route),
        "x-roles": route.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
        "parameters": parameters(route, schemas),
        "responses": { route.status().as_str(): answer(route, schemas), "default": {
            "$ref": "#/components/responses/Refused",
        } },
    });
    let Value::Object(mut members) = described else { return described };
    if let Some(body) = route.taken.body {
        let schema = body(&mut schemas.read);
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        members.insert("requestBody".to_owned(), body);
    }
    Value::Object(members)
}

/// `get-lsps-orgId`: the method and what its path says.
fn operation_id(route: &Route) -> String {
    let words = route.path.split('/').skip(2).map(|word| word.trim_matches(['{', '}']));
    words.fold(route.method.as_str().to_ascii_lowercase(), |id, word| format!("{id}-{word}"))
}

fn description(route: &Route) -> String {
    let names: Vec<String> = route.roles.iter().map(|role: &Role| format!("`{}`", role.name())).collect();
    let mut text = format!("Roles: {}.", names.join(", "));
    if route.personal {
        text.push_str(" Speaks of persons: masked unless it is revealed.");
    }
    if route.linked {
        text.push_str(" An LSP's link opens it, too, for what is the LSP's own.");
    }
    text
}

fn parameters(route: &Route, schemas: &mut Schemas) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| {
            let about = IN_PATHS.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| *about);
            let schema = json!({ "type": "string" });
            json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
        })
        .collect();
    if let Some(query) = route.taken.query {
        parameters.extend(in_query(&query(&mut schemas.query)));
    }
    // What somebody did is shown to him as the list shows it.
    if route.personal && route.method == Method::GET {
        if route.path != TRANSCRIPT {
            parameters.push(json!({
                "name": "reveal", "in": "query", "required": false, "schema": { "type": "boolean" },
                "description": "`true` shows personal data, with a reason.",
            }));
        }
        parameters.push(json!({
            "name": "Ocen-Reason", "in": "header", "required": false,
            "schema": { "type": "string", "maxLength": LONGEST_REASON },
            "description": "Why personal data is revealed; the audit log keeps it.",
        }));
    }
    parameters
}

/// Each member of a query's type.
fn in_query(schema: &Value) -> Vec<Value> {
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let parameter = |(name, member): (&String, &Value)| {
        let mut schema = member.clone();
        let known = || IN_QUERIES.iter().find(|(known, _)| known == name).map(|(_, about)| json!(about));
        let own = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let about = own.or_else(known);
        let required = required.contains(&Value::from(name.as_str()));
        json!({ "name": name, "in": "query", "required": required, "description": about, "schema": schema })
    };
    members.map(parameter).collect()
}

fn answer(route: &Route, schemas: &mut Schemas) -> Value {
    match &route.answer {
        Answer::Nothing => json!({ "description": "Done." }),
        Answer::Json(schema) => json!({
            "description": "Done.",
            "content": { "application/json": { "schema": schema(&mut schemas.written) } },
        }),
        Answer::Members(about) => json!({
            "description": about,
            "content": { "application/json": { "schema": { "type": "object", "description": about } } },
        }),
        Answer::Other(media_type, about) => json!({ "description": about, "content": { *media_type: {} } }),
    }
}

/// Collects the schemas that are referred to.
struct Schemas {
    /// Of bodies: a member with a default may be left out.
    read: SchemaGenerator,
    /// Of queries, which stand where they are used.
    query: SchemaGenerator,
    /// Of answers: a member that is always written is required.
    written: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        let inline = settings().with(|settings| settings.inline_subschemas = true);
        Self {
            read: settings().into_generator(),
            query: inline.into_generator(),
            written: settings().for_serialize().into_generator(),
        }
    }
}

impl Schemas {
    fn into_components(mut self) -> BTreeMap<String, Value> {
        let problem = self.written.subschema_for::<crate::http::problem::Problem>();
        debug_assert!(problem.get("$ref").is_some(), "it has a name");
        let written = self.written.take_definitions(true);
        // What is both read and written may be left out.
        written.into_iter().chain(self.read.take_definitions(true)).collect()
    }
}

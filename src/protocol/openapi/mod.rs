//! The OpenAPI 3.1 description of what an LSP sees, made from the wire types: schemas by `schemars`, examples
//! of requests from the operations themselves, examples of callbacks by the codec that writes real ones.

#![expect(clippy::indexing_slicing, reason = "json! makes objects, and an object takes any member by index")]

mod acks;
mod answers;
mod operations;
mod plain;
mod running;
mod sample;
mod schemas;
mod words;

use serde::Serialize;
use serde_json::{Map, Value, json};

use self::schemas::Schemas;
use crate::domain::application::pricing::PricingError;
use crate::domain::kfs::Kfs;
use crate::engine::EncodeError;
use crate::protocol::malformed::Malformed;

/// An example contradicts the code that it is made with: a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum DocumentError {
    #[error("an example request is refused: {0}")]
    Request(#[from] Malformed),
    #[error("the example loan has no price: {0}")]
    Pricing(#[from] PricingError),
    #[error("an example callback cannot be written: {0}")]
    Callback(#[from] EncodeError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0} has no words or no example")]
    Missing(&'static str),
}

/// The description, its parts in the order in which people read them.
#[derive(Debug, Serialize)]
pub struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Value,
    paths: Map<String, Value>,
    webhooks: Map<String, Value>,
    components: Value,
}

/// Describes everything that an LSP can call, and everything that it is called with.
///
/// # Errors
/// [`DocumentError`] when an example does not fit the code; a test keeps that from happening.
pub fn document() -> Result<Document, DocumentError> {
    let mut schemas = Schemas::default();
    let mut paths = operations::paths(&mut schemas)?;
    paths.extend(plain::paths());
    let webhooks = operations::webhooks(&mut schemas)?;
    let responses = acks::responses(&mut schemas)?;
    let examples = json!({ "SignedMessage": acks::signed_example()? });
    Ok(Document {
        openapi: "3.1.0",
        info: info(),
        servers: json!([{
            "url": "http://127.0.0.1:8080",
            "description": "The sandbox, as `ocen-lender dev` starts it",
        }]),
        tags: words::tags(),
        paths,
        webhooks,
        components: json!({"schemas": schemas.into_components(), "responses": responses, "examples": examples}),
    })
}

/// The description as it stands in `openapi/ocen-v3.json`.
///
/// # Errors
/// As [`document`].
pub fn text() -> Result<String, DocumentError> {
    let mut text = serde_json::to_string_pretty(&document()?)?;
    text.push('\n');
    Ok(text)
}

/// The JSON Schema of a key facts statement, as it stands in `openapi/kfs.schema.json`.
///
/// # Errors
/// When serialising fails, which it does not for a schema.
pub fn kfs_schema() -> Result<String, DocumentError> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Kfs))?;
    text.push('\n');
    Ok(text)
}

fn info() -> Value {
    json!({
        "title": "OCEN lender, protocol version 3",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "The lender's side of the Open Credit Enablement Network",
        "description": words::INTRODUCTION,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    })
}

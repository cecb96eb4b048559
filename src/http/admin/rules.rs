//! The refuse list: what the names in refusals mean.

use axum::Json;
use serde_json::{Value, json};

use crate::domain::rules::RULES;

/// All rules, in one page.
pub async fn list() -> Json<Value> {
    Json(json!({ "items": RULES, "nextCursor": null }))
}

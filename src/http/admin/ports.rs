//! The adapters to the lender's systems, as this process sees them.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::SharedApp;

/// Every adapter with its breaker, budget and last failure. Replicas differ: each finds out by itself.
pub async fn list(State(app): State<SharedApp>) -> Json<Value> {
    Json(json!({"items": app.ports.health(), "nextCursor": null}))
}

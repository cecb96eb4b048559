//! What load balancers and LSPs may know without a signature: health, our public keys, our description.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::docs;
use super::problem::no_such_method;
use crate::app::SharedApp;
use crate::store::schema;

/// How long the database may take to answer a readiness probe.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);
/// LSPs may keep our keys for five minutes, so that a new one is known soon.
const KEYS_CACHED: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=300");

/// Routes of the LSP listener that are no OCEN requests.
pub fn router(app: SharedApp) -> Router {
    Router::new()
        .route("/.well-known/jwks.json", get(keys))
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::clone(&app))
        .merge(probes(app))
        .merge(docs::router())
}

/// Health, on the operators' listener, too.
pub fn probes(app: SharedApp) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
}

async fn live() -> axum::Json<Value> {
    axum::Json(json!({"status": "UP"}))
}

/// Ready means: the database answers and has every migration that this binary needs, and we are not stopping.
async fn ready(State(app): State<SharedApp>) -> impl IntoResponse {
    let database = timeout(DATABASE_TIMEOUT, database(&app)).await.unwrap_or("timeout");
    let stopping = app.stop.is_cancelled();
    let up = database == "UP" && !stopping;
    let status = if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if up { "UP" } else { "DOWN" },
        "components": {"database": database, "listener": if stopping { "stopping" } else { "UP" }},
    });
    (status, axum::Json(body))
}

async fn database(app: &SharedApp) -> &'static str {
    let missing = match app.pool.acquire().await {
        Ok(mut conn) => schema::missing(&mut conn).await,
        Err(error) => Err(error),
    };
    match missing {
        Ok(missing) if missing.is_empty() => "UP",
        Ok(_) => "migrations missing",
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            "DOWN"
        }
    }
}

/// Our public keys (RFC 7517): the one that signs, and those that did or will.
async fn keys(State(app): State<SharedApp>) -> impl IntoResponse {
    let ours = app.keys.current();
    let mut keys: Vec<Value> = Vec::new();
    for key in ours.all() {
        if keys.iter().all(|known| known.get("kid").and_then(Value::as_str) != Some(key.kid())) {
            keys.push(key.jwk());
        }
    }
    ([KEYS_CACHED], axum::Json(json!({"keys": keys})))
}

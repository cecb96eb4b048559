//! What load balancers and LSPs may know without a signature: health, our public keys, our description.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::docs;
use super::problem::no_such_method;
use crate::app::SharedApp;
use crate::store::schema;

/// How long the database may take to answer a readiness probe.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long its answer stands for other probes.
const FRESH: Duration = Duration::from_secs(1);
/// Nothing is wrong.
const UP: &str = "UP";
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

/// Health, on every listener: whoever balances one of them asks there.
pub fn probes(app: SharedApp) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(Probed::default()))
        .with_state(app)
}

/// The process answers. It never asks the database: a restart would not bring that back.
async fn live() -> axum::Json<Value> {
    axum::Json(json!({"status": "UP"}))
}

/// What the database said last, so that many probes ask it once.
#[derive(Debug, Clone, Default)]
struct Probed(Arc<Mutex<Option<Answer>>>);

/// What a probe found, and when.
type Answer = (Instant, Cow<'static, str>);

/// Ready means: the database answers and has every migration that this binary needs, and we are not stopping. The
/// lender's systems are left out: without them requests are still taken, and answered when they are back.
async fn ready(State(app): State<SharedApp>, Extension(probed): Extension<Probed>) -> impl IntoResponse {
    let database = probed.database(&app).await;
    let listener = match (app.stop.is_cancelled(), app.draining.is_cancelled()) {
        (true, _) => "stopping",
        (false, true) => "draining",
        (false, false) => UP,
    };
    let up = database == UP && listener == UP;
    let status = if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if up { UP } else { "DOWN" },
        "components": {"database": database, "listener": listener},
    });
    (status, axum::Json(body))
}

impl Probed {
    async fn database(&self, app: &SharedApp) -> Cow<'static, str> {
        let mut last = self.0.lock().await;
        if let Some((at, said)) = &*last
            && at.elapsed() < FRESH
        {
            return said.clone();
        }
        let said = timeout(DATABASE_TIMEOUT, ask_database(app)).await.unwrap_or("timeout".into());
        *last = Some((Instant::now(), said.clone()));
        said
    }
}

async fn ask_database(app: &SharedApp) -> Cow<'static, str> {
    let missing = match app.pool.acquire().await {
        Ok(mut conn) => schema::missing(&mut conn).await,
        Err(error) => Err(error),
    };
    match missing {
        Ok(missing) if missing.is_empty() => UP.into(),
        Ok(missing) => {
            let missing: Vec<String> = missing.iter().map(i64::to_string).collect();
            format!("migrations missing: {}", missing.join(", ")).into()
        }
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            "DOWN".into()
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

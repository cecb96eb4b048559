//! The host's own routes, on the operators' listener: invites, registration, tokens, the list of namespaces.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::invites::{self, check_host};
use super::name::Name;
use super::slot::Slot;
use super::token::{Digest, bearer};
use super::{Host, SharedHost, page, store};
use crate::clock::Ids;
use crate::http::admin::lsps::{self, Draft, KeyIn};
use crate::http::metrics;
use crate::http::problem::{self, Problem, no_such_method};
use crate::lsp::{Lsp, Settings};

/// Most bytes of a body: two keys and some words.
const BODY_LIMIT: usize = 64 * 1024;

/// The routes.
pub(super) fn router(host: &SharedHost) -> Router {
    let metrics =
        metrics::router(Arc::clone(&host.app)).layer(middleware::from_fn_with_state(Arc::clone(host), only_the_host));
    Router::new()
        .route("/hosted/invites", get(invites::list).post(invites::make))
        .route("/hosted/register", post(register))
        .route("/hosted/token", post(rotate))
        .route("/hosted/namespaces", get(list))
        .route("/hosted/{namespace}", get(show).delete(remove))
        .merge(page::router())
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::clone(host))
        .merge(metrics)
}

async fn only_the_host(State(host): State<SharedHost>, request: Request, next: Next) -> Response {
    match check_host(&host, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// `POST /hosted/register`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Registration {
    invite: String,
    org_id: String,
    name: String,
    /// Left out: the inbox that the namespace brings along.
    callback_base_url: Option<String>,
    #[serde(default)]
    keys: Vec<KeyIn>,
    settings: Option<Settings>,
}

/// What a fresh namespace is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    namespace: String,
    token: String,
    org_id: String,
    lsp_url: String,
    admin_url: String,
    borrower_url: String,
    jwks_url: String,
    console_url: String,
    callback_base_url: String,
}

async fn register(
    State(host): State<SharedHost>,
    problem::Json(wanted): problem::Json<Registration>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    // Whoever hangs up meanwhile leaves nothing half made.
    let making = Arc::clone(&host).app.tasks.spawn(async move { begin(&host, wanted).await });
    let registered = making.await.map_err(|error| Problem::internal(&error))??;
    Ok((StatusCode::CREATED, Json(registered)))
}

async fn begin(host: &SharedHost, wanted: Registration) -> Result<Registered, Problem> {
    let name = Name::fresh(&wanted.org_id);
    let invite = Digest::of_text(&wanted.invite);
    // Before the invite is spent: a slip of the pen costs nothing.
    let lsp = lsp(host, &name, wanted)?;
    let token = Ids.token();
    let now = host.app.clock.wall();
    let row = store::Row {
        name: name.clone(),
        org_id: lsp.org_id.as_str().to_owned(),
        display_name: lsp.name.clone(),
        token: Digest::of_text(&token),
        state: store::CREATING.to_owned(),
        created_at: now,
        last_used_at: now,
        wake_at: None,
    };
    let _turn = host.making.lock().await;
    if host.count() >= host.settings.most_namespaces {
        let detail = "this sandbox has as many namespaces as it may; ask its host";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    let mut tx = host.app.pool.begin().await?;
    if !store::use_invite(&mut tx, invite, &name, now).await? {
        return Err(Problem::new(StatusCode::FORBIDDEN, "this invite is unknown, used or expired: ask for another"));
    }
    store::begin(&mut tx, &row).await?;
    tx.commit().await?;
    host.make(row, &lsp).await?;
    tracing::info!(namespace = %name, org = %lsp.org_id, "an LSP registered itself");
    let at = host.addresses(&name);
    Ok(Registered {
        namespace: name.to_string(),
        token,
        org_id: lsp.org_id.0,
        jwks_url: format!("{}/.well-known/jwks.json", at.lsp),
        console_url: format!("{}/console", host.own_origin(&name).unwrap_or_else(|| at.admin.clone())),
        lsp_url: at.lsp,
        admin_url: at.admin,
        borrower_url: at.borrower,
        callback_base_url: lsp.callback_base_url,
    })
}

/// The LSP as it will stand in its namespace; the same rules as for `PUT /admin/lsps/{orgId}` there.
fn lsp(host: &SharedHost, name: &Name, wanted: Registration) -> Result<Lsp, Problem> {
    let Registration { org_id, name: called, callback_base_url, keys, settings, invite: _ } = wanted;
    // Who has no key yet sends plain JSON, as the demo LSP of a sandbox on a laptop does.
    let settings = settings.unwrap_or_else(|| Settings { allow_unsigned: keys.is_empty(), ..Settings::default() });
    let config = host.config_of(name, Ids.token().into());
    lsps::admitted(org_id, Draft::new(called, callback_base_url, keys, settings), &config)
}

/// `POST /hosted/token`, by a namespace's own token; the host names the namespace.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    namespace: Option<String>,
}

#[derive(Serialize)]
struct Rotated {
    namespace: String,
    token: String,
}

async fn rotate(
    State(host): State<SharedHost>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<Rotated>, Problem> {
    let wanted: Rotation = or_nothing(&body)?;
    let shown = bearer(&headers).ok_or_else(stranger)?;
    let slot = match &wanted.namespace {
        Some(name) => owned(&host, name, shown)?,
        None => host.all().into_iter().rfind(|slot| slot.opens(shown)).ok_or_else(stranger)?,
    };
    let token = Ids.token();
    let digest = Digest::of_text(&token);
    let mut conn = host.app.pool.acquire().await?;
    store::set_token(&mut conn, &slot.name, digest).await?;
    slot.set_token(digest);
    tracing::info!(namespace = %slot.name, "a namespace has another token");
    Ok(Json(Rotated { namespace: slot.name.to_string(), token }))
}

/// A body that may be left out.
pub(super) fn or_nothing<T: Default + DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(error.to_string()))
}

/// A namespace as its host and its owner see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    namespace: String,
    org_id: String,
    name: String,
    state: &'static str,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    bytes: Option<i64>,
    lsp_url: String,
    admin_url: String,
    borrower_url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    items: Vec<Shown>,
    next_cursor: Option<String>,
}

async fn list(State(host): State<SharedHost>, headers: HeaderMap) -> Result<Json<List>, Problem> {
    check_host(&host, &headers)?;
    let mut items = Vec::new();
    for slot in host.all() {
        items.push(host.shown(&slot).await);
    }
    Ok(Json(List { items, next_cursor: None }))
}

async fn show(
    State(host): State<SharedHost>,
    problem::Path(name): problem::Path<String>,
    headers: HeaderMap,
) -> Result<Json<Shown>, Problem> {
    let slot = owned(&host, &name, bearer(&headers).ok_or_else(stranger)?)?;
    Ok(Json(host.shown(&slot).await))
}

async fn remove(
    State(host): State<SharedHost>,
    problem::Path(name): problem::Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let slot = owned(&host, &name, bearer(&headers).ok_or_else(stranger)?)?;
    let removing = Arc::clone(&host).app.tasks.spawn(async move {
        let _turn = host.making.lock().await;
        host.remove(&slot.name).await
    });
    removing.await.map_err(|error| Problem::internal(&error))??;
    Ok(StatusCode::NO_CONTENT)
}

/// The namespace, for its owner and for the host. Another's answers its caller as one that there is not.
fn owned(host: &SharedHost, name: &str, shown: &str) -> Result<Arc<Slot>, Problem> {
    let slot = Name::parse(name).and_then(|name| host.find(&name));
    match slot {
        Some(slot) if slot.opens(shown) || host.token.is_of(shown) => Ok(slot),
        None if host.token.is_of(shown) => Err(Problem::not_found("namespace")),
        _ => Err(stranger()),
    }
}

fn stranger() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "show the bearer token of a namespace that there is")
}

impl Host {
    async fn shown(&self, slot: &Slot) -> Shown {
        let at = self.addresses(&slot.name);
        Shown {
            namespace: slot.name.to_string(),
            org_id: slot.org_id.clone(),
            name: slot.display_name.clone(),
            state: if slot.is_awake() { "AWAKE" } else { "ASLEEP" },
            created_at: slot.created_at,
            last_used_at: slot.last_used_at(),
            bytes: self.databases.size(&slot.name).await.ok(),
            lsp_url: at.lsp,
            admin_url: at.admin,
            borrower_url: at.borrower,
        }
    }
}

//! Invites: the host makes one for an LSP, and the LSP makes itself a namespace with it, once.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::http::or_nothing;
use super::token::{Digest, bearer};
use super::{SharedHost, store};
use crate::clock::Ids;
use crate::http::problem::{Problem, Query};

/// Hours for which an invite can be used, unless the host says otherwise.
const HOURS: i64 = 72;
/// The longest: ninety days.
const MOST_HOURS: i64 = 24 * 90;
/// Most that wait to be used at a time.
const MOST: i64 = 1_000;
/// Most of one answer.
const PAGE: i64 = 200;
/// Longest note, in characters.
const NOTE: usize = 200;

/// `POST /hosted/invites`; the body may be left out.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Wanted {
    /// For whom it is, for the host.
    note: String,
    /// For how long, in hours.
    hours: Option<i64>,
}

/// An invite as it is told once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    invite: String,
    expires_at: DateTime<Utc>,
    /// Where it is used by hand; the invite itself is in no address, where logs would keep it.
    page_url: String,
}

/// Lets the host in and nobody else.
pub(super) fn check_host(host: &SharedHost, headers: &HeaderMap) -> Result<(), Problem> {
    match bearer(headers) {
        Some(shown) if host.token.is_of(shown) => Ok(()),
        _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "show the host's bearer token")),
    }
}

pub(super) async fn make(
    State(host): State<SharedHost>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<(StatusCode, Json<Made>), Problem> {
    check_host(&host, &headers)?;
    let wanted: Wanted = or_nothing(&body)?;
    let hours = wanted.hours.unwrap_or(HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        return Err(Problem::unprocessable("/hours", format!("must be 1 to {MOST_HOURS}")));
    }
    if wanted.note.chars().count() > NOTE || wanted.note.chars().any(char::is_control) {
        return Err(Problem::unprocessable("/note", format!("must have at most {NOTE} printable characters")));
    }
    let invite = Ids.token();
    let now = host.app.clock.wall();
    let expires_at = now + TimeDelta::hours(hours);
    let mut conn = host.app.pool.acquire().await?;
    let digest = Digest::of_text(&invite);
    if !store::invite(&mut conn, digest, &wanted.note, (now, expires_at), MOST).await? {
        return Err(Problem::conflict(format!("{MOST} invites wait to be used already")));
    }
    tracing::info!(%expires_at, "an invite was made");
    let page_url = format!("{}/hosted", host.admin_url());
    Ok((StatusCode::CREATED, Json(Made { invite, expires_at, page_url })))
}

/// Which page of the list.
#[derive(Deserialize)]
pub(super) struct Asked {
    limit: Option<i64>,
}

/// An invite as it is listed: without its text, which nobody knows any more.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    note: String,
    state: &'static str,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    namespace: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    items: Vec<Listed>,
    next_cursor: Option<String>,
}

/// The newest invites.
pub(super) async fn list(
    State(host): State<SharedHost>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Json<List>, Problem> {
    check_host(&host, &headers)?;
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let mut conn = host.app.pool.acquire().await?;
    let now = host.app.clock.wall();
    let listed = |invite: store::Invite| Listed {
        state: match &invite.namespace {
            Some(_) => "USED",
            None if invite.expires_at <= now => "EXPIRED",
            None => "OPEN",
        },
        note: invite.note,
        created_at: invite.created_at,
        expires_at: invite.expires_at,
        namespace: invite.namespace,
    };
    let items = store::invites(&mut conn, limit).await?.into_iter().map(listed).collect();
    Ok(Json(List { items, next_cursor: None }))
}

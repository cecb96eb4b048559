//! The audit log as auditors read it.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{self, Page};
use crate::app::SharedApp;
use crate::http::problem::{Problem, Query};
use crate::store::audit::{self, Wanted};

/// `GET /admin/audit`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    /// Of this person alone.
    actor: Option<String>,
    /// Of this kind alone, e.g. `PII_REVEALED`.
    action: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// What was done, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(
    State(app): State<SharedApp>,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let before = query.cursor.as_deref().map(str::parse).transpose();
    let before = before.map_err(|_| Problem::bad_request("cursor is not one that was handed out"))?;
    let wanted = Wanted { actor: query.actor.as_deref(), action: query.action.as_deref(), before };
    let mut conn = app.pool.acquire().await?;
    let rows = audit::list(&mut conn, wanted, limit + 1).await?;
    Ok(Page::of(rows, limit, |row| row.seq.to_string()))
}

/// `GET /admin/audit/anchors`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct AnchorQuery {
    cursor: Option<chrono::NaiveDate>,
    limit: Option<i64>,
}

/// The signed heads of the chain, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn anchors(
    State(app): State<SharedApp>,
    Query(query): Query<AnchorQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut conn = app.pool.acquire().await?;
    let found = audit::anchors(&mut conn, query.cursor, limit + 1).await?;
    Ok(Page::of(found, limit, |anchor| anchor.day.to_string()))
}

//! Kill switches: stop an LSP, a product, an operation or payouts at once, on every replica.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::caller::{Caller, words};
use super::page::{self, Page};
use crate::app::{App, SharedApp};
use crate::domain::ids::OrgId;
use crate::http::problem::{Json as Body, Path, Problem, Query};
use crate::protocol;
use crate::store::audit::Entry;
use crate::store::lsp;
use crate::store::switches::{self as store, ALL, Change, KINDS, Kind, Switch, Turn};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 1_000;

/// Who turns a switch, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "SwitchReason")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Why {
    /// Why.
    reason: String,
    /// Who; left out with a token of one's own.
    by: Option<String>,
}

/// Everything that is stopped.
///
/// # Errors
/// When the database fails.
pub async fn list(State(app): State<SharedApp>) -> Result<Json<impl Serialize>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let all = store::list(&mut conn).await?;
    Ok(Page::of(all, i64::MAX, |switch: &Switch| switch.subject.clone()))
}

/// `GET /admin/switches/changes`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ListQuery {
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Who stopped what and let it run again, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn changes(
    State(app): State<SharedApp>,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let before = query.cursor.map(|cursor| cursor.parse()).transpose();
    let before = before.map_err(|_| Problem::bad_request("cursor: not one of ours"))?;
    let mut conn = app.pool.acquire().await?;
    let found = store::changes(&mut conn, before, limit + 1).await?;
    Ok(Page::of(found, limit, |change: &Change| change.change_id.to_string()))
}

/// Stops something; again, with another reason, changes the reason.
///
/// # Errors
/// 404 for what there is not, 400 or 422 without a reason or a name.
pub async fn stop(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((kind, subject)): Path<(String, String)>,
    Body(why): Body<Why>,
) -> Result<Json<Switch>, Problem> {
    let kind = kind_named(&kind)?;
    let (reason, by) = why.checked(&caller)?;
    let mut tx = app.pool.begin().await?;
    exists(&app, &mut tx, kind, &subject).await?;
    let turn = Turn { kind, subject: &subject, reason: &reason, by: &by };
    let set = store::stop(&mut tx, turn, app.clock.now()).await?;
    note(&app, &mut tx, caller.did("SWITCH_STOPPED"), turn).await?;
    tx.commit().await?;
    tracing::warn!(kind = kind.name(), subject, by, "stopped by switch");
    Ok(Json(set))
}

/// Lets something run again.
///
/// # Errors
/// 404 for what is not stopped, 400 or 422 without a reason or a name.
pub async fn release(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((kind, subject)): Path<(String, String)>,
    Query(why): Query<Why>,
) -> Result<StatusCode, Problem> {
    let kind = kind_named(&kind)?;
    let (reason, by) = why.checked(&caller)?;
    let mut tx = app.pool.begin().await?;
    let turn = Turn { kind, subject: &subject, reason: &reason, by: &by };
    if !store::release(&mut tx, turn, app.clock.now()).await? {
        return Err(Problem::not_found("switch"));
    }
    note(&app, &mut tx, caller.did("SWITCH_RELEASED"), turn).await?;
    tx.commit().await?;
    app.wake.notify_asks();
    tracing::warn!(kind = kind.name(), subject, by, "released by switch");
    Ok(StatusCode::NO_CONTENT)
}

impl Why {
    /// The reason, and the name of who acts.
    fn checked(&self, caller: &Caller) -> Result<(String, String), Problem> {
        Ok((words("reason", &self.reason, LONGEST_REASON)?, caller.named("by", self.by.as_deref())?))
    }
}

/// What the audit log keeps: the last statement of the transaction.
async fn note(app: &App, conn: &mut PgConnection, entry: Entry, turn: Turn<'_>) -> Result<(), Problem> {
    let entry = entry.about("switch", format!("{} {}", turn.kind.name(), turn.subject)).about("by", turn.by);
    entry.because(turn.reason).append(conn, app.clock.wall()).await?;
    Ok(())
}

fn kind_named(name: &str) -> Result<Kind, Problem> {
    KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind).ok_or_else(|| Problem::not_found("switch"))
}

/// A switch with a slip in its name would stop nothing, and nobody would notice.
async fn exists(app: &App, conn: &mut PgConnection, kind: Kind, subject: &str) -> Result<(), Problem> {
    let is_product = || app.config.products.0.iter().any(|product| product.id == subject);
    let (what, there) = match kind {
        Kind::Lsp => ("LSP", lsp::find(conn, &OrgId::from(subject)).await?.is_some()),
        Kind::Product => ("product", is_product()),
        Kind::Operation => ("operation", protocol::find(subject).is_some()),
        Kind::Payouts => ("product", subject == ALL || is_product()),
    };
    if there { Ok(()) } else { Err(Problem::not_found(what)) }
}

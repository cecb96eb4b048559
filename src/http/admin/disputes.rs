//! Disputes: what was raised, and the lender's moves.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::page::{self, Page};
use crate::app::SharedApp;
use crate::domain::ids::{DisputeId, LoanId};
use crate::domain::loan::dispute::{DisputeStatus, STATUSES};
use crate::http::problem::{Json as Body, Path, Problem, Query};
use crate::store::dispute::{self, Disputes};
use crate::store::{application, audit, reference};

/// `GET /admin/disputes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    org_id: Option<String>,
    loan_id: Option<String>,
    /// In this status alone.
    status: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Disputes, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let status = query.status.as_deref().map(word).transpose()?;
    let loan = query.loan_id.map(LoanId);
    let mut conn = app.pool.acquire().await?;
    let org_id = caller.within(query.org_id);
    let which = Disputes { org_id: org_id.as_deref(), loan: loan.as_ref(), status, before: query.cursor.as_deref() };
    let found = dispute::list(&mut conn, &app.sealer, which, limit + 1).await?;
    Ok(Page::of(found, limit, |dispute| dispute.id.0.clone()))
}

/// `POST /admin/disputes/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DisputeMove")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Move {
    /// Where it goes: `PROCESSING`, `NEED_MORE_INFO`, `RESOLVED` or `CLOSED`.
    status: String,
    /// What the LSP reads as the reply; an end needs one.
    note: Option<String>,
}

/// Moves a dispute; the LSP reads the note when it asks for the status.
///
/// # Errors
/// 400 for an unknown status, 404 for an unknown dispute, 409 for a move that may not be, or an end without a reply.
pub async fn change(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    Body(wanted): Body<Move>,
) -> Result<Json<impl Serialize>, Problem> {
    let to = word(&wanted.status)?;
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let found = dispute::lock(&mut tx, &app.sealer, &DisputeId(id)).await?;
    let found = found.ok_or_else(|| Problem::not_found("dispute"))?;
    let moved = found
        .moved(to, wanted.note.as_deref(), now)
        .map_err(|refusal| Problem::new(StatusCode::CONFLICT, refusal.to_string()))?;
    dispute::save(&mut tx, &app.sealer, &moved, now).await?;
    if let Some(application) = reference::application_of_loan(&mut tx, moved.loan_id.as_str()).await? {
        let event = (application, format!("dispute {} is {}", moved.id, moved.status.name()));
        application::add_events(&mut tx, &[event], now).await?;
    }
    let digests = (audit::digest(&app.sealer, &found)?, audit::digest(&app.sealer, &moved)?);
    let entry = caller.did("DISPUTE_MOVED").about("disputeId", &moved.id).about("loanId", &moved.loan_id);
    let entry = entry.about("from", found.status.name()).about("to", moved.status.name());
    entry.changed(Some(digests.0), Some(digests.1)).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(Json(moved))
}

fn word(text: &str) -> Result<DisputeStatus, Problem> {
    let wanted = text.trim().to_ascii_uppercase().replace([' ', '-'], "_");
    STATUSES.into_iter().find(|status| status.name() == wanted).ok_or_else(|| {
        let all: Vec<&str> = STATUSES.iter().map(|status| status.name()).collect();
        Problem::bad_request(format!("status must be one of {}", all.join(", ")))
    })
}

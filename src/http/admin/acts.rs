//! Acts by hand on a loan: proposed with a reason by one person, released or rejected by another.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::{Caller, words};
use super::page::{self, Page};
use crate::app::SharedApp;
use crate::domain::ids::LoanId;
use crate::domain::loan::operator::Act;
use crate::engine::Refused;
use crate::engine::operate::{self, ActError};
use crate::http::problem::{Json as Body, Path, Problem, Query};
use crate::store::audit;
use crate::store::operator_act::{self, Proposal, Stored};

/// Longest reason, in characters.
pub(super) const LONGEST_REASON: usize = 2_000;

/// `POST /admin/loans/{loanId}/acts`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAct {
    /// What is to be done.
    act: Act,
    /// Why, for the checker and the log.
    reason: String,
    /// Who proposes; left out with a token of one's own.
    maker: Option<String>,
}

/// Proposes an act. One that could not be done now is refused at once.
///
/// # Errors
/// 400 without a reason or maker, 404 for an unknown loan, 409 with the words why it cannot be done.
pub async fn propose(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(loan_id): Path<String>,
    Body(new): Body<NewAct>,
) -> Result<impl IntoResponse, Problem> {
    let maker = caller.named("maker", new.maker.as_deref())?;
    let reason = words("reason", &new.reason, LONGEST_REASON)?;
    let loan = LoanId(loan_id);
    let act_id = app.ids.uuid();
    let mut tx = app.pool.begin().await?;
    operate::perform(&app, &mut tx, &loan, (&new.act, &act_id.simple().to_string())).await.map_err(problem)?;
    tx.rollback().await?;
    let proposal = Proposal { act: new.act, reason };
    let now = app.clock.now();
    let entry = caller.did("ACT_PROPOSED").about("actId", act_id).about("loanId", &loan);
    let entry = entry.about("kind", proposal.act.name()).about("maker", &maker);
    let entry = entry.changed(None, Some(audit::digest(&app.sealer, &proposal)?));
    let mut tx = app.pool.begin().await?;
    operator_act::propose(&mut tx, &app.sealer, (act_id, &loan), (&proposal, &maker), now).await?;
    entry.append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    let stored = Stored {
        act_id,
        loan_id: loan,
        proposal,
        maker,
        checker: None,
        state: "PROPOSED".to_owned(),
        proposed_at: now,
        decided_at: None,
    };
    Ok((StatusCode::CREATED, Json(stored)))
}

/// `POST /admin/acts/{actId}/release` and `/reject`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DecidedAct")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decided {
    /// Who decides; left out with a token of one's own.
    checker: Option<String>,
}

/// Releases an act: it is done in the same transaction.
///
/// # Errors
/// 404 for an unknown act, 409 when it is decided already, by its own maker, or cannot be done any more.
pub async fn release(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(act_id): Path<Uuid>,
    Body(decided): Body<Decided>,
) -> Result<Json<impl Serialize>, Problem> {
    let checker = caller.named("checker", decided.checker.as_deref())?;
    operate::release(&app, act_id, (&checker, caller.actor())).await.map(Json).map_err(problem)
}

/// Rejects an act; nothing happens to the loan.
///
/// # Errors
/// 404 for an unknown act, 409 when it is decided already, or by its own maker.
pub async fn reject(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(act_id): Path<Uuid>,
    Body(decided): Body<Decided>,
) -> Result<Json<impl Serialize>, Problem> {
    let checker = caller.named("checker", decided.checker.as_deref())?;
    operate::reject(&app, act_id, (&checker, caller.actor())).await.map(Json).map_err(problem)
}

/// `GET /admin/acts`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    /// Of this loan, whatever state they are in.
    loan_id: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Acts on a loan, or all that wait to be released, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(
    State(app): State<SharedApp>,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let before = page::before(query.cursor.as_deref())?;
    let loan = query.loan_id.map(LoanId);
    let mut conn = app.pool.acquire().await?;
    let found = operator_act::list(&mut conn, &app.sealer, loan.as_ref(), before, limit + 1).await?;
    Ok(Page::of(found, limit, |act| act.act_id.to_string()))
}

pub(super) fn problem(error: ActError) -> Problem {
    match error {
        ActError::Unknown(what) => Problem::not_found(what),
        ActError::Refused(detail) => Problem::new(StatusCode::CONFLICT, detail),
        ActError::Failed(Refused::Unavailable(error)) => Problem::from(error),
        ActError::Failed(failed) => Problem::internal(&failed),
    }
}

//! How long things are kept: the partitions, and legal holds.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Connection as _;
use uuid::Uuid;

use super::caller::Caller;
use crate::app::SharedApp;
use crate::domain::ids::ApplicationId;
use crate::http::problem::{self, Path, Problem};
use crate::keep::record::{Act, record};
use crate::store::overview::{self, Applications};
use crate::store::{application, erasure, legal_hold, partition, retention, seal_key};

/// Longest reason of a hold, in characters.
const MAX_REASON: usize = 2_000;
/// Most proofs of erasure that are shown of one application.
const SHOWN: i64 = 1_000;

/// What stores how much: each month of messages and attempts, the data keys, and the policy.
///
/// # Errors
/// When the database fails.
pub async fn storage(State(app): State<SharedApp>) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let partitions = partition::all(&mut conn).await?;
    let keys = seal_key::all(&mut conn).await?;
    let active = app.sealer.active_key_id();
    let keys: Vec<Value> =
        keys.iter().map(|key| json!({"id": key.id, "due": key.active, "seals": Some(key.id) == active})).collect();
    Ok(Json(json!({
        "items": partitions,
        "nextCursor": null,
        "dataKeys": keys,
        "retention": app.config.retention,
    })))
}

/// `POST /admin/applications/{orgId}/{loanApplicationId}/legal-hold`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "LegalHold")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HoldIn {
    /// Placed or lifted.
    hold: bool,
    /// Why; goes into the audit log.
    reason: String,
}

/// Places or lifts a legal hold. While it stands nothing of the application is erased or pruned.
///
/// # Errors
/// 404 when the LSP has no such application, 422 without a reason.
pub async fn legal_hold(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((org_id, loan_application_id)): Path<(String, String)>,
    problem::Json(body): problem::Json<HoldIn>,
) -> Result<Json<Value>, Problem> {
    let reason = body.reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        return Err(Problem::unprocessable("/reason", format!("give a reason of 1 to {MAX_REASON} characters")));
    }
    let which = Applications {
        org_id: Some(&org_id),
        loan_application_id: Some(&loan_application_id),
        ..Applications::default()
    };
    let now = app.clock.now();
    let mut conn = app.pool.acquire().await?;
    let row = overview::applications(&mut conn, which, 1).await?.pop();
    let id = ApplicationId(row.ok_or_else(|| Problem::not_found("application"))?.application_id);
    let mut tx = conn.begin().await?;
    // An erasure that has begun is waited for, and what it has not reached yet is held.
    application::lock(&mut tx, &app.sealer, &[id]).await?;
    let (changed, word, act) = if body.hold {
        legal_hold::place(&mut tx, &app.sealer, id, reason, now).await?;
        (true, "legal hold placed", Act::HoldPlaced { application: id.0, reason })
    } else {
        let lifted = legal_hold::lift(&mut tx, id).await?;
        (lifted, "legal hold lifted", Act::HoldLifted { application: id.0, reason })
    };
    let standing = legal_hold::find(&mut tx, &app.sealer, id).await?;
    if changed {
        application::add_events(&mut tx, &[(id, word.to_owned())], now).await?;
        record(&mut tx, caller.actor(), act, app.clock.wall()).await?;
    }
    tx.commit().await?;
    Ok(Json(json!({"loanApplicationId": loan_application_id, "legalHold": standing})))
}

/// What an application's page says about its keeping.
pub(super) async fn of_application(app: &SharedApp, id: Uuid) -> Result<Value, Problem> {
    let mut conn = app.pool.acquire().await?;
    let hold = legal_hold::find(&mut conn, &app.sealer, ApplicationId(id)).await?;
    let standing = retention::standing(&mut conn, id).await?;
    let proofs = erasure::proofs(&mut conn, id, SHOWN).await?;
    Ok(json!({"legalHold": hold, "ended": standing, "erasures": proofs}))
}

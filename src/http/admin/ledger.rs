//! The feed of the book to the lender's general ledger, and how far the two agree.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::app::SharedApp;
use crate::domain::maths::money::Paise;
use crate::http::problem::{Path, Problem};
use crate::store::comparison::{self, Day, Difference};
use crate::store::{ledger, set_aside};

/// Days that are shown.
const DAYS: i64 = 14;
/// Most differences that are shown of a day, and most loans that are set aside.
const SHOWN: i64 = 100;

/// Where the feed stands, its lag, loans that are set aside, and the last comparisons with what differs.
///
/// # Errors
/// When the database fails.
pub async fn show(State(app): State<SharedApp>) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let workers = ledger::workers(&mut conn).await?;
    let (pending, oldest) = ledger::lag(&mut conn).await?;
    let now = app.clock.now();
    let mut days = Vec::new();
    for day in comparison::latest(&mut conn, DAYS).await? {
        let differences = match day.differences {
            0 => Vec::new(),
            _ => comparison::differences(&mut conn, day.day, SHOWN).await?,
        };
        days.push(one_day(&day, &differences));
    }
    let set_aside = set_aside::list(&mut conn, SHOWN).await?;
    drop(conn);
    let chart: serde_json::Map<String, Value> = crate::domain::book::ACCOUNTS
        .into_iter()
        .map(|account| (account.name().to_owned(), json!(app.config.ledger.accounts.code(account))))
        .collect();
    Ok(Json(json!({
        "generalLedger": if app.ports.ledger().is_some() { "connected" } else { "our own book" },
        "pending": pending,
        "oldestPendingAt": oldest,
        "lagSeconds": oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0)),
        "workers": workers,
        "setAside": set_aside,
        "comparisons": days,
        "accounts": chart,
    })))
}

/// Tries a loan at once whose journals the general ledger has refused.
///
/// # Errors
/// 404 for a loan that is not set aside.
pub async fn retry(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(loan_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    let now = app.clock.now();
    if !set_aside::hurry(&mut tx, &loan_id, now).await? {
        return Err(Problem::not_found("loan that is set aside"));
    }
    caller.did("LEDGER_RETRIED").about("loanId", &loan_id).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(Json(json!({"loanId": loan_id, "retryAt": now})))
}

fn one_day(day: &Day, differences: &[Difference]) -> Value {
    json!({
        "day": day.day,
        "state": day.state,
        "loans": day.loans,
        "differenceCount": day.differences,
        "startedAt": day.started_at,
        "finishedAt": day.finished_at,
        "differences": differences.iter().map(one_difference).collect::<Vec<_>>(),
    })
}

/// Amounts in rupees, journals as a count.
fn one_difference(difference: &Difference) -> Value {
    let value = |number: i64| {
        if difference.measure == "JOURNALS" { number.to_string() } else { Paise(number).to_string() }
    };
    json!({
        "subject": difference.subject,
        "key": difference.key,
        "measure": difference.measure,
        "ours": value(difference.ours),
        "theirs": value(difference.theirs),
    })
}

//! Snapshots: the whole state of the sandbox, its clock included, kept aside and gone back to.
//!
//! A snapshot is what a crash at that moment would have left, and going back to it is recovering from that crash: who is
//! at work meanwhile waits for the tables, finds its lease gone and leaves everything as it is. The process goes on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::clock;
use super::problem::{Body, Path, Problem};
use crate::app::{App, SharedApp};

/// Most snapshots at a time: each is a copy of everything.
const MOST: usize = 20;
/// Longest name.
const MOST_NAME: usize = 100;
/// Tries to get all tables at once: who works on some of them may want the others.
const TRIES: u32 = 5;

/// `POST /sandbox/snapshots`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Wanted {
    name: String,
}

/// A snapshot as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    #[serde(rename = "id")]
    snapshot_id: Uuid,
    name: String,
    #[serde(skip)]
    schema_name: String,
    business_time: DateTime<Utc>,
    taken_at: DateTime<Utc>,
    rows: i64,
}

pub(super) async fn take(
    State(app): State<SharedApp>,
    Body(wanted): Body<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    if wanted.name.len() > MOST_NAME {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("a name has at most {MOST_NAME} characters")));
    }
    // Nobody moves the clock while it is noted.
    let _turn = app.clock.turn().await;
    let mut tx = app.pool.begin_with("begin isolation level repeatable read").await?;
    patient(&mut tx).await?;
    if all(&mut tx).await?.len() >= MOST {
        return Err(Problem::new(StatusCode::CONFLICT, format!("there are {MOST} snapshots already; delete some")));
    }
    let snapshot_id = app.ids.uuid();
    let schema_name = format!("snapshot_{}", snapshot_id.simple());
    let rows =
        sqlx::query_scalar!(r#"select sandbox.take_snapshot($1) as "rows!""#, schema_name).fetch_one(&mut *tx).await?;
    let (business_time, taken_at) = (app.clock.now(), app.clock.wall());
    let snapshot = Kept { snapshot_id, name: wanted.name, schema_name, business_time, taken_at, rows };
    sqlx::query!(
        "insert into sandbox.snapshot (snapshot_id, name, schema_name, business_time, taken_at, rows)
        values ($1, $2, $3, $4, $5, $6)",
        snapshot.snapshot_id,
        snapshot.name,
        snapshot.schema_name,
        snapshot.business_time,
        snapshot.taken_at,
        snapshot.rows,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(snapshot)))
}

pub(super) async fn list(State(app): State<SharedApp>) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    Ok(Json(json!({ "items": all(&mut conn).await?, "nextCursor": null })))
}

pub(super) async fn restore(State(app): State<SharedApp>, Path(id): Path<Uuid>) -> Result<Json<Value>, Problem> {
    let _turn = app.clock.turn().await;
    let mut conn = app.pool.acquire().await?;
    let snapshot = find(&mut conn, id).await?;
    drop(conn);
    let mut tries = 1;
    while let Err(error) = swap(&app, &snapshot.schema_name).await {
        if tries >= TRIES || !is_busy(&error) {
            return Err(refusal(error));
        }
        tries += 1;
    }
    app.clock.set(snapshot.business_time);
    clock::keep(&app).await.map_err(|error| Problem::internal(&error))?;
    app.load_data_keys().await?;
    app.wake.notify_asks();
    app.wake.notify_callbacks();
    Ok(Json(json!({ "restored": snapshot, "now": app.clock.now(), "businessDate": app.clock.today() })))
}

pub(super) async fn remove(State(app): State<SharedApp>, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let mut tx = app.pool.begin().await?;
    let snapshot = find(&mut tx, id).await?;
    patient(&mut tx).await?;
    sqlx::query!("select sandbox.drop_snapshot($1)", snapshot.schema_name).execute(&mut *tx).await?;
    sqlx::query!("delete from sandbox.snapshot where snapshot_id = $1", id).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn swap(app: &App, schema: &str) -> sqlx::Result<()> {
    let mut tx = app.pool.begin().await?;
    patient(&mut tx).await?;
    sqlx::query!("select sandbox.restore_snapshot($1)", schema).execute(&mut *tx).await?;
    end_leases(&mut tx).await?;
    tx.commit().await
}

/// Who was at work when the snapshot was taken has either ended since or is at work on what is gone now: nobody comes
/// back with such a lease, and nothing waits until it runs out.
async fn end_leases(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("update ask set lease_id = null, leased_until = null where lease_id is not null")
        .execute(&mut *conn)
        .await?;
    sqlx::query!("update stream set lease_id = null, leased_until = null where lease_id is not null")
        .execute(&mut *conn)
        .await?;
    sqlx::query!("update ledger_worker set lease_id = null, leased_until = null where lease_id is not null")
        .execute(conn)
        .await?;
    Ok(())
}

/// Copying everything takes its time.
async fn patient(tx: &mut Transaction<'_, Postgres>) -> sqlx::Result<()> {
    sqlx::query!("select set_config('statement_timeout', '5min', true) as statement, set_config('lock_timeout', '5s', true) as lock")
        .fetch_one(&mut **tx)
        .await?;
    Ok(())
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// A deadlock, or a lock that was not had.
fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40P01" | "55P03"))
}

fn refusal(error: sqlx::Error) -> Problem {
    match code(&error).as_deref() {
        Some("42501") => Problem::new(
            StatusCode::CONFLICT,
            "going back needs a superuser of the database, which the sandbox's own cluster has",
        ),
        Some("40P01" | "55P03") => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too much is under way; nothing was changed, try again")
        }
        _ => error.into(),
    }
}

async fn find(conn: &mut PgConnection, id: Uuid) -> Result<Kept, Problem> {
    let found = all(conn).await?.into_iter().find(|snapshot| snapshot.snapshot_id == id);
    found.ok_or_else(|| Problem::unknown("snapshot"))
}

async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Kept>> {
    sqlx::query_as!(
        Kept,
        "select snapshot_id, name, schema_name, business_time, taken_at, rows
        from sandbox.snapshot
        order by taken_at desc, snapshot_id desc"
    )
    .fetch_all(conn)
    .await
}

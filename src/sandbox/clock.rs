//! The test clock: business time that moves forward on demand, and is where it was after a restart.

use std::io;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::demo;
use super::problem::{Body, Problem};
use super::span;
use crate::app::{App, SharedApp};
use crate::clock::Clock;

/// How far one call may move the clock: the longest loan and then some.
const MAX_DAYS: i64 = 366 * 60;

/// `POST /sandbox/clock`: one of the members.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Move {
    advance: Option<String>,
    to: Option<NaiveDate>,
    until: Option<String>,
    #[expect(dead_code, reason = "belongs to `until`, which is refused")]
    loan_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reading {
    now: DateTime<Utc>,
    business_date: NaiveDate,
}

/// The clock of a data directory: as far ahead of the wall as it was left.
///
/// # Errors
/// When the file is there and cannot be read, or holds no number of milliseconds.
pub fn restore(data_dir: &Path) -> io::Result<Clock> {
    let text = match std::fs::read_to_string(path(data_dir)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Clock::default()),
        Err(error) => return Err(error),
    };
    text.trim().parse().map(Clock::ahead_by).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("clock")
}

pub(super) async fn show(State(app): State<SharedApp>) -> impl IntoResponse {
    Json(reading(&app))
}

pub(super) async fn move_forward(
    State(app): State<SharedApp>,
    Body(wanted): Body<Move>,
) -> Result<impl IntoResponse, Problem> {
    let by = distance(&app.clock, &wanted)?;
    app.clock.advance(by);
    keep(&app).await.map_err(|error| Problem::internal(&error))?;
    // What became due by the move is not waited for by anybody else.
    app.wake.asks.notify_one();
    app.wake.callbacks.notify_one();
    Ok(Json(reading(&app)))
}

fn reading(app: &App) -> Reading {
    Reading { now: app.clock.now(), business_date: app.clock.today() }
}

fn distance(clock: &Clock, wanted: &Move) -> Result<TimeDelta, Problem> {
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
    let now = clock.now();
    let by = match (&wanted.advance, wanted.to, &wanted.until) {
        (Some(span), None, None) => span::after(now, span)
            .ok_or_else(|| bad("`advance` must be a span like P30D, P1M or PT1H"))?
            .signed_duration_since(now),
        // The same time of the lender's day; India has no daylight saving.
        (None, Some(date), None) => date.signed_duration_since(clock.today()),
        (None, None, Some(_)) => {
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "`until` is not served yet: use `advance` or `to`"));
        }
        _ => return Err(bad("give exactly one of `advance`, `to` and `until`")),
    };
    if by < TimeDelta::zero() {
        return Err(Problem::new(StatusCode::CONFLICT, "the clock goes forward only"));
    }
    if by > TimeDelta::days(MAX_DAYS) {
        return Err(bad("one call moves the clock by sixty years at most"));
    }
    Ok(by)
}

async fn keep(app: &App) -> io::Result<()> {
    let Some(sandbox) = &app.config.sandbox else {
        return Ok(());
    };
    demo::write_private(&path(&sandbox.data_dir), &app.clock.offset_ms().to_string()).await
}

//! The test clock: business time that moves forward on demand, day by day where something happens, and is where it was
//! after a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};
use tokio::time::Instant;

use super::goal::{Goal, Standing, Until};
use super::happened::{self, Happened};
use super::problem::{Body, Problem};
use super::{demo, diary};
use crate::app::{App, SharedApp};
use crate::clock::Clock;
use crate::domain::calendar::end_of_day;
use crate::domain::loan::account::Position;
use crate::domain::span;
use crate::engine::day_end;
use crate::store;

/// How far one call may move the clock: the longest loan and then some.
const MAX_DAYS: i64 = 366 * 60;
/// How long the simulated systems may take to answer one question; twenty seconds of it are those for which a replica
/// that was killed keeps it from the others.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Why a move that waits for anything at all does not begin, or ends.
const NOTHING: &str = "nothing more happens to any loan by itself";
/// Questions that are due so soon are waited for.
const SOON: TimeDelta = TimeDelta::milliseconds(1_500);

/// `POST /sandbox/clock`: one of the members.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Move {
    advance: Option<String>,
    to: Option<NaiveDate>,
    until: Option<Until>,
    loan_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reading {
    now: DateTime<Utc>,
    business_date: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    happened: Option<Vec<Happened>>,
    #[serde(flatten)]
    ended: Option<Ended>,
}

/// How a move ended that waited for something.
#[derive(Serialize)]
struct Ended {
    /// Whether it came to pass.
    reached: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
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
    Json(reading(&app, None, None))
}

pub(super) async fn move_forward(
    State(app): State<SharedApp>,
    Body(wanted): Body<Move>,
) -> Result<impl IntoResponse, Problem> {
    // Two moves at once would run each other's days; the second one goes on from where the first one ends.
    let _turn = app.clock.turn().await;
    let target = target(&app.clock, &wanted)?;
    let loan = wanted.loan_id.as_deref();
    let mut conn = app.pool.acquire().await?;
    if let Some(loan) = loan
        && store::reference::application_of_loan(&mut conn, loan).await?.is_none()
    {
        return Err(Problem::unknown("loan"));
    }
    let since = happened::mark(&mut conn).await?;
    drop(conn);
    let goal = wanted.until.map(|until| Goal { until, loan, since });
    let is_reached = match &goal {
        Some(goal) => expect(&app, goal).await?,
        None => false,
    };
    let ended = if is_reached {
        Some(Ended { reached: true, why: None })
    } else {
        run_days(&app, target, goal.as_ref()).await?
    };
    keep(&app).await.map_err(|error| Problem::internal(&error))?;
    app.wake.notify_asks();
    app.wake.notify_callbacks();
    let mut conn = app.pool.acquire().await?;
    let happened = happened::since(&mut conn, since, None).await?;
    Ok(Json(reading(&app, Some(happened), ended)))
}

/// Refuses to wait for what does not come; nothing has moved then. Whether it has come already, by what was under way.
async fn expect(app: &App, goal: &Goal<'_>) -> Result<bool, Problem> {
    // What is under way may end the loan, or pay it out.
    settled(app).await?;
    let mut conn = connection(app).await?;
    let why = match goal.standing(&mut conn, app).await? {
        Standing::Never(why) => why,
        // It ended by what was under way.
        Standing::Reached => return Ok(true),
        _ if next_day(&mut conn, app.clock.today() + TimeDelta::days(MAX_DAYS)).await?.is_none() => NOTHING.to_owned(),
        Standing::Waits => return Ok(false),
    };
    Err(Problem::new(StatusCode::CONFLICT, why))
}

/// The next day on which something happens, up to the last one.
async fn next_day(conn: &mut PgConnection, last: NaiveDate) -> Result<Option<NaiveDate>, Problem> {
    let event = store::day_end::first_event(conn, last).await?;
    let entry = diary::next_day(conn).await?.filter(|day| *day <= last);
    Ok(event.into_iter().chain(entry).min())
}

/// Goes from day to day on which something happens, up to the target, and runs each day's end, the target's included.
/// Stops where what it waits for has come to pass, or will not come any more.
async fn run_days(app: &SharedApp, target: DateTime<Utc>, goal: Option<&Goal<'_>>) -> Result<Option<Ended>, Problem> {
    let last = crate::domain::calendar::business_date(target);
    let begun = app.clock.wall();
    loop {
        let mut conn = connection(app).await?;
        let next = next_day(&mut conn, last).await?;
        drop(conn);
        if next.is_none() && goal.is_some() {
            return Ok(Some(Ended { reached: false, why: Some(NOTHING.to_owned()) }));
        }
        let today = app.clock.today();
        let day = next.unwrap_or(last).max(today);
        if day > today {
            // Later by what the days before took, so that 24 hours lie between an announcement and its debit; but not
            // a whole day on when the target is a few minutes past midnight.
            let took = app.clock.wall().signed_duration_since(begun);
            let left = target.signed_duration_since(app.clock.now()) + took;
            app.clock.advance(day.signed_duration_since(today).min(left));
            // Before the day happens to any loan: after a crash it must not be an earlier day than some loans have seen.
            keep(app).await.map_err(|error| Problem::internal(&error))?;
        }
        run_day(app, day, (last, target)).await?;
        if let Some(ended) = ended(app, goal).await? {
            return Ok(Some(ended));
        }
        // What a day's answers brought for the same day is swept before time goes on.
        let mut conn = connection(app).await?;
        let more = store::day_end::first_event(&mut conn, day).await?.is_some();
        drop(conn);
        if !more && day >= last {
            break;
        }
    }
    app.clock.advance(target.signed_duration_since(app.clock.now()).max(TimeDelta::zero()));
    if diary::run_due(app, target.max(app.clock.now())).await? {
        sweep(app, Position::closed(last)).await?;
    }
    settled(app).await?;
    Ok(goal.map(|_| Ended { reached: false, why: Some("one call moves the clock by sixty years at most".to_owned()) }))
}

/// One day, its end included, as far as the target lets it pass.
async fn run_day(app: &SharedApp, day: NaiveDate, (last, target): (NaiveDate, DateTime<Utc>)) -> Result<(), Problem> {
    sweep(app, Position::open(day)).await?;
    settled(app).await?;
    // What a scenario has the borrower or the bank do on a day that passes, whatever its hour.
    let by = if day < last { end_of_day(day).unwrap_or(target) } else { app.clock.now() };
    if diary::run_due(app, by.min(target)).await? {
        settled(app).await?;
    }
    sweep(app, Position::closed(day)).await?;
    settled(app).await
}

/// How the move ends here, if it does.
async fn ended(app: &App, goal: Option<&Goal<'_>>) -> Result<Option<Ended>, Problem> {
    let Some(goal) = goal else { return Ok(None) };
    let mut conn = connection(app).await?;
    Ok(match goal.standing(&mut conn, app).await? {
        Standing::Reached => Some(Ended { reached: true, why: None }),
        Standing::Never(why) => Some(Ended { reached: false, why: Some(why) }),
        Standing::Waits => None,
    })
}

async fn sweep(app: &SharedApp, to: Position) -> Result<(), Problem> {
    day_end::sweep(app, to).await.map_err(|error| Problem::internal(&error))?;
    Ok(())
}

/// A connection, although the day's answers may have all of them for a while.
async fn connection(app: &App) -> Result<PoolConnection<Postgres>, Problem> {
    let begun = Instant::now();
    loop {
        match app.pool.acquire().await {
            Err(sqlx::Error::PoolTimedOut) if begun.elapsed() < SETTLE_TIMEOUT => {}
            acquired => return Ok(acquired?),
        }
    }
}

/// Waits until the simulated systems have answered everything that is due, as long as they go on answering: whatever
/// else comes in meanwhile, the question that waits longest is another one soon.
async fn settled(app: &App) -> Result<(), Problem> {
    let mut begun = Instant::now();
    let mut longest = None;
    loop {
        app.wake.notify_asks();
        let mut conn = connection(app).await?;
        let oldest = store::ask::oldest_due(&mut conn, app.clock.now() + SOON).await?;
        drop(conn);
        if oldest.is_none() {
            return Ok(());
        }
        if oldest != longest {
            longest = oldest;
            begun = Instant::now();
        }
        if begun.elapsed() > SETTLE_TIMEOUT {
            let detail = "the lender's systems did not answer in time; the clock stands where it got to";
            return Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, detail));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn reading(app: &App, happened: Option<Vec<Happened>>, ended: Option<Ended>) -> Reading {
    Reading { now: app.clock.now(), business_date: app.clock.today(), happened, ended }
}

/// The instant of a day that is as late on it as now is today; India has no daylight saving.
fn same_time(clock: &Clock, day: NaiveDate) -> DateTime<Utc> {
    clock.now() + day.signed_duration_since(clock.today())
}

fn target(clock: &Clock, wanted: &Move) -> Result<DateTime<Utc>, Problem> {
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
    let now = clock.now();
    let target = match (&wanted.advance, wanted.to, wanted.until) {
        (Some(text), None, None) => {
            span::after(now, text).ok_or_else(|| bad("`advance` must be a span like P30D, P1M or PT1H"))?
        }
        (None, Some(date), None) => same_time(clock, date),
        (None, None, Some(Until::NextEvent)) => now + TimeDelta::days(MAX_DAYS),
        (None, None, Some(_)) if wanted.loan_id.is_some() => now + TimeDelta::days(MAX_DAYS),
        (None, None, Some(_)) => return Err(bad("name the loan with `loanId`")),
        _ => return Err(bad("give exactly one of `advance`, `to` and `until`")),
    };
    let by = target.signed_duration_since(now);
    if by < TimeDelta::zero() {
        return Err(Problem::new(StatusCode::CONFLICT, "the clock goes forward only"));
    }
    if by > TimeDelta::days(MAX_DAYS) {
        return Err(bad("one call moves the clock by sixty years at most"));
    }
    Ok(target)
}

pub(super) async fn keep(app: &App) -> io::Result<()> {
    // A sandbox inside a test has no directory to keep anything in.
    let Some(sandbox) = app.config.sandbox.as_ref().filter(|sandbox| sandbox.data_dir.is_dir()) else {
        return Ok(());
    };
    demo::write_private(&path(&sandbox.data_dir), &app.clock.offset_ms().to_string()).await
}

//! The day-end: sweeps the loans on which something happens by itself, each in a transaction of its own.
//!
//! It only sweeps: what happens is the function that every command applies first. A loan is taken by its lock, so
//! replicas share the work, and what a crash cut off is found again by the loan's next event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveTime;
use sqlx::PgConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Refused;
use super::begin::{self, Begun, Prepared};
use super::facts::Gathered;
use super::save::Order;
use crate::app::{App, SharedApp};
use crate::domain::application::decide;
use crate::domain::application::decision::Facts;
use crate::domain::calendar::ist;
use crate::domain::ids::ApplicationId;
use crate::domain::loan::account::{Phase, Position};
use crate::store::{StoreError, application, day_end};

/// How often the table is looked at.
const POLL: Duration = Duration::from_secs(20);
/// Loans at a time.
const CONCURRENCY: usize = 4;
/// Loans that one sweep goes past before it stops: with so many the fault lies elsewhere.
const MAX_GIVEN_UP: usize = 100;
/// How often one sweep goes on without having had a connection.
const MAX_WAITS: usize = 40;
/// A day's end, in the lender's time: what is unpaid then is classified for the day.
const CUT_OFF: Option<NaiveTime> = NaiveTime::from_hms_opt(23, 30, 0);

/// Sweeps until the app stops.
pub async fn run(app: SharedApp) {
    while !app.stop.is_cancelled() {
        {
            // Not while the sandbox moves the clock: it runs each day's end itself.
            let _turn = app.clock.turn().await;
            if let Err(error) = sweep(&app, position(&app)).await {
                tracing::warn!(%error, "the day-end goes on later");
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Where the business day stands by the clock.
fn position(app: &App) -> Position {
    let today = app.clock.today();
    let time = ist().map(|ist| app.clock.now().with_timezone(&ist).time());
    if time >= CUT_OFF { Position::closed(today) } else { Position::open(today) }
}

/// What the workers of one sweep share.
struct Sweep {
    app: SharedApp,
    to: Position,
    /// Loans that could not be brought to the position: the others must not wait for them.
    given_up: Mutex<BTreeMap<Uuid, String>>,
    /// How often there was no connection in time.
    waited: AtomicUsize,
}

/// Brings every loan to a position; gives how many had something to happen.
///
/// # Errors
/// When the database fails, or [`Refused::Internal`] when some loans could not be brought there; the others are.
pub async fn sweep(app: &SharedApp, to: Position) -> Result<usize, Refused> {
    let begun = Instant::now();
    let sweep = Arc::new(Sweep { app: Arc::clone(app), to, given_up: Mutex::default(), waited: AtomicUsize::new(0) });
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CONCURRENCY {
        let sweep = Arc::clone(&sweep);
        tasks.spawn(async move {
            let mut done = 0_usize;
            while !sweep.app.stop.is_cancelled() {
                match sweep.one().await? {
                    Turn::Swept => done = done.saturating_add(1),
                    Turn::Waited => {}
                    Turn::Over => break,
                }
            }
            Ok::<usize, Refused>(done)
        });
    }
    let mut done = 0_usize;
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok(result) => done = done.saturating_add(result?),
            Err(error) => return Err(Refused::Internal(error.to_string())),
        }
    }
    if done > 0 {
        app.wake.notify_asks();
        app.wake.notify_callbacks();
    }
    let given_up = sweep.given_up.lock().await;
    note(app, to, (done, given_up.len()), begun.elapsed());
    if let Some(error) = given_up.values().next() {
        let count = given_up.len();
        return Err(Refused::Internal(format!("{count} loans could not be brought to {}: {error}", to.day)));
    }
    drop(given_up);
    Ok(done)
}

/// One line per sweep that found something, and its metrics; `telemetry` describes the fields.
fn note(app: &App, to: Position, (loans, given_up): (usize, usize), took: Duration) {
    app.metrics.swept(loans, given_up, took);
    if loans > 0 || given_up > 0 {
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let closed = to.phase == Phase::Closed;
        tracing::info!(day = %to.day, closed, loans, given_up, duration_ms, "day-end");
    }
}

/// What one turn of a worker came to.
enum Turn {
    /// A loan on which something happened, or that was given up.
    Swept,
    /// There was no connection in time.
    Waited,
    /// There is no loan left.
    Over,
}

impl Sweep {
    /// The next loan on which something happens. One that fails is given up until the next sweep, a bounded number of
    /// them.
    async fn one(&self) -> Result<Turn, Refused> {
        let mut tx = match self.app.pool.begin().await {
            // The answers to what the day asked have the connections; they end.
            Err(sqlx::Error::PoolTimedOut) if self.waited.fetch_add(1, Ordering::Relaxed) < MAX_WAITS => {
                return Ok(Turn::Waited);
            }
            begun => begun?,
        };
        let given_up: Vec<Uuid> = self.given_up.lock().await.keys().copied().collect();
        let Some(id) = day_end::next_loan(&mut tx, self.to, &given_up).await? else {
            return Ok(Turn::Over);
        };
        match advance(&self.app, &mut tx, id, self.to).await {
            Ok(begun) => {
                tx.commit().await?;
                begun.go(&self.app);
            }
            Err(error) if given_up.len() >= MAX_GIVEN_UP => return Err(error),
            Err(error) => {
                tracing::error!(application = %id.0, %error, "the day-end of a loan failed");
                // Noted before its lock is free: only a worker that looked before takes it up once more.
                self.given_up.lock().await.insert(id.0, error.to_string());
                tx.rollback().await?;
            }
        }
        Ok(Turn::Swept)
    }
}

/// Brings a loan to a position, in the transaction that has its application locked.
async fn advance(app: &App, tx: &mut PgConnection, id: ApplicationId, to: Position) -> Result<Begun, Refused> {
    let locked = application::lock(tx, &app.sealer, &[id]).await?;
    let Some(found) = locked.first() else {
        return Err(StoreError::Stale { table: "application" }.into());
    };
    let gathered = Gathered::for_loan(app, tx, &found.application).await?;
    let facts = gathered.facts(app, None);
    let facts = Facts { today: facts.today.max(to.day), ..facts };
    let decided = decide::advance(found.application.clone(), to, &facts);
    let order = Order::aside(&decided);
    begin::decision(app, tx, Prepared { locked, gathered, decided, order }).await
}

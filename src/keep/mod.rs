//! Upkeep of a server that runs for long: it makes partitions for the months to come, loads data keys that other
//! processes have made, and ends data that the lender's policy no longer keeps.
//!
//! Any number of replicas may run this. The one that holds an advisory lock sweeps; the others try again an hour later.
//! Everything is done in small transactions, so that a sweep may be cut off anywhere and be continued by the next.

mod erase;
mod prune;
pub mod record;
mod redact;

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::Instant;

use crate::app::SharedApp;
use crate::store::{StoreError, retention, schema};

/// How often data keys are read anew. A new one waits a minute before it seals, so six looks may fail.
const LOOK_FOR_KEYS: Duration = Duration::from_secs(10);
/// How often retention and partitions are looked after.
const SWEEP: Duration = Duration::from_hours(1);
/// Shortest time between two readings of the keys, however many values want one.
const BREATH: Duration = Duration::from_millis(200);
/// Guards a sweep; any number that nothing else uses.
const SWEEP_LOCK: i64 = 7_001_200_012;

/// Keeps until the app stops.
pub async fn run(app: SharedApp) {
    let mut next_sweep = Instant::now();
    while !app.stop.is_cancelled() {
        if Instant::now() >= next_sweep {
            next_sweep = Instant::now() + SWEEP;
            if let Err(error) = sweep(&app).await {
                tracing::warn!(%error, "upkeep goes on later");
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.sealer.wants_keys() => {}
            () = tokio::time::sleep(LOOK_FOR_KEYS) => {}
        }
        if let Err(error) = app.load_data_keys().await {
            tracing::warn!(%error, "the data keys could not be read anew; those that are known stay in use");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(BREATH) => {}
        }
    }
}

/// What one sweep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Another process was at it, so that nothing was done.
    pub busy: bool,
    /// Partitions dropped.
    pub dropped: Vec<String>,
    /// Messages and attempts deleted one by one.
    pub pruned: i64,
    /// Request ids forgotten.
    pub forgotten: u64,
    /// Applications whose personal data is erased now.
    pub erased: u64,
}

/// Makes the partitions of the months to come and lets go of what the policy no longer keeps.
///
/// # Errors
/// When the database fails; what was done until then stays done.
pub async fn sweep(app: &SharedApp) -> Result<Swept, StoreError> {
    // A connection of its own: closing it frees the lock, whatever happens to this task.
    let mut conn = app.pool.acquire().await?.detach();
    if !retention::take_turn(&mut conn, SWEEP_LOCK).await? {
        return Ok(Swept { busy: true, ..Swept::default() });
    }
    let swept = locked_sweep(app, &mut conn).await;
    sqlx::Connection::close(conn).await?;
    let swept = swept?;
    if swept != Swept::default() {
        let Swept { dropped, pruned, forgotten, erased, .. } = &swept;
        tracing::info!(?dropped, pruned, forgotten, erased, "what the retention policy no longer keeps is gone");
    }
    Ok(swept)
}

async fn locked_sweep(app: &SharedApp, conn: &mut PgConnection) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    // A busy table keeps no one waiting: rows go to the default partition until the next look.
    if let Err(error) = schema::make_month_partitions(conn, app.clock.today()).await {
        tracing::warn!(%error, "monthly partitions were not made");
    }
    erase::all(app, conn, &mut swept).await?;
    prune::all(app, conn, &mut swept).await?;
    Ok(swept)
}

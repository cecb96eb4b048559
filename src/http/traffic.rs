//! Takes what was counted into the database, now and then.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::app::{App, SharedApp};
use crate::store::StoreError;
use crate::store::traffic::{self, Minute};

/// How often counts go to the database, when there are some.
const EVERY: Duration = Duration::from_secs(2);
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often what no chart shows any more is forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Stores counts until the app stops, and once more then.
pub async fn keep(app: SharedApp) {
    let mut forgotten = Instant::now();
    while !app.stop.is_cancelled() {
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        store(&app).await;
        if forgotten.elapsed() >= FORGET_EVERY {
            forgotten = Instant::now();
            if let Err(error) = forget(&app).await {
                tracing::warn!(%error, "old traffic counts are still there");
            }
        }
    }
}

/// A count that is lost when the database stays away is no harm; one that is added twice would be.
async fn store(app: &App) {
    let taken = app.traffic.take();
    if taken.is_empty() {
        return;
    }
    let minutes: Vec<Minute> = taken
        .iter()
        .map(|((at, org_id), counts)| Minute {
            at: *at,
            org_id: org_id.clone(),
            requests: counts.requests,
            refused: counts.refused,
            callbacks: counts.callbacks,
            failed_attempts: counts.failed_attempts,
        })
        .collect();
    match timeout(PATIENCE, add(app, &minutes)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(%error, "traffic counts wait for the database");
            app.traffic.put_back(taken);
        }
        // Nobody knows whether they were added.
        Err(_) => tracing::warn!("traffic counts took too long and may be lost"),
    }
}

async fn add(app: &App, minutes: &[Minute]) -> Result<(), StoreError> {
    let mut conn = app.pool.acquire().await?;
    traffic::add(&mut conn, minutes).await
}

async fn forget(app: &App) -> Result<(), StoreError> {
    let mut conn = app.pool.acquire().await?;
    traffic::forget(&mut conn, app.clock.wall()).await
}

//! Releases what a request has caused as soon as its ack is written, instead of a second later.

use std::sync::Arc;

use uuid::Uuid;

use super::HOLD;
use crate::app::App;
use crate::domain::ids::ExchangeId;
use crate::store::{StoreError, ask, outbox};

/// Exchanges released by one pair of statements.
const BATCH: usize = 100;

/// Notes that an exchange's ack has been written. Never waits; if it is lost, the second passes.
pub fn release(app: &App, exchange: ExchangeId) {
    // One that sends nothing leaves the time to those that do.
    if !app.config.delivery.paused {
        app.wake.released(exchange);
    }
}

/// Releases what is noted, until the app stops.
pub async fn run(app: Arc<App>) {
    while let Some(exchanges) = app.wake.next_released(&app.stop, BATCH).await {
        let ids: Vec<Uuid> = exchanges.into_iter().map(|exchange| exchange.0).collect();
        if let Err(error) = let_go(&app, &ids).await {
            tracing::debug!(%error, "callbacks leave a second after their ack");
        }
        app.wake.notify_asks();
        app.wake.notify_callbacks();
    }
}

async fn let_go(app: &App, ids: &[Uuid]) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut conn = app.pool.acquire().await?;
    ask::release(&mut conn, ids, HOLD, now).await?;
    Ok(outbox::release(&mut conn, ids, HOLD, now).await?)
}

//! Looks after the namespaces: puts idle ones to sleep, wakes those whose callbacks are due, measures what they keep.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{Instant, sleep};

use super::slot::Slot;
use super::{Host, SharedHost};

/// Between two looks, at most.
const PAUSE: Duration = Duration::from_secs(5);
/// Between two measurements of the disk.
const MEASURE: Duration = Duration::from_secs(30);
/// A callback that is due so soon is worth staying awake for.
const SOON: TimeDelta = TimeDelta::seconds(60);

/// Looks until the host stops.
pub(super) async fn run(host: SharedHost) {
    let pause = PAUSE.min(host.settings.idle / 2).max(Duration::from_millis(100));
    let mut measured: Option<Instant> = None;
    while !host.app.stop.is_cancelled() {
        for slot in host.all() {
            host.look_at(&slot).await;
        }
        if measured.is_none_or(|at| at.elapsed() >= MEASURE) {
            measured = Some(Instant::now());
            host.measure().await;
        }
        tokio::select! {
            () = host.app.stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }
}

impl Host {
    async fn look_at(self: &Arc<Self>, slot: &Arc<Slot>) {
        let now = self.app.clock.wall();
        if !slot.is_awake() {
            // Nobody else is put to sleep for it: it is an LSP's callback, not an LSP.
            if slot.wake_at().is_some_and(|at| at <= now)
                && let Err(error) = self.wake(slot, None).await
            {
                tracing::error!(%error, namespace = %slot.name, "a namespace could not be woken for its callbacks");
            }
            return;
        }
        if slot.idle() < self.settings.idle {
            return;
        }
        let due = match slot.enter().await {
            Some(awake) => awake.next_callback(&self.app).await,
            // Its background work ended early: it is put away, and the next request starts it again.
            None => None,
        };
        if due.is_none_or(|due| due > now + SOON) {
            slot.try_put_to_sleep(&self.app).await;
        }
    }

    /// Who keeps too much takes nothing new until there is room again.
    async fn measure(&self) {
        for slot in self.all().into_iter().filter(|slot| slot.is_awake()) {
            match self.databases.size(&slot.name).await {
                Ok(bytes) => {
                    let full = bytes > self.settings.disk_bytes;
                    if full && !slot.is_full() {
                        tracing::warn!(namespace = %slot.name, bytes, "a namespace is full");
                    }
                    slot.set_full(full);
                }
                Err(error) => tracing::warn!(%error, namespace = %slot.name, "a namespace was not measured"),
            }
        }
    }
}

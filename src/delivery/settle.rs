//! Writes down attempts, many in one transaction, and sends each stream on its way (design §6).

use std::collections::HashSet;
use std::sync::Weak;
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Delivery, Job, rehearsal};
use crate::app::{App, SharedApp};
use crate::store::stream::{self, Fate, Head, Settlement, Step};

/// Most attempts in one transaction.
const BATCH: usize = 128;
/// Tries to write a batch down; the leases run out soon after.
const TRIES: u32 = 3;
/// Between tries.
const PAUSE: Duration = Duration::from_millis(500);

/// An attempt that was made, with the place in the worker that it takes until it is settled.
#[derive(Debug)]
pub(super) struct Attempted {
    pub settlement: Settlement,
    pub job: Job,
}

/// Settles attempts until the last sender is gone. Batches grow by themselves when attempts come fast.
///
/// It holds no strong reference, or it would wait for itself.
pub(super) async fn run(delivery: Weak<Delivery>, app: SharedApp, mut attempts: mpsc::Receiver<Attempted>) {
    let mut batch = Vec::with_capacity(BATCH);
    while attempts.recv_many(&mut batch, BATCH).await > 0 {
        let settled: Vec<Settlement> = batch.iter().map(|one| one.settlement.clone()).collect();
        let (held, heads) = settle_with_patience(&app, &settled).await;
        // A lease that has run out leads nowhere: its stream is another job's now, perhaps one of this very batch.
        let mut jobs: Vec<Job> =
            batch.drain(..).map(|one| one.job).filter(|job| held.contains(&(job.stream_id, job.lease_id))).collect();
        // Gone when the app stops; nothing is kept leased then.
        let Some(delivery) = delivery.upgrade() else {
            continue;
        };
        for head in heads {
            if let Some(place) = jobs.iter().position(|job| job.stream_id == head.stream_id) {
                let job = jobs.swap_remove(place);
                delivery.spawn(head, job);
            }
        }
    }
}

/// An attempt that cannot be written down is made again when its lease has run out: at least once.
async fn settle_with_patience(app: &App, settled: &[Settlement]) -> Settled {
    for _ in 1..TRIES {
        match settle(app, settled).await {
            Ok(settled) => return settled,
            Err(error) => {
                tracing::warn!(%error, attempts = settled.len(), "attempts not written down yet");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    settle(app, settled).await.unwrap_or_else(|error| {
        tracing::error!(%error, attempts = settled.len(), "attempts lost; their callbacks leave again");
        Settled::default()
    })
}

/// Streams with the leases that still held, and the next heads of those that are still leased.
type Settled = (HashSet<(Uuid, Uuid)>, Vec<Head>);

/// One transaction.
async fn settle(app: &App, settled: &[Settlement]) -> Result<Settled, sqlx::Error> {
    let mut tx = app.pool.begin().await?;
    let streams: Vec<Uuid> = settled.iter().map(|one| one.stream_id).collect();
    let leases: Vec<Uuid> = settled.iter().map(|one| one.lease_id).collect();
    let held: HashSet<(Uuid, Uuid)> = stream::lock_held(&mut tx, &streams, &leases).await?.into_iter().collect();
    // Whoever took an expired lease over writes down what it finds itself.
    let still = |one: &&Settlement| held.contains(&(one.stream_id, one.lease_id));
    let settled: Vec<Settlement> = settled.iter().filter(still).cloned().collect();
    let hastened = stream::record(&mut tx, &settled).await?;
    let stopping = app.stop.is_cancelled();
    let steps: Vec<Step> = settled.iter().map(|one| step(one, hastened.contains(&one.callback_id), stopping)).collect();
    let now = app.clock.now();
    let kept = stream::advance(&mut tx, &steps, now).await?;
    let kept: Vec<Uuid> = kept.into_iter().filter(|next| next.kept).map(|next| next.stream_id).collect();
    let heads = if kept.is_empty() { Vec::new() } else { rehearsal::heads(app, &mut tx, &kept, now).await? };
    let idle = kept.iter().filter(|id| !heads.iter().any(|head| head.stream_id == **id));
    let idle: Vec<Step> = idle.map(|id| Step { stream_id: *id, done: false, go_on: false }).collect();
    if !idle.is_empty() {
        stream::advance(&mut tx, &idle, now).await?;
    }
    tx.commit().await?;
    Ok((held, heads))
}

/// A failed stream waits for its turn; one that moved, or whose callback is due anew, goes on at once.
fn step(settlement: &Settlement, hastened: bool, stopping: bool) -> Step {
    let done = !hastened && !matches!(settlement.fate, Fate::Retry { .. });
    Step { stream_id: settlement.stream_id, done, go_on: (done || hastened) && !stopping }
}

//! Outbox to LSP: lease, sign, post, settle (design §6).
//!
//! One claimer leases due streams in batches, a task per callback signs and posts, one settler writes down what
//! happened and sends a stream that moved straight on. A task per callback matters: signing takes most of the
//! time, and a fixed set of workers on one queue leaves cores idle (`performance.md` §6).

pub mod address;
mod attempt;
pub mod client;
mod rehearsal;
pub mod schedule;
mod settle;
pub mod stamp;
pub mod verdict;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::postgres::PgListener;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

use self::client::Client;
use self::settle::Attempted;
use crate::app::lane::Handed;
use crate::app::{App, SharedApp};
use crate::store::begun::LeasedStream;
use crate::store::stream::{self, Head, Settlement, Step};
use crate::telemetry::trace::Span;
use crate::telemetry::traffic::Passed;
use crate::tls::TlsError;
use crate::tls::watch::watch;

/// Callbacks under way at once in one process.
const CONCURRENCY: usize = 128;
/// An LSP with so many callbacks under way gets no more until some are back, so that a slow one is not the others' loss.
const BUSY: usize = 32;
/// Most streams leased at once.
const BATCH: usize = 32;
/// How often the outbox is looked at without being told to; a random part of [`POLL_JITTER`] is added.
const POLL: Duration = Duration::from_millis(750);
const POLL_JITTER: Duration = Duration::from_millis(500);
/// Between tries to listen again after the connection was lost.
const LISTEN_PAUSE: Duration = Duration::from_secs(1);
/// A replica with more than it can carry calls the others on this channel. Not every commit does: a notifying commit
/// holds a lock over its flush, so that all commits would queue up behind each other.
const CHANNEL: &str = "ocen_callback";

/// What the parts of the worker share.
struct Delivery {
    app: SharedApp,
    client: Client,
    places: Arc<Semaphore>,
    under_way: UnderWay,
    attempts: mpsc::Sender<Attempted>,
}

/// Callbacks under way, by LSP.
type UnderWay = Mutex<HashMap<String, usize>>;

/// A leased stream's place in the worker, held until the result of its attempt is written down; dropping it makes room.
#[derive(Debug)]
struct Job {
    stream_id: Uuid,
    lease_id: Uuid,
    _place: OwnedSemaphorePermit,
}

/// A callback on its way to its LSP, until the LSP has answered.
struct Sending {
    org_id: String,
    delivery: Arc<Delivery>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let mut under_way = self.delivery.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = under_way.get_mut(&self.org_id) else { return };
        *count = count.saturating_sub(1);
        let left = *count;
        if left == 0 {
            under_way.remove(&self.org_id);
        }
        drop(under_way);
        // One that had all it may have gets more at once, not at the next poll, but several at a time.
        if left < BUSY && left.is_multiple_of(BUSY / 4) {
            self.delivery.app.wake.notify_callbacks();
        }
    }
}

/// Delivers callbacks until the app stops, and then until those under way are settled.
///
/// # Errors
/// When the HTTP client cannot be built, or a certificate for it not read.
pub async fn run(app: SharedApp) -> Result<(), TlsError> {
    let client = Client::new(&app.config.delivery)?;
    let (attempts, attempted) = mpsc::channel(CONCURRENCY);
    let delivery = Arc::new(Delivery {
        app: Arc::clone(&app),
        client,
        places: app.streams.open(CONCURRENCY),
        under_way: UnderWay::default(),
        attempts,
    });
    app.tasks.spawn(listen(Arc::clone(&app)));
    let watched = Arc::downgrade(&delivery);
    app.tasks.spawn(watch(delivery.client.files(), app.stop.clone(), move || {
        if let Some(delivery) = watched.upgrade() {
            delivery.client.reload();
        }
    }));
    let settling = settle::run(Arc::downgrade(&delivery), Arc::clone(&app), attempted);
    tokio::join!(claim(Arc::clone(&delivery)), take_over(delivery), settling);
    Ok(())
}

/// Leases what is due whenever there is reason to look, until the app stops.
async fn claim(delivery: Arc<Delivery>) {
    let app = Arc::clone(&delivery.app);
    let mut called = Instant::now();
    while !app.stop.is_cancelled() {
        // Made before looking, so that what is queued meanwhile is not missed.
        let woken = app.wake.callbacks.notified();
        match delivery.lease().await {
            Ok(Found::More) => continue,
            Ok(Found::TooMuch) if called.elapsed() > POLL => {
                called = Instant::now();
                call_for_help(&app).await;
                continue;
            }
            Ok(Found::TooMuch) => continue,
            Ok(Found::All) => {}
            Err(error) => tracing::warn!(%error, "the outbox could not be read"),
        }
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = woken => {}
            () = tokio::time::sleep(POLL + jitter(app.ids.uuid())) => {}
        }
    }
}

/// Works on streams that transactions of this process have leased already (`engine::begin`), until the app stops.
async fn take_over(delivery: Arc<Delivery>) {
    let app = Arc::clone(&delivery.app);
    while let Some(handed) = app.streams.next(BATCH).await {
        if let Err(error) = delivery.go_on(handed).await {
            tracing::warn!(%error, "callbacks leave when their lease has run out");
        }
    }
}

/// What one look at the outbox found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Everything that is due is under way.
    All,
    /// There may be more, and there are places.
    More,
    /// There may be more than there are places for.
    TooMuch,
}

async fn call_for_help(app: &App) {
    let called = match app.pool.acquire().await {
        Ok(mut conn) => stream::call(&mut conn, CHANNEL).await,
        Err(error) => Err(error),
    };
    if let Err(error) = called {
        tracing::debug!(%error, "the other replicas were not called");
    }
}

fn jitter(random: Uuid) -> Duration {
    let (_, tail) = random.as_u64_pair();
    let most = u64::try_from(POLL_JITTER.as_millis()).unwrap_or(1);
    Duration::from_millis(tail % most)
}

impl Delivery {
    /// Leases one batch and starts a task for each head.
    async fn lease(self: &Arc<Self>) -> Result<Found, sqlx::Error> {
        let app = &self.app;
        let places = self.free_places().await;
        let room = places.len();
        let limit = i64::try_from(room).unwrap_or_default();
        let lease_id = app.ids.uuid();
        let now = app.clock.now();
        let mut conn = app.pool.acquire().await?;
        let leased = stream::lease(&mut conn, lease_id, now, &self.busy(), limit).await?;
        if leased.is_empty() {
            return Ok(Found::All);
        }
        let heads = rehearsal::heads(app, &mut conn, &leased, now).await?;
        let idle: Vec<Uuid> =
            leased.iter().filter(|id| !heads.iter().any(|head| head.stream_id == **id)).copied().collect();
        if !idle.is_empty() {
            give_back(&mut conn, lease_id, &idle, now).await?;
        }
        drop(conn);
        for (head, place) in heads.into_iter().zip(places) {
            let job = Job { stream_id: head.stream_id, lease_id, _place: place };
            self.spawn(head, job);
        }
        Ok(match leased.len() {
            all if all < room => Found::All,
            BATCH => Found::More,
            _ => Found::TooMuch,
        })
    }

    /// Starts a task for the head of each stream, unless its LSP has all that it may have under way.
    async fn go_on(self: &Arc<Self>, handed: Vec<Handed<LeasedStream>>) -> Result<(), sqlx::Error> {
        let app = &self.app;
        let now = app.clock.now();
        let streams: Vec<Uuid> = handed.iter().map(|one| one.work.stream_id).collect();
        let mut conn = app.pool.acquire().await?;
        let mut heads = rehearsal::heads(app, &mut conn, &streams, now).await?;
        let busy = self.busy();
        heads.retain(|head| !(app.stop.is_cancelled() || busy.contains(&head.org_id)));
        for Handed { work, place } in handed {
            let LeasedStream { stream_id, lease_id } = work;
            if let Some(found) = heads.iter().position(|head| head.stream_id == stream_id) {
                let head = heads.swap_remove(found);
                self.spawn(head, Job { stream_id, lease_id, _place: place });
            } else {
                give_back(&mut conn, lease_id, &[stream_id], now).await?;
            }
        }
        Ok(())
    }

    /// At least one place, at most a batch: nothing is leased that would have to wait for its turn.
    async fn free_places(&self) -> Vec<OwnedSemaphorePermit> {
        let first = Arc::clone(&self.places).acquire_owned().await.ok();
        let others = (1..BATCH).map_while(|_| Arc::clone(&self.places).try_acquire_owned().ok());
        first.into_iter().chain(others).collect()
    }

    fn busy(&self) -> Vec<String> {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.iter().filter(|(_, count)| **count >= BUSY).map(|(org, _)| org.clone()).collect()
    }

    fn sending(self: &Arc<Self>, org_id: &str) -> Sending {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        *under_way.entry(org_id.to_owned()).or_default() += 1;
        Sending { org_id: org_id.to_owned(), delivery: Arc::clone(self) }
    }

    fn spawn(self: &Arc<Self>, head: Head, job: Job) {
        let sending = self.sending(&head.org_id);
        let delivery = Arc::clone(self);
        self.app.tasks.spawn(async move {
            let app = &delivery.app;
            let span = Span::within(head.trace, app.ids.uuid());
            let settlement = attempt::attempt(app, &delivery.client, &head, (job.lease_id, span)).await;
            drop(sending);
            note(app, &head, &settlement, span);
            // Nobody settles any more only when the process ends; the lease then runs out.
            let _ = delivery.attempts.send(Attempted { settlement, job }).await;
        });
    }
}

/// Ends the leases of streams whose callbacks all have to wait, and sets the streams' due times to those of their
/// callbacks.
async fn give_back(
    conn: &mut PgConnection,
    lease_id: Uuid,
    streams: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut tx = conn.begin().await?;
    let leases = vec![lease_id; streams.len()];
    let held = stream::lock_held(&mut tx, streams, &leases).await?;
    let steps: Vec<Step> =
        held.into_iter().map(|(stream_id, _)| Step { stream_id, done: false, go_on: false }).collect();
    stream::advance(&mut tx, &steps, now).await?;
    tx.commit().await
}

/// One line per attempt, and its metrics; the LSP's answer is in the database, sealed.
fn note(app: &App, head: &Head, settled: &Settlement, span: Span) {
    let outcome = settled.fate.state();
    let age = (app.clock.now() - head.created_at).to_std().unwrap_or_default();
    let took = Duration::from_millis(u64::try_from(settled.duration_ms).unwrap_or_default());
    app.metrics.callback(&head.org_id, outcome, took, age);
    let passed = if settled.error.is_none() { Passed::Callback } else { Passed::FailedAttempt };
    app.traffic.note(app.clock.wall(), &head.org_id, passed);
    tracing::info!(
        callback = %head.callback_id,
        org = head.org_id,
        operation = head.operation,
        request_id = head.request_id,
        attempt = settled.attempt,
        status = settled.status,
        duration_ms = settled.duration_ms,
        age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
        outcome,
        error = settled.error,
        trace_id = %span.trace.simple(),
        span_id = %span.id,
        "callback"
    );
}

/// Wakes the claimer when another replica has queued callbacks. The poll covers the times without a connection.
async fn listen(app: SharedApp) {
    while !app.stop.is_cancelled() {
        tokio::select! {
            () = app.stop.cancelled() => {}
            Err(error) = hear(&app) => {
                tracing::warn!(%error, "not listening for callbacks of other replicas");
                tokio::time::sleep(LISTEN_PAUSE).await;
            }
        }
    }
}

async fn hear(app: &App) -> Result<Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(&app.pool).await?;
    listener.ignore_pool_close_event(true);
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        app.wake.notify_callbacks();
    }
}

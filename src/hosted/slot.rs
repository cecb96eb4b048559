//! A namespace in this process: asleep, or awake with an app and routers of its own.
//!
//! Each request holds the state for as long as it is answered; going to sleep takes the state alone, so that it waits for
//! requests under way and never cuts one off.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit, RwLock};
use tokio::time::timeout;

use super::name::Name;
use super::store;
use super::token::Digest;
use crate::app::{App, SharedApp};

/// How long the last connections to a database may take to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// One namespace.
pub(super) struct Slot {
    pub(super) name: Name,
    pub(super) org_id: String,
    pub(super) display_name: String,
    pub(super) created_at: DateTime<Utc>,
    token: Mutex<Digest>,
    state: Arc<RwLock<State>>,
    /// Many requests that find it asleep wake it once.
    pub(super) waking: tokio::sync::Mutex<()>,
    begun: Instant,
    /// Milliseconds since the host began.
    last_used: AtomicU64,
    last_used_at: Mutex<DateTime<Utc>>,
    wake_at: Mutex<Option<DateTime<Utc>>>,
    is_full: AtomicBool,
    is_awake: AtomicBool,
}

/// What a slot holds.
pub(super) enum State {
    /// Nothing but the database.
    Asleep,
    /// Everything.
    Awake(Awake),
    /// Nothing any more.
    Gone,
}

/// What an awake namespace has.
pub(super) struct Awake {
    pub(super) app: SharedApp,
    pub(super) lsp: Router,
    pub(super) admin: Router,
    pub(super) borrower: Router,
    /// The token that its app asks for: known to this process only, put in by the dispatcher for the namespace's own.
    pub(super) inner_token: HeaderValue,
    pub(super) place: OwnedSemaphorePermit,
}

/// A namespace kept awake.
pub(super) type Entered = OwnedRwLockReadGuard<State, Awake>;

impl Slot {
    /// A namespace as stored.
    pub(super) fn asleep(row: store::Row, begun: Instant) -> Self {
        let store::Row { name, org_id, display_name, token, created_at, last_used_at, wake_at, state: _ } = row;
        Self {
            name,
            org_id,
            display_name,
            created_at,
            token: Mutex::new(token),
            state: Arc::new(RwLock::new(State::Asleep)),
            waking: tokio::sync::Mutex::new(()),
            begun,
            last_used: AtomicU64::new(0),
            last_used_at: Mutex::new(last_used_at),
            wake_at: Mutex::new(wake_at),
            is_full: AtomicBool::new(false),
            is_awake: AtomicBool::new(false),
        }
    }

    /// Whether this token is the namespace's.
    pub(super) fn opens(&self, shown: &str) -> bool {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).is_of(shown)
    }

    pub(super) fn set_token(&self, token: Digest) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Notes that somebody uses it.
    pub(super) fn used(&self, now: DateTime<Utc>) {
        self.last_used.store(self.since_begin(), Ordering::Relaxed);
        *self.last_used_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Lets it stay awake from now on as if it had been used, though nobody did.
    pub(super) fn woken_by_itself(&self) {
        self.last_used.store(self.since_begin(), Ordering::Relaxed);
    }

    /// How long nobody has used it, as far as this process knows.
    pub(super) fn idle(&self) -> Duration {
        Duration::from_millis(self.since_begin().saturating_sub(self.last_used.load(Ordering::Relaxed)))
    }

    fn since_begin(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn last_used_at(&self) -> DateTime<Utc> {
        *self.last_used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a callback of it is due while it sleeps.
    pub(super) fn wake_at(&self) -> Option<DateTime<Utc>> {
        *self.wake_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_awake(&self) -> bool {
        self.is_awake.load(Ordering::Relaxed)
    }

    /// Whether it has used up its room on the disk.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    pub(super) fn set_full(&self, full: bool) {
        self.is_full.store(full, Ordering::Relaxed);
    }

    /// The namespace kept awake, if it is. One whose background work ended early is not.
    pub(super) async fn enter(&self) -> Option<Entered> {
        let state = Arc::clone(&self.state).read_owned().await;
        OwnedRwLockReadGuard::try_map(state, |state| match state {
            State::Awake(awake) if !awake.app.stop.is_cancelled() => Some(awake),
            _ => None,
        })
        .ok()
    }

    /// The state alone, once every request under way is answered.
    pub(super) async fn alone(&self) -> tokio::sync::OwnedRwLockWriteGuard<State> {
        Arc::clone(&self.state).write_owned().await
    }

    /// Puts the namespace to sleep, if it is awake and no request of it is under way; gives whether it was.
    pub(super) async fn try_put_to_sleep(&self, host: &App) -> bool {
        match Arc::clone(&self.state).try_write_owned() {
            Ok(mut state) => self.sleep(&mut state, host).await,
            Err(_) => false,
        }
    }

    /// The same, waiting for the requests under way.
    pub(super) async fn put_to_sleep(&self, host: &App) -> bool {
        self.sleep(&mut *self.alone().await, host).await
    }

    /// Writes down when it was used last, and when it has to be woken should this process be gone by then.
    pub(super) async fn note(&self, host: &App, wake_at: Option<DateTime<Utc>>) {
        let noted = async {
            let mut conn = host.pool.acquire().await?;
            store::note(&mut conn, &self.name, self.last_used_at(), wake_at).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, namespace = %self.name, "it was not noted when it was used last");
        }
    }

    /// Leaves it asleep; gives whether it was awake.
    pub(super) async fn sleep(&self, state: &mut State, host: &App) -> bool {
        if matches!(state, State::Gone) {
            return false;
        }
        let State::Awake(awake) = std::mem::replace(state, State::Asleep) else {
            return false;
        };
        let wake_at = awake.next_callback(host).await;
        awake.stop().await;
        self.set_awake(false, wake_at);
        self.note(host, wake_at).await;
        tracing::info!(namespace = %self.name, ?wake_at, "a namespace sleeps");
        true
    }

    /// Ends it for good. The state is [`State::Gone`] from then on.
    pub(super) async fn end(&self) {
        let mut state = self.alone().await;
        if let State::Awake(awake) = std::mem::replace(&mut *state, State::Gone) {
            awake.stop().await;
        }
        self.set_awake(false, None);
    }

    pub(super) fn set_awake(&self, awake: bool, wake_at: Option<DateTime<Utc>>) {
        self.is_awake.store(awake, Ordering::Relaxed);
        *self.wake_at.lock().unwrap_or_else(PoisonError::into_inner) = wake_at;
    }
}

impl Awake {
    /// When its next callback is due, by the host's clock.
    pub(super) async fn next_callback(&self, host: &App) -> Option<DateTime<Utc>> {
        let due = async { store::next_callback(&mut *self.app.pool.acquire().await?).await };
        match due.await {
            Ok(due) => due.map(|due| host.clock.wall() + due.signed_duration_since(self.app.clock.now())),
            Err(error) => {
                tracing::warn!(%error, "it is not known when a namespace has to be woken");
                None
            }
        }
    }

    async fn stop(self) {
        let Self { app, place, .. } = self;
        app.draining.cancel();
        app.stop.cancel();
        app.tasks.close();
        if timeout(app.config.drain, app.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = app.tasks.len(), "not everything of a namespace ended in time");
        }
        // What still hangs is cut when its database is dropped, or with the process.
        let _ = timeout(CLOSE_TIMEOUT, app.pool.close()).await;
        drop(place);
    }
}

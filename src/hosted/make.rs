//! Namespaces are made, woken and removed.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Connection as _;
use tokio::fs;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

use super::error::HostError;
use super::name::Name;
use super::slot::{Awake, Entered, Slot, State};
use super::{Host, store};
use crate::clock::Ids;
use crate::config::{Config, OwnInbox, TlsConfig};
use crate::console;
use crate::http::{self, Extra};
use crate::lsp::Lsp;
use crate::rate::Quota;
use crate::sandbox;

/// Connections of one awake namespace: one listens, the others serve.
const CONNECTIONS: u32 = 6;
/// How long a request waits for another namespace to make room.
const PLACE_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two looks whether there is room.
const PLACE_PAUSE: Duration = Duration::from_millis(100);
/// Only a namespace that has been quiet for so long makes room for another.
const QUIET: Duration = Duration::from_secs(5);
/// OCEN messages a minute that an LSP in a namespace may send, unless the configuration limits them otherwise.
const MESSAGES: Quota = Quota { per_minute: 1_200, burst: Some(200) };

impl Host {
    /// The namespace, awake.
    pub(super) async fn enter(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<Entered, HostError> {
        loop {
            if let Some(entered) = slot.enter().await {
                return Ok(entered);
            }
            let _turn = slot.waking.lock().await;
            if let Some(entered) = slot.enter().await {
                return Ok(entered);
            }
            if self.app.stop.is_cancelled() {
                return Err(HostError::Full(slot.name.clone()));
            }
            // One whose background work ended early gives up its place first.
            slot.put_to_sleep(&self.app).await;
            self.wake(slot, Some(self.place(slot).await?)).await?;
        }
    }

    /// Wakes a namespace unless it is awake. Without a place given, only if one is free; gives whether it is awake.
    pub(super) async fn wake(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<bool, HostError> {
        let Some(place) = place.or_else(|| Arc::clone(&self.places).try_acquire_owned().ok()) else {
            return Ok(false);
        };
        // Whoever asked may hang up; what was begun is ended all the same, with nothing half open.
        let (host, slot) = (Arc::clone(self), Arc::clone(slot));
        let waking = self.app.tasks.spawn(async move {
            let mut state = slot.alone().await;
            match &*state {
                State::Gone => return Err(HostError::Gone(slot.name.clone())),
                State::Awake(awake) if !awake.app.stop.is_cancelled() => return Ok(()),
                State::Awake(_) | State::Asleep => {}
            }
            let begun = Instant::now();
            slot.sleep(&mut state, &host.app).await;
            *state = State::Awake(host.launch_namespace(&slot.name, place).await?);
            slot.set_awake(true, None);
            slot.woken_by_itself();
            // Should the process be killed, the next one wakes it: there may be callbacks to deliver.
            slot.note(&host.app, Some(host.app.clock.wall())).await;
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(namespace = %slot.name, took_ms, "a namespace woke");
            Ok(())
        });
        waking.await.map_err(|error| HostError::Launch(error.into()))?.map(|()| true)
    }

    /// A place for one more awake namespace; the one that has been quiet for longest makes room when there is none.
    async fn place(&self, wanted: &Slot) -> Result<OwnedSemaphorePermit, HostError> {
        let deadline = Instant::now() + PLACE_TIMEOUT;
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Ok(place);
            }
            let mut others: Vec<_> =
                self.all().into_iter().filter(|slot| slot.is_awake() && slot.name != wanted.name).collect();
            others.sort_by_key(|slot| std::cmp::Reverse(slot.idle()));
            let mut made_room = false;
            for slot in others.iter().filter(|slot| slot.idle() >= QUIET) {
                if slot.try_put_to_sleep(&self.app).await {
                    made_room = true;
                    break;
                }
            }
            if !made_room {
                if Instant::now() >= deadline || self.app.stop.is_cancelled() {
                    return Err(HostError::Full(wanted.name.clone()));
                }
                sleep(PLACE_PAUSE).await;
            }
        }
    }

    async fn launch_namespace(self: &Arc<Self>, name: &Name, place: OwnedSemaphorePermit) -> Result<Awake, HostError> {
        let directory = self.data_dir.join("hosted").join(name.as_str());
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&directory).await.map_err(|source| HostError::File { path: directory, source })?;
        let token: SecretString = Ids.token().into();
        let inner_token = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|error| HostError::Launch(error.into()))?;
        let app = self.launch.launch(self.config_of(name, token), format!("{}-{name}", self.app.config.lender.org_id));
        let app = app.await?;
        app.tasks.spawn(http::metrics::keep(Arc::clone(&app)));
        app.tasks.spawn(sandbox::diary::run(Arc::clone(&app)));
        app.tasks.spawn(http::traffic::keep(Arc::clone(&app)));
        let extra = Extra {
            admin: sandbox::http::router(&app).with_state(Arc::clone(&app)),
            pages: console::router(),
            borrower: sandbox::pay::router(&app),
        };
        Ok(Awake {
            lsp: http::lsp_router(&app),
            admin: http::admin_router(&app, extra.admin, extra.pages),
            borrower: http::borrower_router(&app, extra.borrower),
            inner_token,
            place,
            app,
        })
    }

    /// The host's configuration as one namespace has it.
    pub(super) fn config_of(&self, name: &Name, token: SecretString) -> Config {
        let mut config = self.app.config.clone();
        config.borrower_url = self.addresses(name).borrower;
        // No system of a lender's is told of it; links to the console are made with it.
        config.ports_url = Some(self.addresses(name).admin);
        config.tls = TlsConfig::default();
        config.operators.clear();
        config.admin_token = Some(token);
        config.database.url = Some(self.databases.url(name));
        config.database.max_connections = CONNECTIONS;
        config.rate_limits.requests.get_or_insert(MESSAGES);
        config.delivery.inbox = self.inbox_of(name);
        // Anybody may register under any orgId here.
        config.delivery.lsp_tls.clear();
        if let Some(sandbox) = &mut config.sandbox {
            sandbox.data_dir = self.data_dir.join("hosted").join(name.as_str());
        }
        config
    }

    fn inbox_of(&self, name: &Name) -> Option<OwnInbox> {
        let shown = format!("{}/sandbox/inbox", self.addresses(name).admin).parse().ok()?;
        let reached = format!("http://{}/{name}/sandbox/inbox", self.inbox).parse().ok()?;
        Some(OwnInbox { shown, reached })
    }

    /// Makes a namespace for an LSP, asleep no longer. `row` is stored already; it becomes ready, or everything is as if
    /// it had never been begun.
    pub(super) async fn make(self: &Arc<Self>, row: store::Row, lsp: &Lsp) -> Result<(), HostError> {
        let name = row.name.clone();
        let made = self.try_make(row, lsp).await;
        if let Err(error) = &made {
            tracing::error!(%error, namespace = %name, "a namespace was not made");
            self.remove(&name).await?;
        }
        made
    }

    async fn try_make(self: &Arc<Self>, row: store::Row, lsp: &Lsp) -> Result<(), HostError> {
        let name = row.name.clone();
        self.databases.make(&name).await?;
        let slot = Arc::new(Slot::asleep(row, self.begun));
        self.wake(&slot, Some(self.place(&slot).await?)).await?;
        let registered = self.register(&slot, lsp).await;
        if registered.is_err() {
            slot.end().await;
        }
        registered?;
        slot.used(self.app.clock.wall());
        self.slots_mut(|slots| slots.insert(name, slot));
        Ok(())
    }

    async fn register(self: &Arc<Self>, slot: &Arc<Slot>, lsp: &Lsp) -> Result<(), HostError> {
        let entered = self.enter(slot).await?;
        let mut conn = entered.app.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        crate::store::lsp::put(&mut tx, lsp, entered.app.clock.now()).await?;
        tx.commit().await?;
        let mut conn = self.app.pool.acquire().await?;
        store::set_state(&mut conn, &slot.name, store::READY).await?;
        Ok(())
    }

    /// Removes a namespace and all that is kept of it; what is gone already does not matter.
    pub(super) async fn remove(&self, name: &Name) -> Result<(), HostError> {
        let mut conn = self.app.pool.acquire().await?;
        let begun_only = store::state(&mut conn, name).await?.is_some_and(|state| state == store::CREATING);
        store::set_state(&mut conn, name, if begun_only { store::CREATING } else { store::DELETING }).await?;
        drop(conn);
        if let Some(slot) = self.slots_mut(|slots| slots.remove(name)) {
            slot.end().await;
        }
        self.databases.drop(name).await?;
        let directory = self.data_dir.join("hosted").join(name.as_str());
        match fs::remove_dir_all(&directory).await {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(HostError::File { path: directory, source });
            }
            _ => {}
        }
        let mut tx = self.app.pool.begin().await?;
        if begun_only {
            store::give_invite_back(&mut tx, name).await?;
        }
        store::forget(&mut tx, name).await?;
        tx.commit().await?;
        tracing::info!(namespace = %name, "a namespace was removed");
        Ok(())
    }
}

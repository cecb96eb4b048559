//! A sandbox for many LSPs (`dev --hosted`): each has a namespace, which is a whole sandbox of its own.
//!
//! One process listens and keeps a control database; every namespace has a database, keys, a clock and an
//! [`App`](crate::app::App) of its own. What an LSP sees is its own because nothing else is in the database that its
//! requests reach, not because a query was written with care. A namespace that is not used sleeps: its database is kept,
//! its connections and tasks are not.
//!
//! A request begins its path with the namespace's name, or its host name with it: `dispatch` finds whose it is, checks
//! token and pace, wakes the namespace and passes the rest of the path to its own routers, so that whatever the sandbox
//! serves is served here too.

mod databases;
mod dispatch;
mod error;
mod http;
mod invites;
mod keeper;
mod make;
mod name;
mod page;
mod slot;
mod store;
mod token;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use futures_util::future::{BoxFuture, join_all};
use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use self::databases::Databases;
pub use self::error::HostError;
use self::name::Name;
use self::slot::Slot;
use self::token::Digest;
use crate::app::SharedApp;
use crate::config::{Config, HostedConfig};
use crate::rate::Limiter;

/// Clock moves under way at a time, over all namespaces: one of sixty years keeps a core busy for a while.
const CLOCK_MOVES: usize = 2;

/// Builds what a namespace runs: migrates its database, opens its directory, starts its background work.
pub trait Launch: Send + Sync {
    /// An app of this configuration, at work.
    fn launch(&self, config: Config, kid: String) -> BoxFuture<'_, Result<SharedApp, HostError>>;
}

/// What a host is started with.
pub struct Start {
    /// The control database, and all that the host's own routes need.
    pub app: SharedApp,
    /// How namespaces are started.
    pub launch: Arc<dyn Launch>,
    /// The host's token.
    pub token: SecretString,
}

/// The process that serves all namespaces.
pub struct Host {
    app: SharedApp,
    settings: HostedConfig,
    data_dir: PathBuf,
    launch: Arc<dyn Launch>,
    token: Digest,
    databases: Databases,
    slots: RwLock<HashMap<Name, Arc<Slot>>>,
    /// One for each namespace that may be awake.
    places: Arc<Semaphore>,
    rates: Limiter,
    clock_moves: Semaphore,
    /// Namespaces are made and deleted one after the other.
    making: Mutex<()>,
    /// Where callbacks to built-in inboxes are taken, within this machine.
    inbox: SocketAddr,
    /// Below which host names each namespace has one of its own.
    domains: Vec<String>,
    begun: Instant,
}

/// The host as tasks hold it.
pub type SharedHost = Arc<Host>;

impl Host {
    /// Takes up the namespaces that there are, ends what a crash interrupted, and makes the template for new ones.
    ///
    /// # Errors
    /// When another host serves them already, or the database fails.
    pub async fn start(start: Start, inbox: SocketAddr) -> Result<SharedHost, HostError> {
        let Start { app, launch, token } = start;
        let sandbox = app.config.sandbox.clone().ok_or(HostError::NotHosted)?;
        let settings = sandbox.hosted.ok_or(HostError::NotHosted)?;
        let databases = Databases::open(&app.config).await?;
        databases.make_template().await?;
        let public =
            [settings.lsp_url.as_deref(), settings.admin_url.as_deref(), Some(app.config.borrower_url.as_str())];
        let host = Arc::new(Self {
            domains: dispatch::domains(public.into_iter().flatten()),
            places: Arc::new(Semaphore::new(settings.most_awake)),
            token: Digest::of(&token),
            settings,
            data_dir: sandbox.data_dir,
            launch,
            databases,
            slots: RwLock::default(),
            rates: Limiter::default(),
            clock_moves: Semaphore::new(CLOCK_MOVES),
            making: Mutex::new(()),
            inbox,
            begun: Instant::now(),
            app,
        });
        host.take_up().await?;
        host.app.tasks.spawn(keeper::run(Arc::clone(&host)));
        Ok(host)
    }

    async fn take_up(&self) -> Result<(), HostError> {
        let mut conn = self.app.pool.acquire().await?;
        let known = store::namespaces(&mut conn).await?;
        drop(conn);
        for row in known {
            if row.state == store::READY {
                self.slots_mut(|slots| slots.insert(row.name.clone(), Arc::new(Slot::asleep(row, self.begun))));
            } else {
                tracing::warn!(namespace = %row.name, state = row.state, "a namespace was left half made: it is removed");
                self.remove(&row.name).await?;
            }
        }
        Ok(())
    }

    /// How many namespaces there are.
    pub fn count(&self) -> usize {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Puts every namespace to sleep: for the end.
    pub async fn stop(&self) {
        let sleeping = join_all(self.all().into_iter().map(|slot| async move { slot.put_to_sleep(&self.app).await }));
        if timeout(self.app.config.drain * 2, sleeping).await.is_err() {
            tracing::warn!("not every namespace could be put to sleep in time; leases take care of the rest");
        }
    }

    /// Public address of the host's own routes.
    fn admin_url(&self) -> String {
        self.settings.admin_url.clone().unwrap_or_else(|| reachable(self.app.config.listen.admin))
    }

    fn find(&self, name: &Name) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn all(&self) -> Vec<Arc<Slot>> {
        let mut all: Vec<_> = self.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn slots_mut<T>(&self, change: impl FnOnce(&mut HashMap<Name, Arc<Slot>>) -> T) -> T {
        change(&mut self.slots.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Public addresses of a namespace, without a slash at their ends.
    fn addresses(&self, name: &Name) -> Addresses {
        let lsp = self.settings.lsp_url.clone().unwrap_or_else(|| reachable(self.app.config.listen.lsp));
        Addresses {
            lsp: format!("{lsp}/{name}"),
            admin: format!("{}/{name}", self.admin_url()),
            borrower: format!("{}/{name}", self.app.config.borrower_url),
        }
    }

    /// Where a namespace's operators find it by a host name of its own: pages whose links begin at the root need that.
    /// None where the public address has no name.
    fn own_origin(&self, name: &Name) -> Option<String> {
        let mut url: Url = self.admin_url().parse().ok()?;
        let address = url.host_str()?.trim_matches(['[', ']']).parse::<IpAddr>();
        let domain = match (url.domain(), address) {
            (Some(domain), _) => domain.to_owned(),
            (None, Ok(address)) if address.is_loopback() => "localhost".to_owned(),
            _ => return None,
        };
        url.set_host(Some(&format!("{name}.{domain}"))).ok()?;
        Some(url.origin().ascii_serialization())
    }
}

/// The address of a listener as a client on this machine can use it.
fn reachable(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

/// Where a namespace is.
struct Addresses {
    lsp: String,
    admin: String,
    borrower: String,
}

pub use self::dispatch::{admin_router, borrower_router, inbox_router, lsp_router};

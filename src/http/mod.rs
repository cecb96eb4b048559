//! HTTP: listeners, bounds, health and the operators' API. Knows nothing of what OCEN messages say.

// The LSP listener.
pub mod body; // reads bodies within bounds of size, time and memory
pub mod docs; // the description of what is served, for programs and people
mod guides; // `/docs/guides`
pub mod health; // health, public keys, the description: what needs no signature
pub mod intake; // the one handler behind every OCEN path
pub mod origin; // whom a request comes from: address and client certificate
mod rehearsal; // what the sandbox does to a request on its way in
pub mod room; // memory for bodies, and who may have how much of it

// The other listeners.
pub mod admin; // the operators' API
pub mod borrower; // borrowers' pages
pub mod metrics; // `GET /metrics`
pub mod ports; // later answers of the lender's systems

// Around every request.
pub mod connections; // accepts connections and serves them with bounds
pub mod layers; // log line, metrics, trace, and panics kept to one request
mod places; // who may have a connection when there are no more
pub mod problem; // problem details, the errors of our own endpoints
pub mod traffic; // takes what was counted into the database

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use tokio::net::TcpListener;

use self::connections::Bounds;
use self::intake::Intake;
use crate::app::SharedApp;
use crate::config::{Listen, ListenerTls, TlsConfig};
use crate::telemetry::metrics::Metrics;
use crate::tls::TlsError;
use crate::tls::incoming::Incoming;
use crate::tls::watch::watch;

/// The sockets of a server, bound before anything starts.
#[derive(Debug)]
pub struct Listeners {
    /// For LSPs.
    pub lsp: TcpListener,
    /// For borrowers' pages.
    pub borrower: TcpListener,
    /// For operators.
    pub admin: TcpListener,
    /// Their certificates; none speaks plain HTTP.
    pub tls: Certificates,
}

/// What the listeners show of themselves, where they speak TLS.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// To LSPs.
    pub lsp: Option<Arc<Incoming>>,
    /// To borrowers.
    pub borrower: Option<Arc<Incoming>>,
    /// To operators.
    pub admin: Option<Arc<Incoming>>,
}

impl Certificates {
    /// Reads what is configured.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn load(config: &TlsConfig) -> Result<Self, TlsError> {
        let load = |settings: Option<ListenerTls>| settings.map(Incoming::load).transpose();
        Ok(Self {
            lsp: load(config.lsp.clone())?.map(Arc::new),
            borrower: load(config.borrower.clone().map(ListenerTls::from))?.map(Arc::new),
            admin: load(config.admin.clone())?.map(Arc::new),
        })
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Incoming>> {
        self.named().map(|(_, listener)| listener)
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &Arc<Incoming>)> {
        let listeners = [("lsp", &self.lsp), ("borrower", &self.borrower), ("admin", &self.admin)];
        listeners.into_iter().filter_map(|(name, listener)| Some((name, listener.as_ref()?)))
    }

    /// Tells until when they are good.
    fn tell(&self, metrics: &Metrics) {
        for (name, listener) in self.named() {
            if let Some(expiry) = listener.expiry() {
                metrics.certificate_expiry(name, expiry);
            }
        }
    }

    /// Reads all of them again; one that cannot be used stays as it was, and the log says so.
    fn reload(&self) {
        for listener in self.all() {
            match listener.reload() {
                Ok(()) => tracing::info!(files = ?listener.files(), "certificate read again"),
                Err(error) => tracing::error!(%error, "a certificate stays as it was: the new one cannot be used"),
            }
        }
    }
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({flag}): {source}")]
pub struct BindError {
    address: SocketAddr,
    flag: &'static str,
    source: io::Error,
}

impl Listeners {
    /// Binds all addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// [`BindError`], which names the address and the flag that gives another.
    pub async fn bind(listen: &Listen) -> Result<Self, BindError> {
        Ok(Self {
            lsp: bind(listen.lsp, "--listen").await?,
            borrower: bind(listen.borrower, "--borrower-listen").await?,
            admin: bind(listen.admin, "--admin-listen").await?,
            tls: Certificates::default(),
        })
    }

    /// The same listeners, with the certificates that are configured for them.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn secured(self, config: &TlsConfig) -> Result<Self, TlsError> {
        Ok(Self { tls: Certificates::load(config)?, ..self })
    }

    /// The addresses that were in fact bound.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn addresses(&self) -> io::Result<Listen> {
        Ok(Listen {
            lsp: self.lsp.local_addr()?,
            borrower: self.borrower.local_addr()?,
            admin: self.admin.local_addr()?,
        })
    }
}

async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, flag, source })
}

/// Routes that other modules put onto the listeners.
#[derive(Debug, Default)]
pub struct Extra {
    /// Onto the operators' listener, behind its token: sandbox calls.
    pub admin: Router,
    /// Onto the operators' listener, in front of its token: pages that hold no data.
    pub pages: Router,
    /// Onto the borrowers' listener.
    pub borrower: Router,
}

/// The LSP listener's routes.
pub fn lsp_router(app: &SharedApp) -> Router {
    // People who open the bare address are led to what they can read.
    let front = get(|| async { Redirect::temporary("/docs") }).fallback(intake::receive);
    let intake = Router::new().route("/", front).fallback(intake::receive).with_state(Intake::new(Arc::clone(app)));
    layers::around(intake.merge(health::router(Arc::clone(app))), Arc::clone(app), "lsp")
}

/// The operators' routes.
pub fn admin_router(app: &SharedApp, extra: Router, pages: Router) -> Router {
    layers::around(admin::router(app, extra).merge(pages), Arc::clone(app), "admin")
}

/// The borrowers' routes.
pub fn borrower_router(app: &SharedApp, extra: Router) -> Router {
    let pages = borrower::router(app).merge(extra).merge(health::probes(Arc::clone(app)));
    layers::around(pages, Arc::clone(app), "borrower")
}

/// What the listeners serve.
#[derive(Debug)]
pub struct Routers {
    /// To LSPs.
    pub lsp: Router,
    /// To borrowers.
    pub borrower: Router,
    /// To operators.
    pub admin: Router,
}

/// Serves all listeners until the app stops, and reads their certificates again when they change.
pub async fn serve(app: SharedApp, listeners: Listeners, extra: Extra) {
    let routers = Routers {
        lsp: lsp_router(&app),
        borrower: borrower_router(&app, extra.borrower),
        admin: admin_router(&app, extra.admin, extra.pages),
    };
    serve_routers(app, listeners, routers).await;
}

/// The same with other routers: `app` is the one whose end is theirs.
pub async fn serve_routers(app: SharedApp, listeners: Listeners, routers: Routers) {
    let Listeners { lsp, borrower, admin, tls } = listeners;
    let files = tls.all().flat_map(|listener| listener.files()).collect();
    tls.tell(&app.metrics);
    let (watched, told) = (tls.clone(), Arc::clone(&app));
    app.tasks.spawn(watch(files, app.stop.clone(), move || {
        watched.reload();
        watched.tell(&told.metrics);
    }));
    app.tasks.spawn(metrics::keep(Arc::clone(&app)));
    app.tasks.spawn(traffic::keep(Arc::clone(&app)));
    let door = |listener, tls, bench| connections::Door { listener, tls, bench, bounds: Bounds::default() };
    let lsp = connections::serve(Arc::clone(&app), door(lsp, tls.lsp, app.bench.clone()), routers.lsp);
    let admin = connections::serve(Arc::clone(&app), door(admin, tls.admin, None), routers.admin);
    let borrower = connections::serve(app, door(borrower, tls.borrower, None), routers.borrower);
    tokio::join!(lsp, admin, borrower);
}

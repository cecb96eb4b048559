//! HTTP: listeners, bounds, health and the operators' API. Knows nothing of what OCEN messages say.

pub mod admin;
pub mod body;
pub mod borrower;
pub mod connections;
pub mod docs;
pub mod health;
pub mod intake;
pub mod layers;
pub mod metrics;
pub mod ports;
pub mod problem;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use self::intake::Intake;
use crate::app::SharedApp;
use crate::config::Listen;

/// The sockets of a server, bound before anything starts.
#[derive(Debug)]
pub struct Listeners {
    /// For LSPs.
    pub lsp: TcpListener,
    /// For borrowers' pages.
    pub borrower: TcpListener,
    /// For operators.
    pub admin: TcpListener,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl Listeners {
    /// Binds all addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// [`BindError`], which names the address.
    pub async fn bind(listen: &Listen) -> Result<Self, BindError> {
        Ok(Self {
            lsp: bind(listen.lsp).await?,
            borrower: bind(listen.borrower).await?,
            admin: bind(listen.admin).await?,
        })
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

async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Routes that other modules put onto the listeners.
#[derive(Debug, Default)]
pub struct Extra {
    /// Onto the operators' listener, behind its token: sandbox calls, metrics, console.
    pub admin: Router,
    /// Onto the borrowers' listener.
    pub borrower: Router,
}

/// The LSP listener's routes.
pub fn lsp_router(app: &SharedApp) -> Router {
    let intake = Router::new().fallback(intake::receive).with_state(Intake::new(Arc::clone(app)));
    layers::around(intake.merge(health::router(Arc::clone(app))), Arc::clone(app), "lsp")
}

/// The operators' routes.
pub fn admin_router(app: &SharedApp, extra: Router) -> Router {
    layers::around(admin::router(app, extra), Arc::clone(app), "admin")
}

/// The borrowers' routes.
pub fn borrower_router(app: &SharedApp, extra: Router) -> Router {
    let pages = borrower::router(app).merge(extra).merge(health::probes(Arc::clone(app)));
    layers::around(pages, Arc::clone(app), "borrower")
}

/// Serves all listeners until the app stops.
pub async fn serve(app: SharedApp, listeners: Listeners, extra: Extra) {
    app.tasks.spawn(metrics::keep(Arc::clone(&app)));
    let lsp = connections::serve(Arc::clone(&app), listeners.lsp, lsp_router(&app));
    let admin = connections::serve(Arc::clone(&app), listeners.admin, admin_router(&app, extra.admin));
    let router = borrower_router(&app, extra.borrower);
    let borrower = connections::serve(app, listeners.borrower, router);
    tokio::join!(lsp, admin, borrower);
}

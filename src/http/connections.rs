//! Accepts connections and serves them with bounds, until told to stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use hyper::Request;
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::app::{Bench, SharedApp};
use crate::tls::incoming::Incoming;
use crate::tls::peer::{ClientCertificate, Peer};

/// Connections of one listener; more wait in the kernel's queue.
const CONNECTIONS: usize = 1_000;
/// How long a client may take for a request's headers; also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a connection that came in with the end is given to send its request.
const LATE: Duration = Duration::from_millis(500);
/// After a failed accept, which comes from a lack of file descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a client may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the sandbox may look whether a connection is to be refused.
const LOOK: Duration = Duration::from_millis(500);

/// Where connections come in.
pub struct Door {
    /// Bound.
    pub listener: TcpListener,
    /// Without it requests come in the clear.
    pub tls: Option<Arc<Incoming>>,
    /// Who may refuse connections on purpose, at the LSPs' door of the sandbox.
    pub bench: Option<Arc<dyn Bench>>,
}

/// Serves `router` at a door until the app stops; connections then end after the request they are at. Those that
/// the kernel had taken by then are still answered.
pub async fn serve(app: SharedApp, door: Door, router: Router) {
    let Door { listener, tls, bench } = door;
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        if let Some((stream, place)) = accepted {
            let stop = app.stop.clone();
            let router = router.clone();
            let acceptor = tls.as_ref().map(|tls| tls.acceptor());
            let refused = refused(bench.clone(), app.clock.now());
            app.tasks.spawn(async move {
                if !refused.await {
                    connection(stream, acceptor, router, stop.cancelled_owned()).await;
                }
                drop(place);
            });
        }
    }
    while let Some(Some((stream, place))) = accept(&listener, &connections).now_or_never() {
        let router = router.clone();
        let acceptor = tls.as_ref().map(|tls| tls.acceptor());
        app.tasks.spawn(async move {
            connection(stream, acceptor, router, tokio::time::sleep(LATE)).await;
            drop(place);
        });
    }
}

/// Whether the sandbox refuses a connection on purpose; when it cannot tell in time, it does not.
async fn refused(bench: Option<Arc<dyn Bench>>, now: DateTime<Utc>) -> bool {
    let Some(bench) = bench else { return false };
    matches!(timeout(LOOK, bench.refuses_connection(now)).await, Ok(Ok(true)))
}

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Serves one connection; from `stop` on it ends as soon as it has no request.
async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, router: Router, stop: impl Future<Output = ()>) {
    // An ack is one small write; waiting to fill a packet only delays it.
    let _ = stream.set_nodelay(true);
    let Ok(address) = stream.peer_addr() else {
        return;
    };
    let mut peer = Peer { address: address.ip(), certificate: None };
    let Some(acceptor) = acceptor else {
        return requests(stream, peer, router, stop).await;
    };
    let mut stop = pin!(stop);
    let shaken = tokio::select! {
        () = stop.as_mut() => return,
        shaken = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)) => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            peer.certificate = shown.map(|certificate| ClientCertificate::from_der(certificate));
            requests(stream, peer, router, stop).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a connection could not agree on TLS"),
        Err(_) => tracing::debug!("a connection took too long to agree on TLS"),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Body>| {
        request.extensions_mut().insert(peer.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

//! Accepts connections and serves them with bounds, until told to stop.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, TryFutureExt as _};
use hyper::Request;
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::origin::neighbourhood;
use super::places::{Coming, Going, Place, Places, Seat};
use crate::app::{Bench, SharedApp};
use crate::tls::incoming::Incoming;
use crate::tls::peer::{ClientCertificate, Peer};

/// Connections of one listener. Who comes when all are taken has one closed that waits for its client.
const CONNECTIONS: usize = 1_000;
/// How long a new connection may take for TLS and the headers of its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// How long a client may take for a request's headers; also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a connection that came in with the end is given to send its request.
const LATE: Duration = Duration::from_millis(500);
/// After a failed accept, which comes from a lack of file descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
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
    /// What clients are let have of it.
    pub bounds: Bounds,
}

/// What clients may have of a listener.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at a time.
    pub connections: usize,
    /// How long a new connection may take for TLS and the headers of its first request.
    pub first_request: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: CONNECTIONS, first_request: FIRST_REQUEST }
    }
}

/// Serves `router` at a door until the app stops; connections then end after the request they are at. Those that
/// the kernel had taken by then are still answered.
pub async fn serve(app: SharedApp, door: Door, router: Router) {
    let Door { listener, tls, bench, bounds } = door;
    let places = Places::new(bounds.connections);
    let whose = |address: IpAddr| (!app.config.proxy.trusts(address)).then(|| neighbourhood(address));
    let guest = |(stream, address): Accepted, permit| Guest {
        stream,
        address,
        place: places.take(permit, whose(address)),
        first_request: bounds.first_request,
        acceptor: tls.as_ref().map(|tls| tls.acceptor()),
        router: router.clone(),
    };
    let mut late = None;
    loop {
        let accepted = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let Some(accepted) = accepted else { continue };
        let permit = tokio::select! {
            permit = places.free() => permit,
            () = app.stop.cancelled() => {
                late = Some(accepted);
                break;
            }
        };
        let Some(permit) = permit else { continue };
        let stop = app.stop.clone();
        let guest = guest(accepted, permit);
        let refused = refused(bench.clone(), app.clock.now());
        app.tasks.spawn(async move {
            if !refused.await {
                guest.serve(stop.cancelled_owned()).await;
            }
        });
    }
    while let Some(accepted) = late.take().or_else(|| accept(&listener).now_or_never().flatten()) {
        let Some(Some(permit)) = places.free().now_or_never() else { break };
        app.tasks.spawn(guest(accepted, permit).serve(tokio::time::sleep(LATE)));
    }
}

/// Whether the sandbox refuses a connection on purpose; when it cannot tell in time, it does not.
async fn refused(bench: Option<Arc<dyn Bench>>, now: DateTime<Utc>) -> bool {
    let Some(bench) = bench else { return false };
    matches!(timeout(LOOK, bench.refuses_connection(now)).await, Ok(Ok(true)))
}

type Accepted = (TcpStream, IpAddr);

async fn accept(listener: &TcpListener) -> Option<Accepted> {
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, address.ip())),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// A connection, and what it is served with.
struct Guest {
    stream: TcpStream,
    address: IpAddr,
    place: Place,
    first_request: Duration,
    acceptor: Option<TlsAcceptor>,
    router: Router,
}

impl Guest {
    /// Serves it; from `stop` on it ends as soon as it has no request, and before then when it is not wanted any more.
    async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { stream, address, place, first_request, acceptor, router } = self;
        let seat = Arc::clone(&place.seat);
        let peer = Peer { address, certificate: None };
        tokio::select! {
            () = connection((stream, peer), acceptor, (router, Arc::clone(&seat)), stop) => {}
            why = seat.unwanted(first_request) => tracing::debug!(why, "a connection is closed"),
        }
    }
}

async fn connection(
    (stream, mut peer): (TcpStream, Peer),
    acceptor: Option<TlsAcceptor>,
    service: (Router, Arc<Seat>),
    stop: impl Future<Output = ()>,
) {
    // An ack is one small write; waiting to fill a packet only delays it.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return requests(stream, peer, service, stop).await;
    };
    let mut stop = pin!(stop);
    let shaken = tokio::select! {
        () = stop.as_mut() => return,
        shaken = acceptor.accept(stream) => shaken,
    };
    match shaken {
        Ok(stream) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            peer.certificate = shown.map(|certificate| ClientCertificate::from_der(certificate));
            requests(stream, peer, service, stop).await;
        }
        Err(error) => tracing::debug!(%error, "a connection could not agree on TLS"),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    (router, seat): (Router, Arc<Seat>),
    stop: impl Future<Output = ()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Body>| {
        seat.spoke();
        let mut request = request.map(|body| Coming::new(body, Arc::clone(&seat)));
        request.extensions_mut().insert(peer.clone());
        let (answer, seat) = (router.call(request), Arc::clone(&seat));
        answer.map_ok(move |response| response.map(|body| Going::new(body, seat)))
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

//! Accepts connections and serves them with bounds, until told to stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::SharedApp;

/// Connections of one listener; more wait in the kernel's queue.
const CONNECTIONS: usize = 1_000;
/// How long a client may take for a request's headers; also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a connection that came in with the end is given to send its request.
const LATE: Duration = Duration::from_millis(500);
/// After a failed accept, which comes from a lack of file descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until the app stops; connections then end after the request they are at. Those that
/// the kernel had taken by then are still answered.
pub async fn serve(app: SharedApp, listener: TcpListener, router: Router) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        if let Some((stream, place)) = accepted {
            let stop = app.stop.clone();
            let router = router.clone();
            app.tasks.spawn(async move {
                connection(stream, router, stop.cancelled_owned()).await;
                drop(place);
            });
        }
    }
    while let Some(Some((stream, place))) = accept(&listener, &connections).now_or_never() {
        let router = router.clone();
        app.tasks.spawn(async move {
            connection(stream, router, tokio::time::sleep(LATE)).await;
            drop(place);
        });
    }
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
async fn connection(stream: TcpStream, router: Router, stop: impl Future<Output = ()>) {
    // An ack is one small write; waiting to fill a packet only delays it.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
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

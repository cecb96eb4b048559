//! Runs a built app: listeners, delivery and the lender's systems, until told to stop.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::CliError;
use crate::app::SharedApp;
use crate::http::{Extra, Listeners};
use crate::tls::watch::watch;
use crate::{audit, delivery, engine, http, keep};

/// How long the last connections to the database may take to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A token that is cancelled by SIGTERM or SIGINT.
///
/// # Errors
/// When the operating system takes no handler.
pub fn stop_on_signals() -> Result<CancellationToken, CliError> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let signalled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        signalled.cancel();
    });
    Ok(stop)
}

/// Serves everything until `app.stop` is cancelled, then ends what was begun within the drain time.
///
/// # Errors
/// [`CliError::TaskFailed`] when a background task ended before it was told to: without it the server would accept
/// and never answer.
pub async fn serve_all(app: SharedApp, listeners: Listeners, extra: Extra) -> Result<(), CliError> {
    let failed = background(&app);
    http::serve(Arc::clone(&app), listeners, extra).await;
    end(&app).await;
    if failed.load(Ordering::Relaxed) { Err(CliError::TaskFailed) } else { Ok(()) }
}

/// Lets the tasks end, within the drain time, and the connections to the database after them.
pub(super) async fn end(app: &SharedApp) {
    app.tasks.close();
    if timeout(app.config.drain, app.tasks.wait()).await.is_err() {
        tracing::warn!(tasks = app.tasks.len(), "not everything ended in time; leases take care of the rest");
    }
    // What still hangs is cut with the process.
    let _ = timeout(CLOSE_TIMEOUT, app.pool.close()).await;
}

/// Starts all that an app does by itself. Gives what is set when a task ended before it was told to; the app is stopped
/// then.
pub(super) fn background(app: &SharedApp) -> Arc<AtomicBool> {
    let failed = Arc::new(AtomicBool::new(false));
    if !app.config.delivery.paused {
        essential(app, &failed, "delivery", {
            let app = Arc::clone(app);
            async move {
                if let Err(error) = delivery::run(app).await {
                    tracing::error!(%error, "delivery cannot start");
                }
            }
        });
        essential(app, &failed, "engine", engine::fire::run(Arc::clone(app)));
    }
    let ports = Arc::clone(app);
    app.tasks.spawn(watch(app.ports.files(), app.stop.clone(), move || ports.ports.reload()));
    essential(app, &failed, "filing", engine::run_groups(Arc::clone(app)));
    essential(app, &failed, "release", engine::run_release(Arc::clone(app)));
    essential(app, &failed, "day-end", engine::day_end::run(Arc::clone(app)));
    essential(app, &failed, "keep", keep::run(Arc::clone(app)));
    essential(app, &failed, "ledger", engine::ledger::run(Arc::clone(app)));
    essential(app, &failed, "audit-anchor", audit::anchor::run(Arc::clone(app)));
    failed
}

/// Spawns a task whose early end ends the server, so that whoever watches it starts it again.
fn essential(
    app: &SharedApp,
    failed: &Arc<AtomicBool>,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let stop = app.stop.clone();
    let failed = Arc::clone(failed);
    app.tasks.spawn(async move {
        let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
        if panicked || !stop.is_cancelled() {
            tracing::error!(task = name, panicked, "a background task ended");
            failed.store(true, Ordering::Relaxed);
            stop.cancel();
        }
    });
}

/// Stops the app when `stop` is cancelled. Readiness says so first, and everything is served on for the configured
/// grace, in which balancers send new requests elsewhere.
pub fn end_with(app: &SharedApp, stop: CancellationToken) {
    let ending = Arc::clone(app);
    app.tasks.spawn(async move {
        tokio::select! {
            () = ending.stop.cancelled() => return,
            () = stop.cancelled() => {}
        }
        ending.draining.cancel();
        ending.metrics.draining();
        tracing::info!(grace_seconds = ending.config.drain_grace.as_secs(), "draining");
        tokio::select! {
            () = ending.stop.cancelled() => {}
            () = tokio::time::sleep(ending.config.drain_grace) => ending.stop.cancel(),
        }
    });
}

//! `GET /metrics` on the operators' listener, for Prometheus.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::problem::no_such_method;
use crate::app::{App, SharedApp};
use crate::lender::PORTS;
use crate::lender::gate::Breaker;
use crate::store::watch::{self, Asked, Behind, Feed, Outbox, Referred};
use crate::store::{StoreError, ask};
use crate::telemetry::names::{
    ASKS, ASKS_OLDEST_AGE, ASKS_OVERDUE, CALLBACKS_OLDEST_AGE, CALLBACKS_PARKED, CALLBACKS_PENDING, CLOCK_DRIFT,
    DATABASE_CONNECTIONS, DATABASE_LIMIT, DATABASE_UP, DAY_END_BEHIND, DAY_END_LAG, DECISIONS, DECISIONS_OLDEST_AGE,
    LEDGER_DIFFERENCES, LEDGER_FEED_LAG, LEDGER_SET_ASIDE, SEAL_KEY_ID, TIMERS_OVERDUE,
};

/// The text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The database is looked at no more often, however many scrape.
const FRESH: Duration = Duration::from_secs(5);
/// How long that look may take; without it the metrics of this process are told all the same.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often samples are put into their buckets.
const TIDY: Duration = Duration::from_secs(5);
/// States of a question that is not answered.
const STATES: [&str; 3] = ["OPEN", "SENDING", "STUCK"];

/// States of a decision that waits for people.
const UNDECIDED: [&str; 2] = ["WAITING", "PROPOSED"];

/// When the database was looked at.
#[derive(Debug, Clone, Default)]
struct Looked(Arc<Mutex<Option<Instant>>>);

/// The route; who may call it is the operators' guard's business.
pub fn router(app: SharedApp) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(Looked::default()))
        .with_state(app)
}

/// Everything, in Prometheus' text format.
async fn show(State(app): State<SharedApp>, Extension(looked): Extension<Looked>) -> impl IntoResponse {
    let mut last = looked.0.lock().await;
    if last.is_none_or(|at| at.elapsed() >= FRESH) {
        look(&app).await;
        *last = Some(Instant::now());
    }
    drop(last);
    tell_process(&app);
    ([(CONTENT_TYPE, TEXT)], app.metrics.render())
}

/// Puts samples into their buckets until the app stops, so that they do not pile up when nobody scrapes.
pub async fn keep(app: SharedApp) {
    while !app.stop.is_cancelled() {
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(TIDY) => app.metrics.tidy(),
        }
    }
}

async fn look(app: &App) {
    let seen = match timeout(LOOK_TIMEOUT, read(app)).await {
        Ok(Ok(seen)) => Some(seen),
        Ok(Err(error)) => {
            tracing::warn!(%error, "queues were not read for the metrics");
            None
        }
        Err(_) => {
            tracing::warn!("queues were not read for the metrics in time");
            None
        }
    };
    app.metrics.set(&DATABASE_UP, &[], if seen.is_some() { 1.0 } else { 0.0 });
    // What was seen before stays: a gap in the database's answers is no empty queue.
    if let Some(seen) = seen {
        seen.tell(app);
    }
}

/// What one look at the database saw.
struct Seen {
    drift: TimeDelta,
    outboxes: Vec<Outbox>,
    asked: Vec<Asked>,
    behind: Behind,
    referred: Vec<Referred>,
    feed: Feed,
}

async fn read(app: &App) -> Result<Seen, StoreError> {
    let mut conn = app.pool.acquire().await?;
    let sent = app.clock.wall();
    let theirs = watch::clock(&mut conn).await?;
    // Between question and answer, as the database's reading is.
    let ours = sent + (app.clock.wall() - sent) / 2;
    Ok(Seen {
        drift: theirs - ours,
        outboxes: watch::outboxes(&mut conn).await?,
        asked: watch::asked(&mut conn).await?,
        behind: watch::behind(&mut conn, app.clock.today()).await?,
        referred: watch::referred(&mut conn).await?,
        feed: watch::feed(&mut conn).await?,
    })
}

impl Seen {
    fn tell(&self, app: &App) {
        let (metrics, now) = (&app.metrics, app.clock.now());
        metrics.set(&CLOCK_DRIFT, &[], seconds(self.drift));
        for Outbox { org_id, pending, parked, oldest } in &self.outboxes {
            metrics.set(&CALLBACKS_PENDING, &[org_id], number(*pending));
            metrics.set(&CALLBACKS_PARKED, &[org_id], number(*parked));
            metrics.set(&CALLBACKS_OLDEST_AGE, &[org_id], oldest.map_or(0.0, |at| since(at, now)));
        }
        for port in PORTS {
            self.tell_port(app, port, now);
        }
        for state in UNDECIDED {
            let found = self.referred.iter().find(|referred| referred.state == state);
            metrics.set(&DECISIONS, &[state], found.map_or(0.0, |referred| number(referred.number)));
            let age = found.map_or(0.0, |referred| since(referred.oldest, now));
            metrics.set(&DECISIONS_OLDEST_AGE, &[state], age);
        }
        metrics.set(&TIMERS_OVERDUE, &[], self.overdue(ask::TIMER, now));
        let lag = self.behind.first.map_or(0, |day| (app.clock.today() - day).num_days());
        metrics.set(&DAY_END_LAG, &[], number(lag));
        metrics.set(&DAY_END_BEHIND, &[], number(self.behind.loans));
        if app.ports.ledger().is_some() {
            metrics.set(&LEDGER_FEED_LAG, &[], self.feed.oldest.map_or(0.0, |at| since(at, now)));
            metrics.set(&LEDGER_SET_ASIDE, &[], number(self.feed.set_aside));
        }
        if let Some(differences) = self.feed.differences {
            metrics.set(&LEDGER_DIFFERENCES, &[], number(differences));
        }
    }

    fn tell_port(&self, app: &App, port: &str, now: DateTime<Utc>) {
        for state in STATES {
            let found = self.asked.iter().find(|asked| asked.port == port && asked.state == state);
            app.metrics.set(&ASKS, &[port, state], found.map_or(0.0, |asked| number(asked.number)));
            let age = found.map_or(0.0, |asked| since(asked.oldest, now));
            app.metrics.set(&ASKS_OLDEST_AGE, &[port, state], age);
        }
        app.metrics.set(&ASKS_OVERDUE, &[port], self.overdue(port, now));
    }

    /// What is stuck is not late: nobody works on it.
    fn overdue(&self, port: &str, now: DateTime<Utc>) -> f64 {
        let waiting = self.asked.iter().filter(|asked| asked.port == port && asked.state != "STUCK");
        waiting.map(|asked| asked.first_due).min().map_or(0.0, |due| since(due, now))
    }
}

fn tell_process(app: &App) {
    let (size, idle) = (app.pool.size(), u32::try_from(app.pool.num_idle()).unwrap_or(u32::MAX));
    app.metrics.set(&DATABASE_CONNECTIONS, &["in_use"], f64::from(size.saturating_sub(idle)));
    app.metrics.set(&DATABASE_CONNECTIONS, &["idle"], f64::from(idle));
    app.metrics.set(&DATABASE_LIMIT, &[], f64::from(app.config.database.max_connections));
    for port in app.ports.health() {
        app.metrics.breaker(port.port, port.breaker != Breaker::Closed);
    }
    if let Some(key) = app.sealer.active_key_id() {
        app.metrics.set(&SEAL_KEY_ID, &[], f64::from(key));
    }
}

/// Counts are far below the 2^53 that a float holds exactly.
fn number(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

fn since(at: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    seconds((now - at).max(TimeDelta::zero()))
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}

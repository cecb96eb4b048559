//! The console's first page in one answer: counts, traffic, what happened lately. Five queries over indexes, each bounded.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::caller::{Caller, Kind};
use super::timeline::kind_of;
use super::whoami;
use crate::app::{App, SharedApp};
use crate::config::Mode;
use crate::domain::application::stage::STAGES;
use crate::domain::maths::money::Paise;
use crate::domain::personal::scrubbed;
use crate::http::problem::{Problem, Query};
use crate::store::console::{self, Recent, Tally, Waiting};
use crate::store::traffic::{self, Bucket};

/// How many buckets a chart has.
const BUCKETS: i64 = 60;
/// How many events are shown.
const RECENT: i64 = 20;

/// `GET /admin/overview`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewQuery {
    org_id: Option<String>,
    #[serde(default)]
    span: Span,
}

/// What the chart of traffic covers.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
pub enum Span {
    /// An hour, by the minute.
    #[default]
    #[serde(rename = "1h")]
    Hour,
    /// A day, by 24 minutes.
    #[serde(rename = "24h")]
    Day,
    /// A week, by 168 minutes.
    #[serde(rename = "7d")]
    Week,
}

impl Span {
    /// Length of a bucket, seconds.
    fn width(self) -> i64 {
        match self {
            Self::Hour => 60,
            Self::Day => 24 * 60,
            Self::Week => 168 * 60,
        }
    }
}

/// One bucket of traffic.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct BucketOut {
    at: DateTime<Utc>,
    requests: i64,
    refused: i64,
    callbacks: i64,
    failed_attempts: i64,
}

/// How everything stands, of one LSP or of all.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(query): Query<OverviewQuery>,
) -> Result<Json<Value>, Problem> {
    let org_id = caller.within(query.org_id);
    let org_id = org_id.as_deref();
    let width = query.span.width();
    let first = app.clock.wall().timestamp() / width * width - (BUCKETS - 1) * width;
    let since = DateTime::from_timestamp(first, 0).unwrap_or_default();
    let mut conn = app.pool.acquire().await?;
    let applications = console::applications(&mut conn, org_id, &STAGES).await?;
    let loans = console::loans(&mut conn, org_id).await?;
    let waiting = console::waiting(&mut conn, org_id).await?;
    let stored = traffic::buckets(&mut conn, org_id, (since, width)).await?;
    let recent = console::recent(&mut conn, org_id, &STAGES, RECENT).await?;
    drop(conn);
    let now = app.clock.now();
    // What a lender notes about an application is his own business; the sandbox keeps nothing from anybody.
    let tells = caller.kind != Kind::Link || app.config.mode == Mode::Dev;
    let recent = if tells { recent } else { Vec::new() };
    let outstanding: i64 = loans.iter().map(|tally| tally.amount).sum();
    Ok(Json(json!({
        "asOf": now,
        "businessDate": app.clock.today(),
        "mode": whoami::mode(app.config.mode),
        "applications": counts("byStage", "stage", &applications),
        "loans": with(counts("byStatus", "status", &loans), "outstanding", json!(Paise(outstanding).to_string())),
        "callbacks": callbacks(&waiting, now),
        "decisions": { "open": if tells { waiting.decisions } else { 0 } },
        "disputes": { "open": waiting.disputes },
        "unknownPayouts": if tells { waiting.payouts } else { 0 },
        "traffic": chart(&app, org_id, (first, width), stored),
        "recent": recent.iter().map(|event| happened(event, caller.sees_everything(&app))).collect::<Vec<_>>(),
    })))
}

/// `capped` says that there are more than were counted.
fn counts(list: &str, name: &str, tallies: &[Tally]) -> Value {
    let each: Vec<Value> = tallies.iter().map(|tally| json!({ name: tally.state, "count": tally.number })).collect();
    json!({
        "total": tallies.iter().map(|tally| tally.number).sum::<i64>(),
        "capped": tallies.iter().any(|tally| tally.capped),
        list: each,
    })
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
    value
}

fn callbacks(waiting: &Waiting, now: DateTime<Utc>) -> Value {
    json!({
        "pending": waiting.pending,
        "parked": waiting.parked,
        "oldestPendingSeconds": waiting.oldest.map(|at| (now - at).max(TimeDelta::zero()).num_seconds()),
    })
}

fn happened(event: &Recent, as_it_is: bool) -> Value {
    let (kind, detail) = kind_of(&event.what);
    json!({
        "at": event.happened_at,
        "orgId": event.org_id,
        "loanApplicationId": event.loan_application_id,
        "kind": kind,
        "detail": if as_it_is { detail.to_owned() } else { scrubbed(detail) },
    })
}

/// All buckets, with what this process has counted and not stored yet.
fn chart(app: &App, org_id: Option<&str>, (first, width): (i64, i64), stored: Vec<Bucket>) -> Vec<BucketOut> {
    let mut buckets: Vec<BucketOut> = (0..BUCKETS).map(|number| empty(first + number * width)).collect();
    let mut add = |at: i64, counts: (i64, i64, i64, i64)| {
        let place = usize::try_from((at - first).div_euclid(width)).ok();
        if let Some(bucket) = place.and_then(|place| buckets.get_mut(place)) {
            bucket.requests += counts.0;
            bucket.refused += counts.1;
            bucket.callbacks += counts.2;
            bucket.failed_attempts += counts.3;
        }
    };
    for bucket in stored {
        add(bucket.at, (bucket.requests, bucket.refused, bucket.callbacks, bucket.failed_attempts));
    }
    for ((at, whose), counts) in app.traffic.held() {
        if org_id.is_none_or(|org_id| org_id == whose) {
            add(at, (counts.requests, counts.refused, counts.callbacks, counts.failed_attempts));
        }
    }
    buckets
}

fn empty(at: i64) -> BucketOut {
    let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
    BucketOut { at, requests: 0, refused: 0, callbacks: 0, failed_attempts: 0 }
}

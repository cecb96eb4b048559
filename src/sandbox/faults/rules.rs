//! `POST /sandbox/faults`: rules by which messages are spoilt.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::store::{self, Rule};
use crate::app::{Direction, FAULTS, Fault, SharedApp};
use crate::protocol;
use crate::sandbox::problem::{Body, Path, Problem};

/// Most rules at a time.
const MOST_RULES: usize = 100;
/// Longest text to be matched.
const MOST_TEXT: usize = 128;
/// How late a message is when the rule does not say.
const DELAY_MS: i32 = 10_000;
/// How late it may be made: a callback by an hour, an ack by a minute.
const MOST_DELAY_MS: i32 = 3_600_000;
const MOST_ACK_DELAY_MS: i32 = 60_000;

/// A rule as a tester sets it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::sandbox) struct Wanted {
    #[serde(default)]
    r#match: Match,
    fault: String,
    /// How often at most; left out, without end.
    count: Option<i32>,
    /// Until when, by the business clock.
    until: Option<DateTime<Utc>>,
    /// For `delay` and `slowAck`.
    delay_ms: Option<i32>,
}

/// What a message must fit; what is left out fits all.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Match {
    org_id: Option<String>,
    operation: Option<String>,
    loan_application_id: Option<String>,
    nth: Option<i32>,
}

pub(in crate::sandbox) async fn add(
    State(app): State<SharedApp>,
    Body(wanted): Body<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let fault = check(&wanted)?;
    if fault == Fault::RefuseTls && app.config.delivery.inbox.is_some() {
        let detail =
            "connections of a hosted sandbox come in for all its namespaces; run one of your own to refuse them";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    if wanted.until.is_some_and(|until| until <= app.clock.now()) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "`until` is over by the sandbox's clock"));
    }
    let Match { org_id, operation, loan_application_id, nth } = wanted.r#match;
    let rule = Rule {
        fault_id: app.ids.uuid(),
        fault: fault.name().to_owned(),
        org_id,
        operation,
        loan_application_id,
        nth,
        most: wanted.count,
        until_at: wanted.until,
        delay_ms: wanted.delay_ms.unwrap_or(DELAY_MS),
        fitted: 0,
        injected: 0,
        created_at: app.clock.now(),
    };
    let mut tx = app.pool.begin().await?;
    if store::all(&mut tx).await?.len() >= MOST_RULES {
        return Err(Problem::new(StatusCode::CONFLICT, format!("there are {MOST_RULES} rules already; delete some")));
    }
    store::add(&mut tx, &rule).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(shown(&rule))))
}

/// The rules that stand, and the faults that there are.
pub(in crate::sandbox) async fn list(State(app): State<SharedApp>) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let rules: Vec<Value> = store::all(&mut conn).await?.iter().map(shown).collect();
    let faults: Vec<Value> = FAULTS
        .iter()
        .map(|fault| {
            let direction = if fault.direction() == Direction::Outgoing { "outgoing" } else { "incoming" };
            json!({ "fault": fault.name(), "direction": direction, "meaning": fault.meaning() })
        })
        .collect();
    Ok(Json(json!({ "items": rules, "nextCursor": null, "faults": faults })))
}

pub(in crate::sandbox) async fn remove(
    State(app): State<SharedApp>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut conn = app.pool.acquire().await?;
    match store::remove(&mut conn, Some(id)).await? {
        0 => Err(Problem::unknown("rule")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

pub(in crate::sandbox) async fn remove_all(State(app): State<SharedApp>) -> Result<StatusCode, Problem> {
    let mut conn = app.pool.acquire().await?;
    store::remove(&mut conn, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(wanted: &Wanted) -> Result<Fault, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let fault = Fault::named(&wanted.fault)
        .ok_or_else(|| bad(format!("there is no fault {}; GET /sandbox/faults lists them", wanted.fault)))?;
    let rule = &wanted.r#match;
    let texts = [&rule.org_id, &rule.operation, &rule.loan_application_id];
    if texts.into_iter().flatten().any(|text| text.is_empty() || text.len() > MOST_TEXT) {
        return Err(bad(format!("what is to be matched has 1 to {MOST_TEXT} characters")));
    }
    if fault == Fault::RefuseTls && texts.into_iter().any(Option::is_some) {
        return Err(bad("a connection is refused before it says whose it is: only `nth` can be matched".to_owned()));
    }
    if let Some(operation) = &rule.operation
        && protocol::find(operation).is_none()
    {
        return Err(bad(format!("there is no operation {operation}")));
    }
    if [rule.nth, wanted.count].into_iter().flatten().any(|number| number < 1) {
        return Err(bad("`nth` and `count` begin with 1".to_owned()));
    }
    let most = if fault.direction() == Direction::Outgoing { MOST_DELAY_MS } else { MOST_ACK_DELAY_MS };
    if wanted.delay_ms.is_some_and(|delay| !(0..=most).contains(&delay)) {
        return Err(bad(format!("`delayMs` of {} is 0 to {most}", fault.name())));
    }
    Ok(fault)
}

fn shown(rule: &Rule) -> Value {
    json!({
        "id": rule.fault_id,
        "match": {
            "orgId": rule.org_id,
            "operation": rule.operation,
            "loanApplicationId": rule.loan_application_id,
            "nth": rule.nth,
        },
        "fault": rule.fault,
        "count": rule.most,
        "until": rule.until_at,
        "delayMs": rule.delay_ms,
        "fitted": rule.fitted,
        "injected": rule.injected,
        "createdAt": rule.created_at,
    })
}

/// What is known of a message that rules may fit.
pub(super) struct Facts<'a> {
    pub(super) org_id: Option<&'a str>,
    pub(super) operation: &'a str,
    pub(super) applications: Vec<&'a str>,
}

impl Facts<'_> {
    fn fit(&self, rule: &Rule) -> bool {
        rule.org_id.as_deref().is_none_or(|org| self.org_id == Some(org))
            && rule.operation.as_deref().is_none_or(|operation| operation == self.operation)
            && rule.loan_application_id.as_deref().is_none_or(|name| self.applications.contains(&name))
    }
}

/// Counts a message for the rules that it fits; gives the faults that strike, with how late they make it.
pub(super) async fn strike(
    conn: &mut PgConnection,
    (direction, facts): (Direction, &Facts<'_>),
    wanted: &impl Fn(Fault) -> bool,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(Fault, TimeDelta)>> {
    let fitting: Vec<Uuid> = store::all(conn)
        .await?
        .iter()
        .filter(|rule| {
            Fault::named(&rule.fault).is_some_and(|fault| fault.direction() == direction && wanted(fault))
                && facts.fit(rule)
        })
        .map(|rule| rule.fault_id)
        .collect();
    if fitting.is_empty() {
        return Ok(Vec::new());
    }
    let strikes = store::strike(conn, &fitting, now).await?;
    let late = |strike: &store::Strike| TimeDelta::milliseconds(strike.delay_ms.into());
    Ok(strikes.iter().filter_map(|strike| Some((Fault::named(&strike.fault)?, late(strike)))).collect())
}

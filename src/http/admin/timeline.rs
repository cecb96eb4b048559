//! Everything that happened to one application as a sequence between LSP, lender and ports: five queries a page.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::{Caller, Kind as Calling};
use super::page;
use crate::app::SharedApp;
use crate::config::Mode;
use crate::domain::personal::scrubbed;
use crate::http::problem::{Path, Problem, Query};
use crate::lender::PORTS;
use crate::store::attempt::{self, Try};
use crate::store::timeline::{self, After, Entry, Kind, Subject};
use crate::store::{StoreError, injected};

/// The LSP's lane.
const LSP: &str = "LSP";
/// Ours.
const LENDER: &str = "LENDER";
/// Most tries that are shown on one page.
const TRIES: i64 = 2_000;
/// Clocks that are so near to each other show the same time.
const SAME: TimeDelta = TimeDelta::seconds(2);
/// How the words of an event begin that a code of the sandbox has caused.
const SCENARIO: &str = "scenario ";

/// `GET /admin/applications/{orgId}/{loanApplicationId}/timeline`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineQuery {
    cursor: Option<String>,
    limit: Option<i64>,
}

/// One page.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// Who takes part, from left to right.
    lanes: Vec<String>,
    items: Vec<Item>,
    next_cursor: Option<String>,
}

/// One thing that happened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TimelineItem")]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    /// By the wall's clock; near enough where only the business clock was noted.
    at: DateTime<Utc>,
    /// By the business clock, where the sandbox has moved it.
    simulated_at: Option<DateTime<Utc>>,
    from: String,
    to: String,
    kind: &'static str,
    operation: Option<String>,
    request_id: Option<String>,
    trace_id: Option<String>,
    /// HTTP status of an ack or of the last try at a callback; the outcome of a question.
    status: Option<Status>,
    error: Option<String>,
    detail: Option<String>,
    duration_ms: Option<i64>,
    attempts: Vec<Attempt>,
    /// `pending`, `delivered` or `parked`.
    state: &'static str,
    injected: Option<String>,
    /// What `GET /admin/messages/{id}` shows more of.
    message_id: Option<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TimelineStatus")]
#[serde(untagged)]
enum Status {
    Http(i32),
    Word(String),
}

/// One try to deliver a callback.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    number: i32,
    at: DateTime<Utc>,
    simulated_at: Option<DateTime<Utc>>,
    status: Option<i32>,
    duration_ms: i32,
    /// `delivered` or `failed`.
    verdict: &'static str,
    error: Option<String>,
    injected: Option<String>,
}

/// What happened to an application, oldest first.
///
/// # Errors
/// 404 when the LSP has no such application, 400 for a query that makes no sense.
pub async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((org_id, loan_application_id)): Path<(String, String)>,
    Query(query): Query<TimelineQuery>,
) -> Result<Json<Timeline>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let org_id = caller.within(Some(org_id)).unwrap_or_default();
    let mut conn = app.pool.acquire().await?;
    let subject = timeline::subject(&mut conn, &org_id, &loan_application_id).await?;
    let subject = subject.ok_or_else(|| Problem::not_found("application"))?;
    let (mut entries, next) = timeline::entries(&mut conn, &app.sealer, &subject, after.as_ref(), limit).await?;
    // How a lender comes to his decision is his own business; the sandbox keeps nothing from anybody.
    let tells = caller.kind != Calling::Link || app.config.mode == Mode::Dev;
    entries.retain(|entry| tells || matches!(entry.kind, Kind::Request | Kind::Ack | Kind::Callback));
    let callbacks: Vec<Uuid> =
        entries.iter().filter(|entry| entry.kind == Kind::Callback).filter_map(|entry| entry.uuid).collect();
    let mut tries: HashMap<Uuid, Vec<Try>> = HashMap::new();
    for one in attempt::tries(&mut conn, &callbacks, TRIES).await? {
        tries.entry(one.callback_id).or_default().push(one);
    }
    let exchanges: Vec<Uuid> =
        entries.iter().filter(|entry| entry.kind == Kind::Request).filter_map(|entry| entry.uuid).collect();
    let injected = (
        injected::requests(&mut conn, &exchanges).await.map_err(StoreError::from)?,
        injected::callbacks(&mut conn, &callbacks).await.map_err(StoreError::from)?,
    );
    drop(conn);
    let wall = app.clock.wall();
    let times = Times::of(&entries, wall, app.clock.now() - wall);
    let seen = Seen { as_it_is: caller.sees_everything(&app), times: &times, injected: &injected };
    let mut items = Vec::with_capacity(entries.len());
    for (place, entry) in entries.into_iter().enumerate() {
        let tries = entry.uuid.and_then(|id| tries.remove(&id)).unwrap_or_default();
        items.push(seen.item(place, entry, tries));
    }
    Ok(Json(Timeline { lanes: lanes(&subject, tells), items, next_cursor: next.as_ref().map(write_cursor) }))
}

fn lanes(subject: &Subject, all: bool) -> Vec<String> {
    let asked = PORTS.into_iter().filter(|port| all && subject.ports.iter().any(|asked| asked == port));
    [LSP, LENDER].into_iter().chain(asked).map(str::to_owned).collect()
}

/// An event's kind, and its words without it.
pub(super) fn kind_of(what: &str) -> (&'static str, &str) {
    match what.strip_prefix(SCENARIO) {
        Some(code) => ("scenario", code),
        None => ("event", what),
    }
}

/// Of requests by exchange, and of tries by callback and number.
type Faults = (HashMap<Uuid, String>, HashMap<(Uuid, i32), String>);

/// How a page is shown.
struct Seen<'a> {
    as_it_is: bool,
    times: &'a Times,
    /// Faults of requests and of tries.
    injected: &'a Faults,
}

impl Seen<'_> {
    fn words(&self, text: String) -> String {
        if self.as_it_is { text } else { scrubbed(&text) }
    }

    /// What was done to a message on purpose.
    fn injected(&self, entry: &Entry) -> Option<String> {
        let (requests, tries) = self.injected;
        let id = entry.uuid?;
        match entry.kind {
            Kind::Request => requests.get(&id).cloned(),
            Kind::Callback => {
                let mut faults: Vec<&str> = tries
                    .iter()
                    .filter(|((callback, _), _)| *callback == id)
                    .map(|(_, faults)| faults.as_str())
                    .collect();
                faults.sort_unstable();
                faults.dedup();
                (!faults.is_empty()).then(|| faults.join(", "))
            }
            Kind::Ack | Kind::Outcome | Kind::Event | Kind::Ask => None,
        }
    }

    fn item(&self, place: usize, entry: Entry, tries: Vec<Try>) -> Item {
        let at = self.times.at(place, entry.at);
        let message_id = message_id(&entry);
        let injected = self.injected(&entry);
        let (kind, words) = match (entry.kind, entry.words) {
            (Kind::Event, Some(what)) => {
                let (kind, words) = kind_of(&what);
                (kind, Some(words.to_owned()))
            }
            (kind, words) => (kind_name(kind), words),
        };
        let (from, to) = between(entry.kind, entry.port);
        let last = tries.last();
        let duration_ms = match entry.kind {
            Kind::Callback => last.map(|one| i64::from(one.duration_ms)),
            _ => None,
        };
        let mut item = Item {
            id: name(&entry.id, entry.kind),
            at,
            simulated_at: moved(at, entry.at),
            from,
            to,
            kind,
            operation: entry.operation,
            request_id: entry.request_id.map(|id| self.words(id)),
            trace_id: entry.trace_id.map(|id| self.words(id)),
            status: None,
            error: None,
            detail: None,
            duration_ms,
            attempts: Vec::new(),
            state: state(entry.state.as_deref()),
            injected,
            message_id,
        };
        match entry.kind {
            Kind::Request => {}
            // What is stored was accepted; a refusal stores nothing.
            Kind::Ack => (item.status, item.error) = (Some(Status::Http(200)), Some("0".to_owned())),
            Kind::Outcome => item.status = words.map(Status::Word),
            Kind::Event => item.detail = words.map(|words| self.words(words)),
            Kind::Ask => {
                item.detail = (entry.tries > 1).then(|| format!("asked {} times", entry.tries));
            }
            Kind::Callback => {
                item.status = last.and_then(|one| one.status).map(Status::Http);
                item.error = last.and_then(|one| one.error.clone()).map(|words| self.words(words));
                item.detail = words.map(|words| self.words(words));
                let decided = (at, entry.at);
                item.attempts = tries.into_iter().map(|one| self.attempt(one, decided)).collect();
            }
        }
        item
    }

    fn attempt(&self, one: Try, decided: (DateTime<Utc>, DateTime<Utc>)) -> Attempt {
        let at = self.times.of_try(one.started_at, decided);
        Attempt {
            number: one.attempt,
            at,
            simulated_at: moved(at, one.started_at),
            status: one.status,
            duration_ms: one.duration_ms,
            verdict: if one.error.is_none() { "delivered" } else { "failed" },
            error: one.error.map(|words| self.words(words)),
            injected: self.injected.1.get(&(one.callback_id, one.attempt)).cloned(),
        }
    }
}

/// An event's number is written with zeros, so that it sorts.
fn name(id: &str, kind: Kind) -> String {
    let id = if kind == Kind::Event { id.trim_start_matches('0') } else { id };
    format!("{}-{id}", kind_name(kind))
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "request",
        Kind::Ack => "ack",
        Kind::Outcome => "outcome",
        Kind::Event => "event",
        Kind::Ask => "ask",
        Kind::Callback => "callback",
    }
}

fn between(kind: Kind, port: Option<String>) -> (String, String) {
    let (lsp, lender) = (LSP.to_owned(), LENDER.to_owned());
    let port = port.unwrap_or_default();
    match kind {
        Kind::Request => (lsp, lender),
        Kind::Ack | Kind::Callback => (lender, lsp),
        Kind::Ask => (lender, port),
        Kind::Outcome => (port, lender),
        Kind::Event => (lender.clone(), lender),
    }
}

/// A request that an LSP repeated has one id for each reception.
fn message_id(entry: &Entry) -> Option<String> {
    let id = entry.uuid?;
    Some(if entry.reception > 1 { format!("{id}.{}", entry.reception) } else { id.to_string() })
}

fn state(stored: Option<&str>) -> &'static str {
    match stored {
        Some("PENDING" | "OPEN" | "SENDING" | "REFERRED") => "pending",
        Some("PARKED" | "STUCK") => "parked",
        _ => "delivered",
    }
}

fn moved(at: DateTime<Utc>, simulated: DateTime<Utc>) -> Option<DateTime<Utc>> {
    ((simulated - at).abs() > SAME).then_some(simulated)
}

/// The wall's times of a page. Rows note the business clock only, but an id says when it was made by the wall's; what
/// has none happened as long after the last one that has as the business clock says, unless the clock was moved between:
/// then as long before the next one. What is shown is the same whenever it is read, as long as nobody moves the clock.
struct Times {
    at: Vec<DateTime<Utc>>,
    now: DateTime<Utc>,
    /// How far ahead the business clock is by now.
    moved: TimeDelta,
}

impl Times {
    fn of(entries: &[Entry], now: DateTime<Utc>, moved: TimeDelta) -> Self {
        let offsets: Vec<Option<TimeDelta>> =
            entries.iter().map(|entry| made_at(entry).map(|exact| entry.at - exact)).collect();
        let mut after: Vec<TimeDelta> = Vec::with_capacity(entries.len());
        for offset in offsets.iter().rev() {
            after.push(offset.or(after.last().copied()).unwrap_or(moved));
        }
        after.reverse();
        let mut before = offsets.iter().flatten().next().copied().unwrap_or(moved);
        let mut at: Vec<DateTime<Utc>> = Vec::with_capacity(entries.len());
        for ((entry, offset), after) in entries.iter().zip(&offsets).zip(after) {
            before = offset.unwrap_or(before);
            at.push(by_wall(entry.at, (before, after), at.last().copied()));
        }
        let mut next = now;
        for at in at.iter_mut().rev() {
            *at = (*at).min(next);
            next = *at;
        }
        Self { at, now, moved }
    }

    fn at(&self, place: usize, otherwise: DateTime<Utc>) -> DateTime<Utc> {
        self.at.get(place).copied().unwrap_or(otherwise)
    }

    /// When a try at a callback was made that was decided at an instant of the wall's and of the business clock.
    fn of_try(&self, started_at: DateTime<Utc>, decided: (DateTime<Utc>, DateTime<Utc>)) -> DateTime<Utc> {
        let at = by_wall(started_at, (decided.1 - decided.0, self.moved), Some(decided.0));
        if at > self.now { decided.0 } else { at }
    }
}

/// When something happened, if the clock was so far ahead before it and so far after it, and not before the last thing.
fn by_wall(at: DateTime<Utc>, (before, after): (TimeDelta, TimeDelta), last: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let was_moved = last.is_some_and(|last| at - after >= last - SAME);
    let offset = if was_moved { after } else { before };
    // A clock that nobody has moved is the better one: it has the microseconds.
    let at = if offset.abs() <= SAME { at } else { at - offset };
    last.map_or(at, |last| at.max(last))
}

/// What the entry's id says; only the first reception of a request made it, and only the asking of a question.
fn made_at(entry: &Entry) -> Option<DateTime<Utc>> {
    let counts = match entry.kind {
        Kind::Request | Kind::Ack => entry.reception == 1,
        Kind::Ask | Kind::Callback => true,
        Kind::Outcome | Kind::Event => false,
    };
    let (seconds, nanos) = entry.uuid.filter(|_| counts)?.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn write_cursor(after: &After) -> String {
    format!("{}~{}~{}", after.at.timestamp_micros(), after.rank, after.id)
}

fn read_cursor(text: &str) -> Result<After, Problem> {
    let read = || {
        let (at, rest) = text.split_once('~')?;
        let (rank, id) = rest.split_once('~')?;
        let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
        Some(After { at, rank: rank.parse().ok()?, id: id.to_owned() })
    };
    read().ok_or_else(|| Problem::bad_request("cursor is not one that was handed out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_time_is_the_same_whenever_it_is_read() {
        let month = TimeDelta::days(30);
        let none = TimeDelta::zero();
        // The clock was moved, and what has no id of its own happened after that.
        assert_eq!(by_wall(wall(7) + month, (none, month), Some(wall(5))), wall(7));
        // It happened before the clock was moved.
        assert_eq!(by_wall(wall(7), (none, month), Some(wall(5))), wall(7));
        assert_eq!(by_wall(wall(7) + month, (month, month), Some(wall(5))), wall(7));
        // Nobody knows when: not before what came before it.
        assert_eq!(by_wall(wall(1), (none, month), Some(wall(5))), wall(5));
        let times = |now| Times { at: Vec::new(), now, moved: month };
        for now in [wall(10), wall(100)] {
            let delivered = times(now).of_try(wall(8) + month, (wall(5), wall(5)));
            assert_eq!(delivered, wall(8), "tried after the clock was moved");
        }
    }
}

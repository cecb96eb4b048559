//! One message, byte by byte: what it says, what each check of it comes to, what became of it, how to send it again.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::as_sent::{self, AsSent};
use super::caller::{Caller, Kind};
use super::message_view::{self, Bytes};
use super::reveal::{Masked, View};
use crate::app::{App, SharedApp};
use crate::config::Mode;
use crate::domain::ids::OrgId;
use crate::http::problem::{Path, Problem};
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS};
use crate::protocol::inspect::{self, Check, Received};
use crate::protocol::{self, schema};
use crate::store::attempt::{self, AttemptRow};
use crate::store::message::{self, About, Callback, Question, Reception, Request};
use crate::store::{StoreError, injected, lsp};

/// Most answers to a request that are looked at for whether it came at its time.
const ANSWERS: i64 = 10;
/// Most tries that are shown.
const TRIES: i64 = 200;

/// One message.
///
/// # Errors
/// 404 when there is none with this id, or it is not the caller's.
pub async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    view: View,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("message");
    let (uuid, reception) = read_id(&id).ok_or_else(missing)?;
    let full = view == View::Full;
    let mut conn = app.pool.acquire().await?;
    let shown = if let Some(request) = message::request(&mut conn, &app.sealer, uuid, reception).await? {
        let answers = message::answers(&mut conn, &app.sealer, uuid, ANSWERS).await?;
        drop(conn);
        seen(&caller, &request.about)?;
        of_request(&app, (uuid, reception), &request, &answers, full).await?
    } else if reception.0 != 1 {
        return Err(missing());
    } else if let Some(callback) = message::callback(&mut conn, &app.sealer, uuid).await? {
        seen(&caller, &callback.about)?;
        let attempts = attempt::attempts(&mut conn, &[uuid], TRIES).await?;
        let lsp = lsp::find(&mut conn, &OrgId::from(callback.about.org_id.as_str())).await?;
        let faults = injected::callbacks(&mut conn, &[uuid]).await.map_err(StoreError::from)?;
        drop(conn);
        let fault = |one: &AttemptRow| faults.get(&(one.callback_id, one.attempt));
        let last = attempts.iter().rfind(|one| one.sent_at.is_some() && fault(one).is_none());
        let told = attempts
            .iter()
            .map(|one| message_view::attempt(&app, one, (fault(one), full)))
            .collect::<Result<Vec<_>, _>>()?;
        of_callback(&app, (&callback, lsp.as_ref()), (last, told), full)?
    } else {
        let question = message::question(&mut conn, &app.sealer, uuid).await?.ok_or_else(missing)?;
        drop(conn);
        seen(&caller, &question.about)?;
        // What a lender asks his own systems is not an LSP's; the sandbox keeps nothing from anybody.
        if caller.kind == Kind::Link && app.config.mode != Mode::Dev {
            return Err(missing());
        }
        of_question(&question, full)?
    };
    let mut members = shown;
    members.insert("id".to_owned(), json!(id));
    Ok((Extension(Masked), Json(Value::Object(members))).into_response())
}

/// `{uuid}`, or `{uuid}.{n}` for the n-th reception of a request.
fn read_id(id: &str) -> Option<(Uuid, Reception)> {
    match id.split_once('.') {
        None => Some((id.parse().ok()?, Reception(1))),
        Some((id, reception)) => Some((id.parse().ok()?, Reception(reception.parse().ok()?))),
    }
}

/// Members of an answer.
type Members = serde_json::Map<String, Value>;

fn seen(caller: &Caller, about: &About) -> Result<(), Problem> {
    if caller.sees(&about.org_id) { Ok(()) } else { Err(Problem::not_found("message")) }
}

/// When a message came by the wall's clock: its id says when the first one did, and a repetition came as much later as
/// the business clock says.
fn wall(id: Uuid, at: DateTime<Utc>, offset: TimeDelta) -> DateTime<Utc> {
    let made = id.get_timestamp().and_then(|stamp| {
        let (seconds, nanos) = stamp.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    made.unwrap_or(at - offset)
}

async fn of_request(
    app: &App,
    (id, reception): (Uuid, Reception),
    request: &Request,
    answers: &[Vec<u8>],
    full: bool,
) -> Result<Members, Problem> {
    let about = &request.about;
    let mut shown = message_view::about("in", about, full);
    let body = match &request.body {
        Ok(body) => body,
        Err(erased) => {
            shown.insert("erasedAt".to_owned(), json!(erased));
            return Ok(shown);
        }
    };
    let offset = TimeDelta::milliseconds(app.clock.offset_ms());
    let at = if reception.0 == 1 { wall(id, about.at, offset) } else { (about.at - offset).min(app.clock.wall()) };
    let bytes = Bytes { raw: body, full };
    let operation = protocol::find(&about.operation).ok_or_else(|| Problem::not_found("message"))?;
    let inspected = inspect::inspect(app, operation, Received { body, at, org_id: &about.org_id }).await?;
    let mut checks = inspected.checks;
    checks.push(message_view::sequence(answers));
    shown.insert("bytes".to_owned(), bytes.shown());
    shown.insert("body".to_owned(), message_view::body(inspected.message, body, full));
    shown.insert("jws".to_owned(), json!(inspected.envelope));
    shown.insert("checks".to_owned(), message_view::checks(checks, full));
    shown.insert("schemaDifferences".to_owned(), json!(inspected.differences));
    let scheme = if app.config.tls.lsp.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}{}", app.config.listen.lsp, operation.request_path);
    shown.insert("curl".to_owned(), json!(bytes.curl(&url)));
    Ok(shown)
}

/// As the last attempt sent it; before one, as the next will: the payload stands frozen, timestamp and signature are made
/// for each.
fn of_callback(
    app: &App,
    (callback, lsp): (&Callback, Option<&crate::lsp::Lsp>),
    (last, attempts): (Option<&AttemptRow>, Vec<Value>),
    full: bool,
) -> Result<Members, Problem> {
    let mut shown = message_view::about("out", &callback.about, full);
    shown.insert("state".to_owned(), json!(callback.state.to_lowercase()));
    shown.insert("attempts".to_owned(), Value::Array(attempts));
    let payload = match &callback.body {
        Ok(body) => String::from_utf8_lossy(body),
        Err(erased) => {
            shown.insert("erasedAt".to_owned(), json!(erased));
            return Ok(shown);
        }
    };
    let AsSent { text, raw, fresh, remade } = as_sent::of(app, (callback, lsp), &payload, last)?;
    let message: Option<Value> = serde_json::from_str(&text).ok();
    let envelope = match Incoming::parse(&raw, OCEN_V3_ALGORITHMS) {
        Ok(Incoming::Signed(jws)) => Some(inspect::envelope(&jws)),
        _ => None,
    };
    let operation = protocol::find(&callback.about.operation);
    let differences = match (operation, &message) {
        (Some(operation), Some(message)) => schema::of_callback(operation, message),
        _ => Vec::new(),
    };
    let bytes = Bytes { raw: &raw, full };
    let base = lsp.map(|lsp| lsp.callback_base_url.as_str()).unwrap_or_default();
    shown.insert("remade".to_owned(), json!(remade));
    shown.insert("bytes".to_owned(), bytes.shown());
    shown.insert("body".to_owned(), message_view::body(message, &raw, full));
    shown.insert("jws".to_owned(), json!(envelope));
    let checks = message_view::checks_of_callback(callback, envelope.is_some(), &differences);
    shown.insert("checks".to_owned(), message_view::checks(checks, full));
    shown.insert("schemaDifferences".to_owned(), json!(differences));
    let fresh = Bytes { raw: &fresh, full };
    shown.insert("curl".to_owned(), json!(fresh.curl(&format!("{base}{}", callback.path))));
    Ok(shown)
}

fn of_question(question: &Question, full: bool) -> Result<Members, Problem> {
    let mut shown = message_view::about("ask", &question.about, full);
    shown.insert("port".to_owned(), json!(question.port));
    shown.insert("state".to_owned(), json!(question.state.to_lowercase()));
    shown.insert("tries".to_owned(), json!(question.tries));
    shown.insert("outcome".to_owned(), json!(question.outcome));
    if let Some(detail) = &question.detail {
        let raw = serde_json::to_vec(detail).map_err(|error| Problem::internal(&error))?;
        shown.insert("bytes".to_owned(), Bytes { raw: &raw, full }.shown());
        shown.insert("body".to_owned(), message_view::body(serde_json::from_slice(&raw).ok(), &raw, full));
    }
    let checks =
        vec![Check::skipped("schema", "a question to a system of the lender's; its adapter turns it into a call")];
    shown.insert("checks".to_owned(), message_view::checks(checks, full));
    Ok(shown)
}

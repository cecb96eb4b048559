//! `POST /sandbox/scenario`: codes set by a call, before or in the middle of a journey.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::code::{self, Source};
use super::store;
use crate::app::{Given, GivenCode, SharedApp};
use crate::domain::ids::{ApplicationId, OrgId};
use crate::sandbox::faults::incoming::once_key;
use crate::sandbox::items::{self, Kind};
use crate::sandbox::problem::{Body, Params, Problem};
use crate::store::{application, lsp};

/// Most codes of one call: one of each family.
const MOST: usize = 16;

/// Codes for one application, or for all that an LSP files from now on. No codes at all take back what was set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::sandbox) struct Wanted {
    org_id: String,
    loan_application_id: Option<String>,
    #[serde(default)]
    codes: Vec<String>,
}

/// `GET /sandbox/scenario`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Asked {
    org_id: String,
    loan_application_id: Option<String>,
}

pub(in crate::sandbox) async fn set(
    State(app): State<SharedApp>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Value>, Problem> {
    check(&wanted.codes)?;
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let Some(name) = &wanted.loan_application_id else {
        known(&mut tx, &wanted.org_id).await?;
        store::set_defaults(&mut tx, &wanted.org_id, &wanted.codes).await?;
        tx.commit().await?;
        return Ok(Json(json!({ "orgId": wanted.org_id, "codes": wanted.codes })));
    };
    let id = find(&mut tx, &wanted.org_id, name).await?;
    let mut given = Given::default();
    for code in &wanted.codes {
        let source = Source::Control;
        given.lines.push(GivenCode { application: id, code: code.clone(), source: source.name(), rank: source.rank() });
    }
    store::forget(&mut tx, id.0, Source::Control.name()).await?;
    store::keep(&mut tx, &given, now).await?;
    for code in &wanted.codes {
        let words = format!("scenario {code} from {}", Source::Control.words());
        application::add_events(&mut tx, &[(id, words)], now).await?;
        // What strikes once does so again when it is set again.
        items::take(&mut tx, Kind::Scenario, &once_key(code, &wanted.org_id, name)).await?;
    }
    let lines = store::effective(&mut tx, &[id.0]).await?;
    tx.commit().await?;
    Ok(Json(shown(&wanted.org_id, Some(name), &lines)))
}

pub(in crate::sandbox) async fn show(
    State(app): State<SharedApp>,
    Params(asked): Params<Asked>,
) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let Some(name) = &asked.loan_application_id else {
        known(&mut conn, &asked.org_id).await?;
        let codes = store::defaults(&mut conn, &asked.org_id).await?;
        return Ok(Json(json!({ "orgId": asked.org_id, "codes": codes })));
    };
    let id = find(&mut conn, &asked.org_id, name).await?;
    let lines = store::effective(&mut conn, &[id.0]).await?;
    Ok(Json(shown(&asked.org_id, Some(name), &lines)))
}

fn shown(org_id: &str, name: Option<&str>, lines: &[store::Line]) -> Value {
    let codes: Vec<Value> = lines
        .iter()
        .map(|line| json!({ "code": line.code, "from": line.source, "meaning": code::meaning(&line.code) }))
        .collect();
    json!({ "orgId": org_id, "loanApplicationId": name, "codes": codes })
}

/// `GET /sandbox/scenarios`: every code with what it forces.
pub(in crate::sandbox) async fn all() -> Json<Value> {
    let items: Vec<Value> =
        code::CODES.iter().map(|(code, meaning)| json!({ "code": code, "meaning": meaning })).collect();
    Json(json!({ "items": items, "nextCursor": null }))
}

fn check(codes: &[String]) -> Result<(), Problem> {
    let bad = |detail: String| Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    if codes.len() > MOST {
        return bad(format!("at most {MOST} codes, one of each family"));
    }
    for (index, code) in codes.iter().enumerate() {
        if code::meaning(code).is_none() {
            return bad(format!("there is no code {code}; GET /sandbox/scenarios lists them"));
        }
        if codes.iter().take(index).any(|other| other.get(..2) == code.get(..2)) {
            return bad(format!("{code} is the second code of its family"));
        }
    }
    Ok(())
}

async fn known(conn: &mut sqlx::PgConnection, org_id: &str) -> Result<(), Problem> {
    let lsp = lsp::find(conn, &OrgId::from(org_id)).await?;
    lsp.map(|_| ()).ok_or_else(|| Problem::unknown("LSP"))
}

async fn find(conn: &mut sqlx::PgConnection, org_id: &str, name: &str) -> Result<ApplicationId, Problem> {
    let found = application::resolve(conn, org_id, &[name.to_owned()]).await?;
    found.first().map(|(_, id)| *id).ok_or_else(|| Problem::unknown("application"))
}

//! Links by which an LSP sees its own traffic in the console, read only: made and revoked by operators.

use axum::Json;
use axum::extract::State;
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{Caller, Kind};
use super::link_token::{self, Claims};
use crate::app::{App, SharedApp};
use crate::domain::ids::OrgId;
use crate::domain::span;
use crate::http::problem::{Json as Body, Path, Problem};
use crate::store::audit::Actor;
use crate::store::lsp;
use crate::store::lsp_link::{self, NewLink};

/// How long a link counts when nobody says.
const DEFAULT: &str = "P7D";
/// How long it may count at most.
const LONGEST: TimeDelta = TimeDelta::days(90);
/// The role under which the log knows who comes by a link.
const ROLE: &str = "lsp viewer";

/// `POST /admin/lsps/{orgId}/links`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewLink")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkIn {
    /// A span such as `PT12H`; left out, `P7D`.
    valid_for: Option<String>,
}

/// Makes a link. Whoever has it sees what the LSP sent and was sent, masked, until it expires or is revoked.
///
/// # Errors
/// 404 for an unknown LSP, 422 for a time that is none or too long.
pub async fn create(
    State(app): State<SharedApp>,
    caller: Caller,
    headers: HeaderMap,
    Path(org_id): Path<String>,
    Body(wanted): Body<LinkIn>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let now = app.clock.wall().trunc_subsecs(0);
    let expires_at = until(now, wanted.valid_for.as_deref().unwrap_or(DEFAULT))?;
    let id = app.ids.uuid();
    let mut tx = app.pool.begin().await?;
    known(&mut tx, &org_id).await?;
    let link = NewLink { id, org_id: &org_id, expires_at, made_by: &caller.actor().name };
    lsp_link::add(&mut tx, link, now).await?;
    let entry = caller.did("LSP_LINK_MADE").about("orgId", &org_id).about("linkId", id);
    entry.about("expiresAt", expires_at.to_rfc3339()).append(&mut tx, now).await?;
    tx.commit().await?;
    let token = link_token::mint(&app.sealer, &Claims { link: id, expires_at, org_id });
    let url = format!("{}/console?link={token}", base(&app, &headers));
    Ok((StatusCode::CREATED, Json(json!({ "url": url, "expiresAt": expires_at }))))
}

/// Revokes all links of an LSP at once.
///
/// # Errors
/// 404 for an unknown LSP.
pub async fn revoke(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(org_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let now = app.clock.wall();
    let mut tx = app.pool.begin().await?;
    known(&mut tx, &org_id).await?;
    let revoked = lsp_link::revoke(&mut tx, &org_id, now).await?;
    let entry = caller.did("LSP_LINKS_REVOKED").about("orgId", &org_id).about("revoked", revoked);
    entry.append(&mut tx, now).await?;
    tx.commit().await?;
    Ok(Json(json!({ "revoked": revoked })))
}

async fn known(conn: &mut sqlx::PgConnection, org_id: &str) -> Result<(), Problem> {
    let lsp = lsp::find(conn, &OrgId::from(org_id)).await?;
    lsp.map(drop).ok_or_else(|| Problem::not_found("LSP"))
}

fn until(now: DateTime<Utc>, valid_for: &str) -> Result<DateTime<Utc>, Problem> {
    let until = span::after(now, valid_for).filter(|until| *until > now && *until - now <= LONGEST);
    until.ok_or_else(|| {
        Problem::unprocessable(
            "/validFor",
            format!("must be a span like P7D or PT12H, at most {} days", LONGEST.num_days()),
        )
    })
}

/// Where the operators' listener is reached: as configured, else as this caller reached it.
fn base(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.config.ports_url {
        return url.clone();
    }
    let scheme = if app.config.tls.admin.is_some() { "https" } else { "http" };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    format!("{scheme}://{}", host.unwrap_or_else(|| app.config.listen.admin.to_string()))
}

/// Whoever comes with a link's token.
///
/// # Errors
/// 401 for one that is not genuine, has expired or was revoked; 503 when the database is away.
pub(super) async fn caller(app: &App, token: &str) -> Result<Caller, Problem> {
    let refused = || Problem::new(StatusCode::UNAUTHORIZED, "the link has expired or was revoked; ask for another one");
    let now = app.clock.wall();
    let claims = link_token::read(&app.sealer, token, now).ok_or_else(refused)?;
    let mut conn = app.pool.acquire().await?;
    if !lsp_link::counts(&mut conn, claims.link, &claims.org_id, now).await? {
        return Err(refused());
    }
    let name = format!("link {}", claims.link);
    Ok(Caller { actor: Actor { name, role: ROLE }, kind: Kind::Link, org: Some(claims.org_id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_counts_for_a_while_and_not_for_ever() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(until(now, "PT1H").unwrap(), now + TimeDelta::hours(1));
        assert_eq!(until(now, "P90D").unwrap(), now + TimeDelta::days(90));
        for wrong in ["P91D", "P1Y", "PT0S", "P0D", "7D", "", "P"] {
            assert_eq!(until(now, wrong).unwrap_err().status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        }
    }
}

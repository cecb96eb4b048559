//! "Check my signature": why a signed message is not accepted.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::SharedApp;
use crate::domain::ids::OrgId;
use crate::http::problem::{Json as Body, Problem};
use crate::jose::VerifyingKey;
use crate::protocol::explain::{self, Known, Report};
use crate::store::lsp;

/// `POST /admin/signature-check`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "SignatureQuestion")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// Who is meant to have sent it, when the message does not say.
    org_id: Option<String>,
    /// The body as it was or would be posted, byte for byte.
    body: String,
    /// A key to verify with instead of the registered one.
    public_key_pem: Option<String>,
}

/// Explains; stores nothing.
///
/// # Errors
/// 422 for a key that is none.
pub async fn check(State(app): State<SharedApp>, Body(question): Body<Question>) -> Result<Json<Report>, Problem> {
    let given = question.public_key_pem.as_deref().map(VerifyingKey::from_pem).transpose();
    let given = given.map_err(|error| Problem::unprocessable("/publicKeyPem", error.to_string()))?;
    let asked = question.org_id.map(OrgId);
    if asked.as_ref().is_some_and(|org| org.as_str().chars().any(char::is_control)) {
        return Err(Problem::unprocessable("/orgId", "must be printable"));
    }
    let named = explain::named(question.body.as_bytes());
    let mut conn = app.pool.acquire().await?;
    let owners = match &named.kid {
        Some(kid) => lsp::by_kid(&mut conn, kid).await?,
        None => Vec::new(),
    };
    let lsp = match asked.as_ref().or(named.org_id.as_ref()) {
        Some(org) => lsp::find(&mut conn, org).await?,
        None => None,
    };
    drop(conn);
    let unsigned = lsp.as_ref().is_some_and(|lsp| lsp.settings.takes_unsigned(app.config.mode));
    let known = Known { asked, lsp, unsigned, owners, given, now: app.clock.wall() };
    // The search for what was signed instead takes its time.
    let report = tokio::task::spawn_blocking(move || explain::explain(question.body.as_bytes(), &known)).await;
    report.map(Json).map_err(|error| Problem::internal(&error))
}

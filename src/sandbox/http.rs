//! The sandbox calls on the operators' listener (design §8), mounted in `dev` only.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::faults::rules;
use super::probe::{self, Prober};
use super::problem::{Body, Path, Problem};
use super::scenario::set;
use super::{clock, demo, inbox, items, refusals, report, snapshots, tell, traffic};
use crate::app::SharedApp;
use crate::config::Mode;
use crate::engine::otp;
use crate::http::problem::no_such_method;
use crate::jose::{HeaderMember, sign_flattened};
use crate::store;

/// Largest body of a sandbox call, in bytes: that of the largest request, signed.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The routes under `/sandbox`, or none at all outside `dev`.
pub fn router(app: &SharedApp) -> Router<SharedApp> {
    if app.config.mode != Mode::Dev {
        return Router::new();
    }
    refusals::watch(app);
    Router::new()
        .merge(conformance(app))
        .route("/sandbox/clock", get(clock::show).post(clock::move_forward))
        .route("/sandbox/consents/{handle}", post(tell::consent))
        .route("/sandbox/mandates/{plan}", post(tell::mandate))
        .route("/sandbox/payments/{payment}", post(tell::payment))
        .route("/sandbox/otp/{session}", get(one_time_password))
        .route("/sandbox/scenarios", get(set::all))
        .route("/sandbox/scenario", get(set::show).post(set::set))
        .route("/sandbox/faults", get(rules::list).post(rules::add).delete(rules::remove_all))
        .route("/sandbox/faults/{id}", delete(rules::remove))
        .route("/sandbox/snapshots", get(snapshots::list).post(snapshots::take))
        .route("/sandbox/snapshots/{id}", delete(snapshots::remove))
        .route("/sandbox/snapshots/{id}/restore", post(snapshots::restore))
        .route("/sandbox/sign", post(sign))
        .route("/sandbox/inbox/{org}", get(inbox::list).post(inbox::receive_at_base))
        .route("/sandbox/inbox/{org}/{*path}", post(inbox::receive))
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

/// What an LSP is tested with: probes of its endpoint, its own traffic, the signature under the report.
fn conformance(app: &SharedApp) -> Router<SharedApp> {
    let routes =
        Router::new().route("/sandbox/traffic/{org}", get(traffic::show)).route("/sandbox/reports", post(report::sign));
    match Prober::new(app) {
        Ok(prober) => {
            routes.merge(Router::new().route("/sandbox/probe", post(probe::probe)).layer(Extension(Arc::new(prober))))
        }
        Err(error) => {
            tracing::error!(error, "LSPs cannot be probed: the client for callbacks cannot be made");
            routes
        }
    }
}

/// The digits that a real borrower would read from an SMS.
async fn one_time_password(State(app): State<SharedApp>, Path(session): Path<String>) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let ids = items::applications_of(&mut conn, "OTP_SESSION", &session).await?;
    if ids.is_empty() {
        return Err(Problem::unknown("OTP session"));
    }
    let applications = store::application::read(&mut conn, &app.sealer, &ids).await?;
    let digits = otp::digits(&app.sealer, &session, &otp::hashes(&applications));
    Ok(Json(json!({ "otp": digits })))
}

/// `POST /sandbox/sign`; the body is signed byte for byte as it stands in the request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToSign {
    org_id: String,
    body: Box<RawValue>,
}

async fn sign(State(app): State<SharedApp>, Body(wanted): Body<ToSign>) -> Result<Response, Problem> {
    let sandbox = app.config.sandbox.as_ref();
    let sandbox = sandbox.filter(|_| wanted.org_id == demo::ORG_ID).ok_or_else(|| {
        let detail = format!("only {} has its private key here", demo::ORG_ID);
        Problem::new(StatusCode::NOT_FOUND, detail)
    })?;
    let key = demo::key(&sandbox.data_dir).await.map_err(|error| Problem::internal(&error))?;
    let envelope = sign_flattened(&key, HeaderMember::Protected, wanted.body.get().as_bytes())
        .map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], envelope).into_response())
}

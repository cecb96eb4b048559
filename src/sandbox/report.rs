//! `POST /sandbox/reports`: the lender's signature under a conformance report, so that nobody changes it on the way.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::problem::{Body, Problem};
use crate::app::SharedApp;
use crate::jose::{HeaderMember, sign_flattened};

/// What a report says that it is. Nothing else is signed here: an OCEN message must never be had for the asking.
const KIND: &str = "ocen-lender/conformance-report";

/// What is looked at of a report.
#[derive(Debug, Deserialize)]
struct Report {
    kind: String,
    metadata: Option<Box<RawValue>>,
}

/// Signs a report byte for byte as it stands in the request; `protected` holds the header (RFC 7515).
pub(super) async fn sign(State(app): State<SharedApp>, Body(body): Body<Box<RawValue>>) -> Result<Response, Problem> {
    let report: Report =
        serde_json::from_str(body.get()).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    if report.kind != KIND || report.metadata.is_some() {
        let detail = format!("only a report is signed here: `kind` must be `{KIND}`, and `metadata` must be missing");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let signed = sign_flattened(&app.keys.signing(), HeaderMember::Protected, body.get().as_bytes())
        .map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], signed).into_response())
}

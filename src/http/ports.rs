//! `POST /ports/v1/callbacks/{token}`: later answers of the lender's systems, on the operators' listener. A signature
//! with the port's secret (Standard Webhooks) is what lets a caller in; no bearer token is asked for.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;

use super::body;
use super::problem::{Path, Problem, no_such_method};
use crate::app::SharedApp;
use crate::engine::later::{self, LaterError, Received, Signed};

/// Largest answer, in bytes; the same as of one that comes at once.
const BODY_LIMIT: usize = 256 * 1024;

/// The route, without the operators' guard.
pub fn router(app: SharedApp) -> Router {
    Router::new()
        .route("/ports/v1/callbacks/{token}", post(receive))
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
}

/// 200 when the answer counts, or comes too late to; the sender need not send it again. 401 for a signature that does
/// not fit, 404 for an address that stands for no question, 422 for what is no outcome of it, 503 to try again.
async fn receive(State(app): State<SharedApp>, Path(token): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let body = match body::read_alone(body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return Problem::from(error).into_response(),
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = Signed {
        id: text(later::header::ID),
        timestamp: text(later::header::TIMESTAMP),
        signature: text(later::header::SIGNATURE),
    };
    match later::receive(&app, &token, signed, &body).await {
        Ok(received) => {
            let status = match received {
                Received::Applied => "applied",
                Received::Noted => "noted",
                Received::Stale => "stale",
            };
            axum::Json(json!({"status": status})).into_response()
        }
        Err(error) => refused(error),
    }
}

fn refused(error: LaterError) -> Response {
    match error {
        LaterError::NoSuch => Problem::not_found("question").into_response(),
        LaterError::Signature(error) => {
            let mut response = Problem::new(StatusCode::UNAUTHORIZED, error.to_string()).into_response();
            // No bearer token would help.
            response.headers_mut().remove(WWW_AUTHENTICATE);
            response
        }
        LaterError::NoAnswer(detail) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).into_response(),
        LaterError::Failed(error) => {
            tracing::warn!(%error, "a later answer was not applied");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the answer could not be applied; send it again")
                .into_response()
        }
    }
}

//! Refusals of the sandbox calls, as problem details (RFC 9457).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::json;

use crate::http::problem;
use crate::protocol::malformed::in_words;
use crate::seal::SealError;
use crate::store::StoreError;

/// Why a sandbox call was refused.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    /// A refusal in words.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// The HTTP status of it.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// 404: nothing of ours has that id.
    pub fn unknown(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// 500, logged here because nothing of it goes to the caller.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a sandbox call failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong on our side; the log has it")
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<SealError> for Problem {
    fn from(error: SealError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = json!({ "title": title, "status": self.status.as_u16(), "detail": self.detail });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], Json(body)).into_response()
    }
}

/// A JSON body, whatever its content type says: people type these calls by hand.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        read(&bytes).map(Self).map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail))
    }
}

/// Reads a body; what is wrong is said of the member that it is wrong with.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err("the body must be a JSON object".to_owned());
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        match error.inner().classify() {
            Category::Data if place == "." => in_words(error.inner()),
            Category::Data => format!("`{place}`: {}", in_words(error.inner())),
            _ => format!("the body is not JSON: {}", error.inner()),
        }
    })?;
    json.end().map_err(|error| format!("the body is not one JSON object: {error}"))?;
    Ok(value)
}

/// The bytes of a body.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|error| Problem::new(error.status(), error.body_text()))
    }
}

/// Query parameters.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(params)| Self(params))
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))
    }
}

/// Parts of the path.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = problem::Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        problem::Path::from_request_parts(parts, state).await.map(|problem::Path(path)| Self(path))
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use serde::Deserialize;

    use super::read;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Move {
        to: Option<NaiveDate>,
    }

    #[test]
    fn a_refusal_names_the_member_and_no_type_of_ours() {
        for body in ["", "[]", "5", "\"x\""] {
            assert_eq!(read::<Move>(body.as_bytes()).unwrap_err(), "the body must be a JSON object");
        }
        let said = read::<Move>(br#"{"to": "31-12-2099"}"#).unwrap_err();
        assert_eq!(said, "`to`: must be a date or a time in ISO 8601, like 2026-04-01 or 2026-04-01T09:30:00Z");
        assert!(read::<Move>(br#"{"ot": 1}"#).unwrap_err().contains("unknown field `ot`"));
        assert!(read::<Move>(b"{").unwrap_err().starts_with("the body is not JSON: "));
        assert!(read::<Move>(b"{} {}").unwrap_err().starts_with("the body is not one JSON object: "));
    }
}

//! RFC 9457 problem details and the extractors that refuse with them: our own endpoints, never OCEN's.

use std::error::Error;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path as JsonPath, Segment};
use tokio::time::timeout;

use super::body::{READ_TIMEOUT, ReadError};
use super::intake::is_json;
use crate::protocol::malformed::in_words;
use crate::seal::SealError;
use crate::store::StoreError;

/// What went wrong, for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    status: u16,
    title: &'static str,
    detail: String,
    /// JSON pointer (RFC 6901) to the member that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
}

impl Problem {
    /// A problem of some status.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error"),
            detail: detail.into(),
            pointer: None,
        }
    }

    /// 400: the request cannot be read.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// 409: it contradicts what is there.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 422: the request can be read and a member makes no sense.
    #[must_use]
    pub fn unprocessable(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 500: our fault, written to the log and not told.
    #[must_use]
    pub fn internal(error: &dyn Error) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed; the server's log says why")
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let StoreError::Seal(erased @ SealError::Erased(_)) = &error {
            return Self::new(StatusCode::GONE, erased.to_string());
        }
        if !error.is_transient() {
            return Self::internal(&error);
        }
        tracing::warn!(%error, "the database is not available");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the database is busy or away; try again")
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// Answers a path that nobody serves.
pub async fn no_such_path() -> Problem {
    Problem::not_found("path")
}

/// Answers a path that is served with other methods.
pub async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path is served with other methods")
}

/// A JSON body that is refused with a problem: 400 when it is no JSON, 422 when a member is wrong.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // Without a type a page of another site could send it, too.
        if !request.headers().contains_key(CONTENT_TYPE) || !is_json(request.headers()) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"));
        }
        let body = timeout(READ_TIMEOUT, Bytes::from_request(request, state)).await;
        let body = body.map_err(|_| Self::Rejection::from(ReadError::TimedOut))?;
        let body = body.map_err(|e| Problem::new(e.status(), e.body_text()))?;
        parse(&body).map(Self)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        match error.inner().classify() {
            Category::Data => Problem::unprocessable(pointer, in_words(error.inner())),
            _ => Problem::bad_request(format!("the body is not JSON: {}", error.inner())),
        }
    })?;
    json.end().map_err(|error| Problem::bad_request(format!("the body is not one JSON value: {error}")))?;
    Ok(value)
}

/// A JSON pointer to where a value could not be read.
pub(super) fn pointer(path: &JsonPath) -> String {
    let mut pointer = String::new();
    for segment in path {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } | Segment::Enum { variant: key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token);
    }
    pointer
}

/// Query parameters that are refused with a problem.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = axum::extract::Query::from_request_parts(parts, state).await;
        found
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|e: QueryRejection| Problem::bad_request(e.body_text()))
    }
}

/// Path parameters that are refused with a problem.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = axum::extract::Path::from_request_parts(parts, state).await;
        found
            .map(|axum::extract::Path(path)| Self(path))
            .map_err(|rejection| Problem::bad_request(misspelt(&rejection)))
    }
}

/// Which part of a path is wrong, without the words of the parser.
fn misspelt(rejection: &PathRejection) -> String {
    let part = match rejection {
        PathRejection::FailedToDeserializePathParams(failed) => match failed.kind() {
            ErrorKind::ParseErrorAtKey { key, .. }
            | ErrorKind::DeserializeError { key, .. }
            | ErrorKind::InvalidUtf8InPathParam { key } => Some(key),
            _ => None,
        },
        _ => None,
    };
    part.map_or_else(
        || "the path cannot be read".to_owned(),
        |key| format!("`{key}` in the path has not the right form"),
    )
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Body {
        keys: Vec<Key>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Key {
        kid: String,
    }

    #[test]
    fn a_body_that_is_no_json_is_a_bad_request() {
        for body in ["", "{", r#"{"keys":[]} {}"#, r#"{"keys":[]} x"#] {
            assert_eq!(parse::<Body>(body.as_bytes()).unwrap_err().status(), StatusCode::BAD_REQUEST, "{body}");
        }
    }

    #[test]
    fn a_wrong_member_is_pointed_at() {
        for (body, pointer) in [
            (r#"{"keys":[{"kid":"a"},{"kid":1}]}"#, "/keys/1/kid"),
            (r#"{"keys":[],"a/b":1}"#, "/a~1b"),
            (r#"{"keys":[{}]}"#, "/keys/0"),
        ] {
            let problem = parse::<Body>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(problem.pointer.as_deref(), Some(pointer), "{problem:?}");
        }
    }
}

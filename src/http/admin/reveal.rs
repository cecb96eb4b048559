//! Personal data in answers to operators: masked, unless the caller asks for it with a reason, which the audit log keeps.

use std::collections::BTreeSet;
use std::convert::Infallible;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;

use super::caller::{self, Caller, Kind, words};
use super::guard::Watch;
use super::mask;
use super::routes::{REVEAL, TRANSCRIPT};
use crate::config::Mode;
use crate::http::problem::Problem;
use crate::store::audit::{Actor, Entry};

/// Why somebody wants to see it, in a header.
const REASON: &str = "ocen-reason";
/// Longest reason, in characters.
pub(super) const LONGEST_REASON: usize = 500;
/// What stands for the reason of the token of every role when it gives none.
const UNSTATED: &str = "unstated";
/// Largest answer that is masked, in bytes: more than the messages of one application may have.
const MOST: usize = 256 * 1024 * 1024;

/// What a handler that hides personal data by itself may show; put into its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Nothing personal.
    Masked,
    /// Everything; the audit log has it before the answer leaves.
    Full,
}

impl View {
    /// As `view` in the query.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Full => "full",
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for View {
    type Rejection = Infallible;

    /// Nobody who was not looked at sees more than the masked view.
    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self::Masked))
    }
}

/// How an answer leaves.
enum Shown {
    Masked,
    /// As it is, and nobody needs to know: the sandbox.
    Full,
    /// As it is, once the audit log has it.
    Revealed {
        by: Actor,
        reason: String,
    },
}

/// Put into a response by a handler that has masked by itself, because not all of its answer is a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Masked;

/// Runs a handler whose answer speaks of persons.
pub(super) async fn run(watch: &Watch, caller: &Caller, request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        return next.run(request).await;
    }
    let shown = match how(watch, caller, &request) {
        Ok(shown) => shown,
        Err(problem) => return problem.into_response(),
    };
    let by_itself = masks_itself(&request);
    let (mut parts, body) = request.into_parts();
    let about = subject(&mut parts).await;
    parts.extensions.insert(if matches!(shown, Shown::Masked) { View::Masked } else { View::Full });
    let response = next.run(Request::from_parts(parts, body)).await;
    if !response.status().is_success() {
        return response;
    }
    match shown {
        Shown::Full => response,
        Shown::Masked if by_itself || response.extensions().get::<Masked>().is_some() => response,
        Shown::Masked => masked(response).await,
        Shown::Revealed { by, reason } => {
            let read = if by_itself { Ok((response, String::new())) } else { with_ids(response).await };
            let (response, ids) = match read {
                Ok(read) => read,
                Err(problem) => return problem.into_response(),
            };
            let entry = Entry::by(&by, "PII_REVEALED").because(&reason);
            let entry = about.into_iter().fold(entry, |entry, (kind, id)| entry.about(kind, id));
            let entry = if ids.is_empty() { entry } else { entry.about("loanIds", ids) };
            // Nothing is shown that the log does not have.
            match caller::note(&watch.app, entry).await {
                Ok(()) => response,
                Err(problem) => problem.into_response(),
            }
        }
    }
}

fn how(watch: &Watch, caller: &Caller, request: &Request) -> Result<Shown, Problem> {
    let is_view = request.method() == Method::GET;
    let by_itself = masks_itself(request);
    if by_itself && !asks_for_all(request.uri().query()) {
        return Ok(Shown::Masked);
    }
    let reason = reason(request.headers())?;
    match caller.kind {
        // What somebody did is in the log already; its answer tells him no more than he knew.
        Kind::Open => Ok(Shown::Full),
        Kind::Admin if watch.app.config.mode == Mode::Dev || !is_view => Ok(Shown::Full),
        Kind::Admin => {
            let reason = reason.unwrap_or_else(|| UNSTATED.to_owned());
            Ok(Shown::Revealed { by: caller.actor.clone(), reason })
        }
        Kind::Link if asks_for_it(request.uri().query())? => {
            Err(Problem::new(StatusCode::FORBIDDEN, "personal data is not shown through a link"))
        }
        Kind::Link => Ok(Shown::Masked),
        Kind::Personal if !is_view => Ok(Shown::Masked),
        Kind::Personal if !by_itself && !asks_for_it(request.uri().query())? => Ok(Shown::Masked),
        Kind::Personal => {
            let role = watch.guard().may_reveal(caller, REVEAL).ok_or_else(|| {
                let names: Vec<&str> = REVEAL.iter().map(|role| role.name()).collect();
                let detail = format!("personal data is shown to the roles {} only", names.join(", "));
                Problem::new(StatusCode::FORBIDDEN, detail)
            })?;
            let reason = reason.ok_or_else(|| Problem::bad_request("say why in the header Ocen-Reason"))?;
            Ok(Shown::Revealed { by: Actor { role: role.name(), ..caller.actor.clone() }, reason })
        }
    }
}

/// Whether the handler looks at [`View`], so that its answer is not masked here.
fn masks_itself(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == TRANSCRIPT)
}

/// `?view=full`. In another spelling, `%66ull`, it is the masked view that comes.
fn asks_for_all(query: Option<&str>) -> bool {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == "view").any(|(_, value)| value == "full")
}

/// `?reveal=true`.
fn asks_for_it(query: Option<&str>) -> Result<bool, Problem> {
    let given = query.unwrap_or_default().split('&').find_map(|pair| match pair.split_once('=') {
        Some(("reveal", value)) => Some(value),
        None if pair == "reveal" => Some("true"),
        _ => None,
    });
    match given {
        Some("true") => Ok(true),
        None | Some("false") => Ok(false),
        Some(_) => Err(Problem::bad_request("reveal is true or false")),
    }
}

fn reason(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(REASON) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| Problem::bad_request("the header Ocen-Reason is not UTF-8"))?;
    words("Ocen-Reason", text, LONGEST_REASON).map(Some)
}

/// What the request is about: the ids in its path, or the path of a list.
async fn subject(parts: &mut axum::http::request::Parts) -> Vec<(&'static str, String)> {
    let mut about = vec![("path", parts.uri.path().to_owned())];
    if let Ok(params) = RawPathParams::from_request_parts(parts, &()).await {
        for (name, value) in &params {
            let kind = match name {
                "orgId" => "orgId",
                "loanApplicationId" => "loanApplicationId",
                "loanId" => "loanId",
                _ => "id",
            };
            about.push((kind, value.to_owned()));
        }
    }
    about
}

async fn read(response: Response) -> Result<(axum::http::response::Parts, Bytes, Value), Problem> {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    let bytes = to_bytes(body, MOST).await.map_err(|error| Problem::internal(&error))?;
    let value = serde_json::from_slice(&bytes).map_err(|error| Problem::internal(&error))?;
    Ok((parts, bytes, value))
}

async fn masked(response: Response) -> Response {
    match read(response).await {
        Ok((parts, _, value)) => Response::from_parts(parts, Body::from(mask::json(&value).to_string())),
        Err(problem) => problem.into_response(),
    }
}

/// The answer as it is, and the loans that it lists.
async fn with_ids(response: Response) -> Result<(Response, String), Problem> {
    let (parts, bytes, value) = read(response).await?;
    let items = value.get("items").and_then(Value::as_array);
    let ids: BTreeSet<&str> =
        items.into_iter().flatten().filter_map(|item| item.get("loanId").and_then(Value::as_str)).collect();
    let ids = ids.into_iter().collect::<Vec<_>>().join(" ");
    Ok((Response::from_parts(parts, Body::from(bytes)), ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_wish_reveals() {
        for query in [None, Some(""), Some("limit=5"), Some("reveal=false"), Some("unreveal=true")] {
            assert_eq!(asks_for_it(query), Ok(false), "{query:?}");
        }
        for query in ["reveal=true", "reveal", "limit=5&reveal=true"] {
            assert_eq!(asks_for_it(Some(query)), Ok(true), "{query}");
        }
        assert_eq!(asks_for_it(Some("reveal=yes")).unwrap_err().status(), StatusCode::BAD_REQUEST);
    }
}

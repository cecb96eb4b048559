//! Who may call the operators' API: the holder of the bearer token, or in `dev` on loopback anybody.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret as _;

use crate::config::{Config, Mode};
use crate::http::problem::Problem;

/// Callbacks come here without a token: they are an LSP's business, played by `dev`.
const INBOX: &str = "/sandbox/inbox/";

/// What a caller must show.
#[derive(Debug, Clone)]
pub(super) enum Guard {
    /// Nothing but a local address in `Host`, so that no web page can reach it under a name of its own.
    Loopback,
    /// A token with this digest.
    Token(Arc<Digest>),
    /// Nobody is let in: there is no token to show.
    Closed,
}

impl Guard {
    pub(super) fn of(config: &Config) -> Self {
        match &config.admin_token {
            Some(token) => Self::Token(Arc::new(digest(&SHA256, token.expose_secret().as_bytes()))),
            None if is_open(config) => Self::Loopback,
            None => Self::Closed,
        }
    }

    fn admits(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Loopback if is_local(headers) => Ok(()),
            Self::Loopback => Err(Problem::new(StatusCode::FORBIDDEN, "call this by a loopback address or localhost")),
            // Digests are compared, so that not even the length shows.
            Self::Token(expected) => bearer(headers)
                .map(|token| digest(&SHA256, token.as_bytes()))
                .filter(|shown| verify_slices_are_equal(shown.as_ref(), (**expected).as_ref()).is_ok())
                .map(|_| ())
                .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "show the operators' bearer token")),
            Self::Closed => Err(Problem::new(StatusCode::UNAUTHORIZED, "no token is configured (OCEN_ADMIN_TOKEN)")),
        }
    }
}

/// Only the sandbox goes without a token, on loopback or where it was told that nobody else gets there.
fn is_open(config: &Config) -> bool {
    let told = config.sandbox.as_ref().is_some_and(|sandbox| sandbox.open_admin);
    config.mode == Mode::Dev && (told || config.listen.admin.ip().is_loopback())
}

pub(super) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let is_callback = request.method() == Method::POST && request.uri().path().starts_with(INBOX);
    match guard.admits(request.headers()) {
        Err(problem) if !is_callback => problem.into_response(),
        _ => next.run(request).await,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::HeaderName;

    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_the_token_opens() {
        let guard = Guard::Token(Arc::new(digest(&SHA256, b"s3cret")));
        assert!(guard.admits(&with(AUTHORIZATION, "Bearer s3cret")).is_ok());
        assert!(guard.admits(&with(AUTHORIZATION, "bearer  s3cret ")).is_ok());
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Basic s3cret", "s3cret"] {
            let problem = guard.admits(&with(AUTHORIZATION, wrong)).unwrap_err();
            assert_eq!(problem.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        }
        assert!(guard.admits(&HeaderMap::new()).is_err());
        assert!(Guard::Closed.admits(&with(AUTHORIZATION, "Bearer s3cret")).is_err());
    }

    #[test]
    fn loopback_is_open_under_local_names_only() {
        for host in ["127.0.0.1:8081", "localhost", "[::1]:8081", "LOCALHOST:1"] {
            assert!(Guard::Loopback.admits(&with(HOST, host)).is_ok(), "{host}");
        }
        for host in ["evil.example", "evil.example:8081", "10.0.0.1", "localhost.evil.example"] {
            assert!(Guard::Loopback.admits(&with(HOST, host)).is_err(), "{host}");
        }
    }
}

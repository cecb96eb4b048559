//! The description of what is served, for programs and for people. Needs nothing from elsewhere.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;

use super::guides;
use super::problem::no_such_method;
use crate::protocol::schema::PUBLISHED;

/// Written by `make openapi`; a test keeps it true.
pub(super) const OPENAPI: &str = PUBLISHED;
const PAGE: &str = include_str!("docs/index.html");
const STYLE: &str = include_str!("docs/docs.css");
const SCRIPT: &str = include_str!("docs/docs.js");

/// The page runs its own script on its own data and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/openapi.json` and `/docs`.
pub fn router() -> Router {
    Router::new()
        .route("/openapi.json", get(|| async { file("application/json", OPENAPI) }))
        .route("/docs", get(|| async { file("text/html; charset=utf-8", PAGE) }))
        .route("/docs/", get(|| async { Redirect::permanent("/docs") }))
        .route("/docs/docs.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/docs/docs.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .merge(guides::router())
        .method_not_allowed_fallback(no_such_method)
}

/// One file, with what keeps a page to itself.
pub(super) fn file(media_type: &'static str, text: &'static str) -> impl IntoResponse + use<> {
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // A new version of the server brings its own.
        (CACHE_CONTROL, "public, max-age=60"),
    ];
    (headers, text)
}

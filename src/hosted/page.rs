//! `GET /hosted`: where an LSP's engineer uses an invite by hand. Needs nothing from elsewhere.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;

use super::SharedHost;

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/hosted.css");
const SCRIPT: &str = include_str!("page/hosted.js");

/// The page runs its own script, which talks to this server only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its parts.
pub(super) fn router() -> Router<SharedHost> {
    Router::new()
        .route("/hosted", get(|| async { file("text/html; charset=utf-8", PAGE) }))
        .route("/hosted/hosted.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/hosted/hosted.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
}

fn file(media_type: &'static str, text: &'static str) -> impl IntoResponse {
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

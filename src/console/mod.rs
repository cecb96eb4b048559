//! The web console at `/console` on the operators' listener: pages for operators and integrators, served from the binary.
//!
//! The files hold no data and carry no token; what they show they ask of the operators' API, under the caller's roles.

mod files;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use self::files::{File, INDEX, find};
use crate::http::problem::{no_such_method, no_such_path};

/// The page runs its own scripts on its own server's answers and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/console` and what is below it: the page for every address, so that links lead deep into it.
pub fn router() -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/console") }))
        .route("/console", get(page))
        .route("/console/", get(|| async { Redirect::permanent("/console") }))
        .route("/console/assets/{*name}", get(asset))
        .route("/console/{*page}", get(page))
        .method_not_allowed_fallback(no_such_method)
}

async fn page(headers: HeaderMap) -> Response {
    match find(INDEX) {
        Some(file) => sent(file, &headers),
        None => no_such_path().await.into_response(),
    }
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match find(&name) {
        Some(file) => sent(file, &headers),
        None => no_such_path().await.into_response(),
    }
}

/// A file, unless the browser has it already. It asks each time, so that a new version of the server shows at once.
fn sent(file: &'static File, asked: &HeaderMap) -> Response {
    let common: [(HeaderName, HeaderValue); 6] = [
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ETAG, file.etag.clone()),
        (VARY, HeaderValue::from_static("accept-encoding")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    if lists(asked, &IF_NONE_MATCH, |tag| tag.trim_start_matches("W/") == file.etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let media_type = (CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    if lists(asked, &ACCEPT_ENCODING, |coding| coding.eq_ignore_ascii_case("zstd")) {
        let coded = (CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        return (common, [media_type, coded], file.packed.as_slice()).into_response();
    }
    (common, [media_type], file.bytes).into_response()
}

/// Whether a header's list has a member; what stands behind a `;` is no part of it.
fn lists(headers: &HeaderMap, name: &HeaderName, is: impl Fn(&str) -> bool) -> bool {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|member| is(member.split(';').next().unwrap_or_default().trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_browser_that_has_a_file_does_not_get_it_again() {
        let file = find("app.js").unwrap();
        let first = sent(file, &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(!first.headers().contains_key(CONTENT_ENCODING));
        let mut again = HeaderMap::new();
        again.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(sent(file, &again).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(sent(file, &asked(IF_NONE_MATCH, "\"other\"")).status(), StatusCode::OK);
    }

    #[test]
    fn a_browser_that_can_unpack_gets_it_packed() {
        let packed = sent(find("app.js").unwrap(), &asked(ACCEPT_ENCODING, "gzip, deflate, br, zstd"));
        assert_eq!(packed.headers()[CONTENT_ENCODING], "zstd");
    }

    #[test]
    fn nothing_is_taken_from_elsewhere_and_nothing_inline_runs() {
        let page = sent(find(INDEX).unwrap(), &HeaderMap::new());
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}

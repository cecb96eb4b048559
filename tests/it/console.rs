//! The console is served to anybody who reaches the operators' listener, and holds nothing: data comes from the API.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};

use crate::support::operators;
use crate::support::server::{Options, Server};

#[tokio::test(flavor = "multi_thread")]
async fn every_address_below_the_console_is_its_page() {
    let server = Server::start().await;
    for path in ["/console", "/console/", "/console/applications/LSP-X/APP%2F1", "/console/loans/LON-1?pane=book"] {
        let page = server.http.get(format!("{}{path}", server.admin)).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(page.text().await.unwrap().contains("/console/assets/app.js"), "{path}");
    }
    let nothing = server.http.get(format!("{}/console/assets/nothing.js", server.admin)).send().await.unwrap();
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_no_token_and_its_data_does() {
    let server = operators::start(&[], Options::default(), |config| config.admin_token = Some("secret".into())).await;
    let get = |path: &str| server.http.get(format!("{}{path}", server.admin));
    assert_eq!(get("/console").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(get("/admin/applications").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let script = get("/console/assets/app.js").send().await.unwrap();
    let tag = script.headers()[ETAG].clone();
    let again = get("/console/assets/app.js").header(IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "a browser that has it does not load it again");
}

//! The guides under `/docs/guides`: complete, linked, and readable without a network.

use std::collections::{BTreeSet, HashMap};

use crate::support::server::Server;

/// The values of an attribute.
fn attributes<'a>(html: &'a str, name: &str) -> BTreeSet<&'a str> {
    let begin = format!(" {name}=\"");
    html.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn every_link_of_every_guide_leads_somewhere_on_this_server() {
    let server = Server::start().await;
    let get = async |path: &str| {
        let answer = server.http.get(format!("{}{path}", server.url)).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    };
    let index = get("/docs/guides").await;
    let mut pages = HashMap::from([("/docs/guides".to_owned(), index.clone())]);
    for path in attributes(&index, "href").into_iter().filter(|href| href.starts_with("/docs/guides/")) {
        pages.insert(path.to_owned(), get(path).await);
    }
    assert!(pages.len() > 20, "{}", pages.len());

    for (path, page) in &pages {
        assert!(!page.contains("<script") && !page.contains(" src=") && !page.contains(" style="), "{path}");
        let ids = attributes(page, "id");
        for href in attributes(page, "href") {
            if let Some(id) = href.strip_prefix('#') {
                assert!(ids.contains(id), "{path} links #{id}");
            } else if href.starts_with('/') && !pages.contains_key(href) {
                get(href).await;
            } else if !href.starts_with('/') {
                assert!(href.starts_with("https://") || href == "data:,", "{path} links {href}");
            }
        }
    }
    let style = get("/docs/guides.css").await;
    assert!(!style.contains("url(") && !style.contains("@import"));
}

/// Names in braces are told by what they are, not by what the router calls them.
#[test]
fn every_call_of_the_sandbox_has_its_line() {
    let plain = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let guide = include_str!("../../src/http/docs/guides/scenarios.md");
    let told: BTreeSet<String> =
        guide.split([' ', '`', ',', '?']).filter(|word| word.starts_with("/sandbox/")).map(plain).collect();
    let source = include_str!("../../src/sandbox/http.rs");
    let routes: Vec<&str> = source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(routes.len() > 15, "{routes:?}");
    // Callbacks come to an inbox, nobody calls it.
    for route in routes.iter().filter(|route| !route.ends_with("{*path}")) {
        assert!(told.contains(&plain(route)), "{route} is in no line of the guide");
    }
}

#[tokio::test]
async fn a_guide_shows_the_messages_of_its_family() {
    let server = Server::start().await;
    let page = server.http.get(format!("{}/docs/guides/offer", server.url)).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");

    let html = page.text().await.unwrap();

    for part in [
        "POST /v3/offer/setOfferRequest",
        "SORQ1002",
        "OFFER_ACCEPTED",
        "annualPercentageRate",
        "<h3 id=\"setOffer-callback\">",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let unknown = server.http.get(format!("{}/docs/guides/nothing", server.url)).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}

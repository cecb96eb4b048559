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

/// What `ocen-lender WORDS --help` prints; none where there is no such command.
fn help(words: &[&str]) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_ocen-lender");
    let ran = std::process::Command::new(program).args(words).arg("--help").output().unwrap();
    ran.status.success().then(|| String::from_utf8(ran.stdout).unwrap())
}

/// The flags in a text: `--callback-url`.
fn flags(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic))).collect()
}

/// The help of the command whose words follow `ocen-lender` in a line.
fn help_of(after: &str) -> Option<String> {
    let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    let words: Vec<&str> = after.split_whitespace().take_while(is_name).take(2).collect();
    (0..=words.len()).rev().find_map(|count| help(&words[..count]))
}

/// A flag in a command is that command's; one in a sentence is of the command that the sentence names in code before it,
/// else of any.
#[test]
fn every_flag_in_the_guides_is_one_that_its_command_takes() {
    let all = help(&[]).unwrap();
    let (_, commands) = all.split_once("Commands:").unwrap();
    let names: Vec<&str> = commands.lines().map_while(|line| line.split_whitespace().next().or(Some(""))).collect();
    let of_each: HashMap<&str, String> =
        names.iter().filter(|name| !name.is_empty()).filter_map(|name| Some((*name, help(&[name])?))).collect();
    assert!(of_each.len() > 10, "{names:?}");
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/docs/guides")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, part) in text.split("```").enumerate() {
            if at % 2 == 1 {
                for line in part.replace("\\\n", " ").lines() {
                    let Some((_, after)) = line.split_once("ocen-lender ") else { continue };
                    let known = help_of(after).unwrap();
                    for flag in flags(after) {
                        assert!(flags(&known).contains(flag), "{}: {flag} in {line}", path.display());
                        seen += 1;
                    }
                }
                continue;
            }
            for sentence in part.replace('\n', " ").split(". ") {
                let code: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
                for (at, one) in code.iter().enumerate() {
                    let whole = one.strip_prefix("ocen-lender ").and_then(help_of);
                    let before =
                        || code[..=at].iter().rev().find_map(|one| of_each.get(one.split_whitespace().next()?));
                    let named = whole.as_ref().or_else(before);
                    for flag in flags(one) {
                        let is_known = |help: &String| flags(help).contains(flag);
                        let fits = named
                            .map_or_else(|| of_each.values().any(is_known) || flags(&all).contains(flag), is_known);
                        assert!(fits, "{}: {flag} in {sentence}", path.display());
                        seen += 1;
                    }
                }
            }
        }
    }
    assert!(seen > 15, "{seen}");
}

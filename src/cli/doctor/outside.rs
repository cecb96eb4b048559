//! Who is called: the lender's systems, whether they answer, and LSPs as they are registered.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::{Url, redirect};
use sqlx::PgConnection;

use super::edge::{is_loopback, without_secrets};
use super::report::Finding;
use super::secrets::is_known;
use crate::clock::Clock;
use crate::config::{ClientTls, Config, PortConfig};
use crate::delivery::address::Policy;
use crate::jose::VerifyingKey;
use crate::lsp::Lsp;
use crate::store::lsp;
use crate::tls::outgoing::{self, Trust};

/// How long one of the lender's systems may take to answer at all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Furthest that our clock and another system's may be apart, whole seconds as HTTP has them.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);
/// LSPs read at a time.
const PAGE: i64 = 200;

pub(super) async fn adapters(config: &Config) -> Vec<Finding> {
    let adapters = config.ports.iter().filter_map(|(name, port)| match port {
        PortConfig::Adapter(config) => Some(adapter(format!("ports.{name}"), &config.url, &config.tls)),
        PortConfig::BuiltIn => None,
    });
    join_all(adapters).await.into_iter().flatten().collect()
}

/// Any answer at all shows that name, network and TLS are in order; what it says is the adapter's own business.
async fn adapter(what: String, url: &Url, tls: &ClientTls) -> Vec<Finding> {
    let place = without_secrets(url);
    // As the server calls: straight, whatever proxy the environment names.
    let builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).no_proxy();
    let client = match outgoing::equip(builder, tls, Trust::Alone).and_then(|builder| Ok(builder.build()?)) {
        Ok(client) => client,
        Err(error) => {
            let finding = Finding::bad(what, error);
            return vec![finding.because("serve does not start with it", "correct the files of [ports.NAME.tls]")];
        }
    };
    let answer = match client.get(url.clone()).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let detail = format!("{place} does not answer: {}", cause(&error));
            let (why, fix) = ("loans stop where its answer is needed", "start it, or correct address, network and TLS");
            return vec![Finding::bad(what, detail).because(why, fix)];
        }
    };
    let date = answer.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
    let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.with_timezone(&Utc));
    let mut found = vec![Finding::good(&*what, format!("{place} answers"))];
    let apart = theirs.map(|theirs| (Clock::default().wall() - theirs).abs());
    if let Some(apart) = apart.filter(|apart| *apart > CLOCK_TOLERANCE) {
        let detail = format!("its clock is {} s from ours", apart.num_seconds());
        let why = "signatures carry a time, and one of both clocks is wrong";
        found.push(Finding::warn(what, detail).because(why, "synchronise both by NTP"));
    }
    found
}

fn cause(error: &reqwest::Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source.and_then(std::error::Error::source) {
        source = Some(inner);
    }
    source.map_or_else(|| "no connection".to_owned(), ToString::to_string)
}

pub(super) async fn lsps(conn: &mut PgConnection, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = match lsp::list(conn, &after, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                found.push(Finding::bad("LSPs", error));
                return found;
            }
        };
        let Some(last) = page.last() else { break };
        after.clone_from(&last.org_id.0);
        found.extend(page.iter().flat_map(|lsp| registered(lsp, config)));
    }
    found
}

fn registered(lsp: &Lsp, config: &Config) -> Vec<Finding> {
    let what = format!("LSP {}", lsp.org_id);
    let mut found = Vec::new();
    if lsp.settings.allow_unsigned {
        found.push(Finding::bad(&*what, "may send unsigned messages").because(
            "serve refuses them, and whoever opens this database as a sandbox lets anybody speak for it",
            "set allowUnsigned to false; it is for the sandbox",
        ));
    }
    let active: Vec<_> = lsp.keys.iter().filter(|key| key.revoked_at.is_none()).collect();
    if active.is_empty() {
        found.push(Finding::warn(&*what, "has no key that counts").because("it can send nothing", "register one"));
    }
    for key in active {
        match VerifyingKey::from_pem(&key.public_key_pem) {
            Err(error) => found.push(Finding::bad(&*what, format!("key {}: {error}", key.kid))),
            Ok(loaded) if is_known(&loaded) => found.push(
                Finding::bad(&*what, format!("key {} is an example key", key.kid))
                    .because("its private half is published", "revoke it and register the LSP's own"),
            ),
            Ok(_) => {}
        }
    }
    found.extend(callbacks(&what, lsp, config));
    found
}

fn callbacks(what: &str, lsp: &Lsp, config: &Config) -> Option<Finding> {
    let Ok(url) = lsp.callback_base_url.parse::<Url>() else {
        return Some(Finding::bad(what, "its callback address is no URL"));
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        return Some(
            Finding::bad(what, format!("callbacks go to {} in the clear", without_secrets(&url)))
                .because("they hold the borrower's terms and loans", "ask the LSP for an https address"),
        );
    }
    let delivery = &config.delivery;
    let policy = Policy { private_addresses: delivery.allow_private_addresses, ports: delivery.allowed_ports.clone() };
    let refused = policy.check(&url).err()?;
    Some(Finding::bad(what, refused).because("its callbacks never leave", "correct the address or [delivery]"))
}

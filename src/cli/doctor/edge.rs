//! The doors: TLS, client certificates, proxies, addresses and limits as configured.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::report::Finding;
use crate::clock::Clock;
use crate::config::{AdapterConfig, Config, ListenerTls, Network, PortConfig};
use crate::http::Certificates;
use crate::protocol;
use crate::tls::files;

/// Open files that a busy server needs: three listeners of a thousand connections, callbacks, adapters, the database.
const OPEN_FILES: u64 = 4_096;
/// The operators' listener, which no proxy need stand before.
const ADMIN: &str = "tls.admin";
/// Before this time a certificate should have been renewed.
const SOON: TimeDelta = TimeDelta::days(30);

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut found = vec![certificates(config)];
    found.extend(listeners(config));
    let now = Clock::default().wall();
    found.extend(shown(config).iter().filter_map(|(what, path)| expiry(what, path, now)));
    found.extend(revocations(config, now));
    found.push(client_certificates(config));
    found.extend(proxy(config));
    found.push(borrower_url(&config.borrower_url));
    found.extend(outgoing(config));
    found.push(limits(config));
    found.extend(open_files());
    found
}

/// Certificates that we show, by the setting that names them.
fn shown(config: &Config) -> Vec<(String, PathBuf)> {
    let own = config.listener_tls().into_iter().map(|(what, tls)| (what.to_owned(), tls.cert_file));
    own.chain(config.client_tls().into_iter().filter_map(|(what, tls)| Some((what, tls.cert_file.clone()?)))).collect()
}

/// Lists of revoked client certificates that are older than they should be.
fn revocations(config: &Config, now: DateTime<Utc>) -> Vec<Finding> {
    let lists = config.listener_tls().into_iter().filter_map(|(what, tls)| Some((what, tls.client_crl_file?)));
    let due =
        lists.filter_map(|(what, path)| Some((what, files::next_update(&files::revocations(&path).ok()?)?, path)));
    due.map(|(what, due, path)| {
        let detail = format!("{} is to be replaced by {}", path.display(), due.format("%Y-%m-%d %H:%M UTC"));
        let late = Finding::warn(what, &detail).because(
            "what was revoked since is let in: an old list goes on counting",
            "fetch the authority's newest list; the server reads it by itself",
        );
        if due > now { Finding::good(what, detail) } else { late }
    })
    .collect()
}

/// How long a certificate is good for; nothing when it cannot be read, which is told elsewhere.
fn expiry(what: &str, path: &Path, now: DateTime<Utc>) -> Option<Finding> {
    let expiry = files::expiry(&files::certificates(path).ok()?)?;
    let detail = format!("{} is good until {}", path.display(), expiry.format("%Y-%m-%d %H:%M UTC"));
    let (why, fix) = ("who connects refuses it from then on", "renew it; the server reads the new file by itself");
    Some(match expiry - now {
        left if left <= TimeDelta::zero() => Finding::bad(what, detail).because(why, fix),
        left if left < SOON => Finding::warn(what, detail).because(why, fix),
        _ => Finding::good(what, detail),
    })
}

fn certificates(config: &Config) -> Finding {
    match Certificates::load(&config.tls) {
        Ok(_) => Finding::good("tls", "every certificate fits its key"),
        Err(error) => Finding::bad("tls", error).because("serve does not start with it", "correct the files of [tls]"),
    }
}

fn listeners(config: &Config) -> Vec<Finding> {
    let ListenerState { lsp, admin, borrower } = ListenerState::of(config);
    let listeners = [
        ("tls.lsp", config.listen.lsp, lsp),
        (ADMIN, config.listen.admin, admin),
        ("tls.borrower", config.listen.borrower, borrower),
    ];
    listeners.map(|(what, address, has_tls)| listener(what, address, has_tls, config)).into()
}

/// Which listeners speak TLS.
struct ListenerState {
    lsp: bool,
    admin: bool,
    borrower: bool,
}

impl ListenerState {
    fn of(config: &Config) -> Self {
        let tls = &config.tls;
        Self { lsp: tls.lsp.is_some(), admin: tls.admin.is_some(), borrower: tls.borrower.is_some() }
    }
}

fn listener(what: &str, address: SocketAddr, has_tls: bool, config: &Config) -> Finding {
    let why = "messages hold personal data, and tokens and links open what they name";
    let fix = "give the listener a certificate, or name the TLS proxy before it in [proxy] trustedProxies";
    if has_tls {
        Finding::good(what, format!("{address} speaks TLS"))
    } else if !config.proxy.trusted_proxies.is_empty() && (what != ADMIN || !address.ip().is_unspecified()) {
        Finding::good(what, format!("{address} is behind a proxy"))
    } else if address.ip().is_loopback() {
        Finding::warn(what, format!("{address} speaks plain HTTP on loopback")).because(why, fix)
    } else {
        Finding::bad(what, format!("{address} speaks plain HTTP")).because(why, fix)
    }
}

fn client_certificates(config: &Config) -> Finding {
    let asks = |listener: &Option<ListenerTls>| listener.as_ref().is_some_and(|tls| tls.client_ca_file.is_some());
    let by_proxy = config.proxy.client_certificate_header.is_some();
    if by_proxy || asks(&config.tls.lsp) {
        return Finding::good("mutual TLS", "LSPs show certificates");
    }
    Finding::warn("mutual TLS", "LSPs are asked for no certificate").because(
        "a stolen signing key alone is then enough to speak for an LSP",
        "set clientCaFile in [tls.lsp], or clientCertificateHeader in [proxy]; bind LSPs by settings.clientCertificates",
    )
}

/// Whoever is trusted as a proxy says from which address, and with which certificate, a client has come.
fn proxy(config: &Config) -> Option<Finding> {
    let everybody = config.proxy.trusted_proxies.iter().any(Network::is_everybody);
    everybody.then(|| {
        Finding::bad("proxy", "trustedProxies takes in every address").because(
            "any client can then name the address or the certificate that it is let in by",
            "name the proxies' own addresses",
        )
    })
}

fn borrower_url(url: &str) -> Finding {
    if url.starts_with("https://") {
        return Finding::good("borrowerUrl", url);
    }
    Finding::bad("borrowerUrl", format!("{url} is not https"))
        .because("borrowers read and pay over it, and its links are secrets", "serve the pages over https")
}

fn outgoing(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if config.delivery.allow_private_addresses {
        found.push(Finding::warn("delivery", "allowPrivateAddresses is on").because(
            "an LSP's registration can then point callbacks at systems inside",
            "turn it off unless LSPs are in the same private network",
        ));
    }
    if config.delivery.allowed_ports.is_empty() {
        found.push(Finding::warn("delivery", "callbacks may go to every port").because(
            "a registration could point them at anything that listens",
            "set [delivery] allowedPorts = [443]",
        ));
    }
    for (name, port) in &config.ports {
        match port {
            // Our own book as the general ledger is an ordinary choice.
            PortConfig::BuiltIn if name == "ledger" => {}
            PortConfig::BuiltIn => {
                found.push(Finding::warn(format!("ports.{name}"), "is answered by what is built in").because(
                    "the rule table of the configuration decides on credit",
                    "connect the lender's decision system, or leave it so deliberately",
                ));
            }
            PortConfig::Adapter(AdapterConfig { url, .. }) if url.scheme() == "http" && !is_loopback(url) => found
                .push(
                    Finding::bad(format!("ports.{name}"), format!("{} is plain http", without_secrets(url))).because(
                        "account numbers, PANs and OTPs travel over it",
                        "use https; [ports.NAME.tls] takes a private authority and a client certificate",
                    ),
                ),
            PortConfig::Adapter(_) => {}
        }
    }
    found
}

/// Whether an address is of this machine.
pub(in crate::cli) fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Scheme, host and port, without a user or path.
pub(super) fn without_secrets(url: &reqwest::Url) -> String {
    url.origin().ascii_serialization()
}

fn limits(config: &Config) -> Finding {
    if config.rate_limits.is_off() {
        return Finding::warn("rateLimits", "nothing is limited").because(
            "one LSP can take the whole server, and offers can be fished for",
            "set [rateLimits] requests, eachOperation and otpVerify",
        );
    }
    if let Some(name) = protocol::unknown_operation(&config.rate_limits) {
        return Finding::bad("rateLimits", format!("there is no operation `{name}`"))
            .because("serve does not start with it", "use a name of openapi/ocen-v3.json, e.g. setOffer");
    }
    Finding::good("rateLimits", "set")
}

fn open_files() -> Option<Finding> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    // Not a number where there is no limit.
    let enough = soft.parse::<u64>().map_or(true, |limit| limit >= OPEN_FILES);
    let detail = format!("at most {soft}");
    Some(if enough {
        Finding::good("open files", detail)
    } else {
        Finding::warn("open files", detail).because(
            "each connection is one; a server without any left accepts nobody",
            "raise it to 4096 or more (LimitNOFILE, ulimit -n)",
        )
    })
}

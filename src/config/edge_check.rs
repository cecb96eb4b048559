//! What must hold of TLS, proxies and rate limits in a configuration.

use std::path::Path;

use super::error::Problems;
use super::{ClientTls, Config, ListenerTls};

/// Notes everything that makes no sense.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    for (member, listener) in config.listener_tls() {
        paths_are_there(member, &listener, problems);
    }
    for (member, tls) in config.client_tls() {
        client_tls(&member, tls, problems);
    }
    for (member, quota) in config.rate_limits.quotas() {
        problems.demand(quota.makes_sense(), format!("rateLimits.{member}"), "must let at least one request through");
    }
    proxy(config, problems);
}

fn paths_are_there(member: &str, listener: &ListenerTls, problems: &mut Problems) {
    let ListenerTls { cert_file, key_file, client_ca_file, client_crl_file, client_certificates } = listener;
    let paths = [
        ("certFile", Some(cert_file)),
        ("keyFile", Some(key_file)),
        ("clientCaFile", client_ca_file.as_ref()),
        ("clientCrlFile", client_crl_file.as_ref()),
    ];
    let asks = client_ca_file.is_some() || client_crl_file.is_none();
    problems.demand(asks, format!("{member}.clientCrlFile"), "needs `clientCaFile`, whose certificates it revokes");
    let known = client_ca_file.is_some() || client_certificates.is_none();
    let detail = "needs `clientCaFile`: without it no client is asked for a certificate";
    problems.demand(known, format!("{member}.clientCertificates"), detail);
    for (file, path) in paths.into_iter().filter_map(|(file, path)| Some((file, path?))) {
        problems.demand(!is_empty(path), format!("{member}.{file}"), "must name a file");
    }
}

fn client_tls(member: &str, tls: &ClientTls, problems: &mut Problems) {
    let both = tls.cert_file.is_some() == tls.key_file.is_some();
    problems.demand(both, member, "has `certFile` and `keyFile` together, or neither");
    for path in [&tls.ca_file, &tls.cert_file, &tls.key_file].into_iter().flatten() {
        problems.demand(!is_empty(path), member, "names a file that is empty text");
    }
}

fn proxy(config: &Config, problems: &mut Problems) {
    let Some(header) = &config.proxy.client_certificate_header else {
        return;
    };
    let is_header = header.parse::<reqwest::header::HeaderName>().is_ok();
    problems.demand(is_header, "proxy.clientCertificateHeader", "must be the name of an HTTP header");
    let trusts = !config.proxy.trusted_proxies.is_empty();
    let detail = "is missing: without it nobody may hand on a client certificate";
    problems.demand(trusts, "proxy.trustedProxies", detail);
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

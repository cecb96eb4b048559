//! `doctor --production`: what a lender should not go live with is found, with its reason and its remedy.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use ocen_lender::jose::SigningKey;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::process::Command;

use crate::support::certificates::{self, Authority, Folder};
use crate::support::database;
use crate::support::server::TEST_MASTER_KEY;

const EXAMPLE: &str = include_str!("../../deploy/ocen-lender.example.toml");
const RANDOM_TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c";

/// The example's configuration with keys of a folder, and addresses that answer at once.
fn configured(folder: &Folder, adapters: &str) -> String {
    let key = SigningKey::generate("k").unwrap();
    let published = include_str!("../fixtures/jose/lsp.key.pem");
    for (name, text, mode) in [
        ("master.key", TEST_MASTER_KEY, 0o644),
        ("signing.pem", key.to_pkcs8_pem().unwrap().expose_secret(), 0o600),
        ("signing-2025.pem", published, 0o600),
    ] {
        let path = folder.write(name, text);
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    let hosts = ["http://lending.internal:9000", "http://payments.internal:9000", "http://messages.internal:9000"];
    let text = EXAMPLE.replace("/etc/ocen-lender", &folder.path().to_string_lossy());
    let text = [":8080\"", ":8081\"", ":8082\""].iter().fold(text, |text, port| text.replace(port, ":0\""));
    hosts.iter().fold(text, |text, host| text.replace(host, adapters))
}

/// Runs the doctor; gives whether it is content, and its findings.
async fn doctor(folder: &Folder, config: &str, token: &str) -> (bool, Vec<Value>) {
    let ran = Command::new(env!("CARGO_BIN_EXE_ocen-lender"))
        .args(["doctor", "--production", "--json"])
        .env("OCEN_CONFIG", folder.write("config.toml", config))
        .env("OCEN_ADMIN_TOKEN", token)
        .env("DATABASE_URL", database::fresh().await)
        .output()
        .await
        .unwrap();
    let printed: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let findings = printed["findings"].as_array().unwrap().clone();
    let bad = findings.iter().filter(|finding| finding["level"] == "BAD").count();
    assert_eq!(printed["bad"], bad);
    assert_eq!(ran.status.success(), bad == 0, "{printed:#}");
    (bad == 0, findings)
}

fn levels<'a>(findings: &'a [Value], what: &str) -> Vec<&'a str> {
    findings
        .iter()
        .filter(|finding| finding["what"] == what)
        .map(|finding| finding["level"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_go_into_production_is_found() {
    let folder = Folder::new();
    let config = configured(&folder, "http://0.0.0.0:1")
        .replace("https://loans.example.in", "http://loans.example.in")
        .replace("allowPrivateAddresses = false", "allowPrivateAddresses = true");
    let (content, findings) = doctor(&folder, &config, "changeme").await;

    assert!(!content);
    for what in ["admin token", "master key", "key EXAMPLE-NBFC-2025", "tls.lsp", "borrowerUrl", "role"] {
        assert!(levels(&findings, what).contains(&"BAD"), "{what}: {findings:#?}");
    }
    assert_eq!(levels(&findings, "ports.kyc"), ["BAD"; 3], "the example's secret, plain http, and nobody there");
    for what in ["mutual TLS", "delivery", "ports.decision", "tls.admin"] {
        assert_eq!(levels(&findings, what), ["warn"], "{what}");
    }
    for finding in findings.iter().filter(|finding| finding["level"] != "ok") {
        assert!(finding["why"].is_string() && finding["fix"].is_string(), "{finding}");
    }
    let printed = serde_json::to_string(&findings).unwrap();
    assert!(!printed.contains("changeme") && !printed.contains("postgres://"), "secrets stay where they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_order_is_not_complained_about() {
    let (folder, ours) = (Folder::new(), Authority::new());
    let listener = certificates::listener(&folder, &ours, Some(&ours), ocen_lender::config::Asked::Required);
    fs::set_permissions(&listener.key_file, Permissions::from_mode(0o600)).unwrap();
    let [cert, key] = [&listener.cert_file, &listener.key_file].map(|path| path.display().to_string());
    let proxy = "[proxy]\ntrustedProxies = [\"10.0.3.0/24\"]\nclientCertificateHeader";
    let mut config = configured(&folder, "http://127.0.0.1:1")
        .replace(&proxy.replace('\n', "\n# ").replace("[proxy]", "# [proxy]"), proxy)
        .replace("whsec_cmVwbGFjZS10aGlzLXNlY3JldC1iZWZvcmUtdXNl", "whsec_c2y5Nf0xk8Q3Vb7uH1tLrWm4Zp6Ej9Ad");
    let section = |listener: &str| format!("\n[tls.{listener}]\ncertFile = \"{cert}\"\nkeyFile = \"{key}\"\n");
    config.extend(["lsp", "admin", "borrower"].map(section));
    let (_, findings) = doctor(&folder, &config, RANDOM_TOKEN).await;

    for what in
        ["admin token", "tls", "tls.lsp", "tls.admin", "tls.borrower", "borrowerUrl", "rateLimits", "mutual TLS"]
    {
        let levels = levels(&findings, what);
        assert!(!levels.is_empty() && levels.iter().all(|level| *level == "ok"), "{what}: {findings:#?}");
    }
    assert_eq!(levels(&findings, "ports.kyc"), ["BAD"], "nobody there, and nothing else");
    assert_eq!(levels(&findings, "key EXAMPLE-NBFC-2026"), ["ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_that_only_look_shut_are_found() {
    let folder = Folder::new();
    let config = configured(&folder, "http://127.0.0.1:1")
        .replace("# [proxy]\n# trustedProxies = [\"10.0.3.0/24\"]", "[proxy]\ntrustedProxies = [\"0.0.0.0/0\"]")
        .replace("admin = \"127.0.0.1:0\"", "admin = \"0.0.0.0:0\"")
        .replace("operations = { generateOffers", "operations = { genOffers");
    let (content, findings) = doctor(&folder, &config, RANDOM_TOKEN).await;
    assert!(!content);
    for what in ["proxy", "tls.admin", "rateLimits"] {
        assert_eq!(levels(&findings, what), ["BAD"], "{what}: {findings:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_runs_already_is_no_fault() {
    let folder = Folder::new();
    let running = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = running.local_addr().unwrap();
    let config =
        configured(&folder, "http://127.0.0.1:1").replace("admin = \"127.0.0.1:0\"", &format!("admin = \"{address}\""));
    let (_, findings) = doctor(&folder, &config, RANDOM_TOKEN).await;
    assert_eq!(levels(&findings, "operators"), ["warn"], "{findings:#?}");
    assert_eq!(levels(&findings, "lsp")[0], "ok", "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_ended_is_found_and_a_late_revocation_list_too() {
    let (folder, ours) = (Folder::new(), Authority::new());
    let listener = certificates::listener(&folder, &ours, None, ocen_lender::config::Asked::Required);
    let ended = ours.issue_until("127.0.0.1", 2020);
    folder.write("server.pem", &ended.cert);
    folder.write("server.key", &ended.key);
    let [cert, key] = [&listener.cert_file, &listener.key_file].map(|path| path.display().to_string());
    let authorities = folder.write("clients.pem", &ours.pem);
    let revoked = folder.write("revoked.pem", &ours.revoke(&[], 2021));
    let clients = format!("clientCaFile = \"{}\"\nclientCrlFile = \"{}\"\n", authorities.display(), revoked.display());
    let section = format!("\n[tls.lsp]\ncertFile = \"{cert}\"\nkeyFile = \"{key}\"\n{clients}");
    let config = configured(&folder, "http://127.0.0.1:1") + &section;
    let (content, findings) = doctor(&folder, &config, RANDOM_TOKEN).await;

    assert!(!content);
    for (day, level) in [("2020-01-01", "BAD"), ("2021-01-01", "warn")] {
        let of_that_day = |finding: &&Value| finding["detail"].as_str().is_some_and(|detail| detail.contains(day));
        let said = findings.iter().find(of_that_day).unwrap();
        assert_eq!((&said["what"], &said["level"]), (&Value::from("tls.lsp"), &Value::from(level)));
    }
}

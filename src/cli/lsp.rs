//! `lsp`: registers LSPs and revokes their keys, through a running server's operator API.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::fs;

use super::doctor::is_loopback;
use super::{CliError, output};

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// `lsp`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The operators' listener
    #[arg(
        long,
        global = true,
        help_heading = "Server",
        env = "OCEN_ADMIN_URL",
        default_value = "http://127.0.0.1:8081",
        value_name = "URL"
    )]
    admin_url: Url,
    /// Its bearer token
    #[arg(
        long,
        global = true,
        help_heading = "Server",
        env = "OCEN_ADMIN_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    admin_token: Option<SecretString>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register an LSP, or replace its registration
    Add {
        /// Its metadata.orgId
        org_id: String,
        /// Its name, for people
        #[arg(long)]
        name: String,
        /// Callbacks go to this address followed by the answer path
        #[arg(long, value_name = "URL")]
        callback_url: String,
        /// A public key in PEM, with its kid: KID=FILE; twice for two keys
        #[arg(long = "key", value_name = "KID=FILE", value_parser = kid_and_file)]
        keys: Vec<(String, PathBuf)>,
        /// Accept unsigned JSON (sandbox only)
        #[arg(long)]
        allow_unsigned: bool,
    },
    /// List all LSPs
    List,
    /// Show one LSP
    Show {
        /// Its metadata.orgId
        org_id: String,
    },
    /// Say why a signed message is not accepted: the first mismatch, and what was signed instead
    Check {
        /// The body as it was posted; `-` is standard input
        file: PathBuf,
        /// Who sent it, if the message does not say
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// Verify with this public key (PEM) instead of the registered one
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Revoke a key at once and for ever
    RevokeKey {
        /// Its metadata.orgId
        org_id: String,
        /// The key's kid
        kid: String,
    },
}

pub(super) fn kid_and_file(text: &str) -> Result<(String, PathBuf), String> {
    let (kid, file) = text.split_once('=').ok_or("write KID=FILE")?;
    Ok((kid.into(), file.into()))
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let server = Server { base: args.admin_url, token: args.admin_token };
    let answer = match args.command {
        Command::Add { org_id, name, callback_url, keys, allow_unsigned } => {
            let mut given = Vec::with_capacity(keys.len());
            for (kid, file) in keys {
                given.push(json!({"kid": kid, "publicKeyPem": read(&file).await?}));
            }
            let mut body = json!({"name": name, "callbackBaseUrl": callback_url, "keys": given});
            if allow_unsigned && let Some(members) = body.as_object_mut() {
                members.insert("settings".into(), json!({"allowUnsigned": true}));
            }
            server.call(Method::PUT, &["lsps", &org_id], Some(&body)).await?
        }
        Command::List => server.all_lsps().await?,
        Command::Show { org_id } => server.call(Method::GET, &["lsps", &org_id], None).await?,
        Command::Check { file, org, key } => {
            let report = check(&server, &file, org, key.as_deref()).await?;
            return Ok(shown(&report));
        }
        Command::RevokeKey { org_id, kid } => {
            server.call(Method::DELETE, &["lsps", &org_id, "keys", &kid], None).await?
        }
    };
    output::line(format_args!("{answer:#}"));
    Ok(ExitCode::SUCCESS)
}

async fn read(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).await.map_err(CliError::file(path))
}

async fn check(server: &Server, file: &Path, org: Option<String>, key: Option<&Path>) -> Result<Value, CliError> {
    let body = if file == Path::new("-") { io::read_to_string(io::stdin())? } else { read(file).await? };
    let mut question = json!({"body": body});
    if let Some(members) = question.as_object_mut() {
        members.extend(org.map(|org| ("orgId".to_owned(), org.into())));
        if let Some(key) = key {
            members.insert("publicKeyPem".to_owned(), read(key).await?.into());
        }
    }
    server.call(Method::POST, &["signature-check"], Some(&question)).await
}

/// Prints a check of a signature; the exit code says whether it verifies.
fn shown(report: &Value) -> ExitCode {
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let checks = report.get("checks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for check in checks {
        let mark = match text(check, "outcome").as_str() {
            "passed" => "ok",
            "failed" => "BAD",
            _ => "-",
        };
        output::line(format_args!("{mark:<4}{:<18} {}", text(check, "name"), text(check, "detail")));
    }
    if report.get("verified") == Some(&Value::Bool(true)) {
        output::line("the message is accepted as signed");
        return ExitCode::SUCCESS;
    }
    output::line(format_args!("not accepted; the first mismatch: {}", text(report, "firstMismatch")));
    ExitCode::FAILURE
}

struct Server {
    base: Url,
    token: Option<SecretString>,
}

impl Server {
    async fn call(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Value, CliError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| CliError::Refused(format!("{} is no address of a server", self.base)))?
            .pop_if_empty()
            .push("admin")
            .extend(path);
        self.send(method, url, body).await
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Value, CliError> {
        let mut request = client(&url)?.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        if status.is_success() { Ok(answer) } else { Err(CliError::Refused(refusal(&answer, status.as_u16()))) }
    }

    /// All pages of the list.
    async fn all_lsps(&self) -> Result<Value, CliError> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut url = self.base.clone();
            url.set_path("/admin/lsps");
            url.query_pairs_mut().clear().extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
            let mut page = self.send(Method::GET, url, None).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                all.extend(items);
            }
            match page.get("nextCursor").and_then(Value::as_str) {
                Some(next) => cursor = Some(next.into()),
                None => return Ok(Value::Array(all)),
            }
        }
    }
}

/// A client for one server.
pub(super) fn client(url: &Url) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder().timeout(TIMEOUT);
    // A proxy for the world outside does not know this machine, and is not to see an operator's token.
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// The words of a problem (RFC 9457).
fn refusal(problem: &Value, status: u16) -> String {
    let text = |member| problem.get(member).and_then(Value::as_str);
    let detail = text("detail").unwrap_or("no reason given");
    match text("pointer") {
        Some(pointer) => format!("{detail} ({pointer}, HTTP {status})"),
        None => format!("{detail} (HTTP {status})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let problem = json!({"detail": "must be a URL", "pointer": "/callbackBaseUrl"});
        assert_eq!(refusal(&problem, 422), "must be a URL (/callbackBaseUrl, HTTP 422)");
        assert_eq!(refusal(&json!({}), 500), "no reason given (HTTP 500)");
    }

    #[test]
    fn a_key_is_given_with_its_kid() {
        assert_eq!(kid_and_file("k-1=a=b.pem"), Ok(("k-1".into(), "a=b.pem".into())));
        assert!(kid_and_file("k-1").is_err());
    }
}

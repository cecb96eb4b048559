//! The sandbox's operators' listener, as far as it is needed here.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::redirect::Policy;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::args::ConformanceArgs;
use super::error::ConformanceError;
use super::probes::Probe;
use super::traffic::Traffic;

/// How long one call may take: a probe of three posts to an endpoint that never answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client of it.
pub struct Server {
    client: reqwest::Client,
    url: String,
    token: Option<SecretString>,
}

impl Server {
    /// A client with time-outs.
    ///
    /// # Errors
    /// [`ConformanceError::Args`] when the address is none.
    pub fn new(args: &ConformanceArgs) -> Result<Self, ConformanceError> {
        let url: Url = args
            .admin_url
            .parse()
            .map_err(|error| ConformanceError::Args(format!("--admin-url {}: {error}", args.admin_url)))?;
        let mut builder = reqwest::Client::builder().redirect(Policy::none()).timeout(PATIENCE);
        // A proxy for the world outside does not know this machine.
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ConformanceError::Unreachable(error.to_string()))?;
        Ok(Self { client, url: args.admin_url.trim_end_matches('/').to_owned(), token: args.admin_token.clone() })
    }

    /// What passed between an LSP and the sandbox.
    ///
    /// # Errors
    /// [`ConformanceError`].
    pub async fn traffic(&self, org: &str, since: Option<DateTime<Utc>>) -> Result<Traffic, ConformanceError> {
        let since = since.map(|since| format!("?since={}", since.to_rfc3339_opts(SecondsFormat::Millis, true)));
        let path = format!("/sandbox/traffic/{org}{}", since.unwrap_or_default());
        self.json(Method::GET, &path, None).await
    }

    /// Posts a probe.
    ///
    /// # Errors
    /// [`ConformanceError`]; an endpoint that does not answer is none.
    pub async fn probe(&self, org: &str, target: &str, defect: &str) -> Result<Probe, ConformanceError> {
        let body = json!({"orgId": org, "callbackUrl": target, "defect": defect});
        self.json(Method::POST, "/sandbox/probe", Some(body.to_string())).await
    }

    /// Has a report signed.
    ///
    /// # Errors
    /// [`ConformanceError`].
    pub async fn sign(&self, report: &str) -> Result<String, ConformanceError> {
        self.text(Method::POST, "/sandbox/reports", Some(report.to_owned())).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<T, ConformanceError> {
        let text = self.text(method, path, body).await?;
        serde_json::from_str(&text)
            .map_err(|error| ConformanceError::Answer { path: path.to_owned(), detail: error.to_string() })
    }

    async fn text(&self, method: Method, path: &str, body: Option<String>) -> Result<String, ConformanceError> {
        let unreachable = |error: reqwest::Error| ConformanceError::Unreachable(error.to_string());
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(text);
        }
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = problem.get("detail").and_then(Value::as_str).unwrap_or("no sandbox answers here").to_owned();
        Err(ConformanceError::Refused { path: path.to_owned(), status: status.as_u16(), detail })
    }
}

//! What a journey asks of the operators' listener: its registration, and the borrower's part in the sandbox.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::operations::{list, text};
use super::outbound::{asks_for_patience, root_cause, shown};

/// How long one try may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one move of the clock may take: it settles all that happens to any loan in between.
const MOVE_TIMEOUT: Duration = Duration::from_mins(5);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// A client of the operators' listener.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The shared client.
    pub client: reqwest::Client,
    /// Its address, without a slash at its end.
    pub url: String,
    /// Its bearer token, outside `dev`.
    pub token: Option<SecretString>,
    /// Where the borrower's phone is, on a server that is no sandbox; without a slash at its end.
    pub otp_url: Option<String>,
    /// How long a call may take, retries included.
    pub patience: Duration,
}

impl Admin {
    /// Registers an LSP.
    ///
    /// # Errors
    /// In words, what came instead of success.
    pub async fn register(&self, org_id: &str, registration: Value) -> Result<(), String> {
        self.call(Method::PUT, &format!("/admin/lsps/{org_id}"), Some(registration)).await.map(drop)
    }

    /// The OTP that the borrower would read from an SMS.
    ///
    /// # Errors
    /// In words, what came instead of an OTP.
    pub async fn otp(&self, session_key: &str) -> Result<String, String> {
        let answer = match &self.otp_url {
            Some(url) => self.phone(&format!("{url}/{session_key}")).await?,
            None => self.call(Method::GET, &format!("/sandbox/otp/{session_key}"), None).await?,
        };
        match answer.get("otp") {
            Some(Value::String(otp)) => Ok(otp.clone()),
            Some(Value::Number(otp)) => Ok(otp.to_string()),
            _ => Err(format!("no otp in {answer}")),
        }
    }

    async fn phone(&self, url: &str) -> Result<Value, String> {
        let response = self.client.get(url).timeout(REQUEST_TIMEOUT).send().await.map_err(|e| root_cause(&e))?;
        response.json().await.map_err(|error| root_cause(&error))
    }

    /// Does what the borrower or a bank would do, on a server that holds such things until told.
    ///
    /// # Errors
    /// In words, why it was not done.
    pub async fn tell(&self, path: &str, outcome: &str) -> Result<(), String> {
        self.call(Method::POST, path, Some(json!({"outcome": outcome}))).await.map(drop)
    }

    /// The business date of a server whose clock can be moved.
    ///
    /// # Errors
    /// In words, why there is none: this is no sandbox.
    pub async fn business_date(&self) -> Result<String, String> {
        let clock = self.call(Method::GET, "/sandbox/clock", None).await?;
        let date = clock.get("businessDate").and_then(Value::as_str);
        date.map(str::to_owned).ok_or_else(|| format!("no businessDate in {clock}"))
    }

    /// Moves the clock to a day, unless it is past that day already.
    ///
    /// # Errors
    /// In words, why it stands where it stood.
    pub async fn move_clock(&self, day: &str) -> Result<(), String> {
        let body = json!({"to": day});
        let moved = self.patiently(Method::POST, "/sandbox/clock", Some(body), MOVE_TIMEOUT).await;
        match moved {
            // ISO dates sort as they follow each other.
            Err(came) if self.business_date().await.is_ok_and(|today| today.as_str() < day) => Err(came),
            _ => Ok(()),
        }
    }

    /// Moves the clock as a body of `POST /sandbox/clock` says.
    ///
    /// # Errors
    /// In words, why it stands where it stood.
    pub async fn turn_clock(&self, body: Value) -> Result<(), String> {
        self.patiently(Method::POST, "/sandbox/clock", Some(body), MOVE_TIMEOUT).await.map(drop)
    }

    /// A loan as operators see it.
    ///
    /// # Errors
    /// In words, what came instead of a loan.
    pub async fn loan(&self, loan_id: &str) -> Result<Value, String> {
        self.call(Method::GET, &format!("/admin/loans/{loan_id}"), None).await
    }

    /// Debits of a loan that the simulated bank holds until it is told.
    ///
    /// # Errors
    /// In words, what came instead of a loan.
    pub async fn held_debits(&self, loan_id: &str) -> Result<Vec<String>, String> {
        let loan = self.loan(loan_id).await?;
        let held = list(&loan, "/payments").filter(|payment| text(payment, "/state") == "PRESENTING");
        Ok(held.map(|payment| text(payment, "/paymentId").to_owned()).collect())
    }

    /// How many callbacks to an LSP are in a state, as far as the first page tells.
    ///
    /// # Errors
    /// In words, what came instead of a list.
    pub async fn callbacks(&self, org_id: &str, state: &str) -> Result<usize, String> {
        let path = format!("/admin/callbacks?state={state}&orgId={org_id}");
        let page = self.call(Method::GET, &path, None).await?;
        page.get("items").and_then(Value::as_array).map(Vec::len).ok_or_else(|| format!("no items in {page}"))
    }

    /// A page of what a sandbox's inbox holds for an LSP, newest first.
    ///
    /// # Errors
    /// In words, what came instead of a page.
    pub async fn inbox(&self, org_id: &str, cursor: Option<&str>) -> Result<Value, String> {
        let cursor = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        self.call(Method::GET, &format!("/sandbox/inbox/{org_id}{cursor}"), None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        self.patiently(method, path, body, REQUEST_TIMEOUT).await
    }

    /// A server that was killed may be back in a moment, so failures to reach it are tried again.
    async fn patiently(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        limit: Duration,
    ) -> Result<Value, String> {
        let deadline = Instant::now() + self.patience;
        loop {
            let came = match self.attempt(method.clone(), path, body.as_ref(), limit).await {
                Ok((status, body)) if status.is_success() => return Ok(body),
                Ok((status, body)) if !asks_for_patience(status) => {
                    return Err(format!("HTTP {}: {}", status.as_u16(), shown(body.to_string().as_bytes())));
                }
                Ok((status, body)) => format!("HTTP {}: {}", status.as_u16(), shown(body.to_string().as_bytes())),
                Err(error) => root_cause(&error),
            };
            if Instant::now() + PAUSE >= deadline {
                return Err(came);
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).timeout(limit);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| shown(&bytes).into());
        Ok((status, body))
    }
}

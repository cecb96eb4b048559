//! Making this listener the LSP's callback address while it runs.

use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::args::{DEMO, ListenArgs};
use super::base;
use super::keys::root_cause;

/// A registration that was changed, with what is needed to change it back.
#[derive(Debug)]
pub(super) struct Registration {
    client: reqwest::Client,
    admin: String,
    token: Option<SecretString>,
    org: String,
    ours: String,
    before: String,
}

impl Registration {
    /// Points the LSP's callbacks here.
    ///
    /// # Errors
    /// In words that say what to do.
    pub(super) async fn take_over(args: &ListenArgs, client: reqwest::Client, ours: &str) -> Result<Self, String> {
        let admin = base(&args.admin_url);
        let mut taken = Self {
            client,
            admin,
            token: args.admin_token.clone(),
            org: args.org.clone(),
            ours: ours.to_owned(),
            before: String::new(),
        };
        let lsp = taken.call(Method::GET, None).await.map_err(|why| {
            format!("{} cannot be registered at {}: {why}\n(--no-register listens without)", args.org, taken.admin)
        })?;
        taken.before = match lsp.get("callbackBaseUrl").and_then(Value::as_str).unwrap_or_default() {
            // A listener that was killed left its own address behind.
            url if url == ours && args.org == DEMO => format!("{}/sandbox/inbox/{DEMO}", taken.admin),
            url => url.to_owned(),
        };
        taken.put(&lsp, ours).await?;
        Ok(taken)
    }

    /// Where the callbacks went before.
    pub(super) fn before(&self) -> &str {
        &self.before
    }

    /// Points them back, unless somebody pointed them elsewhere meanwhile. Gives where they go.
    ///
    /// # Errors
    /// In words.
    pub(super) async fn give_back(&self) -> Result<String, String> {
        let lsp = self.call(Method::GET, None).await?;
        let now = lsp.get("callbackBaseUrl").and_then(Value::as_str).unwrap_or_default();
        if now != self.ours {
            return Ok(now.to_owned());
        }
        self.put(&lsp, &self.before).await?;
        Ok(self.before.clone())
    }

    /// Registers the LSP as it is, but for its callback address.
    async fn put(&self, lsp: &Value, url: &str) -> Result<(), String> {
        let keys = lsp.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let active = keys.iter().filter(|key| key.get("revokedAt").is_none_or(Value::is_null));
        let keys: Vec<Value> =
            active.map(|key| json!({"kid": key.get("kid"), "publicKeyPem": key.get("publicKeyPem")})).collect();
        let body = json!({
            "name": lsp.get("name"),
            "callbackBaseUrl": url,
            "keys": keys,
            "settings": lsp.get("settings"),
        });
        self.call(Method::PUT, Some(&body)).await.map(drop)
    }

    async fn call(&self, method: Method, body: Option<&Value>) -> Result<Value, String> {
        let mut url = Url::parse(&self.admin).map_err(|error| format!("{}: {error}", self.admin))?;
        url.path_segments_mut()
            .map_err(|()| format!("{} is no address of a server", self.admin))?
            .pop_if_empty()
            .extend(["admin", "lsps", self.org.as_str()]);
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| root_cause(&error))?;
        let status = response.status();
        let answer: Value = response.json().await.map_err(|error| root_cause(&error))?;
        if status.is_success() {
            return Ok(answer);
        }
        let detail = answer.get("detail").and_then(Value::as_str).unwrap_or("no reason given");
        Err(format!("HTTP {}, {detail}", status.as_u16()))
    }
}

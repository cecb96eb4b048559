//! Operators with tokens and roles, and their calls.

use ocen_lender::config::{Operator, Role};
use reqwest::Method;
use serde_json::Value;

use super::operators_api;
use super::server::{Options, Server};

/// The sandbox with operators of these names and roles; who shows no token is let in all the same.
pub async fn with(operators: &[(&str, &[Role])]) -> Server {
    start(operators, Options::default(), |_| ()).await
}

/// The same with other options and another change of the configuration.
pub async fn start(
    operators: &[(&str, &[Role])],
    options: Options,
    tweak: impl FnOnce(&mut ocen_lender::config::Config) + Send + 'static,
) -> Server {
    let operators: Vec<Operator> =
        operators.iter().map(|(name, roles)| Operator::with_token(name, &token(name), roles)).collect();
    let tweak: super::server::Tweak = Box::new(move |config| {
        config.operators = operators;
        tweak(config);
    });
    Server::start_with(Options { tweak: Some(tweak), ..options }).await
}

fn token(name: &str) -> String {
    format!("the token of {name}")
}

/// A call by an operator; gives status and answer.
pub async fn call(server: &Server, name: &str, (method, path): (Method, &str), body: Option<&Value>) -> (u16, Value) {
    call_because(server, name, (method, path), body, None).await
}

/// The same with a reason.
pub async fn call_because(
    server: &Server,
    name: &str,
    (method, path): (Method, &str),
    body: Option<&Value>,
    reason: Option<&str>,
) -> (u16, Value) {
    let mut request = server.http.request(method.clone(), format!("{}{path}", server.admin)).bearer_auth(token(name));
    if let Some(body) = body {
        request = request.json(body);
    }
    if let Some(reason) = reason {
        request = request.header("Ocen-Reason", reason);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    // An event stream has no end.
    if answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream") {
        return (status, Value::Null);
    }
    let is_json = answer.headers().get("content-type").is_none_or(|kind| kind != "application/zip");
    let answer = answer.json().await.unwrap_or(Value::Null);
    if is_json && !path.contains("/metrics") {
        operators_api::hold(&method.as_str().to_ascii_lowercase(), path, (status, &answer));
    }
    (status, answer)
}

/// A GET by an operator.
pub async fn get(server: &Server, name: &str, path: &str) -> (u16, Value) {
    call(server, name, (Method::GET, path), None).await
}

/// A POST by an operator.
pub async fn post(server: &Server, name: &str, path: &str, body: &Value) -> (u16, Value) {
    call(server, name, (Method::POST, path), Some(body)).await
}

/// The entries of the audit log, newest first.
pub async fn audited(server: &Server) -> Vec<Value> {
    let mut conn = server.app.pool.acquire().await.unwrap();
    let rows =
        ocen_lender::store::audit::list(&mut conn, ocen_lender::store::audit::Wanted::default(), 500).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.entry).unwrap()).collect()
}

//! What operators see: log lines as documented, traces over all hops, metrics and the rules that name them, health.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocen_lender::cli::run;
use ocen_lender::lender::Port;
use ocen_lender::telemetry::names::METRICS;
use reqwest::header::{CONNECTION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, Reaction, TestLsp};
use crate::support::port::{Reply, Steered};
use crate::support::server::{Options, Server, Tweak};
use crate::support::skip;
use crate::support::system::{System, Told};

const DASHBOARD: &str = include_str!("../../deploy/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../deploy/prometheus-alerts.yml");
const TELEMETRY: &str = include_str!("../../src/telemetry.rs");
/// There once a day was compared with the general ledger; and where a listener speaks TLS (`tls.rs`).
const NOT_HERE: [&str; 2] = ["ocen_ledger_differences", "ocen_certificate_expiry_timestamp_seconds"];

/// Money in the account, and one message that is refused.
async fn journey(server: &Server, lsp: &TestLsp) {
    let flow = Flow { server, lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let granted = flow.grant(&ids[0]).await;
    let loan_id = granted["loanId"].as_str().unwrap().to_owned();
    flow.disburse(&Loan { application: ids[0].clone(), offer: offers[0].clone(), loan_id }, "DISB-1").await;
    let unknown = json!({"loanApplicationIds": ["APP-NEVER"]});
    assert_eq!(lsp.send(path::GENERATE_OFFERS, unknown).await.1.status, 404);
    server.post("/sandbox/clock", &json!({"advance": "P31D"})).await;
    fingerprint::at_rest(server).await;
}

/// Sends an application under a `traceparent`; gives its callback.
async fn create_under(server: &Server, lsp: &TestLsp, traceparent: Option<&str>) -> Callback {
    let body = lsp.complete(json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]}));
    let post = server.http.post(format!("{}{}", server.url, path::CREATE)).header(CONTENT_TYPE, "application/json");
    let post = traceparent.into_iter().fold(post, |post, value| post.header("traceparent", value));
    assert_eq!(post.body(lsp.seal(&body)).send().await.unwrap().status(), 200);
    lsp.callback_that("answers", |callback| callback.body["requestId"] == body["requestId"]).await
}

/// Trace id and span id of a `traceparent`.
fn parts(traceparent: &str) -> (&str, &str) {
    let parts: Vec<&str> = traceparent.split('-').collect();
    assert_eq!((parts.len(), parts[0], parts[3]), (4, "00", "01"), "{traceparent}");
    assert_eq!((parts[1].len(), parts[2].len()), (32, 16), "{traceparent}");
    (parts[1], parts[2])
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_request_over_the_ports_to_the_callback() {
    let decision = Steered::new(|_| Reply::Usual);
    let port = Arc::clone(&decision) as Arc<dyn Port>;
    let server = Server::start_with(Options { port: Some(("decision", port)), ..Options::default() }).await;
    let lsp = server.lsp().await;

    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let callback = create_under(&server, &lsp, Some(&format!("00-{trace}-{span}-00"))).await;
    let asked = decision.seen()[0].span;
    assert_eq!(asked.trace.simple().to_string(), trace);
    let (theirs, parent) = parts(&callback.traceparent);
    assert_eq!(theirs, trace);
    assert!(parent != span && parent != asked.id.to_string(), "each hop has a span of its own");

    let mut seen = BTreeSet::from([trace.to_owned()]);
    for none in [None, Some("00-nonsense")] {
        let callback = create_under(&server, &lsp, none).await;
        let (fresh, _) = parts(&callback.traceparent);
        assert_eq!(decision.seen().last().unwrap().span.trace.simple().to_string(), fresh);
        assert!(seen.insert(fresh.to_owned()), "each exchange has a trace of its own");
    }
}

/// Lines of `/metrics`.
async fn scrape(server: &Server) -> Vec<String> {
    let answer = server.http.get(format!("{}/metrics", server.admin)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    answer.text().await.unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_table_is_exported_after_a_journey() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    journey(&server, &lsp).await;
    let lines = scrape(&server).await;
    for metric in METRICS {
        let told = lines.iter().any(|line| line.starts_with(&format!("# TYPE {} ", metric.name)));
        assert!(told || NOT_HERE.contains(&metric.name), "{}", metric.name);
    }
    for line in [
        r#"ocen_requests_total{listener="lsp",operation="createLoanApplications",status="200",error="0"} 1"#,
        r#"ocen_acks_refused_total{org="LSP-TEST",error="GEN5009"} 1"#,
        r#"ocen_callbacks_pending{org="LSP-TEST"} 0"#,
        r#"ocen_asks{port="disbursement",state="STUCK"} 0"#,
        "ocen_day_end_lag_days 0",
        "ocen_database_up 1",
        "ocen_seal_key_id 1",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}\n{}", lines.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_tells_of_the_same_queues() {
    let first = Server::start().await;
    let database_url = Some(first.database_url.clone());
    let second = Server::start_with(Options { database_url, idle: true, ..Options::default() }).await;
    let lsp = first.lsp().await;
    let refusal = Reaction { status: 422, body: Some("no".to_owned()), headers: Vec::new() };
    lsp.inbox.react("*", vec![refusal]);
    create_under(&first, &lsp, None).await;
    let parked = "select count(*) from callback where state = 'PARKED'";
    first.until("it is parked", || async { crate::support::sql::number(&first.app.pool, parked).await == 1 }).await;
    for server in [&first, &second] {
        let lines = scrape(server).await;
        assert!(lines.iter().any(|line| line == r#"ocen_callbacks_parked{org="LSP-TEST"} 1"#), "{}", lines.join("\n"));
    }
}

/// Words in a text that are names of our metrics, without the endings that histograms add.
fn metrics_named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("ocen_") || word.starts_with("process_"));
    names.map(|name| name.trim_end_matches("_bucket").trim_end_matches("_count").trim_end_matches("_sum")).collect()
}

#[test]
fn dashboard_and_alerts_name_metrics_that_exist_and_the_dashboard_names_all() {
    let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let targets = dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let queries: Vec<&str> = targets.flatten().map(|target| target["expr"].as_str().unwrap()).collect();
    assert_eq!(metrics_named(&queries.join(" ")), known);
    // The file is read as text; in its sentences no other word begins so.
    let unknown: Vec<&str> = metrics_named(ALERTS).difference(&known).copied().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_alert_says_how_urgent_it_is_and_what_to_do() {
    let alerts: Vec<&str> = ALERTS.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 15);
    for alert in alerts {
        for member in ["expr:", "severity: ", "summary: ", "runbook: "] {
            assert_eq!(alert.matches(member).count(), 1, "{member} of {alert}");
        }
    }
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus-alerts.yml");
    match Command::new("promtool").args(["check", "rules", rules]).output() {
        Ok(checked) => assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr)),
        Err(error) => skip(&format!("promtool is not here to check the expressions: {error}")),
    }
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The fields of a kind of line, from the table in `telemetry`.
fn documented(kind: &str) -> BTreeSet<&'static str> {
    let row = TELEMETRY.lines().find(|line| line.starts_with(&format!("//! | `{kind}` |"))).unwrap();
    row.split('`').skip(3).step_by(2).collect()
}

/// On one thread, so that the log of this test alone is caught.
#[tokio::test]
async fn log_lines_have_the_fields_that_are_documented() {
    let captured = Captured::default();
    let lines = captured.clone();
    let guard =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || lines.clone()).finish().set_default();
    let server = Server::start().await;
    let lsp = server.lsp().await;
    journey(&server, &lsp).await;
    create_under(&server, &lsp, Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).await;
    fingerprint::at_rest(&server).await;
    drop(guard);

    let log = std::mem::take(&mut *captured.0.lock().unwrap());
    let lines: Vec<Value> = log.split(|byte| *byte == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect();
    // Told only when something went wrong, which here nothing did.
    let silent = [("callback", "error"), ("port", "error")];
    for kind in ["request", "callback", "port", "day-end"] {
        let of_kind = lines.iter().filter(|line| line["message"] == kind && line["target"] != "sqlx::query");
        let mut fields: BTreeSet<&str> =
            of_kind.flat_map(|line| line.as_object().unwrap().keys()).map(String::as_str).collect();
        for envelope in ["timestamp", "level", "target", "message"] {
            assert!(fields.remove(envelope), "{kind} lines are there");
        }
        fields.extend(silent.iter().filter(|(of, _)| *of == kind).map(|(_, field)| *field));
        let documented: BTreeSet<&str> = documented(kind)
            .into_iter()
            .filter(|word| *word != "requestId" && *word != "metadata.traceId" && *word != "0")
            .collect();
        assert_eq!(fields, documented, "{kind}");
    }
}

/// Status and body of a GET, and whether the connection is to be closed.
async fn get(server: &Server, url: String) -> (u16, Value, bool) {
    let answer = server.http.get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    let closes = answer.headers().get(CONNECTION).is_some_and(|value| value == "close");
    (status, answer.json().await.unwrap_or_default(), closes)
}

/// A server with a grace of its own, told to stop as by a signal.
async fn told_to_stop(grace: Duration) -> (Server, CancellationToken) {
    let tweak: Tweak = Box::new(move |config| config.drain_grace = grace);
    let server = Server::start_with(Options { tweak: Some(tweak), ..Options::default() }).await;
    let stop = CancellationToken::new();
    run::end_with(&server.app, stop.clone());
    (server, stop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_says_so_first_and_serves_on_meanwhile() {
    let (server, stop) = told_to_stop(Duration::from_mins(1)).await;
    let lsp = server.lsp().await;
    let borrower = format!("http://{}", server.app.config.listen.borrower);
    let listeners = [server.url.clone(), server.admin.clone(), borrower];
    for url in &listeners {
        let (status, body, closes) = get(&server, format!("{url}/health/ready")).await;
        assert_eq!((status, &body["status"], closes), (200, &json!("UP"), false), "{url}");
    }
    stop.cancel();
    server.app.draining.cancelled().await;
    for url in &listeners {
        let (status, body, closes) = get(&server, format!("{url}/health/ready")).await;
        assert_eq!((status, &body["components"]["listener"], closes), (503, &json!("draining"), true), "{url}");
        assert_eq!(get(&server, format!("{url}/health/live")).await.0, 200, "{url}");
    }
    create_under(&server, &lsp, None).await;
    assert!(scrape(&server).await.contains(&"ocen_draining 1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_grace_a_server_takes_no_more() {
    let (server, stop) = told_to_stop(Duration::from_millis(100)).await;
    assert_eq!(get(&server, format!("{}/health/ready", server.url)).await.0, 200);
    stop.cancel();
    server.app.stop.cancelled().await;
    let refused = || async { server.http.get(format!("{}/health/live", server.url)).send().await.is_err() };
    server.until("the listener is closed", refused).await;
}

/// On one thread, so that the log of this test alone is caught.
#[tokio::test]
async fn an_adapter_that_breaks_the_contract_is_a_warning() {
    let captured = Captured::default();
    let lines = captured.clone();
    let guard =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || lines.clone()).finish().set_default();
    let rules = System::start(|_| Told::Status(200, json!({"outcome": "perhaps"}))).await;
    let behind = Arc::clone(&rules);
    let tweak: Tweak = Box::new(move |config| behind.behind(config, "decision", |limits| limits));
    let server = Server::start_with(Options { tweak: Some(tweak), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let item = bodies::application(&bodies::id(), &bodies::pan());
    lsp.send(path::CREATE, json!({"loanApplications": [item]})).await;
    // Whoever asks again has written down how it went before.
    rules.until("eligibility", 2).await;
    drop(guard);

    let log = std::mem::take(&mut *captured.0.lock().unwrap());
    let lines: Vec<Value> = log.split(|byte| *byte == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect();
    let line = lines.iter().find(|line| line["message"] == "port" && line["method"] == "eligibility").unwrap();
    assert_eq!((&line["level"], &line["outcome"]), (&json!("WARN"), &json!("failed")), "{line}");
    assert!(line["error"].as_str().unwrap().contains("unknown variant"), "{line}");
}

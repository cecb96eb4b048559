//! Counters and histograms of one server, and what `GET /metrics` renders.
//!
//! A recorder of its own rather than the process's: several servers may live in one process. Series are looked up by
//! label values that need no allocation, and made once.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::names::{
    ACKS_REFUSED, BOOK_CHECKS_FAILED, BREAKER_OPEN, BUILD_INFO, CALLBACK_AGE, CALLBACK_ATTEMPTS, CALLBACK_DURATION,
    CERTIFICATE_EXPIRY, DATABASE_WAIT, DAY_END_DURATION, DAY_END_FAILURES, DAY_END_LOANS, DRAINING, Kind, METRICS,
    Metric, PORT_CALLS, PORT_DURATION, REQUEST_DURATION, REQUESTS, TIMERS_RUNG,
};
use super::process;

/// Where the facade says that a series comes from; the exporter does not look at it.
const METADATA: Metadata<'static> = Metadata::new("ocen_lender", Level::INFO, None);
/// Error code of an accepted OCEN request.
const OK: &str = "0";
/// A label without a value.
const NONE: &str = "-";

/// All metrics of one server.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    requests: Series<RequestKey, (Counter, Histogram)>,
    callbacks: Series<String, CallbackSeries>,
    callback_age: Histogram,
    ports: Series<(&'static str, &'static str, &'static str), (Counter, Histogram)>,
    timers: Counter,
    day_end: (Counter, Counter, Histogram),
    book_checks: Counter,
    database_wait: Histogram,
}

/// Listener, operation, status, error code.
type RequestKey = (&'static str, &'static str, u16, &'static str);

/// Tries at one LSP: their number by outcome, and how long each outcome takes.
#[derive(Clone)]
struct CallbackSeries {
    delivered: (Counter, Histogram),
    pending: (Counter, Histogram),
    parked: (Counter, Histogram),
}

/// Series that were used before, by their label values.
struct Series<K, S>(RwLock<HashMap<K, S>>);

impl<K: Hash + Eq, S> Series<K, S> {
    fn new() -> Self {
        Self(RwLock::default())
    }

    /// Acts on the series of `key`, which is made the first time.
    fn with<Q>(&self, key: &Q, make: impl FnOnce() -> (K, S), act: impl Fn(&S))
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(series) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return act(series);
        }
        let (key, series) = make();
        act(&series);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, series);
    }
}

/// One answered request.
#[derive(Debug)]
pub struct Answered<'a> {
    /// `lsp`, `admin` or `borrower`.
    pub listener: &'static str,
    /// An OCEN operation.
    pub operation: Option<&'static str>,
    /// Else the route's pattern.
    pub route: Option<&'a str>,
    /// The LSP, when it is proven.
    pub org: Option<&'a str>,
    /// HTTP status.
    pub status: u16,
    /// The ack's error code.
    pub error: Option<&'a Cow<'static, str>>,
    /// How long it took.
    pub took: Duration,
}

impl Metrics {
    /// Metrics of a server whose lender's systems are `ports`, all at their beginning.
    ///
    /// # Errors
    /// When a histogram of the table has no buckets.
    pub fn new(ports: &[&'static str]) -> Result<Self, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for metric in METRICS {
            if let Kind::Histogram(buckets) = metric.kind {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
            }
        }
        let recorder = builder.build_recorder();
        describe(&recorder);
        let metrics = Self {
            handle: recorder.handle(),
            requests: Series::new(),
            callbacks: Series::new(),
            callback_age: histogram(&recorder, &CALLBACK_AGE, &[]),
            ports: Series::new(),
            timers: counter(&recorder, &TIMERS_RUNG, &[]),
            day_end: (
                counter(&recorder, &DAY_END_LOANS, &[]),
                counter(&recorder, &DAY_END_FAILURES, &[]),
                histogram(&recorder, &DAY_END_DURATION, &[]),
            ),
            book_checks: counter(&recorder, &BOOK_CHECKS_FAILED, &[]),
            database_wait: histogram(&recorder, &DATABASE_WAIT, &[]),
            recorder,
        };
        metrics.set(&BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1.0);
        metrics.set(&DRAINING, &[], 0.0);
        for port in ports {
            metrics.breaker(port, false);
        }
        Ok(metrics)
    }

    /// A request was answered.
    pub fn answered(&self, answered: &Answered<'_>) {
        let took = answered.took;
        let known = match (answered.operation, answered.error) {
            (Some(operation), Some(Cow::Borrowed(error))) => Some((operation, *error)),
            (Some(operation), None) => Some((operation, NONE)),
            _ => None,
        };
        if let Some((operation, error)) = known {
            let key = (answered.listener, operation, answered.status, error);
            self.requests.with(&key, || (key, self.request(key)), |series| count(series, took));
        } else {
            let route = answered.operation.or(answered.route).unwrap_or(NONE);
            let error = answered.error.map_or(NONE, AsRef::as_ref);
            count(&self.request((answered.listener, route, answered.status, error)), took);
        }
        if let Some(error) = answered.error.filter(|error| *error != OK) {
            self.counter(&ACKS_REFUSED, &[answered.org.unwrap_or(NONE), error]).increment(1);
        }
    }

    fn request(&self, (listener, operation, status, error): (&str, &str, u16, &str)) -> (Counter, Histogram) {
        (
            self.counter(&REQUESTS, &[listener, operation, &status.to_string(), error]),
            histogram(&self.recorder, &REQUEST_DURATION, &[listener, operation]),
        )
    }

    /// A callback was tried; `outcome` is the word that is stored for it. A delivered one tells its age.
    pub fn callback(&self, org: &str, outcome: &'static str, took: Duration, age: Duration) {
        let make = || {
            let series = |outcome| {
                let tries = self.counter(&CALLBACK_ATTEMPTS, &[org, outcome]);
                (tries, histogram(&self.recorder, &CALLBACK_DURATION, &[outcome]))
            };
            let all =
                CallbackSeries { delivered: series("DELIVERED"), pending: series("PENDING"), parked: series("PARKED") };
            (org.to_owned(), all)
        };
        self.callbacks.with(org, make, |series| match outcome {
            "DELIVERED" => {
                count(&series.delivered, took);
                self.callback_age.record(age);
            }
            "PARKED" => count(&series.parked, took),
            _ => count(&series.pending, took),
        });
    }

    /// One of the lender's systems was called.
    pub fn port(&self, port: &'static str, method: &'static str, outcome: &'static str, took: Duration) {
        let key = (port, method, outcome);
        let make = || {
            let calls = self.counter(&PORT_CALLS, &[port, method, outcome]);
            (key, (calls, histogram(&self.recorder, &PORT_DURATION, &[port, method])))
        };
        self.ports.with(&key, make, |series| count(series, took));
    }

    /// Calls of a port are held back, or go out again.
    pub fn breaker(&self, port: &str, open: bool) {
        self.set(&BREAKER_OPEN, &[port], if open { 1.0 } else { 0.0 });
    }

    /// A timer rang.
    pub fn rang(&self) {
        self.timers.increment(1);
    }

    /// A day-end swept: so many loans brought up to date, so many passed by. One that found nothing takes no time.
    pub fn swept(&self, loans: usize, given_up: usize, took: Duration) {
        let (done, failed, duration) = &self.day_end;
        done.increment(u64::try_from(loans).unwrap_or_default());
        failed.increment(u64::try_from(given_up).unwrap_or_default());
        if loans > 0 || given_up > 0 {
            duration.record(took);
        }
    }

    /// A loan's book did not pass one of its checks, and nothing of it was told.
    pub fn book_is_broken(&self) {
        self.book_checks.increment(1);
    }

    /// An OCEN request waited for its connection.
    pub fn waited_for_database(&self, waited: Duration) {
        self.database_wait.record(waited);
    }

    /// The server was told to stop.
    pub fn draining(&self) {
        self.set(&DRAINING, &[], 1.0);
    }

    /// Until when the certificate of a listener is good.
    pub fn certificate_expiry(&self, listener: &str, expiry: DateTime<Utc>) {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        self.set(&CERTIFICATE_EXPIRY, &[listener], expiry.timestamp() as f64);
    }

    /// Sets a gauge of the table; `labels` are its values in the table's order.
    pub fn set(&self, metric: &'static Metric, labels: &[&str], value: f64) {
        gauge(&self.recorder, metric, labels).set(value);
    }

    fn counter(&self, metric: &'static Metric, labels: &[&str]) -> Counter {
        counter(&self.recorder, metric, labels)
    }

    /// Moves what was recorded into its buckets; without it the samples would pile up when nobody scrapes.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }

    /// Everything, in the text format that Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        text.push_str(&process::text());
        text
    }
}

fn count((counter, histogram): &(Counter, Histogram), took: Duration) {
    counter.increment(1);
    histogram.record(took);
}

fn describe(recorder: &PrometheusRecorder) {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => recorder.describe_counter(metric.name.into(), None, metric.help.into()),
            Kind::Gauge => recorder.describe_gauge(metric.name.into(), None, metric.help.into()),
            Kind::Histogram(_) => recorder.describe_histogram(metric.name.into(), None, metric.help.into()),
        }
    }
}

fn key(metric: &'static Metric, values: &[&str]) -> Key {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let labels: Vec<Label> =
        metric.labels.iter().zip(values).map(|(label, value)| Label::new(*label, (*value).to_owned())).collect();
    Key::from_parts(metric.name, labels)
}

fn counter(recorder: &PrometheusRecorder, metric: &'static Metric, labels: &[&str]) -> Counter {
    recorder.register_counter(&key(metric, labels), &METADATA)
}

fn gauge(recorder: &PrometheusRecorder, metric: &'static Metric, labels: &[&str]) -> Gauge {
    recorder.register_gauge(&key(metric, labels), &METADATA)
}

fn histogram(recorder: &PrometheusRecorder, metric: &'static Metric, labels: &[&str]) -> Histogram {
    recorder.register_histogram(&key(metric, labels), &METADATA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered<'a>(operation: Option<&'static str>, error: Option<&'a Cow<'static, str>>) -> Answered<'a> {
        let took = Duration::from_millis(2);
        Answered { listener: "lsp", operation, route: None, org: Some("LSP-A"), status: 200, error, took }
    }

    #[test]
    fn what_happens_is_counted_under_the_tables_names() {
        let metrics = Metrics::new(&["kyc"]).unwrap();
        let (ok, refused) = (Cow::Borrowed("0"), Cow::Borrowed("GEN5001"));
        for error in [&ok, &ok, &refused] {
            metrics.answered(&answered(Some("setOffer"), Some(error)));
        }
        metrics.answered(&answered(None, None));
        metrics.callback("LSP-A", "DELIVERED", Duration::from_millis(20), Duration::from_secs(3));
        metrics.port("kyc", "start", "done", Duration::from_millis(1));
        let text = metrics.render();
        for line in [
            r#"ocen_requests_total{listener="lsp",operation="setOffer",status="200",error="0"} 2"#,
            r#"ocen_requests_total{listener="lsp",operation="-",status="200",error="-"} 1"#,
            r#"ocen_request_duration_seconds_bucket{listener="lsp",operation="setOffer",le="0.0025"} 3"#,
            r#"ocen_acks_refused_total{org="LSP-A",error="GEN5001"} 1"#,
            r#"ocen_callback_attempts_total{org="LSP-A",outcome="DELIVERED"} 1"#,
            r#"ocen_callback_age_seconds_bucket{le="5"} 1"#,
            r#"ocen_port_calls_total{port="kyc",method="start",outcome="done"} 1"#,
            r#"ocen_port_breaker_open{port="kyc"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}

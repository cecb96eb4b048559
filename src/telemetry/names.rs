//! Every metric that this server exports, in one table: name, kind, labels, meaning.
//!
//! Units stand at the end of the name, in base units. A label takes values of a closed set (operations, codes, ports,
//! methods, states, outcomes) or the `org` of an LSP that is registered; never an id. The dashboard and the alert rules
//! in `deploy/` name no others (tests/it/watching.rs).
//!
//! What is told of queues is read from the database, so that every replica tells the same: take the `max` over
//! instances, not the sum.

/// One family.
#[derive(Debug)]
pub struct Metric {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// Names of its labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// For people.
    pub help: &'static str,
}

/// How a metric moves.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Only up.
    Counter,
    /// Up and down.
    Gauge,
    /// Counted in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// What is answered within one request, seconds: a signature takes about 1 ms, a transaction a few.
const REQUEST: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// What another system takes, seconds; callbacks and ports are given up after ten to twelve.
const CALL: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];
/// How old a callback is when it arrives, seconds: up to the three days for which it is tried.
const AGE: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0, 259_200.0];
/// How long a sweep takes, seconds.
const SWEEP: &[f64] = &[0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0];
/// How long a connection of the pool is waited for, seconds.
const WAIT: &[f64] = &[0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

/// Declares each metric once, as a name for the code and as a row of the table.
macro_rules! table {
    ($($constant:ident = $metric:expr;)*) => {
        $(
            /// A row of [`METRICS`]; its help says what it means.
            pub const $constant: Metric = $metric;
        )*
        /// All rows.
        pub static METRICS: &[Metric] = &[$($constant),*];
    };
}

table! {
    REQUESTS = counter(
        "ocen_requests_total",
        &["listener", "operation", "status", "error"],
        "Requests answered, by HTTP status and by the error code of the ack (0: accepted; -: no OCEN request).",
    );
    REQUEST_DURATION = Metric {
        name: "ocen_request_duration_seconds",
        kind: Kind::Histogram(REQUEST),
        labels: &["listener", "operation"],
        help: "From the request's headers to its answer.",
    };
    ACKS_REFUSED = counter(
        "ocen_acks_refused_total",
        &["org", "error"],
        "OCEN requests refused by their ack, by LSP (-: unknown or not proven) and error code.",
    );
    CALLBACK_ATTEMPTS = counter(
        "ocen_callback_attempts_total",
        &["org", "outcome"],
        "Tries to deliver a callback: DELIVERED, PENDING (to be tried again), PARKED (given up).",
    );
    CALLBACK_DURATION = Metric {
        name: "ocen_callback_attempt_duration_seconds",
        kind: Kind::Histogram(CALL),
        labels: &["outcome"],
        help: "How long one try took, signing included.",
    };
    CALLBACK_AGE = Metric {
        name: "ocen_callback_age_seconds",
        kind: Kind::Histogram(AGE),
        labels: &[],
        help: "From a callback's decision to its delivery.",
    };
    CALLBACKS_PENDING = gauge(
        "ocen_callbacks_pending",
        &["org"],
        "Callbacks not yet delivered or parked; counted up to 10000 an LSP. From the database: max over instances.",
    );
    CALLBACKS_PARKED = gauge(
        "ocen_callbacks_parked",
        &["org"],
        "Callbacks given up, for an operator to redeliver; counted up to 10000 an LSP. From the database.",
    );
    CALLBACKS_OLDEST_AGE = gauge(
        "ocen_callbacks_oldest_pending_age_seconds",
        &["org"],
        "Since when the oldest pending callback is decided; 0 when none is pending. From the database.",
    );
    ASKS = gauge(
        "ocen_asks",
        &["port", "state"],
        "Questions to the lender's systems: OPEN, SENDING (money that may have left), STUCK (waits for an operator). \
         Of those that are not due the first 20000 are counted. From the database.",
    );
    ASKS_OLDEST_AGE = gauge(
        "ocen_asks_oldest_age_seconds",
        &["port", "state"],
        "Since when the oldest of them waits. From the database.",
    );
    ASKS_OVERDUE = gauge(
        "ocen_asks_overdue_seconds",
        &["port"],
        "By how much the most overdue question is late; it grows when this side does not keep up. From the database.",
    );
    PORT_CALLS = counter(
        "ocen_port_calls_total",
        &["port", "method", "outcome"],
        "Calls of the lender's systems: done, pending, refused, unknown (money whose fate is open), failed.",
    );
    PORT_DURATION = Metric {
        name: "ocen_port_call_duration_seconds",
        kind: Kind::Histogram(CALL),
        labels: &["port", "method"],
        help: "How long one call took.",
    };
    BREAKER_OPEN = gauge(
        "ocen_port_breaker_open",
        &["port"],
        "1 while calls of the port are held back because it kept failing; of this instance.",
    );
    DECISIONS = gauge(
        "ocen_decisions_waiting",
        &["state"],
        "Decisions that wait for people: WAITING for a proposal, PROPOSED and waiting for a release; counted up to 10000. \
         From the database.",
    );
    DECISIONS_OLDEST_AGE = gauge(
        "ocen_decisions_oldest_age_seconds",
        &["state"],
        "Since when the oldest of them waits. From the database.",
    );
    TIMERS_RUNG = counter("ocen_timers_rung_total", &[], "Timers that rang.");
    TIMERS_OVERDUE = gauge(
        "ocen_timers_overdue_seconds",
        &[],
        "By how much the most overdue timer is late. From the database.",
    );
    DAY_END_LOANS = counter("ocen_day_end_loans_total", &[], "Loans that a day-end brought up to date.");
    DAY_END_FAILURES = counter(
        "ocen_day_end_failures_total",
        &[],
        "Loans that a day-end had to pass by; the next sweep tries them again.",
    );
    DAY_END_DURATION = Metric {
        name: "ocen_day_end_duration_seconds",
        kind: Kind::Histogram(SWEEP),
        labels: &[],
        help: "How long a sweep took that found something to do.",
    };
    DAY_END_LAG = gauge(
        "ocen_day_end_lag_days",
        &[],
        "Business days by which the loan that is furthest behind is late. From the database.",
    );
    DAY_END_BEHIND = gauge(
        "ocen_day_end_loans_behind",
        &[],
        "Loans whose next event lies on a day that is over; counted up to 10000. From the database.",
    );
    BOOK_CHECKS_FAILED = counter(
        "ocen_book_checks_failed_total",
        &[],
        "Summaries and statements refused because the loan's book did not pass its own checks.",
    );
    DATABASE_UP = gauge("ocen_database_up", &[], "1 when the database answered the last look for these metrics in time.");
    DATABASE_CONNECTIONS = gauge(
        "ocen_database_connections",
        &["state"],
        "Connections of this instance's pool: in_use, idle.",
    );
    DATABASE_LIMIT = gauge("ocen_database_connections_limit", &[], "Most connections of this instance's pool.");
    DATABASE_WAIT = Metric {
        name: "ocen_database_wait_seconds",
        kind: Kind::Histogram(WAIT),
        labels: &[],
        help: "How long an OCEN request waited for a connection.",
    };
    CLOCK_DRIFT = gauge(
        "ocen_clock_drift_seconds",
        &[],
        "By how much the database's clock is ahead of this machine's.",
    );
    LEDGER_FEED_LAG = gauge(
        "ocen_ledger_feed_lag_seconds",
        &[],
        "Since when the oldest journal waits that the lender's general ledger has not taken. From the database.",
    );
    LEDGER_SET_ASIDE = gauge(
        "ocen_ledger_loans_set_aside",
        &[],
        "Loans of which the lender's general ledger refuses a journal while it takes those of others. From the database.",
    );
    LEDGER_DIFFERENCES = gauge(
        "ocen_ledger_differences",
        &[],
        "Balances that differed on the last day compared with the general ledger; there once a day was. From the \
         database.",
    );
    CERTIFICATE_EXPIRY = gauge(
        "ocen_certificate_expiry_timestamp_seconds",
        &["listener"],
        "Until when the certificate of a listener is good, and those that came with it; Unix time.",
    );
    SEAL_KEY_ID = gauge("ocen_seal_key_id", &[], "The data key that seals new rows.");
    DRAINING = gauge("ocen_draining", &[], "1 from the signal to stop on, while readiness tells balancers to go elsewhere.");
    BUILD_INFO = gauge("ocen_build_info", &["version"], "Always 1; the label tells which build this is.");
    PROCESS_CPU = counter("process_cpu_seconds_total", &[], "Processor time of this process (Linux).");
    PROCESS_MEMORY = gauge("process_resident_memory_bytes", &[], "Memory of this process (Linux).");
    PROCESS_FILES = gauge("process_open_fds", &[], "Open files and sockets of this process (Linux).");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_keep_to_prometheus_conventions() {
        let mut seen = BTreeSet::new();
        for metric in METRICS {
            let name = metric.name;
            assert!(seen.insert(name), "{name} stands twice");
            assert!(name.starts_with("ocen_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(matches!(metric.kind, Kind::Counter), name.ends_with("_total"), "{name}");
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(name.ends_with("_seconds"), "{name}");
                assert!(buckets.is_sorted(), "{name}");
            }
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }
}

//! What stands before each adapter: a budget of calls, and a circuit breaker that lets a failing system rest.
//!
//! Both belong to one process; replicas find out by themselves. A question that is held waits in the database and
//! spends no try.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::PortError;
use crate::config::AdapterConfig;

/// Longest that a system may keep its questions waiting by `Retry-After`.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// How a port is, as this process sees it; for operators and metrics. It never decides whether the node is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortHealth {
    /// Which port.
    pub port: &'static str,
    /// Whether calls go out.
    pub breaker: Breaker,
    /// Calls under way.
    pub in_flight: usize,
    /// Most calls under way at a time.
    pub max_concurrency: usize,
    /// Calls since the process started.
    pub calls: u64,
    /// Those of them that got no usable answer.
    pub failures: u64,
    /// Calls that failed one after the other, up to now.
    pub consecutive_failures: u32,
    /// Why the last failed call did; null when none did.
    pub last_failure: Option<String>,
    /// Milliseconds until the next call may go out; 0 when it may now.
    pub held_ms: u64,
}

/// State of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Breaker {
    /// Calls go out.
    Closed,
    /// No call goes out.
    Open,
    /// One call is to find out whether the system is back.
    HalfOpen,
}

/// Stands before one adapter.
#[derive(Debug)]
pub struct Gate {
    port: &'static str,
    max_concurrency: usize,
    opens_after: u32,
    rest: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    calls: u64,
    failures: u64,
    consecutive: u32,
    open: bool,
    /// The system asked for a pause, or the breaker opened.
    held_until: Option<Instant>,
    last_failure: Option<String>,
}

impl State {
    fn resting(&self, now: Instant) -> Option<Duration> {
        self.held_until.and_then(|until| until.checked_duration_since(now)).filter(|rest| !rest.is_zero())
    }

    fn hold(&mut self, now: Instant, rest: Duration) {
        let until = now + rest.min(LONGEST_REST);
        self.held_until = Some(self.held_until.map_or(until, |held| held.max(until)));
    }
}

/// The right to make one call; given back when dropped.
#[derive(Debug)]
pub struct Pass(Option<Arc<Gate>>);

impl Gate {
    /// A gate with an adapter's limits.
    #[must_use]
    pub fn new(port: &'static str, limits: &AdapterConfig) -> Self {
        Self {
            port,
            max_concurrency: limits.max_concurrency,
            opens_after: limits.breaker_failures,
            rest: limits.breaker_rest,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers only: a panic in between leaves them usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admits(&self, state: &State) -> bool {
        let most = if state.open { 1 } else { self.max_concurrency };
        state.in_flight < most && state.resting(Instant::now()).is_none()
    }

    /// Whether no call may go out now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.admits(&self.state())
    }

    /// Lets a call out, or not now.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Pass> {
        let mut state = self.state();
        if !self.admits(&state) {
            return None;
        }
        state.in_flight += 1;
        Some(Pass(Some(Arc::clone(self))))
    }

    /// How the port is.
    #[must_use]
    pub fn health(&self) -> PortHealth {
        let state = self.state();
        let held = state.resting(Instant::now());
        let breaker = match (state.open, held.is_some()) {
            (false, _) => Breaker::Closed,
            (true, true) => Breaker::Open,
            (true, false) => Breaker::HalfOpen,
        };
        PortHealth {
            port: self.port,
            breaker,
            in_flight: state.in_flight,
            max_concurrency: self.max_concurrency,
            calls: state.calls,
            failures: state.failures,
            consecutive_failures: state.consecutive,
            last_failure: state.last_failure.clone(),
            held_ms: held.map_or(0, |held| u64::try_from(held.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    fn answered(&self) {
        let mut state = self.state();
        state.calls += 1;
        state.consecutive = 0;
        if state.open {
            state.open = false;
            state.held_until = None;
            tracing::info!(ask.port = self.port, "port answers again");
        }
    }

    fn failed(&self, why: String, rest: Option<Duration>, counts: bool) {
        let now = Instant::now();
        let mut state = self.state();
        state.calls += 1;
        state.failures += 1;
        state.last_failure = Some(why);
        if let Some(rest) = rest {
            state.hold(now, rest);
        }
        if !counts {
            // It answered this call, so it is there.
            state.consecutive = 0;
            state.open = false;
            return;
        }
        state.consecutive = state.consecutive.saturating_add(1);
        if state.open || state.consecutive >= self.opens_after {
            if !state.open {
                tracing::warn!(ask.port = self.port, failures = state.consecutive, "port rests: it keeps failing");
            }
            state.open = true;
            state.hold(now, self.rest);
        }
    }
}

impl Pass {
    /// For a port that is no adapter.
    #[must_use]
    pub fn free() -> Self {
        Self(None)
    }

    /// Notes how the call ended.
    pub fn note<T>(self, result: &Result<T, PortError>) {
        match result {
            Ok(_) => self.answered(),
            Err(error) => self.failed(error),
        }
    }

    /// Notes that the port answered.
    pub fn answered(self) {
        if let Some(gate) = &self.0 {
            gate.answered();
        }
    }

    /// Notes that there was no usable answer.
    pub fn failed(self, error: &PortError) {
        let Some(gate) = &self.0 else { return };
        match error {
            PortError::Later { status, retry_after, .. } => {
                // Of the retryable statuses these two speak for the whole system, the others for one question.
                let rest = retry_after.filter(|_| matches!(status, 429 | 503));
                gate.failed(error.to_string(), rest, *status >= 500);
            }
            PortError::Unreachable { .. } => gate.failed(error.to_string(), None, true),
            // It is there, and what is wrong with one answer is no reason to keep the other questions waiting.
            PortError::BadAnswer { .. } => gate.failed(error.to_string(), None, false),
            // Ours, and says nothing of the port.
            PortError::BadQuestion { .. } | PortError::Storage { .. } => {}
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            let mut state = gate.state();
            state.in_flight = state.in_flight.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::ask::Outcome;

    fn gate(max_concurrency: usize, rest: Duration) -> Arc<Gate> {
        let limits = AdapterConfig {
            max_concurrency,
            breaker_failures: 2,
            breaker_rest: rest,
            ..AdapterConfig::at("http://bank.example".parse().unwrap(), Vec::new())
        };
        Arc::new(Gate::new("disbursement", &limits))
    }

    fn silence() -> Result<Outcome, PortError> {
        Err(PortError::Unreachable { port: "disbursement", detail: "no answer in time".to_owned() })
    }

    fn later(status: u16, seconds: u64) -> Result<Outcome, PortError> {
        Err(PortError::Later { port: "disbursement", status, retry_after: Some(Duration::from_secs(seconds)) })
    }

    const ANSWER: Result<Outcome, PortError> = Ok(Outcome::Unknown { reference: None });

    #[test]
    fn no_more_calls_go_out_than_the_budget_allows() {
        let gate = gate(2, Duration::from_secs(10));
        let (first, second) = (gate.enter(), gate.enter());
        assert!(first.is_some() && second.is_some() && gate.enter().is_none() && gate.is_held());
        drop(first);
        assert!(gate.enter().is_some());
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_stays_so() {
        let gate = gate(4, Duration::from_secs(10));
        gate.enter().unwrap().note(&silence());
        gate.enter().unwrap().note(&ANSWER);
        gate.enter().unwrap().note(&silence());
        assert_eq!(gate.health().breaker, Breaker::Closed);
        gate.enter().unwrap().note(&later(500, 0));
        assert!(gate.enter().is_none());
        let health = gate.health();
        assert_eq!((health.breaker, health.failures, health.consecutive_failures), (Breaker::Open, 3, 2));
    }

    #[test]
    fn one_probe_closes_it_or_opens_it_again() {
        let gate = gate(4, Duration::ZERO);
        gate.enter().unwrap().note(&silence());
        gate.enter().unwrap().note(&silence());
        assert_eq!(gate.health().breaker, Breaker::HalfOpen);
        let probe = gate.enter().unwrap();
        assert!(gate.enter().is_none(), "one at a time finds out");
        probe.note(&silence());
        let probe = gate.enter().unwrap();
        probe.note(&ANSWER);
        assert_eq!(gate.health().breaker, Breaker::Closed);
        assert!(gate.enter().is_some());
    }

    #[test]
    fn who_answers_wrongly_is_there() {
        let gate = gate(4, Duration::from_secs(10));
        let wrong =
            || Err::<Outcome, _>(PortError::BadAnswer { port: "disbursement", detail: "no outcome".to_owned() });
        for _ in 0..5 {
            gate.enter().unwrap().note(&wrong());
        }
        let health = gate.health();
        assert_eq!((health.breaker, health.failures, health.consecutive_failures), (Breaker::Closed, 5, 0));
        assert_eq!(health.last_failure.as_deref(), Some("port disbursement answered no outcome"));
    }

    #[test]
    fn a_busy_system_is_left_alone_as_long_as_it_asks_for() {
        let busy = gate(4, Duration::ZERO);
        busy.enter().unwrap().note(&later(429, 30));
        assert!(busy.enter().is_none());
        assert_eq!((busy.health().breaker, busy.health().consecutive_failures), (Breaker::Closed, 0));
        assert!((29_000..=30_000).contains(&busy.health().held_ms), "{:?}", busy.health());

        let one_question = gate(4, Duration::ZERO);
        one_question.enter().unwrap().note(&later(409, 30));
        assert!(one_question.enter().is_some());

        let greedy = gate(4, Duration::ZERO);
        greedy.enter().unwrap().note(&later(503, 1_000_000));
        assert!(greedy.health().held_ms <= 300_000);
    }
}

//! Why a journey ended early.

/// A reason that an integrator can act on: the step, the request, what was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JourneyError {
    /// Nothing was sent yet: registration, keys, our own listener.
    #[error("{step}: expected {expected}, got {came}")]
    Setup {
        /// What was being set up.
        step: &'static str,
        /// What should have come.
        expected: &'static str,
        /// What came instead.
        came: String,
    },
    /// No server answers, so nothing was begun.
    #[error("no server answers at {url}: {came}; is `ocen-lender dev` running?")]
    NoServer {
        /// Its address for LSPs.
        url: String,
        /// What came of the last try.
        came: String,
    },
    /// A step did not end as it should.
    #[error("{step} ({request_id}): expected {expected}, got {came}")]
    Step {
        /// The message, e.g. `setOfferRequest`.
        step: String,
        /// Its `requestId`.
        request_id: String,
        /// What should have come.
        expected: String,
        /// What came instead.
        came: String,
    },
    /// The clock of a sandbox could not be moved to a due date.
    #[error("POST /sandbox/clock: expected {day}, got {came}")]
    Clock {
        /// The due date.
        day: String,
        /// What came instead.
        came: String,
    },
    /// A callback broke the contract, so nothing it says can be trusted.
    #[error("a callback broke the contract: {0}")]
    Callback(String),
    /// Journeys under scenario codes did not end as these say.
    #[error("not as the code says: {0}")]
    Scenario(String),
    /// A journey's task ended without a result.
    #[error("a journey was cut off: {0}")]
    Task(String),
}

//! The operators who may use their listener, as the configuration was last read.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Operator;

/// Operators that may be replaced while the server runs: a token that has leaked must not wait for a restart.
#[derive(Debug)]
pub struct Operators(RwLock<Arc<Vec<Operator>>>);

impl Operators {
    /// These, for now.
    #[must_use]
    pub fn new(operators: Vec<Operator>) -> Self {
        Self(RwLock::new(Arc::new(operators)))
    }

    /// Those that count now.
    #[must_use]
    pub fn current(&self) -> Arc<Vec<Operator>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these count; whether they are others than before.
    pub fn replace(&self, operators: Vec<Operator>) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let others = **current != operators;
        if others {
            *current = Arc::new(operators);
        }
        others
    }
}

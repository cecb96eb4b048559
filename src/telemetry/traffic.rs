//! How much comes and goes, by LSP and minute: counted in memory, and taken from there into the database now and then.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// Most LSPs and minutes that are held until they are taken; what is beyond is not counted.
const CELLS: usize = 10_000;
/// Seconds of a minute.
const MINUTE: i64 = 60;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// A request was accepted.
    Request,
    /// A request was refused in its ack; it counts as a request, too.
    Refused,
    /// A callback was delivered.
    Callback,
    /// A try to deliver one failed.
    FailedAttempt,
}

/// Counts of one LSP in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests, refused ones among them.
    pub requests: i64,
    /// Refused requests.
    pub refused: i64,
    /// Delivered callbacks.
    pub callbacks: i64,
    /// Failed tries.
    pub failed_attempts: i64,
}

impl Counts {
    fn note(&mut self, passed: Passed) {
        match passed {
            Passed::Request => self.requests += 1,
            Passed::Refused => {
                self.requests += 1;
                self.refused += 1;
            }
            Passed::Callback => self.callbacks += 1,
            Passed::FailedAttempt => self.failed_attempts += 1,
        }
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.callbacks += other.callbacks;
        self.failed_attempts += other.failed_attempts;
    }
}

/// Begin of the minute (seconds since 1970), and the LSP; an empty name while nobody knows it.
pub type Cell = (i64, String);

/// The counts of this process that are not in the database yet.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<BTreeMap<Cell, Counts>>);

impl Traffic {
    /// Something happened, at a time of the wall's clock.
    pub fn note(&self, at: DateTime<Utc>, org_id: &str, passed: Passed) {
        let seconds = at.timestamp();
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() < CELLS {
            let cell = (seconds - seconds.rem_euclid(MINUTE), org_id.to_owned());
            cells.entry(cell).or_default().note(passed);
        }
    }

    /// Takes what was counted.
    #[must_use]
    pub fn take(&self) -> BTreeMap<Cell, Counts> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be stored.
    pub fn put_back(&self, taken: BTreeMap<Cell, Counts>) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (cell, counts) in taken {
            if cells.len() < CELLS || cells.contains_key(&cell) {
                cells.entry(cell).or_default().add(&counts);
            }
        }
    }

    /// What is not taken yet.
    #[must_use]
    pub fn held(&self) -> BTreeMap<Cell, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_in_a_minute_is_one_cell_of_each_lsp() {
        let traffic = Traffic::default();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        traffic.note(at(60), "A", Passed::Request);
        traffic.note(at(119), "A", Passed::Refused);
        traffic.note(at(119), "B", Passed::Callback);
        traffic.note(at(120), "A", Passed::FailedAttempt);
        let taken = traffic.take();
        let first = Counts { requests: 2, refused: 1, ..Counts::default() };
        assert_eq!((taken.len(), taken.get(&(60, "A".to_owned()))), (3, Some(&first)));
        assert!(traffic.held().is_empty());
        traffic.note(at(60), "A", Passed::Request);
        traffic.put_back(taken);
        assert_eq!(traffic.held().get(&(60, "A".to_owned())).map(|counts| counts.requests), Some(3));
    }
}

//! Faults on purpose: by rules that a call sets (`lending.md` §4.5), and by the codes 09xx.

pub mod incoming;
pub mod outgoing;
pub mod rules;
mod store;

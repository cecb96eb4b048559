//! The audit log as a whole: its signed heads, the walk along its chain, and what the server itself reports.
//!
//! Single entries are appended with [`crate::store::audit::Entry`] by whoever changes something.

pub mod anchor;
pub mod start;
pub mod verify;

//! Tests of the application machine: the whole stage × command table, a test for each row of the
//! spec's table, and its laws under random traffic.

mod acceptance;
mod consent;
mod copies;
mod filing;
pub mod findings;
pub mod fixtures;
mod grant;
mod legal;
mod offers;
mod outcomes;
mod pricing;
pub use self::pricing::priced_offer;
mod properties;
mod references;
mod requests;
mod restate;
mod set_up;
mod stale;
pub mod story;
pub mod support;
mod table;
mod table_events;
mod table_stages;
mod traffic;
pub mod words;

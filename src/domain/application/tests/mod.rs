//! Tests of the application machine: the whole stage × command table, a test for each row of the
//! spec's table, and its laws under random traffic.

mod acceptance;
mod consent;
mod filing;
pub mod fixtures;
mod grant;
mod offers;
mod pricing;
//PROPS
mod set_up;
mod stale;
pub mod story;
pub mod support;
mod table;
mod table_events;
mod table_stages;
pub mod words;

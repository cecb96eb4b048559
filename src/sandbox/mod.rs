//! The sandbox: simulated lender systems, their remote control, the clock that can be moved and the demo LSP.
//! Nothing here is mounted outside `dev`.

pub mod clock;
pub mod cluster;
pub mod demo;
pub mod diary;
pub mod faults;
mod goal;
mod happened;
pub mod http;
pub mod inbox;
pub mod items;
mod marks;
pub mod pay;
mod probe;
mod problem;
mod refusals;
mod report;
pub mod scenario;
pub mod snapshots;
pub mod systems;
mod tell;
#[cfg(test)]
mod tests;
mod traffic;

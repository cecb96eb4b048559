//! The lender's side of the Open Credit Enablement Network (OCEN).

pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod conformance;
pub mod console;
pub mod delivery;
pub mod domain;
pub mod engine;
pub mod hosted;
pub mod http;
pub mod jose;
pub mod journey;
pub mod keep;
pub mod lender;
pub mod listen;
pub mod lsp;
pub mod protocol;
pub mod rate;
pub mod sandbox;
pub mod seal;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod transcript;

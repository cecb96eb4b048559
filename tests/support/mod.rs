//! What the tests stand on: a database each, the real server over real HTTP, and an LSP that checks all it gets.

pub mod bodies;
pub mod certificates;
pub mod database;
pub mod fingerprint;
pub mod flow;
pub mod lsp;
pub mod money;
pub mod operators;
pub mod operators_api;
pub mod port;
pub mod reckoning;
pub mod refusal;
pub mod schemas;
pub mod seed;
pub mod server;
mod skip;
pub mod sql;
pub mod system;
pub mod wire;

pub use self::skip::skip;

//! The lender's side of the Open Credit Enablement Network (OCEN).
//!
//! README, "How the house is built", follows one request through these modules file by file; `REFERENCE.md` beside this
//! file explains what comments cite.

// The way of a request: `http` → `protocol` → `engine` → `domain`, and back through `store` and `protocol`.
pub mod domain; // pure decisions: an application or a loan and a command in, its successor and what follows out
pub mod engine; // one command, one transaction: claim the request id, lock, decide, store, queue the callback
pub mod http; // listeners, and the one handler behind every OCEN path; knows nothing of what messages say
pub mod protocol; // OCEN's messages: verified and decoded into commands, acks and callbacks encoded
pub mod store; // SQL, one file per group of tables, on the transaction of the caller

// What follows from it, in the background.
pub mod delivery; // takes callbacks from the outbox: signs, posts, tries again
pub mod keep; // upkeep: partitions, changes of data keys, the end of retention
pub mod lender; // ports to the lender's own systems, which `engine::fire` asks

// What all of these stand on.
pub mod app; // the server as one value, built once from the configuration and handed to everything
pub mod clock; // time and ids, the only source of either
pub mod config; // flags, environment and one file, checked as a whole before anything starts
pub mod jose; // signatures over raw bytes: framing and keys
pub mod lsp; // a registered LSP and its settings
pub mod rate; // how many requests an LSP may send
pub mod seal; // sealed columns, blind indexes and one-time passwords
pub mod telemetry; // log lines, metrics and traces, with their names
pub mod tls; // TLS of our listeners and of what we call

// What people use.
pub mod audit; // the log of what people changed: signed heads and the walk along its chain
pub mod cli; // the command line, one file per subcommand
pub mod console; // web pages for operators and integrators
pub mod transcript; // all that was said about one application, as a signed zip

// Outermost: the sandbox, and the LSP's side for trying it.
pub mod conformance; // tests an LSP's side against a sandbox
pub mod hosted; // one sandbox for many LSPs, a namespace each
pub mod journey; // an LSP that takes loans through a server: demo, load driver and end-to-end test
pub mod listen; // an LSP's endpoint for callbacks, on a laptop
pub mod sandbox; // simulated lender's systems, scenario codes, faults, the clock that can be moved

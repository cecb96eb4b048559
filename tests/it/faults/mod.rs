//! Real processes under faults: replicas of the program on a Postgres of their own, an LSP, the lender's systems, and
//! wires that can be made bad. Whatever happens, an oracle checks every promise of design §6 afterwards.
//!
//! `make faults` runs these. `OCEN_FAULT_JOURNEYS` says how many loans go from application to closure under each
//! fault, `OCEN_FAULT_SEED` repeats the same chance.

mod balancer;
mod bank;
mod dice;
mod journey;
mod lsp;
mod oracle;
mod postgres;
mod program;
mod proxy;
mod scene;

mod clocks;
mod disk;
mod kills;
mod manners;
mod patroni;
mod rolling;
mod wires;

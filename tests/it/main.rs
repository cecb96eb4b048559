//! The program's promises, tried over real HTTP on real Postgres.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod admin;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod connected;
#[cfg(test)]
mod console;
#[cfg(test)]
mod console_api;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod database_guards;
#[cfg(test)]
mod day_end;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod disputes;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod exposure;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod hosted;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod ids;
#[cfg(test)]
mod independent;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod kfs;
#[cfg(test)]
mod late;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod leniency;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod listen;
#[cfg(test)]
mod mandates;
#[cfg(test)]
mod npa;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod operators_api;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod outgoing;
#[cfg(test)]
mod pay_page;
#[cfg(test)]
mod payouts;
#[cfg(test)]
mod places;
#[cfg(test)]
mod port_schemas;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod postman;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod quote;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod referral;
#[cfg(test)]
mod repayments;
#[cfg(test)]
mod reveal;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod signature_check;
#[cfg(test)]
mod signatures;
#[cfg(test)]
mod stale;
#[cfg(test)]
mod switches;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod transcript;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod unanswered;
#[cfg(test)]
mod watching;
#[cfg(test)]
mod wrong_state;

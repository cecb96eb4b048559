//! The program's promises, tried over real HTTP on real Postgres.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod signatures;
#[cfg(test)]
mod openapi;

//! What a lender decides: pure values in, values out. No async, SQL, clock or randomness here.

pub mod application;
pub mod book;
pub mod calendar;
pub mod ids;
pub mod kfs;
pub mod loan;
pub mod maths;
pub mod personal;
pub mod product;
pub mod rules;
pub mod servicing;
pub mod span;

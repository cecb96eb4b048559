//! Tests of the lending arithmetic against published examples and its own laws.

mod accrual;
mod apr_dated;
mod apr_vectors;
mod dates;
mod first_period;
mod money_and_rate;
mod properties;
mod refusals;
mod reschedule;
mod schedule_vectors;
mod support;

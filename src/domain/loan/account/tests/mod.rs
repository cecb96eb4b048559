//! A loan's life: stories of single loans, and properties over thousands of random ones.

mod hindsight;
mod moratorium;
mod overdue;
mod pay_offs;
mod properties;
mod stories;
mod support;
mod write_offs;

//! Whoever means harm: forged and stolen signatures, other people's ids, addresses inside the lender's network.

mod addresses;
mod chance;
mod fuzz;
mod ids;
mod signatures;

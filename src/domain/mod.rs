//! What a lender decides: pure values in, values out. No async, SQL, clock or randomness here.

// The machines: a value and a command in, its successor and what follows out.
pub mod application; // one loan application, from filing to grant
pub mod loan; // one loan, from the grant on

// What they reckon with.
pub mod book; // double entry: accounts, journals, statement
pub mod kfs; // the key facts statement of an offer
pub mod maths; // money, day counts, schedules, APR
pub mod product; // what the lender sells, and what each product demands before a grant
pub mod rules; // what the law forbids, by name
pub mod servicing; // rules of a loan after the payout

// Small types that all of them use.
pub mod calendar; // working days
pub mod ids; // identifiers, each of its own type
pub mod personal; // personal data in running text, recognised and taken out
pub mod span; // durations as people write them
pub mod utr; // the bank's references of money that moved

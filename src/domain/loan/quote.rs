//! Pay-off quotes: an amount that the lender stands by until its day is over (`lending.md` §2.5).
//!
//! A quote is derived, not kept: the same figures on the same day are the same quote on every replica, and the book, which
//! is never changed, gives them again years later. What changes the amount, a payment or a charge, ends the quote.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Loan;
use super::account::{PayOff, Purpose};
use crate::domain::application::decision::Facts;
use crate::domain::calendar::end_of_day;

/// Hex digits of the hash that stand in the id.
const DIGITS: usize = 16;

/// One quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// What a payment names it by.
    pub id: String,
    /// SHA-256 of its figures, hex.
    pub hash: String,
    /// The last instant at which it can be taken up.
    pub valid_till: DateTime<Utc>,
}

/// The quotes of a loan today.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotes {
    /// For paying everything.
    #[serde(default)]
    pub foreclosure: Option<Quote>,
    /// For leaving within the cooling-off period.
    #[serde(default)]
    pub cooling_off_exit: Option<Quote>,
}

/// The figures in the order in which they are hashed, with bars between them: loan, purpose, day, total, principal,
/// interest, fees, penal charges, charge for leaving early, what is given back, what is held; amounts in rupees.
#[must_use]
pub fn figures(loan: &Loan, purpose: Purpose, pay_off: &PayOff) -> String {
    let purpose = match purpose {
        Purpose::CoolingOffExit => "COOLING_OFF_EXIT",
        _ => "FORECLOSURE",
    };
    let PayOff { on, principal, interest, fees, penal, charge, given_back, excess, total } = pay_off;
    let id = &loan.id;
    format!("{id}|{purpose}|{on}|{total}|{principal}|{interest}|{fees}|{penal}|{charge}|{given_back}|{excess}")
}

/// The day that a quote is of, by its id.
#[must_use]
pub fn day(id: &str) -> Option<NaiveDate> {
    let (day, _) = id.strip_prefix("Q-")?.split_once('-')?;
    NaiveDate::parse_from_str(day, "%Y%m%d").ok()
}

/// The quote for an amount. None at the end of the calendar.
#[must_use]
pub fn of(loan: &Loan, purpose: Purpose, pay_off: &PayOff, facts: &Facts<'_>) -> Option<Quote> {
    let hash = facts.scribe.hash(&figures(loan, purpose, pay_off));
    let digits: String = hash.chars().take(DIGITS).collect();
    let id = format!("Q-{}-{digits}", pay_off.on.format("%Y%m%d"));
    Some(Quote { id, hash, valid_till: end_of_day(pay_off.on)? })
}

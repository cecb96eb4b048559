//! The whole life of a loan from its facts: how a late fact finds its place, and how the book is checked.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Account, Contract, Fact, Out, Position, Purpose, What};
use crate::domain::application::facets::Offer;
use crate::domain::book::{Journal, JournalKind};
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::ScheduleError;

/// What facts come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The account; none while nothing is paid out.
    pub account: Option<Account>,
    /// What follows from them: the journals of the whole life.
    pub out: Out,
    /// Payments and payouts that came back, with the day: the kind of their journal and its reference.
    pub returned: Vec<(JournalKind, String, NaiveDate)>,
}

impl Replayed {
    /// The journals that make a book say the same.
    #[must_use]
    pub fn corrections(&self, posted: &[Journal]) -> Vec<Journal> {
        crate::domain::book::corrections(posted, &self.out.journals, &self.returned)
    }
}

/// Lets the facts happen in the order of their value dates, those of one day in the order in which they became known.
/// What came back later is left out from the beginning: an instalment paid with it was never paid.
///
/// # Errors
/// [`ScheduleError`] when the terms make no schedule for the day of the payout.
pub fn replay(offer: &Offer, facts: &[Fact], to: Position) -> Result<Replayed, ScheduleError> {
    until(offer, facts, (None, to))
}

/// The account on a day, after what has happened until then by what is known now: where a late fact finds it.
#[must_use]
pub fn as_of(offer: &Offer, facts: &[Fact], day: NaiveDate) -> Option<Account> {
    until(offer, facts, (Some(day), Position::open(day))).ok()?.account
}

/// Facts of a later day than `last` are left out, but for what they undo.
fn until(offer: &Offer, facts: &[Fact], (last, to): (Option<NaiveDate>, Position)) -> Result<Replayed, ScheduleError> {
    let returned: Vec<(JournalKind, String, NaiveDate)> = facts.iter().filter_map(came_back).collect();
    let gone: BTreeSet<(JournalKind, &str)> =
        returned.iter().map(|(kind, reference, _)| (*kind, reference.as_str())).collect();
    let is_in_time = |fact: &&Fact| last.is_none_or(|last| fact.value_date <= last);
    let standing: Vec<&Fact> = facts.iter().filter(is_in_time).filter(|fact| !is_gone(fact, &gone)).collect();
    let quotes = standing.iter().filter_map(|fact| quote_of(fact)).map(|(day, quote)| (day, Turn::Quote(quote)));
    let facts = standing.iter().map(|fact| (fact.value_date, Turn::Fact(fact)));
    let mut ordered: Vec<(NaiveDate, Turn<'_>)> = facts.chain(quotes).collect();
    ordered.sort_by_key(|(day, _)| *day);
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    let mut out = Out::default();
    let mut account: Option<Account> = None;
    for (day, turn) in ordered {
        match (turn, &mut account) {
            (Turn::Quote(quote), Some(account)) => {
                account.advance(Position::open(day), &mut out);
                kept.extend(quote.is_met_by(account, day).then_some(quote.payment));
            }
            (Turn::Fact(Fact { what: What::Disbursed { reference, net }, .. }), None) => {
                let contract = Contract::of(offer, day).ok_or(ScheduleError::OutOfRange)?;
                account = Some(Account::open(contract, reference, *net, &mut out)?);
            }
            (Turn::Fact(fact), Some(account)) => {
                let quote = quote_of(fact).filter(|(_, quote)| kept.contains(quote.payment));
                account.apply_under(fact, quote.map(|(day, _)| day), &mut out);
            }
            (_, None) => {}
        }
    }
    if let Some(account) = &mut account {
        account.advance(to, &mut out);
    }
    Ok(Replayed { account, out, returned })
}

/// What happens in its turn.
#[derive(Debug, Clone, Copy)]
enum Turn<'a> {
    /// A fact.
    Fact(&'a Fact),
    /// The day of a quote is over on which a payment stands whose value date is a later one.
    Quote(Quoted<'a>),
}

/// A payment that was asked for under a quote.
#[derive(Debug, Clone, Copy)]
struct Quoted<'a> {
    payment: &'a str,
    amount: Paise,
    purpose: Purpose,
}

impl Quoted<'_> {
    /// Whether it pays what ends the loan on the day of the quote, after what is known now. It does not where an earlier
    /// payment has come back since.
    fn is_met_by(&self, account: &Account, day: NaiveDate) -> bool {
        let needed = match self.purpose {
            Purpose::Foreclosure => account.foreclosure(day),
            Purpose::CoolingOffExit => account.cooling_off_exit(day),
            Purpose::Instalment | Purpose::Prepayment => return false,
        };
        needed.is_ok_and(|needed| self.amount >= needed.total)
    }
}

fn quote_of(fact: &Fact) -> Option<(NaiveDate, Quoted<'_>)> {
    match &fact.what {
        What::Received { payment, amount, purpose, quoted_on: Some(day), .. } => {
            Some((*day, Quoted { payment: payment.as_str(), amount: *amount, purpose: *purpose }))
        }
        _ => None,
    }
}

fn came_back(fact: &Fact) -> Option<(JournalKind, String, NaiveDate)> {
    match &fact.what {
        What::Returned { payment } => Some((JournalKind::Receipt, payment.0.clone(), fact.value_date)),
        What::PayoutReturned { reference } => Some((JournalKind::Disbursement, reference.clone(), fact.value_date)),
        What::RefundFailed { reference } => Some((JournalKind::Refund, reference.clone(), fact.value_date)),
        _ => None,
    }
}

fn is_gone(fact: &Fact, gone: &BTreeSet<(JournalKind, &str)>) -> bool {
    match &fact.what {
        What::Received { payment, .. } => gone.contains(&(JournalKind::Receipt, payment.as_str())),
        What::Disbursed { reference, .. } => gone.contains(&(JournalKind::Disbursement, reference.as_str())),
        What::Refunded { reference, .. } => gone.contains(&(JournalKind::Refund, reference.as_str())),
        _ => false,
    }
}

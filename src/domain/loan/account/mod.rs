//! The account of a paid-out loan: what is owed, day by day, as a pure function of the accepted terms and of facts.
//!
//! Nothing here is asked of the clock: [`Account::advance`] brings the account to a day, [`Account::apply`] lets a
//! fact happen, and both write journals. A fact that comes late is replayed in its place (`replay`).

mod advance;
mod allocation;
pub mod charge;
mod close;
mod delinquency;
mod fact;
mod payoff;
mod prepayment;
mod replay;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::allocation::Split;
pub use self::charge::Moratorium;
pub use self::delinquency::{AssetClass, Reclassified};
pub use self::fact::{Fact, Purpose, Waived, What};
pub use self::payoff::{PayOff, PayOffRefusal};
pub use self::replay::{Replayed, as_of, replay};
use crate::domain::application::facets::Offer;
use crate::domain::application::{pricing, restate};
use crate::domain::book::{self, Journal};
use crate::domain::maths::accrual::accrued_after;
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::{Row, Schedule, ScheduleError, ScheduleTerms, schedule};
use crate::domain::maths::seed_day;
use crate::domain::servicing::{Component, FeeLine, Servicing};

/// What was accepted, with the dates that the bank's value date fixed. Nothing in it ever changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// Principal, rate, dates and rounding.
    pub terms: ScheduleTerms,
    /// Rules of the loan's life.
    pub servicing: Servicing,
    /// For each bounced payment, on which there is no tax; nothing when the KFS has no such charge.
    pub bounce: Paise,
    /// Penal charge, percent per annum on the unpaid part of an instalment.
    pub penal_percent: Decimal,
    /// Goods and services tax on fees, percent.
    pub gst_percent: Decimal,
    /// As on the KFS, percent.
    pub apr: Decimal,
    /// Days from the payout in which the borrower may leave without penalty.
    pub cooling_off_days: u32,
    /// What was kept from the payout.
    pub fees: Vec<FeeLine>,
}

/// A day, and how far it has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Business date.
    pub day: NaiveDate,
    /// Whether the day is over.
    pub phase: Phase,
}

impl Position {
    /// The day has begun: what falls due on it is due.
    #[must_use]
    pub fn open(day: NaiveDate) -> Self {
        Self { day, phase: Phase::Open }
    }

    /// The day is over: what is unpaid is overdue.
    #[must_use]
    pub fn closed(day: NaiveDate) -> Self {
        Self { day, phase: Phase::Closed }
    }
}

/// Part of a business day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Dues, notices and charges of the day have happened.
    Open,
    /// Its day-end has run: month-end accrual and classification.
    Closed,
}

/// One instalment of the current schedule, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instalment {
    /// As scheduled.
    pub row: Row,
    /// Whether it has fallen due.
    pub billed: bool,
    /// Principal settled.
    pub paid_principal: Paise,
    /// Interest settled, waived interest included.
    pub paid_interest: Paise,
    /// When nothing was left of it.
    pub settled_on: Option<NaiveDate>,
    /// The borrower was told that it is overdue and what that costs: the notice's id.
    pub notice: Option<String>,
    /// Penal charges run from here on.
    pub penal_from: NaiveDate,
    /// Penal charges so far.
    pub penal: Paise,
}

impl Instalment {
    fn scheduled(row: Row, servicing: &Servicing) -> Self {
        let grace = chrono::Days::new(u64::from(servicing.penal_grace_days));
        Self {
            row,
            billed: false,
            paid_principal: Paise::ZERO,
            paid_interest: Paise::ZERO,
            settled_on: None,
            notice: None,
            penal_from: row.due_date.checked_add_days(grace).unwrap_or(row.due_date),
            penal: Paise::ZERO,
        }
    }

    /// Principal not settled.
    #[must_use]
    pub fn principal_left(&self) -> Paise {
        self.row.principal.saturating_sub(self.paid_principal)
    }

    /// Interest not settled.
    #[must_use]
    pub fn interest_left(&self) -> Paise {
        self.row.interest.saturating_sub(self.paid_interest)
    }

    /// What is still to be paid.
    #[must_use]
    pub fn left(&self) -> Paise {
        self.principal_left().saturating_add(self.interest_left())
    }

    /// Whether the borrower who is told on a day that it is overdue is told later than the day after its due date.
    #[must_use]
    pub fn is_told_late(&self, on: NaiveDate) -> bool {
        on.signed_duration_since(self.row.due_date).num_days() > 1
    }

    /// Due and not paid in full.
    #[must_use]
    pub fn is_unpaid(&self) -> bool {
        self.billed && self.left().is_positive()
    }
}

/// The period that runs: the first instalment that is not due yet, and its interest so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Day on which the period began.
    pub from: NaiveDate,
    /// Principal that was prepaid in it, each part with its day.
    pub prepaid: Vec<(NaiveDate, Paise)>,
    /// Interest of the period that is in the book.
    pub posted: Paise,
}

impl Running {
    fn starting(day: NaiveDate) -> Self {
        Self { from: day, prepaid: Vec::new(), posted: Paise::ZERO }
    }

    /// The principal that the period began with, when so much of it is left.
    fn began_with(&self, left: Paise) -> Paise {
        self.prepaid.iter().fold(left, |sum, (_, paid)| sum.saturating_add(*paid))
    }
}

/// A fee or penal charge that is due and not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The journal's reference.
    pub id: String,
    /// The row of the KFS that allows it, e.g. `PENAL` or `BOUNCE`.
    pub kfs_row: String,
    /// [`Component::Fee`] or [`Component::Penal`].
    pub component: Component,
    /// The instalment that it is about.
    pub instalment: Option<u32>,
    /// When it fell due.
    pub date: NaiveDate,
    /// With tax.
    pub amount: Paise,
    /// Settled or waived.
    pub settled: Paise,
}

impl Charge {
    /// What is still to be paid.
    #[must_use]
    pub fn left(&self) -> Paise {
        self.amount.saturating_sub(self.settled)
    }
}

/// Sums over the loan's life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Everything received, less what came back.
    pub received: Paise,
    /// Part of it that settled principal, prepayments included.
    pub principal: Paise,
    /// Part of it that settled interest.
    pub interest: Paise,
    /// Part of it that settled fees.
    pub fee: Paise,
    /// Part of it that settled penal charges.
    pub penal: Paise,
    /// Paid back to the borrower out of excess.
    pub refunded: Paise,
    /// Waived.
    pub waived: Paise,
    /// Principal waived: always part of `waived`.
    pub waived_principal: Paise,
    /// Principal given up.
    pub written_off: Paise,
    /// Everything given up, which is all that can be recovered; not noted of accounts that were given up before it was.
    pub given_up: Option<Paise>,
    /// Fees, and interest of odd days, that were kept from the payout and given back.
    pub given_back: Paise,
    /// Received after a write-off, up to what was given up.
    pub recovered: Paise,
    /// Refunded to the borrower though it was not his, and given up with the loan.
    pub given_up_claim: Paise,
}

/// How the account ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ending {
    /// Everything that was due was paid, on schedule.
    Matured,
    /// Paid off early.
    Foreclosed,
    /// The borrower left within the cooling-off period.
    CoolingOff,
    /// Given up; what comes in later is recovered.
    WrittenOff,
    /// The borrower did not want the loan, and no money had moved; no account ever ends so, because there is none.
    Withdrawn,
}

/// The account of a paid-out loan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// What was accepted.
    pub contract: Contract,
    /// The current schedule.
    pub instalments: Vec<Instalment>,
    /// Counts schedules, from 1; a prepayment or pay-off makes a new one.
    pub version: u32,
    /// The running period; means nothing once all instalments are due.
    pub running: Running,
    /// Everything up to here has happened.
    pub at: Position,
    /// Fees and penal charges that are not settled.
    pub charges: Vec<Charge>,
    /// The borrower's money for which nothing was due. Below zero when a payment came back whose excess had been
    /// refunded: then the borrower owes that.
    pub excess: Paise,
    /// Sums.
    pub totals: Totals,
    /// Own classification, without what other loans of the borrower do to it.
    pub class: AssetClass,
    /// Since when the loan is an NPA by its own arrears; sticky until all arrears are paid.
    pub npa_since: Option<NaiveDate>,
    /// Every day on which it became an NPA, those that are over included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub npa_starts: Vec<NaiveDate>,
    /// When its arrears were last paid in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrears_cleared_on: Option<NaiveDate>,
    /// How it will end when what was called in is paid.
    pub called_in: Option<Ending>,
    /// How and when it ended.
    pub ended: Option<(NaiveDate, Ending)>,
    /// When penal charges rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moratoria: Vec<Moratorium>,
    /// Interest of odd days that was kept from the payout; not noted of accounts that were opened before it was.
    #[serde(default)]
    pub kept_interest: Option<Paise>,
}

/// Something the lender must do because of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// Tell the borrower that an instalment will be debited tomorrow.
    PreDebitNotice(u32),
    /// Collect an instalment that fell due, once.
    Present(u32),
    /// Tell the borrower that an instalment is overdue and what that costs.
    OverdueNotice(u32),
    /// Tell the borrower of a charge and its reason.
    ChargeNotice(Charge),
}

/// What follows from days and facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Out {
    /// To be posted, in order.
    pub journals: Vec<Journal>,
    /// To be done.
    pub duties: Vec<Duty>,
    /// What happened, in words without personal data, with the business date.
    pub events: Vec<(NaiveDate, String)>,
}

impl Out {
    fn post(&mut self, journal: Option<Journal>) {
        self.journals.extend(journal);
    }

    fn event(&mut self, day: NaiveDate, what: impl Into<String>) {
        self.events.push((day, what.into()));
    }
}

/// The terms with the accepted due dates, when they hold for a payout that reached the account on a later day. They keep
/// their day of the month, which the later day may not tell any more: accepted on 31 Jan they are 29 Feb and 31 Mar, and
/// stay so for money that came on 1 Feb.
fn kept(offer: &Offer, value_date: NaiveDate) -> Option<ScheduleTerms> {
    let accepted = &offer.terms;
    let is_worse = || pricing::for_payout(offer, value_date).is_ok_and(|new| restate::worse(&new, offer).is_some());
    if value_date <= accepted.disbursed_on || !is_worse() {
        return None;
    }
    let seed = || seed_day(accepted.frequency, (accepted.disbursed_on, accepted.first_due));
    let due_day = accepted.due_day.or_else(seed);
    let terms = ScheduleTerms { disbursed_on: value_date, due_day, ..accepted.clone() };
    schedule(&terms).is_ok().then_some(terms)
}

impl Contract {
    /// The contract of an accepted offer that was paid out on a value date. Due dates are counted from it, unless the
    /// bank took longer and that would be worse for the borrower than what was accepted: then they stay.
    #[must_use]
    pub fn of(offer: &Offer, value_date: NaiveDate) -> Option<Self> {
        let moved = || {
            let first_due = offer.servicing.first_due(offer.terms.frequency, value_date)?;
            Some(ScheduleTerms { disbursed_on: value_date, first_due, ..offer.terms.clone() })
        };
        let terms = if value_date == offer.terms.disbursed_on {
            offer.terms.clone()
        } else {
            kept(offer, value_date).or_else(moved)?
        };
        Some(Self {
            terms,
            servicing: offer.servicing.clone(),
            bounce: offer.charges.bounce,
            penal_percent: offer.charges.late_payment_percent,
            gst_percent: offer.gst_percent,
            apr: offer.apr,
            cooling_off_days: offer.cooling_off_days,
            fees: offer.fees.clone(),
        })
    }
}

impl Account {
    /// The account of a loan whose money arrived on the contract's value date.
    ///
    /// # Errors
    /// [`ScheduleError`] when the terms make no schedule for that date.
    pub fn open(contract: Contract, reference: &str, net: Paise, out: &mut Out) -> Result<Self, ScheduleError> {
        let terms = &contract.terms;
        let day = terms.disbursed_on;
        let Schedule { rows, upfront_interest, .. } = schedule(terms)?;
        let fees = contract.fees.iter().fold(Paise::ZERO, |sum, fee| sum.saturating_add(fee.total()));
        let kept = terms.principal.saturating_sub(net).saturating_sub(fees);
        out.post(book::disbursement(day, reference, (terms.principal, net), &contract.fees));
        out.event(day, "paid out");
        let mut account = Self {
            instalments: rows.into_iter().map(|row| Instalment::scheduled(row, &contract.servicing)).collect(),
            version: 1,
            running: Running::starting(day),
            at: Position::open(day),
            charges: Vec::new(),
            excess: Paise::ZERO,
            totals: Totals::default(),
            class: AssetClass::Standard,
            npa_since: None,
            npa_starts: Vec::new(),
            arrears_cleared_on: None,
            called_in: None,
            ended: None,
            moratoria: Vec::new(),
            kept_interest: Some(kept),
            contract,
        };
        // Kept for more odd days than there were: the money came later than the offer foresaw.
        let too_much = Paise(kept.0.saturating_sub(upfront_interest.0).max(0));
        account.give_back(reference, (too_much, &[]), day, out);
        Ok(account)
    }

    /// The first instalment that is not due yet.
    #[must_use]
    pub fn next_due(&self) -> Option<&Instalment> {
        self.instalments.iter().find(|instalment| !instalment.billed)
    }

    /// Instalments that are due and not paid in full, oldest first.
    pub fn unpaid(&self) -> impl Iterator<Item = &Instalment> {
        self.instalments.iter().filter(|instalment| instalment.is_unpaid())
    }

    /// An instalment by its number.
    #[must_use]
    pub fn instalment(&self, number: u32) -> Option<&Instalment> {
        self.instalments.iter().find(|instalment| instalment.row.number == number)
    }

    /// Principal that is not due yet.
    #[must_use]
    pub fn principal_not_due(&self) -> Paise {
        if self.ended.is_some() {
            return Paise::ZERO;
        }
        self.next_due().map_or(Paise::ZERO, |next| next.row.opening)
    }

    /// Principal that the borrower owes, due or not.
    #[must_use]
    pub fn principal_outstanding(&self) -> Paise {
        let due = self.unpaid().fold(Paise::ZERO, |sum, row| sum.saturating_add(row.principal_left()));
        due.saturating_add(self.principal_not_due())
    }

    /// What is due now: instalments, fees and penal charges that are in the book.
    #[must_use]
    pub fn due(&self) -> Paise {
        let instalments = self.unpaid().fold(Paise::ZERO, |sum, row| sum.saturating_add(row.left()));
        instalments.saturating_add(self.charges_left())
    }

    /// What was refunded to the borrower and turned out not to be his.
    #[must_use]
    pub fn claim(&self) -> Paise {
        Paise(self.excess.0.saturating_neg().max(0))
    }

    /// Fees and penal charges that are in the book and not settled.
    #[must_use]
    pub fn charges_left(&self) -> Paise {
        self.charges.iter().fold(Paise::ZERO, |sum, charge| sum.saturating_add(charge.left()))
    }

    /// Interest of the running period up to a day.
    #[must_use]
    pub fn accrued(&self, on: NaiveDate) -> Paise {
        let Some(next) = self.next_due().filter(|_| self.ended.is_none()) else {
            return Paise::ZERO;
        };
        if on >= next.row.due_date {
            return next.row.interest;
        }
        let period = (self.running.from, next.row.due_date);
        let balance = (self.running.began_with(next.row.opening), self.running.prepaid.as_slice());
        accrued_after(&self.contract.terms, period, balance, on).unwrap_or_default().min(next.row.interest)
    }

    /// Whether the loan has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ended.is_some()
    }

    /// What was given up and has not been recovered: the borrower owes it, though it is in the book no more.
    #[must_use]
    pub fn to_recover(&self) -> Paise {
        match self.ended {
            Some((_, Ending::WrittenOff)) => {
                self.totals.given_up.unwrap_or(Paise(i64::MAX)).saturating_sub(self.totals.recovered)
            }
            _ => Paise::ZERO,
        }
    }

    /// Whether the lender has no claim any more: it was paid, or has been recovered in full.
    #[must_use]
    pub fn is_discharged(&self) -> bool {
        self.is_closed() && !self.to_recover().is_positive()
    }
}

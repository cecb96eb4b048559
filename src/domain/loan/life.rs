//! A running loan and its account: days pass, facts happen, and what the lender must do about it is asked for.

use chrono::NaiveDate;

use super::Loan;
use super::account::{
    Account, AssetClass, Charge, Contract, Duty, Ending, Fact, Out, Position, Replayed, What, as_of, replay,
};
use super::repayment;
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, ComingDebit, Outcome};
use crate::domain::application::decision::{Decision, Effect, Facts, History};
use crate::domain::application::facets::{Mandate, RepaymentSetup};
use crate::domain::application::notice::{Notice, NoticeKind};
use crate::domain::application::repayment as set_up;
use crate::domain::book::{self, Journal, JournalKind};
use crate::domain::maths::money::Paise;

/// Brings a loan to a position: what fell due, what is charged, how it is classified, and whom to tell. Every command
/// does this first, with the day-end's own function.
pub fn advance(loan: &mut Loan, app: &Application, to: Position, facts: &Facts<'_>, d: &mut Decision) {
    let Some(account) = &mut loan.account else { return };
    let mut out = Out::default();
    let before = Standing::of(Some(&*account));
    account.advance(to, &mut out);
    follow(loan, app, (out, before), facts, d);
}

/// Notes a fact and lets it happen, in its place: a late one is replayed, with everything that came after it.
pub fn record(loan: &mut Loan, app: &Application, fact: Fact, facts: &Facts<'_>, d: &mut Decision) {
    d.effects.push(Effect::Record(loan.id.clone(), fact.clone()));
    if is_late(loan, &fact) {
        replay_all(loan, app, fact.value_date, facts, d);
        return;
    }
    let mut out = Out::default();
    let before = Standing::of(loan.account.as_ref());
    match (&fact.what, &mut loan.account) {
        (What::Disbursed { reference, net }, None) => {
            let opened = Contract::of(&loan.offer, fact.value_date)
                .and_then(|contract| Account::open(contract, reference, *net, &mut out).ok());
            match opened {
                Some(account) => loan.account = Some(account),
                None => d.event(app, "the schedule could not be made for the day of the payout"),
            }
        }
        (_, Some(account)) => account.apply(&fact, &mut out),
        (_, None) => {}
    }
    follow(loan, app, (out, before), facts, d);
}

/// Whether the account is beyond a fact, or the fact takes something back.
#[must_use]
pub fn is_late(loan: &Loan, fact: &Fact) -> bool {
    let undoes = matches!(fact.what, What::Returned { .. } | What::PayoutReturned { .. } | What::RefundFailed { .. });
    // Whether a quote stands is known from the day that it is of.
    let is_quoted = matches!(fact.what, What::Received { quoted_on: Some(_), .. });
    undoes || is_quoted || loan.account.as_ref().is_some_and(|account| fact.value_date < account.at.day)
}

/// Everything from the first fact on, to where the account stands; the book gets what it lacks.
fn replay_all(loan: &mut Loan, app: &Application, from: NaiveDate, facts: &Facts<'_>, d: &mut Decision) {
    let Some(history) = facts.history else {
        d.lacks_history = true;
        return;
    };
    let Some(at) = loan.account.as_ref().map(|account| account.at) else { return };
    let Ok(replayed) = replay(&loan.offer, &known(history, d), at) else {
        d.event(app, "a late fact could not be replayed");
        return;
    };
    let posted: Vec<Journal> = posted(history.journals.iter().cloned(), d);
    let before = Standing::of(loan.account.as_ref());
    let corrections = replayed.corrections(&posted);
    d.effects.extend(repayment::resplit(&replayed.out.journals, &corrections));
    let duties = duties_found_late(&replayed, &corrections);
    d.effects.extend(corrections.into_iter().map(|journal| Effect::Post(loan.id.clone(), journal)));
    loan.account = replayed.account;
    d.event(app, format!("the book was brought in order from {from} on"));
    for duty in duties {
        carry_out(loan, app, duty, facts, d);
    }
    moved(loan, app, before, facts, d);
}

/// What the lender may still ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The loan runs, or is not paid out.
    Runs,
    /// It is written off, and not all of it is recovered: the claim goes on.
    GivenUp,
    /// Nothing is owed any more.
    Discharged,
}

impl Standing {
    fn of(account: Option<&Account>) -> Self {
        match account {
            Some(account) if account.is_discharged() => Self::Discharged,
            Some(account) if account.is_closed() => Self::GivenUp,
            _ => Self::Runs,
        }
    }
}

/// What follows when a loan ends, is owed again, or is recovered.
fn moved(loan: &mut Loan, app: &Application, before: Standing, facts: &Facts<'_>, d: &mut Decision) {
    match (before, Standing::of(loan.account.as_ref())) {
        (Standing::Runs, Standing::Discharged) => finish(loan, app, d),
        (Standing::GivenUp, Standing::Discharged) => discharge(loan, app, d),
        // What was lent stays counted, and what secures it pledged: the claim goes on.
        (Standing::Runs, Standing::GivenUp) => repayment::end_all(loan, app, d),
        (Standing::Discharged, Standing::Runs) => reopen(loan, app, facts, d),
        (Standing::Discharged, Standing::GivenUp) => take_back(loan, app, "owed", facts, d),
        (Standing::GivenUp, Standing::Runs) => run_again(loan, app, facts, d),
        _ => {}
    }
}

/// A loan that was over is owed again.
fn reopen(loan: &Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    take_back(loan, app, "open", facts, d);
    run_again(loan, app, facts, d);
}

/// A loan of which nothing was owed counts against the borrower again, and takes back what secured it where that is free.
fn take_back(loan: &Loan, app: &Application, how: &str, facts: &Facts<'_>, d: &mut Decision) {
    let security = match (app.form.collaterals.is_empty(), facts.collateral_pledged) {
        (true, _) => "",
        (false, false) => ", its collateral is pledged again",
        (false, true) => ", without a collateral that is pledged to another loan",
    };
    d.event(app, format!("the loan is {how} again{security}"));
    d.effects.push(Effect::Reopen(app.id, loan.id.clone(), loan.exposure()));
}

/// A loan that was over runs again.
fn run_again(loan: &Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    // The mandate ended with the loan: nothing is debited until the borrower sets another one up.
    set_up::reopened(app, d);
    let text = format!(
        "Your loan {} is open again, because a payment that had paid it off came back. What falls due is not debited \
         until you set up a new mandate.",
        loan.id
    );
    let key = format!("reopened:{}", facts.now.timestamp_micros());
    notify(loan, app, ((NoticeKind::LoanReopened, None), &key, text), d);
}

/// All facts, with those that this very decision adds.
fn known(history: &History, d: &Decision) -> Vec<Fact> {
    let new = d.effects.iter().filter_map(|effect| match effect {
        Effect::Record(_, fact) => Some(fact.clone()),
        _ => None,
    });
    history.facts.iter().cloned().chain(new).collect()
}

/// The account as a fact of a day finds it. `None` when nothing was paid out by then, and when that day is over and the
/// history is not at hand: to record the fact needs it, too, and says so.
#[must_use]
pub fn account_on(loan: &Loan, day: NaiveDate, facts: &Facts<'_>, d: &Decision) -> Option<Account> {
    let account = loan.account.as_ref()?;
    if day < account.at.day {
        return as_of(&loan.offer, &known(facts.history?, d), day);
    }
    let mut account = account.clone();
    account.advance(Position::open(day), &mut Out::default());
    Some(account)
}

/// What the borrower must still be told after a replay: charges that were not in the book before, or were others, and
/// what is overdue only now, because the payment that had settled it came back.
fn duties_found_late(replayed: &Replayed, corrections: &[Journal]) -> Vec<Duty> {
    let posted_for = |charge: &Charge| {
        let is_charge = |journal: &&Journal| matches!(journal.kind, JournalKind::Fee | JournalKind::Penal);
        corrections.iter().filter(is_charge).find(|journal| journal.corrects(&charge.id))
    };
    let charges = replayed.out.duties.iter().filter_map(|duty| match duty {
        Duty::ChargeNotice(charge) => posted_for(charge)
            .map(|journal| Duty::ChargeNotice(Charge { id: journal.reference.clone(), ..charge.clone() })),
        _ => None,
    });
    let unpaid = replayed
        .account
        .iter()
        .flat_map(|account| account.unpaid().filter(|row| row.notice.is_none() && row.row.due_date < account.at.day));
    charges.chain(unpaid.map(|row| Duty::OverdueNotice(row.row.number))).collect()
}

/// Journals in the book with those that this very decision adds.
pub fn posted(stored: impl Iterator<Item = Journal>, d: &Decision) -> Vec<Journal> {
    let new = d.effects.iter().filter_map(|effect| match effect {
        Effect::Post(_, journal) => Some(journal.clone()),
        _ => None,
    });
    stored.chain(new).collect()
}

fn follow(loan: &mut Loan, app: &Application, (out, before): (Out, Standing), facts: &Facts<'_>, d: &mut Decision) {
    let Out { journals, duties, events } = out;
    d.effects.extend(journals.into_iter().map(|journal| Effect::Post(loan.id.clone(), journal)));
    for (day, what) in events {
        d.event(app, format!("{day}: {what}"));
    }
    for duty in duties {
        carry_out(loan, app, duty, facts, d);
    }
    moved(loan, app, before, facts, d);
}

fn carry_out(loan: &mut Loan, app: &Application, duty: Duty, facts: &Facts<'_>, d: &mut Decision) {
    match duty {
        Duty::PreDebitNotice(number) => announce(loan, app, number, d),
        // Presented 24 hours after the borrower knew of it; when the announcement is late, so is the debit.
        Duty::Present(number) if is_announced(loan, number) => repayment::present(loan, app, number, facts, d),
        Duty::Present(number) => announce(loan, app, number, d),
        Duty::OverdueNotice(number) => {
            if let Some(text) = overdue(loan, number, facts.today) {
                notify(loan, app, ((NoticeKind::Overdue, Some(number)), &format!("overdue:{number}"), text), d);
            }
        }
        Duty::ChargeNotice(charge) => tell_of_charge(loan, app, &charge, d),
    }
}

/// What the borrower is told of an overdue instalment, on a day.
fn overdue(loan: &Loan, number: u32, today: NaiveDate) -> Option<String> {
    let (due, amount) = left_of(loan, number)?;
    let percent = loan.offer.charges.late_payment_percent.normalize();
    let is_late = loan.account.as_ref()?.instalment(number)?.is_told_late(today);
    let from = match loan.offer.servicing.penal_grace_days {
        0 if is_late => "from today on".to_owned(),
        0 => "from the due date".to_owned(),
        days if is_late => format!("from today on, and not before {days} days after the due date"),
        days => format!("beginning {days} days after the due date"),
    };
    Some(format!(
        "Instalment {number} of Rs. {amount}, due on {due}, is unpaid. A penal charge of {percent} % per annum runs on \
         the unpaid amount {from}; there is no interest on it.",
    ))
}

fn is_announced(loan: &Loan, number: u32) -> bool {
    loan.announced.is_some_and(|(announced, _)| announced == number)
}

/// Tells the borrower, and the collection system, of a debit that is coming.
fn announce(loan: &Loan, app: &Application, number: u32, d: &mut Decision) {
    let (Some(mandate), Some((due_on, amount))) = (mandate(app), left_of(loan, number)) else { return };
    let text = format!("Rs. {amount} of instalment {number}, due on {due_on}, will be debited by your mandate.");
    let key = format!("pre-debit:{number}");
    let notice = notice(loan, ((NoticeKind::PreDebit, Some(number)), &key, text));
    d.ask_aside(Ask::Notify(Notice { amount: Some(amount), ..notice }), app, app.generation);
    let mandate = mandate.reference.clone();
    let coming = ComingDebit { loan_id: loan.id.clone(), instalment: number, due_on, amount, mandate };
    d.ask_aside(Ask::AnnounceDebit(coming), app, app.generation);
}

/// When an instalment is due and what is left of it.
fn left_of(loan: &Loan, number: u32) -> Option<(NaiveDate, Paise)> {
    let account = loan.account.as_ref()?;
    let instalment = account.instalment(number)?;
    let held = if instalment.billed { Paise::ZERO } else { account.excess.max(Paise::ZERO) };
    let amount = instalment.left().saturating_sub(held);
    amount.is_positive().then_some((instalment.row.due_date, amount))
}

fn tell_of_charge(loan: &Loan, app: &Application, charge: &Charge, d: &mut Decision) {
    let kind = match charge.component {
        crate::domain::servicing::Component::Penal => NoticeKind::PenalCharge,
        _ => NoticeKind::ChargePosted,
    };
    let about = charge.instalment.map(|number| format!(" for instalment {number}")).unwrap_or_default();
    let (amount, date, row) = (charge.amount, charge.date, &charge.kfs_row);
    let instead = if book::is_correction(&charge.id) { ", in place of what you were told before" } else { "" };
    let text = format!("Rs. {amount} were charged on {date}{about} ({row}){instead}.");
    notify(loan, app, ((kind, charge.instalment), &format!("charge:{}", charge.id), text), d);
}

fn notify(loan: &Loan, app: &Application, about: ((NoticeKind, Option<u32>), &str, String), d: &mut Decision) {
    d.ask_aside(Ask::Notify(notice(loan, about)), app, app.generation);
}

fn notice(loan: &Loan, ((kind, instalment), key, text): ((NoticeKind, Option<u32>), &str, String)) -> Notice {
    let key = format!("{}:{key}", loan.id);
    Notice { kind, loan_id: Some(loan.id.clone()), instalment, amount: None, key, text }
}

/// The notifier answered about a running loan: from now on the borrower knows that an instalment will be debited, or
/// is overdue.
pub fn notified(
    loan: &mut Loan,
    app: &Application,
    (notice, outcome): (&Notice, &Outcome),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    use crate::domain::application::ask::Finding;
    let Some(instalment) = notice.instalment else { return };
    let told = matches!(outcome, Outcome::Done { .. });
    if notice.kind == NoticeKind::PreDebit {
        if told {
            loan.announced = Some((instalment, facts.now));
            loan.announced_amount = notice.amount;
            let fell_due = loan.account.as_ref().and_then(|account| account.instalment(instalment));
            if fell_due.is_some_and(|row| row.billed) {
                repayment::present(loan, app, instalment, facts, d);
            }
        } else {
            d.event(app, format!("the borrower could not be told of the debit of instalment {instalment}"));
        }
        return;
    }
    if notice.kind != NoticeKind::Overdue {
        return;
    }
    match outcome {
        Outcome::Done { finding: Finding::Notified { message_id } } => {
            let what = What::Noticed { instalment, message_id: message_id.clone() };
            record(loan, app, Fact { value_date: facts.today, what }, facts, d);
        }
        _ => d.event(app, format!("the borrower could not be told that instalment {instalment} is overdue")),
    }
}

/// The borrower's mandate, while it is active.
#[must_use]
pub fn mandate(app: &Application) -> Option<&Mandate> {
    match &app.stage.deal()?.repayment {
        RepaymentSetup::Active { mandate, .. } => mandate.as_ref(),
        _ => None,
    }
}

/// Nothing is owed any more: pages end, the borrower's limit and collaterals are free. What was set up for the loan
/// ends with it, too, see [`crate::domain::application::decide`].
fn finish(loan: &mut Loan, app: &Application, d: &mut Decision) {
    repayment::end_all(loan, app, d);
    discharge(loan, app, d);
}

fn discharge(loan: &Loan, app: &Application, d: &mut Decision) {
    let text = format!("Your loan {} is closed, nothing is owed any more.", loan.id);
    notify(loan, app, ((NoticeKind::LoanClosed, None), "closed", text), d);
    d.effects.push(Effect::Finish(app.id, loan.id.clone()));
}

impl Loan {
    /// Classification on a day, that of the borrower's other loans included (RBI/2021-2022/125, borrower-wise).
    #[must_use]
    pub fn class(&self, borrower_npa_since: Option<NaiveDate>) -> AssetClass {
        match &self.account {
            Some(account) if !account.is_closed() && borrower_npa_since.is_some() => AssetClass::Npa,
            Some(account) => account.class,
            None => AssetClass::Standard,
        }
    }

    /// The rows of the accepted KFS by which a charge may be posted.
    #[must_use]
    pub fn kfs_rows(&self) -> Vec<String> {
        use super::account::charge::{BOUNCE, FORECLOSURE, PENAL, PREPAYMENT};
        use rust_decimal::Decimal;
        let charges = &self.offer.charges;
        let servicing = &self.offer.servicing;
        [
            (PENAL, charges.late_payment_percent > Decimal::ZERO),
            (BOUNCE, charges.bounce.is_positive()),
            (FORECLOSURE, servicing.foreclosure_percent > Decimal::ZERO),
            (PREPAYMENT, servicing.prepayment_percent > Decimal::ZERO),
        ]
        .into_iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(row, _)| row.to_owned())
        .collect()
    }

    /// What it adds to its borrower's exposure while it counts: the principal owed, and what was given up and is not
    /// recovered; all that was sanctioned as long as it is not paid out.
    #[must_use]
    pub fn exposure(&self) -> Paise {
        let sanctioned = self.offer.sanctioned;
        match &self.account {
            None => sanctioned,
            Some(account) if account.is_closed() => account.to_recover().min(sanctioned),
            Some(account) => account.principal_outstanding(),
        }
    }

    /// Whether it is closed, written off or withdrawn: nothing is paid out or collected any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.withdrawn_on.is_some() || self.account.as_ref().is_some_and(Account::is_closed)
    }

    /// Where it stands, as the database has it.
    #[must_use]
    pub fn stored_status(&self) -> &'static str {
        match &self.account {
            _ if self.withdrawn_on.is_some() => "WITHDRAWN",
            None => "GRANTED",
            Some(account) => match account.ended {
                None => "RUNNING",
                Some((_, Ending::WrittenOff)) => "WRITTEN_OFF",
                Some(_) => "CLOSED",
            },
        }
    }
}

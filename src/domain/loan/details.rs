//! Where a loan stands: summary, details, statement and list (row L15). Everything is derived; nothing changes.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::account::{Account, Ending, Instalment, Out, Position, Purpose, What};
use super::checks::{self, Check};
use super::content::{
    DueView, InstalmentView, ListedLoan, LoanContent, LoanHead, LoanStatus, StatementContent, StatementRow,
    SummaryContent,
};
use super::quote::{self, Quotes};
use super::{Loan, life};
use crate::domain::application::Application;
use crate::domain::application::answer::{Answer, Content, RefusalReason};
use crate::domain::application::decision::{Decision, Facts, History};
use crate::domain::application::facets::Deal;
use crate::domain::book::{JournalKind, Line, Side, statement as lines};
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::Row;

/// Longest span of a statement, in days: a hundred years.
const LONGEST_STATEMENT: i64 = 36_600;

/// `LoanSummaryRequest`.
pub fn summary(loan: &Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let answer = if let Some(broken) = checks::of_loan(loan) {
        raise_alarm(loan, broken, d);
        let nothing = SummaryContent { instalments: Vec::new(), ..undisbursed(loan, app, facts) };
        let content = Content::Summary(Box::new(nothing));
        Answer::refused(RefusalReason::SourceUnavailable, "the book of the loan is being checked", content)
    } else {
        Answer::ok(Content::Summary(Box::new(summarise(loan, app, facts))))
    };
    d.answer(facts, answer);
}

/// The book is not what it must be: nothing of it is told, people look, and the loan's history says so.
fn raise_alarm(loan: &Loan, broken: Check, d: &mut Decision) {
    d.alarms.push((loan.id.clone(), broken.name()));
    d.events.push((loan.application, format!("the book does not pass its check: {}", broken.name())));
}

/// `getLoanRequest`.
pub fn get(loan: &Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let Some(deal) = app.stage.deal() else { return };
    let content = LoanContent {
        head: head(loan, app, facts.today, facts.borrower_npa_since),
        loan_type: app.form.loan_type,
        form: app.form.clone(),
        deal: deal.clone(),
        agreement_url: agreement_url(deal),
        account: loan.payouts.iter().rev().find(|payout| !payout.has_failed()).map(|payout| payout.account.clone()),
        schedule: schedule(loan),
        schedule_version: loan.account.as_ref().map_or(1, |account| account.version),
        takes_payments: loan.account.as_ref().is_some_and(|account| !account.is_closed()),
    };
    d.answer(facts, Answer::ok(Content::Loan(Box::new(content))));
}

/// `loanStatementRequest`: rows of a span with what was owed before, or why the dates make no sense.
pub fn statement(loan: &Loan, (from, to): (Option<NaiveDate>, Option<NaiveDate>), facts: &Facts<'_>, d: &mut Decision) {
    let refused = match (from, to) {
        (Some(from), Some(to)) if from > to => Some(format!("startDate {from} is after endDate {to}")),
        (Some(from), Some(to)) if to.signed_duration_since(from).num_days() > LONGEST_STATEMENT => {
            Some("a statement spans a hundred years at most".to_owned())
        }
        (Some(from), _) if from > facts.today => Some(format!("startDate {from} lies in the future")),
        _ => None,
    };
    let all = history_lines(facts.history, d);
    let utrs = references(loan, facts.history);
    let empty = || Content::Statement(StatementContent { rows: Vec::new(), ..cut(loan, (&all, &utrs), from, to) });
    let answer = match (refused, checks::of_statement(loan, &all)) {
        (Some(detail), _) => Answer::refused(RefusalReason::DateRange, detail, empty()),
        (None, Some(broken)) => {
            raise_alarm(loan, broken, d);
            let nothing = StatementContent {
                loan_id: loan.id.clone(),
                from,
                to,
                opening: Paise::ZERO,
                closing: Paise::ZERO,
                rows: Vec::new(),
            };
            let detail = "the book of the loan is being checked";
            Answer::refused(RefusalReason::SourceUnavailable, detail, Content::Statement(nothing))
        }
        (None, None) => Answer::ok(Content::Statement(cut(loan, (&all, &utrs), from, to))),
    };
    d.answer(facts, answer);
}

fn history_lines(history: Option<&History>, d: &Decision) -> Vec<Line> {
    let stored = history.map(|history| history.journals.clone()).unwrap_or_default();
    lines(&life::posted(stored.into_iter(), d))
}

impl Account {
    /// What the borrower owes by the book: principal, due interest, fees and penal charges, less money held.
    #[must_use]
    pub fn balance(&self) -> Paise {
        if self.ended.is_some_and(|(_, ending)| ending == Ending::WrittenOff) {
            return Paise(self.excess.0.saturating_neg());
        }
        let owed = self.due().saturating_add(self.principal_not_due());
        Paise(owed.0.saturating_sub(self.excess.0))
    }
}

/// The bank's references by those of the journals.
fn references(loan: &Loan, history: Option<&History>) -> BTreeMap<String, String> {
    let facts = history.map(|history| history.facts.as_slice()).unwrap_or_default();
    let receipts = facts.iter().filter_map(|fact| match &fact.what {
        What::Received { payment, utr: Some(utr), .. } => Some((payment.0.clone(), utr.clone())),
        _ => None,
    });
    let payouts = loan.payouts.iter().filter_map(|payout| Some((payout.bank_key.clone(), payout.utr()?.to_owned())));
    receipts.chain(payouts).collect()
}

fn cut(
    loan: &Loan,
    (all, utrs): (&[Line], &BTreeMap<String, String>),
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> StatementContent {
    let before = all.iter().rev().find(|line| from.is_some_and(|from| line.date < from));
    let opening = before.map_or(Paise::ZERO, |line| line.closing);
    let within = |line: &&Line| from.is_none_or(|from| line.date >= from) && to.is_none_or(|to| line.date <= to);
    let rows: Vec<StatementRow> = all.iter().filter(within).map(|line| row(loan, line, utrs)).collect();
    StatementContent {
        loan_id: loan.id.clone(),
        from,
        to,
        opening,
        closing: rows.last().map_or(opening, |row| row.closing),
        rows,
    }
}

/// A journal's reference for an LSP. The key that a payout has at the bank is nobody else's: its UTR stands for it, or,
/// where it is not known any more, the LSP's own payment id.
fn without_key(loan: &Loan, reference: &str) -> String {
    let told = loan.payouts.iter().find_map(|payout| {
        // A correction has the kind of what it corrects before the key, and its own number behind it.
        let (kind, version) = reference.split_once(&payout.bank_key)?;
        let is_whole = (kind.is_empty() || kind.ends_with('/')) && (version.is_empty() || version.starts_with('#'));
        let name = payout.utr().unwrap_or(payout.payment_id.as_str());
        is_whole.then(|| format!("{kind}{name}{version}"))
    });
    told.unwrap_or_else(|| reference.to_owned())
}

fn row(loan: &Loan, line: &Line, utrs: &BTreeMap<String, String>) -> StatementRow {
    let narration = match line.kind {
        JournalKind::Due if line.reference.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("Interest due, instalment {}", line.reference)
        }
        kind => kind.narration().to_owned(),
    };
    let of_bank = utrs.get(&line.reference).filter(|_| line.kind != JournalKind::Fee);
    let of_ours = || format!("{}/{}", line.kind.name(), without_key(loan, &line.reference));
    let reference = of_bank.cloned().unwrap_or_else(of_ours);
    StatementRow {
        date: line.date,
        narration,
        reference,
        amount: line.amount,
        deposit: line.side == Side::Deposit,
        closing: line.closing,
    }
}

/// The account as it stands on a day, whatever was stored last.
#[must_use]
pub fn as_of(loan: &Loan, today: NaiveDate) -> Option<Account> {
    let mut account = loan.account.clone()?;
    account.advance(Position::open(today), &mut Out::default());
    Some(account)
}

/// One item of a list.
#[must_use]
pub fn listed(loan: &Loan, app: &Application, today: NaiveDate, npa: Option<NaiveDate>) -> Option<ListedLoan> {
    let deal = app.stage.deal()?;
    let loan = &Loan { account: as_of(loan, today), ..loan.clone() };
    Some(ListedLoan {
        head: head(loan, app, today, npa),
        deal: deal.clone(),
        agreement_url: agreement_url(deal),
        principal_pending: loan.account.as_ref().map_or(Paise::ZERO, Account::principal_outstanding),
    })
}

fn agreement_url(deal: &Deal) -> Option<String> {
    deal.agreement.text().map(|text| text.url.clone())
}

/// The status that the wire has a word for (`lending.md` §2.8).
#[must_use]
pub fn wire_status(loan: &Loan, today: NaiveDate, npa: Option<NaiveDate>) -> LoanStatus {
    // v3 has no word for a loan that was never paid out and never will be; how it ended stands beside this one.
    if loan.withdrawn_on.is_some() {
        return LoanStatus::Completed;
    }
    let Some(account) = &loan.account else {
        return LoanStatus::Granted;
    };
    match account.ended {
        Some((_, Ending::WrittenOff)) => LoanStatus::Defaulted,
        Some(_) => LoanStatus::Completed,
        None if loan.class(npa) == super::account::AssetClass::Npa => LoanStatus::Defaulted,
        None if account.is_overdue(today) => LoanStatus::Overdue,
        None => LoanStatus::Granted,
    }
}

fn head(loan: &Loan, app: &Application, today: NaiveDate, npa: Option<NaiveDate>) -> LoanHead {
    let granted = crate::domain::calendar::business_date(loan.granted_at);
    let (start, end) = if let Some(account) = &loan.account {
        let last = account.instalments.last().map_or(today, |instalment| instalment.row.due_date);
        (account.contract.terms.disbursed_on, account.ended.map_or(last, |(on, _)| on))
    } else {
        let last = || loan.offer.schedule.rows.last().map_or(granted, |row| row.due_date);
        (granted, loan.withdrawn_on.unwrap_or_else(last))
    };
    let ending = match loan.withdrawn_on {
        Some(_) => Some(Ending::Withdrawn),
        None => loan.account.as_ref().and_then(|account| account.ended).map(|(_, ending)| ending),
    };
    LoanHead {
        loan_id: loan.id.clone(),
        loan_application_id: app.loan_application_id.clone(),
        status: wire_status(loan, today, npa),
        created_at: loan.granted_at,
        start,
        end,
        ending,
    }
}

fn schedule(loan: &Loan) -> Vec<Row> {
    match &loan.account {
        Some(account) => account.instalments.iter().map(|instalment| instalment.row).collect(),
        None => loan.offer.schedule.rows.clone(),
    }
}

fn due_view(instalment: &Instalment) -> DueView {
    DueView {
        number: instalment.row.number,
        due_date: instalment.row.due_date,
        amount: instalment.left(),
        principal: instalment.principal_left(),
        interest: instalment.interest_left(),
    }
}

/// Where a loan stands today.
#[must_use]
pub fn summarise(loan: &Loan, app: &Application, facts: &Facts<'_>) -> SummaryContent {
    let base = undisbursed(loan, app, facts);
    let Some(account) = &loan.account else {
        return base;
    };
    let today = facts.today;
    let totals = &account.totals;
    let sum = |amounts: &mut dyn Iterator<Item = Paise>| amounts.fold(Paise::ZERO, Paise::saturating_add);
    let closed = account.is_closed();
    let (foreclosure, exit) = (account.foreclosure(today).ok(), account.cooling_off_exit(today).ok());
    let interest_due = sum(&mut account.unpaid().map(Instalment::interest_left));
    let to_come = sum(&mut account.instalments.iter().filter(|row| !row.billed).map(|row| row.row.interest));
    let of = |component| {
        sum(&mut account
            .charges
            .iter()
            .filter(|charge| charge.component == component)
            .map(super::account::Charge::left))
    };
    let penal = of(crate::domain::servicing::Component::Penal);
    SummaryContent {
        current: account.unpaid().next().map(due_view),
        next: account.next_due().filter(|_| !closed).map(due_view),
        principal_paid: totals.principal,
        interest_paid: totals.interest,
        penalty_paid: totals.penal,
        fees_paid: totals.fee,
        principal_pending: account.principal_outstanding(),
        interest_pending: if closed { Paise::ZERO } else { interest_due.saturating_add(to_come) },
        interest_due,
        interest_accrued: account.accrued(today),
        penalty_pending: penal.saturating_add(account.all_penal_running(today)),
        fees_pending: of(crate::domain::servicing::Component::Fee),
        amount_disbursed: account.contract.terms.principal,
        amount_repaid: totals.received.saturating_sub(totals.refunded),
        given_back: totals.given_back,
        recovered: totals.recovered,
        excess: account.excess,
        waived: totals.waived,
        written_off: totals.written_off,
        payable: account.payable(today),
        days_past_due: account.days_past_due(today).filter(|days| *days > 0),
        class: loan.class(facts.borrower_npa_since),
        quotes: Quotes {
            foreclosure: foreclosure.as_ref().and_then(|amount| quote::of(loan, Purpose::Foreclosure, amount, facts)),
            cooling_off_exit: exit.as_ref().and_then(|amount| quote::of(loan, Purpose::CoolingOffExit, amount, facts)),
        },
        foreclosure,
        cooling_off_exit: exit,
        cooling_off_ends: Some(account.cooling_off_ends()),
        instalments: account.instalments.iter().map(view).collect(),
        ..base
    }
}

fn view(instalment: &Instalment) -> InstalmentView {
    InstalmentView {
        row: instalment.row,
        due: instalment.billed,
        paid: instalment.paid_principal.saturating_add(instalment.paid_interest),
        settled_on: instalment.settled_on,
    }
}

/// The summary of a loan that is not paid out: nothing is owed, the schedule is the offer's.
fn undisbursed(loan: &Loan, app: &Application, facts: &Facts<'_>) -> SummaryContent {
    let zero = Paise::ZERO;
    SummaryContent {
        head: head(loan, app, facts.today, facts.borrower_npa_since),
        as_of: facts.today,
        current: None,
        next: None,
        principal_paid: zero,
        interest_paid: zero,
        penalty_paid: zero,
        fees_paid: zero,
        principal_pending: zero,
        interest_pending: zero,
        interest_due: zero,
        interest_accrued: zero,
        penalty_pending: zero,
        fees_pending: zero,
        amount_disbursed: zero,
        amount_repaid: zero,
        given_back: zero,
        recovered: zero,
        excess: zero,
        waived: zero,
        written_off: zero,
        payable: zero,
        tenure: loan.offer.tenure,
        description: format!("Loan under product {}", loan.offer.product),
        days_past_due: None,
        class: super::account::AssetClass::Standard,
        quotes: Quotes::default(),
        foreclosure: None,
        cooling_off_exit: None,
        cooling_off_ends: None,
        instalments: loan
            .offer
            .schedule
            .rows
            .iter()
            .map(|row| InstalmentView { row: *row, due: false, paid: zero, settled_on: None })
            .collect(),
    }
}

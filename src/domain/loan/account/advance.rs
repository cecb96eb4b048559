//! Time passes: what each day does to an account, the same for one day at a time and for a year at once.

use chrono::{Datelike, Days, NaiveDate};

use super::delinquency::THRESHOLDS;
use super::{Account, Duty, Instalment, Out, Phase, Position, Running};
use crate::domain::book::LedgerAccount::{InterestAccrued, InterestIncome, InterestReceivable};
use crate::domain::book::{Journal, JournalKind, credit};
use crate::domain::maths::money::Paise;

impl Account {
    /// Brings the account to a position; what lies behind it stays.
    pub fn advance(&mut self, to: Position, out: &mut Out) {
        while let Some(next) = self.next_event().filter(|next| *next <= to) {
            self.at = next;
            match next.phase {
                Phase::Open => self.open_day(next.day, out),
                Phase::Closed => self.close_day(next.day, out),
            }
        }
        self.at = self.at.max(to);
    }

    /// When something happens next by itself; nothing on a closed account.
    #[must_use]
    pub fn next_event(&self) -> Option<Position> {
        if self.ended.is_some() {
            return None;
        }
        let mut events = Vec::new();
        if let Some(next) = self.next_due() {
            let due = next.row.due_date;
            events.push(Position::open(due));
            events.extend(due.pred_opt().map(Position::open));
            events.extend(month_end(self.at.day).filter(|end| *end < due).map(Position::closed));
        }
        for instalment in self.unpaid() {
            // Overdue from the end of its day on, and told the day after.
            events.push(Position::closed(instalment.row.due_date));
            events.extend(instalment.row.due_date.succ_opt().map(Position::open));
            events.extend(self.next_levy(instalment, self.at.day).map(Position::open));
        }
        if let Some(oldest) = self.oldest_due() {
            events.extend(THRESHOLDS.iter().filter_map(|days| plus(oldest, *days)).map(Position::closed));
        }
        // The day-end of a month's last day is looked at again for the month after it.
        if self.next_due().is_some() {
            let after = self.at.day.succ_opt().and_then(month_end);
            let due = self.next_due().map(|next| next.row.due_date);
            events.extend(after.filter(|end| due.is_some_and(|due| *end < due)).map(Position::closed));
        }
        events.into_iter().filter(|event| *event > self.at).min()
    }

    fn open_day(&mut self, day: NaiveDate, out: &mut Out) {
        let due_today: Vec<u32> = self
            .instalments
            .iter()
            .filter(|instalment| !instalment.billed && instalment.row.due_date == day)
            .map(|instalment| instalment.row.number)
            .collect();
        for number in due_today {
            self.bill(number, day, out);
        }
        if let Some(next) = self.next_due().filter(|next| next.row.due_date.pred_opt() == Some(day)) {
            out.duties.push(Duty::PreDebitNotice(next.row.number));
        }
        let yesterday = day.pred_opt();
        let overdue: Vec<u32> =
            self.unpaid().filter(|row| Some(row.row.due_date) == yesterday).map(|row| row.row.number).collect();
        out.duties.extend(overdue.into_iter().map(Duty::OverdueNotice));
        self.levy_what_is_due(day, out);
        self.close_if_nothing_is_left(day, out);
    }

    fn close_day(&mut self, day: NaiveDate, out: &mut Out) {
        if month_end(day) == Some(day) {
            self.post_accrual(day, out);
        }
        self.classify(day, out);
    }

    /// An instalment falls due: the rest of its interest is earned, all of it is payable, advances settle it.
    fn bill(&mut self, number: u32, day: NaiveDate, out: &mut Out) {
        self.post_accrual(day, out);
        let Some(instalment) = self.instalments.iter_mut().find(|instalment| instalment.row.number == number) else {
            return;
        };
        instalment.billed = true;
        let interest = instalment.row.interest;
        let sides = [(InterestReceivable, interest), (InterestAccrued, credit(interest))];
        out.post(Journal::new(day, JournalKind::Due, number.to_string(), &sides));
        out.event(day, format!("instalment {number} fell due"));
        self.running = Running::starting(day);
        self.apply_excess(day, &format!("due:{number}"), out);
        if self.instalment(number).is_some_and(Instalment::is_unpaid) {
            out.duties.push(Duty::Present(number));
        }
    }

    /// Takes the interest of the running period up to a day into the book.
    pub(super) fn post_accrual(&mut self, day: NaiveDate, out: &mut Out) {
        let amount = Paise(self.accrued(day).0.saturating_sub(self.running.posted.0));
        let sides = [(InterestAccrued, amount), (InterestIncome, credit(amount))];
        out.post(Journal::new(day, JournalKind::Accrual, day.to_string(), &sides));
        self.running.posted = self.running.posted.saturating_add(amount);
    }
}

/// Last day of a day's month.
fn month_end(day: NaiveDate) -> Option<NaiveDate> {
    let first = day.with_day(1)?;
    first.checked_add_months(chrono::Months::new(1))?.pred_opt()
}

fn plus(day: NaiveDate, days: i64) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(days.unsigned_abs()))
}

//! Fees and penal charges: only what the accepted KFS has, penal ones only after notice, never on penal charges and
//! never compounding (RBI/2023-24/53; `lending.md` §1.5, §2.6).

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Account, Charge, Duty, Instalment, Out};
use crate::domain::book::LedgerAccount::{FeeIncome, FeeReceivable, GstPayable, PenalIncome, PenalReceivable};
use crate::domain::book::{Journal, JournalKind, credit};
use crate::domain::ids::PaymentId;
use crate::domain::maths::accrual::{percent_of, simple_charge};
use crate::domain::maths::money::Paise;
use crate::domain::servicing::Component;

/// Code of the penal charge for paying late (KFS row 10 (i)).
pub const PENAL: &str = "PENAL";
/// Code of the charge for a bounced debit (KFS row 10 (v)).
pub const BOUNCE: &str = "BOUNCE";
/// Code of the charge for paying off early (KFS row 10 (iii)).
pub const FORECLOSURE: &str = "FORECLOSURE";
/// Code of the charge for paying a part of the principal early (KFS row 10 (iii)).
pub const PREPAYMENT: &str = "PREPAYMENT";

/// Days on which no penal charge runs, by word of the regulator or a court (`lending.md` §2.6). Interest goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moratorium {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl Moratorium {
    /// Whether a day lies in it.
    #[must_use]
    pub fn has(&self, day: NaiveDate) -> bool {
        (self.from..=self.to).contains(&day)
    }

    /// How many of the days after one, up to another, lie in it: a day's charge has run when the day has come.
    fn days_between(self, from: NaiveDate, until: NaiveDate) -> i64 {
        let before = self.from.pred_opt().unwrap_or(self.from);
        until.min(self.to).signed_duration_since(from.max(before)).num_days().max(0)
    }
}

impl Account {
    /// Lets penal charges rest for some days, or takes that back. No two overlap: whoever enters one sees to it.
    pub(super) fn moratorium(&mut self, from: NaiveDate, to: Option<NaiveDate>) {
        self.moratoria.retain(|standing| standing.from != from);
        self.moratoria.extend(to.map(|to| Moratorium { from, to }));
    }

    /// The borrower was told that an instalment is overdue and what that costs. That happens the day after the due date;
    /// told later, as when a payment comes back that had settled it, nothing is charged for the time before
    /// (`lending.md` §2.6).
    pub(super) fn noticed(&mut self, number: u32, message_id: &str, day: NaiveDate) {
        let Some(row) = self.instalments.iter_mut().find(|row| row.row.number == number) else { return };
        if row.notice.is_some() {
            return;
        }
        row.notice = Some(message_id.to_owned());
        if row.is_told_late(day) {
            row.penal_from = row.penal_from.max(day);
        }
    }

    /// When a penal charge for an unpaid instalment comes next, while the borrower has notice and the cap is not
    /// reached: never within a moratorium.
    pub(super) fn next_levy(&self, instalment: &Instalment, after: NaiveDate) -> Option<NaiveDate> {
        if instalment.notice.is_none() || !self.penal_room(instalment).is_positive() {
            return None;
        }
        let every = u64::from(self.contract.servicing.penal_every_days.max(1));
        let start = instalment.row.due_date;
        let following = |after: NaiveDate| {
            let elapsed = after.signed_duration_since(start).num_days().max(0).unsigned_abs();
            start.checked_add_days(Days::new((elapsed / every).saturating_add(1).saturating_mul(every)))
        };
        let mut next = following(after)?;
        // Each turn leaves one moratorium behind for good.
        while let Some(rest) = self.moratoria.iter().find(|rest| rest.has(next)) {
            next = following(rest.to)?;
        }
        Some(next)
    }

    /// What the cap leaves for an instalment.
    fn penal_room(&self, instalment: &Instalment) -> Paise {
        if self.contract.penal_percent <= Decimal::ZERO {
            return Paise::ZERO;
        }
        match self.contract.servicing.penal_cap_percent {
            None => Paise(i64::MAX),
            Some(percent) => {
                percent_of(instalment.row.instalment, percent).unwrap_or_default().saturating_sub(instalment.penal)
            }
        }
    }

    /// Penal charge on the unpaid part of an instalment up to a day that is not in the book yet.
    #[must_use]
    pub fn penal_running(&self, instalment: &Instalment, day: NaiveDate) -> Paise {
        if instalment.notice.is_none() || !instalment.is_unpaid() {
            return Paise::ZERO;
        }
        let all = day.signed_duration_since(instalment.penal_from).num_days().max(0);
        let resting = self.moratoria.iter().map(|rest| rest.days_between(instalment.penal_from, day));
        let days = resting.fold(all, i64::saturating_sub).max(0);
        let charge = simple_charge(instalment.left(), self.contract.penal_percent, days).unwrap_or_default();
        charge.min(self.penal_room(instalment))
    }

    /// The same for all instalments.
    #[must_use]
    pub fn all_penal_running(&self, day: NaiveDate) -> Paise {
        self.unpaid().fold(Paise::ZERO, |sum, row| sum.saturating_add(self.penal_running(row, day)))
    }

    /// The charges of a day on which some come due by time.
    pub(super) fn levy_what_is_due(&mut self, day: NaiveDate, out: &mut Out) {
        let yesterday = day.pred_opt().unwrap_or(day);
        let due: Vec<u32> =
            self.unpaid().filter(|row| self.next_levy(row, yesterday) == Some(day)).map(|row| row.row.number).collect();
        for number in due {
            self.levy(number, day, out);
        }
    }

    /// The charges of all overdue instalments up to a day: before a payment changes what they are charged on.
    pub(super) fn levy_all(&mut self, day: NaiveDate, out: &mut Out) {
        let numbers: Vec<u32> = self.unpaid().map(|row| row.row.number).collect();
        for number in numbers {
            self.levy(number, day, out);
        }
    }

    fn levy(&mut self, number: u32, day: NaiveDate, out: &mut Out) {
        let Some(instalment) = self.instalment(number) else { return };
        let amount = self.penal_running(instalment, day);
        if day > instalment.penal_from
            && instalment.notice.is_some()
            && let Some(instalment) = self.instalments.iter_mut().find(|row| row.row.number == number)
        {
            instalment.penal_from = day;
            instalment.penal = instalment.penal.saturating_add(amount);
        }
        if !amount.is_positive() {
            return;
        }
        let id = format!("{number}:{day}");
        let sides = [(PenalReceivable, amount), (PenalIncome, credit(amount))];
        out.post(Journal::new(day, JournalKind::Penal, id.clone(), &sides));
        out.event(day, format!("penal charge for instalment {number}"));
        let charge = Charge {
            id,
            kfs_row: PENAL.to_owned(),
            component: Component::Penal,
            instalment: Some(number),
            date: day,
            amount,
            settled: Paise::ZERO,
        };
        out.duties.push(Duty::ChargeNotice(charge.clone()));
        self.charges.push(charge);
    }

    /// A debit was dishonoured: the fixed charge of the KFS. It makes good a breach and pays for no service, so that there
    /// is no tax on it (CBIC Circular 178/10/2022-GST; `lending.md` §1.5).
    pub(super) fn bounced(&mut self, payment: &PaymentId, number: u32, day: NaiveDate, out: &mut Out) {
        out.event(day, format!("payment for instalment {number} bounced"));
        // Of an instalment that never fell due, by what is known now, nothing was to be debited; and who owes nothing any
        // more is charged nothing.
        if self.ended.is_some() || self.instalment(number).is_none_or(|instalment| !instalment.billed) {
            return;
        }
        let amount = (self.contract.bounce, Paise::ZERO);
        self.charge((BOUNCE, payment.0.clone(), Some(number)), amount, day, out);
        self.apply_excess(day, &format!("{BOUNCE}:{payment}"), out);
    }

    /// Posts a fee of the KFS; `amount` has the tax in it.
    pub(super) fn charge(
        &mut self,
        (kfs_row, reference, instalment): (&str, String, Option<u32>),
        (amount, tax): (Paise, Paise),
        day: NaiveDate,
        out: &mut Out,
    ) {
        if !amount.is_positive() {
            return;
        }
        let id = format!("{kfs_row}:{reference}");
        let income = amount.saturating_sub(tax);
        let sides = [(FeeReceivable, amount), (FeeIncome, credit(income)), (GstPayable, credit(tax))];
        out.post(Journal::new(day, JournalKind::Fee, id.clone(), &sides));
        let charge = Charge {
            id,
            kfs_row: kfs_row.to_owned(),
            component: Component::Fee,
            instalment,
            date: day,
            amount,
            settled: Paise::ZERO,
        };
        out.duties.push(Duty::ChargeNotice(charge.clone()));
        self.charges.push(charge);
    }

    /// A charge in percent of an amount, and the tax on it: together, and the tax alone.
    pub(super) fn percentage_charge(&self, base: Paise, percent: Decimal) -> (Paise, Paise) {
        let charge = percent_of(base, percent).unwrap_or_default();
        let tax = percent_of(charge, self.contract.gst_percent).unwrap_or_default();
        (charge.saturating_add(tax), tax)
    }
}

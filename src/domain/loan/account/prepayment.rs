//! Payments: what they settle, and what paying early does to the schedule.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::charge::{FORECLOSURE, PREPAYMENT};
use super::{Account, Ending, Instalment, Out, PayOff, Purpose, Split};
use crate::domain::book::LedgerAccount::{
    Bank, BorrowerExcess, FeeIncome, GstPayable, InterestAccrued, InterestIncome, InterestReceivable, RecoveryIncome,
    ThirdPartyPayable,
};
use crate::domain::book::{Journal, JournalKind, credit};
use crate::domain::ids::PaymentId;
use crate::domain::maths::money::Paise;
use crate::domain::maths::reschedule::{Prepayment, after_prepayment};
use crate::domain::maths::schedule::Row;
use crate::domain::servicing::{AllocationPolicy, FeeLine, Payee};

/// Paise by which the first guess of a prepaid principal may miss.
const GUESS_IS_OFF: i64 = 4;

/// Money that came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt<'a> {
    pub(super) payment: &'a PaymentId,
    pub(super) amount: Paise,
    pub(super) purpose: Purpose,
    pub(super) policy: AllocationPolicy,
    /// The day of the quote that it pays and that the lender stands by.
    pub(super) quote: Option<NaiveDate>,
}

impl Account {
    /// Money came in. Penal charges run up to the day first; what is due is settled by the policy; the rest goes where
    /// the purpose says, and where that is not possible it is held for the borrower.
    pub(super) fn received(&mut self, receipt: &Receipt<'_>, day: NaiveDate, out: &mut Out) {
        let Receipt { payment, amount, purpose, policy, .. } = *receipt;
        self.totals.received = self.totals.received.saturating_add(amount);
        if matches!(self.ended, Some((_, Ending::WrittenOff))) {
            self.recover((payment, amount), day, out);
            return;
        }
        if self.ended.is_none() {
            self.levy_all(day, out);
            self.prepare(receipt, day, out);
        }
        let (mut split, mut rest) = self.settle_dues(amount, policy, day);
        let given_back = rest.min(self.claim());
        rest = rest.saturating_sub(given_back);
        // What was meant to end the loan, and is not enough for it since an earlier payment has come back, makes it
        // smaller at least: it would lie idle while interest goes on.
        let is_early = !matches!(purpose, Purpose::Instalment) && self.called_in.is_none();
        if is_early && self.ended.is_none() {
            rest = self.prepay(rest, (payment, day), &mut split, out);
        }
        split.excess = rest.saturating_add(given_back);
        self.excess = self.excess.saturating_add(split.excess);
        self.count(&split);
        let mut sides = vec![(Bank, amount)];
        sides.extend(split.credits());
        out.post(Journal::new(day, JournalKind::Receipt, payment.as_str(), &sides));
        self.reclassify_after_payment(day, out);
        self.close_if_nothing_is_left(day, out);
    }

    /// Money for what was given up; what is more than that is the borrower's.
    fn recover(&mut self, (payment, amount): (&PaymentId, Paise), day: NaiveDate, out: &mut Out) {
        let recovered = amount.min(self.to_recover());
        let excess = amount.saturating_sub(recovered);
        self.totals.recovered = self.totals.recovered.saturating_add(recovered);
        self.excess = self.excess.saturating_add(excess);
        let sides = [(Bank, amount), (RecoveryIncome, credit(recovered)), (BorrowerExcess, credit(excess))];
        out.post(Journal::new(day, JournalKind::Receipt, payment.as_str(), &sides));
        if recovered.is_positive() && self.is_discharged() {
            out.event(day, "all that was written off is recovered");
        }
    }

    /// Makes everything due that the borrower means to pay off, when the money is enough for it.
    fn prepare(&mut self, receipt: &Receipt<'_>, day: NaiveDate, out: &mut Out) {
        let Receipt { payment, amount, purpose, quote: quoted, .. } = *receipt;
        let exit_on = quoted.unwrap_or(day);
        let is_enough = |quote: PayOff| quoted.is_some() || amount >= quote.total;
        match purpose {
            Purpose::Foreclosure if self.foreclosure(day).is_ok_and(is_enough) => {
                let percent = self.early_percent(self.contract.servicing.foreclosure_percent, day);
                let (charge, tax) = self.percentage_charge(self.principal_not_due(), percent);
                let (interest, unearned) = (self.accrued(day), self.upfront_unearned(day));
                self.call_in((payment, Ending::Foreclosed), interest, day, out);
                self.give_back(payment.as_str(), (unearned, &[]), day, out);
                self.charge((FORECLOSURE, payment.0.clone(), None), (charge, tax), day, out);
                self.apply_excess(day, &format!("payoff:{payment}"), out);
            }
            Purpose::CoolingOffExit if self.cooling_off_exit(exit_on).is_ok_and(is_enough) => {
                let (interest, too_much) = self.cooling_off_rest(exit_on);
                let kept = self.upfront_kept().saturating_add(too_much);
                self.call_in((payment, Ending::CoolingOff), interest, day, out);
                let fees = self.fees_given_back().to_vec();
                self.give_back(payment.as_str(), (kept, &fees), day, out);
                self.apply_excess(day, &format!("payoff:{payment}"), out);
            }
            Purpose::Instalment | Purpose::Prepayment | Purpose::Foreclosure | Purpose::CoolingOffExit => return,
        }
        let missing = self.due().saturating_add(self.claim()).saturating_sub(amount);
        if quoted.is_some() && missing.is_positive() {
            self.waive_since_quote(missing, &format!("payoff:{payment}"), day, out);
        }
    }

    /// All principal that is not due falls due today, with the interest of the days until today.
    fn call_in(&mut self, (payment, ending): (&PaymentId, Ending), interest: Paise, day: NaiveDate, out: &mut Out) {
        self.called_in = Some(ending);
        let Some(next) = self.next_due().cloned() else { return };
        let earned = Paise(interest.0.saturating_sub(self.running.posted.0));
        let sides = [(InterestAccrued, earned), (InterestIncome, credit(earned))];
        out.post(Journal::new(day, JournalKind::Accrual, format!("payoff:{payment}"), &sides));
        let sides = [(InterestReceivable, interest), (InterestAccrued, credit(interest))];
        out.post(Journal::new(day, JournalKind::Due, format!("payoff:{payment}"), &sides));
        let principal = next.row.opening;
        let row = Row {
            due_date: day,
            principal,
            interest,
            instalment: principal.saturating_add(interest),
            closing: Paise::ZERO,
            ..next.row
        };
        self.instalments.retain(|instalment| instalment.billed);
        self.instalments.push(Instalment { billed: true, ..Instalment::scheduled(row, &self.contract.servicing) });
        self.version = self.version.saturating_add(1);
        self.running = super::Running::starting(day);
    }

    /// What was kept from the payout, interest and fees, and is not to be paid by a borrower who pays early.
    pub(super) fn give_back(
        &mut self,
        reference: &str,
        (interest, fees): (Paise, &[FeeLine]),
        day: NaiveDate,
        out: &mut Out,
    ) {
        let mut total = interest;
        let mut sides = vec![(InterestIncome, interest)];
        for fee in fees {
            let account = match fee.payee {
                Payee::Lender => FeeIncome,
                Payee::ThirdParty => ThirdPartyPayable,
            };
            sides.extend([(account, fee.amount), (GstPayable, fee.tax)]);
            total = total.saturating_add(fee.total());
        }
        sides.push((BorrowerExcess, credit(total)));
        out.post(Journal::new(day, JournalKind::FeeGivenBack, reference, &sides));
        self.excess = self.excess.saturating_add(total);
        self.totals.given_back = self.totals.given_back.saturating_add(total);
    }

    /// Takes principal off that is not due; the charge for it comes out of the same money. What is left comes back.
    fn prepay(
        &mut self,
        money: Paise,
        (payment, day): (&PaymentId, NaiveDate),
        split: &mut Split,
        out: &mut Out,
    ) -> Paise {
        let percent = self.early_percent(self.contract.servicing.prepayment_percent, day);
        let Some((principal, (charge, tax))) = self.prepayable(money, percent) else { return money };
        if !self.reschedule(principal, day) {
            return money;
        }
        // Interest kept for the odd days is earned up to their end, but for what was prepaid before.
        let odd_days = self.next_due().and_then(|next| next.row.due_date.pred_opt());
        self.charge((PREPAYMENT, payment.0.clone(), None), (charge, tax), day, out);
        let paid = money.min(principal.saturating_add(charge));
        let (settled, rest) = self.settle_dues(paid.saturating_sub(principal), self.policy(), day);
        let rest = rest.saturating_add(money.saturating_sub(paid));
        split.fee = split.fee.saturating_add(settled.fee);
        split.principal = split.principal.saturating_add(principal);
        let unearned = odd_days.map_or(Paise::ZERO, |end| self.upfront_unearned(end));
        self.give_back(payment.as_str(), (unearned, &[]), day, out);
        out.event(day, "part of the principal was prepaid");
        rest
    }

    /// How much principal an amount prepays, with the charge for it: all of it but a paisa at the most, so that there is
    /// something left to have a schedule. Money beyond that is held, and settles it when it falls due.
    fn prepayable(&self, money: Paise, percent: Decimal) -> Option<(Paise, (Paise, Paise))> {
        let (charge, tax) = self.prepayment_charge(money, percent);
        let principal = money.saturating_sub(charge);
        let most = self.principal_not_due().saturating_sub(Paise(1));
        let (principal, charged) =
            if principal > most { (most, self.percentage_charge(most, percent)) } else { (principal, (charge, tax)) };
        principal.is_positive().then_some((principal, charged))
    }

    /// Whether an amount on a day is more than can be prepaid, once what is due is settled with it: nothing would be left
    /// of the principal, or so little that no schedule can be made of it.
    #[must_use]
    pub fn is_too_much_to_prepay(&self, amount: Paise, day: NaiveDate) -> bool {
        let percent = self.early_percent(self.contract.servicing.prepayment_percent, day);
        let rest = amount.saturating_sub(self.payable_now(day));
        let (charge, _) = self.prepayment_charge(rest, percent);
        let is_all = rest.saturating_sub(charge) >= self.principal_not_due();
        let fits = |(principal, _)| self.clone().reschedule(principal, day);
        is_all || !self.prepayable(rest, percent).is_none_or(fits)
    }

    /// The charge with tax that fits into an amount of which the rest is prepaid.
    fn prepayment_charge(&self, money: Paise, percent: Decimal) -> (Paise, Paise) {
        let (full, _) = self.percentage_charge(money, percent);
        if !full.is_positive() {
            return (Paise::ZERO, Paise::ZERO);
        }
        // money = principal + charge(principal): a first guess from the share, then to the paisa.
        let with = Decimal::from(money.0.saturating_add(full.0));
        let share = Decimal::from(money.0)
            .checked_mul(Decimal::from(money.0))
            .and_then(|square| square.checked_div(with))
            .and_then(|principal| crate::domain::maths::Rounding::PaiseHalfUp.apply(principal))
            .unwrap_or_default();
        let near = (-GUESS_IS_OFF..=GUESS_IS_OFF).rev().map(|by| Paise(share.0.saturating_add(by)));
        let charged = near.map(|principal| (principal, self.percentage_charge(principal, percent)));
        let fitting = charged.into_iter().find(|(principal, (charge, _))| principal.saturating_add(*charge) <= money);
        let (charge, tax) = fitting.map_or_else(Default::default, |(_, charge)| charge);
        let charge = charge.min(money);
        (charge, tax.min(charge))
    }

    /// A new schedule for less principal, from the running instalment on.
    fn reschedule(&mut self, principal: Paise, day: NaiveDate) -> bool {
        let rows: Vec<Row> = self.instalments.iter().map(|instalment| instalment.row).collect();
        let Some(next) = self.instalments.iter().position(|instalment| !instalment.billed) else {
            return false;
        };
        let prepayment = Prepayment { paid: principal, on: day, mode: self.contract.servicing.prepayment_mode };
        let running = (self.running.from, self.running.prepaid.as_slice());
        let Ok(new) = after_prepayment(&self.contract.terms, &rows, next, running, prepayment) else {
            return false;
        };
        let servicing = self.contract.servicing.clone();
        self.instalments.truncate(next);
        self.instalments.extend(new.into_iter().map(|row| Instalment::scheduled(row, &servicing)));
        self.running.prepaid.push((day, principal));
        self.version = self.version.saturating_add(1);
        true
    }
}

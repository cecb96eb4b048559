//! Facts that end something: the last payment, a waiver, a refund, a write-off.

use chrono::NaiveDate;

use super::prepayment::Receipt;
use super::{Account, Ending, Fact, Out, Position, Waived, What};
use crate::domain::book::LedgerAccount::{
    self, Bank, BorrowerExcess, FeeReceivable, InterestAccrued, InterestIncome, InterestReceivable, PenalReceivable,
    PrincipalReceivable, WaiverExpense, WriteOffExpense,
};
use crate::domain::book::{Journal, JournalKind, credit};
use crate::domain::maths::money::Paise;
use crate::domain::servicing::{AllocationPolicy, Component};

impl Account {
    /// Lets a fact happen, after everything that happens by itself before it. The account must not be beyond the
    /// fact's day: a late fact is replayed.
    pub fn apply(&mut self, fact: &Fact, out: &mut Out) {
        self.apply_under(fact, None, out);
    }

    /// The same for a payment that pays what a quote asked for, whose day is given: it ends the loan on a later value date
    /// as well.
    pub(super) fn apply_under(&mut self, fact: &Fact, quote: Option<NaiveDate>, out: &mut Out) {
        let day = fact.value_date;
        self.advance(Position::open(day), out);
        match &fact.what {
            What::Received { payment, amount, purpose, policy, .. } => {
                let receipt = Receipt { payment, amount: *amount, purpose: *purpose, policy: *policy, quote };
                self.received(&receipt, day, out);
            }
            What::Bounced { payment, instalment } => self.bounced(payment, *instalment, day, out),
            What::Noticed { instalment, message_id } => self.noticed(*instalment, message_id, day),
            What::Waived(waived) => self.waived(waived, day, out),
            What::Refunded { reference, amount } => self.refunded(reference, *amount, day, out),
            What::Moratorium { from, to } => self.moratorium(*from, *to),
            What::WrittenOff { reference } => self.written_off(reference, day, out),
            // These begin, undo or void: a replay leaves out what they undo.
            What::Disbursed { .. }
            | What::PayoutReturned { .. }
            | What::Returned { .. }
            | What::RefundFailed { .. } => {}
        }
    }

    /// Ends the account when everything was due and is paid.
    pub(super) fn close_if_nothing_is_left(&mut self, day: NaiveDate, out: &mut Out) {
        let owes = self.due().is_positive() || self.claim().is_positive();
        if self.ended.is_some() || self.next_due().is_some() || owes {
            return;
        }
        let ending = self.called_in.unwrap_or(Ending::Matured);
        self.ended = Some((day, ending));
        self.class = super::AssetClass::Standard;
        self.npa_since = None;
        out.event(day, "closed, nothing is owed any more");
    }

    /// What could be waived of a component.
    #[must_use]
    pub fn waivable(&self, component: Component) -> Paise {
        let rows = self.unpaid().map(|row| match component {
            Component::Interest => row.interest_left(),
            Component::Principal => row.principal_left(),
            Component::Fee | Component::Penal => Paise::ZERO,
        });
        let charges = self.charges.iter().filter(|charge| charge.component == component).map(super::Charge::left);
        rows.chain(charges).fold(Paise::ZERO, Paise::saturating_add)
    }

    fn waived(&mut self, waived: &Waived, day: NaiveDate, out: &mut Out) {
        // Charges that have run on what is waived now are not waived with it.
        if self.ended.is_none() && matches!(waived.component, Component::Interest | Component::Principal) {
            self.levy_all(day, out);
        }
        let amount = self.let_off(waived.component, waived.amount, day);
        let sides = [(WaiverExpense, amount), (receivable(waived.component), credit(amount))];
        out.post(Journal::new(day, JournalKind::Waiver, waived.reference.clone(), &sides));
        out.event(day, "a part was waived");
        self.reclassify_after_payment(day, out);
        self.close_if_nothing_is_left(day, out);
    }

    /// What has come to a pay-off since the day of its quote is waived, interest first: the lender stands by the quote.
    pub(super) fn waive_since_quote(&mut self, missing: Paise, reference: &str, day: NaiveDate, out: &mut Out) {
        let mut rest = missing;
        let mut sides = Vec::new();
        for component in [Component::Interest, Component::Penal, Component::Fee, Component::Principal] {
            let part = self.let_off(component, rest, day);
            rest = rest.saturating_sub(part);
            sides.extend([(WaiverExpense, part), (receivable(component), credit(part))]);
        }
        out.post(Journal::new(day, JournalKind::Waiver, reference, &sides));
        out.event(day, "what has come to the pay-off since the day of its quote was waived");
    }

    /// Takes up to an amount of a component off what is due, without money; tells how much it was.
    fn let_off(&mut self, component: Component, most: Paise, day: NaiveDate) -> Paise {
        let mut rest = most.min(self.waivable(component));
        let amount = rest;
        for row in self.instalments.iter_mut().filter(|row| row.is_unpaid()) {
            let (left, paid) = match component {
                Component::Interest => (row.interest_left(), &mut row.paid_interest),
                Component::Principal => (row.principal_left(), &mut row.paid_principal),
                Component::Fee | Component::Penal => continue,
            };
            let part = left.min(rest);
            *paid = paid.saturating_add(part);
            rest = rest.saturating_sub(part);
            if row.left() == Paise::ZERO {
                row.settled_on = Some(day);
            }
        }
        for charge in self.charges.iter_mut().filter(|charge| charge.component == component) {
            let part = charge.left().min(rest);
            charge.settled = charge.settled.saturating_add(part);
            rest = rest.saturating_sub(part);
        }
        self.charges.retain(|charge| charge.left().is_positive());
        self.totals.waived = self.totals.waived.saturating_add(amount);
        if component == Component::Principal {
            self.totals.waived_principal = self.totals.waived_principal.saturating_add(amount);
        }
        amount
    }

    fn refunded(&mut self, reference: &str, amount: Paise, day: NaiveDate, out: &mut Out) {
        self.excess = Paise(self.excess.0.saturating_sub(amount.0));
        self.totals.refunded = self.totals.refunded.saturating_add(amount);
        let sides = [(BorrowerExcess, amount), (Bank, credit(amount))];
        out.post(Journal::new(day, JournalKind::Refund, reference, &sides));
        out.event(day, "excess was refunded");
        self.claim_what_was_not_his(reference, day, out);
    }

    /// More was refunded than is held, because a payment has come back since: the borrower owes it. A loan that was over
    /// is not any more, but for one that is given up: so is that.
    fn claim_what_was_not_his(&mut self, reference: &str, day: NaiveDate, out: &mut Out) {
        let claim = self.claim();
        if !claim.is_positive() {
            return;
        }
        if !matches!(self.ended, Some((_, Ending::WrittenOff))) {
            self.ended = None;
            out.event(day, "more was refunded than was the borrower's");
            return;
        }
        self.give_claim_up();
        let sides = [(WriteOffExpense, claim), (BorrowerExcess, credit(claim))];
        out.post(Journal::new(day, JournalKind::WriteOff, format!("refund:{reference}"), &sides));
    }

    fn give_claim_up(&mut self) {
        let claim = self.claim();
        self.totals.given_up_claim = self.totals.given_up_claim.saturating_add(claim);
        self.totals.given_up = self.totals.given_up.map(|all| all.saturating_add(claim));
        self.excess = self.excess.saturating_add(claim);
    }

    fn written_off(&mut self, reference: &str, day: NaiveDate, out: &mut Out) {
        if self.ended.is_some() {
            return;
        }
        let early = self.set_off(reference, day, out);
        let (owed, _) = self.settle_dues_by_giving_up(day);
        let rest = self.principal_not_due().saturating_sub(early);
        let principal = owed.principal.saturating_add(rest);
        let accrued = self.running.posted;
        let claim = self.claim();
        let given_up = [principal, owed.interest, owed.fee, owed.penal, claim];
        let total = given_up.into_iter().fold(Paise::ZERO, Paise::saturating_add);
        self.give_claim_up();
        self.totals.given_up = Some(total);
        let sides = [
            (WriteOffExpense, total),
            (PrincipalReceivable, credit(principal)),
            (InterestReceivable, credit(owed.interest)),
            (FeeReceivable, credit(owed.fee)),
            (PenalReceivable, credit(owed.penal)),
            (BorrowerExcess, credit(claim)),
            (InterestIncome, accrued),
            (InterestAccrued, credit(accrued)),
        ];
        out.post(Journal::new(day, JournalKind::WriteOff, reference, &sides));
        self.running.posted = Paise::ZERO;
        self.totals.written_off = principal;
        self.ended = Some((day, Ending::WrittenOff));
        out.event(day, "written off");
    }

    /// Money that is held for the borrower pays what it can before the rest is given up: what is due, then principal that
    /// is not, how much of which is told.
    fn set_off(&mut self, reference: &str, day: NaiveDate, out: &mut Out) -> Paise {
        let held = self.excess;
        if !held.is_positive() {
            return Paise::ZERO;
        }
        let (mut split, rest) = self.settle_dues(held, self.policy(), day);
        let early = rest.min(self.principal_not_due());
        split.principal = split.principal.saturating_add(early);
        self.excess = rest.saturating_sub(early);
        self.count(&split);
        let mut sides = vec![(BorrowerExcess, split.total())];
        sides.extend(split.credits());
        out.post(Journal::new(day, JournalKind::ExcessApplied, format!("writeoff:{reference}"), &sides));
        early
    }

    /// Takes everything due off the account without money.
    fn settle_dues_by_giving_up(&mut self, day: NaiveDate) -> (super::Split, Paise) {
        let due = self.due();
        self.settle_dues(due, AllocationPolicy::InstalmentWise, day)
    }
}

/// Where what is due of a component stands in the book.
fn receivable(component: Component) -> LedgerAccount {
    match component {
        Component::Interest => InterestReceivable,
        Component::Principal => PrincipalReceivable,
        Component::Fee => FeeReceivable,
        Component::Penal => PenalReceivable,
    }
}

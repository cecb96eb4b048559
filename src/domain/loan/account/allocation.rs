//! How money settles what is due: by the steps of a policy (`lending.md` §2.7).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Account, Out};
use crate::domain::book::LedgerAccount::{
    self, BorrowerExcess, FeeReceivable, InterestReceivable, PenalReceivable, PrincipalReceivable,
};
use crate::domain::book::{Journal, JournalKind, credit};
use crate::domain::maths::money::Paise;
use crate::domain::servicing::{AllocationPolicy, Component, Scope, Step};

/// What a payment settled; the parts sum to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Split {
    /// Principal, prepaid principal included.
    pub principal: Paise,
    /// Interest.
    pub interest: Paise,
    /// Fees, tax included.
    pub fee: Paise,
    /// Penal charges.
    pub penal: Paise,
    /// Nothing was due for it: held for the borrower.
    pub excess: Paise,
}

impl Split {
    /// The sum of the parts.
    #[must_use]
    pub fn total(&self) -> Paise {
        [self.principal, self.interest, self.fee, self.penal, self.excess]
            .into_iter()
            .fold(Paise::ZERO, Paise::saturating_add)
    }

    pub(super) fn add(&mut self, component: Component, amount: Paise) {
        let part = match component {
            Component::Principal => &mut self.principal,
            Component::Interest => &mut self.interest,
            Component::Fee => &mut self.fee,
            Component::Penal => &mut self.penal,
        };
        *part = part.saturating_add(amount);
    }

    /// The credits of a journal that settles these parts.
    pub(super) fn credits(&self) -> [(LedgerAccount, Paise); 5] {
        [
            (PrincipalReceivable, credit(self.principal)),
            (InterestReceivable, credit(self.interest)),
            (FeeReceivable, credit(self.fee)),
            (PenalReceivable, credit(self.penal)),
            (BorrowerExcess, credit(self.excess)),
        ]
    }
}

impl Account {
    /// Settles what is due with an amount, as far as it goes; the rest comes back.
    pub(super) fn settle_dues(&mut self, amount: Paise, policy: AllocationPolicy, day: NaiveDate) -> (Split, Paise) {
        let mut split = Split::default();
        let mut rest = amount;
        for step in policy.steps() {
            self.settle_step(*step, day, &mut rest, &mut split);
        }
        self.charges.retain(|charge| charge.left().is_positive());
        (split, rest)
    }

    fn settle_step(&mut self, step: Step, day: NaiveDate, rest: &mut Paise, split: &mut Split) {
        match step.scope {
            Scope::EachInstalment => {
                for index in 0..self.instalments.len() {
                    for component in step.components {
                        self.settle_one((index, *component), day, rest, split);
                    }
                }
            }
            Scope::All => {
                for component in step.components {
                    for index in 0..self.instalments.len() {
                        self.settle_one((index, *component), day, rest, split);
                    }
                    self.settle_charges(*component, rest, split);
                }
            }
        }
    }

    fn settle_one(
        &mut self,
        (index, component): (usize, Component),
        day: NaiveDate,
        rest: &mut Paise,
        split: &mut Split,
    ) {
        let Some(instalment) = self.instalments.get_mut(index).filter(|instalment| instalment.is_unpaid()) else {
            return;
        };
        let (left, paid) = match component {
            Component::Interest => (instalment.interest_left(), &mut instalment.paid_interest),
            Component::Principal => (instalment.principal_left(), &mut instalment.paid_principal),
            Component::Fee | Component::Penal => return,
        };
        let part = left.min(*rest);
        *paid = paid.saturating_add(part);
        *rest = rest.saturating_sub(part);
        split.add(component, part);
        if instalment.left() == Paise::ZERO {
            instalment.settled_on = Some(day);
        }
    }

    fn settle_charges(&mut self, component: Component, rest: &mut Paise, split: &mut Split) {
        for charge in self.charges.iter_mut().filter(|charge| charge.component == component) {
            let part = charge.left().min(*rest);
            charge.settled = charge.settled.saturating_add(part);
            *rest = rest.saturating_sub(part);
            split.add(component, part);
        }
    }

    /// Counts what was settled with the borrower's money.
    pub(super) fn count(&mut self, split: &Split) {
        let totals = &mut self.totals;
        totals.principal = totals.principal.saturating_add(split.principal);
        totals.interest = totals.interest.saturating_add(split.interest);
        totals.fee = totals.fee.saturating_add(split.fee);
        totals.penal = totals.penal.saturating_add(split.penal);
    }

    /// Settles what is due with money held in advance.
    pub(super) fn apply_excess(&mut self, day: NaiveDate, reference: &str, out: &mut Out) {
        if !self.excess.is_positive() || !self.due().is_positive() {
            return;
        }
        let (split, rest) = self.settle_dues(self.excess, self.policy(), day);
        let used = self.excess.saturating_sub(rest);
        self.excess = rest;
        self.count(&split);
        let mut sides = vec![(BorrowerExcess, used)];
        sides.extend(split.credits());
        out.post(Journal::new(day, JournalKind::ExcessApplied, reference, &sides));
        self.reclassify_after_payment(day, out);
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> AllocationPolicy {
        let servicing = &self.contract.servicing;
        if self.npa_since.is_some() { servicing.npa_allocation } else { servicing.allocation }
    }
}

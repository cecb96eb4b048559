//! What leaving early costs (`lending.md` §2.5): foreclosure, and the exit within the cooling-off period.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Account;
use crate::domain::maths::accrual::{cooling_off_interest, upfront_earned};
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::schedule;
use crate::domain::servicing::{CoolingOffPolicy, FeeLine};

/// The amount that ends a loan on one day, and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayOff {
    /// The day for which it holds.
    pub on: NaiveDate,
    /// All principal, due or not.
    pub principal: Paise,
    /// Interest that is due, and that of the running period up to the day.
    pub interest: Paise,
    /// Fees that are due.
    pub fees: Paise,
    /// Penal charges, up to the day.
    pub penal: Paise,
    /// For leaving early, tax included.
    pub charge: Paise,
    /// Fees, and interest kept from the payout, that are given back.
    pub given_back: Paise,
    /// The borrower's money that is held already.
    pub excess: Paise,
    /// To be paid.
    pub total: Paise,
}

/// Why a loan cannot be left that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayOffRefusal {
    /// It has ended.
    #[error("the loan is closed")]
    Closed,
    /// The time for it is over.
    #[error("the cooling-off period ended on {0}")]
    CoolingOffOver(NaiveDate),
}

impl PayOff {
    fn summed(self) -> Self {
        let parts = [self.principal, self.interest, self.fees, self.penal, self.charge];
        let owed = parts.into_iter().fold(Paise::ZERO, Paise::saturating_add);
        Self { total: owed.saturating_sub(self.given_back).saturating_sub(self.excess), ..self }
    }
}

impl Account {
    /// The pay-off amount for a day; the account must have been brought to that day.
    ///
    /// # Errors
    /// [`PayOffRefusal::Closed`].
    pub fn foreclosure(&self, on: NaiveDate) -> Result<PayOff, PayOffRefusal> {
        let percent = self.early_percent(self.contract.servicing.foreclosure_percent, on);
        let (charge, _) = self.percentage_charge(self.principal_not_due(), percent);
        self.pay_off(on, self.accrued(on), charge, self.upfront_unearned(on))
    }

    /// The amount for leaving within the cooling-off period: no penal and no foreclosure charge (RBI DL 10).
    ///
    /// # Errors
    /// [`PayOffRefusal`].
    pub fn cooling_off_exit(&self, on: NaiveDate) -> Result<PayOff, PayOffRefusal> {
        let last = self.cooling_off_ends();
        if on > last {
            return Err(PayOffRefusal::CoolingOffOver(last));
        }
        let (interest, too_much) = self.cooling_off_rest(on);
        self.pay_off(on, interest, Paise::ZERO, self.given_back().saturating_add(too_much))
    }

    /// Last day of the cooling-off period; it ends before the first instalment falls due, but never before the day after
    /// the payout is over (RBI DL 10: not less than one day).
    #[must_use]
    pub fn cooling_off_ends(&self) -> NaiveDate {
        let terms = &self.contract.terms;
        let days = chrono::Days::new(u64::from(self.contract.cooling_off_days));
        let last = terms.disbursed_on.checked_add_days(days).unwrap_or(terms.disbursed_on);
        let last = terms.first_due.pred_opt().map_or(last, |before| last.min(before));
        terms.disbursed_on.succ_opt().map_or(last, |next| last.max(next))
    }

    /// Interest of an exit that has not fallen due, and what has fallen due and is more than the exit costs: the first
    /// instalment of a daily loan falls due within the period. One that had no other owes no interest beyond it.
    pub(super) fn cooling_off_rest(&self, on: NaiveDate) -> (Paise, Paise) {
        let billed = self.instalments.iter().filter(|instalment| instalment.billed);
        let billed = billed.fold(Paise::ZERO, |sum, instalment| sum.saturating_add(instalment.row.interest));
        let owed = self.cooling_off_interest(on);
        let rest = if self.next_due().is_some() { owed.saturating_sub(billed) } else { Paise::ZERO };
        (Paise(rest.0.max(0)), Paise(billed.saturating_sub(owed).0.max(0)))
    }

    /// What paying early is charged on a day, in percent: nothing within the cooling-off period (RBI DL 10).
    pub(super) fn early_percent(&self, percent: Decimal, on: NaiveDate) -> Decimal {
        if on <= self.cooling_off_ends() { Decimal::ZERO } else { percent }
    }

    /// Interest of a cooling-off exit: at the APR or at the contract rate, for the days that each rupee was held, over
    /// 365.
    pub(super) fn cooling_off_interest(&self, on: NaiveDate) -> Paise {
        let terms = &self.contract.terms;
        let days = on.signed_duration_since(terms.disbursed_on).num_days().max(0);
        let percent = match self.contract.servicing.cooling_off {
            CoolingOffPolicy::AprOnly => self.contract.apr,
            CoolingOffPolicy::RatePlusFee => terms.annual_rate.percent(),
        };
        let since = |day: NaiveDate| on.signed_duration_since(day).num_days().max(0);
        let prepaid: Vec<(i64, Paise)> = self.running.prepaid.iter().map(|(day, paid)| (since(*day), *paid)).collect();
        cooling_off_interest(terms.principal, &prepaid, percent, days).unwrap_or_default()
    }

    /// Fees that the APR has in it are given back where the exit is priced at the APR: keeping them too would count
    /// them twice. So is interest kept from the payout, whatever the price: the days held are paid for anyway.
    fn given_back(&self) -> Paise {
        let fees = self.fees_given_back().iter().map(FeeLine::total);
        fees.fold(self.upfront_kept(), Paise::saturating_add)
    }

    /// The fees among it.
    pub(super) fn fees_given_back(&self) -> &[FeeLine] {
        match self.contract.servicing.cooling_off {
            CoolingOffPolicy::AprOnly => &self.contract.fees,
            CoolingOffPolicy::RatePlusFee => &[],
        }
    }

    /// Interest of the odd days that was kept from the payout, less what was given back of it.
    pub(super) fn upfront_kept(&self) -> Paise {
        let of_terms = || schedule(&self.contract.terms).map(|schedule| schedule.upfront_interest).unwrap_or_default();
        self.kept_interest.unwrap_or_else(of_terms).saturating_sub(self.totals.given_back)
    }

    /// The part of it for days on which the borrower will not have had the money when all is repaid on a day.
    pub(super) fn upfront_unearned(&self, on: NaiveDate) -> Paise {
        let terms = &self.contract.terms;
        // With the first due date the odd days are over.
        if self.running.from != terms.disbursed_on {
            return Paise::ZERO;
        }
        let earned = upfront_earned(terms, &self.running.prepaid, on);
        earned.map_or(Paise::ZERO, |earned| Paise(self.upfront_kept().0.saturating_sub(earned.0).max(0)))
    }

    fn pay_off(
        &self,
        on: NaiveDate,
        running_interest: Paise,
        charge: Paise,
        given_back: Paise,
    ) -> Result<PayOff, PayOffRefusal> {
        if self.is_closed() {
            return Err(PayOffRefusal::Closed);
        }
        let interest_due = self.unpaid().fold(Paise::ZERO, |sum, row| sum.saturating_add(row.interest_left()));
        let of = |component| {
            self.charges
                .iter()
                .filter(|charge| charge.component == component)
                .fold(Paise::ZERO, |sum, charge| sum.saturating_add(charge.left()))
        };
        Ok(PayOff {
            on,
            principal: self.principal_outstanding(),
            interest: interest_due.saturating_add(running_interest),
            fees: of(crate::domain::servicing::Component::Fee),
            penal: of(crate::domain::servicing::Component::Penal).saturating_add(self.all_penal_running(on)),
            charge,
            given_back,
            excess: self.excess,
            total: Paise::ZERO,
        }
        .summed())
    }

    /// What may be paid as an instalment on a day: everything due with the penal charges up to the day, or when
    /// nothing is due the next instalment; money held already is taken off.
    #[must_use]
    pub fn payable(&self, on: NaiveDate) -> Paise {
        if self.is_closed() {
            return Paise::ZERO;
        }
        let due = self.payable_now(on);
        if due.is_positive() {
            return due;
        }
        self.next_due().map_or(Paise::ZERO, super::Instalment::left).saturating_sub(self.excess)
    }
}

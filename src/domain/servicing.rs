//! How a loan is serviced after the payout: rules of the product, frozen with the offer and printed on its KFS.

use chrono::{Datelike, Months, NaiveDate};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::maths::frequency::Frequency;
use super::maths::money::Paise;
use super::maths::reschedule::PrepaymentMode;
use super::maths::rupees;

/// The rules of one loan's life. Nothing that is not in here, and so on the KFS, is ever charged (`lending.md` §1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Servicing {
    /// Day of the month on which instalments fall due; none means the day of the payout. Ignored by a bullet and by
    /// periods counted in days.
    pub due_day: Option<u32>,
    /// In which order a payment settles what is due, while the loan is a standard asset.
    pub allocation: AllocationPolicy,
    /// The same once it is an NPA.
    pub npa_allocation: AllocationPolicy,
    /// Days after a due date in which no penal charge runs.
    pub penal_grace_days: u32,
    /// Days between two penal charges for one instalment, and from its due date to the first.
    pub penal_every_days: u32,
    /// Most penal charges for one instalment, percent of the instalment; none means no cap.
    #[serde(with = "percent_or_none")]
    pub penal_cap_percent: Option<Decimal>,
    /// Charge for paying the loan off early, percent of the principal paid early; tax comes on top.
    #[serde(with = "rust_decimal::serde::str")]
    pub foreclosure_percent: Decimal,
    /// Charge for a part prepayment, percent of the principal prepaid; tax comes on top.
    #[serde(with = "rust_decimal::serde::str")]
    pub prepayment_percent: Decimal,
    /// What a part prepayment does to the schedule.
    pub prepayment_mode: PrepaymentMode,
    /// What the borrower pays who leaves within the cooling-off period.
    pub cooling_off: CoolingOffPolicy,
    /// What the total interest may rise, in rupees, when the payout comes later than the KFS assumed, before the KFS is
    /// issued anew; a higher instalment or APR always makes it so.
    #[serde(with = "rupees")]
    pub reissue_tolerance: Paise,
}

impl Servicing {
    /// The first due date of a loan paid out on a day: one period later, or the first due day after that.
    #[must_use]
    pub fn first_due(&self, frequency: Frequency, paid_out: NaiveDate) -> Option<NaiveDate> {
        let earliest = frequency.after(paid_out, 1)?;
        let in_months = !matches!(frequency, Frequency::Weekly | Frequency::Fortnightly | Frequency::EveryDays(_));
        let Some(day) = self.due_day.filter(|_| in_months) else {
            return Some(earliest);
        };
        // A month that is too short has its last day instead.
        let in_month =
            |month: NaiveDate| (1..=day).rev().find_map(|day| month.with_day(day)).filter(|due| *due >= earliest);
        in_month(earliest.with_day(1)?).or_else(|| in_month(earliest.with_day(1)?.checked_add_months(Months::new(1))?))
    }
}

impl Default for Servicing {
    fn default() -> Self {
        Self {
            due_day: None,
            allocation: AllocationPolicy::InstalmentWise,
            npa_allocation: AllocationPolicy::PrincipalFirst,
            penal_grace_days: 0,
            penal_every_days: 30,
            penal_cap_percent: None,
            foreclosure_percent: Decimal::ZERO,
            prepayment_percent: Decimal::ZERO,
            prepayment_mode: PrepaymentMode::ReduceCount,
            cooling_off: CoolingOffPolicy::AprOnly,
            reissue_tolerance: Paise::ZERO,
        }
    }
}

/// Serde for a percentage that may be absent, as text. Through [`Option<String>`], because the library's own form does
/// not read a null that was buffered for a tagged enum.
mod percent_or_none {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands the field over so")]
    pub(super) fn serialize<S: Serializer>(percent: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match percent {
            Some(percent) => serializer.collect_str(percent),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| Decimal::from_str_exact(&text).map_err(serde::de::Error::custom))
            .transpose()
    }
}

/// What leaving within the cooling-off period costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CoolingOffPolicy {
    /// Principal and the APR for the days held; the fees, which the APR spreads, are given back.
    AprOnly,
    /// Principal and interest at the contract rate for the days held; the fees are kept.
    RatePlusFee,
}

/// An order in which a payment settles what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AllocationPolicy {
    /// The oldest instalment first, its interest, then its principal; charges last.
    InstalmentWise,
    /// The interest of all instalments, then their principal; charges last.
    InterestFirst,
    /// The principal of all instalments, then their interest; charges last.
    PrincipalFirst,
}

/// What a step of a policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One due instalment after the other, oldest first, all components of the step in each.
    EachInstalment,
    /// All due instalments, or all charges, for one component after the other.
    All,
}

/// A part of what is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Component {
    /// Interest of a due instalment.
    Interest,
    /// Principal of a due instalment.
    Principal,
    /// Fees, such as that for a bounced payment.
    Fee,
    /// Penal charges: never before interest and principal.
    Penal,
}

/// One step of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What it looks at.
    pub scope: Scope,
    /// What it settles there, in this order.
    pub components: &'static [Component],
}

const CHARGES: Step = Step { scope: Scope::All, components: &[Component::Fee, Component::Penal] };

impl AllocationPolicy {
    /// The policy as data.
    #[must_use]
    pub const fn steps(self) -> &'static [Step] {
        use Component::{Interest, Principal};
        match self {
            Self::InstalmentWise => {
                &[Step { scope: Scope::EachInstalment, components: &[Interest, Principal] }, CHARGES]
            }
            Self::InterestFirst => &[Step { scope: Scope::All, components: &[Interest, Principal] }, CHARGES],
            Self::PrincipalFirst => &[Step { scope: Scope::All, components: &[Principal, Interest] }, CHARGES],
        }
    }
}

/// A charge for giving the loan, kept from the payout: percent of the sanctioned amount, or a fixed amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FeeRule {
    /// Stands on the KFS and in the book, e.g. `INSURANCE`.
    pub code: String,
    /// What the borrower reads.
    pub name: String,
    /// Who gets it (KFS rows 8 A and 8 B).
    pub payee: Payee,
    /// Percent of the sanctioned amount.
    #[serde(default, with = "rust_decimal::serde::str_option")]
    pub percent: Option<Decimal>,
    /// Fixed, rupees.
    #[serde(default, with = "rupees::option")]
    pub amount: Option<Paise>,
    /// Whether goods and services tax comes on top.
    #[serde(default)]
    pub taxed: bool,
}

/// Who gets a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Payee {
    /// The lender.
    Lender,
    /// Somebody else, through the lender, at actuals. Never an LSP (RBI digital lending, DL 9).
    ThirdParty,
}

/// One fee of one offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeLine {
    /// e.g. `PROCESSING`.
    pub code: String,
    /// What the borrower reads.
    pub name: String,
    /// Who gets it.
    pub payee: Payee,
    /// Without tax.
    pub amount: Paise,
    /// Goods and services tax on it.
    pub tax: Paise,
}

impl FeeLine {
    /// With tax.
    #[must_use]
    pub fn total(&self) -> Paise {
        self.amount.saturating_add(self.tax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instalments_fall_due_on_the_products_day_at_least_one_period_after_the_payout() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let on = |due_day| Servicing { due_day, ..Servicing::default() };
        let first = |due_day, paid_out: &str| on(due_day).first_due(Frequency::Monthly, day(paid_out)).unwrap();
        assert_eq!(first(Some(5), "2026-01-15"), day("2026-03-05"));
        assert_eq!(first(Some(5), "2026-01-05"), day("2026-02-05"));
        assert_eq!(first(Some(31), "2026-01-15"), day("2026-02-28"));
        assert_eq!(first(None, "2026-01-31"), day("2026-02-28"));
        let weekly = on(Some(5)).first_due(Frequency::Weekly, day("2026-01-15"));
        assert_eq!(weekly, Some(day("2026-01-22")));
    }
}

//! Days past due and asset classification (RBI/2021-2022/125; `lending.md` §1.6).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Account, Out, Position};

/// Days past due from which a loan is in SMA-1, SMA-2 and NPA: a loan due on 31 Mar is SMA-1 on 30 Apr, SMA-2 on
/// 30 May and NPA on 29 Jun.
pub(super) const THRESHOLDS: [i64; 3] = [30, 60, 90];

/// How a loan is classified at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AssetClass {
    /// Nothing overdue.
    Standard,
    /// Special mention account, overdue up to 30 days.
    Sma0,
    /// More than 30 days, the due date counted.
    Sma1,
    /// More than 60 days.
    Sma2,
    /// More than 90 days, and until all arrears are paid.
    Npa,
}

/// What a late fact changes in a loan's past as an NPA.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reclassified {
    /// Days on which it did not become an NPA after all.
    pub undone: Vec<NaiveDate>,
    /// Its arrears were paid in full meanwhile: those that it has now are new ones.
    pub cleared: bool,
}

impl AssetClass {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Sma0 => "SMA-0",
            Self::Sma1 => "SMA-1",
            Self::Sma2 => "SMA-2",
            Self::Npa => "NPA",
        }
    }

    /// The class of a loan whose oldest unpaid instalment is so many days old at the end of a day.
    #[must_use]
    pub fn of(days_past_due: Option<i64>) -> Self {
        match days_past_due {
            None => Self::Standard,
            Some(days) if days >= THRESHOLDS[2] => Self::Npa,
            Some(days) if days >= THRESHOLDS[1] => Self::Sma2,
            Some(days) if days >= THRESHOLDS[0] => Self::Sma1,
            Some(_) => Self::Sma0,
        }
    }
}

impl Account {
    /// Due date of the oldest instalment that is not paid in full.
    #[must_use]
    pub fn oldest_due(&self) -> Option<NaiveDate> {
        self.unpaid().next().map(|instalment| instalment.row.due_date)
    }

    /// Days past due on a day; nothing when nothing is due.
    #[must_use]
    pub fn days_past_due(&self, on: NaiveDate) -> Option<i64> {
        self.oldest_due().map(|due| on.signed_duration_since(due).num_days().max(0))
    }

    /// Whether an instalment of an earlier day is unpaid.
    #[must_use]
    pub fn is_overdue(&self, on: NaiveDate) -> bool {
        self.oldest_due().is_some_and(|due| due < on)
    }

    /// The day-end's classification.
    pub(super) fn classify(&mut self, day: NaiveDate, out: &mut Out) {
        let own = AssetClass::of(self.days_past_due(day));
        if own == AssetClass::Npa && self.npa_since.is_none() {
            self.npa_since = Some(day);
            self.npa_starts.push(day);
        }
        self.set_class(if self.npa_since.is_some() { AssetClass::Npa } else { own }, day, out);
    }

    /// After a payment: a loan without arrears is a standard one at once, an NPA with some stays one.
    pub(super) fn reclassify_after_payment(&mut self, day: NaiveDate, out: &mut Out) {
        // What fell due today is overdue only once the day is over.
        let is_over = self.at >= Position::closed(day);
        let overdue = self.days_past_due(day).filter(|days| *days > 0 || is_over);
        match overdue {
            None => {
                if self.class != AssetClass::Standard {
                    self.arrears_cleared_on = Some(day);
                }
                self.npa_since = None;
                self.set_class(AssetClass::Standard, day, out);
            }
            Some(_) if self.npa_since.is_some() => {}
            // It can only have become better: it gets worse at a day-end alone.
            Some(days) => {
                let class = AssetClass::of(Some(days)).min(self.class);
                self.set_class(class, day, out);
            }
        }
    }

    /// Since when the loan makes its borrower's loans NPAs: one that is given up does, until all of it is recovered.
    #[must_use]
    pub fn counts_as_npa_since(&self) -> Option<NaiveDate> {
        let Some((on, _)) = self.ended else { return self.npa_since };
        self.to_recover().is_positive().then(|| self.npa_since.unwrap_or(on))
    }

    /// What an account is known to have been, compared with what was known of it before.
    #[must_use]
    pub fn reclassified(before: Option<&Self>, after: Option<&Self>) -> Reclassified {
        let starts = |account: Option<&Self>| -> Vec<NaiveDate> {
            // One that was stored before they were noted knows the last one only.
            let stored = |account: &Self| match account.npa_starts.as_slice() {
                [] => account.npa_since.into_iter().collect(),
                all => all.to_vec(),
            };
            account.map(stored).unwrap_or_default()
        };
        let now = starts(after);
        let cleared_on = |account: Option<&Self>| account.and_then(|account| account.arrears_cleared_on);
        Reclassified {
            undone: starts(before).into_iter().filter(|start| !now.contains(start)).collect(),
            cleared: cleared_on(after).is_some() && cleared_on(after) != cleared_on(before),
        }
    }

    fn set_class(&mut self, class: AssetClass, day: NaiveDate, out: &mut Out) {
        if class != self.class {
            self.class = class;
            out.event(day, format!("classified {}", class.name()));
        }
    }
}

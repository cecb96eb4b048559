//! The borrower's statement: derived from the journals, never kept (`lending.md` §2.9).

use chrono::NaiveDate;

use super::{Journal, JournalKind};
use crate::domain::maths::money::Paise;

/// Which way a line moves what the borrower owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Owes less: `DEPOSIT` on the wire.
    Deposit,
    /// Owes more: `WITHDRAWL` on the wire, as the published schema spells it.
    Withdrawal,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Value date.
    pub date: NaiveDate,
    /// What the journal was for.
    pub kind: JournalKind,
    /// The journal's reference.
    pub reference: String,
    /// More than zero.
    pub amount: Paise,
    /// Which way.
    pub side: Side,
    /// What the borrower owes after it: principal, due interest, fees and penal charges, less money held for the
    /// borrower. Negative when the lender owes.
    pub closing: Paise,
}

/// All lines in order of value date, journals of one day in the order in which they were posted. Journals that do not
/// touch what the borrower owes, such as an accrual, have none.
#[must_use]
pub fn statement(journals: &[Journal]) -> Vec<Line> {
    let mut ordered: Vec<&Journal> = journals.iter().collect();
    ordered.sort_by_key(|journal| journal.value_date);
    let mut closing = Paise::ZERO;
    let mut lines = Vec::new();
    for journal in ordered {
        let moved = journal
            .postings
            .iter()
            .filter(|posting| posting.account.is_borrowers())
            .fold(Paise::ZERO, |sum, posting| sum.saturating_add(posting.amount));
        if moved == Paise::ZERO {
            continue;
        }
        closing = closing.saturating_add(moved);
        let side = if moved.is_positive() { Side::Withdrawal } else { Side::Deposit };
        lines.push(Line {
            date: journal.value_date,
            kind: journal.kind,
            reference: journal.reference.clone(),
            amount: Paise(moved.0.saturating_abs()),
            side,
            closing,
        });
    }
    lines
}

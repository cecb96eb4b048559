//! The end of retention of a loan: amounts, dates and ids stay, and nothing by which a person can be known.

use super::Loan;
use super::dispute::Dispute;
use crate::domain::application::erase::ERASED;

impl Loan {
    /// Takes all personal data out, for ever: the accounts that payouts went to.
    pub fn erase(&mut self) {
        for payout in &mut self.payouts {
            payout.account.erase();
        }
    }
}

impl Dispute {
    /// Takes out what was said; that there was a dispute, when, and how it ended, stays.
    pub fn erase(&mut self) {
        ERASED.clone_into(&mut self.description);
        if let Some(note) = &mut self.note {
            ERASED.clone_into(note);
        }
    }
}

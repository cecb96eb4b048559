//! What the contract suite and the published examples ask about the book.

use serde_json::{Value, json};
use uuid::Uuid;

use super::sample::{MARK, Samples};
use crate::domain::book::LedgerAccount;
use crate::domain::maths::money::Paise;
use crate::lender::ledger::{AccountBalance, BalancesDetail, Entry, FeedJournal, JournalsDetail, LoanTotals, Side};

/// What goes to and fro: one rupee.
const AMOUNT: Paise = Paise(100);

impl Samples {
    /// A question of the `ledger` port with its key. The journal takes back what it posts.
    pub(in crate::lender) fn of_the_book(&self, method: &str) -> Option<(String, Value)> {
        let loan_id = format!("{MARK}-LOAN-{}", self.run);
        let journals = [self.journal(&loan_id)];
        let accounts = [AccountBalance { account: "BANK".to_owned(), balance: Paise::ZERO }];
        let nothing = Some(Paise::ZERO);
        let loans = [LoanTotals { loan_id, principal: nothing, outstanding: nothing, journals: Some(1) }];
        let ask = match method {
            "journal" => serde_json::to_value(JournalsDetail { journals: &journals }),
            "compare" => serde_json::to_value(BalancesDetail { as_of: self.today, accounts: &accounts, loans: &loans }),
            _ => return None,
        };
        let key = format!("{MARK}-{method}-{}", self.run);
        let body = json!({ "key": key, "ask": ask.ok()?, "now": self.now, "businessDate": self.today });
        Some((key, body))
    }

    fn journal(&self, loan_id: &str) -> FeedJournal {
        let entry =
            |side| Entry { account: "BANK".to_owned(), book_account: LedgerAccount::Bank, side, amount: AMOUNT };
        FeedJournal {
            // A run's own where its mark is an id; the published example has a fixed one.
            key: Uuid::try_parse(&self.run).unwrap_or_default(),
            number: 1,
            loan_id: loan_id.to_owned(),
            kind: "RECEIPT".to_owned(),
            narration: "Payment received".to_owned(),
            reference: format!("{MARK}-{}", self.run),
            value_date: self.today,
            booking_date: self.today,
            entries: vec![entry(Side::Debit), entry(Side::Credit)],
        }
    }
}

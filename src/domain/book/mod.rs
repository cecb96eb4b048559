//! The loan book: double entry, append-only. Debits are positive, credits negative; a journal sums to zero.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::maths::money::Paise;

/// Accounts of the book (design §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LedgerAccount {
    /// Principal that the borrower owes.
    PrincipalReceivable,
    /// Money at the lender's bank.
    Bank,
    /// Fees earned, tax included until the ledger port splits it.
    FeeIncome,
}

impl LedgerAccount {
    /// The word stored in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PrincipalReceivable => "PRINCIPAL_RECEIVABLE",
            Self::Bank => "BANK",
            Self::FeeIncome => "FEE_INCOME",
        }
    }
}

/// One side of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where.
    pub account: LedgerAccount,
    /// How much: debit positive, credit negative.
    pub amount: Paise,
}

/// A balanced set of postings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The day on which it counts.
    pub value_date: NaiveDate,
    /// What it is for, e.g. `DISBURSEMENT`.
    pub kind: String,
    /// Makes the same journal impossible twice, e.g. the bank key.
    pub reference: String,
    /// At least two, summing to zero.
    pub postings: Vec<Posting>,
}

/// A paid tranche: principal owed, money gone, fee kept (gross = net + fee).
#[must_use]
pub fn disbursement(value_date: NaiveDate, reference: &str, net: Paise, fee: Paise) -> Journal {
    let mut postings = vec![
        Posting { account: LedgerAccount::PrincipalReceivable, amount: Paise(net.0.saturating_add(fee.0)) },
        Posting { account: LedgerAccount::Bank, amount: Paise(net.0.saturating_neg()) },
    ];
    if fee.is_positive() {
        postings.push(Posting { account: LedgerAccount::FeeIncome, amount: Paise(fee.0.saturating_neg()) });
    }
    Journal { value_date, kind: "DISBURSEMENT".to_owned(), reference: reference.to_owned(), postings }
}

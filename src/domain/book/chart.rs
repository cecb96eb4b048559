//! The lender's chart of accounts: which code of the general ledger each account of the book is, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ACCOUNTS, LedgerAccount};
use crate::domain::maths::money::Paise;

/// Codes of the general ledger by account; an account that is not named keeps its own name as its code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chart(pub BTreeMap<LedgerAccount, String>);

impl Chart {
    /// The code of an account.
    #[must_use]
    pub fn code(&self, account: LedgerAccount) -> &str {
        self.0.get(&account).map_or_else(|| account.name(), String::as_str)
    }

    /// All codes; several accounts may share one.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<&str> {
        ACCOUNTS.into_iter().map(|account| self.code(account)).collect()
    }

    /// Balances by code; one that has none is zero. Nothing when a sum does not fit.
    #[must_use]
    pub fn by_code(&self, balances: &BTreeMap<LedgerAccount, Paise>) -> Option<BTreeMap<String, Paise>> {
        let mut sums: BTreeMap<String, Paise> =
            self.codes().into_iter().map(|code| (code.to_owned(), Paise::ZERO)).collect();
        for (account, balance) in balances {
            let sum = sums.entry(self.code(*account).to_owned()).or_default();
            *sum = sum.checked_add(*balance)?;
        }
        Some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_that_share_a_code_are_one_in_the_general_ledger() {
        let shared = [LedgerAccount::FeeIncome, LedgerAccount::PenalIncome].map(|account| (account, "4200".to_owned()));
        let chart = Chart(shared.into());
        let balances = [
            (LedgerAccount::FeeIncome, Paise(-100)),
            (LedgerAccount::PenalIncome, Paise(-20)),
            (LedgerAccount::Bank, Paise(120)),
        ];
        let sums = chart.by_code(&balances.into()).unwrap();
        assert_eq!(sums.len(), ACCOUNTS.len() - 1);
        assert_eq!((sums["4200"], sums["BANK"], sums["GST_PAYABLE"]), (Paise(-120), Paise(120), Paise::ZERO));
    }
}

//! The loan book: double entry, append-only. Debits are positive, credits negative; a journal sums to zero.

mod chart;
mod correction;
mod statement;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::chart::Chart;
pub use self::correction::{corrections, is_correction};
pub use self::statement::{Line, Side, statement};
use super::maths::money::Paise;
use super::servicing::{FeeLine, Payee};

/// Accounts of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LedgerAccount {
    /// Principal that the borrower owes, due or not.
    PrincipalReceivable,
    /// Interest earned day by day that is not due yet.
    InterestAccrued,
    /// Interest that is due.
    InterestReceivable,
    /// Fees that are due, tax included.
    FeeReceivable,
    /// Penal charges that are due.
    PenalReceivable,
    /// Money of the borrower's that nothing was due for: an advance, or to be refunded.
    BorrowerExcess,
    /// Money at the lender's bank.
    Bank,
    /// Interest earned.
    InterestIncome,
    /// Fees earned, without tax.
    FeeIncome,
    /// Penal charges earned; no tax is on them (Circular 245/02/2025-GST).
    PenalIncome,
    /// Goods and services tax that was collected with fees.
    GstPayable,
    /// Fees collected for somebody else.
    ThirdPartyPayable,
    /// What the lender let the borrower off.
    WaiverExpense,
    /// What the lender gave up.
    WriteOffExpense,
    /// What came in after a write-off.
    RecoveryIncome,
}

/// All accounts; the database's CHECK has the same list.
pub const ACCOUNTS: [LedgerAccount; 15] = [
    LedgerAccount::PrincipalReceivable,
    LedgerAccount::InterestAccrued,
    LedgerAccount::InterestReceivable,
    LedgerAccount::FeeReceivable,
    LedgerAccount::PenalReceivable,
    LedgerAccount::BorrowerExcess,
    LedgerAccount::Bank,
    LedgerAccount::InterestIncome,
    LedgerAccount::FeeIncome,
    LedgerAccount::PenalIncome,
    LedgerAccount::GstPayable,
    LedgerAccount::ThirdPartyPayable,
    LedgerAccount::WaiverExpense,
    LedgerAccount::WriteOffExpense,
    LedgerAccount::RecoveryIncome,
];

impl LedgerAccount {
    /// The word stored in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PrincipalReceivable => "PRINCIPAL_RECEIVABLE",
            Self::InterestAccrued => "INTEREST_ACCRUED",
            Self::InterestReceivable => "INTEREST_RECEIVABLE",
            Self::FeeReceivable => "FEE_RECEIVABLE",
            Self::PenalReceivable => "PENAL_RECEIVABLE",
            Self::BorrowerExcess => "BORROWER_EXCESS",
            Self::Bank => "BANK",
            Self::InterestIncome => "INTEREST_INCOME",
            Self::FeeIncome => "FEE_INCOME",
            Self::PenalIncome => "PENAL_INCOME",
            Self::GstPayable => "GST_PAYABLE",
            Self::ThirdPartyPayable => "THIRD_PARTY_PAYABLE",
            Self::WaiverExpense => "WAIVER_EXPENSE",
            Self::WriteOffExpense => "WRITE_OFF_EXPENSE",
            Self::RecoveryIncome => "RECOVERY_INCOME",
        }
    }

    /// An account by the word stored in the database.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        ACCOUNTS.into_iter().find(|account| account.name() == name)
    }

    /// Whether it is part of what the borrower owes: those accounts make up the statement. Interest that is not due
    /// yet is not.
    #[must_use]
    pub fn is_borrowers(self) -> bool {
        matches!(
            self,
            Self::PrincipalReceivable
                | Self::InterestReceivable
                | Self::FeeReceivable
                | Self::PenalReceivable
                | Self::BorrowerExcess
        )
    }
}

/// One side of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Posting {
    /// Where.
    pub account: LedgerAccount,
    /// How much: debit positive, credit negative.
    pub amount: Paise,
}

/// What a journal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JournalKind {
    /// A tranche was paid out.
    Disbursement,
    /// A payout came back from the bank.
    PayoutReturn,
    /// Interest was earned.
    Accrual,
    /// An instalment, or at a pay-off the rest, fell due.
    Due,
    /// The borrower paid.
    Receipt,
    /// A payment that had been credited came back.
    ReceiptReturn,
    /// Money held in advance settled what fell due.
    ExcessApplied,
    /// A fee fell due.
    Fee,
    /// A penal charge fell due.
    Penal,
    /// Fees are given back to a borrower who leaves within the cooling-off period.
    FeeGivenBack,
    /// The lender lets the borrower off something.
    Waiver,
    /// Excess was paid back.
    Refund,
    /// The lender gives the rest up.
    WriteOff,
    /// Takes back an earlier journal that a back-dated fact made wrong.
    Reversal,
}

impl JournalKind {
    /// The word stored in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Disbursement => "DISBURSEMENT",
            Self::PayoutReturn => "PAYOUT_RETURN",
            Self::Accrual => "ACCRUAL",
            Self::Due => "DUE",
            Self::Receipt => "RECEIPT",
            Self::ReceiptReturn => "RECEIPT_RETURN",
            Self::ExcessApplied => "EXCESS_APPLIED",
            Self::Fee => "FEE",
            Self::Penal => "PENAL",
            Self::FeeGivenBack => "FEE_GIVEN_BACK",
            Self::Waiver => "WAIVER",
            Self::Refund => "REFUND",
            Self::WriteOff => "WRITE_OFF",
            Self::Reversal => "REVERSAL",
        }
    }

    /// A kind by the word stored in the database.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        const KINDS: [JournalKind; 14] = [
            JournalKind::Disbursement,
            JournalKind::PayoutReturn,
            JournalKind::Accrual,
            JournalKind::Due,
            JournalKind::Receipt,
            JournalKind::ReceiptReturn,
            JournalKind::ExcessApplied,
            JournalKind::Fee,
            JournalKind::Penal,
            JournalKind::FeeGivenBack,
            JournalKind::Waiver,
            JournalKind::Refund,
            JournalKind::WriteOff,
            JournalKind::Reversal,
        ];
        KINDS.into_iter().find(|kind| kind.name() == name)
    }

    /// What a borrower reads in the statement.
    #[must_use]
    pub fn narration(self) -> &'static str {
        match self {
            Self::Disbursement => "Loan disbursed",
            Self::PayoutReturn => "Disbursement returned",
            Self::Accrual => "Interest accrued",
            Self::Due => "Interest due",
            Self::Receipt => "Payment received",
            Self::ReceiptReturn => "Payment returned",
            Self::ExcessApplied => "Advance applied",
            Self::Fee => "Fee",
            Self::Penal => "Penal charge",
            Self::FeeGivenBack => "Given back of what was kept from the payout",
            Self::Waiver => "Waiver",
            Self::Refund => "Excess refunded",
            Self::WriteOff => "Written off",
            Self::Reversal => "Correction",
        }
    }
}

/// A balanced set of postings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The day on which it counts.
    pub value_date: NaiveDate,
    /// What it is for.
    pub kind: JournalKind,
    /// Makes the same journal impossible twice, e.g. the bank key or the number of the instalment.
    pub reference: String,
    /// At least two, summing to zero, one for each account.
    pub postings: Vec<Posting>,
}

impl Journal {
    /// A journal of debits (positive) and credits (negative); sides of zero are left out. Nothing when all are zero.
    #[must_use]
    pub fn new(
        value_date: NaiveDate,
        kind: JournalKind,
        reference: impl Into<String>,
        sides: &[(LedgerAccount, Paise)],
    ) -> Option<Self> {
        let mut postings: Vec<Posting> = Vec::new();
        for (account, amount) in sides.iter().filter(|(_, amount)| *amount != Paise::ZERO) {
            match postings.iter_mut().find(|posting| posting.account == *account) {
                Some(posting) => posting.amount = posting.amount.saturating_add(*amount),
                None => postings.push(Posting { account: *account, amount: *amount }),
            }
        }
        postings.retain(|posting| posting.amount != Paise::ZERO);
        (!postings.is_empty()).then(|| Self { value_date, kind, reference: reference.into(), postings })
    }

    /// What it adds to one account.
    #[must_use]
    pub fn on(&self, account: LedgerAccount) -> Paise {
        self.postings.iter().find(|posting| posting.account == account).map_or(Paise::ZERO, |posting| posting.amount)
    }
}

/// The negative of an amount: the credit beside a debit.
#[must_use]
pub fn credit(amount: Paise) -> Paise {
    Paise(amount.0.saturating_neg())
}

/// A paid tranche: principal owed, money gone, fees kept (gross = net + fees), told apart by who gets them. What is
/// kept beside the fees is interest of the broken first period, paid upfront.
#[must_use]
pub fn disbursement(
    value_date: NaiveDate,
    reference: &str,
    (gross, net): (Paise, Paise),
    fees: &[FeeLine],
) -> Option<Journal> {
    let mut sides = vec![(LedgerAccount::PrincipalReceivable, gross), (LedgerAccount::Bank, credit(net))];
    let mut kept = gross.saturating_sub(net);
    for fee in fees {
        let account = match fee.payee {
            Payee::Lender => LedgerAccount::FeeIncome,
            Payee::ThirdParty => LedgerAccount::ThirdPartyPayable,
        };
        sides.extend([(account, credit(fee.amount)), (LedgerAccount::GstPayable, credit(fee.tax))]);
        kept = kept.saturating_sub(fee.total());
    }
    sides.push((LedgerAccount::InterestIncome, credit(kept)));
    Journal::new(value_date, JournalKind::Disbursement, reference, &sides)
}

//! What must hold before a summary or a statement is told (`lending.md` §2.9). What does not is a mistake in the book: the
//! answer is refused, and people are told.

use super::Loan;
use super::account::Account;
use crate::domain::book::{Line, Side};
use crate::domain::maths::money::Paise;

/// One thing that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Each row of the statement moves the balance by its amount, and the last one says what the account says.
    Statement,
    /// Every paisa received has its place: `amountRepaid` and what was given back are what was paid of principal,
    /// interest, charges and fees, what is held, and what was recovered after a write-off.
    Receipts,
    /// What was paid out, less the principal that was paid, waived and written off, is the principal that is owed.
    Principal,
    /// The instalments of a loan that nothing has changed sum to the total of its key facts statement.
    Schedule,
}

impl Check {
    /// In a log line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Statement => "statement",
            Self::Receipts => "receipts",
            Self::Principal => "principal",
            Self::Schedule => "schedule",
        }
    }
}

/// The first check that a loan as it stands does not pass. A handful of sums over its instalments.
#[must_use]
pub fn of_loan(loan: &Loan) -> Option<Check> {
    let account = loan.account.as_ref();
    if account.is_some_and(|account| !receipts(account)) {
        return Some(Check::Receipts);
    }
    if account.is_some_and(|account| !principal(account)) {
        return Some(Check::Principal);
    }
    (!schedule(loan)).then_some(Check::Schedule)
}

/// The same with the lines of the loan's statement, from its beginning to its end.
#[must_use]
pub fn of_statement(loan: &Loan, all: &[Line]) -> Option<Check> {
    let mut balance = Paise::ZERO;
    let follows = all.iter().all(|line| {
        balance = match line.side {
            Side::Withdrawal => balance.saturating_add(line.amount),
            // Below zero where the lender owes.
            Side::Deposit => Paise(balance.0.saturating_sub(line.amount.0)),
        };
        balance == line.closing
    });
    let owed = loan.account.as_ref().map_or(Paise::ZERO, Account::balance);
    if !follows || balance != owed {
        return Some(Check::Statement);
    }
    of_loan(loan)
}

fn receipts(account: &Account) -> bool {
    let totals = &account.totals;
    // Below zero where more was given back than was the borrower's.
    let kept = totals.received.0.saturating_sub(totals.refunded.0).saturating_add(totals.given_back.0);
    let came = Paise(kept).saturating_add(totals.given_up_claim);
    came == sum([totals.principal, totals.interest, totals.penal, totals.fee, account.excess, totals.recovered])
}

fn principal(account: &Account) -> bool {
    let totals = &account.totals;
    let gone = sum([totals.principal, totals.waived_principal, totals.written_off]);
    account.contract.terms.principal.saturating_sub(gone) == account.principal_outstanding()
}

fn schedule(loan: &Loan) -> bool {
    let told = loan.offer.total;
    match &loan.account {
        Some(account) if account.version > 1 || account.contract.terms != loan.offer.terms => true,
        Some(account) => sum(account.instalments.iter().map(|instalment| instalment.row.instalment)) == told,
        None => sum(loan.offer.schedule.rows.iter().map(|row| row.instalment)) == told,
    }
}

fn sum(amounts: impl IntoIterator<Item = Paise>) -> Paise {
    amounts.into_iter().fold(Paise::ZERO, Paise::saturating_add)
}

//! Loans and facts in few words, and the check that a book must pass at any time.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::super::{Account, Contract, Fact, Out, Position, Purpose, What};
use crate::domain::book::{Journal, LedgerAccount, statement};
use crate::domain::ids::PaymentId;
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::schedule;
use crate::domain::maths::{DayCount, FirstPeriod, Frequency, Method, Rounding, ScheduleTerms};
use crate::domain::servicing::{AllocationPolicy, FeeLine, Payee, Servicing};

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn rupees(text: &str) -> Paise {
    text.parse().unwrap()
}

/// 12,000 rupees at 12 % in twelve months from 15 Jan 2026, with a fee of 120 and its tax.
pub fn contract() -> Contract {
    Contract {
        terms: ScheduleTerms {
            principal: rupees("12000.00"),
            annual_rate: "12.00".parse().unwrap(),
            installments: 12,
            frequency: Frequency::Monthly,
            method: Method::EqualInstalment,
            rounding: Rounding::PaiseHalfUp,
            day_count: DayCount::Thirty360,
            disbursed_on: day("2026-01-15"),
            first_due: day("2026-02-15"),
            due_day: None,
            first_period: FirstPeriod::Stretch,
            odd_day_count: None,
        },
        servicing: Servicing::default(),
        bounce: rupees("250.00"),
        penal_percent: Decimal::from(24),
        gst_percent: Decimal::from(18),
        apr: Decimal::new(1421, 2),
        cooling_off_days: 3,
        fees: vec![FeeLine {
            code: "PROCESSING".to_owned(),
            name: "Processing fee".to_owned(),
            payee: Payee::Lender,
            amount: rupees("120.00"),
            tax: rupees("21.60"),
        }],
    }
}

/// A loan with everything that was posted.
pub struct Book {
    pub account: Account,
    pub out: Out,
    pub facts: Vec<Fact>,
}

impl Book {
    pub fn open(contract: Contract) -> Self {
        let kept = contract.fees.iter().fold(Paise::ZERO, |sum, fee| sum.saturating_add(fee.total()));
        let odd_days = schedule(&contract.terms).unwrap().upfront_interest;
        let net = contract.terms.principal.saturating_sub(kept).saturating_sub(odd_days);
        let mut out = Out::default();
        let what = What::Disbursed { reference: "BANK-1".to_owned(), net };
        let facts = vec![Fact { value_date: contract.terms.disbursed_on, what }];
        let account = Account::open(contract, "BANK-1", net, &mut out).unwrap();
        Self { account, out, facts }
    }

    /// The day begins.
    pub fn on(&mut self, text: &str) -> &mut Self {
        self.account.advance(Position::open(day(text)), &mut self.out);
        self.check()
    }

    /// The day is over.
    pub fn end_of(&mut self, text: &str) -> &mut Self {
        self.account.advance(Position::closed(day(text)), &mut self.out);
        self.check()
    }

    pub fn happens(&mut self, date: NaiveDate, what: What) -> &mut Self {
        let fact = Fact { value_date: date, what };
        self.account.apply(&fact, &mut self.out);
        self.facts.push(fact);
        self.check()
    }

    pub fn pays(&mut self, date: &str, payment: &str, amount: &str, purpose: Purpose) -> &mut Self {
        let what = received(payment, rupees(amount), purpose, self.account.policy());
        self.happens(day(date), what)
    }

    pub fn is_told(&mut self, date: &str, instalment: u32) -> &mut Self {
        self.happens(day(date), What::Noticed { instalment, message_id: format!("M-{instalment}") })
    }

    /// What an account of the book comes to.
    pub fn sum(&self, account: LedgerAccount) -> Paise {
        sum(&self.out.journals, account)
    }

    pub fn check(&mut self) -> &mut Self {
        check(&self.account, &self.out.journals);
        self
    }
}

pub fn received(payment: &str, amount: Paise, purpose: Purpose, policy: AllocationPolicy) -> What {
    What::Received { payment: PaymentId::from(payment), amount, purpose, policy, utr: None, quoted_on: None }
}

pub fn sum(journals: &[Journal], account: LedgerAccount) -> Paise {
    journals.iter().fold(Paise::ZERO, |sum, journal| sum.saturating_add(journal.on(account)))
}

/// Everything that holds of a book and its account at any time.
pub fn check(account: &Account, journals: &[Journal]) {
    for journal in journals {
        let total: i64 = journal.postings.iter().map(|posting| posting.amount.0).sum();
        assert_eq!(total, 0, "{journal:?}");
    }
    let book = |of| sum(journals, of);
    let written_off = account.ended.is_some_and(|(_, ending)| ending == super::super::Ending::WrittenOff);
    if !written_off {
        assert_eq!(book(LedgerAccount::PrincipalReceivable), account.principal_outstanding(), "principal");
        let interest = account.unpaid().fold(Paise::ZERO, |sum, row| sum.saturating_add(row.interest_left()));
        assert_eq!(book(LedgerAccount::InterestReceivable), interest, "interest due");
        let accrued = if account.is_closed() { Paise::ZERO } else { account.running.posted };
        assert_eq!(book(LedgerAccount::InterestAccrued), accrued, "interest accrued");
        let charges = book(LedgerAccount::FeeReceivable).saturating_add(book(LedgerAccount::PenalReceivable));
        assert_eq!(charges, account.charges_left(), "charges");
    }
    assert_eq!(book(LedgerAccount::BorrowerExcess), Paise(-account.excess.0), "excess");
    assert!(account.claim() <= account.totals.refunded, "the borrower owes what was refunded, at the most");
    for instalment in &account.instalments {
        assert!(instalment.paid_principal <= instalment.row.principal, "{instalment:?}");
        assert!(instalment.paid_interest <= instalment.row.interest, "{instalment:?}");
    }
    let closing = statement(journals).last().map_or(Paise::ZERO, |line| line.closing);
    assert_eq!(closing, account.balance(), "the statement agrees with the account");
    let totals = account.totals;
    let settled = [totals.principal, totals.interest, totals.fee, totals.penal, account.excess, totals.refunded];
    let settled: i64 = settled.iter().map(|amount| amount.0).sum();
    assert_eq!(
        totals.received.0 + totals.given_back.0 + totals.given_up_claim.0,
        settled + totals.recovered.0,
        "every paisa received has its place"
    );
}

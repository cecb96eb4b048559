//! One of everything that a callback can say about a running loan.

use chrono::NaiveDate;
use ocen_lender::domain::application::answer::Content;
use ocen_lender::domain::application::facets::{AccountSetup, RepaymentSetup};
use ocen_lender::domain::application::form::{LoanType, Tenure, TenureUnit};
use ocen_lender::domain::ids::{DisputeId, LoanId, PaymentId};
use ocen_lender::domain::loan::account::{AssetClass, Ending, PayOff, Purpose, Split};
use ocen_lender::domain::loan::content::{
    DisputeContent, DueView, InstalmentView, ListedLoan, LoanContent, LoanHead, LoanStatus, RepaymentContent,
    RepaymentStatus, StatementContent, StatementRow, SummaryContent,
};
use ocen_lender::domain::loan::dispute::{DisputeStatus, STATUSES};
use ocen_lender::domain::loan::quote::{Quote, Quotes};
use ocen_lender::domain::maths::Frequency;
use ocen_lender::domain::maths::money::Paise;

use super::answers::{deal, form, now, offer};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn loan_id() -> LoanId {
    LoanId::from("LON-1")
}

/// A payment in some status; with none there is no payment at all.
pub fn payment(status: Option<RepaymentStatus>) -> RepaymentContent {
    let (known, settled) = (status.is_some(), status == Some(RepaymentStatus::Success));
    let failed = status == Some(RepaymentStatus::Failure);
    RepaymentContent {
        loan_id: loan_id(),
        payment_id: PaymentId::from(if known { "PAY-1" } else { "NONE" }),
        asked_id: known.then(|| PaymentId::from("LSP-PAY-1")),
        status,
        purpose: known.then_some(Purpose::Instalment),
        quote: None,
        amount: known.then_some(Paise(1_041_283)),
        instalment: known.then_some(1),
        method: known.then(|| "UPI".to_owned()),
        url: known.then(|| "https://pay.example/pay/1".to_owned()),
        expires_at: (known && !settled).then(now),
        split: known.then_some(Split {
            principal: Paise(1_000_000),
            interest: Paise(30_000),
            fee: Paise(11_000),
            penal: Paise(283),
            excess: Paise::ZERO,
        }),
        utr: settled.then(|| "609512345678".to_owned()),
        value_date: settled.then(|| day("2026-02-05")),
        at: known.then(now),
        failure: failed.then(|| "insufficient funds".to_owned()),
        returned: failed,
    }
}

fn quote() -> Quote {
    Quote { id: "Q-20260205-0011223344556677".to_owned(), hash: "00".repeat(32), valid_till: now() }
}

/// Where the loan stands.
pub fn head(status: LoanStatus, ending: Option<Ending>) -> LoanHead {
    LoanHead {
        loan_id: loan_id(),
        loan_application_id: "APP-1".into(),
        status,
        created_at: now(),
        start: day("2026-01-05"),
        end: day("2026-04-05"),
        ending,
    }
}

fn due(number: u32) -> DueView {
    let due_date = day(&format!("2026-{:02}-05", number + 1));
    DueView { number, due_date, amount: Paise(1_041_283), principal: Paise(1_009_209), interest: Paise(32_074) }
}

fn pay_off(given_back: Paise) -> PayOff {
    PayOff {
        on: day("2026-02-06"),
        principal: Paise(3_059_500),
        interest: Paise(33_133),
        fees: Paise(59_000),
        penal: Paise(685),
        charge: Paise(118_000),
        given_back,
        excess: Paise(100),
        total: Paise(3_270_218),
    }
}

/// A summary of a loan of three instalments of which the first is due.
pub fn summary(head: LoanHead, current: Option<u32>, next: Option<u32>) -> SummaryContent {
    let open = head.ending.is_none();
    let view = |row| InstalmentView { row, due: true, paid: Paise(5), settled_on: (!open).then(|| day("2026-02-05")) };
    SummaryContent {
        head,
        as_of: day("2026-02-06"),
        current: current.map(due),
        next: next.map(due),
        principal_paid: Paise(0),
        interest_paid: Paise(1),
        penalty_paid: Paise(2),
        fees_paid: Paise(3),
        principal_pending: Paise(3_059_500),
        interest_pending: Paise(64_349),
        interest_due: Paise(32_074),
        interest_accrued: Paise(1_059),
        penalty_pending: Paise(685),
        fees_pending: Paise(59_000),
        amount_disbursed: Paise(3_059_500),
        amount_repaid: Paise(6),
        given_back: Paise::ZERO,
        recovered: Paise::ZERO,
        excess: Paise(100),
        waived: Paise(7),
        written_off: Paise(8),
        payable: Paise(1_100_968),
        tenure: Tenure { duration: 3, unit: TenureUnit::Month },
        description: "Loan against an invoice".into(),
        days_past_due: current.map(|_| 1),
        class: if current.is_some() { AssetClass::Sma0 } else { AssetClass::Standard },
        quotes: Quotes { foreclosure: open.then(quote), cooling_off_exit: open.then(quote) },
        foreclosure: open.then(|| pay_off(Paise::ZERO)),
        cooling_off_exit: open.then(|| pay_off(Paise(35_460))),
        cooling_off_ends: open.then(|| day("2026-01-08")),
        instalments: offer(Frequency::Monthly).schedule.rows.into_iter().map(view).collect(),
    }
}

/// A loan with everything set up, or with nothing but its offer.
pub fn loan(head: LoanHead, set_up: bool) -> LoanContent {
    let mut deal = deal();
    if !set_up {
        deal.repayment = RepaymentSetup::None;
        deal.account = AccountSetup::None;
    }
    LoanContent {
        head,
        loan_type: LoanType::Cashflow,
        form: form(),
        account: deal.account.active().cloned(),
        agreement_url: set_up.then(|| "https://pay.example/agreement/1".to_owned()),
        deal,
        schedule: offer(Frequency::Weekly).schedule.rows,
        schedule_version: 2,
        takes_payments: set_up,
    }
}

/// A statement of a payout and a payment.
pub fn statement(rows: bool) -> StatementContent {
    let row = |date: &str, amount: Paise, deposit, closing| StatementRow {
        date: day(date),
        narration: if deposit { "Payment received" } else { "Loan paid out" }.to_owned(),
        reference: "004618602124".into(),
        amount,
        deposit,
        closing,
    };
    let all = vec![
        row("2026-01-05", Paise(3_059_500), false, Paise(3_059_500)),
        row("2026-02-05", Paise(3_060_000), true, Paise(-500)),
    ];
    StatementContent {
        loan_id: loan_id(),
        from: rows.then(|| day("2026-01-01")),
        to: None,
        opening: Paise::ZERO,
        closing: if rows { Paise(-500) } else { Paise::ZERO },
        rows: if rows { all } else { vec![] },
    }
}

/// An item of a list.
pub fn listed(status: LoanStatus) -> ListedLoan {
    ListedLoan { head: head(status, None), deal: deal(), agreement_url: None, principal_pending: Paise(3_059_500) }
}

/// A dispute in some status; with none it was refused.
pub fn dispute(status: Option<DisputeStatus>) -> DisputeContent {
    DisputeContent {
        id: DisputeId::from(if status.is_some() { "DSP-1" } else { "" }),
        loan_id: status.map(|_| loan_id()),
        description: status.map(|_| "debited twice".to_owned()),
        status,
        note: status.filter(|status| *status == DisputeStatus::Resolved).map(|_| "returned".to_owned()),
        at: status.map(|_| now()),
        url: status.map(|_| "https://loans.example/dispute/91d3e7".to_owned()),
    }
}

/// Every kind of content with the operations that send it.
pub fn contents() -> Vec<(&'static str, Content)> {
    use RepaymentStatus::{Failure, PendingAuth, Success};
    let mut all = Vec::new();
    for operation in ["triggerRepayment", "triggerRepaymentStatus", "confirmRepayment"] {
        for status in [None, Some(PendingAuth), Some(Success), Some(Failure)] {
            all.push((operation, Content::Repayment(payment(status))));
        }
        for method in ["ENACH", "NEFT"] {
            let content = RepaymentContent { method: Some(method.into()), ..payment(Some(PendingAuth)) };
            all.push((operation, Content::Repayment(content)));
        }
    }
    for status in [LoanStatus::Granted, LoanStatus::Overdue, LoanStatus::Defaulted, LoanStatus::Completed] {
        let ending = (status == LoanStatus::Completed).then_some(Ending::Foreclosed);
        for (current, next) in [(None, None), (None, Some(1)), (Some(1), Some(2)), (Some(3), None)] {
            all.push(("loanSummary", Content::Summary(Box::new(summary(head(status, ending), current, next)))));
        }
        for set_up in [true, false] {
            all.push(("getLoan", Content::Loan(Box::new(loan(head(status, ending), set_up)))));
        }
        all.push(("listLoans", Content::Loans { loans: vec![listed(status), listed(status)] }));
    }
    all.push(("listLoans", Content::Loans { loans: vec![] }));
    all.extend([true, false].map(|rows| ("loanStatement", Content::Statement(statement(rows)))));
    for operation in ["raiseDispute", "disputeStatus"] {
        all.extend(STATUSES.map(|status| (operation, Content::Dispute(dispute(Some(status))))));
        all.push((operation, Content::Dispute(dispute(None))));
    }
    all
}

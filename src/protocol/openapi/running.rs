//! The example loan while it runs: paid out, and on the day on which its instalment falls due. The account and its
//! journals are those that the domain makes of these facts.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::DocumentError;
use super::sample::{APPLICATION, BORROWER_URL, LOAN};
use crate::domain::application::answer::Content;
use crate::domain::application::facets::Deal;
use crate::domain::application::form::Form;
use crate::domain::book::{JournalKind, Line, Side, statement};
use crate::domain::calendar::end_of_day;
use crate::domain::ids::{DisputeId, LoanId, PaymentId};
use crate::domain::loan::account::{Account, Fact, Instalment, Out, Position, Purpose, Split, What, replay};
use crate::domain::loan::content::{
    DisputeContent, DueView, InstalmentView, ListedLoan, LoanContent, LoanHead, LoanStatus, RepaymentContent,
    RepaymentStatus, StatementContent, StatementRow, SummaryContent,
};
use crate::domain::loan::dispute::DisputeStatus;
use crate::domain::loan::quote::{Quote, Quotes};
use crate::domain::maths::money::Paise;

/// What the lender answers to the example dispute.
pub(super) const REPLY: &str = "The second debit went back to the account it came from.";
/// The payment of the example requests.
const PAYMENT: &str = "PAY-1";
/// The bank's reference of the payout.
const PAYOUT_UTR: &str = "N005261234567890";
/// The bank's reference of the payment.
const UTR: &str = "609512345678";

/// The example loan on its due date.
pub(super) struct Running<'a> {
    form: &'a Form,
    deal: &'a Deal,
    granted_at: DateTime<Utc>,
    today: NaiveDate,
    account: Account,
}

impl<'a> Running<'a> {
    /// Pays the example loan out and lets time pass until its instalment falls due.
    pub(super) fn paid_out(form: &'a Form, deal: &'a Deal, granted_at: DateTime<Utc>) -> Result<Self, DocumentError> {
        let today = deal.offer.terms.first_due;
        let (account, _) = life(deal, Vec::new(), today)?;
        Ok(Self { form, deal, granted_at, today, account })
    }

    /// What one of the calls about a running loan is told.
    pub(super) fn content(&self, operation: &'static str) -> Result<Content, DocumentError> {
        Ok(match operation {
            "triggerRepayment" => Content::Repayment(self.payment(RepaymentStatus::PendingAuth)),
            "triggerRepaymentStatus" | "confirmRepayment" => Content::Repayment(self.payment(RepaymentStatus::Success)),
            "loanSummary" => Content::Summary(Box::new(self.summary())),
            "getLoan" => Content::Loan(Box::new(self.loan())),
            "loanStatement" => Content::Statement(self.statement()?),
            "listLoans" => Content::Loans { loans: vec![self.listed()] },
            other => return Err(DocumentError::Missing(other)),
        })
    }

    /// Half past one in the afternoon, Indian standard time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.today.and_time(NaiveTime::MIN).and_utc() + chrono::Duration::hours(8)
    }

    fn head(&self) -> LoanHead {
        LoanHead {
            loan_id: LoanId(LOAN.to_owned()),
            loan_application_id: APPLICATION.to_owned(),
            status: LoanStatus::Granted,
            created_at: self.granted_at,
            start: self.deal.offer.terms.disbursed_on,
            end: self.account.instalments.last().map_or(self.today, |last| last.row.due_date),
            ending: None,
        }
    }

    fn payment(&self, status: RepaymentStatus) -> RepaymentContent {
        let settled = status == RepaymentStatus::Success;
        let (now, due) = (self.now(), self.account.unpaid().next());
        RepaymentContent {
            loan_id: LoanId(LOAN.to_owned()),
            payment_id: PaymentId(PAYMENT.to_owned()),
            asked_id: None,
            status: Some(status),
            purpose: Some(Purpose::Instalment),
            quote: None,
            amount: Some(self.account.payable(self.today)),
            instalment: due.map(|due| due.row.number),
            method: Some("UPI".to_owned()),
            url: (!settled).then(|| format!("{BORROWER_URL}/pay/8c2vk1")),
            expires_at: (!settled).then(|| now + chrono::Duration::hours(24)),
            split: due.map(|due| Split {
                principal: due.principal_left(),
                interest: due.interest_left(),
                ..Split::default()
            }),
            utr: settled.then(|| UTR.to_owned()),
            value_date: settled.then_some(self.today),
            at: Some(now),
            failure: None,
            returned: false,
        }
    }

    fn summary(&self) -> SummaryContent {
        let account = &self.account;
        let interest = |rows: &mut dyn Iterator<Item = &Instalment>| {
            rows.fold(Paise::ZERO, |sum, row| sum.saturating_add(row.interest_left()))
        };
        SummaryContent {
            head: self.head(),
            as_of: self.today,
            current: account.unpaid().next().map(due),
            next: account.next_due().map(due),
            principal_paid: account.totals.principal,
            interest_paid: account.totals.interest,
            penalty_paid: account.totals.penal,
            fees_paid: account.totals.fee,
            principal_pending: account.principal_outstanding(),
            interest_pending: interest(&mut account.instalments.iter()),
            interest_due: interest(&mut account.unpaid()),
            interest_accrued: account.accrued(self.today),
            penalty_pending: account.all_penal_running(self.today),
            fees_pending: account.charges_left(),
            amount_disbursed: self.deal.offer.sanctioned,
            amount_repaid: account.totals.received,
            given_back: account.totals.given_back,
            recovered: account.totals.recovered,
            excess: account.excess,
            waived: account.totals.waived,
            written_off: account.totals.written_off,
            payable: account.payable(self.today),
            tenure: self.deal.offer.tenure,
            description: "Loan against an invoice".to_owned(),
            days_past_due: account.days_past_due(self.today),
            class: account.class,
            quotes: Quotes {
                foreclosure: account.foreclosure(self.today).is_ok().then(|| quote(self.today)),
                cooling_off_exit: account.cooling_off_exit(self.today).is_ok().then(|| quote(self.today)),
            },
            foreclosure: account.foreclosure(self.today).ok(),
            cooling_off_exit: account.cooling_off_exit(self.today).ok(),
            cooling_off_ends: Some(account.cooling_off_ends()),
            instalments: account.instalments.iter().map(view).collect(),
        }
    }

    fn loan(&self) -> LoanContent {
        LoanContent {
            head: self.head(),
            loan_type: self.form.loan_type,
            form: self.form.clone(),
            deal: self.deal.clone(),
            agreement_url: Some(format!("{BORROWER_URL}/agreement/OFF-1")),
            account: self.deal.account.active().cloned(),
            schedule: self.account.instalments.iter().map(|instalment| instalment.row).collect(),
            schedule_version: self.account.version,
            takes_payments: true,
        }
    }

    /// The whole life of the loan: its payment has come in.
    fn statement(&self) -> Result<StatementContent, DocumentError> {
        let received = What::Received {
            payment: PaymentId(PAYMENT.to_owned()),
            amount: self.account.payable(self.today),
            purpose: Purpose::Instalment,
            policy: self.account.policy(),
            utr: Some("004618602125".to_owned()),
            quoted_on: None,
        };
        let (_, out) = life(self.deal, vec![Fact { value_date: self.today, what: received }], self.today)?;
        let rows: Vec<StatementRow> = statement(&out.journals).into_iter().map(row).collect();
        Ok(StatementContent {
            loan_id: LoanId(LOAN.to_owned()),
            from: NaiveDate::from_ymd_opt(2026, 1, 1),
            to: NaiveDate::from_ymd_opt(2026, 4, 30),
            opening: Paise::ZERO,
            closing: rows.last().map_or(Paise::ZERO, |last| last.closing),
            rows,
        })
    }

    fn listed(&self) -> ListedLoan {
        ListedLoan {
            head: self.head(),
            deal: self.deal.clone(),
            agreement_url: Some(format!("{BORROWER_URL}/agreement/OFF-1")),
            principal_pending: self.account.principal_outstanding(),
        }
    }
}

/// What the payout and later facts come to.
fn life(deal: &Deal, later: Vec<Fact>, to: NaiveDate) -> Result<(Account, Out), DocumentError> {
    let offer = &deal.offer;
    let paid_out = What::Disbursed { reference: PAYOUT_UTR.to_owned(), net: offer.net_disbursed };
    let mut facts = vec![Fact { value_date: offer.terms.disbursed_on, what: paid_out }];
    facts.extend(later);
    let replayed = replay(offer, &facts, Position::open(to)).ok();
    let missing = DocumentError::Missing("the account of the example loan");
    replayed.and_then(|replayed| Some((replayed.account?, replayed.out))).ok_or(missing)
}

fn due(instalment: &Instalment) -> DueView {
    DueView {
        number: instalment.row.number,
        due_date: instalment.row.due_date,
        amount: instalment.left(),
        principal: instalment.principal_left(),
        interest: instalment.interest_left(),
    }
}

fn view(instalment: &Instalment) -> InstalmentView {
    InstalmentView {
        row: instalment.row,
        due: instalment.billed,
        paid: instalment.paid_principal.saturating_add(instalment.paid_interest),
        settled_on: instalment.settled_on,
    }
}

fn row(line: Line) -> StatementRow {
    let (narration, reference) = match line.kind {
        JournalKind::Disbursement => ("Loan paid out", line.reference),
        JournalKind::Due => ("Interest due", line.reference),
        _ => ("Payment received", UTR.to_owned()),
    };
    StatementRow {
        date: line.date,
        narration: narration.to_owned(),
        reference,
        amount: line.amount,
        deposit: line.side == Side::Deposit,
        closing: line.closing,
    }
}

/// A quote of the example loan; its hash is of nothing.
fn quote(today: NaiveDate) -> Quote {
    let hash = "8f14e45fceea167a5a36dedd4bea2543".repeat(2);
    let id = format!("Q-{}-{}", today.format("%Y%m%d"), hash.get(..16).unwrap_or_default());
    Quote { id, hash, valid_till: end_of_day(today).unwrap_or_default() }
}

/// The dispute of the example request, as it stands at some time.
pub(super) fn dispute(status: DisputeStatus, note: Option<&str>, at: DateTime<Utc>) -> Content {
    Content::Dispute(DisputeContent {
        id: DisputeId("DSP-1".to_owned()),
        loan_id: Some(LoanId(LOAN.to_owned())),
        description: Some("The instalment of April was debited twice.".to_owned()),
        status: Some(status),
        note: note.map(str::to_owned),
        at: Some(at),
        url: Some("https://loans.lender.example/dispute/91d3e7".to_owned()),
    })
}

//! Outcomes for random traffic: for each question what may come back, the good outcome first.

use super::findings::{
    account_verified, acknowledged, approve, consent_ready, decline, done, handle, kyc_done, mandate, needs_document,
    needs_step, notified, paid, pass, prepared, refused, unknown,
};
use super::fixtures::{account, rupees};
use super::table_events::NEVER;
use crate::domain::application::ask::{
    Ask, Collection, ComingDebit, Finding, NEVER_RECEIVED, NewAsk, Outcome, PayOrder,
};
use crate::domain::application::facets::ConsentPurpose;
use crate::domain::application::notice::{Notice, NoticeKind};
use crate::domain::ids::{ApplicationId, LoanId, PaymentId, PlanId};
use crate::domain::maths::money::Paise;

/// One of the outcomes that a question may have.
pub fn any_outcome(new: &NewAsk, choice: usize) -> Outcome {
    // Handles and references are unique; the newest target's number makes them so.
    let serial = new.targets.iter().fold(String::new(), |text, (id, number)| format!("{text}{id}-{number}."));
    let hashes = vec!["hash"; new.targets.len()];
    let mut outcomes = match &new.ask {
        Ask::Eligibility | Ask::FinalCheck => vec![pass(), decline(), needs_document(), needs_step()],
        Ask::Offers => vec![approve(), decline(), needs_document(), needs_step()],
        Ask::FetchData { .. } | Ask::SendOtp { .. } | Ask::CancelMandate { .. } | Ask::ConsentRevoke { .. } => {
            vec![acknowledged()]
        }
        Ask::CancelLink { .. } => vec![acknowledged(), collected()],
        Ask::AnnounceDebit(_) => vec![acknowledged(), refused("NO_MANDATE")],
        Ask::PaymentLink(_) => vec![link_created(&serial)],
        Ask::LinkStatus { .. } | Ask::Present(_) => vec![collected()],
        Ask::Refund(_) => vec![paid()],
        Ask::ConsentCreate { purpose, .. } => vec![handle(&format!("{purpose:?}-{serial}"))],
        Ask::ConsentStatus { .. } => {
            vec![consent_ready(), done(Finding::ConsentPending), done(Finding::ConsentFailed)]
        }
        Ask::Kyc => vec![kyc_done()],
        Ask::PrepareAgreement { .. } => vec![prepared(&hashes), prepared(&[])],
        Ask::VerifyAccount { .. } => vec![account_verified()],
        Ask::RegisterMandate { .. } => vec![mandate(&serial)],
        Ask::MandateStatus { .. } => vec![done(Finding::MandateActive), done(Finding::MandateInactive)],
        Ask::Pay(_) => vec![paid(), refused(NEVER_RECEIVED)],
        Ask::Notify(notice) => vec![notified(&notice.key)],
    };
    outcomes.extend([refused("NO"), unknown()]);
    outcomes.swap_remove(choice % outcomes.len())
}

/// A question of any kind that was never asked, and so is no current one.
pub fn dead(which: usize, application: ApplicationId) -> NewAsk {
    let plan = PlanId::from("RP-dead");
    let asks = [
        Ask::Eligibility,
        Ask::FetchData { consent_id: None },
        Ask::Offers,
        Ask::ConsentCreate {
            purpose: ConsentPurpose::Data,
            vua: String::new(),
            aggregation_id: None,
            aggregated: None,
            lsp: None,
        },
        Ask::ConsentStatus { purpose: ConsentPurpose::Monitoring, handle: "dead".to_owned() },
        Ask::ConsentRevoke { purpose: ConsentPurpose::Monitoring, handle: "dead".to_owned() },
        Ask::Kyc,
        Ask::PrepareAgreement { app_token: None },
        Ask::SendOtp { session_key: "dead".to_owned(), document_hashes: Vec::new(), app_token: None },
        Ask::VerifyAccount { account: account("dead") },
        Ask::RegisterMandate { plan: plan.clone() },
        Ask::MandateStatus { plan: plan.clone(), reference: "dead".to_owned(), again: false },
        Ask::CancelMandate { plan, reference: "dead".to_owned() },
        Ask::FinalCheck,
        Ask::Pay(dead_order("L-dead".to_owned())),
        Ask::Notify(dead_notice()),
        Ask::PaymentLink(dead_collection()),
        Ask::LinkStatus { collection: dead_collection(), reference: "dead".to_owned() },
        Ask::CancelLink { collection: dead_collection(), reference: "dead".to_owned() },
        Ask::AnnounceDebit(dead_debit()),
        Ask::Present(dead_collection()),
    ];
    let ask = asks[which % asks.len()].clone();
    NewAsk { ask, targets: vec![(application, NEVER)], exchange: None, not_before: None }
}

fn collected() -> Outcome {
    let value_date = "2026-11-02".parse().expect("a date");
    done(Finding::Collected { utr: "UTR".to_owned(), value_date, amount: None })
}

fn link_created(serial: &str) -> Outcome {
    done(Finding::LinkCreated { reference: serial.to_owned(), url: format!("https://pay.example/{serial}") })
}

fn dead_debit() -> ComingDebit {
    let due_on = "2026-12-05".parse().expect("a date");
    let mandate = "dead".to_owned();
    ComingDebit { loan_id: LoanId::from("L-dead"), instalment: 1, due_on, amount: Paise(1), mandate }
}

fn dead_collection() -> Collection {
    Collection {
        loan_id: LoanId::from("L-dead"),
        payment_id: PaymentId::from("PAY-dead"),
        key: "dead".to_owned(),
        amount: Paise(1),
        instalment: None,
        method: None,
        mandate: None,
        expires_at: None,
    }
}

fn dead_notice() -> Notice {
    let (kind, loan_id) = (NoticeKind::LoanClosed, Some(LoanId::from("L-dead")));
    Notice {
        kind,
        loan_id,
        instalment: None,
        amount: None,
        key: "dead".to_owned(),
        text: "Your loan is closed.".to_owned(),
    }
}

/// An order under a bank key that no payout has.
pub fn dead_order(loan_id: String) -> PayOrder {
    PayOrder {
        loan_id: LoanId(loan_id),
        payment_id: PaymentId::from("P-dead"),
        tranche: 1,
        attempt: 0,
        bank_key: "dead".to_owned(),
        net: rupees("1"),
        account: account("A1"),
    }
}

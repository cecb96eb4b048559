//! What the lender's systems say, in one word each.

use super::fixtures::rupees;
use crate::domain::application::ask::{Approval, Finding, Outcome};
use crate::domain::application::facets::AgreementText;
use crate::domain::application::stage::{Action, ActionType, Rejection, RejectionReason};

pub fn done(finding: Finding) -> Outcome {
    Outcome::Done { finding }
}

pub fn refused(code: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), detail: format!("refused: {code}") }
}

pub fn unknown() -> Outcome {
    Outcome::Unknown { reference: None }
}

pub fn acknowledged() -> Outcome {
    done(Finding::Acknowledged)
}

pub fn pass() -> Outcome {
    done(Finding::Pass)
}

pub fn decline() -> Outcome {
    let reason = RejectionReason::LowCreditScore;
    done(Finding::Decline { reasons: vec![Rejection { reason, description: "score".to_owned() }] })
}

/// Something that the borrower can do without filing the application anew.
pub fn needs_step() -> Outcome {
    done(Finding::NeedsAction { actions: vec![action(ActionType::Other)] })
}

pub fn needs_document() -> Outcome {
    done(Finding::NeedsAction { actions: vec![action(ActionType::AddDocument)] })
}

fn action(action_type: ActionType) -> Action {
    Action {
        action_type,
        description: "something is missing".to_owned(),
        object: "documents".to_owned(),
        value: String::new(),
        url: None,
    }
}

pub fn approval(amount: &str) -> Approval {
    Approval { amount: rupees(amount), installments: None, annual_rate: None, valid_days: None }
}

/// Two offers, the better one first.
pub fn approve() -> Outcome {
    done(Finding::Approve { offers: vec![approval("100000"), approval("60000")] })
}

pub fn handle(handle: &str) -> Outcome {
    done(Finding::ConsentCreated { handle: handle.to_owned() })
}

pub fn consent_ready() -> Outcome {
    done(Finding::ConsentReady { consent_id: "consent-id".to_owned(), data_life_ends: None })
}

pub fn prepared(hashes: &[&str]) -> Outcome {
    let text = |hash: &&str| AgreementText { hash: (*hash).to_owned(), url: format!("/agreement/{hash}"), text: None };
    done(Finding::Prepared { agreements: hashes.iter().map(text).collect() })
}

pub fn mandate(reference: &str) -> Outcome {
    let payment_url = format!("https://pay.example/{reference}");
    done(Finding::MandateRegistered { reference: reference.to_owned(), payment_url })
}

pub fn kyc_done() -> Outcome {
    done(Finding::KycDone { reference: "kyc-1".to_owned() })
}

pub fn account_verified() -> Outcome {
    done(Finding::AccountVerified { reference: "name-match".to_owned() })
}

pub fn paid() -> Outcome {
    let value_date = "2026-11-02".parse().expect("a date");
    done(Finding::Paid { utr: "UTR1".to_owned(), value_date })
}

pub fn notified(key: &str) -> Outcome {
    done(Finding::Notified { message_id: format!("MSG-{key}") })
}

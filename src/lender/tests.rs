//! The built-in decision and the HTTP adapter, and the application that port tests ask about.

mod adapter;
mod decision;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Call;
use crate::clock::business_date;
use crate::domain::application::Application;
use crate::domain::application::ask::Ask;
use crate::domain::application::facets::Consent;
use crate::domain::application::form::{Borrower, Form, LoanType};
use crate::domain::application::stage::Stage;
use crate::domain::ids::{ApplicationId, BundleId};
use crate::domain::maths::money::Paise;
use crate::telemetry::trace::Span;

/// When the tests play.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T06:30:00Z".parse().unwrap()
}

/// A personal loan of ₹50,000 for Asha Rao.
pub(crate) fn form() -> Form {
    Form {
        loan_type: LoanType::Personal,
        created_at: now(),
        borrower: Borrower {
            primary_id: "ABCPR1234K".to_owned(),
            primary_id_type: "PAN".to_owned(),
            pan: Some("ABCPR1234K".to_owned()),
            name: Some("Asha Rao".to_owned()),
            phone: Some("9876543210".to_owned()),
            email: None,
        },
        collaterals: Vec::new(),
        requested: Paise::from_rupees(50_000),
        tenure: None,
        documents: Vec::new(),
        documents_digest: None,
        echo: String::new(),
    }
}

/// Her application, just checked.
pub(crate) fn application() -> Application {
    Application {
        id: ApplicationId(Uuid::nil()),
        org_id: "LSP-DEMO".into(),
        loan_application_id: "LA-1".to_owned(),
        bundle: BundleId(Uuid::nil()),
        form: form(),
        product: Some("personal".to_owned()),
        stage: Stage::Processing,
        data_consent: Consent::None,
        monitoring_consent: Consent::None,
        aggregation_id: None,
        waiting: Vec::new(),
        otp_sent_at: Vec::new(),
        generation: 0,
        touched_at: now(),
        erased_at: None,
    }
}

/// A first try of a question about one application.
pub(crate) fn call<'a>(key: &str, ask: &'a Ask, subjects: &'a [Application]) -> Call<'a> {
    Call {
        key: key.to_owned(),
        ask,
        subjects,
        otp: None,
        reference: None,
        callback_url: None,
        status_only: false,
        now: now(),
        today: business_date(now()),
        span: Span::within(Uuid::nil(), Uuid::nil()),
    }
}

//! Every kind of callback, written out and held against the published schemas (`ocen-v3.md`
//! appendix D), with the waivers C1, offers in an array, and C3, the end of a payment.

mod answers;
mod loans;
mod told;

use ocen_lender::config::Lender;
use ocen_lender::domain::application::answer::{Answer, Content, GrantStatus, RefusalReason};
use ocen_lender::domain::application::stage::Status;
use ocen_lender::domain::maths::Frequency;
use ocen_lender::engine::{Codec as _, EncodedCallback, Outgoing};
use ocen_lender::lsp::{ActionRequiredSpelling, ErrorCatalogue, OffersShape, Settings, StartDateFormat};
use ocen_lender::protocol::v3::Decoding;
use ocen_lender::protocol::{Codec, OPERATIONS, find};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::answers::{contents, grant, now, offer, offers, payout};
use crate::support::schemas::Schemas;
use crate::support::wire::payment_as_plan;

fn callback(operation: &str, answers: &[Answer], settings: &Settings) -> EncodedCallback {
    let lender = Lender {
        org_id: "LENDER".into(),
        name: "Demo Lender".into(),
        primary_id: "AAACL9999F".into(),
        primary_id_type: "PAN".into(),
        phone: "9000000000".into(),
        email: None,
        grievance_officer: None,
        recovery_agents: vec![],
        transferable: false,
    };
    let outgoing = Outgoing {
        operation,
        request_id: "REQ-1",
        settings,
        lender: &lender,
        answers,
        borrower_url: "https://pay.example",
        resting: &[],
        now: now(),
    };
    Codec.encode(&outgoing).expect("an answer of this operation")
}

fn encode(operation: &str, answers: &[Answer], settings: &Settings) -> String {
    callback(operation, answers, settings).body
}

fn value(operation: &str, answer: Answer, settings: &Settings) -> Value {
    serde_json::from_str(&encode(operation, &[answer], settings)).expect("JSON")
}

/// Settings that change what a callback looks like; the first ones keep to the schema.
fn strict_settings() -> [Settings; 3] {
    let object = Settings { offers_shape: OffersShape::Object, ..Settings::default() };
    let iso = Settings { start_date_format: StartDateFormat::Iso, ..object.clone() };
    let folded = Settings { error_catalogue: ErrorCatalogue::Juspay, ..object.clone() };
    [object, iso, folded]
}

#[test]
fn every_callback_satisfies_the_published_schema() {
    let Some(schemas) = Schemas::load() else { return };
    for (operation, content) in contents() {
        for settings in strict_settings() {
            let answers =
                [Answer::ok(content.clone()), Answer::refused(RefusalReason::WrongState, "not now", content.clone())];
            for answer in answers {
                let body = waived(operation, encode(operation, &[answer], &settings));
                assert_eq!(schemas.callback(operation, &body), Vec::<String>::new(), "{operation}: {body}");
                assert!(!body.contains("null"), "{body}");
            }
        }
    }
}

/// A callback as it would be if the published schema knew how a payment ends (C3).
fn waived(operation: &str, body: String) -> String {
    if !["triggerRepayment", "triggerRepaymentStatus"].contains(&operation) {
        return body;
    }
    let mut message = serde_json::from_str(&body).expect("JSON");
    payment_as_plan(&mut message);
    message.to_string()
}

#[test]
fn the_array_shape_differs_from_the_schema_in_arrays_only() {
    let Some(schemas) = Schemas::load() else { return };
    let answer = Answer::ok(offers(Status::Offered, vec![offer(Frequency::Monthly)]));
    let body = encode("generateOffers", &[answer], &Settings::default());
    let errors = schemas.callback("generateOffers", &body);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("is not of type \"object\"")), "{errors:?}");
}

#[test]
fn a_refused_application_does_not_fail_its_siblings() {
    let settings = Settings::default();
    let ok = || Answer::ok(offers(Status::Processing, vec![]));
    let refused = |reason| Answer::refused(reason, "no", offers(Status::Processing, vec![]));
    let error = |answers: &[Answer]| {
        let body: Value = serde_json::from_str(&encode("generateOffers", answers, &settings)).expect("JSON");
        (body["response"]["error"].clone(), body["loanApplications"][0]["response"]["error"].clone())
    };
    let (not_ready, wrong) = (RefusalReason::ConsentNotReady, RefusalReason::WrongState);
    assert_eq!(error(&[refused(not_ready), ok()]), (json!("0"), json!("GORQ1001")));
    assert_eq!(error(&[ok(), refused(not_ready)]), (json!("0"), Value::Null));
    assert_eq!(error(&[refused(not_ready), refused(wrong)]), (json!("0"), json!("GORQ1001")));
    assert_eq!(error(&[refused(not_ready), refused(not_ready)]), (json!("GORQ1001"), json!("GORQ1001")));
}

#[test]
fn an_offer_tells_its_cost_exactly() {
    let offer = offer(Frequency::Monthly);
    let body = value("generateOffers", Answer::ok(offers(Status::Offered, vec![offer.clone()])), &Settings::default());
    let block = &body["loanApplications"][0]["offers"][0];
    assert_eq!(block["terms"]["extensibleData"]["annualPercentageRate"], "17.07");
    assert_eq!(block["terms"]["extensibleData"]["netDisbursedAmount"], "30240.40");
    assert_eq!(block["terms"]["extensibleData"]["coolingOffPeriod"], json!({"duration": "3", "unit": "DAY"}));
    assert_eq!(block["terms"]["legalAgreement"], json!({"type": "URL", "data": "https://pay.example/agreement/1"}));
    assert_eq!(block["url"], "https://pay.example/kfs/1");
    assert_eq!(block["documents"][0]["data"], "e30=");
    assert_eq!(block["terms"]["charges"]["latePayment"]["data"]["rate"], "24.00");
    let plan = &block["repayment"]["plans"][0];
    assert_eq!((&plan["noOfInstallments"], &plan["noOfInstallment"]), (&json!("3"), &json!("3")));
    assert_eq!(plan["startDate"], "05-02-2026");
    assert_eq!(plan["extensibleData"]["schedule"][0]["instalment"], offer.instalment.to_string());
    let text = encode("generateOffers", &[Answer::ok(offers(Status::Offered, vec![offer]))], &Settings::default());
    assert!(text.contains(r#""amount":354.60"#), "a charge is a JSON number with both decimals: {text}");
}

#[test]
fn action_required_is_spelt_as_each_message_allows() {
    let blank = Settings { action_required_spelling: ActionRequiredSpelling::Blank, ..Settings::default() };
    let status = Status::ActionRequired;
    let body = value("generateOffers", Answer::ok(offers(status, vec![])), &blank);
    assert_eq!(body["loanApplications"][0]["loanApplicationStatus"], "ACTION REQUIRED");
    let set = Content::OfferSet { loan_application_id: "APP-1".into(), status };
    assert_eq!(value("setOffer", Answer::ok(set), &blank)["loanApplicationStatus"], "PROCESSING");
    let granted = value("grantLoan", Answer::ok(grant(GrantStatus::ActionRequired, None)), &blank);
    assert_eq!(granted["loanStatus"], "ACTION_REQUIRED");
    assert_eq!(
        granted["repayment"]["plan"],
        json!({
            "id": "", "automatic": false, "scheduleType": "ONE_TIME", "noOfInstallments": "0",
            "noOfInstallment": "0", "totalAmount": "0.00"
        })
    );
}

#[test]
fn a_callback_goes_to_the_published_path_or_the_lsp_s_own() {
    let own = [("triggerDisbursement".to_owned(), "/v3/disbursement/triggerDisbursementResponse".to_owned())];
    let settings = Settings { callback_path_overrides: own.into_iter().collect(), ..Settings::default() };
    assert_eq!(
        find("triggerDisbursement").and_then(|o| o.answer_path),
        Some("/v3/disbursement/TriggerDisbursementResponse")
    );
    let answers = [Answer::ok(payout(None))];
    let callback = callback("triggerDisbursement", &answers, &settings);
    assert_eq!(callback.path, "/v3/disbursement/triggerDisbursementResponse");
}

#[test]
fn the_ack_has_the_published_shape() {
    let Some(schemas) = Schemas::load() else { return };
    let ack = json!({"error": "GEN5001", "traceId": "t", "timestamp": "2026-01-05T10:00:00.000Z", "detail": "d", "pointer": "/requestId"});
    assert_eq!(schemas.ack(&ack), Vec::<String>::new());
}

/// Any JSON, with the names that requests have, so that decoding gets somewhere.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "loanApplications",
        "loanApplicationId",
        "loanApplicationIds",
        "type",
        "borrower",
        "primaryId",
        "primaryIdType",
        "terms",
        "requestedAmount",
        "offer",
        "plan",
        "account",
        "data",
        "id",
        "consent",
        "credBlock",
        "payment",
        "loanId",
        "collaterals",
        "tenure",
        "duration",
        "unit",
        "contactDetails",
        "documents",
        "extensibleData",
        "purpose",
        "totalAmount",
        "startDate",
        "endDate",
        "dispute",
        "description",
        "collateral",
        "otp",
        "otpSessionKey",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["PAN", "CASHFLOW", "1000.00", "ACCOUNT", "MONTH", "3", "PREPAYMENT", "2026-04-01",])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(names.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_never_panics(message in any_json(), noise in ".{0,64}") {
        for operation in OPERATIONS {
            let decoding = Decoding { now: now() };
            let _ = (operation.decode)(&message.to_string(), &decoding);
            let _ = (operation.decode)(&noise, &decoding);
        }
    }
}

//! The HTTP adapter against a lender's system that writes down what it is asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{application, call};
use crate::clock::Clock;
use crate::config::AdapterConfig;
use crate::domain::application::ask::{Ask, Finding, Outcome, PayOrder};
use crate::domain::application::facets::{Account, AccountTarget};
use crate::domain::application::notice::{Notice, NoticeKind};
use crate::domain::maths::money::Paise;
use crate::lender::http::{ADAPTER_ERROR, Adapter, client};
use crate::lender::webhook::{Keys, Signed};
use crate::lender::{Port as _, PortError};

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

type Asked = (Uri, HeaderMap, Bytes);

/// A lender's system that always answers the same.
struct System {
    answer: (u16, String),
    asked: Mutex<Vec<Asked>>,
}

impl System {
    async fn that_answers(status: u16, body: &Value) -> (Arc<Self>, Adapter) {
        let system = Arc::new(Self { answer: (status, body.to_string()), asked: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/ocen/", listener.local_addr().unwrap());
        let router = Router::new().fallback(Self::listen).with_state(Arc::clone(&system));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = AdapterConfig::at(base.parse().unwrap(), vec![STANDARD.decode(SECRET).unwrap().into()]);
        let adapter = Adapter::new(client(&config.tls).unwrap(), &config, Clock::default());
        (system, adapter)
    }

    #[expect(clippy::unused_async, reason = "axum takes async handlers only")]
    async fn listen(
        State(system): State<Arc<Self>>,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, String) {
        system.asked.lock().unwrap().push((uri, headers, body));
        (StatusCode::from_u16(system.answer.0).unwrap(), system.answer.1.clone())
    }

    fn only_question(&self) -> Asked {
        let asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), 1);
        asked[0].clone()
    }
}

fn pay() -> Ask {
    let target = AccountTarget::Account { ifsc: "HDFC0000001".into(), number: "123456789".into() };
    Ask::Pay(PayOrder {
        loan_id: "LON1".into(),
        payment_id: "P1".into(),
        tranche: 1,
        attempt: 1,
        bank_key: "LSP-DEMO:LON1:1:1".into(),
        net: Paise(4_941_000),
        account: Account { id: "A1".into(), target, holder: None, kind: None },
    })
}

/// The first answer to a question, asked once.
async fn answer_to(ask: &Ask, status: u16, body: Value) -> Result<Outcome, PortError> {
    let (_, adapter) = System::that_answers(status, &body).await;
    adapter.call(call("KEY", ask, &[application()])).await
}

#[tokio::test]
async fn a_question_goes_out_signed_with_what_its_system_needs() {
    let offers = json!([{ "amount": "40000.00", "installments": 6, "annualRate": "15.00" }]);
    let found = json!({ "outcome": "done", "finding": { "finding": "approve", "offers": offers } });
    let (system, adapter) = System::that_answers(200, &found).await;
    let outcome = adapter.call(call("ASK-1", &Ask::Offers, &[application()])).await.unwrap();
    let Outcome::Done { finding: Finding::Approve { offers } } = outcome else { panic!("{outcome:?}") };
    assert_eq!(offers[0].amount, Paise::from_rupees(40_000));

    let (uri, headers, body) = system.only_question();
    assert_eq!(uri.path(), "/ocen/decision/offers");
    let header = |name| headers[name].to_str().unwrap();
    assert_eq!((header("idempotency-key"), header("webhook-id")), ("ASK-1", "ASK-1"));
    let keys = Keys::new(&[STANDARD.decode(SECRET).unwrap().into()]);
    let (timestamp, signature) = (header("webhook-timestamp"), header("webhook-signature"));
    keys.verify(Signed { id: "ASK-1", timestamp, signature }, &body, Clock::default().wall()).unwrap();
    insta::assert_json_snapshot!(serde_json::from_slice::<Value>(&body).unwrap());
}

#[tokio::test]
async fn money_that_may_have_left_is_only_asked_for() {
    let paid = json!({ "finding": "paid", "utr": "UTR1", "valueDate": "2026-11-22" });
    let (system, adapter) = System::that_answers(200, &json!({ "outcome": "done", "finding": paid })).await;
    let (ask, subjects) = (pay(), [application()]);
    let mut again = call("LSP-DEMO:LON1:1:1", &ask, &subjects);
    again.status_only = true;
    let outcome = adapter.call(again).await.unwrap();
    assert!(matches!(outcome, Outcome::Done { finding: Finding::Paid { .. } }));
    let (uri, headers, _) = system.only_question();
    assert_eq!(uri.path(), "/ocen/disbursement/status");
    assert_ne!(headers["idempotency-key"], "LSP-DEMO:LON1:1:1", "it would replay the answer to `pay`");
}

#[tokio::test]
async fn without_money_a_failure_is_asked_again_and_a_refusal_is_final() {
    for status in [500, 503, 429, 425, 408, 409] {
        let answer = answer_to(&Ask::Kyc, status, json!({})).await;
        assert!(matches!(answer, Err(PortError::Later { status: told, .. }) if told == status), "{status}");
    }
    for status in [307, 202] {
        let answer = answer_to(&Ask::Kyc, status, json!({})).await;
        assert!(matches!(answer, Err(PortError::BadAnswer { .. })), "{status}");
    }
    let answer = answer_to(&Ask::Kyc, 422, json!({})).await.unwrap();
    assert!(matches!(answer, Outcome::Refused { code, .. } if code == ADAPTER_ERROR));
    let refusal = json!({ "outcome": "refused", "code": "DOB", "detail": "minor" });
    let answer = answer_to(&Ask::Kyc, 422, refusal).await.unwrap();
    assert!(matches!(answer, Outcome::Refused { code, .. } if code == "DOB"));
}

#[tokio::test]
async fn for_money_only_the_banks_own_word_is_a_refusal() {
    for status in [500, 404, 401, 429, 302, 200] {
        let answer = answer_to(&pay(), status, json!({})).await;
        assert!(answer.is_err(), "{status}: nobody knows");
    }
    let refusal = json!({ "outcome": "refused", "code": "CLOSED", "detail": "account closed" });
    let answer = answer_to(&pay(), 422, refusal).await.unwrap();
    assert!(matches!(answer, Outcome::Refused { code, .. } if code == "CLOSED"));
}

#[tokio::test]
async fn a_finding_that_belongs_to_another_question_is_no_answer() {
    let paid = json!({ "finding": "paid", "utr": "UTR1", "valueDate": "2026-11-22" });
    let answer = answer_to(&Ask::Eligibility, 200, json!({ "outcome": "done", "finding": paid })).await;
    assert!(matches!(answer, Err(PortError::BadAnswer { .. })));
    let nothing = json!({ "outcome": "done", "finding": { "finding": "approve", "offers": [] } });
    let answer = answer_to(&Ask::Offers, 200, nothing).await;
    assert!(matches!(answer, Err(PortError::BadAnswer { .. })));
}

#[tokio::test]
async fn only_the_decision_is_referred_and_with_words_to_look_for() {
    let refer =
        |code: &str| json!({ "outcome": "done", "finding": { "finding": "refer", "reasons": [{ "code": code }] } });
    let answer = answer_to(&Ask::FinalCheck, 200, refer("BUREAU_2.1")).await.unwrap();
    assert!(
        matches!(&answer, Outcome::Done { finding: Finding::Refer { reasons } } if reasons[0].code == "BUREAU_2.1")
    );
    for (ask, code) in [(Ask::Kyc, "BUREAU"), (Ask::Offers, ""), (Ask::Offers, "Asha Rao is poor")] {
        assert!(matches!(answer_to(&ask, 200, refer(code)).await, Err(PortError::BadAnswer { .. })), "{code}");
    }
}

#[tokio::test]
async fn a_message_to_the_borrower_goes_out_under_its_own_key() {
    let found = json!({ "finding": "notified", "messageId": "M-7" });
    let (system, adapter) = System::that_answers(200, &json!({ "outcome": "done", "finding": found })).await;
    let text = "Your loan is closed.".to_owned();
    let notice = Notice {
        kind: NoticeKind::LoanClosed,
        loan_id: Some("LON1".into()),
        instalment: None,
        amount: None,
        key: "closed:LON1".into(),
        text,
    };
    let (ask, subjects) = (Ask::Notify(notice), [application()]);
    let outcome = adapter.call(call("closed:LON1", &ask, &subjects)).await.unwrap();
    assert_eq!(outcome, Outcome::Done { finding: Finding::Notified { message_id: "M-7".into() } });
    let (uri, headers, body) = system.only_question();
    assert_eq!((uri.path(), &headers["idempotency-key"]), ("/ocen/notifier/send", &"closed:LON1".parse().unwrap()));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["ask"]["kind"], "LOAN_CLOSED");
    assert_eq!(body["ask"]["text"], "Your loan is closed.");
    assert_eq!(body["subjects"][0]["borrower"]["phone"], "9876543210");

    let nothing = json!({ "outcome": "done", "finding": { "finding": "notified", "messageId": "" } });
    assert!(matches!(answer_to(&ask, 200, nothing).await, Err(PortError::BadAnswer { .. })));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let answer = answer_to(&Ask::Kyc, 200, json!("x".repeat(300_000))).await;
    let Err(PortError::BadAnswer { detail, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(detail, "more than 262144 bytes");
}

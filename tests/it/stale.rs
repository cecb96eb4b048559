//! What comes back too late changes nothing, and is undone where it left something behind (design §5, generations).

use std::sync::Arc;

use ocen_lender::config::Config;
use ocen_lender::config::rules::OfferVariant;
use ocen_lender::domain::application::ask::{Ask, Finding, Outcome};
use ocen_lender::domain::application::stage::{Rejection, RejectionReason};
use ocen_lender::lender::Port;
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::port::{Reply, Steered};
use crate::support::server::{Options, Server};

async fn with(port: &'static str, system: &Arc<Steered>) -> Server {
    let system: Arc<dyn Port> = Arc::clone(system) as _;
    Server::start_with(Options { port: Some((port, system)), tweak: Some(Box::new(two_offers)), ..Options::default() })
        .await
}

/// The whole amount, and half of it.
fn two_offers(config: &mut Config) {
    let variant = |percent: u32| OfferVariant {
        products: Vec::new(),
        amount_percent: percent.into(),
        installments: None,
        annual_rate: None,
    };
    config.rules.offers = vec![variant(100), variant(50)];
}

/// An application with both its offers.
async fn offered(server: &Server, lsp: &TestLsp) -> (String, Vec<Value>) {
    let flow = Flow { server, lsp };
    let ids = flow.file(1).await;
    flow.offers(&ids).await;
    let answer = lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    let offers = answer["loanApplications"][0]["offers"].as_array().unwrap().clone();
    assert_eq!(offers.len(), 2);
    (ids[0].clone(), offers)
}

/// Waits until every question about an application is settled; gives the application.
async fn settled(server: &Server, lsp: &TestLsp, application: &str) -> Value {
    let shown = format!("/admin/applications/{}/{application}", lsp.org_id);
    let open = |ask: &Value| ask["port"] != "timer" && ask["state"] != "CLOSED";
    let all_settled = || async { !server.get(&shown).await["asks"].as_array().unwrap().iter().any(open) };
    server.until("nothing is asked any more", all_settled).await;
    server.get(&shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_for_a_replaced_offer_is_cancelled() {
    let collections = Steered::new(|call| match call.ask {
        Ask::RegisterMandate { .. } if call.number == 0 => Reply::UsualHeld("the first registration"),
        _ => Reply::Usual,
    });
    let server = with("collections", &collections).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let (application, offers) = offered(&server, &lsp).await;
    let choose =
        |offer: &Value| json!({"loanApplicationId": application, "plan": {"id": offer["repayment"]["plans"][0]["id"]}});

    flow.set_offer(&application, &offers[0]).await;
    let (replaced, _) = lsp.send(path::SET_REPAYMENT_PLAN, choose(&offers[0])).await;
    collections.until("asked to register", |seen| !seen.is_empty()).await;
    flow.set_offer(&application, &offers[1]).await;
    let answer = lsp.callback(&replaced).await;
    collections.let_go("the first registration");
    let shown = settled(&server, &lsp, &application).await;

    assert_ne!(answer["response"]["error"], "0", "{answer}");
    assert_eq!(shown["repaymentSetup"], "NONE");
    let registered = format!("M-{}", collections.seen()[0].key);
    let cancelled = collections.calls("cancel");
    assert_eq!(cancelled.len(), 1);
    assert!(matches!(&cancelled[0].ask, Ask::CancelMandate { reference, .. } if *reference == registered));
    let chosen = lsp.ask(path::SET_REPAYMENT_PLAN, choose(&offers[1])).await;
    assert_eq!(chosen["response"]["error"], "0", "{chosen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_word_about_a_replaced_account_does_not_bring_it_back() {
    let bank = Steered::new(|call| match &call.ask {
        Ask::VerifyAccount { account } if account.masked().ends_with("0001") => Reply::UsualHeld("the first account"),
        _ => Reply::Usual,
    });
    let server = with("disbursement", &bank).await;
    let lsp = server.lsp().await;
    let (application, offers) = offered(&server, &lsp).await;
    Flow { server: &server, lsp: &lsp }.set_offer(&application, &offers[0]).await;
    let account = |number| json!({"loanApplicationId": application, "account": bodies::account(number, bodies::NAME)});

    let (replaced, _) = lsp.send(path::SET_ACCOUNT, account("50210034560001")).await;
    bank.until("asked about the first account", |seen| seen.len() == 1).await;
    let second = lsp.ask(path::SET_ACCOUNT, account("50210034560002")).await;
    bank.let_go("the first account");
    let first = lsp.callback(&replaced).await;
    let listed = lsp.ask(path::GET_ACCOUNTS, json!({"loanApplicationId": application})).await;

    assert_eq!(second["account"]["status"], "ACTIVE", "{second}");
    assert_eq!((&first["response"]["error"], &first["account"]["status"]), (&json!("SDA1001"), &json!("INACTIVE")));
    let accounts = listed["accountList"].as_array().unwrap();
    assert_eq!(accounts.len(), 1, "{listed}");
    assert_eq!(accounts[0]["id"], second["account"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_otp_that_left_late_opens_no_session() {
    let agreement = Steered::new(|call| match call.ask {
        // The agreement is prepared first.
        Ask::SendOtp { .. } if call.number == 1 => Reply::UsualHeld("the first SMS"),
        _ => Reply::Usual,
    });
    let server = with("agreement", &agreement).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let (application, offers) = offered(&server, &lsp).await;
    flow.set_offer(&application, &offers[0]).await;
    let ids = [application.clone()];
    let otp = json!({"type": "OTP", "data": {"appToken": "0aBCD7DMr72"}});
    let trigger = json!({"loanApplicationIds": ids, "credBlock": otp});

    let (replaced, _) = lsp.send(path::TRIGGER_ACCEPTANCE, trigger).await;
    agreement.until("told to send the first OTP", |seen| seen.len() == 2).await;
    let (session, digits) = flow.otp(&ids).await;
    agreement.let_go("the first SMS");
    let first = lsp.callback(&replaced).await;

    assert_eq!(first["response"]["error"], "TLARQ1001", "{first}");
    assert_eq!(first["credBlock"]["data"]["status"], "INVALID_SESSION");
    assert_eq!(flow.verify(&session, &digits).await, "SUCCESS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_check_of_replaced_data_rejects_nobody() {
    let decline = Finding::Decline {
        reasons: vec![Rejection { reason: RejectionReason::Others, description: "not this one".to_owned() }],
    };
    let decision = Steered::new(move |call| match call.ask {
        Ask::Eligibility if call.number == 0 => {
            Reply::Held("the first check", Outcome::Done { finding: decline.clone() })
        }
        _ => Reply::Usual,
    });
    let server = with("decision", &decision).await;
    let lsp = server.lsp().await;
    let (application, pan) = (bodies::id(), bodies::pan());
    let mut item = bodies::application(&application, &pan);

    let (first, _) = lsp.send(path::CREATE, json!({"loanApplications": [item]})).await;
    decision.until("asked about the first data", |seen| seen.len() == 1).await;
    item["terms"]["requestedAmount"] = json!("40000.00");
    let replaced = lsp.ask(path::CREATE, json!({"loanApplications": [item]})).await;
    let first = lsp.callback(&first).await;
    decision.let_go("the first check");
    let shown = settled(&server, &lsp, &application).await;

    for answer in [replaced, first] {
        assert_eq!(answer["loanApplications"][0]["loanApplicationStatus"], "PROCESSING", "{answer}");
    }
    assert_eq!(shown["stage"], "PROCESSING");
}

//! The key facts statement: sent with the offer, read on its page, signed with the agreement, gone out before the money
//! (RBI digital lending; `lending.md` §1.2 to §1.4).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use jsonschema::{Draft, Validator};
use ocen_lender::domain::application::ask::{Ask, Outcome};
use ocen_lender::domain::application::copies::Copies;
use ocen_lender::domain::application::stage::Stage;
use ocen_lender::domain::ids::ApplicationId;
use ocen_lender::domain::kfs::Kfs;
use ocen_lender::domain::maths::money::Paise;
use ocen_lender::domain::maths::schedule::schedule;
use ocen_lender::domain::maths::{Rounding, ScheduleTerms, apr_of};
use ocen_lender::engine::otp;
use ocen_lender::lender::Port;
use ocen_lender::store::application;
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::Callback;
use crate::support::port::{Reply, Steered};
use crate::support::server::{Options, Server};

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The statement of an offer, held against its hash and against the published schema.
fn statement(offer: &Value) -> (Vec<u8>, Kfs) {
    let document = &offer["documents"][0];
    let bytes = STANDARD.decode(document["data"].as_str().unwrap()).unwrap();
    assert_eq!(offer["extensibleData"]["kfsHash"], sha256(&bytes));
    let wrong: Vec<String> =
        schema().iter_errors(&serde_json::from_slice(&bytes).unwrap()).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let kfs: Kfs = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["reference"], kfs.proposal_number);
    (bytes, kfs)
}

fn schema() -> Validator {
    let schema: Value = serde_json::from_str(include_str!("../../openapi/kfs.schema.json")).unwrap();
    jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&schema).unwrap()
}

async fn get(server: &Server, url: &str) -> reqwest::Response {
    server.http.get(url).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_brings_its_statement_and_the_page_shows_the_same() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offer = flow.offers(&ids).await.remove(0);
    let (bytes, kfs) = statement(&offer);
    let document = &offer["documents"][0];
    assert_eq!(
        (&document["source"], &document["format"], &document["type"]),
        (&json!("FIU"), &json!("JSON"), &json!("OTHER"))
    );
    assert_eq!(document["sourceIdentifier"], server.app.config.lender.org_id);
    assert_eq!(kfs.part_one.annual_percentage_rate, offer["terms"]["extensibleData"]["annualPercentageRate"]);
    assert_eq!(kfs.part_one.instalments.amount, offer["terms"]["extensibleData"]["installmentAmount"]);
    assert_eq!(kfs.part_two.lending_service_provider, "LSP-TEST");
    assert!(!String::from_utf8_lossy(&bytes).contains(bodies::NAME), "it names no borrower");

    let url = offer["url"].as_str().unwrap();
    let page = get(&server, url).await;
    assert_eq!(page.status().as_u16(), 200);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("cache-control").as_str(), header("referrer-policy").as_str()), ("no-store", "no-referrer"));
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    let officer = &kfs.part_two.grievance_officer.name;
    for shown in [&kfs.proposal_number, &kfs.part_one.annual_percentage_rate, officer, &sha256(&bytes)] {
        assert!(html.contains(shown.as_str()), "{shown}");
    }
    let told = html.replace("https://cms.rbi.org.in", "the Ombudsman");
    assert!(!told.contains("src=") && !told.contains("http"), "it needs nothing from elsewhere");

    assert_eq!(get(&server, &format!("{url}?format=json")).await.bytes().await.unwrap(), bytes);
    let accepted = server.http.get(url).header("accept", "application/json").send().await.unwrap();
    assert_eq!(accepted.bytes().await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_found_by_its_whole_token_only() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offer = flow.offers(&ids).await.remove(0);
    let url = offer["url"].as_str().unwrap();
    let (base, token) = url.rsplit_once('/').unwrap();
    let other = base.replace("/kfs", "/agreement");
    for wrong in [
        format!("{base}/{}", token.chars().skip(1).collect::<String>()),
        format!("{base}/{}", token.to_uppercase()),
        format!("{base}/{}", "0".repeat(40)),
        format!("{base}/..%2f"),
        format!("{other}/{token}"),
    ] {
        let page = get(&server, &wrong).await;
        assert_eq!(page.status().as_u16(), 404, "{wrong}");
        assert_eq!(page.headers()["cache-control"], "no-store");
    }
}

/// Everything that the offer says comes out of the statement alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_computes_the_loan_from_the_statement() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offer = flow.offers(&ids).await.remove(0);
    let (_, kfs) = statement(&offer);
    let money = |text: &str| text.parse::<Paise>().unwrap();
    let rounding = match (kfs.terms.rounding.unit.as_str(), kfs.terms.rounding.mode.as_str()) {
        ("0.01", "HALF_UP") => Rounding::PaiseHalfUp,
        other => panic!("{other:?}"),
    };
    let terms = ScheduleTerms {
        principal: money(&kfs.terms.principal),
        annual_rate: kfs.terms.annual_rate.parse().unwrap(),
        installments: kfs.terms.installments,
        frequency: kfs.terms.frequency,
        method: kfs.terms.method,
        rounding,
        day_count: kfs.terms.day_count,
        disbursed_on: kfs.terms.disbursed_on,
        first_due: kfs.terms.first_due,
        due_day: None,
        first_period: kfs.terms.first_period,
        odd_day_count: Some(kfs.terms.odd_day_count),
    };
    let schedule = schedule(&terms).unwrap();
    let rows = offer["repayment"]["plans"][0]["extensibleData"]["schedule"].as_array().unwrap().clone();
    assert_eq!(rows.len(), schedule.rows.len());
    for ((row, printed), sent) in schedule.rows.iter().zip(&kfs.schedule).zip(&rows) {
        assert_eq!((row.due_date, row.instalment), (printed.due_date, money(&printed.instalment)));
        assert_eq!(sent["interest"], row.interest.to_string());
    }
    let sheet = &kfs.apr_sheet;
    let net = money(&sheet.net_disbursed);
    assert_eq!(net, money(&sheet.sanctioned_amount).saturating_sub(money(&sheet.fees)));
    assert_eq!(money(&sheet.total_paid), money(&sheet.sanctioned_amount).saturating_add(money(&sheet.total_interest)));
    assert_eq!(apr_of(&terms, &schedule, net).unwrap().to_string(), sheet.annual_percentage_rate);
    assert_eq!(kfs.rules.overdue_example.npa, kfs.terms.first_due + Duration::days(90));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_never_ends_before_its_statement_may() {
    let one_day = |config: &mut ocen_lender::config::Config| {
        config.products.0.iter_mut().for_each(|product| product.offer_validity_days = 1);
    };
    let server = Server::start_with(Options { tweak: Some(Box::new(one_day)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offer = flow.offers(&ids).await.remove(0);
    let (_, kfs) = statement(&offer);
    let ends: DateTime<Utc> = offer["validTill"].as_str().unwrap().parse().unwrap();
    assert_eq!(ends, kfs.valid_till);
    let last: NaiveDate = server.app.config.calendar.after(kfs.issued_on, 3).unwrap();
    assert_eq!((ends + Duration::minutes(330)).date_naive(), last, "the end of the third working day");

    // Accepted and not signed in time: no password, but new offers.
    flow.set_offer(&ids[0], &offer).await;
    server.app.clock.advance(ends - server.app.clock.now() + Duration::seconds(1));
    let body = json!({"loanApplicationIds": ids, "credBlock": {"type": "OTP", "data": {}}});
    let late = lsp.ask(path::TRIGGER_ACCEPTANCE, body).await;
    assert_eq!(late["response"]["error"], "TLARQ1003");
    assert!(late["response"]["description"].as_str().unwrap().starts_with("DL-8i: "), "{late}");
    let anew = lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    let anew = &anew["loanApplications"][0];
    assert_eq!(anew["loanApplicationStatus"], "OFFERED", "{anew}");
    assert_ne!(statement(&anew["offers"][0]).1.proposal_number, kfs.proposal_number);
    assert_eq!(get(&server, offer["url"].as_str().unwrap()).await.status().as_u16(), 200, "what was sent stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_signs_this_statement_and_this_agreement_and_no_other() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    let (bytes, kfs) = statement(&offers[0]);
    let page = offers[0]["terms"]["legalAgreement"]["data"].as_str().unwrap().to_owned();
    let draft = get(&server, &page).await.text().await.unwrap();
    assert!(draft.contains("Draft, not signed") && draft.contains(&kfs.part_one.annual_percentage_rate));

    flow.set_offer(&ids[0], &offers[0]).await;
    let (session, digits) = flow.otp(&ids).await;
    let unsigned = get(&server, &page).await.text().await.unwrap();
    assert!(unsigned.contains("Not yet signed") && unsigned.contains(bodies::NAME));
    assert!(unsigned.contains(&sha256(&bytes)), "the agreement stands on the statement");

    let mut stored = stored(&server, &ids[0]).await;
    let apps = std::slice::from_ref(&stored);
    assert!(otp::matches(&server.app.sealer, &session, apps, &digits));
    stored.stage.deal_mut().unwrap().kfs.as_mut().unwrap().hash = sha256(b"other terms");
    let apps = std::slice::from_ref(&stored);
    assert!(!otp::matches(&server.app.sealer, &session, apps, &digits), "another statement");

    assert_eq!(flow.verify(&session, &digits).await, "SUCCESS");
    let signed = get(&server, &page).await.text().await.unwrap();
    assert!(signed.contains("Signed on"), "{signed}");
    let stored = self::stored(&server, &ids[0]).await;
    let Stage::Agreed { acceptance, .. } = &stored.stage else { panic!("{}", stored.stage.name()) };
    assert_eq!(acceptance.kfs_hash, Some(sha256(&bytes)));
}

/// The application as the server has it.
async fn stored(server: &Server, name: &str) -> ocen_lender::domain::application::Application {
    let shown = server.get(&format!("/admin/applications/LSP-TEST/{name}")).await;
    let id = ApplicationId(shown["applicationId"].as_str().unwrap().parse().unwrap());
    let mut conn = server.app.pool.acquire().await.unwrap();
    application::read(&mut conn, &server.app.sealer, &[id]).await.unwrap().remove(0)
}

/// A server whose messages leave as a test says.
async fn with_messages(system: &Arc<Steered>) -> Server {
    let port: Arc<dyn Port> = Arc::clone(system) as _;
    Server::start_with(Options { port: Some(("notifier", port)), ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn money_waits_for_the_copies_of_what_was_signed() {
    let messages = Steered::new(|_| Reply::UsualHeld("copies"));
    let server = with_messages(&messages).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    messages.until("the copies", |seen| !seen.is_empty()).await;
    let Ask::Notify(notice) = &messages.seen()[0].ask else { panic!("another question") };
    assert!(notice.text.contains(loan.offer["url"].as_str().unwrap()) && !notice.text.contains(bodies::ACCOUNT));

    let answer = lsp.ask(path::TRIGGER_DISBURSEMENT, json!({"loanId": loan.loan_id, "payment": {"id": "P-1"}})).await;
    assert_eq!((&answer["response"]["error"], &answer["payment"]["status"]), (&json!("0"), &json!("PENDING_AUTH")));
    let state = |shown: Value| shown["payouts"][0]["state"].clone();
    let loan_path = format!("/admin/loans/{}", loan.loan_id);
    assert_eq!(state(server.get(&loan_path).await), "RESERVED", "held, not sent");
    messages.let_go("copies");
    let paid = |c: &Callback| c.path.ends_with("TriggerDisbursementStatusResponse") && c.body["payment"]["id"] == "P-1";
    let told = lsp.callback_that("tells that the payout ended", paid).await.body;
    assert_eq!(told["payment"]["status"], "SUCCESS", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_copies_no_money_and_the_rule_is_named() {
    let refused = || Outcome::Refused { code: "NO_ADDRESS".to_owned(), detail: "no".to_owned() };
    let messages = Steered::new(move |call| if call.number == 0 { Reply::With(refused()) } else { Reply::Usual });
    let server = with_messages(&messages).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let name = &loan.application;
    let failed = || async {
        let deal = stored(&server, name).await.stage.deal().cloned().unwrap();
        matches!(deal.copies, Copies::Failed { .. })
    };
    server.until("the copies failed", failed).await;
    let order = json!({"loanId": loan.loan_id, "payment": {"id": "P-1"}});
    let answer = lsp.ask(path::TRIGGER_DISBURSEMENT, order.clone()).await;
    assert_eq!(answer["response"]["error"], "TDRQ1001");
    assert!(answer["response"]["description"].as_str().unwrap().starts_with("DL-8-copies: "), "{answer}");
    messages.until("the copies again", |seen| seen.len() == 2).await;
    let keys: Vec<String> = messages.seen().into_iter().map(|call| call.key).collect();
    assert_ne!(keys[0], keys[1]);
    assert_eq!(flow.disburse(&loan, "P-1").await["payment"]["status"], "SUCCESS");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_law_forbids_is_refused_by_its_rule() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };

    // DL 12: nothing from the borrower's phone.
    let mut nosy = bodies::application(&bodies::id(), &bodies::pan());
    nosy["borrower"]["extensibleData"] = json!({"contactList": [{"name": "x"}]});
    let (_, ack) = lsp.send(path::CREATE, json!({"loanApplications": [nosy]})).await;
    assert_eq!((ack.status, ack.error()), (400, "GEN5002"));
    assert_eq!(ack.body["pointer"], "/loanApplications/0/borrower/extensibleData/contactList");
    assert!(ack.body["detail"].as_str().unwrap().starts_with("DL-12: "), "{}", ack.body);

    let summary = json!({"loanId": "L", "extensibleData": "{\"callLogs\": [1]}"});
    let (_, ack) = lsp.send(path::LOAN_SUMMARY, summary).await;
    assert_eq!((ack.status, ack.body["pointer"].as_str()), (400, Some("/extensibleData")), "{}", ack.body);

    // DL 7(i): nobody is offered a loan unseen.
    let id = bodies::id();
    let mut unseen = bodies::application(&id, "XXXXXXXX1234");
    unseen["borrower"] = json!({"primaryId": "XXXXXXXX1234", "primaryIdType": "AADHAAR"});
    let filed = lsp.ask(path::CREATE, json!({"loanApplications": [unseen]})).await;
    assert_eq!(filed["loanApplications"][0]["loanApplicationStatus"], "PROCESSING", "{filed}");
    let answer = lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": [id]})).await;
    assert_eq!(answer["response"]["error"], "GORQ1002");
    assert!(answer["response"]["description"].as_str().unwrap().starts_with("DL-7i: "), "{answer}");

    // DL 9: the borrower's own account.
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;
    let mut account = bodies::account(bodies::ACCOUNT, bodies::NAME);
    account["data"]["accountType"] = json!("ESCROW");
    let answer = lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;
    assert_eq!(answer["response"]["error"], "SDA1001");
    assert!(answer["response"]["description"].as_str().unwrap().starts_with("DL-9-account: "), "{answer}");

    let rules = server.get("/admin/rules").await;
    let named: Vec<&str> = rules["items"].as_array().unwrap().iter().map(|r| r["ruleId"].as_str().unwrap()).collect();
    for rule in ["DL-6", "DL-7i", "DL-8i", "DL-8-copies", "DL-9-account", "DL-12", "KFS-CHARGE"] {
        assert!(named.contains(&rule), "{rule}");
    }
}

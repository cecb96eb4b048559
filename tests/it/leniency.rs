//! Lenient in: the spellings, types and paths that LSPs are known to send are understood.

use ocen_lender::protocol::OPERATIONS;
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::{Ack, TestLsp};
use crate::support::schemas::Schemas;
use crate::support::server::Server;

/// Ways to write a path that all mean the same.
fn spellings(path: &str) -> Vec<String> {
    let (family, call) = path.rsplit_once('/').unwrap();
    vec![
        path.to_ascii_uppercase(),
        path.to_ascii_lowercase(),
        format!("{path}/"),
        format!("{path}//"),
        format!("{path}%20"),
        format!("{path}%20/"),
        format!("{family}/%20{call}"),
        format!("{family}//{call}"),
        format!("/{path}"),
        path.replacen("/v3/", "/v3.1/", 1),
        path.replacen("/v3/", "/v3.2/", 1),
        path.replacen("/v3/", "/V3.3/", 1),
        format!("/lenders/demo{path}"),
        format!("{path}?tenant=demo"),
    ]
}

/// What an ack says of the message itself.
fn said(ack: &Ack) -> (u16, String, Value, Value) {
    (ack.status, ack.error().to_owned(), ack.body["detail"].clone(), ack.body["pointer"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_found_however_its_path_is_written() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    assert_eq!(OPERATIONS.len(), 29);

    for operation in OPERATIONS {
        let mut example = (operation.example)();
        example.as_object_mut().unwrap().retain(|name, _| !["metadata", "requestId"].contains(&name.as_str()));
        let (_, plain) = lsp.send(operation.request_path, example.clone()).await;
        assert!(["0", "GEN5009"].contains(&plain.error()), "{}: {}", operation.name, plain.body);
        let aliases = operation.aliases.iter().map(|alias| (*alias).to_owned());
        for path in spellings(operation.request_path).into_iter().chain(aliases) {
            let (_, ack) = lsp.send(&path, example.clone()).await;
            assert_eq!(said(&ack), said(&plain), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_goes_to_the_published_path_whatever_the_request_was_sent_to() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let body = json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]});

    let (request_id, ack) = lsp.send("/uat/V3.2/loanapplication//CREATELOANAPPLICATIONREQUEST%20/", body).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    lsp.callback(&request_id).await;
    assert_eq!(lsp.inbox.of(&request_id)[0].path, "/v3/loanApplication/createLoanApplicationsResponse");
}

/// An application as careless senders write it.
fn careless(id: &str, pan: &str) -> Value {
    json!({
        "createDate": "2026-01-05 15:29:00",
        "loanApplicationId": id,
        "type": null,
        "productType": " personal ",
        "productId": null,
        "loanApplicationStatus": null,
        "borrower": [{
            "primaryId": pan,
            "primaryIdType": "pan",
            "name": bodies::NAME,
            "category": "individual",
            "contactDetails": {"type": "primary", "phone": 9_845_012_367_u64, "email": null, "pincode": 560_001},
            "documents": null,
            "additionalIdentifiers": null,
        }],
        "collaterals": null,
        "pledgedDocuments": null,
        "guarantors": [null],
        "applicants": "",
        "terms": {
            "requestedAmount": 50_000.5,
            "currency": "inr",
            "tenure": {"duration": 12, "unit": "Months"},
            "interestRate": null,
        },
        "extensibleData": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carelessly_written_journey_ends_with_money_in_the_account() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let id = bodies::id();

    let answer = lsp.ask(path::CREATE, json!({"loanApplications": careless(&id, &bodies::pan())})).await;
    let item = &answer["loanApplications"][0];
    assert_eq!((&item["loanApplicationStatus"], &item["type"]), (&json!("PROCESSING"), &json!("PERSONAL")), "{item}");
    assert_eq!(item["terms"]["requestedAmount"], "50000.50");
    assert_eq!(item["createdDate"], "2026-01-05T09:59:00.000Z", "dates go out in one form");

    consent(&lsp, &id, "one-time").await;
    let answer = lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": id})).await;
    let offer = answer["loanApplications"][0]["offers"][0]["id"].clone();
    let offer = json!({"id": offer, "validTill": null, "terms": null, "disbursement": null, "repayment": null});
    let answer = lsp.ask(path::SET_OFFER, json!({"loanApplicationId": id, "offer": offer})).await;
    assert_eq!(answer["loanApplicationStatus"], "OFFER_ACCEPTED", "{answer}");
    consent(&lsp, &id, "periodic").await;
    sign(&server, &lsp, &id).await;
    let loan_id = set_up_and_grant(&lsp, &id).await;

    let payment = json!({"id": "DISB-1", "totalAmount": 50_000.50, "installmentNumber": null, "status": null});
    lsp.ask(path::TRIGGER_DISBURSEMENT, json!({"loanID": loan_id, "payment": payment})).await;
    let paid = |c: &crate::support::lsp::Callback| c.path.ends_with("TriggerDisbursementStatusResponse");
    assert_eq!(lsp.callback_that("ends the payout", paid).await.body["payment"]["status"], "SUCCESS");
    assert_eq!(flow.server.get(&format!("/admin/applications/LSP-TEST/{id}")).await["stage"], "GRANTED");
}

/// A consent that is asked for and given.
async fn consent(lsp: &TestLsp, id: &str, kind: &str) {
    let consent = json!([{
        "vua": "asha@aa.in",
        "consentFetchType": kind,
        "isAggregationEnabled": "true",
        "consentHandle": null,
    }]);
    let answer = lsp.ask(path::CONSENT_HANDLE, json!({"loanApplicationIds": id, "consent": consent})).await;
    let handle = json!({"consentHandle": answer["consent"]["consentHandle"], "consentStatus": null});
    let answer = lsp.ask(path::CONSENT_STATUS, json!({"consent": handle, "loanApplicationIds": null})).await;
    assert_eq!(answer["consent"]["consentStatus"], "READY", "{answer}");
}

/// Signs with an OTP that begins with a zero, sent as the number that is left of it.
async fn sign(server: &Server, lsp: &TestLsp, id: &str) {
    loop {
        let asked = json!({"loanApplicationIds": [id], "credBlock": {"type": "otp", "data": {"appToken": null, "status": null}}});
        let answer = lsp.ask(path::TRIGGER_ACCEPTANCE, asked).await;
        let session = answer["credBlock"]["data"]["otpSessionKey"].as_str().unwrap().to_owned();
        let otp = server.get(&format!("/sandbox/otp/{session}")).await["otp"].as_str().unwrap().to_owned();
        if !otp.starts_with('0') {
            // Later, when the borrower may ask for another one.
            server.post("/sandbox/clock", &json!({"advance": "PT16M"})).await;
            continue;
        }
        let number: u64 = otp.parse().unwrap();
        let data = json!({"otpSessionKey": session, "otp": number, "appToken": null});
        let answer = lsp.ask(path::VERIFY_ACCEPTANCE, json!({"credBlock": {"type": null, "data": data}})).await;
        assert_eq!(answer["credBlock"]["data"]["status"], "SUCCESS", "{otp} as {number}: {answer}");
        return;
    }
}

async fn set_up_and_grant(lsp: &TestLsp, id: &str) -> Value {
    let account = json!({
        "id": null,
        "accountDataType": "account",
        "data": {
            "accountType": "Savings",
            "accountIFSC": "HDFC0000123",
            "accountNumber": bodies::ACCOUNT.parse::<u64>().unwrap(),
            "accountHolderName": bodies::NAME,
            "vpa": null,
        },
    });
    // An application id under `loanId`: before the grant there is no other.
    let answer = lsp.ask(path::SET_ACCOUNT, json!({"loanId": id, "loanApplicationId": null, "account": account})).await;
    assert_eq!(answer["account"]["status"], "ACTIVE", "{answer}");
    let plans = lsp.ask(path::GET_REPAYMENT_PLANS, json!({"loanId": id})).await;
    let plan = json!([{"id": plans["plans"][0]["id"], "automatic": "true", "noOfInstallments": 12, "status": null}]);
    lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": id, "plan": plan})).await;
    let active = |c: &crate::support::lsp::Callback| {
        c.path.ends_with("setRepaymentPlanStatusResponse") && c.body["plan"]["status"] == "ACTIVE"
    };
    lsp.callback_that("tells that the mandate is active", active).await;
    let answer = lsp.ask(path::GRANT, json!({"loanApplicationId": id, "loanId": ""})).await;
    assert_eq!(answer["loanStatus"], "GRANTED", "{answer}");
    answer["loanId"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_half_empty_is_echoed_whole_or_not_at_all() {
    let Some(schemas) = Schemas::load() else { return };
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let party = json!({"primaryId": "AAAPL1234C", "name": null});
    let (whole, nothing) = (json!([{"primaryIdType": "MOBILE"}]), json!([]));
    for (member, sent, kinds) in [
        ("applicants", json!([{"primaryId": "9000000001", "primaryIdType": null}]), whole),
        ("applicants", json!([{"primaryId": "?", "primaryIdType": null}]), nothing.clone()),
        (
            "applicants",
            json!({"additionalIdentifiers": [{"key": "PAN", "value": "AAAPL1234C"}]}),
            json!([{"primaryIdType": "PAN"}]),
        ),
        ("guarantors", json!({}), nothing.clone()),
        (
            "guarantors",
            json!([{"primaryId": "123412341234"}, {"primaryIdType": "PAN"}]),
            json!([{"primaryIdType": "AADHAAR"}]),
        ),
        ("collaterals", json!({}), nothing.clone()),
        ("collaterals", json!([{"collateralPrimaryId": "1"}]), nothing),
        (
            "collaterals",
            json!({"collateralPrimaryId": "1", "collateralPrimaryIdType": "vin"}),
            json!([{"type": "VEHICLE"}]),
        ),
        (
            "collaterals",
            json!({"collateralPrimaryId": "1", "type": "GST_INVOICE", "parties": [{}, party]}),
            json!([{"type": "GST_INVOICE"}]),
        ),
    ] {
        let mut item = bodies::application(&bodies::id(), &bodies::pan());
        item[member] = sent.clone();
        let answer = lsp.ask(path::CREATE, json!({"loanApplications": [item]})).await;
        assert_eq!(schemas.callback("createLoanApplications", &answer.to_string()), Vec::<String>::new(), "{sent}");
        let kind = if member == "collaterals" { "type" } else { "primaryIdType" };
        let echoed = answer["loanApplications"][0][member].as_array().unwrap();
        let got: Vec<Value> = echoed.iter().map(|one| json!({kind: one[kind]})).collect();
        assert_eq!(json!(got), kinds, "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_read_from_their_digits() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    for (written, read) in [
        ("50000", "50000.00"),
        ("50000.5", "50000.50"),
        ("50000.10", "50000.10"),
        ("\"007500\"", "7500.00"),
        ("1234.56", "1234.56"),
        ("999999.99", "999999.99"),
        ("5e4", "50000.00"),
        ("1.2345678E5", "123456.78"),
    ] {
        let mut body = lsp.complete(json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]}));
        body["loanApplications"][0]["terms"]["requestedAmount"] = json!("AMOUNT");
        let text = body.to_string().replace("\"AMOUNT\"", written);
        let key = lsp.key.as_ref().unwrap();
        let ack =
            lsp.post(path::CREATE, ocen_lender::jose::sign_flattened(key, lsp.member, text.as_bytes()).unwrap()).await;
        assert_eq!(ack.error(), "0", "{written}: {}", ack.body);
        let answer = lsp.callback(body["requestId"].as_str().unwrap()).await;
        assert_eq!(answer["loanApplications"][0]["terms"]["requestedAmount"], read, "{written}");
    }
}

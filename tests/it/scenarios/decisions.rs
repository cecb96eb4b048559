//! 00xx to 05xx: the application, its consent, offers, identity check and signature.

use serde_json::{Value, json};

use super::{Scene, pan};
use crate::support::bodies::{self, path};

#[tokio::test(flavor = "multi_thread")]
async fn code_0000_is_the_happy_path_to_a_loan_that_is_repaid() {
    let scene = Scene::open().await;
    let loan = scene.running("0000").await;
    scene.clock(json!({"advance": "P45D"})).await;
    assert_eq!(scene.loan(&loan).await["status"], "RUNNING", "{}", scene.loan(&loan).await);
    scene.timeline(&loan.application, &["0000 from PAN of applicant"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_0101_to_0105_reject_with_their_reason() {
    let scene = Scene::open().await;
    for (code, reason) in [
        ("0101", "LOW_CREDIT_SCORE"),
        ("0102", "FRAUD"),
        ("0103", "DOC_IRREGULARITIES"),
        ("0104", "OTHERS"),
        ("0105", "OTHERS"),
    ] {
        let (id, answer) = scene.file(code).await;
        assert_eq!(answer["loanApplicationStatus"], "REJECTED", "{code}: {answer}");
        assert_eq!(answer["rejectionDetails"][0]["reason"], reason, "{code}: {answer}");
        let failed = answer["rejectionDetails"][0]["description"].as_str().unwrap().starts_with("AA_FAILED");
        assert_eq!(failed, code == "0105");
        scene
            .timeline(&id, &[&format!("{code} from PAN of applicant"), &format!("{code}: application rejected")])
            .await;
    }
}

fn with_profile(mut application: Value, data: &str) -> Value {
    application["terms"]["documents"] =
        json!([{"source": "GSTN", "format": "JSON", "type": "GST_PROFILE", "isDataInline": true, "data": data}]);
    application
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_0110_to_0112_want_something_and_go_on_when_it_comes() {
    let scene = Scene::open().await;
    for (code, wanted) in [("0110", "ADD_DOCUMENT"), ("0111", "RESUBMIT_DOCUMENT"), ("0112", "OTHER")] {
        let id = bodies::id();
        let mut application = bodies::application(&id, &pan(code));
        if code == "0111" {
            application = with_profile(application, "e30=");
        }
        let answer = scene.create(application.clone()).await;
        assert_eq!(answer["loanApplicationStatus"], "ACTION_REQUIRED", "{code}: {answer}");
        assert_eq!(answer["actionRequired"][0]["actionType"], wanted, "{code}: {answer}");
        if code == "0112" {
            application["borrower"]["contactDetails"][0]["email"] = json!("asha.new@example.in");
        } else {
            application = with_profile(application, "eyJ2YXQiOiAxfQ==");
        }
        let answer = scene.create(application).await;
        assert_eq!(answer["loanApplicationStatus"], "PROCESSING", "{code}: {answer}");
        scene.timeline(&id, &[&format!("{code} from PAN of applicant"), &format!("{code}: action required")]).await;
    }
}

/// Asks for a consent; gives its handle.
async fn handle(scene: &Scene, id: &str) -> String {
    let consent = json!({"consentFetchType": "ONETIME", "vua": "asha@aa.in"});
    let body = json!({"loanApplicationIds": [id], "consent": consent});
    let answer = scene.lsp.ask(path::CONSENT_HANDLE, body).await;
    answer["consent"]["consentHandle"].as_str().unwrap().to_owned()
}

async fn consent_status(scene: &Scene, handle: &str) -> Value {
    let answer = scene.lsp.ask(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})).await;
    answer["consent"]["consentStatus"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_0201_to_0203_decide_when_a_consent_is_ready() {
    let scene = Scene::open().await;
    for (code, told, did) in [
        ("0201", ["FAILED"; 4], "consent failed"),
        ("0202", ["PENDING"; 4], "consent stays pending"),
        ("0203", ["PENDING", "PENDING", "READY", "READY"], "consent pending until the third status request"),
    ] {
        let (id, _) = scene.file(code).await;
        let handle = handle(&scene, &id).await;
        for expected in told {
            assert_eq!(consent_status(&scene, &handle).await, expected, "{code}");
        }
        scene.timeline(&id, &[&format!("{code} from PAN of applicant"), &format!("{code}: {did}")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_borrowers_word_on_a_consent_comes_before_the_code() {
    let scene = Scene::open().await;
    for (outcome, told) in [("approve", "READY"), ("reject", "FAILED")] {
        let (id, _) = scene.file("0202").await;
        let handle = handle(&scene, &id).await;
        assert_eq!(consent_status(&scene, &handle).await, "PENDING");
        let (status, answer) =
            scene.server.post(&format!("/sandbox/consents/{handle}"), &json!({"outcome": outcome})).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(consent_status(&scene, &handle).await, told, "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0204_lets_the_data_fetch_time_out() {
    let scene = Scene::open().await;
    let (id, _) = scene.file("0204").await;
    scene.flow().consent(std::slice::from_ref(&id), "ONETIME").await;
    let answer = scene.lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": [id]})).await;
    let item = &answer["loanApplications"][0];
    assert_eq!(item["loanApplicationStatus"], "PROCESSING", "{answer}");
    assert_eq!(item["offers"].as_array().map_or(0, Vec::len), 0, "{answer}");
    scene.timeline(&id, &["0204 from PAN of applicant", "0204: data fetch times out"]).await;
}

/// The item that `generateOffers` tells of an application with a code.
async fn offered(scene: &Scene, code: &str) -> (String, Value) {
    let (id, _) = scene.file(code).await;
    scene.flow().consent(std::slice::from_ref(&id), "ONETIME").await;
    let answer = scene.lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": [id]})).await;
    (id, answer["loanApplications"][0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_0301_to_0303_make_none_another_or_three_offers() {
    let scene = Scene::open().await;
    let (id, none) = offered(&scene, "0301").await;
    assert_eq!(none["loanApplicationStatus"], "REJECTED", "{none}");
    scene.timeline(&id, &["0301 from PAN of applicant", "0301: no offer"]).await;

    let (id, counter) = offered(&scene, "0302").await;
    let terms = &counter["offers"][0]["terms"];
    assert_eq!(terms["sanctionedAmount"], "25000.00", "{counter}");
    assert_eq!(counter["offers"][0]["repayment"]["plans"][0]["noOfInstallments"], "6", "{counter}");
    scene.timeline(&id, &["0302 from PAN of applicant", "0302: counter-offer of half the amount"]).await;

    let (id, three) = offered(&scene, "0303").await;
    let offers = three["offers"].as_array().unwrap();
    let mut costs: Vec<&Value> = offers.iter().map(|offer| &offer["terms"]["totalAmount"]).collect();
    costs.dedup();
    assert_eq!(costs.len(), 3, "{three}");
    scene.timeline(&id, &["0303 from PAN of applicant", "0303: three offers"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0304_makes_an_offer_that_is_soon_over() {
    let scene = Scene::open().await;
    let (id, offered) = offered(&scene, "0304").await;
    // Three working days, and whatever weekend and holiday lies between; the product's own offers hold for a week.
    scene.clock(json!({"advance": "P6D"})).await;
    let body = json!({"loanApplicationId": id, "offer": {"id": offered["offers"][0]["id"]}});
    let answer = scene.lsp.ask(path::SET_OFFER, body).await;
    assert_ne!(answer["response"]["error"], "0", "{answer}");
    scene.timeline(&id, &["0304 from PAN of applicant", "0304: offer as short as may be"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_0401_to_0403_hold_the_grant_at_the_identity_check() {
    let scene = Scene::open().await;
    for (code, state, did) in [
        ("0401", "FAILED", "KYC rejected"),
        ("0402", "PENDING", "KYC stays pending"),
        ("0403", "PENDING", "KYC waits for the borrower"),
    ] {
        let flow = scene.flow();
        let ids = flow.file_for(&pan(code), 1).await;
        let offers = flow.offers(&ids).await;
        flow.agree(&ids, &offers).await;
        flow.set_up(&ids, &offers).await;
        let answer = flow.grant(&ids[0]).await;
        assert_eq!(answer["loanStatus"], "ACTION_REQUIRED", "{code}: {answer}");
        let kyc = answer["actionRequired"].as_array().unwrap().iter().find(|a| a["reference"]["object"] == "kyc");
        let kyc = kyc.unwrap_or_else(|| panic!("{code}: {answer}"));
        assert_eq!(kyc["reference"]["value"], state, "{code}: {answer}");
        scene.timeline(&ids[0], &[&format!("{code} from PAN of applicant"), &format!("{code}: {did}")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0403_has_a_page_where_the_borrower_goes_on() {
    let scene = Scene::open().await;
    let flow = scene.flow();
    let ids = flow.file_for(&pan("0403"), 1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let answer = flow.grant(&ids[0]).await;
    let wanted = answer["actionRequired"].as_array().unwrap().iter().find(|a| a["reference"]["object"] == "kyc");
    let url = wanted.and_then(|wanted| wanted["url"].as_str()).unwrap_or_else(|| panic!("{answer}")).to_owned();
    let page = scene.server.http.get(&url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("Identify yourself"));
    let press = async |address: &str, body: &'static str| {
        let form = scene.server.http.post(address).header("content-type", "application/x-www-form-urlencoded");
        form.header("sec-fetch-site", "same-origin").body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(press(&url, "outcome=else").await, 400);
    assert_eq!(press(&format!("{url}0"), "outcome=identify").await, 404);
    assert!(matches!(press(&url, "outcome=identify").await, 200 | 303));
    let page = scene.server.http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Identified") && !page.contains("<button"), "{page}");
    scene.server.until("the lender knows", async || flow.grant(&ids[0]).await["loanStatus"] == "GRANTED").await;
}

/// An application whose OTP was sent; gives its id, the session and the right digits.
async fn with_otp(scene: &Scene, code: &str) -> (String, String, String) {
    let flow = scene.flow();
    let ids = flow.file_for(&pan(code), 1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;
    let (session, otp) = flow.otp(&ids).await;
    (ids[0].clone(), session, otp)
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_0501_to_0503_take_no_otp() {
    let scene = Scene::open().await;
    for (code, told, did) in [
        ("0501", ["INCORRECT_OTP"; 5], "the OTP counts as wrong"),
        ("0502", ["INVALID_SESSION"; 5], "the OTP has expired"),
        (
            "0503",
            ["INCORRECT_OTP", "INCORRECT_OTP", "INCORRECT_OTP", "INVALID_SESSION", "INVALID_SESSION"],
            "the OTP counts as wrong, until it is locked",
        ),
    ] {
        let (id, session, otp) = with_otp(&scene, code).await;
        for expected in told {
            assert_eq!(scene.flow().verify(&session, &otp).await, expected, "{code}");
        }
        scene.timeline(&id, &[&format!("{code} from PAN of applicant"), &format!("{code}: {did}")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_passwords_mean_what_they_mean_everywhere_in_the_sandbox() {
    let scene = Scene::open().await;
    for (otp, told) in [
        ("123456", "SUCCESS"),
        ("111111", "INCORRECT_OTP"),
        ("222222", "INVALID_SESSION"),
        ("333333", "INVALID_SESSION"),
    ] {
        let (_, session, _) = with_otp(&scene, "0000").await;
        assert_eq!(scene.flow().verify(&session, otp).await, told, "{otp}");
    }
}

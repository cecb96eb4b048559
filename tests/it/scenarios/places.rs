//! Where a code may stand, which place counts, and how it is changed on the way.

use serde_json::{Value, json};

use super::{Scene, pan};
use crate::support::bodies::{self, path};

/// An application that has nothing to do with any code.
fn plain(id: &str) -> Value {
    bodies::application(id, &bodies::pan())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_carries_the_same_code() {
    let scene = Scene::open().await;
    let company = |mut application: Value, kind: &str, value: &str| {
        application["borrower"]["additionalIdentifiers"] = json!([{"key": kind, "value": value}]);
        application
    };
    for (place, change) in [
        ("PAN of applicant", bodies::application("APP-PAN", &pan("0101"))),
        ("PAN of applicant", bodies::application("APP-COMPANY", "ZZZCX0101Z")),
        ("GSTIN of applicant", company(plain("APP-GSTIN"), "GSTIN", "29ZZZCX0101Z1ZX")),
        ("Udyam number of applicant", company(plain("APP-UDYAM"), "UDYAM", "UDYAM-ZZ-00-0000101")),
        ("mobile of applicant", {
            let mut application = plain("APP-MOBILE");
            application["borrower"]["contactDetails"][0]["phone"] = json!("9999000101");
            application
        }),
        ("requested amount", {
            let mut application = plain("APP-AMOUNT");
            application["terms"]["requestedAmount"] = json!("100101.00");
            application
        }),
    ] {
        let id = change["loanApplicationId"].as_str().unwrap().to_owned();
        let answer = scene.create(change).await;
        assert_eq!(answer["loanApplicationStatus"], "REJECTED", "{place}: {answer}");
        scene.timeline(&id, &[&format!("0101 from {place}"), "0101: application rejected"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_higher_place_counts_within_a_family_and_families_combine() {
    let scene = Scene::open().await;
    let id = bodies::id();
    let mut application = bodies::application(&id, &pan("0102"));
    application["borrower"]["contactDetails"][0]["phone"] = json!("9999000101");
    application["borrower"]["additionalIdentifiers"] = json!([{"key": "UDYAM", "value": "UDYAM-ZZ-00-0000302"}]);
    application["terms"]["requestedAmount"] = json!("100701.00");
    let answer = scene.create(application).await;
    assert_eq!(answer["rejectionDetails"][0]["reason"], "FRAUD", "{answer}");
    let says = [
        "0102 from PAN of applicant",
        "0101 from mobile of applicant: overruled by PAN of applicant",
        "0302 from Udyam number of applicant",
    ];
    scene.timeline(&id, &says).await;
    let shown = scene.server.get(&format!("/sandbox/scenario?orgId={}&loanApplicationId={id}", scene.lsp.org_id)).await;
    let codes: Vec<&str> = shown["codes"].as_array().unwrap().iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["0102", "0302"], "the amount counts only when nothing else has a code");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_code_is_the_happy_path_with_a_warning() {
    let scene = Scene::open().await;
    let (id, answer) = scene.file("0199").await;
    assert_eq!(answer["loanApplicationStatus"], "PROCESSING", "{answer}");
    scene.timeline(&id, &["0199 from PAN of applicant: unknown code, nothing is forced (warning)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_comes_before_everything() {
    let scene = Scene::open().await;
    let id = bodies::id();
    let request = scene.send_with("0103, 0301", bodies::application(&id, &pan("0101"))).await;
    let answer = scene.lsp.callback(&request).await;
    assert_eq!(answer["loanApplications"][0]["rejectionDetails"][0]["reason"], "DOC_IRREGULARITIES", "{answer}");
    let says = [
        "0103 from header X-Sandbox-Scenario",
        "0301 from header X-Sandbox-Scenario",
        "0101 from PAN of applicant: overruled by header X-Sandbox-Scenario",
    ];
    scene.timeline(&id, &says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_changes_the_script_in_the_middle_of_a_journey() {
    let scene = Scene::open().await;
    let (id, _) = scene.file("0202").await;
    let body = json!({"loanApplicationIds": [id], "consent": {"consentFetchType": "ONETIME", "vua": "asha@aa.in"}});
    let answer = scene.lsp.ask(path::CONSENT_HANDLE, body).await;
    let status = json!({"consent": {"consentHandle": answer["consent"]["consentHandle"]}});
    let told = scene.lsp.ask(path::CONSENT_STATUS, status.clone()).await;
    assert_eq!(told["consent"]["consentStatus"], "PENDING");
    scene.set(&id, &["0204"]).await;
    let told = scene.lsp.ask(path::CONSENT_STATUS, status).await;
    assert_eq!(told["consent"]["consentStatus"], "READY", "the call comes before the PAN");
    scene.timeline(&id, &["0204 from control call"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_may_have_a_default_that_counts_last() {
    let scene = Scene::open().await;
    scene.set_default(&["0104"]).await;
    let id = bodies::id();
    let answer = scene.create(plain(&id)).await;
    assert_eq!(answer["rejectionDetails"][0]["reason"], "OTHERS", "{answer}");
    scene.timeline(&id, &["0104 from default of the LSP"]).await;
    let (_, answer) = scene.file("0102").await;
    assert_eq!(answer["rejectionDetails"][0]["reason"], "FRAUD", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_account_carries_codes_for_payouts_only() {
    let scene = Scene::open().await;
    let flow = scene.flow();
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;
    let account = json!({
        "accountDataType": "VPA",
        "data": {"vpa": "code0301@sandbox", "accountHolderName": bodies::NAME},
    });
    scene.lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;
    scene.timeline(&ids[0], &["0301 from UPI address: only 07xx is read there (warning)"]).await;
    let account = bodies::account("99900000702", bodies::NAME);
    scene.lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;
    scene.timeline(&ids[0], &["0702 from payout account"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_makes_no_sense_changes_nothing() {
    let scene = Scene::open().await;
    let (id, _) = scene.file("0202").await;
    for (name, codes, status) in [
        (id.as_str(), json!(["0199"]), 400),
        (id.as_str(), json!(["0101", "0102"]), 400),
        (id.as_str(), json!(["x"]), 400),
        ("APP-NEVER", json!(["0101"]), 404),
    ] {
        let body = json!({"orgId": scene.lsp.org_id, "loanApplicationId": name, "codes": codes});
        assert_eq!(scene.server.post("/sandbox/scenario", &body).await.0, status, "{body}");
    }
    let shown = scene.server.get(&format!("/sandbox/scenario?orgId={}&loanApplicationId={id}", scene.lsp.org_id)).await;
    assert_eq!(shown["codes"][0]["code"], "0202", "{shown}");
    let listed = scene.server.get("/sandbox/scenarios").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 47);
}

/// The status that a request to file was answered with.
async fn filed(scene: &Scene, request: &str) -> Value {
    scene.lsp.callback(request).await["loanApplications"][0]["loanApplicationStatus"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_happy_path_switches_off_what_stands_lower() {
    let scene = Scene::open().await;
    scene.set_default(&["0102", "0907"]).await;
    let id = bodies::id();
    let request = scene.send_with("0000", bodies::application(&id, &pan("0101"))).await;
    assert_eq!(filed(&scene, &request).await, "PROCESSING");
    let says = [
        "0101 from PAN of applicant: overruled by header X-Sandbox-Scenario",
        "0102 from default of the LSP: overruled by header X-Sandbox-Scenario",
    ];
    scene.timeline(&id, &says).await;
    let shown = scene.server.get(&format!("/sandbox/scenario?orgId={}&loanApplicationId={id}", scene.lsp.org_id)).await;
    let codes: Vec<&str> = shown["codes"].as_array().unwrap().iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["0000"]);
    // The message that has the code is not answered with an error either: the header stands higher.
    let request = scene.send_with("0000", bodies::application(&bodies::id(), &pan("0907"))).await;
    assert_eq!(filed(&scene, &request).await, "PROCESSING");
    let (_, answer) = scene.file("0000").await;
    assert_eq!(answer["loanApplicationStatus"], "PROCESSING", "a PAN stands above the default: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_happy_path_leaves_what_stands_beside_or_above_it() {
    let scene = Scene::open().await;
    let request = scene.send_with("0000,0102", bodies::application(&bodies::id(), &bodies::pan())).await;
    assert_eq!(filed(&scene, &request).await, "REJECTED");
    let request = scene.send_with("0101", bodies::application(&bodies::id(), &pan("0000"))).await;
    assert_eq!(filed(&scene, &request).await, "REJECTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_happy_path_by_a_call_overrules_the_payout_account() {
    let scene = Scene::open().await;
    let flow = scene.flow();
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;
    scene.set(&ids[0], &["0000"]).await;
    let mut account = bodies::account("99900000704", bodies::NAME);
    account["data"]["accountIFSC"] = json!("ZZZZ0SANDBX");
    let answer = scene.lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": ids[0], "account": account})).await;
    assert_eq!(answer["account"]["status"], "ACTIVE", "{answer}");
}

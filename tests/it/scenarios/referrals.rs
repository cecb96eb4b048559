//! 0121, 0122 and 0123: left to a person, whatever place has the code.

use serde_json::{Value, json};

use super::Scene;
use crate::support::bodies::{self, path};

/// Waits until a question about an application is left to a person.
async fn referred(scene: &Scene, id: &str, question: &str, code: &str) {
    let open = async || scene.server.get("/admin/decisions").await["items"].as_array().unwrap().clone();
    let of = |items: &[Value]| items.iter().find(|item| item["loanApplicationId"] == id).cloned();
    scene.server.until("a person is asked", async || of(&open().await).is_some()).await;
    let waiting = of(&open().await).unwrap();
    let shown = scene.server.get(&format!("/admin/decisions/{}", waiting["decisionId"].as_str().unwrap())).await;
    assert_eq!((&shown["question"], &shown["state"]), (&json!(question), &json!("WAITING")), "{shown}");
    assert_eq!(shown["reasons"][0]["code"], format!("SANDBOX_{code}"), "{shown}");
    scene.timeline(id, &[&format!("{code}: referred to a person")]).await;
}

async fn send(scene: &Scene, path: &str, body: Value) {
    let (_, ack) = scene.lsp.send(path, body).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
}

async fn file(scene: &Scene, application: Value) {
    send(scene, path::CREATE, json!({"loanApplications": [application]})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0121_refers_at_filing_from_every_place() {
    let scene = Scene::open().await;
    let plain = |id: &str| bodies::application(id, &bodies::pan());
    let company = |mut application: Value, kind: &str, value: &str| {
        application["borrower"]["additionalIdentifiers"] = json!([{"key": kind, "value": value}]);
        application
    };
    let mut mobile = plain("APP-MOBILE");
    mobile["borrower"]["contactDetails"][0]["phone"] = json!("9999000121");
    let mut amount = plain("APP-AMOUNT");
    amount["terms"]["requestedAmount"] = json!("100121.00");
    for application in [
        bodies::application("APP-PAN", "ZZZPX0121Z"),
        bodies::application("APP-COMPANY", "ZZZCX0121Z"),
        company(plain("APP-UDYAM"), "UDYAM", "UDYAM-ZZ-00-0000121"),
        mobile,
        amount,
    ] {
        let id = application["loanApplicationId"].as_str().unwrap().to_owned();
        file(&scene, application).await;
        referred(&scene, &id, "eligibility", "0121").await;
    }
    scene.send_with("0121", plain("APP-HEADER")).await;
    referred(&scene, "APP-HEADER", "eligibility", "0121").await;
    scene.set_default(&["0121"]).await;
    file(&scene, plain("APP-DEFAULT")).await;
    referred(&scene, "APP-DEFAULT", "eligibility", "0121").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0122_refers_at_the_offers() {
    let scene = Scene::open().await;
    let ids = scene.flow().file(1).await;
    scene.set(&ids[0], &["0122"]).await;
    scene.flow().consent(&ids, "ONETIME").await;
    send(&scene, path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    referred(&scene, &ids[0], "offers", "0122").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0123_refers_at_the_grant() {
    let scene = Scene::open().await;
    let flow = scene.flow();
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    scene.set(&ids[0], &["0123"]).await;
    send(&scene, path::GRANT, json!({"loanApplicationId": ids[0]})).await;
    referred(&scene, &ids[0], "final-check", "0123").await;
}

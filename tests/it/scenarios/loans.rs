//! 08xx: how the borrower repays.

use serde_json::json;

use super::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn code_0801_bounces_the_first_instalment_and_pays_three_days_later() {
    let scene = Scene::open().await;
    let loan = scene.running("0801").await;
    scene.clock(json!({"until": "firstBounce", "loanId": loan.loan_id})).await;
    scene.timeline(&loan.application, &["0801: the first instalment bounces"]).await;
    scene.clock(json!({"advance": "P4D"})).await;
    scene.timeline(&loan.application, &["0801: the borrower pays what is due"]).await;
    let shown = scene.loan(&loan).await;
    assert_eq!(shown["delinquency"]["daysPastDue"], 0, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0802_never_pays_and_ends_as_a_non_performing_asset() {
    let scene = Scene::open().await;
    let loan = scene.running("0802").await;
    let moved = scene.clock(json!({"until": "npa", "loanId": loan.loan_id})).await;
    let happened = moved["happened"].to_string();
    for class in ["SMA-0", "SMA-1", "SMA-2", "NPA"] {
        assert!(happened.contains(class), "no {class} in {happened}");
    }
    scene.timeline(&loan.application, &["0802 from PAN of applicant", "0802: the borrower does not pay"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0803_pays_a_part_of_each_instalment() {
    let scene = Scene::open().await;
    let loan = scene.running("0803").await;
    scene.clock(json!({"advance": "P40D"})).await;
    let shown = scene.loan(&loan).await;
    assert_ne!(shown["delinquency"]["daysPastDue"], 0, "{shown}");
    scene.timeline(&loan.application, &["0803: the borrower pays 60 % of the instalment"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0804_pays_off_in_the_third_month() {
    let scene = Scene::open().await;
    let loan = scene.running("0804").await;
    let moved = scene.clock(json!({"until": "closed", "loanId": loan.loan_id})).await;
    assert!(moved["happened"].to_string().contains("closed"), "{moved}");
    let shown = scene.loan(&loan).await;
    assert_eq!(shown["status"], "CLOSED", "{shown}");
    scene.timeline(&loan.application, &["0804: the borrower pays the loan off"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_stops_at_the_next_event_of_a_loan() {
    let scene = Scene::open().await;
    let loan = scene.running("0000").await;
    let before = scene.server.get("/sandbox/clock").await;
    let moved = scene.clock(json!({"until": "nextEvent", "loanId": loan.loan_id})).await;
    assert!(!moved["happened"].as_array().unwrap().is_empty(), "{moved}");
    assert!(moved["businessDate"].as_str() > before["businessDate"].as_str(), "{moved}");
    assert_eq!(scene.loan(&loan).await["status"], "RUNNING");
}

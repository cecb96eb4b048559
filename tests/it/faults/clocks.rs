//! Time that passes without anybody, and clocks that disagree. `dev` has a clock that can be moved; its replicas share
//! the database and the lender's systems with each other as those of `serve` do.

use std::time::Duration;

use serde_json::json;

use super::proxy::Fault;
use super::scene::{Scene, journeys, meanwhile};

/// Time that goes by while the LSP is down, in steps that leave room for a try each.
const DOWN: [&str; 6] = ["PT10M"; 6];
/// What is enough for the longest wait after an hour of failures (design §6: two hours and a tenth).
const ENOUGH: &str = "PT2H15M";

async fn advance(scene: &Scene, replica: usize, by: &str) {
    let url = format!("http://{}/sandbox/clock", scene.replicas[replica].admin);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(url).json(&json!({"advance": by})).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn advance_all(scene: &Scene, by: &str) {
    for replica in 0..scene.replicas.len() {
        advance(scene, replica, by).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn the_lsp_is_down_for_an_hour() {
    let mut scene = Scene::set_with_clocks().await;
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    meanwhile(&over, &dice, (2_000, 3_000)).await;
    scene.outward.storm(100, &[Fault::Refused]);
    scene.outward.cut();
    for step in DOWN {
        // Whatever is due now is tried and fails.
        dice.wait(Duration::from_secs(3), Duration::from_secs(4)).await;
        advance_all(&scene, step).await;
    }
    let failed = "select count(*) from callback where state = 'PENDING' and attempts > 3";
    assert!(scene.number(failed).await > 0, "callbacks were tried again while the LSP was down");
    scene.outward.calm();
    advance_all(&scene, ENOUGH).await;
    let loans = travellers.arrive().await;
    // After ten minutes a failing callback lets the others pass.
    scene.out_of_order = true;
    scene.judge(&loans).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn clocks_jump_and_disagree() {
    let mut scene = Scene::set_with_clocks().await;
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    // Not so far that the borrower's days to leave the loan are over.
    let mut jumps = ["PT90S", "PT5M", "PT1H", "PT10S", "PT3H", "PT7M", "PT11H"].into_iter();
    let mut turn = 0;
    while meanwhile(&over, &dice, (1_000, 3_000)).await {
        let Some(jump) = jumps.next() else { break };
        advance(&scene, turn % 2, jump).await;
        turn += 1;
        // Back to the wall's time: its clock is lost with its directory.
        if turn == 4 {
            scene.replicas[0].kill().await;
            scene.replicas[0].forget_clock();
            scene.replicas[0].launch().await;
        }
    }
    let loans = travellers.arrive().await;
    // What the one that was ahead had planned is due for the others as well.
    advance_all(&scene, "PT15H").await;
    scene.out_of_order = true;
    scene.judge(&loans).await;
}

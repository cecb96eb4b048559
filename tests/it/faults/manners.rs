//! LSPs that answer badly, repeat themselves, or say things twice and late.

use super::lsp::MANNERS;
use super::scene::{Scene, journeys, meanwhile};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn the_lsp_answers_badly() {
    let mut scene = Scene::set().await;
    scene.lsp.misbehave(25, &MANNERS);
    let loans = scene.travellers(journeys()).arrive().await;
    let bad = scene.lsp.evidence(|evidence| evidence.arrivals.iter().filter(|arrival| !arrival.good).count());
    assert!(bad > 0, "the LSP behaved");
    scene.judge(&loans).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn requests_come_several_times_and_out_of_order() {
    let mut scene = Scene::set().await;
    scene.lsp.send_copies(3);
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    while meanwhile(&over, &dice, (100, 400)).await {
        scene.lsp.send_an_old_one_again().await;
        scene.lsp.abuse_an_old_id().await;
    }
    let loans = travellers.arrive().await;
    scene.judge(&loans).await;
}

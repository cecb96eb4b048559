//! Connections that are slow, cut, halved or silent: between LSP and lender both ways, and between lender and database.

use std::time::Duration;

use super::proxy::Fault;
use super::scene::{Scene, journeys, meanwhile};

/// What befalls a connection over which one request goes; sizes cut within head and body.
const FAULTS: [Fault; 8] = [
    Fault::Refused,
    Fault::Delayed(Duration::from_millis(400)),
    Fault::HalfAsked(120),
    Fault::HalfAsked(900),
    Fault::HalfAnswered(60),
    Fault::HalfAnswered(300),
    Fault::Dripping,
    Fault::Swallowed,
];

/// What befalls a connection to the database, which lives longer. None is silent for ever: that is the balancer's to
/// end (`timeout` and `on-marked-down shutdown-sessions` of `HAProxy`).
const DATABASE_FAULTS: [Fault; 6] = [
    Fault::Refused,
    Fault::Delayed(Duration::from_millis(15)),
    Fault::HalfAsked(2_000),
    Fault::HalfAsked(20_000),
    Fault::HalfAnswered(3_000),
    Fault::HalfAnswered(30_000),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn requests_and_acks_are_lost_on_the_way() {
    let mut scene = Scene::set().await;
    scene.inward.storm(25, &FAULTS);
    let loans = scene.travellers(journeys()).arrive().await;
    let tries = scene.lsp.evidence(|evidence| evidence.failed_tries.len());
    assert!(tries > 0, "the storm was none");
    scene.judge(&loans).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn callbacks_and_their_acks_are_lost_on_the_way() {
    let mut scene = Scene::set().await;
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    while meanwhile(&over, &dice, (500, 2_000)).await {
        scene.outward.storm(25, &FAULTS);
        scene.outward.cut();
        meanwhile(&over, &dice, (1_000, 3_000)).await;
        // Connections are kept; what was calm stays calm until it is cut.
        scene.outward.calm();
        scene.outward.cut();
    }
    let loans = travellers.arrive().await;
    scene.judge(&loans).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn the_line_to_the_database_breaks_again_and_again() {
    let mut scene = Scene::set().await;
    scene.postgres.wire.storm(30, &DATABASE_FAULTS);
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    while meanwhile(&over, &dice, (500, 3_000)).await {
        scene.postgres.wire.cut();
    }
    let loans = travellers.arrive().await;
    scene.judge(&loans).await;
}

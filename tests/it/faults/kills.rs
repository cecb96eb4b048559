//! Processes that die: replicas and Postgres.

use std::time::Duration;

use super::postgres::End;
use super::scene::{Scene, journeys, meanwhile};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn nothing_at_all_happens() {
    let mut scene = Scene::set().await;
    let loans = scene.travellers(journeys()).arrive().await;
    scene.judge(&loans).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn replicas_are_killed_at_random_moments() {
    let mut scene = Scene::set().await;
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let (dice, count) = (scene.dice.clone(), scene.replicas.len() as u64);
    while meanwhile(&over, &dice, (500, 4_000)).await {
        let victim = usize::try_from(dice.roll(count)).unwrap();
        scene.replicas[victim].kill().await;
        dice.wait(Duration::ZERO, Duration::from_secs(1)).await;
        scene.replicas[victim].launch().await;
    }
    let loans = travellers.arrive().await;
    scene.judge(&loans).await;
}

async fn database_that(ends: &[End]) {
    let mut scene = Scene::set().await;
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    while meanwhile(&over, &dice, (2_000, 8_000)).await {
        let how = usize::try_from(dice.roll(ends.len() as u64)).unwrap();
        scene.postgres.end(ends[how]).await;
        dice.wait(Duration::ZERO, Duration::from_secs(3)).await;
        scene.postgres.start_again().await;
    }
    let loans = travellers.arrive().await;
    scene.judge(&loans).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn the_database_is_restarted() {
    database_that(&[End::Fast]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn the_database_stops_at_once_or_is_killed() {
    database_that(&[End::Immediate, End::Kill]).await;
}

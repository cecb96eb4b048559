//! Replicas are replaced one after the other while the others work: nobody notices.

use std::time::Duration;

use super::scene::{Scene, journeys, meanwhile};

/// How long the balancer may take to see that a replica is back.
const SEEN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn a_rolling_restart_fails_no_request() {
    let mut scene = Scene::set().await;
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    let (mut turn, mut rounds) = (0, 0);
    while meanwhile(&over, &dice, (200, 1_000)).await {
        // SIGTERM: not ready any more, still serving until the balancer has seen it, then what was begun is finished.
        scene.replicas[turn].stop().await;
        scene.replicas[turn].launch().await;
        let seen = async {
            while !scene.balancer.is_ready(turn) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SEEN, seen).await.expect("the balancer takes the replica back");
        turn = (turn + 1) % scene.replicas.len();
        rounds += 1;
    }
    let loans = travellers.arrive().await;
    assert!(rounds >= scene.replicas.len(), "each replica was replaced while requests came: {rounds}");
    let failed = scene.lsp.evidence(|evidence| evidence.failed_tries.clone());
    assert_eq!(failed, Vec::<String>::new(), "no request failed");
    scene.judge(&loans).await;
}

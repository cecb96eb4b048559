//! A disk that is full under the database.

use std::time::Duration;

use super::scene::{Scene, journeys, meanwhile};
use crate::support::skip;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn the_disk_under_the_database_is_full() {
    let mut scene = Scene::set().await;
    if let Err(why) = scene.postgres.move_to_small_disk().await {
        skip(&format!("no small file system can be mounted here ({why}); root can mount one"));
        scene.judge(&[]).await;
        return;
    }
    let travellers = scene.travellers(journeys());
    let over = travellers.over();
    let dice = scene.dice.clone();
    while meanwhile(&over, &dice, (2_000, 5_000)).await {
        scene.postgres.fill_disk();
        meanwhile(&over, &dice, (2_000, 5_000)).await;
        scene.postgres.clear_disk();
        // It may have given up, as a full disk under its log makes it do; somebody starts it again then.
        if !scene.postgres.answers().await {
            dice.wait(Duration::from_millis(100), Duration::from_secs(1)).await;
            scene.postgres.start_again().await;
        }
    }
    scene.postgres.clear_disk();
    let loans = travellers.arrive().await;
    scene.judge(&loans).await;
}

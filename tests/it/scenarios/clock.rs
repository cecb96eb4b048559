//! The test clock waits for what can still happen to a loan, and for nothing else.

use serde_json::{Value, json};

use super::Scene;
use crate::support::flow::Loan;

const UNTIL: [&str; 4] = ["nextEvent", "firstBounce", "npa", "closed"];

/// Asks for a move that waits for something of a loan.
async fn until(scene: &Scene, what: &str, loan: &Loan) -> (u16, Value) {
    scene.server.post("/sandbox/clock", &json!({"until": what, "loanId": loan.loan_id})).await
}

async fn today(scene: &Scene) -> Value {
    scene.server.get("/sandbox/clock").await["businessDate"].clone()
}

/// Two loans: one that is paid off in its third month, and one on which something happens for ever.
async fn two(scene: &Scene) -> (Loan, Loan) {
    (scene.running("0804").await, scene.running("0802").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_loan_that_has_ended() {
    let scene = Scene::open().await;
    let (ends, _) = two(&scene).await;
    let (status, moved) = until(&scene, "closed", &ends).await;
    assert_eq!((status, &moved["reached"]), (200, &json!(true)), "{moved}");
    let day = today(&scene).await;
    for what in UNTIL {
        let (status, answer) = until(&scene, what, &ends).await;
        assert_eq!(status, 409, "{what}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains("CLOSED"), "{answer}");
    }
    assert_eq!(today(&scene).await, day, "a refusal leaves the clock where it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_stops_where_the_loan_ends() {
    let scene = Scene::open().await;
    let (ends, _) = two(&scene).await;
    let (status, moved) = until(&scene, "npa", &ends).await;
    assert_eq!((status, &moved["reached"]), (200, &json!(false)), "{moved}");
    assert!(moved["why"].as_str().unwrap().contains("CLOSED"), "{moved}");
    let closed = scene.loan(&ends).await;
    assert_eq!(closed["account"]["ended"][0], moved["businessDate"], "{closed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_stops_soon_after_a_schedule_that_never_closes_its_loan() {
    let scene = Scene::open().await;
    let never_pays = scene.running("0802").await;
    let (status, moved) = until(&scene, "npa", &never_pays).await;
    assert_eq!((status, &moved["reached"]), (200, &json!(true)), "{moved}");
    let (status, answer) = until(&scene, "npa", &never_pays).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("already"), "{answer}");
    let (status, moved) = until(&scene, "closed", &never_pays).await;
    assert_eq!((status, &moved["reached"]), (200, &json!(false)), "{moved}");
    let rows = scene.loan(&never_pays).await["schedule"].clone();
    let day = |text: &Value| text.as_str().unwrap().parse::<chrono::NaiveDate>().unwrap();
    let last = day(&rows.as_array().unwrap().last().unwrap()["dueDate"]);
    assert!(
        day(&moved["businessDate"]).signed_duration_since(last).num_days() < 250,
        "{last} {}",
        moved["businessDate"]
    );
    assert_eq!(until(&scene, "closed", &never_pays).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_happens_by_itself_to_a_loan_that_is_not_paid_out() {
    let scene = Scene::open().await;
    scene.running("0802").await;
    let granted = scene.granted("0000").await;
    let day = today(&scene).await;
    for what in UNTIL {
        let (status, answer) = until(&scene, what, &granted).await;
        assert_eq!(status, 409, "{what}: {answer}");
    }
    assert_eq!(today(&scene).await, day);
}

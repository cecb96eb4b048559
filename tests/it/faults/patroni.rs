//! A Patroni cluster whose primary dies while requests come: what was acknowledged is on its successor.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ocen_lender::clock::Ids;

use super::program::Kind;
use super::scene::{Scene, journeys, meanwhile, new_dir};
use crate::support::skip;

/// Starts and ends the cluster (`deploy/cluster`).
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/patroni");
/// How long Patroni may take to make another node the primary: `ttl` and a few rounds.
const FAILOVER: Duration = Duration::from_secs(90);
/// Failovers of one run, at most: each takes half a minute in which nothing is accepted.
const MOST: usize = 4;

/// The cluster; everything ends with it.
struct Cluster(PathBuf);

impl Cluster {
    fn call(&self, arguments: &[&str]) -> Option<String> {
        let (first, rest) = arguments.split_first().unwrap();
        let output = Command::new(SCRIPT).arg(first).arg(&self.0).args(rest).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// The primary's number, once there is one that is not `old`.
    async fn primary(&self, old: &str) -> String {
        let waiting = async {
            loop {
                match self.call(&["primary"]) {
                    Some(node) if node != old => return node,
                    _ => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            }
        };
        tokio::time::timeout(FAILOVER, waiting).await.expect("another node becomes the primary")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.call(&["stop"]);
    }
}

fn missing() -> String {
    let output = Command::new(SCRIPT).arg("missing").output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make faults runs it"]
async fn the_primary_of_a_patroni_cluster_is_killed() {
    let missing = missing();
    if !missing.is_empty() {
        skip(&format!("not installed: {missing} (Debian: apt-get install patroni etcd-server haproxy)"));
        return;
    }
    let dir = new_dir();
    let cluster = Cluster(std::env::temp_dir().join(format!("ocen-patroni-{}", Ids.uuid().simple())));
    let url = cluster.call(&["start"]).expect("the cluster starts");
    let mut scene = Scene::set_on(dir, url, Kind::Serve).await;
    let travellers = scene.travellers(journeys());
    let (over, dice) = (travellers.over(), scene.dice.clone());
    for _ in 0..MOST {
        if !meanwhile(&over, &dice, (2_000, 6_000)).await {
            break;
        }
        let primary = cluster.primary("").await;
        cluster.call(&["kill", &primary]);
        cluster.primary(&primary).await;
        // It comes back as a replica of its successor.
        cluster.call(&["node", &primary]);
        meanwhile(&over, &dice, (8_000, 12_000)).await;
    }
    let loans = travellers.arrive().await;
    let tries = scene.lsp.evidence(|evidence| evidence.failed_tries.len());
    assert!(tries > 0, "nobody noticed");
    scene.judge(&loans).await;
}

//! What stands beside the program for other tools is what the program would write, and works.

use std::process::Stdio;

use ocen_lender::journey::postman;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::server::{Options, Server};
use crate::support::skip;

const COLLECTION: &str = include_str!("../../openapi/postman/ocen-v3.postman_collection.json");
const ENVIRONMENT: &str = include_str!("../../openapi/postman/dev.postman_environment.json");

#[test]
fn the_postman_files_are_what_the_program_writes() {
    assert!(COLLECTION == postman::collection().unwrap(), "the Postman collection is old: run `make openapi`");
    assert!(ENVIRONMENT == postman::environment().unwrap(), "the Postman environment is old: run `make openapi`");
}

#[test]
fn every_variable_of_the_collection_is_known_and_every_name_is_there_once() {
    let collection: Value = serde_json::from_str(COLLECTION).unwrap();
    let environment: Value = serde_json::from_str(ENVIRONMENT).unwrap();
    let keys = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap().to_owned()).collect()
    };
    let known = [keys(&collection["variable"]), keys(&environment["values"])].concat();
    for used in COLLECTION.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
        assert!(used.0 == "$guid" || known.contains(&used.0.to_owned()), "{} is not known", used.0);
    }
    let folders = collection["item"].as_array().unwrap();
    let items = folders.iter().flat_map(|folder| folder["item"].as_array().unwrap());
    let mut names: Vec<&str> = items.map(|item| item["name"].as_str().unwrap()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// A sandbox that can sign as LSP-DEMO.
async fn sandbox() -> (Server, std::path::PathBuf) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(ocen_lender::clock::Ids.uuid().to_string());
    tokio::fs::create_dir(&folder).await.unwrap();
    let data_dir = folder.clone();
    let tweak = move |config: &mut ocen_lender::config::Config| config.sandbox.as_mut().unwrap().data_dir = data_dir;
    let server = Server::start_with(Options { tweak: Some(Box::new(tweak)), ..Options::default() }).await;
    let key = ocen_lender::sandbox::demo::key(&folder).await.unwrap();
    let inbox = format!("{}/sandbox/inbox/LSP-DEMO", server.admin);
    let keys = json!([{"kid": key.kid(), "publicKeyPem": key.public_key_pem()}]);
    let demo = json!({"name": "Demo", "callbackBaseUrl": inbox, "keys": keys});
    let put = server.http.put(format!("{}/admin/lsps/LSP-DEMO", server.admin)).json(&demo).send().await.unwrap();
    assert!(put.status().is_success());
    (server, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signed_walk_with_curl_ends_with_a_loan_paid_off() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/curl/journey.sh");
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().await.is_err() {
        skip("curl is not installed");
        return;
    }
    let (server, folder) = sandbox().await;

    let mut walk = Command::new("bash");
    let ran = walk.arg(script).env("OCEN", &server.url).env("ADMIN", &server.admin).output().await.unwrap();

    let printed = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{printed}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(printed.trim_end().ends_with("COMPLETED"), "{printed}");
    tokio::fs::remove_dir_all(folder).await.unwrap();
}

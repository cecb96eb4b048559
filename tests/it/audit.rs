//! The audit log: a chain that shows what was altered, left out, moved or cut off.

use std::collections::BTreeMap;

use ocen_lender::audit::verify::{Fault, VerifyError, Walk, Whole, walk};
use ocen_lender::audit::{anchor, start};
use ocen_lender::config::Role;
use ocen_lender::jose::SigningKey;
use ocen_lender::store::audit::{Actor, Entry};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::support::operators::{self, audited, get};
use crate::support::server::Server;
use crate::support::sql;

/// Appends one entry in a transaction of its own.
async fn append(server: &Server, id: usize) {
    let mut tx = server.app.pool.begin().await.unwrap();
    Entry::by(&Actor::server(), "TRIED").about("id", id).append(&mut tx, server.app.clock.wall()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn with_entries(count: usize) -> Server {
    let server = Server::start().await;
    for id in 1..=count {
        append(&server, id).await;
    }
    server
}

async fn walked(server: &Server, wanted: &Walk) -> Result<Whole, Fault> {
    let mut conn = PgConnection::connect(&server.database_url).await.unwrap();
    walk(&mut conn, wanted).await.map_err(|error| match error {
        VerifyError::Broken(fault) => fault,
        error @ (VerifyError::Store(_) | VerifyError::Unproven(_)) => panic!("{error}"),
    })
}

/// What somebody does who owns the database and is past every trigger.
async fn forge(server: &Server, sql: &str) {
    sql::run(&server.app.pool, &format!("set local session_replication_role = replica; {sql}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_only_grows() {
    let server = with_entries(3).await;
    let pool = &server.app.pool;
    for blow in [
        "update audit_entry set entry = '{}'",
        "delete from audit_entry",
        "truncate audit_entry",
        "insert into audit_anchor values (current_date, 0, decode(repeat('00', 32), 'hex'), '{}', now());
         delete from audit_anchor",
    ] {
        let refusal = sql::run(pool, blow).await.expect_err(blow);
        assert!(refusal.contains("append-only"), "{blow}: {refusal}");
    }

    // Place and hashes are the database's, whatever an insert says.
    let forged = "insert into audit_entry (seq, prev_hash, hash, entry)
        values (77, decode(repeat('11', 32), 'hex'), decode(repeat('22', 32), 'hex'), '{\"actor\":\"x\",\"action\":\"Y\"}')";
    sql::run(pool, forged).await.unwrap();
    let whole = walked(&server, &Walk::default()).await.unwrap();
    assert_eq!((whole.from, whole.to, whole.count), (1, 4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_row_is_found() {
    let server = with_entries(5).await;
    forge(&server, "update audit_entry set entry = replace(entry, '\"3\"', '\"9\"') where seq = 3").await;
    assert_eq!(walked(&server, &Walk::default()).await, Err(Fault::Altered(3)));
    let behind = Walk { from: Some(5), ..Walk::default() };
    assert_eq!(walked(&server, &behind).await.map(|whole| whole.count), Ok(1), "what comes after is whole in itself");

    // With a hash that fits the new text, the next row does not follow any more.
    forge(
        &server,
        "update audit_entry
        set hash = sha256(prev_hash || int8send(seq) || convert_to(entry, 'UTF8'))
        where seq = 3",
    )
    .await;
    assert_eq!(walked(&server, &Walk::default()).await, Err(Fault::Unlinked(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_row_is_found() {
    let server = with_entries(5).await;
    forge(&server, "delete from audit_entry where seq = 3").await;
    assert_eq!(walked(&server, &Walk::default()).await, Err(Fault::Missing(3)));
    forge(&server, "update audit_entry set seq = seq - 1 where seq > 3").await;
    assert_eq!(walked(&server, &Walk::default()).await, Err(Fault::Unlinked(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_changed_places_are_found() {
    let server = with_entries(4).await;
    forge(
        &server,
        "update audit_entry set seq = 99 where seq = 2;
        update audit_entry set seq = 2 where seq = 3;
        update audit_entry set seq = 3 where seq = 99",
    )
    .await;
    assert_eq!(walked(&server, &Walk::default()).await, Err(Fault::Unlinked(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_head_shows_an_end_that_was_cut_off_and_a_chain_that_was_made_anew() {
    let server = with_entries(4).await;
    let made = anchor::make(&server.app).await.unwrap().unwrap();
    assert_eq!(made.seq, 4);
    assert_eq!(anchor::make(&server.app).await.unwrap(), None, "one a day");
    append(&server, 5).await;
    // The log says where it stands every hour, when it has grown.
    assert_eq!(anchor::tell(&server.app, Some(5)).await.unwrap(), None);
    let told = anchor::tell(&server.app, Some(4)).await.unwrap().unwrap();
    let signing = server.app.keys.signing();
    let keys = |key: &SigningKey| BTreeMap::from([(signing.kid().to_owned(), key.verifying_key().clone())]);
    let wanted = Walk { keys: keys(&signing), ..Walk::default() };
    let whole = walked(&server, &wanted).await.unwrap();
    assert_eq!((whole.count, whole.anchors, whole.signatures), (5, 1, 1));
    let (code, said) =
        command(&server, &["verify", "--key", &key_file("another", &SigningKey::generate("x").unwrap())]).await;
    assert!(code == 1 && said.starts_with("UNPROVEN: the chain is whole"), "{said}");
    assert!(said.contains(signing.kid()), "and names the key that is missing: {said}");
    let others = Walk { keys: keys(&SigningKey::generate("other").unwrap()), ..Walk::default() };
    assert!(matches!(walked(&server, &others).await, Err(Fault::Anchor { .. })), "another key did not sign it");

    forge(&server, "delete from audit_entry where seq >= 4").await;
    let cut = Fault::CutOff { day: made.day, count: 4, ends: 3 };
    assert_eq!(walked(&server, &wanted).await, Err(cut.clone()));
    // The forger takes back the anchor as well: the log line has it still.
    forge(&server, "delete from audit_anchor").await;
    assert!(walked(&server, &wanted).await.is_ok());
    let kept = Walk { kept: vec![made.signed.clone()], ..wanted.clone() };
    assert_eq!(walked(&server, &kept).await, Err(cut));
    append(&server, 98).await;
    let later = Walk { kept: vec![told.signed], ..wanted };
    assert_eq!(walked(&server, &later).await, Err(Fault::CutOff { day: told.day, count: 5, ends: 4 }));
    forge(&server, "delete from audit_entry where seq >= 4").await;
    append(&server, 99).await;
    assert_eq!(walked(&server, &kept).await, Err(Fault::Replaced { seq: 4, day: made.day }));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_many_at_once_make_one_chain_and_a_rollback_leaves_no_gap() {
    let server = Server::start().await;
    let many = (0..40).map(|id| {
        let server = &server;
        async move {
            let mut tx = server.app.pool.begin().await.unwrap();
            let entry = Entry::by(&Actor::server(), "TRIED").about("id", id);
            entry.append(&mut tx, server.app.clock.wall()).await.unwrap();
            if id % 4 == 0 { tx.rollback().await } else { tx.commit().await }.unwrap();
        }
    });
    futures_util::future::join_all(many).await;

    let whole = walked(&server, &Walk::default()).await.unwrap();
    assert_eq!((whole.count, whole.to), (30, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_tells_what_is_not_as_it_was() {
    let server = operators::with(&[("asha", &[Role::Maker, Role::Checker])]).await;
    start::record(&server.app).await.unwrap();
    start::record(&server.app).await.unwrap();
    let options =
        crate::support::server::Options { database_url: Some(server.database_url.clone()), ..Default::default() };
    let next = operators::start(&[("asha", &[Role::Maker])], options, |config| {
        config.file_sha256 = Some("another file".to_owned());
    })
    .await;
    start::record(&next.app).await.unwrap();

    let entries = audited(&next).await;
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[1]["before"], entries[1]["after"], "nothing had changed: {}", entries[1]);
    assert!(entries[1]["subject"]["changed"].is_null());
    assert_eq!(entries[0]["subject"]["changed"], "configSha256 operators", "{}", entries[0]);
    assert_eq!(entries[1]["subject"]["operators"], "asha: maker checker");
}

/// `ocen-lender audit ...`; gives its exit code and what it printed.
/// `KID=FILE` of a public key.
fn key_file(kid: &str, key: &SigningKey) -> String {
    let path = std::env::temp_dir().join(format!("ocen-audit-{}.pem", ocen_lender::clock::Ids.uuid().simple()));
    std::fs::write(&path, key.public_key_pem()).unwrap();
    format!("{kid}={}", path.display())
}

async fn command(server: &Server, line: &[&str]) -> (i32, String) {
    let ran = tokio::process::Command::new(env!("CARGO_BIN_EXE_ocen-lender"))
        .arg("audit")
        .args(line)
        .env("DATABASE_URL", &server.database_url)
        .output()
        .await
        .unwrap();
    (ran.status.code().unwrap(), String::from_utf8(ran.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_ok_or_the_first_broken_row() {
    let server = with_entries(3).await;
    let (code, said) = command(&server, &["verify"]).await;
    assert!(code == 0 && said.starts_with("OK: 3 rows, 1 to 3, head "), "{code} {said}");
    let (_, exported) = command(&server, &["export", "--from", "2"]).await;
    let rows: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), &rows[0]["entry"]["subject"]["id"]), (2, &json!("2")));
    assert!(said.contains(rows[1]["hash"].as_str().unwrap()), "the head is the last row's hash");

    forge(&server, "update audit_entry set entry = replace(entry, 'TRIED', 'DONE') where seq = 2").await;
    assert_eq!(command(&server, &["verify"]).await, (1, "BROKEN: row 2 was altered\n".to_owned()));
    let (code, said) = command(&server, &["verify", "--json"]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["ok"], &said["broken"]["seq"]), (1, &json!(false), &json!(2)));
    let (code, said) = command(&server, &["verify", "--to", "1", "--json"]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["ok"], &said["count"]), (0, &json!(true), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_the_log_page_by_page() {
    let server = operators::with(&[("aude", &[Role::Auditor]), ("vera", &[Role::Viewer])]).await;
    for id in 1..=3 {
        append(&server, id).await;
    }
    anchor::make(&server.app).await.unwrap();

    let (status, page) = get(&server, "aude", "/admin/audit?limit=2").await;
    assert_eq!((status, &page["nextCursor"]), (200, &json!("2")), "{page}");
    assert_eq!(page["items"][0]["entry"]["subject"], json!({"id": "3"}));
    assert_eq!(page["items"][0]["prevHash"], page["items"][1]["hash"]);
    let (_, page) = get(&server, "aude", "/admin/audit?limit=2&cursor=2&action=TRIED&actor=ocen-lender").await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["nextCursor"]), (1, &json!(null)));
    assert_eq!(get(&server, "aude", "/admin/audit?actor=asha").await.1["items"], json!([]));
    let (_, anchors) = get(&server, "aude", "/admin/audit/anchors").await;
    assert_eq!(anchors["items"][0]["count"], 3, "{anchors}");
    assert_eq!(get(&server, "vera", "/admin/audit").await.0, 403);
}

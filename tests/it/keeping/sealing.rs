//! Sealing keys change while two servers run on one database.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ocen_lender::clock::Ids;
use ocen_lender::seal::{MasterKey, Sealer};
use ocen_lender::store::{seal_key, sealed};
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{Executor as _, Row as _};
use tokio::process::Command;

use crate::support::bodies::path;
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::server::{Options, Server, TEST_MASTER_KEY};
use crate::support::sql;

/// Bytes that are not sealed: indexes, digests and wrapped keys.
const NOT_SEALED: [&str; 15] = [
    "_sqlx_migrations.checksum",
    "application.borrower_index",
    "attempt.signature",
    "audit_anchor.hash",
    "audit_entry.hash",
    "audit_entry.prev_hash",
    "borrower.borrower_index",
    "borrower_page.token_index",
    "erasure.digest",
    "exposure.borrower_index",
    "inbox.digest",
    "lien.collateral_index",
    "loan.borrower_index",
    "seal_key.wrapped",
    "seal_root.wrapped",
];

/// Key files of a test, removed at its end.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("ocen-keys-{}", Ids.uuid().simple()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("master.key"), TEST_MASTER_KEY).unwrap();
        Self(dir)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program's own command; gives whether it succeeded and what it said.
async fn keys(server: &Server, args: &[&str]) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_ocen-lender"))
        .arg("keys")
        .args(args)
        .env("DATABASE_URL", &server.database_url)
        .output()
        .await
        .unwrap();
    (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn second(server: &Server) -> Server {
    let database_url = Some(server.database_url.clone());
    Server::start_with(Options { database_url, idle: true, ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_data_key_seals_without_a_restart_and_the_old_one_can_go() {
    let files = Files::new();
    let master = files.at("master.key");
    let server = Server::start().await;
    let mut lsp = server.lsp().await;
    let late = second(&server).await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;

    let (made, said) = keys(&server, &["rotate-sealing", "--master-file", text(&master), "--lead-seconds", "0"]).await;
    assert!(made && said.contains("data key 2"), "{said}");
    server.app.load_data_keys().await.unwrap();
    let ask = |path: &'static str| lsp.ask(path, json!({"loanId": loan.loan_id}));
    ask(path::LOAN_SUMMARY).await;
    flow_forward(&server, &loan.loan_id).await;
    fingerprint::at_rest(&server).await;

    // The other server has not heard of the new key, and opens what it sealed all the same.
    assert_eq!(late.app.sealer.active_key_id(), Some(1));
    lsp.url.clone_from(&late.url);
    let (_, ack) = lsp.send(path::LOAN_SUMMARY, json!({"loanId": loan.loan_id})).await;
    assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
    assert_eq!(late.app.sealer.active_key_id(), Some(2));
    lsp.url.clone_from(&server.url);

    // One more is made, which does not seal yet.
    let coming = ["rotate-sealing", "--lead-seconds", "60", "--master-file", text(&master)];
    assert!(keys(&server, &coming).await.0);
    let (done, said) = keys(&server, &["reseal", "--master-file", text(&master)]).await;
    assert!(!done && said.contains("data key 3 does not seal yet: wait ") && !said.contains("values"), "{said}");
    server.app.pool.execute("delete from seal_key where seal_key_id = 3").await.unwrap();

    let retire = ["retire-sealing", "--id", "1", "--at-once", "--master-file", text(&master)];
    let (gone, said) = keys(&server, &retire).await;
    assert!(!gone && said.contains("still seals"), "{said}");
    let revision = "select revision from application";
    let before = sql::number(&server.app.pool, revision).await;
    let (done, said) = keys(&server, &["reseal", "--master-file", text(&master)]).await;
    assert!(done && said.contains("data key 1 seals 0 values"), "{said}");
    let after = sql::number(&server.app.pool, revision).await;
    assert!(after > before, "who has read it without a lock reads it anew");
    let (gone, said) = keys(&server, &retire).await;
    assert!(gone, "{said}");
    server.app.load_data_keys().await.unwrap();

    let shown = server.get(&format!("/admin/applications/{}/{}", lsp.org_id, loan.application)).await;
    assert_eq!(shown["state"]["form"]["borrower"]["name"], crate::support::bodies::NAME, "{shown}");
    assert_eq!(server.get(&format!("/admin/loans/{}", loan.loan_id)).await["status"], "RUNNING");
    lsp.ask(path::LOAN_STATEMENT, json!({"loanId": loan.loan_id})).await;
}

/// Something happens by itself, so that the loan itself is sealed anew by the server.
async fn flow_forward(server: &Server, loan_id: &str) {
    let body = json!({"until": "nextEvent", "loanId": loan_id});
    assert_eq!(server.post("/sandbox/clock", &body).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_opens_the_same_data_and_finds_the_same_people() {
    let files = Files::new();
    let (old, new) = (files.at("master.key"), files.at("next.key"));
    std::fs::write(&new, MasterKey::generate().unwrap().to_base64().expose_secret()).unwrap();
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;

    let rotate = ["rotate-master", "--old-file", text(&old), "--new-file", text(&new)];
    let (done, said) = keys(&server, &rotate).await;
    assert!(done, "{said}");
    assert!(!keys(&server, &rotate).await.0, "the old one opens nothing any more");
    // The server that runs goes on, keeps to its old master key, and takes the new one when it is told.
    assert!(server.app.load_data_keys().await.is_err());
    flow.offers(&ids).await;
    let master = MasterKey::from_base64(&std::fs::read_to_string(&new).unwrap()).unwrap();
    let mut conn = server.app.pool.acquire().await.unwrap();
    let roots = master.roots(seal_key::roots(&mut conn).await.unwrap().as_deref()).unwrap();
    let fresh = Sealer::with_roots(&master, &seal_key::all(&mut conn).await.unwrap(), roots).unwrap();
    drop(conn);
    assert_eq!(fresh.blind_index("PAN", "AAAPL1234C"), server.app.sealer.blind_index("PAN", "AAAPL1234C"));
    assert_eq!(fresh.derive("x"), server.app.sealer.derive("x"));
    server.app.take_master(master).await.unwrap();
    server.app.load_data_keys().await.unwrap();
    assert!(server.app.take_master(MasterKey::generate().unwrap()).await.is_err(), "a stranger is refused");

    let (made, said) = keys(&server, &["rotate-sealing", "--master-file", text(&new), "--lead-seconds", "0"]).await;
    assert!(made, "{said}");
    server.app.load_data_keys().await.unwrap();
    assert_eq!(server.app.sealer.active_key_id(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sealed_column_is_known_to_resealing() {
    let server = Server::start_with(Options { idle: true, ..Options::default() }).await;
    let columns = "
        select case table_schema when 'public' then '' else table_schema || '.' end || table_name || '.' || column_name
        from information_schema.columns
        join pg_class on pg_class.oid = format('%I.%I', table_schema, table_name)::regclass
        where table_schema in ('public', 'sandbox')
        and data_type = 'bytea'
        and not relispartition";
    let rows = server.app.pool.fetch_all(columns).await.unwrap();
    let there: BTreeSet<String> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
    let known: BTreeSet<String> = sealed::COLUMNS
        .iter()
        .map(|column| format!("{}.{}", column.table, column.column))
        .chain(NOT_SEALED.map(str::to_owned))
        .collect();
    assert_eq!(there, known);
}

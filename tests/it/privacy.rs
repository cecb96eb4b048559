//! Nobody's name, number or OTP is to be found where it was not asked for: not in the log, not in the database.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;
use crate::support::skip;

/// What must not be found anywhere: its kind and its text.
type Secret = (&'static str, String);

/// Everything that is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A journey with its mistakes: a wrong OTP, a bad message, a bad signature, an unknown id. Gives what it told in
/// confidence.
async fn journey(server: &Server, lsp: &TestLsp) -> Vec<Secret> {
    let flow = Flow { server, lsp };
    let pan = bodies::pan();
    let ids = flow.file_for(&pan, 2).await;
    let offers = flow.offers(&ids).await;
    for (id, offer) in ids.iter().zip(&offers) {
        flow.set_offer(id, offer).await;
    }
    let (session, otp) = flow.otp(&ids).await;
    assert_eq!(flow.verify(&session, "000000x").await, "INCORRECT_OTP");
    assert_eq!(flow.verify(&session, &otp).await, "SUCCESS");
    flow.set_up(&ids, &offers).await;
    let granted = flow.grant(&ids[0]).await;
    let loan_id = granted["loanId"].as_str().unwrap().to_owned();
    let loan = crate::support::flow::Loan { application: ids[0].clone(), offer: offers[0].clone(), loan_id };
    flow.disburse(&loan, "DISB-1").await;

    let mut bad = bodies::application(&bodies::id(), &pan);
    bad["terms"]["requestedAmount"] = json!("-1");
    assert_eq!(lsp.send(path::CREATE, json!({"loanApplications": [bad.clone()]})).await.1.status, 400);
    let mut forged: Value =
        serde_json::from_slice(&lsp.seal(&lsp.complete(json!({"loanApplications": [bad]})))).unwrap();
    forged["signature"] = json!("AAAA");
    assert_eq!(lsp.post(path::CREATE, forged.to_string().into_bytes()).await.status, 401);
    let unknown = json!({"loanApplicationIds": ["APP-NEVER"]});
    assert_eq!(lsp.send(path::GENERATE_OFFERS, unknown).await.1.status, 404);
    server.get(&format!("/admin/applications/LSP-TEST/{}", ids[0])).await;

    vec![
        ("PAN", pan),
        ("name", bodies::NAME.to_owned()),
        ("phone", bodies::PHONE.to_owned()),
        ("account", bodies::ACCOUNT.to_owned()),
        ("email", "asha.v@example.in".to_owned()),
        ("address at the aggregator", "asha@aa.in".to_owned()),
        ("OTP", otp),
    ]
}

/// Where a text stands as a word of its own: six digits may well be part of a longer number.
fn find_word(haystack: &str, word: &str) -> Option<usize> {
    let joins = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    let bytes = haystack.as_bytes();
    let alone = |at: usize| {
        !joins(at.checked_sub(1).and_then(|before| bytes.get(before))) && !joins(bytes.get(at + word.len()))
    };
    haystack.match_indices(word).map(|(at, _)| at).find(|at| alone(*at))
}

/// The text around a find, for the one who has to look for it.
fn around(haystack: &str, at: usize) -> String {
    let bytes = haystack.as_bytes();
    String::from_utf8_lossy(&bytes[at.saturating_sub(200)..bytes.len().min(at + 200)]).into_owned()
}

fn assert_free(place: &str, text: &str, secrets: &[Secret]) {
    for (kind, secret) in secrets {
        if let Some(at) = find_word(text, secret) {
            panic!("{kind} in {place}: {}", around(text, at));
        }
    }
}

/// On one thread, so that the log of this test alone is caught, whatever else runs in the process.
#[tokio::test]
async fn no_log_line_at_any_level_holds_personal_data() {
    let captured = Captured::default();
    let lines = captured.clone();
    let guard = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || lines.clone())
        .finish()
        .set_default();
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let mut secrets = journey(&server, &lsp).await;
    server.post("/sandbox/clock", &json!({"advance": "P31D"})).await;
    server.http.get(format!("{}/metrics", server.admin)).send().await.unwrap();
    fingerprint::at_rest(&server).await;
    drop(guard);

    let log = std::mem::take(&mut *captured.0.lock().unwrap());
    let text = String::from_utf8_lossy(&log);
    for known in [" request ", " callback ", " port ", " day-end ", "sqlx"] {
        assert!(text.contains(known), "the log was caught as a whole, {known} included");
    }
    secrets.extend(keys(&server, &lsp));
    for member in ["primaryIdType", "contactDetails", "accountHolderName", "\"payload\"", "otpSessionKey"] {
        secrets.push(("a raw message", member.to_owned()));
    }
    assert_free("the log", &text, &secrets);
}

/// Parts of private keys that would give them away.
fn keys(server: &Server, lsp: &TestLsp) -> Vec<Secret> {
    use secrecy::ExposeSecret as _;
    let lender = &server.app.keys.signing();
    let pairs = [lender, lsp.key.as_ref().unwrap()].map(|key| {
        let pem = key.to_pkcs8_pem().unwrap();
        ("private key", pem.expose_secret().lines().nth(5).unwrap().to_owned())
    });
    let master = crate::support::server::TEST_MASTER_KEY.to_owned();
    pairs.into_iter().chain([("master key", master), ("private key", "PRIVATE KEY".to_owned())]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_of_the_database_holds_personal_data() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let mut secrets = journey(&server, &lsp).await;
    secrets.extend(keys(&server, &lsp));
    fingerprint::at_rest(&server).await;

    let mut conn = PgConnection::connect(&server.database_url).await.unwrap();
    for table in fingerprint::tables(&mut conn).await {
        let rows = conn.fetch_all(AssertSqlSafe(format!("select t::text from {table} t"))).await.unwrap();
        for row in rows {
            let row: String = row.get(0);
            assert_free(&table, &row, &secrets);
            for sealed in sealed_columns(&row) {
                let sealed = String::from_utf8_lossy(&sealed);
                assert_free(&table, &sealed, &secrets);
                assert!(!sealed.contains("primaryId"), "{table} holds a message in clear");
            }
        }
    }
}

/// The bytes of every `bytea` in the text of a row.
fn sealed_columns(row: &str) -> Vec<Vec<u8>> {
    row.split("\\x")
        .skip(1)
        .map(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).collect::<Vec<_>>();
            digits.chunks_exact(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_the_database_holds_personal_data() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let mut conn = PgConnection::connect(&server.database_url).await.unwrap();
    let first = wal_file(&mut conn).await;
    let secrets = journey(&server, &lsp).await;
    fingerprint::at_rest(&server).await;
    conn.execute("checkpoint").await.unwrap();
    let last = wal_file(&mut conn).await;

    let sql = "select current_setting('data_directory'), oid::text from pg_database where datname = current_database()";
    let place = conn.fetch_one(sql).await.unwrap();
    let (data, database): (String, String) = (place.get(0), place.get(1));
    let (tables, wal) = (Path::new(&data).join("base").join(database), Path::new(&data).join("pg_wal"));
    if let Err(error) = std::fs::read_dir(&tables) {
        skip(&format!("the files of the test cluster in {data} cannot be read: {error}"));
        return;
    }
    let written =
        |file: &PathBuf| (&first..=&last).contains(&&file.file_name().unwrap().to_string_lossy().into_owned());
    let mut control = 0;
    for file in files(&tables).into_iter().chain(files(&wal).into_iter().filter(written)) {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        // Six digits are found by chance in so many bytes.
        for (kind, secret) in secrets.iter().filter(|(kind, _)| *kind != "OTP") {
            if let Some(at) = text.find(secret.as_str()) {
                panic!("{kind} in {}: {}", file.display(), around(&text, at));
            }
        }
        control += text.matches(lsp.org_id.as_str()).count();
    }
    assert!(control > 0, "what is stored in clear was found, so the rest would have been");
}

/// The file that the database writes its log to now.
async fn wal_file(conn: &mut PgConnection) -> String {
    conn.fetch_one("select pg_walfile_name(pg_current_wal_lsn())").await.unwrap().get(0)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_an_account_does_not_give_its_number_away() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(2).await;
    let offers = flow.offers(&ids).await;
    let mut named = Vec::new();
    for (id, offer) in ids.iter().zip(&offers) {
        flow.set_offer(id, offer).await;
        let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
        let body = json!({"loanApplicationId": id, "account": account});
        let first = lsp.ask(path::SET_ACCOUNT, body.clone()).await["account"]["id"].clone();
        let again = lsp.ask(path::SET_ACCOUNT, body).await["account"]["id"].clone();
        assert_eq!(first, again, "the same account has the same id");
        named.push(first);
    }
    assert_ne!(named[0], named[1], "nobody sees that two applications have the same account");
    let guess = digest(&SHA256, format!("HDFC0000123/{}", bodies::ACCOUNT).as_bytes());
    let guess = format!("ACC-{}", URL_SAFE_NO_PAD.encode(guess.as_ref()).chars().take(24).collect::<String>());
    assert!(named.iter().all(|id| *id != guess.as_str()), "{named:?}");
}

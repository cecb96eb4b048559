//! A transcript is all that was said about an application, and whoever has the lender's keys can tell.

use std::io::{Cursor, Read as _};
use std::process::Stdio;

use ocen_lender::config::Role;
use ocen_lender::transcript::verify::{Wrong, verify};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::bodies;
use crate::support::flow::Flow;
use crate::support::operators::{self, audited};
use crate::support::server::Server;

const STAFF: &[(&str, &[Role])] = &[("vera", &[Role::Viewer]), ("omar", &[Role::Operator])];

/// A granted loan; the path of its transcript.
async fn granted(server: &Server, pan: &str) -> String {
    let lsp = server.lsp().await;
    let flow = Flow { server, lsp: &lsp };
    let ids = flow.file_for(pan, 1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    flow.grant(&ids[0]).await;
    let settled = async || {
        let pending = server.get("/admin/callbacks?state=pending&orgId=LSP-TEST").await;
        pending["items"].as_array().is_some_and(Vec::is_empty)
    };
    server.until("every callback was acknowledged", settled).await;
    format!("/admin/applications/LSP-TEST/{}/transcript", ids[0])
}

async fn download(server: &Server, path: &str, caller: Option<(&str, Option<&str>)>) -> (u16, Vec<u8>) {
    let mut request = server.http.get(format!("{}{path}", server.admin));
    if let Some((name, reason)) = caller {
        request = request.header(AUTHORIZATION, format!("Bearer the token of {name}"));
        if let Some(reason) = reason {
            request = request.header("ocen-reason", reason);
        }
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

async fn published(server: &Server) -> Value {
    let keys = server.http.get(format!("{}/.well-known/jwks.json", server.url)).send().await.unwrap();
    keys.json().await.unwrap()
}

/// Everything in a zip, as one text.
fn text(zip: &[u8]) -> String {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut all = String::new();
    for place in 0..zip.len() {
        zip.by_index(place).unwrap().read_to_string(&mut all).unwrap();
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_transcript_holds_every_message_and_both_sides_signatures() {
    let server = Server::start().await;
    let pan = bodies::pan();
    let path = granted(&server, &pan).await;

    let (status, zip) = download(&server, &format!("{path}?view=full"), None).await;
    assert_eq!(status, 200);
    let found = verify(Cursor::new(&zip), Some(&published(&server).await)).unwrap();

    let shown = server.get(path.trim_end_matches("/transcript")).await;
    let count = |kind: &str| found.index.entries.iter().filter(|entry| entry.kind == kind).count();
    assert_eq!(count("request"), shown["received"].as_array().unwrap().len());
    assert_eq!(count("callback"), shown["sent"].as_array().unwrap().len());
    assert!(count("answer") >= count("callback"), "each was acknowledged");
    assert_eq!((found.index.view.as_str(), found.signed_requests), ("full", count("request")));
    assert_eq!(found.index.about["orgId"], "LSP-TEST");
    assert!(found.index.entries[0].file.as_ref().unwrap().contains("createLoanApplicationsRequest"));

    let stranger = json!({"keys": [ocen_lender::jose::SigningKey::generate("lender-1").unwrap().jwk()]});
    assert!(matches!(verify(Cursor::new(&zip), Some(&stranger)), Err(Wrong::Signature(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_one_names_nobody_and_the_full_one_is_in_the_log_with_its_reason() {
    let server = operators::with(STAFF).await;
    let pan = bodies::pan();
    let path = granted(&server, &pan).await;
    let before = audited(&server).await.len();

    for query in ["", "?view=masked", "?reveal=true"] {
        let (status, zip) = download(&server, &format!("{path}{query}"), Some(("vera", None))).await;
        assert_eq!(status, 200, "{query}");
        let found = verify(Cursor::new(&zip), Some(&published(&server).await)).unwrap();
        assert_eq!(found.index.view, "masked");
        for secret in [pan.as_str(), bodies::NAME, bodies::PHONE, bodies::ACCOUNT] {
            assert!(!text(&zip).contains(secret), "{secret}, {query}");
        }
        assert!(text(&zip).contains("createLoanApplications"));
    }
    assert_eq!(audited(&server).await.len(), before, "nothing was revealed");

    let full = format!("{path}?view=full");
    assert_eq!(download(&server, &full, Some(("vera", Some("curious")))).await.0, 403);
    assert_eq!(download(&server, &full, Some(("omar", None))).await.0, 400);
    assert_eq!(download(&server, &format!("{path}?view=all"), Some(("omar", None))).await.0, 400);
    assert_eq!(audited(&server).await.len(), before);
    let (status, zip) = download(&server, &full, Some(("omar", Some("dispute 12")))).await;
    assert_eq!(status, 200);
    assert_eq!(verify(Cursor::new(&zip), None).unwrap().index.view, "full");
    let entry = audited(&server).await.remove(0);
    assert_eq!((&entry["action"], &entry["reason"]), (&json!("PII_REVEALED"), &json!("dispute 12")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_verifies_a_transcript_and_finds_one_altered_byte() {
    let server = Server::start().await;
    let path = granted(&server, &bodies::pan()).await;
    let (_, zip) = download(&server, &path, None).await;
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.zip", bodies::id()));
    let verified = async |bytes: &[u8]| {
        tokio::fs::write(&file, bytes).await.unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocen-lender"));
        command.args(["transcript", "verify", "--url", &server.url]).arg(&file).stderr(Stdio::piped());
        let ended = command.output().await.unwrap();
        (ended.status.code(), String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned())
    };

    let (code, said) = verified(&zip).await;
    assert!(code == Some(0) && said.contains("whole, unchanged, signed"), "{said}");
    // Byte 10 is a time in the first file's header, which no digest of a file covers.
    for place in [10, zip.len() / 3, zip.len() / 2, zip.len() - 1] {
        let mut altered = zip.clone();
        altered[place] ^= 1;
        let (code, said) = verified(&altered).await;
        assert_eq!(code, Some(1), "{said}");
    }
    tokio::fs::remove_file(file).await.unwrap();
}

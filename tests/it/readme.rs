//! The README's walk with curl works when pasted, and its contents lead to every part.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::support::server::Server;
use crate::support::skip;

const README: &str = include_str!("../../README.md");

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn the_contents_lead_to_every_part_once() {
    let (head, _) = README.split_once("\n## ").unwrap();
    let mut listed: Vec<(&str, String)> = head
        .split("](#")
        .zip(head.split("](#").skip(1))
        .map(|(before, after)| (before.rsplit('[').next().unwrap(), after.split(')').next().unwrap().to_owned()))
        .collect();
    let mut blocks = 0;
    let prose = README.lines().filter(|line| {
        blocks += usize::from(line.starts_with("```"));
        blocks % 2 == 0
    });
    let mut parts: Vec<_> =
        prose.filter_map(|line| line.strip_prefix("## ")).map(|part| (part, anchor(part))).collect();
    listed.sort_unstable();
    parts.sort_unstable();
    assert_eq!(listed, parts);
}

/// The walk: the README's block of shell that begins with the addresses, pointed at a test's server.
fn walk(server: &Server) -> String {
    let block = README
        .split("```sh\n")
        .find(|block| block.starts_with("OCEN="))
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    block.replace("http://127.0.0.1:8080", &server.url).replace("http://127.0.0.1:8081", &server.admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_with_curl_ends_with_a_loan_paid_off() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().await.is_err() {
        skip("curl is not installed");
        return;
    }
    let server = Server::start().await;
    let inbox = format!("{}/sandbox/inbox/LSP-DEMO", server.admin);
    let demo = json!({"name": "Demo", "callbackBaseUrl": inbox, "keys": [], "settings": {"allowUnsigned": true}});
    let put = server.http.put(format!("{}/admin/lsps/LSP-DEMO", server.admin)).json(&demo).send().await.unwrap();
    assert!(put.status().is_success());

    let walk = walk(&server);
    let ran = Command::new("bash").arg("-c").arg(&walk).output().await.unwrap();

    let printed = String::from_utf8_lossy(&ran.stdout);
    let acks = printed.lines().filter(|line| line.starts_with(r#"{"error":"0""#)).count();
    let calls = walk.lines().filter(|line| line.starts_with("lsp ")).count();
    assert_eq!((acks, printed.matches("--> ").count()), (calls, calls), "{printed}");
    let came = |word: &str, says: &str| printed.lines().any(|line| line.contains(word) && line.contains(says));
    assert!(came("TriggerDisbursementStatusResponse", r#""status":"SUCCESS""#), "{printed}");
    let confirmed = printed.lines().filter(|line| line.starts_with("<-- ") && line.contains("/confirmRepayment"));
    assert_eq!(confirmed.filter(|line| line.contains(r#""status":"SUCCESS""#)).count(), 3, "{printed}");
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.contains("loanSummaryResponse") && last.contains(r#""loanStatus":"COMPLETED""#), "{printed}");
}

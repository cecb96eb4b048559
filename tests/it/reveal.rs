//! Personal data is shown to whoever says why, and the log keeps who did.

use ocen_lender::config::{Mode, Role};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bodies;
use crate::support::flow::{Flow, Loan};
use crate::support::operators::{self, audited, call_because, get};
use crate::support::server::{Options, Server};

const STAFF: &[(&str, &[Role])] = &[("vera", &[Role::Viewer]), ("omar", &[Role::Operator])];

/// What belongs to the borrower.
fn secrets(pan: &str) -> Vec<String> {
    let known = [pan, bodies::NAME, bodies::PHONE, bodies::ACCOUNT, "asha.v@example.in", "asha@aa.in", "HDFC0000123"];
    known.into_iter().map(str::to_owned).collect()
}

/// A loan whose borrower said much, one disputed matter, and the views that speak of it.
async fn disputed_loan(server: &Server, pan: &str) -> (Loan, Vec<String>) {
    let lsp = server.lsp().await;
    let flow = Flow { server, lsp: &lsp };
    let ids = flow.file_for(pan, 1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let granted = flow.grant(&ids[0]).await;
    let loan_id = granted["loanId"].as_str().unwrap().to_owned();
    let loan = Loan { application: ids[0].clone(), offer: offers[0].clone(), loan_id };
    flow.disburse(&loan, "DISB-1").await;
    let words = format!("{} was debited twice, call {}", bodies::NAME, bodies::PHONE);
    let dispute = json!({"loanId": loan.loan_id, "dispute": {"description": words}});
    lsp.ask(bodies::path::RAISE_DISPUTE, dispute).await;
    let views = vec![
        format!("/admin/applications/LSP-TEST/{}", loan.application),
        format!("/admin/loans/{}", loan.loan_id),
        format!("/admin/disputes?loanId={}", loan.loan_id),
        format!("/admin/acts?loanId={}", loan.loan_id),
    ];
    (loan, views)
}

fn found<'a>(answer: &Value, secrets: &'a [String]) -> Vec<&'a str> {
    let text = answer.to_string();
    secrets.iter().map(String::as_str).filter(|secret| text.contains(secret)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_view_shows_a_person_to_who_has_not_said_why() {
    let server = operators::with(STAFF).await;
    let pan = bodies::pan();
    let (loan, views) = disputed_loan(&server, &pan).await;
    let before = audited(&server).await.len();

    for name in ["vera", "omar"] {
        for view in &views {
            let (status, answer) = get(&server, name, view).await;
            assert_eq!(status, 200, "{answer}");
            assert_eq!(found(&answer, &secrets(&pan)), Vec::<&str>::new(), "{view}: {answer}");
        }
    }
    let (_, shown) = get(&server, "vera", &views[0]).await;
    assert_eq!((&shown["stage"], &shown["loanId"]), (&json!("GRANTED"), &json!(loan.loan_id)), "{shown}");
    assert_eq!(shown["received"][0]["operation"], "createLoanApplications");
    assert_eq!(shown["received"][0]["body"]["loanApplications"][0]["borrower"]["name"], "***");
    let (_, shown) = get(&server, "vera", &views[1]).await;
    assert_eq!((&shown["status"], &shown["book"][0]["kind"]), (&json!("RUNNING"), &json!("DISBURSEMENT")), "{shown}");
    assert_eq!(audited(&server).await.len(), before, "nothing was revealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reveal_needs_a_role_and_a_reason_and_is_in_the_log_before_it_is_shown() {
    let server = operators::with(STAFF).await;
    let pan = bodies::pan();
    let (loan, views) = disputed_loan(&server, &pan).await;
    let before = audited(&server).await.len();
    let path = format!("{}?reveal=true", views[0]);
    let ask = |name, reason| call_because(&server, name, (Method::GET, &path), None, reason);

    assert_eq!(ask("vera", Some("curious")).await.0, 403);
    assert_eq!(ask("omar", None).await.0, 400);
    assert_eq!(ask("omar", Some(" ")).await.0, 400);
    let nothing = "/admin/applications/LSP-TEST/APP-NEVER?reveal=true";
    assert_eq!(call_because(&server, "omar", (Method::GET, nothing), None, Some("why")).await.0, 404);
    assert_eq!(audited(&server).await.len(), before, "nothing was shown, so nothing is logged");

    let (status, answer) = ask("omar", Some("complaint 77, she called from 98450 12367")).await;
    assert_eq!((status, found(&answer, &secrets(&pan)).len()), (200, secrets(&pan).len()), "{answer}");
    let entry = audited(&server).await.remove(0);
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("PII_REVEALED"), &json!("omar")));
    assert_eq!(entry["reason"], "complaint 77, she called from ***", "the log itself holds no number");
    assert_eq!(entry["subject"]["loanApplicationId"], json!(loan.application));

    let listed = format!("{}&reveal=true", views[2]);
    let (status, answer) = call_because(&server, "omar", (Method::GET, &listed), None, Some("complaint 77")).await;
    assert_eq!((status, found(&answer, &secrets(&pan))), (200, vec![bodies::NAME, bodies::PHONE]));
    assert_eq!(audited(&server).await[0]["subject"]["loanIds"], json!(loan.loan_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_every_role_sees_all_and_in_production_the_log_says_so() {
    let server = Server::start().await;
    let pan = bodies::pan();
    let (_, views) = disputed_loan(&server, &pan).await;
    assert_eq!(found(&server.get(&views[0]).await, &secrets(&pan)).len(), secrets(&pan).len(), "the sandbox is open");
    let before = audited(&server).await;
    assert!(before.iter().all(|entry| entry["action"] != "PII_REVEALED"), "and keeps no log of it");

    let options = Options { database_url: Some(server.database_url.clone()), idle: true, ..Options::default() };
    let serve = operators::start(&[], options, |config| {
        config.mode = Mode::Serve;
        config.admin_token = Some("the token of admin".into());
    })
    .await;
    let (status, answer) = get(&serve, "admin", &views[0]).await;
    assert_eq!((status, found(&answer, &secrets(&pan)).len()), (200, secrets(&pan).len()));
    call_because(&serve, "admin", (Method::GET, &views[1]), None, Some("complaint 78")).await;

    let entries = audited(&serve).await;
    assert_eq!(entries.len(), before.len() + 2);
    assert_eq!((&entries[1]["reason"], &entries[0]["reason"]), (&json!("unstated"), &json!("complaint 78")));
    assert_eq!((&entries[0]["actor"], &entries[0]["role"]), (&json!("admin"), &json!("admin")));
}

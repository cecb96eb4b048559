//! Who may do what: every route of the operators' listener with every role, and names that a token vouches for.

use ocen_lender::config::{Operator, ROLES, Role};
use ocen_lender::http::admin::routes::{self, Route};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bodies;
use crate::support::flow::Flow;
use crate::support::operators::{self, audited, call, call_because, get, post};
use crate::support::server::{Options, Server};

/// Nobody is called so.
const NOBODY: &str = "nobody";

/// The path of a route with something in its places.
fn concrete(route: &Route) -> String {
    let part =
        |part: &str| if part.starts_with('{') { "0190f3a2-1234-7123-8123-123456789012" } else { part }.to_owned();
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn problem(answer: &Value, status: u16) -> bool {
    answer["status"] == status && answer["detail"].as_str().is_some_and(|detail| !detail.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_admits_the_roles_of_the_table_and_no_other() {
    let everybody: Vec<(&str, [Role; 1])> = ROLES.iter().map(|role| (role.name(), [*role])).collect();
    let named: Vec<(&str, &[Role])> = everybody.iter().map(|(name, roles)| (*name, roles.as_slice())).collect();
    let closed = |config: &mut ocen_lender::config::Config| {
        config.admin_token = Some("the token of everything".into());
    };
    let server = operators::start(&named, Options::default(), closed).await;

    for route in routes::table() {
        let (path, method) = (concrete(&route), route.method.clone());
        let what = format!("{method} {path}");
        let bare = server.http.request(method.clone(), format!("{}{path}", server.admin)).send().await.unwrap();
        assert_eq!(bare.status(), 401, "{what} without a token");
        assert_eq!(bare.headers()["www-authenticate"], "Bearer", "{what}");
        assert!(problem(&bare.json().await.unwrap(), 401), "{what}");
        assert_eq!(call(&server, NOBODY, (method.clone(), &path), None).await.0, 401, "{what} with a wrong token");
        let (status, _) = call(&server, "everything", (method.clone(), &path), None).await;
        assert!(![401, 403].contains(&status), "{what} with the token of every role: {status}");
        for role in ROLES {
            let (status, answer) = call(&server, role.name(), (method.clone(), &path), None).await;
            if route.roles.contains(&role) {
                assert!(![401, 403].contains(&status), "{what} as {}: {status}", role.name());
            } else {
                assert_eq!(status, 403, "{what} as {}", role.name());
                assert!(problem(&answer, 403), "{what}: {answer}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_table_is_not_there() {
    let server = operators::start(&[("asha", &ROLES)], Options::default(), |config| {
        config.admin_token = Some("secret".into());
    })
    .await;

    assert_eq!(get(&server, "asha", "/admin/nothing").await.0, 404);
    assert_eq!(post(&server, "asha", "/admin/lsps", &json!({})).await.0, 405);
    assert_eq!(get(&server, NOBODY, "/admin/nothing").await.0, 401);
    assert_eq!(get(&server, "asha", "/sandbox/clock").await.0, 200);
    let probe = server.http.get(format!("{}/health/live", server.admin)).send().await.unwrap();
    assert_eq!(probe.status(), 200, "probes carry no token");
}

/// A loan with money on it, and an act that can be done.
async fn loan(server: &Server) -> (String, Value) {
    let lsp = server.lsp().await;
    let flow = Flow { server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let today = server.app.clock.today();
    let act = json!({"kind": "MANUAL_RECEIPT", "amount": "10.00", "valueDate": today, "utr": "UTR-1"});
    (loan.loan_id, act)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_proposes_and_decides_under_his_own_name_only() {
    let both: &[Role] = &[Role::Maker, Role::Checker];
    let server = operators::with(&[("asha", both), ("ravi", both), ("vera", &[Role::Viewer])]).await;
    let (loan, act) = loan(&server).await;
    let acts = format!("/admin/loans/{loan}/acts");
    let reason = "NEFT in the bank file";

    let (status, _) = post(&server, "asha", &acts, &json!({"act": act, "reason": reason, "maker": "ravi"})).await;
    assert_eq!(status, 403, "another's name");
    assert_eq!(post(&server, "vera", &acts, &json!({"act": act, "reason": reason})).await.0, 403);
    let (status, proposed) = post(&server, "asha", &acts, &json!({"act": act, "reason": reason})).await;
    assert_eq!((status, &proposed["maker"]), (201, &json!("asha")), "{proposed}");
    let release = format!("/admin/acts/{}/release", proposed["actId"].as_str().unwrap());

    assert_eq!(post(&server, "asha", &release, &json!({})).await.0, 409, "the maker herself");
    assert_eq!(post(&server, "asha", &release, &json!({"checker": "ravi"})).await.0, 403, "in another's name");
    let (status, done) = post(&server, "ravi", &release, &json!({"checker": "ravi"})).await;
    assert_eq!((status, &done["state"], &done["checker"]), (200, &json!("DONE"), &json!("ravi")), "{done}");

    let entries = audited(&server).await;
    let said: Vec<(&str, &str)> =
        entries.iter().take(2).map(|e| (e["actor"].as_str().unwrap(), e["action"].as_str().unwrap())).collect();
    assert_eq!(said, [("ravi", "ACT_RELEASED"), ("asha", "ACT_PROPOSED")]);
    assert_eq!((&entries[0]["role"], &entries[0]["subject"]["loanId"]), (&json!("checker"), &json!(loan)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_personal_tokens_the_body_says_the_names() {
    let server = Server::start().await;
    let (loan, act) = loan(&server).await;
    let acts = format!("/admin/loans/{loan}/acts");

    assert_eq!(server.post(&acts, &json!({"act": act, "reason": "r"})).await.0, 422, "nobody vouches for a maker");
    let (status, proposed) = server.post(&acts, &json!({"act": act, "reason": "r", "maker": "asha"})).await;
    assert_eq!(status, 201, "{proposed}");
    let reject = format!("/admin/acts/{}/reject", proposed["actId"].as_str().unwrap());
    assert_eq!(server.post(&reject, &json!({"checker": "Asha"})).await.0, 409);
    assert_eq!(server.post(&reject, &json!({"checker": "ravi"})).await.0, 200);

    let entry = audited(&server).await.remove(0);
    assert_eq!((&entry["actor"], &entry["action"]), (&json!("open"), &json!("ACT_REJECTED")));
    assert_eq!((&entry["subject"]["maker"], &entry["subject"]["checker"]), (&json!("asha"), &json!("ravi")));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_operator_changes_is_in_the_log_and_what_is_refused_is_not() {
    let server = operators::with(&[("omar", &[Role::Operator])]).await;
    let lsp = json!({"name": "An LSP", "callbackBaseUrl": "https://lsp.example", "keys": [], "settings": {}});
    let before = audited(&server).await.len();

    for _ in 0..2 {
        assert_eq!(call(&server, "omar", (Method::PUT, "/admin/lsps/LSP-NEW"), Some(&lsp)).await.0, 200);
    }
    let revoke = (Method::DELETE, "/admin/lsps/LSP-NEW/keys/unknown");
    assert_eq!(call(&server, "omar", revoke, None).await.0, 404);
    let bad = json!({"name": "", "callbackBaseUrl": "https://lsp.example"});
    assert_eq!(call(&server, "omar", (Method::PUT, "/admin/lsps/LSP-NEW"), Some(&bad)).await.0, 422);
    let unknown = "/admin/callbacks/0190f3a2-1234-7123-8123-123456789012/redeliver";
    assert_eq!(post(&server, "omar", unknown, &json!({})).await.0, 404);

    let entries = audited(&server).await;
    assert_eq!(entries.len(), before + 2, "{entries:?}");
    assert!(entries[1]["before"].is_null() && entries[1]["after"].is_string(), "it was made: {}", entries[1]);
    assert_eq!(entries[0]["before"], entries[1]["after"], "it was as it had been left");
    assert_eq!((&entries[0]["actor"], &entries[0]["role"]), (&json!("omar"), &json!("operator")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_command_makes_opens_by_what_it_prints_for_the_configuration() {
    let printed = tokio::process::Command::new(env!("CARGO_BIN_EXE_ocen-lender"))
        .args(["keys", "operator-token", "asha \"a\"", "--roles", "maker,auditor"])
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let token = printed.lines().nth(1).unwrap().trim_start_matches("# ").to_owned();
    let file: toml::Table = printed.parse().unwrap();
    let operator: ocen_lender::config::Operator = file["operators"][0].clone().try_into().unwrap();
    let named = operator.name.clone();
    let server = operators::start(&[], Options::default(), |config| config.operators.push(operator)).await;

    let ask = |path: &str| server.http.get(format!("{}{path}", server.admin)).bearer_auth(&token).send();
    assert_eq!(named, "asha \"a\"");
    assert_eq!(ask("/admin/audit").await.unwrap().status(), 200);
    let put = server.http.put(format!("{}/admin/lsps/LSP", server.admin)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(put.status(), 403, "a maker registers nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checker_sees_what_is_proposed_and_says_why_before_seeing_whom_it_is_about() {
    const STAFF: &[(&str, &[Role])] = &[("asha", &[Role::Maker]), ("ravi", &[Role::Checker])];
    let server = operators::with(STAFF).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file_for("ZZZPX0122Z", 1).await; // the sandbox's rules refer this borrower at the offers
    flow.consent(&ids, "ONETIME").await;
    lsp.send(bodies::path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    let open = async || get(&server, "asha", "/admin/decisions").await.1["items"].as_array().unwrap().clone();
    server.until("a decision waits", async || !open().await.is_empty()).await;
    let path = format!("/admin/decisions/{}", open().await[0]["decisionId"].as_str().unwrap());
    assert_eq!(post(&server, "asha", &format!("{path}/claim"), &json!({})).await.0, 200);
    let proposal = json!({"verdict": "approve", "reason": "statements of Asha seen"});
    assert_eq!(post(&server, "asha", &format!("{path}/propose"), &proposal).await.0, 200);

    let (_, shown) = get(&server, "ravi", &path).await;
    assert_eq!((&shown["question"], &shown["proposal"]["verdict"]), (&json!("offers"), &json!("approve")), "{shown}");
    assert_eq!((&shown["maker"], &shown["acts"][0]["who"]), (&json!("asha"), &json!("asha")), "{shown}");
    assert!(shown["codes"].as_array().is_some_and(|codes| codes.iter().all(|code| code != "***")), "{shown}");
    assert_eq!(
        (&shown["proposal"]["reason"], &shown["application"]["borrower"]["pan"]),
        (&json!("***"), &json!("***"))
    );

    let revealed = format!("{path}?reveal=true");
    let (status, shown) = call_because(&server, "ravi", (Method::GET, &revealed), None, Some("to release it")).await;
    assert_eq!((status, &shown["application"]["borrower"]["pan"]), (200, &json!("ZZZPX0122Z")), "{shown}");
    assert_eq!(shown["proposal"]["reason"], "statements of Asha seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_withdrawn_opens_nothing_from_then_on() {
    let closed = |config: &mut ocen_lender::config::Config| config.admin_token = Some("secret".into());
    let staff: [(&str, &[Role]); 2] = [("asha", &[Role::Viewer]), ("ravi", &[Role::Viewer])];
    let server = operators::start(&staff, Options::default(), closed).await;
    assert_eq!(get(&server, "asha", "/admin/whoami").await.0, 200);
    let left = vec![Operator::with_token("ravi", "the token of ravi", &[Role::Auditor])];
    assert!(server.app.operators.replace(left.clone()) && !server.app.operators.replace(left));

    assert_eq!(get(&server, "asha", "/admin/whoami").await.0, 401);
    let (status, ravi) = get(&server, "ravi", "/admin/whoami").await;
    assert_eq!((status, &ravi["roles"]), (200, &json!(["auditor"])), "{ravi}");
}

//! One deployment for many LSPs: each has a token, a namespace and a clock of its own, and sees only its own.

mod host;

use reqwest::Method;
use serde_json::{Value, json};

use self::host::{Host, Namespace, command, tempdir};
use crate::support::database;

#[tokio::test(flavor = "multi_thread")]
async fn two_lsps_register_themselves_and_each_takes_a_loan_to_its_end() {
    // It posts to no laptop, so both have their callbacks from the inboxes of their namespaces.
    let host = Host::start(&[]).await;
    let (asha, ravi) = tokio::join!(host.namespace("LSP-ASHA"), host.namespace("LSP-RAVI"));

    let (of_asha, of_ravi) =
        tokio::join!(asha.journey(&[]), ravi.journey(&["--until", "paid-out", "--unsigned", "--type", "CASHFLOW"]));

    assert_eq!((of_asha.loans.len(), of_ravi.loans.len()), (1, 1));
    assert_eq!(of_asha.loans[0].status, "COMPLETED");
    // Asha's clock stands at the end of her loan, a year on; Ravi's did not move.
    let [asha_now, ravi_now] = [&asha, &ravi].map(|of| host.ask(of, "/sandbox/clock"));
    let (asha_now, ravi_now) = tokio::join!(asha_now, ravi_now);
    let date = |clock: &Value| clock["businessDate"].as_str().unwrap().to_owned();
    assert!(date(&asha_now) > date(&ravi_now), "{asha_now} {ravi_now}");
    let loan = |report: &ocen_lender::journey::Report| report.loans[0].loan_id.clone();
    for (of, own, others) in [(&asha, loan(&of_asha), loan(&of_ravi)), (&ravi, loan(&of_ravi), loan(&of_asha))] {
        let shown = |id: &str| format!("/{}/admin/loans/{id}", of.name);
        assert_eq!(host.call(&of.token, (Method::GET, &shown(&own)), None).await.0, 200);
        assert_eq!(host.call(&of.token, (Method::GET, &shown(&others)), None).await.0, 404);
        assert_eq!(host.ask(of, "/admin/applications").await["items"].as_array().unwrap().len(), 1);
    }
}

/// An application in a namespace, with its callback in the namespace's inbox.
async fn apply(host: &Host, of: &Namespace, id: &str) {
    let application = json!({"loanApplications": [{
        "createdDate": "2026-01-05T09:59:00Z", "loanApplicationId": id, "type": "PERSONAL",
        "borrower": {"primaryId": "AAAPL1234C", "primaryIdType": "PAN", "name": "Asha Rao", "category": "INDIVIDUAL",
                     "contactDetails": [{"type": "PRIMARY", "phone": "9000000001"}]},
        "collaterals": [], "guarantors": [], "applicants": [],
        "terms": {"requestedAmount": "50000.00", "currency": "INR"}}]});
    let (status, ack) = of.send(&host.http, "loanApplication/createLoanApplicationsRequest", id, application).await;
    assert_eq!((status, &ack["error"]), (200, &json!("0")), "{ack}");
    host.until("the callback is in the inbox", async || {
        let inbox = host.ask(of, &format!("/sandbox/inbox/{}?requestId={id}", of.org_id)).await;
        inbox["items"].as_array().unwrap().len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_sees_what_is_the_others() {
    let host = Host::start(&[]).await;
    // The same orgId and the same ids, so that nothing but the namespace tells them apart.
    let (asha, ravi) = tokio::join!(host.namespace("LSP"), host.namespace("LSP"));
    apply(&host, &asha, "APP-1").await;

    for path in ["/admin/applications", "/admin/callbacks", "/admin/loans", "/sandbox/inbox/LSP"] {
        let (status, answer) = host.call(&ravi.token, (Method::GET, &format!("/{}{path}", ravi.name)), None).await;
        let items = answer["items"].as_array().map_or(0, Vec::len);
        assert!(status != 200 || items == 0, "{path}: {answer}");
    }
    let messages = host.ask(&asha, "/admin/applications/LSP/APP-1").await;
    assert_eq!(messages["loanApplicationId"], "APP-1", "{messages}");
    let path = format!("/{}/admin/applications/LSP/APP-1", ravi.name);
    assert_eq!(host.call(&ravi.token, (Method::GET, &path), None).await.0, 404);
    // Its id is free here, and its request id was never used.
    apply(&host, &ravi, "APP-1").await;

    let advance = json!({"advance": "P30D"});
    let (status, moved) =
        host.call(&asha.token, (Method::POST, &format!("/{}/sandbox/clock", asha.name)), Some(&advance)).await;
    assert_eq!(status, 200, "{moved}");
    let still = host.ask(&ravi, "/sandbox/clock").await;
    assert!(moved["businessDate"].as_str() > still["businessDate"].as_str(), "{moved} {still}");
    let refuse = json!({"fault": "refuseTls"});
    let faults = format!("/{}/sandbox/faults", asha.name);
    let (status, refused) = host.call(&asha.token, (Method::POST, &faults), Some(&refuse)).await;
    assert_eq!(status, 409, "connections are everybody's: {refused}");
    let keys = async |of: &Namespace| {
        let url = format!("{}/.well-known/jwks.json", of.lsp);
        host.http.get(url).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let (of_asha, of_ravi) = tokio::join!(keys(&asha), keys(&ravi));
    assert_ne!(of_asha["keys"][0]["n"], of_ravi["keys"][0]["n"]);
    assert_ne!(of_asha["keys"][0]["kid"], of_ravi["keys"][0]["kid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_namespace_answers_like_one_that_does_not_exist() {
    let host = Host::start(&[]).await;
    let (asha, ravi) = tokio::join!(host.namespace("LSP-ASHA"), host.namespace("LSP-RAVI"));

    for token in [asha.token.as_str(), "wrong", host.token().as_str()] {
        for path in ["/admin/applications", "/sandbox/clock", "/console", "/metrics", "/nowhere", "/health/live"] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let at = |name: &str| format!("/{name}{path}");
                let others = host.call(token, (method.clone(), &at(&ravi.name)), None).await;
                let unknown = host.call(token, (method.clone(), &at("lsp-ravi-2345678901")), None).await;
                assert_eq!(others, unknown, "{method} {path}");
                assert_eq!(others.0, 401);
            }
        }
        let delete = |name: &str| format!("/hosted/{name}");
        if token != host.token() {
            let others = host.call(token, (Method::DELETE, &delete(&ravi.name)), None).await;
            assert_eq!(others, host.call(token, (Method::DELETE, &delete("lsp-ravi-2345678901")), None).await);
            assert_eq!(others.0, 401);
        }
    }
    for path in ["/admin/applications", "/sandbox/clock", "/metrics"] {
        let bare = host.http.get(format!("{}{path}", ravi.admin)).send().await.unwrap();
        assert_eq!(bare.status(), 401, "{path}");
    }
    assert_eq!(host.state(&ravi).await, "AWAKE");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_host_name_of_its_own_a_namespace_has_every_path() {
    let host = Host::start(&[]).await;
    let asha = host.namespace("LSP-ASHA").await;
    let get = async |origin: &str, path: &str, token: &str| {
        let named = format!("{}.localhost", asha.name);
        let request = host.http.get(format!("{origin}{path}")).header("host", named).bearer_auth(token);
        request.send().await.unwrap()
    };

    assert_eq!(get(&host.admin, "/admin/applications", &asha.token).await.status(), 200);
    assert_eq!(get(&host.admin, "/metrics", &asha.token).await.status(), 200);
    assert_eq!(get(&host.admin, "/metrics", &host.token()).await.status(), 401, "that is the host's");
    assert_eq!(get(&host.lsp, "/.well-known/jwks.json", "").await.status(), 200);
    // The console's pages begin their links at the root, so they are shown there.
    let page = host.http.get(format!("{}/console?link=x", asha.admin)).send().await.unwrap();
    let port = host.admin.rsplit(':').next().unwrap();
    let there = format!("http://{}.localhost:{port}/console?link=x", asha.name);
    assert_eq!((page.status().as_u16(), page.headers()["location"].to_str().unwrap()), (307, there.as_str()));
    assert_eq!(asha.told["consoleUrl"], json!(there.trim_end_matches("?link=x")));
    assert_eq!(asha.told["borrowerUrl"], json!(format!("{}/{}", host.borrower, asha.name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_is_used_once_in_time_and_by_a_registration_that_makes_sense() {
    let host = Host::start(&[]).await;
    let invite = host.invite(&json!({"note": "for Asha", "hours": 1})).await;
    let with =
        |invite: &str, url: &str| json!({"invite": invite, "orgId": "LSP", "name": "An LSP", "callbackBaseUrl": url});

    assert_eq!(host.register(&with("unknown", "https://lsp.example")).await.0, 403);
    // What is refused for another reason does not use it up.
    for url in [
        "http://169.254.169.254/latest",
        "http://10.0.0.1",
        "http://[::1]:5432",
        "http://localhost:8081/x",
        "ftp://lsp.example",
    ] {
        let (status, problem) = host.register(&with(&invite, url)).await;
        assert_eq!((status, &problem["pointer"]), (422, &json!("/callbackBaseUrl")), "{url}: {problem}");
    }
    let (first, second) = (with(&invite, "https://lsp.example"), with(&invite, "https://lsp.example"));
    let (first, second) = tokio::join!(host.register(&first), host.register(&second));
    let mut statuses = [first.0, second.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403], "{first:?} {second:?}");

    let expired = host.invite(&json!({})).await;
    expire(&host).await;
    assert_eq!(host.register(&with(&expired, "https://lsp.example")).await.0, 403);
    let (_, invites) = host.call(&host.token(), (Method::GET, "/hosted/invites"), None).await;
    let states: Vec<&str> = invites["items"].as_array().unwrap().iter().filter_map(|i| i["state"].as_str()).collect();
    assert_eq!(states, ["EXPIRED", "USED"], "{invites}");
    assert_eq!(host.call("wrong", (Method::POST, "/hosted/invites"), None).await.0, 401);
    assert!(!invites.to_string().contains(&invite), "it is kept nowhere");
}

async fn expire(host: &Host) {
    use sqlx::{Connection as _, Executor as _};
    let mut conn = sqlx::PgConnection::connect(host.database_url()).await.unwrap();
    let past = "update hosted.invite set expires_at = created_at where used_at is null";
    conn.execute(past).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_go_nowhere_inside_whatever_a_namespace_registers() {
    let host = Host::start(&[]).await;
    let asha = host.namespace("LSP-ASHA").await;
    let put = async |url: &str| {
        let body = json!({"name": "x", "callbackBaseUrl": url, "keys": [], "settings": {"allowUnsigned": true}});
        host.call(&asha.token, (Method::PUT, &format!("/{}/admin/lsps/LSP-X", asha.name)), Some(&body)).await.0
    };

    let others = host.namespace("LSP-RAVI").await;
    for url in [
        "http://127.0.0.1:1",
        "http://192.168.0.1",
        "http://[fd00::1]",
        &format!("{}/sandbox/inbox/LSP-RAVI", others.admin),
        &format!("{}/sandbox/clock", asha.admin),
        &format!("{}/sandbox/inbox/../clock", asha.admin),
    ] {
        assert_eq!(put(url).await, 422, "{url}");
    }
    assert_eq!(put("https://lsp.example/base").await, 200);
    assert_eq!(put(&format!("{}/sandbox/inbox/LSP-X", asha.admin)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_old_token_is_out_once_it_is_replaced() {
    let host = Host::start(&[]).await;
    let asha = host.namespace("LSP-ASHA").await;
    let clock = format!("/{}/sandbox/clock", asha.name);

    let (status, told) = host.call(&asha.token, (Method::POST, "/hosted/token"), None).await;
    assert_eq!(status, 200, "{told}");
    let fresh = told["token"].as_str().unwrap();
    assert_eq!(host.call(&asha.token, (Method::GET, &clock), None).await.0, 401);
    assert_eq!(host.call(fresh, (Method::GET, &clock), None).await.0, 200);

    // A lost one: the host helps.
    let named = json!({"namespace": asha.name});
    let (status, told) = host.call(&host.token(), (Method::POST, "/hosted/token"), Some(&named)).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(host.call(fresh, (Method::GET, &clock), None).await.0, 401);
    assert_eq!(host.call(told["token"].as_str().unwrap(), (Method::GET, &clock), None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_namespace_sleeps_and_the_next_request_wakes_it_as_it_was() {
    let host = Host::start(&["--hosted-idle", "1", "--hosted-awake", "2"]).await;
    let asha = host.namespace("LSP-ASHA").await;
    apply(&host, &asha, "APP-1").await;
    let advance = json!({"advance": "P30D"});
    let path = format!("/{}/sandbox/clock", asha.name);
    let (_, moved) = host.call(&asha.token, (Method::POST, &path), Some(&advance)).await;

    host.until("it sleeps", async || host.state(&asha).await == "ASLEEP").await;
    // Its callers do not notice, except that it takes a moment; however many come at once.
    let asked: Vec<_> = (0..8).map(|_| host.ask(&asha, "/sandbox/clock")).collect();
    for clock in futures_util::future::join_all(asked).await {
        assert!(clock["now"].as_str() >= moved["now"].as_str(), "{clock} {moved}");
    }
    assert_eq!(host.ask(&asha, "/admin/applications").await["items"][0]["loanApplicationId"], "APP-1");
    // More namespaces than places: whoever is quiet makes room.
    for org in ["LSP-B", "LSP-C", "LSP-D"] {
        let other = host.namespace(org).await;
        apply(&host, &other, "APP-1").await;
    }
    assert_eq!(host.ask(&asha, "/admin/applications").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_brings_every_namespace_back() {
    let host = Host::start(&[]).await;
    let (asha, ravi) = tokio::join!(host.namespace("LSP-ASHA"), host.namespace("LSP-RAVI"));
    apply(&host, &asha, "APP-1").await;
    let path = format!("/{}/sandbox/clock", asha.name);
    let (_, moved) = host.call(&asha.token, (Method::POST, &path), Some(&json!({"advance": "P30D"}))).await;
    let (status, _) = host.call(&ravi.token, (Method::DELETE, &format!("/hosted/{}", ravi.name)), None).await;
    assert_eq!(status, 204);

    let host = host.restarted().await;

    let clock = host.ask(&asha, "/sandbox/clock").await;
    assert!(clock["now"].as_str() >= moved["now"].as_str(), "{clock} {moved}");
    assert_eq!(host.ask(&asha, "/admin/applications").await["items"][0]["loanApplicationId"], "APP-1");
    let gone = host.call(&ravi.token, (Method::GET, &format!("/{}/sandbox/clock", ravi.name)), None).await;
    assert_eq!(gone.0, 401);
    let (_, all) = host.call(&host.token(), (Method::GET, "/hosted/namespaces"), None).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_to_start_beside_a_real_adapter_and_names_it() {
    let directory = tempdir::Dir::new();
    let file = directory.path().join("lender.toml");
    let section = "[ports.disbursement]\nurl = \"https://payments.internal/ocen\"\nsecret = \"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"\n";
    std::fs::write(&file, section).unwrap();

    let refused = command(&directory, &database::fresh().await)
        .arg("--config")
        .arg(&file)
        .stderr(std::process::Stdio::piped())
        .output()
        .await
        .unwrap();

    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(said.contains("ports.disbursement") && said.contains("payments.internal"), "{said}");
    let serve = tokio::process::Command::new(env!("CARGO_BIN_EXE_ocen-lender")).args(["serve", "--hosted"]).output();
    assert_eq!(serve.await.unwrap().status.code(), Some(2), "serve knows no such option");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_sends_too_much_is_slowed_down_and_the_others_are_not() {
    let host = Host::start(&["--hosted-rate", "60"]).await;
    let (asha, ravi) = tokio::join!(host.namespace("LSP-ASHA"), host.namespace("LSP-RAVI"));
    let clock = |of: &Namespace| format!("/{}/sandbox/clock", of.name);

    let mut refused = None;
    for _ in 0..30 {
        let answer = host.http.get(format!("{}{}", host.admin, clock(&asha))).bearer_auth(&asha.token).send().await;
        let answer = answer.unwrap();
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }

    let refused = refused.expect("a limit");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(host.call(&ravi.token, (Method::GET, &clock(&ravi)), None).await.0, 200);
}

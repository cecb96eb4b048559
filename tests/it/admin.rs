//! The operators' API: who may speak to the lender, what was said, and saying it again.

use ocen_lender::clock::Ids;
use ocen_lender::jose::SigningKey;
use ocen_lender::store::outbox::{self, Since};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};
use tokio::process::Command;
use uuid::Uuid;

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::{Reaction, TestLsp, key};
use crate::support::server::Server;
use crate::support::{fingerprint, sql};

/// A registration as an operator would write it.
fn registration(keys: &[&SigningKey]) -> Value {
    let keys: Vec<Value> =
        keys.iter().map(|key| json!({"kid": key.kid(), "publicKeyPem": key.public_key_pem()})).collect();
    json!({"name": "An LSP", "callbackBaseUrl": "https://lsp.example/ocen/", "keys": keys, "settings": {}})
}

async fn put(server: &Server, org_id: &str, body: &Value) -> (u16, Value) {
    let answer = server.http.put(format!("{}/admin/lsps/{org_id}", server.admin)).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn private(key: &SigningKey) -> SecretString {
    key.to_pkcs8_pem().unwrap()
}

/// `lsp add` with one key; gives its exit code and what it complained of.
async fn add(server: &Server, org_id: &str, key: &SigningKey) -> (i32, String) {
    let path = std::env::temp_dir().join(format!("ocen-add-{}.pem", Ids.uuid().simple()));
    std::fs::write(&path, key.public_key_pem()).unwrap();
    let named = format!("{}={}", key.kid(), path.display());
    let line = ["add", org_id, "--name", "An LSP", "--callback-url", "https://lsp.example/ocen", "--key", &named];
    let ran = Command::new(env!("CARGO_BIN_EXE_ocen-lender"))
        .args(["lsp", "--admin-url", &server.admin])
        .args(line)
        .output()
        .await
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    (ran.status.code().unwrap(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

/// A problem as RFC 9457 has it.
async fn assert_problem(answer: reqwest::Response, status: u16, what: &str) -> Value {
    assert_eq!(answer.status().as_u16(), status, "{what}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{what}");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status, "{what}: {problem}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: {member} of {problem}");
    }
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_is_registered_changed_and_shown() {
    let server = Server::start().await;
    let (first, second) = (SigningKey::generate("k-1").unwrap(), SigningKey::generate("k-2").unwrap());

    let (status, stored) = put(&server, "LSP-NEW", &registration(&[&first])).await;
    assert_eq!(status, 200, "{stored}");
    assert_eq!(stored["callbackBaseUrl"], "https://lsp.example/ocen");
    assert_eq!(stored["settings"]["offersShape"], "array", "a switch that is left out has its default");
    assert_eq!(server.get("/admin/lsps/LSP-NEW").await, stored);

    // The keys are replaced: the one that is left out does not count any more.
    let mut changed = registration(&[&second]);
    changed["settings"] = json!({"offersShape": "object"});
    let (_, stored) = put(&server, "LSP-NEW", &changed).await;
    let keys = stored["keys"].as_array().unwrap();
    assert_eq!((&keys[0]["kid"], keys[0]["revokedAt"].is_string()), (&json!("k-1"), true));
    assert_eq!((&keys[1]["kid"], keys[1]["revokedAt"].is_null()), (&json!("k-2"), true));
    assert_eq!(stored["settings"]["offersShape"], "object");
    // Who comes with keys alone means the keys alone.
    let mut moved = registration(&[&second]);
    moved["callbackBaseUrl"] = json!("https://elsewhere.example/ocen");
    moved.as_object_mut().unwrap().remove("settings");
    let (_, stored) = put(&server, "LSP-NEW", &moved).await;
    assert_eq!(stored["settings"]["offersShape"], "object");
    // What is shown can be given back as it is; under another id it is somebody else's.
    let (status, again) = put(&server, "LSP-NEW", &stored).await;
    assert_eq!((status, &again), (200, &stored));
    let (status, problem) = put(&server, "LSP-OTHER", &stored).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/orgId")), "{problem}");
    let entry = &server.get("/admin/audit").await["items"][1]["entry"];
    assert_eq!(
        (&entry["action"], &entry["subject"]["changed"]),
        (&json!("LSP_PUT"), &json!("callbackBaseUrl")),
        "{entry}"
    );
    assert_eq!(entry["subject"]["callbackBaseUrlBefore"], "https://lsp.example/ocen");
    assert_eq!(entry["subject"]["callbackBaseUrl"], "https://elsewhere.example/ocen");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_leaves_out_stays() {
    let server = Server::start().await;
    let (first, second) = (SigningKey::generate("k-1").unwrap(), SigningKey::generate("k-2").unwrap());
    let mut body = registration(&[&first, &second]);
    body["settings"] = json!({
        "ipAllowList": ["203.0.113.0/28"], "ownAccounts": ["50100000000001"], "pushDisbursementStatus": false,
        "clientCertificates": ["dns:lsp.example"], "clockSkew": 60, "rateLimits": {"requests": {"perMinute": 600, "burst": 50}},
    });
    let (status, mut stored) = put(&server, "LSP-NEW", &body).await;
    assert_eq!(status, 200, "{stored}");

    // Without `keys` none is revoked, and one setting is one setting.
    let change = |settings: Value| json!({"name": "An LSP", "callbackBaseUrl": "https://lsp.example/ocen", "settings": settings});
    let (_, changed) = put(&server, "LSP-NEW", &change(json!({"offersShape": "object"}))).await;
    stored["settings"]["offersShape"] = json!("object");
    assert_eq!(changed, stored);

    // A member that is given replaces, `null` is the usual.
    let next =
        json!({"ownAccounts": [], "pushDisbursementStatus": null, "clockSkew": null, "ipAllowList": ["203.0.113.7"]});
    let (_, changed) = put(&server, "LSP-NEW", &change(next)).await;
    stored["settings"]["ownAccounts"] = json!([]);
    stored["settings"]["pushDisbursementStatus"] = json!(true);
    stored["settings"]["ipAllowList"] = json!(["203.0.113.7/32"]);
    stored["settings"].as_object_mut().unwrap().remove("clockSkew");
    assert_eq!(changed, stored);
    let (status, problem) = put(&server, "LSP-NEW", &change(json!({"noSwitch": null}))).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/settings/noSwitch")), "{problem}");

    // An empty list is a list: it revokes.
    let (_, changed) = put(&server, "LSP-NEW", &registration(&[])).await;
    assert!(changed["keys"].as_array().unwrap().iter().all(|key| key["revokedAt"].is_string()), "{changed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_kid_never_returns() {
    let server = Server::start().await;
    let (first, second) = (SigningKey::generate("k-1").unwrap(), SigningKey::generate("k-2").unwrap());
    put(&server, "LSP-NEW", &registration(&[&first, &second])).await;
    let url = format!("{}/admin/lsps/LSP-NEW/keys/k-1", server.admin);

    let revoked: Value = server.http.delete(&url).send().await.unwrap().json().await.unwrap();
    let at = revoked["keys"][0]["revokedAt"].clone();
    assert!(at.is_string(), "{revoked}");
    let again: Value = server.http.delete(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(again["keys"][0]["revokedAt"], at, "a second time changes nothing");

    let before = fingerprint::all(&server).await;
    let renewed = SigningKey::generate("k-1").unwrap();
    let other = SigningKey::generate("k-2").unwrap();
    let alias = |key: &SigningKey, kid: &str| SigningKey::from_pem(kid, private(key).expose_secret()).unwrap();
    let (returned, doubled) = (alias(&first, "k-4"), alias(&second, "k-4"));
    for (what, keys) in [
        ("the revoked key", vec![&first, &second]),
        ("the revoked key under another kid", vec![&second, &returned]),
        ("a living key under another kid as well", vec![&second, &doubled]),
        ("a new key under the revoked kid", vec![&renewed]),
        ("another key under a living kid", vec![&other]),
    ] {
        let (status, problem) = put(&server, "LSP-NEW", &registration(&keys)).await;
        assert_eq!(status, 409, "{what}: {problem}");
    }
    for (key, words) in [(&first, "was revoked as k-1 of LSP-NEW"), (&second, "is registered as k-2 of LSP-NEW")] {
        let (status, problem) = put(&server, "LSP-NEXT", &registration(&[key])).await;
        assert_eq!(status, 409, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
        let (code, said) = add(&server, "LSP-NEXT", key).await;
        assert!(code == 1 && said.contains(words), "{said}");
    }
    assert_eq!(fingerprint::all(&server).await, before);
    let unknown = server.http.delete(format!("{}/admin/lsps/LSP-NEW/keys/k-9", server.admin)).send().await.unwrap();
    assert_problem(unknown, 404, "an unknown kid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_makes_no_sense_is_pointed_at() {
    let server = Server::start().await;
    let (small, ec) = (include_str!("../fixtures/jose/small.pub.pem"), include_str!("../fixtures/jose/ec.pub.pem"));
    let private = include_str!("../fixtures/jose/lsp.key.pem");
    let pem = key().await.public_key_pem();
    let one = |kid: &str, pem: &str| json!([{"kid": kid, "publicKeyPem": pem}]);
    let before = fingerprint::all(&server).await;

    for (pointer, member, value) in [
        ("/name", "name", json!("")),
        ("/name", "name", json!(7)),
        ("/callbackBaseUrl", "callbackBaseUrl", json!("ftp://lsp.example")),
        ("/callbackBaseUrl", "callbackBaseUrl", json!("https://user:secret@lsp.example")),
        ("/callbackBaseUrl", "callbackBaseUrl", json!("https://lsp.example/?to=")),
        ("/keys/0/kid", "keys", one("", &pem)),
        ("/keys/0/publicKeyPem", "keys", one("k", "no key")),
        ("/keys/0/publicKeyPem", "keys", one("k", small)),
        ("/keys/0/publicKeyPem", "keys", one("k", ec)),
        ("/keys/0/publicKeyPem", "keys", one("k", private)),
        ("/settings/offersShape", "settings", json!({"offersShape": "triangle"})),
        ("/settings/unknownSwitch", "settings", json!({"unknownSwitch": true})),
        ("/settings/callbackPathOverrides/noCall", "settings", json!({"callbackPathOverrides": {"noCall": "/x"}})),
        ("/settings/callbackPathOverrides/setOffer", "settings", json!({"callbackPathOverrides": {"setOffer": "x"}})),
        ("/surprise", "surprise", json!(1)),
    ] {
        let mut body = registration(&[]);
        body[member] = value;
        let url = format!("{}/admin/lsps/LSP-NEW", server.admin);
        let problem = assert_problem(server.http.put(url).json(&body).send().await.unwrap(), 422, pointer).await;
        assert_eq!(problem["pointer"], pointer, "{problem}");
        assert!(!problem.to_string().contains("secret") && !problem.to_string().contains("MII"), "{problem}");
    }
    assert_eq!(fingerprint::all(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_found_is_a_problem() {
    let server = Server::start().await;
    let url = |path: &str| format!("{}{path}", server.admin);
    let get = |path: &str| server.http.get(url(path));
    let json = "application/json";
    let put =
        |kind: &str, body: &'static str| server.http.put(url("/admin/lsps/A")).header("content-type", kind).body(body);

    for (what, request, status) in [
        ("no JSON", put(json, "{"), 400),
        ("more than JSON", put(json, r#"{"name": "A", "callbackBaseUrl": "https://a.example"} x"#), 400),
        ("a form", put("text/plain", "{}"), 415),
        ("nothing that is asked for", put(json, "{}"), 422),
        ("an unknown LSP", get("/admin/lsps/NOBODY"), 404),
        ("an unknown application", get("/admin/applications/LSP-TEST/NOTHING"), 404),
        ("an unknown loan", get("/admin/loans/LON-NEVER"), 404),
        ("an unknown path", get("/admin/lps"), 404),
        ("another method", server.http.post(url("/admin/lsps/A")), 405),
        ("an unknown stage", get("/admin/applications?stage=DREAMING"), 400),
        ("no cursor of ours", get("/admin/applications?cursor=abc"), 400),
        ("too many at once", get("/admin/applications?limit=501"), 400),
        ("none at once", get("/admin/callbacks?limit=0"), 400),
        ("an unknown state", get("/admin/callbacks?state=lost"), 400),
        ("an id that is none", server.http.post(url("/admin/callbacks/7/redeliver")), 400),
        (
            "an unknown callback",
            server.http.post(url("/admin/callbacks/0190d3a0-0000-7000-8000-000000000000/redeliver")),
            404,
        ),
        ("no time", server.http.post(url("/admin/callbacks/redeliver")).json(&json!({"since": "yesterday"})), 422),
    ] {
        assert_problem(request.send().await.unwrap(), status, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_site_sends_and_what_no_text_holds_is_refused() {
    let server = Server::start().await;
    let before = server.app.clock.now();
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let clock = server.http.post(format!("{}/sandbox/clock", server.admin)).header(name, value);
        let answer = clock.header("content-type", "text/plain").body(r#"{"advance":"P1D"}"#).send().await.unwrap();
        assert_problem(answer, 403, name).await;
    }
    assert!(server.app.clock.now() - before < chrono::Duration::days(1));
    for path in ["/admin/loans/%00", "/admin/loans?orgId=%00", "/admin/lsps/a%00b", "/admin/audit?actor=x%00"] {
        let answer = server.http.get(format!("{}{path}", server.admin)).send().await.unwrap();
        assert_problem(answer, 400, path).await;
    }
    let shown = server.http.get(format!("{}/admin/loans/LON-NONE", server.admin)).send().await.unwrap();
    assert_eq!(shown.headers()["cache-control"], "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_that_hold_everything_once() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    for org_id in ["LSP-A", "LSP-B", "LSP-C"] {
        put(&server, org_id, &registration(&[])).await;
    }
    let mut filed = Flow { server: &server, lsp: &lsp }.file(5).await;
    filed.reverse();

    assert_eq!(walk(&server, "/admin/lsps?limit=2", "orgId").await, ["LSP-A", "LSP-B", "LSP-C", "LSP-TEST"]);
    let found = walk(&server, "/admin/applications?orgId=LSP-TEST&stage=processing&limit=2", "loanApplicationId").await;
    assert_eq!(found, filed, "newest first");
    assert!(walk(&server, "/admin/applications?orgId=LSP-A&limit=2", "loanApplicationId").await.is_empty());
    assert!(walk(&server, "/admin/applications?stage=GRANTED", "loanApplicationId").await.is_empty());
    fingerprint::at_rest(&server).await;
    assert_eq!(
        walk(&server, "/admin/callbacks?state=delivered&limit=1", "operation").await,
        ["createLoanApplications"]
    );
}

/// One member of every item, page by page.
async fn walk(server: &Server, path: &str, member: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = server.get(&next).await;
        found.extend(each(&page["items"], member));
        match page["nextCursor"].as_str() {
            Some(cursor) => next = format!("{path}&cursor={cursor}"),
            None => return found,
        }
    }
}

/// One member of every item of an array.
fn each(items: &Value, member: &str) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_shows_all_that_was_said_about_it() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    lsp.inbox.react(
        "/v3/offer/generateOffersResponse",
        vec![Reaction { status: 500, body: Some("out of order".to_owned()), headers: Vec::new() }],
    );
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    flow.offers(&ids).await;
    let parked_nothing =
        || async { server.get("/admin/callbacks?state=pending").await["items"].as_array().unwrap().is_empty() };
    server.until("the second try succeeded", parked_nothing).await;

    let shown = server.get(&format!("/admin/applications/LSP-TEST/{}", ids[0])).await;
    assert_eq!((&shown["stage"], &shown["dataConsent"]), (&json!("OFFERED"), &json!("READY")));
    let calls = ["createLoanApplications", "consentHandle", "consentStatus", "generateOffers"];
    assert_eq!(each(&shown["received"], "operation"), calls);
    assert_eq!(each(&shown["sent"], "operation"), calls);
    assert_eq!(shown["received"][0]["body"]["loanApplications"][0]["loanApplicationId"], json!(ids[0]));
    assert_eq!(shown["sent"][3]["body"]["loanApplications"][0]["loanApplicationStatus"], "OFFERED");
    let tries = shown["sent"][3]["tries"].as_array().unwrap();
    assert_eq!((tries.len(), &tries[0]["status"], &tries[0]["answer"]), (2, &json!(500), &json!("out of order")));
    assert_eq!((&tries[1]["status"], &tries[1]["answer"]["error"]), (&json!(200), &json!("0")));
    let asks = each(&shown["asks"], "method");
    // The built-in rules judge eligibility while the application is filed.
    for method in ["consent-create", "consent-status", "fetch", "offers"] {
        assert!(asks.iter().any(|ask| ask == method), "{method} in {asks:?}");
    }
    assert!(shown["events"].as_array().unwrap().len() >= 4, "{}", shown["events"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_sent_again_when_an_operator_wants() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    lsp.inbox.react(
        "/v3/loanApplication/createLoanApplicationsResponse",
        vec![Reaction { status: 410, body: None, headers: Vec::new() }],
    );
    let (request_id, _) =
        lsp.send(path::CREATE, json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})).await;
    let listed = format!("/admin/callbacks?requestId={request_id}");
    server.until("it is parked", || async { server.get(&listed).await["items"][0]["state"] == "parked" }).await;
    let callback = server.get(&listed).await["items"][0].clone();
    assert!(callback["parkedReason"].is_string(), "{callback}");

    let (status, queued) =
        server.post(&format!("/admin/callbacks/{}/redeliver", callback["id"].as_str().unwrap()), &json!({})).await;
    assert_eq!((status, &queued["queued"]), (200, &json!(1)), "{queued}");
    server.until("it is delivered", || async { server.get(&listed).await["items"][0]["state"] == "delivered" }).await;
    let got = lsp.inbox.of(&request_id);
    assert_eq!(got.len(), 2);
    assert_eq!(without_metadata(&got[0].body), without_metadata(&got[1].body), "the payload is frozen");
    assert_eq!(got[0].body["metadata"]["traceId"], got[1].body["metadata"]["traceId"]);
}

fn without_metadata(body: &Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove("metadata");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn all_callbacks_since_a_time_are_sent_again_in_their_old_order() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let neighbour = TestLsp::register(&server, "LSP-NEXT").await;
    Flow { server: &server, lsp: &neighbour }.file(1).await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    flow.offers(&ids).await;
    fingerprint::at_rest(&server).await;
    let paths = |lsp: &TestLsp| -> Vec<String> { lsp.inbox.all().into_iter().map(|c| c.path).collect() };
    let first = paths(&lsp);
    assert_eq!(first.len(), 4);

    let tomorrow = server.app.clock.now() + chrono::Duration::days(1);
    let (_, none) = server.post("/admin/callbacks/redeliver", &json!({"since": tomorrow, "orgId": "LSP-TEST"})).await;
    assert_eq!(none["queued"], 0);
    let parked = json!({"since": "2020-01-01T00:00:00Z", "orgId": "LSP-TEST", "state": "parked"});
    assert_eq!(server.post("/admin/callbacks/redeliver", &parked).await.1["queued"], 0, "all were delivered");
    let yesterday = server.app.clock.now() - chrono::Duration::days(1);
    let (status, all) =
        server.post("/admin/callbacks/redeliver", &json!({"since": yesterday, "orgId": "LSP-TEST"})).await;
    assert_eq!((status, &all["queued"]), (200, &json!(4)), "{all}");
    fingerprint::at_rest(&server).await;
    assert_eq!(paths(&lsp), [first.clone(), first].concat());
    assert_eq!(paths(&neighbour).len(), 1, "the neighbour was not meant");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_long_before_and_delivered_since_is_sent_again() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    for _ in 0..3 {
        flow.file(1).await;
    }
    fingerprint::at_rest(&server).await;
    let pool = &server.app.pool;
    // The first is long gone, the second came late, the third is parked since long ago.
    let old = "
        update callback
        set created_at = '2020-01-01',
            delivered_at = case place when 1 then timestamptz '2020-01-01' when 2 then delivered_at end,
            state = case place when 3 then 'PARKED' else state end
        from (select callback_id, row_number() over (order by callback_id) as place from callback) counted
        where callback.callback_id = counted.callback_id";
    sql::run(pool, old).await.unwrap();
    let ids = pool.fetch_all("select callback_id from callback order by callback_id").await.unwrap();
    let ids: Vec<Uuid> = ids.iter().map(|row| row.get(0)).collect();
    let until = server.app.clock.now();
    let since = until - chrono::Duration::days(1);
    let whole = Since { state: None, org_id: None, since, until, after: Uuid::nil(), limit: 10 };
    let mut conn = pool.acquire().await.unwrap();
    let before = outbox::before_first_since(&mut conn, whole).await.unwrap();
    assert!(ids[0] <= before && before < ids[1], "{before} {ids:?}");
    let nobody = Since { org_id: Some("LSP-NOBODY"), ..whole };
    assert_eq!(outbox::before_first_since(&mut conn, nobody).await.unwrap(), Uuid::max());
    let (_, queued) = server.post("/admin/callbacks/redeliver", &json!({"since": since})).await;
    assert_eq!(queued["queued"], 1);
    let (_, queued) = server.post("/admin/callbacks/redeliver", &json!({"since": "2019-12-31T00:00:00Z"})).await;
    assert!(queued["queued"].as_i64().unwrap() >= 2, "{queued}");
}

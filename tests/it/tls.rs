//! TLS at the edge: who gets in by which certificate, directly and through a proxy, and certificates that change.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocen_lender::config::{Asked, Config, PlainTls};
use serde_json::json;

use crate::support::bodies::path;
use crate::support::certificates::{self, Authority, Folder};
use crate::support::lsp::{TestLsp, key};
use crate::support::refusal;
use crate::support::server::{Options, Server};

/// A server whose listeners are as a test says.
async fn server(tweak: impl FnOnce(&mut Config) + Send + 'static) -> Server {
    Server::start_with(Options { tweak: Some(Box::new(tweak)), ..Options::default() }).await
}

/// The LSP's address of a server that speaks TLS.
fn https(server: &Server) -> String {
    server.url.replace("http://", "https://")
}

async fn accepted(lsp: &TestLsp) -> bool {
    lsp.send(path::LOOKUP, json!({"lookupType": "LOAN_TYPE"})).await.1.error() == "0"
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_certificate_where_one_is_required() {
    let (folder, ours, theirs, stranger) = (Folder::new(), Authority::new(), Authority::new(), Authority::new());
    let listener = certificates::listener(&folder, &ours, Some(&theirs), Asked::Required);
    let server = server(|config| config.tls.lsp = Some(listener)).await;
    let lsp = server.lsp().await;
    let url = https(&server);

    let good = lsp.over(&url, certificates::http(&ours, Some(&theirs.issue("lsp.example"))));
    assert!(accepted(&good).await);
    let get = |http: reqwest::Client, url: String| async move { http.get(format!("{url}/health/live")).send().await };
    for (what, shown) in [("none", None), ("a stranger's", Some(stranger.issue("lsp.example")))] {
        assert!(get(certificates::http(&ours, shown.as_ref()), url.clone()).await.is_err(), "{what}");
    }
    assert!(get(server.http.clone(), server.url.clone()).await.is_err(), "plain HTTP");
    assert!(accepted(&good).await, "others are served all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_does_not_let_in_any_more() {
    let (folder, ours, theirs) = (Folder::new(), Authority::new(), Authority::new());
    let [kept, stolen] = ["lsp-1.example", "lsp-2.example"].map(|name| theirs.issue(name));
    let mut listener = certificates::listener(&folder, &ours, Some(&theirs), Asked::Required);
    listener.client_crl_file = Some(folder.write("revoked.pem", &theirs.revoke(&[], 4096)));
    let server = server(|config| config.tls.lsp = Some(listener)).await;
    let comes_in = |shown| {
        let url = format!("{}/health/live", https(&server));
        let http = certificates::http(&ours, Some(shown));
        async move { http.get(url).send().await.is_ok() }
    };
    assert!(comes_in(&kept).await && comes_in(&stolen).await);

    folder.write("revoked.pem", &theirs.revoke(&[&stolen], 4096));
    server.until("the revoked certificate is refused", || async { !comes_in(&stolen).await }).await;
    assert!(comes_in(&kept).await);
    // A list that is late goes on counting; one that is missing, or another authority's, opens nothing.
    folder.write("revoked.pem", &theirs.revoke(&[&kept], 2021));
    server.until("the late list counts", || async { !comes_in(&kept).await && comes_in(&stolen).await }).await;
    folder.write("revoked.pem", "");
    assert!(!comes_in(&kept).await);
    folder.write("revoked.pem", &ours.revoke(&[], 4096));
    server.until("nobody has a list", || async { !comes_in(&stolen).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_that_is_bound_to_a_certificate_comes_over_no_other() {
    let (folder, ours, theirs) = (Folder::new(), Authority::new(), Authority::new());
    let listener = certificates::listener(&folder, &ours, Some(&theirs), Asked::Optional);
    let server = server(|config| config.tls.lsp = Some(listener)).await;
    let settings = json!({"clientCertificates": ["dns:lsp.example"]});
    let lsp = TestLsp::register_with(&server, "LSP-BOUND", settings, Some(key().await)).await;
    let free = TestLsp::register(&server, "LSP-FREE").await;
    let url = https(&server);
    let [right, other] =
        ["lsp.example", "other.example"].map(|name| certificates::http(&ours, Some(&theirs.issue(name))));

    assert!(accepted(&lsp.over(&url, right)).await);
    for http in [other, certificates::http(&ours, None)] {
        let over = lsp.over(&url, http.clone());
        let message = over.seal(&over.complete(json!({"lookupType": "LOAN_TYPE"})));
        refusal::refused(&server, &over, path::LOOKUP, message, (401, "AUTH1001", "")).await;
        assert!(accepted(&free.over(&url, http)).await, "who is bound to none needs none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_tells_the_certificate_and_nobody_else_does() {
    let authority = Authority::new();
    let issued = authority.issue("lsp.example");
    let header = format!(":{}:", STANDARD.encode(&issued.der));
    for (trusted, is_heard) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let server = server(move |config| {
            config.proxy.trusted_proxies = vec![trusted.parse().unwrap()];
            config.proxy.client_certificate_header = Some("Client-Cert".to_owned());
        })
        .await;
        let settings = json!({"clientCertificates": ["dns:lsp.example"]});
        let lsp = TestLsp::register_with(&server, "LSP-BOUND", settings, Some(key().await)).await;
        let mut told = reqwest::header::HeaderMap::new();
        told.insert("client-cert", header.parse().unwrap());
        let through = lsp.over(&server.url, reqwest::Client::builder().default_headers(told).build().unwrap());

        assert_eq!(accepted(&through).await, is_heard, "{trusted}");
        assert!(!accepted(&lsp).await, "without the header it has shown nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_that_is_bound_to_addresses_calls_from_no_other() {
    let server = server(|config| config.proxy.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let settings = json!({"ipAllowList": ["203.0.113.0/28", "2001:db8::7"]});
    let lsp = TestLsp::register_with(&server, "LSP-BOUND", settings, Some(key().await)).await;
    let stored = server.get("/admin/lsps/LSP-BOUND").await;
    assert_eq!(stored["settings"]["ipAllowList"], json!(["203.0.113.0/28", "2001:db8::7/128"]));
    let from = |address: &str| {
        let mut told = reqwest::header::HeaderMap::new();
        told.insert("x-forwarded-for", address.parse().unwrap());
        lsp.over(&server.url, reqwest::Client::builder().default_headers(told).build().unwrap())
    };
    for address in ["203.0.113.7", "2001:db8::7", "198.51.100.1, 203.0.113.15"] {
        assert!(accepted(&from(address)).await, "{address}");
    }
    for address in ["203.0.113.16", "203.0.113.7, 198.51.100.1", "2001:db8::8", "nonsense"] {
        let over = from(address);
        let message = over.seal(&over.complete(json!({"lookupType": "LOAN_TYPE"})));
        refusal::refused(&server, &over, path::LOOKUP, message, (401, "AUTH1001", "")).await;
    }
    assert!(!accepted(&lsp).await, "the proxy itself is not among them");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_change_without_a_restart() {
    let (folder, old, new) = (Folder::new(), Authority::new(), Authority::new());
    let listener = certificates::listener(&folder, &old, None, Asked::Required);
    let server = server(|config| config.tls.lsp = Some(listener)).await;
    let live = |http: reqwest::Client| {
        let url = format!("{}/health/live", https(&server));
        async move { http.get(url).send().await.is_ok() }
    };
    assert!(live(certificates::http(&old, None)).await);
    assert!(!live(certificates::http(&new, None)).await);
    let expiry = async || {
        let text = server.http.get(format!("{}/metrics", server.admin)).send().await.unwrap().text().await.unwrap();
        let series = "ocen_certificate_expiry_timestamp_seconds{listener=\"lsp\"} ";
        text.lines().find_map(|line| line.strip_prefix(series)?.parse::<i64>().ok())
    };
    assert_eq!(expiry().await, Some(67_090_118_400), "4096-01-01");

    // Half a change, as a copying tool may leave it, keeps what works.
    folder.write("server.pem", "-----BEGIN CERTIFICATE-----\n");
    let issued = new.issue_until("127.0.0.1", 2100);
    folder.write("server.key", &issued.key);
    assert!(live(certificates::http(&old, None)).await);
    folder.write("server.pem", &issued.cert);
    server.until("the new certificate is shown", || live(certificates::http(&new, None))).await;
    assert!(!live(certificates::http(&old, None)).await);
    server.until("its end is told", || async { expiry().await == Some(4_102_444_800) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn borrowers_and_operators_have_certificates_of_their_own() {
    let (folder, other, ours, staff) = (Folder::new(), Folder::new(), Authority::new(), Authority::new());
    let listener = certificates::listener(&folder, &ours, Some(&staff), Asked::Required);
    let borrower = certificates::listener(&other, &ours, None, Asked::Required);
    let server = server(|config| {
        config.tls.borrower = Some(PlainTls { cert_file: borrower.cert_file, key_file: borrower.key_file });
        config.tls.admin = Some(listener);
    })
    .await;
    let page = format!("https://{}/kfs/nobody", server.app.config.listen.borrower);
    let list = format!("{}/admin/lsps", server.admin.replace("http://", "https://"));

    let nobody = certificates::http(&ours, None);
    assert_eq!(nobody.get(&page).send().await.unwrap().status(), 404, "a borrower needs none");
    assert!(nobody.get(&list).send().await.is_err());
    let operator = certificates::http(&ours, Some(&staff.issue("asha")));
    assert_eq!(operator.get(&list).send().await.unwrap().status(), 200);
}

//! Disputes: the page where the borrower follows one, and who moves it (`ocen-v3.md` §2.2 no. 25, rows L16 to L19).

use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_borrower_follows_a_dispute_on_a_page_that_says_nothing_about_the_borrower() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    let words = "I was charged twice, call me on 9000000001";
    let raised = lsp.ask(path::RAISE_DISPUTE, json!({"loanId": loan.loan_id, "dispute": {"description": words}})).await;
    let (id, url) = (raised["dispute"]["id"].as_str().unwrap(), raised["dispute"]["url"].as_str().unwrap());
    let asked = lsp.ask(path::DISPUTE_STATUS, json!({"dispute": {"id": id}})).await;
    assert_eq!(asked["dispute"]["url"], url, "the same page whenever it is asked for");
    let (base, token) = url.rsplit_once('/').unwrap();
    assert!(base.ends_with("/dispute") && token.len() == 40 && !url.contains(id), "{url}");

    let page = server.http.get(url).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("cache-control").as_str(), header("referrer-policy").as_str()), ("no-store", "no-referrer"));
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    assert!(html.contains("Received") && html.contains(id), "{html}");
    for hidden in [words, "9000000001", bodies::NAME, loan.loan_id.as_str()] {
        assert!(!html.contains(hidden), "{hidden}");
    }

    let admin = format!("/admin/disputes/{id}");
    let answer = json!({"status": "RESOLVED", "note": "Refunded <b>today</b>"});
    assert_eq!(server.post(&admin, &answer).await.0, 200);
    let html = server.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("Answered") && html.contains("Refunded &lt;b&gt;today&lt;/b&gt;"), "{html}");

    for wrong in [
        format!("{base}/{}", "0".repeat(40)),
        format!("{base}/{id}"),
        format!("{base}/{}", token.to_uppercase()),
        format!("{}/{token}", base.replace("/dispute", "/kfs")),
    ] {
        assert_eq!(server.http.get(&wrong).send().await.unwrap().status().as_u16(), 404, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_does_not_undo_what_the_lender_has_answered() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    let raise = |dispute: Value| json!({"loanId": loan.loan_id, "dispute": dispute});
    let raised = lsp.ask(path::RAISE_DISPUTE, raise(json!({"description": "charged twice"}))).await;
    let id = raised["dispute"]["id"].clone();
    let more = raise(json!({"id": id, "description": "on the 5th"}));
    let told = lsp.ask(path::RAISE_DISPUTE, more.clone()).await;
    assert_eq!(
        (&told["dispute"]["status"], &told["dispute"]["description"]),
        (&json!("NEW"), &json!("charged twice\non the 5th"))
    );
    let admin = format!("/admin/disputes/{}", id.as_str().unwrap());
    assert_eq!(server.post(&admin, &json!({"status": "RESOLVED", "note": "Refunded"})).await.0, 200);
    let refused = lsp.ask(path::RAISE_DISPUTE, more).await;
    assert_eq!(
        (&refused["response"]["error"], &refused["dispute"]["status"]),
        (&json!("DPRQ1002"), &json!("RESOLVED")),
        "{refused}"
    );
    let stands = lsp.ask(path::DISPUTE_STATUS, json!({"dispute": {"id": id}})).await;
    assert_eq!(stands["dispute"]["description"], "charged twice\non the 5th", "{stands}");
    let anew = lsp.ask(path::RAISE_DISPUTE, raise(json!({"description": "still charged twice"}))).await;
    assert_ne!(anew["dispute"]["id"], id);
}

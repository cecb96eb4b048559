//! What the rules leave to a person waits, is decided by two of them, and is answered like any other decision.

use std::sync::Arc;

use chrono::Duration;
use ocen_lender::domain::application::ask::{Ask, Outcome};
use ocen_lender::domain::maths::money::Paise;
use ocen_lender::lender::Port;
use ocen_lender::lender::http::ADAPTER_ERROR;
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::port::{Reply, Steered};
use crate::support::server::{Options, Server};

/// Borrowers whom the sandbox's rules refer: at filing, at the offers, at the grant.
const AT_FILING: &str = "ZZZPX0121Z";
const AT_OFFERS: &str = "ZZZPX0122Z";
const AT_GRANT: &str = "ZZZPX0123Z";

/// Who works for the lender.
struct Desk<'a>(&'a Server);

impl Desk<'_> {
    /// Waits until one decision is open; gives it in full.
    async fn waiting(&self) -> Value {
        let open = || async { self.0.get("/admin/decisions").await["items"].as_array().unwrap().len() == 1 };
        self.0.until("a decision waits", open).await;
        let listed = self.0.get("/admin/decisions").await["items"][0].clone();
        self.0.get(&format!("/admin/decisions/{}", listed["decisionId"].as_str().unwrap())).await
    }

    async fn act(&self, decision: &Value, what: &str, body: Value) -> (u16, Value) {
        let id = decision["decisionId"].as_str().unwrap();
        self.0.post(&format!("/admin/decisions/{id}/{what}"), &body).await
    }

    /// The same for an act that is done.
    async fn done(&self, decision: &Value, what: &str, body: Value) -> Value {
        let (status, answer) = self.act(decision, what, body).await;
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    }

    /// The same for an act that is refused; gives the words.
    async fn refused(&self, decision: &Value, what: &str, body: Value) -> String {
        let (status, answer) = self.act(decision, what, body).await;
        assert_eq!(status, 409, "{what}: {answer}");
        answer["detail"].as_str().unwrap().to_owned()
    }

    async fn propose(&self, decision: &Value, verdict: Value) -> Value {
        self.done(decision, "claim", json!({"by": "asha"})).await;
        let mut body = json!({"maker": "asha", "reason": "seen the file"});
        body.as_object_mut().unwrap().extend(verdict.as_object().unwrap().clone());
        self.done(decision, "propose", body).await
    }

    /// Decides all the way.
    async fn decide(&self, decision: &Value, verdict: Value) -> Value {
        self.propose(decision, verdict).await;
        self.done(decision, "release", json!({"checker": "ravi"})).await
    }
}

fn rejection() -> Value {
    json!({"verdict": "reject", "rejection": {"reason": "OTHERS", "description": "We cannot lend to you now."}})
}

/// Files one application and has it wait for offers; gives its id and the request.
async fn asks_for_offers(server: &Server, lsp: &TestLsp) -> (String, String) {
    let flow = Flow { server, lsp };
    let ids = flow.file_for(AT_OFFERS, 1).await;
    flow.consent(&ids, "ONETIME").await;
    let (request, ack) = lsp.send(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    (ids[0].clone(), request)
}

async fn with_decision(system: &Arc<Steered>) -> Server {
    let system: Arc<dyn Port> = Arc::clone(system) as _;
    Server::start_with(Options { port: Some(("decision", system)), ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_refers_is_approved_by_two_people_on_their_terms() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let desk = Desk(&server);
    let (application, request) = asks_for_offers(&server, &lsp).await;

    let waiting = desk.waiting().await;
    assert_eq!((&waiting["question"], &waiting["state"]), (&json!("offers"), &json!("WAITING")));
    assert_eq!(waiting["reasons"][0]["code"], "SANDBOX_0122");
    assert_eq!(waiting["application"]["borrower"]["pan"], AT_OFFERS, "the sandbox hides nothing from its owner");
    let offers = json!([{"amount": "40000.00", "installments": 6, "annualRate": "14.50"}, {"amount": "20000.00"}]);
    let decided = desk.decide(&waiting, json!({"verdict": "approve", "offers": offers})).await;
    let answer = lsp.callback(&request).await;

    assert_eq!(
        (&decided["state"], &decided["maker"], &decided["checker"]),
        (&json!("APPROVED"), &json!("asha"), &json!("ravi"))
    );
    let item = &answer["loanApplications"][0];
    assert_eq!((&item["loanApplicationStatus"], &item["loanApplicationId"]), (&json!("OFFERED"), &json!(application)));
    let terms = &item["offers"][0]["terms"];
    assert_eq!((&terms["sanctionedAmount"], item["offers"].as_array().unwrap().len()), (&json!("40000.00"), 2));
    assert!(terms["extensibleData"]["annualPercentageRate"].is_string(), "{terms}");
    let done: Vec<&str> = decided["acts"].as_array().unwrap().iter().map(|a| a["what"].as_str().unwrap()).collect();
    assert_eq!(done, ["CLAIMED", "PROPOSED", "RELEASED"]);
    assert_eq!(server.get("/admin/decisions").await["items"], json!([]));
    assert_eq!(server.get("/admin/decisions?state=approved").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_by_hand_tells_the_borrower_its_words() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let (_, request) = asks_for_offers(&server, &lsp).await;

    let desk = Desk(&server);
    let decided = desk.decide(&desk.waiting().await, rejection()).await;
    let answer = lsp.callback(&request).await;

    assert_eq!(decided["state"], "REJECTED");
    let item = &answer["loanApplications"][0];
    assert_eq!(item["loanApplicationStatus"], "REJECTED", "{item}");
    assert!(item.to_string().contains("We cannot lend to you now."), "{item}");
    assert!(!answer.to_string().contains("seen the file"), "what people say among themselves stays there");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_proposes_and_another_releases() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    asks_for_offers(&server, &lsp).await;
    let desk = Desk(&server);
    let waiting = desk.waiting().await;
    let verdict = json!({"maker": "asha", "verdict": "approve", "reason": "fine"});

    assert!(desk.refused(&waiting, "propose", verdict.clone()).await.contains("claim it first"));
    assert!(desk.refused(&waiting, "release", json!({"checker": "ravi"})).await.contains("WAITING"));
    desk.done(&waiting, "claim", json!({"by": "asha"})).await;
    for (verdict, more) in [("approve", json!({})), ("reject", json!({"rejection": rejection()["rejection"]}))] {
        let mut none = json!({"maker": "asha", "verdict": verdict, "reason": "fine", "offers": []});
        none.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, problem) = desk.act(&waiting, "propose", none).await;
        assert_eq!((status, &problem["pointer"]), (422, &json!("/offers")), "no offers are no approval: {problem}");
    }
    desk.done(&waiting, "propose", verdict).await;
    for own in ["asha", "ASHA"] {
        let words = desk.refused(&waiting, "release", json!({"checker": own})).await;
        assert!(words.contains("another person"), "{words}");
    }
    for (missing, status) in [(json!({"checker": "ravi"}), 422), (json!({"checker": "ravi", "reason": " "}), 400)] {
        assert_eq!(desk.act(&waiting, "return", missing).await.0, status, "the maker must hear why");
    }
    let back = desk.done(&waiting, "return", json!({"checker": "ravi", "reason": "why so much?"})).await;
    assert_eq!((&back["acts"][2]["what"], &back["acts"][2]["reason"]), (&json!("RETURNED"), &json!("why so much?")));
    assert_eq!((&back["state"], &back["maker"], &back["proposal"]), (&json!("WAITING"), &json!(null), &json!(null)));
    let decided = desk.decide(&waiting, rejection()).await;
    assert_eq!(decided["acts"].as_array().unwrap().len(), 6, "{decided}");
    assert!(desk.refused(&waiting, "claim", json!({"by": "meera"})).await.contains("REJECTED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_keeps_others_off_until_it_ends() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    asks_for_offers(&server, &lsp).await;
    let desk = Desk(&server);
    let waiting = desk.waiting().await;

    let (asha, ravi) = tokio::join!(
        desk.act(&waiting, "claim", json!({"by": "asha"})),
        desk.act(&waiting, "claim", json!({"by": "ravi"})),
    );
    let mut statuses = [asha.0, ravi.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "one of two claimants has it");
    let (first, second) = if asha.0 == 200 { ("asha", "ravi") } else { ("ravi", "asha") };
    assert!(desk.refused(&waiting, "unclaim", json!({"by": second})).await.contains(first));
    desk.done(&waiting, "unclaim", json!({"by": first})).await;
    desk.done(&waiting, "claim", json!({"by": second})).await;

    server.app.clock.advance(Duration::minutes(31));
    let ended = desk.waiting().await;
    assert_eq!(ended["claimedBy"], json!(null));
    let claimed = desk.done(&waiting, "claim", json!({"by": first})).await;
    assert_eq!(claimed["claimedBy"], first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_on_data_that_was_replaced_changes_nothing() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let desk = Desk(&server);
    let id = bodies::id();
    let file = |pan: &str| json!({"loanApplications": [bodies::application(&id, pan)]});
    lsp.send(path::CREATE, file(AT_FILING)).await;
    let waiting = desk.waiting().await;
    desk.propose(&waiting, rejection()).await;

    let replaced = lsp.ask(path::CREATE, file(&bodies::pan())).await;
    assert_eq!(replaced["loanApplications"][0]["loanApplicationStatus"], "PROCESSING", "{replaced}");
    assert_eq!(server.get("/admin/decisions").await["items"][0]["stale"], true);
    let words = desk.refused(&waiting, "release", json!({"checker": "ravi"})).await;

    assert!(words.contains("STALE") && words.contains("PROCESSING"), "{words}");
    let shown = server.get(&format!("/admin/applications/LSP-TEST/{id}")).await;
    assert_eq!(shown["stage"], "PROCESSING");
    assert_eq!(server.get("/admin/decisions?state=STALE").await["items"].as_array().unwrap().len(), 1);
    assert!(desk.refused(&waiting, "release", json!({"checker": "ravi"})).await.contains("is STALE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_outlives_the_server() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let (_, request) = asks_for_offers(&server, &lsp).await;
    let waiting = Desk(&server).waiting().await;
    Desk(&server).propose(&waiting, json!({"verdict": "approve"})).await;
    let database_url = Some(server.database_url.clone());
    drop(server);

    let again = Server::start_with(Options { database_url, ..Options::default() }).await;
    let desk = Desk(&again);
    let (one, other) = tokio::join!(
        desk.act(&waiting, "release", json!({"checker": "ravi"})),
        desk.act(&waiting, "release", json!({"checker": "meera"})),
    );
    let answer = lsp.callback(&request).await;

    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "it is released once: {} {}", one.1, other.1);
    let item = &answer["loanApplications"][0];
    assert_eq!(item["loanApplicationStatus"], "OFFERED", "{item}");
    assert_eq!(item["offers"][0]["terms"]["sanctionedAmount"], "50000.00", "terms that nobody spelt out are as asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_processing_and_nobody_asks_again() {
    let soon =
        Options { tweak: Some(Box::new(|config| config.limits.interim_answer_seconds = 1)), ..Options::default() };
    let server = Server::start_with(soon).await;
    let lsp = server.lsp().await;
    let desk = Desk(&server);
    let (application, request) = asks_for_offers(&server, &lsp).await;
    let waiting = desk.waiting().await;

    let interim = lsp.callback(&request).await;
    assert_eq!(interim["loanApplications"][0]["loanApplicationStatus"], "PROCESSING", "{interim}");
    server.app.clock.advance(Duration::days(3));
    server.app.wake.notify_asks();
    let shown = server.get(&format!("/admin/applications/LSP-TEST/{application}")).await;
    let asked = shown["asks"].as_array().unwrap().iter().find(|ask| ask["method"] == "offers").unwrap();
    assert_eq!((&asked["state"], &asked["tries"]), (&json!("REFERRED"), &json!(1)));

    desk.decide(&waiting, json!({"verdict": "approve"})).await;
    let of_request = |c: &crate::support::lsp::Callback| {
        c.body["requestId"] == request && c.body["loanApplications"][0]["loanApplicationStatus"] == "OFFERED"
    };
    lsp.callback_that("brings the offers under the same request", of_request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_decision_system_rejects_nobody() {
    let decision = Steered::new(|call| match call.ask {
        Ask::Eligibility => {
            let detail = "the adapter answered 404 Not Found".to_owned();
            Reply::With(Outcome::Refused { code: ADAPTER_ERROR.to_owned(), detail })
        }
        _ => Reply::Usual,
    });
    let server = with_decision(&decision).await;
    let lsp = server.lsp().await;
    let body = json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]});
    let (request, _) = lsp.send(path::CREATE, body).await;

    let desk = Desk(&server);
    let waiting = desk.waiting().await;
    assert_eq!((&waiting["question"], &waiting["codes"]), (&json!("eligibility"), &json!(["ADAPTER_ERROR"])));
    desk.decide(&waiting, json!({"verdict": "approve"})).await;

    let answer = lsp.callback(&request).await;
    assert_eq!(answer["loanApplications"][0]["loanApplicationStatus"], "PROCESSING", "{answer}");
    assert_eq!(decision.calls("eligibility").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_by_hand_keep_to_product_and_limit() {
    let capped = Options {
        tweak: Some(Box::new(|config| config.limits.max_borrower_exposure = Some(Paise::from_rupees(60_000)))),
        ..Options::default()
    };
    let server = Server::start_with(capped).await;
    let lsp = server.lsp().await;
    asks_for_offers(&server, &lsp).await;
    let desk = Desk(&server);
    let waiting = desk.waiting().await;
    desk.done(&waiting, "claim", json!({"by": "asha"})).await;

    for (offers, words) in [
        (json!([{"amount": "900.00"}]), "is given from 1000.00 to 1000000.00"),
        (json!([{"amount": "60000.01"}]), "within the borrower's limit"),
        (json!([{"amount": "50000.00"}, {"amount": "70000.00"}]), "not all of the approved terms"),
        (json!([{"amount": "50000.00", "installments": 0}]), "at least one instalment"),
    ] {
        let body = json!({"maker": "asha", "verdict": "approve", "offers": offers, "reason": "why not"});
        let said = desk.refused(&waiting, "propose", body).await;
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(desk.waiting().await["state"], "WAITING");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_may_wait_for_a_person_too() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file_for(AT_GRANT, 1).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let (request, _) = lsp.send(path::GRANT, json!({"loanApplicationId": ids[0]})).await;

    let desk = Desk(&server);
    let waiting = desk.waiting().await;
    assert_eq!(waiting["application"]["offer"]["sanctionedAmount"], "50000.00", "{waiting}");
    let with_terms =
        json!({"maker": "asha", "verdict": "approve", "offers": [{"amount": "1000.00"}], "reason": "less"});
    desk.done(&waiting, "claim", json!({"by": "asha"})).await;
    assert!(desk.refused(&waiting, "propose", with_terms).await.contains("without terms"));
    desk.decide(&waiting, json!({"verdict": "approve"})).await;

    assert_eq!(lsp.callback(&request).await["loanStatus"], "GRANTED");
}

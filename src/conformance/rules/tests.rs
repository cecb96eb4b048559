//! Who is blamed for what, on traffic that is made up.

use clap::Parser as _;
use serde_json::{Value, json};

use super::super::args::ConformanceArgs;
use super::super::evidence::Evidence;
use super::super::finding::{Finding, Outcome, Severity, Side};
use super::super::report::{Report, Verdict};
use super::{all, judge};

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: ConformanceArgs,
}

fn args(more: &[&str]) -> ConformanceArgs {
    Cli::parse_from(["conformance", "--lsp", "LSP-1"].iter().chain(more)).args
}

fn post(status: u16, error: &str) -> Value {
    let ack = json!({"error": error, "traceId": "t-1", "timestamp": "2026-01-05T10:00:00Z", "signature": "verified"});
    json!({"at": "2026-01-05T10:00:00Z", "tookMs": 3, "status": status, "ack": ack})
}

fn probe(defect: &str, posts: &[Value]) -> Value {
    json!({
        "probe": "p", "defect": defect, "replayed": true, "url": "http://127.0.0.1:9/v3/offer/setOfferResponse",
        "requestId": "r-1", "traceId": "t-1", "posts": posts,
    })
}

/// An LSP that acknowledged one callback in one try, and took the genuine probe.
fn evidence(change: impl FnOnce(&mut Value, &mut Vec<Value>)) -> Evidence {
    let ack = json!({"error": "0", "traceId": "t-1", "timestamp": "2026-01-05T10:00:01Z", "signature": "verified"});
    let mut traffic = json!({
        "lsp": {"orgId": "LSP-1", "name": "One", "callbackBaseUrl": "http://127.0.0.1:9", "keys": []},
        "lender": "LENDER", "now": "2026-01-05T11:00:00Z", "clockMoved": false, "truncated": false,
        "requests": [{
            "id": "x-1", "operation": "loanSummary", "requestId": "r-1", "traceId": "q-1", "signed": true,
            "receivedAt": "2026-01-05T10:00:00Z", "message": {"metadata": {"timestamp": "2026-01-05T10:00:00Z"}},
        }],
        "refusals": [],
        "callbacks": [{
            "id": "c-1", "operation": "loanSummary", "requestId": "r-1", "traceId": "t-1", "state": "delivered",
            "createdAt": "2026-01-05T10:00:00Z", "message": {"requestId": "r-1", "response": {"error": "0"}},
            "tries": [{"tookMs": 4, "status": 200, "ack": ack}],
        }],
    });
    let mut probes = vec![probe("valid", &[post(200, "0")])];
    change(&mut traffic, &mut probes);
    let args = args(&[]);
    Evidence {
        traffic: serde_json::from_value(traffic).unwrap(),
        probes: probes.into_iter().map(|probe| serde_json::from_value(probe).unwrap()).collect(),
        target: "http://127.0.0.1:9".to_owned(),
        limits: args.limits(),
        attested: Vec::new(),
    }
}

fn failed(evidence: &Evidence) -> Vec<(&'static str, Side)> {
    let findings = judge(evidence, &args(&[]));
    let failed = findings.iter().filter(|one| one.outcome == Outcome::Failed && one.severity != Severity::Info);
    failed.map(|one| (one.rule, one.side.unwrap())).collect()
}

fn verdict(evidence: &Evidence) -> Verdict {
    let args = args(&[]);
    Report::new(&args, evidence, judge(evidence, &args)).verdict
}

fn finding(evidence: &Evidence, rule: &str) -> Finding {
    judge(evidence, &args(&[])).into_iter().find(|one| one.rule == rule).unwrap()
}

#[test]
fn every_rule_has_an_id_of_its_own_in_its_group() {
    let ids: std::collections::HashSet<&str> = all().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), all().count());
    for rule in all() {
        assert!(
            rule.id.to_ascii_lowercase().starts_with(&format!("{:?}", rule.group).to_ascii_lowercase()),
            "{}",
            rule.id
        );
    }
}

#[test]
fn a_quiet_run_blames_nobody_and_claims_nothing_that_it_has_not_seen() {
    let quiet = evidence(|_, _| {});
    assert_eq!(failed(&quiet), []);
    assert_eq!(verdict(&quiet), Verdict::Passed);
    assert_eq!(finding(&quiet, "SG-04").outcome, Outcome::Untested);
}

#[test]
fn what_the_sandbox_did_on_purpose_is_not_the_lsps_fault() {
    let injected = evidence(|traffic, _| {
        traffic["callbacks"][0]["tries"][0] =
            json!({"tookMs": 9_000, "status": 401, "error": "HTTP 401", "injected": "scenario 0905: brokenSignature"});
        traffic["refusals"] = json!([{
            "id": "refusal-1", "operation": "setOffer", "requestId": "r-9", "receivedAt": "2026-01-05T10:00:00Z",
            "status": 500, "error": "GEN5004", "pointer": "", "detail": "", "injected": "scenario 0907: serverError",
        }]);
        // It came again, as it should.
        traffic["requests"][0] = json!({
            "id": "x-2", "operation": "setOffer", "requestId": "r-9", "traceId": "q-1", "signed": true,
            "receivedAt": "2026-01-05T10:00:05Z", "message": null,
        });
    });
    assert_eq!(failed(&injected), [("TR-02", Side::Injected), ("TR-03", Side::Injected), ("TR-09", Side::Injected)]);
    assert_eq!(verdict(&injected), Verdict::Passed);
    assert_eq!(finding(&injected, "IM-02").outcome, Outcome::Passed);
}

#[test]
fn what_was_spoilt_on_purpose_counts_for_the_rule_that_it_tests() {
    let spoilt = |fault: &str, status: u16, error: &str| {
        evidence(|traffic, _| {
            let ack = json!({"error": error, "traceId": "t-1", "timestamp": "t", "signature": "verified"});
            let error = (error != "0").then_some("refused");
            traffic["callbacks"][0]["tries"][0] =
                json!({"tookMs": 9, "status": status, "error": error, "ack": ack, "injected": fault});
        })
    };
    let outcome = |evidence: &Evidence, rule: &str| {
        let finding = finding(evidence, rule);
        (finding.outcome, finding.side)
    };

    let right = spoilt("scenario 0905: brokenSignature", 401, "AUTH1001");
    assert_eq!(outcome(&right, "SG-05"), (Outcome::Passed, None));
    let trusting = spoilt("scenario 0905: brokenSignature", 200, "0");
    assert_eq!(outcome(&trusting, "SG-05"), (Outcome::Failed, Some(Side::Lsp)));
    let forgetful = spoilt("scenario 0909: rotatedKey", 401, "AUTH1002");
    assert_eq!(outcome(&forgetful, "SG-09"), (Outcome::Failed, Some(Side::Lsp)));
    let choosy = spoilt("rule: extraFields", 400, "GEN5001");
    assert_eq!(outcome(&choosy, "SC-04"), (Outcome::Failed, Some(Side::Lsp)));
}

#[test]
fn a_lender_that_is_busy_leaves_the_run_open() {
    let busy = evidence(|traffic, _| {
        traffic["refusals"] = json!([{
            "id": "refusal-1", "operation": "setOffer", "requestId": "r-9", "receivedAt": "2026-01-05T10:00:00Z",
            "status": 503, "error": "GEN5004", "pointer": "", "detail": "temporarily unavailable",
        }]);
    });
    assert_eq!(failed(&busy), [("TR-09", Side::Lender)]);
    assert_eq!(verdict(&busy), Verdict::Inconclusive);
}

#[test]
fn a_try_that_reached_nobody_is_not_held_against_the_lsp() {
    let unreached = evidence(|traffic, _| {
        let tries = traffic["callbacks"][0]["tries"].as_array_mut().unwrap();
        tries.insert(0, json!({"tookMs": 2, "status": null, "error": "Connection refused (os error 111)"}));
    });
    assert_eq!(failed(&unreached), []);
}

#[test]
fn who_refuses_everything_proves_nothing_by_refusing() {
    let deaf = evidence(|_, probes| {
        *probes = vec![probe("valid", &[post(401, "AUTH1001")]), probe("algNone", &[post(401, "AUTH1001")])];
    });
    assert_eq!(finding(&deaf, "SG-07").outcome, Outcome::Untested);
    assert_eq!(failed(&deaf), [("TR-02", Side::Lsp)]);
}

#[test]
fn an_endpoint_that_falls_silent_on_one_message_is_not_blamed_for_sure() {
    let silent = evidence(|_, probes| {
        let lost =
            json!({"at": "2026-01-05T10:00:00Z", "tookMs": 3, "failure": {"kind": "connection", "detail": "reset"}});
        probes.push(probe("algNone", &[lost]));
    });
    assert_eq!(failed(&silent), [("SG-07", Side::Unclear)]);
    assert_eq!(verdict(&silent), Verdict::Failed);
}

#[test]
fn the_same_breach_is_told_once_with_its_number() {
    let slow = evidence(|traffic, _| {
        let slow = json!({"tookMs": 9_000, "status": 200, "ack": {
            "error": "0", "traceId": "t-1", "timestamp": "2026-01-05T10:00:01Z", "signature": "verified",
        }});
        traffic["callbacks"][0]["tries"] = json!([slow, slow, slow]);
    });
    let finding = finding(&slow, "TR-03");
    assert_eq!((finding.side, finding.times, finding.evidence.len()), (Some(Side::Lsp), 3, 3));
}

#[test]
fn a_screen_is_attested_never_passed() {
    let mut attested = evidence(|_, _| {});
    attested.attested.push(super::super::args::Attestation {
        rule: "RG-01".to_owned(),
        by: "Asha Rao".to_owned(),
        screenshot_sha256: "00".to_owned(),
    });
    assert_eq!(finding(&attested, "RG-01").outcome, Outcome::Attested);
    assert_eq!(finding(&attested, "RG-02").outcome, Outcome::Untested);
}

#[test]
fn asking_for_a_group_judges_that_group_alone() {
    let findings = judge(&evidence(|_, _| {}), &args(&["--rules", "hb,ID"]));
    assert!(findings.iter().all(|one| one.rule.starts_with("HB") || one.rule.starts_with("ID")), "{findings:?}");
}

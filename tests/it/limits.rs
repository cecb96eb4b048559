//! Rate limits: who sends too much is told when to come back, and loses nothing by it.

use std::collections::BTreeMap;

use ocen_lender::rate::{Quota, RateLimits};
use serde_json::{Value, json};

use crate::support::bodies::path;
use crate::support::fingerprint;
use crate::support::lsp::{TestLsp, key_of};
use crate::support::server::{Options, Server};

/// One request now, and the next in `60 / per_minute` seconds.
fn quota(per_minute: u32, burst: u32) -> Quota {
    Quota { per_minute, burst: Some(burst) }
}

async fn limited(limits: RateLimits) -> Server {
    let tweak = Box::new(|config: &mut ocen_lender::config::Config| config.rate_limits = limits);
    Server::start_with(Options { tweak: Some(tweak), ..Options::default() }).await
}

fn lookup() -> Value {
    json!({"lookupType": "LOAN_TYPE"})
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_refused_and_nothing_is_lost() {
    let server = limited(RateLimits { requests: Some(quota(6, 2)), ..RateLimits::default() }).await;
    let (lsp, other) = (server.lsp().await, TestLsp::register(&server, "LSP-OTHER").await);
    for _ in 0..2 {
        lsp.ask(path::LOOKUP, lookup()).await;
    }
    let message = lsp.complete(lookup());
    let before = fingerprint::all(&server).await;

    let ack = lsp.post(path::LOOKUP, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error(), ack.signed), (429, "GEN5014", true), "{}", ack.body);
    assert!((1..=10).contains(&ack.retry_after.unwrap()), "{:?}", ack.retry_after);
    assert_eq!(fingerprint::all(&server).await, before);
    other.ask(path::LOOKUP, lookup()).await;

    // The requestId is as good as before.
    let again = || async { lsp.post(path::LOOKUP, lsp.seal(&message)).await.status == 200 };
    server.until("the message is taken", again).await;
    lsp.callback(message["requestId"].as_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_prove_who_it_is_uses_nothing_up() {
    let server = limited(RateLimits { requests: Some(quota(1, 1)), ..RateLimits::default() }).await;
    let lsp = server.lsp().await;
    let stranger = ocen_lender::jose::SigningKey::generate("lsp-key-1").unwrap();
    for _ in 0..3 {
        let forged = serde_json::to_vec(&lsp.complete(lookup())).unwrap();
        let forged = ocen_lender::jose::sign_flattened(&stranger, lsp.member, &forged).unwrap();
        assert_eq!(lsp.post(path::LOOKUP, forged).await.status, 401);
    }
    lsp.ask(path::LOOKUP, lookup()).await;
    assert_eq!(lsp.send(path::LOOKUP, lookup()).await.1.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_and_an_lsp_may_have_limits_of_their_own() {
    let limits = RateLimits {
        each_operation: Some(quota(1, 1)),
        operations: BTreeMap::from([("getErrorCodes".to_owned(), quota(1, 2))]),
        ..RateLimits::default()
    };
    let server = limited(limits).await;
    let lsp = server.lsp().await;
    let settings = json!({"rateLimits": {"eachOperation": {"perMinute": 600, "burst": 50}}});
    let large = TestLsp::register_with(&server, "LSP-LARGE", settings, Some(key_of("LSP-LARGE").await)).await;
    let statuses = async |lsp: &TestLsp, path: &str, body: Value| {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(lsp.send(path, body.clone()).await.1.status);
        }
        statuses
    };

    assert_eq!(statuses(&lsp, path::LOOKUP, lookup()).await, [200, 429, 429]);
    assert_eq!(statuses(&lsp, path::ERROR_CODES, json!({})).await, [200, 200, 429]);
    assert_eq!(statuses(&large, path::LOOKUP, lookup()).await, [200, 200, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_otp_is_not_guessed_at_speed() {
    let server = limited(RateLimits { otp_verify: Some(quota(1, 2)), ..RateLimits::default() }).await;
    let lsp = server.lsp().await;
    let guess = |session: &str, otp: &str| json!({"credBlock": {"type": "OTP", "data": {"otpSessionKey": session, "otp": otp}}});
    for (session, otp, expected) in
        [("S-1", "000001", 200), ("S-1", "000002", 200), ("S-1", "000003", 429), ("S-2", "000001", 200)]
    {
        let (_, ack) = lsp.send(path::VERIFY_ACCEPTANCE, guess(session, otp)).await;
        assert_eq!(ack.status, expected, "{session} {otp}: {}", ack.body);
    }
    lsp.ask(path::LOOKUP, lookup()).await;
}

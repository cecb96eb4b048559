//! Who may speak, and how the server proves that it is the server.

use std::sync::Arc;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use ocen_lender::config::{Config, Mode};
use ocen_lender::jose::{HeaderMember, SigningKey};
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::lsp::{Ack, TestLsp, key};
use crate::support::server::{Options, Server};

/// Signed with the key of the fixtures, none of whose messages the server may take.
const FIXTURE_KEY: &str = include_str!("../fixtures/jose/lsp.key.pem");

fn new_key(kid: &str) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(kid).unwrap())
}

fn create() -> Value {
    json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})
}

/// A signed message with any protected header.
fn forge(key: &SigningKey, header: &Value, body: &Value) -> Value {
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let payload = URL_SAFE_NO_PAD.encode(body.to_string());
    let signature = key.sign(&[header.as_bytes(), b".", payload.as_bytes()]).unwrap();
    json!({"payload": payload, "header": header, "signature": URL_SAFE_NO_PAD.encode(signature)})
}

fn bytes(envelope: &Value) -> Vec<u8> {
    envelope.to_string().into_bytes()
}

/// Posts what must be refused: in plain words, and with nothing stored.
async fn refused(server: &Server, lsp: &TestLsp, what: &str, message: Vec<u8>, expected: (u16, &str)) -> Ack {
    let before = fingerprint::all(server).await;
    let ack = lsp.post(path::CREATE, message).await;
    assert_eq!((ack.status, ack.error()), expected, "{what}: {}", ack.body);
    assert!(ack.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what}: {}", ack.body);
    assert_eq!(fingerprint::all(server).await, before, "{what}");
    ack
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ack_is_verified_by_the_published_key() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let published = server.http.get(format!("{}/.well-known/jwks.json", server.url)).send().await.unwrap();
    let published: Value = published.json().await.unwrap();
    let jwk = &published["keys"][0];
    assert_eq!((&jwk["kty"], &jwk["alg"], &jwk["use"]), (&json!("RSA"), &json!("RS512"), &json!("sig")));

    let message = lsp.seal(&lsp.complete(create()));
    let ack = server.http.post(format!("{}{}", server.url, path::CREATE)).body(message).send().await.unwrap();
    let ack: Value = ack.json().await.unwrap();

    let text = |member: &Value| member.as_str().unwrap().to_owned();
    let decode = |member: &Value| URL_SAFE_NO_PAD.decode(text(member)).unwrap();
    let header: Value = serde_json::from_slice(&decode(&ack["header"])).unwrap();
    assert_eq!(header, json!({"kid": jwk["kid"], "alg": "RS512"}));
    let public = RsaPublicKeyComponents { n: decode(&jwk["n"]), e: decode(&jwk["e"]) };
    let signed = format!("{}.{}", text(&ack["header"]), text(&ack["payload"]));
    public.verify(&RSA_PKCS1_2048_8192_SHA512, signed.as_bytes(), &decode(&ack["signature"])).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_signed_by_openssl_are_judged_alike() {
    let server = Server::start().await;
    let key = Arc::new(SigningKey::from_pem("lsp-key-1", FIXTURE_KEY).unwrap());
    let lsp = TestLsp::register_with(&server, "LSP-DEMO", json!({}), Some(key)).await;

    // The genuine ones come as far as their form, which lacks a timestamp.
    for (message, member) in [
        (include_str!("../fixtures/jose/header.json"), HeaderMember::Header),
        (include_str!("../fixtures/jose/protected.json"), HeaderMember::Protected),
    ] {
        let ack = refused(&server, &lsp, "genuine", message.into(), (400, "GEN5001")).await;
        assert_eq!(ack.body["pointer"], "/metadata/timestamp");
        assert_eq!(ack.member, Some(member), "a refusal of a genuine message is signed as the message was");
    }
    for (what, message) in [
        ("another key", include_str!("../fixtures/jose/wrong-key.json")),
        ("payload before header", include_str!("../fixtures/jose/payload-first.json")),
        ("no algorithm", include_str!("../fixtures/jose/none.json")),
        ("another hash", include_str!("../fixtures/jose/rs256.json")),
        ("HMAC with our LSP's public key", include_str!("../fixtures/jose/hs512.json")),
    ] {
        let ack = refused(&server, &lsp, what, message.into(), (401, "AUTH1001")).await;
        assert!(!ack.signed, "{what}: nobody who proved anything asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_character_anywhere_breaks_the_signature() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let signed: Value = serde_json::from_slice(&lsp.seal(&lsp.complete(create()))).unwrap();

    for member in ["payload", "header", "signature"] {
        for place in [0, 20, 40] {
            let mut changed = signed.clone();
            let mut text = changed[member].as_str().unwrap().to_owned().into_bytes();
            text[place] = if text[place] == b'A' { b'B' } else { b'A' };
            changed[member] = json!(String::from_utf8(text).unwrap());
            let what = format!("{member} changed at {place}");
            let before = fingerprint::all(&server).await;
            let ack = lsp.post(path::CREATE, bytes(&changed)).await;
            assert_eq!(ack.status, 401, "{what}: {}", ack.body);
            // A changed header may name another key.
            assert!(["AUTH1001", "AUTH1002"].contains(&ack.error()), "{what}: {}", ack.body);
            assert_eq!(fingerprint::all(&server).await, before, "{what}");
        }
    }
    assert_eq!(lsp.post(path::CREATE, bytes(&signed)).await.error(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_whole_signature_is_refused() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let body = lsp.complete(create());
    let signed: Value = serde_json::from_slice(&lsp.seal(&body)).unwrap();
    let with = |changes: Value| {
        let mut message = signed.clone();
        for (name, value) in changes.as_object().unwrap() {
            message[name] = value.clone();
        }
        message.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        message
    };

    for (what, message) in [
        ("plain JSON", body),
        ("no signature", with(json!({"signature": null}))),
        ("an empty signature", with(json!({"signature": ""}))),
        ("no payload", with(json!({"payload": null}))),
        ("no header", with(json!({"header": null}))),
        ("only an unprotected header", with(json!({"header": {"kid": "lsp-key-1", "alg": "RS512"}}))),
        ("two different headers", with(json!({"protected": "eyJhbGciOiJSUzUxMiJ9"}))),
        ("a payload that is no text", with(json!({"payload": {"metadata": {}}}))),
    ] {
        refused(&server, &lsp, what, bytes(&message), (401, "AUTH1001")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_cannot_bring_its_own_key_or_rules() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let ours = key().await;
    let body = lsp.complete(create());
    let theirs = new_key("lsp-key-1");

    for (what, extra) in [
        ("a key", json!({"jwk": theirs.jwk()})),
        ("a place of keys", json!({"jku": "http://127.0.0.1:9/jwks.json"})),
        ("a certificate's place", json!({"x5u": "http://127.0.0.1:9/cert.pem"})),
        ("a certificate", json!({"x5c": ["MIIB"]})),
        ("a rule that must be known", json!({"crit": ["exp"], "exp": 1})),
        ("an unencoded payload", json!({"crit": ["b64"], "b64": false})),
    ] {
        let mut header = json!({"kid": "lsp-key-1", "alg": "RS512"});
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        for key in [&theirs, &ours] {
            refused(&server, &lsp, what, bytes(&forge(key, &header, &body)), (401, "AUTH1001")).await;
        }
    }
    for (what, header, code) in [
        ("no algorithm", json!({"kid": "lsp-key-1"}), "AUTH1001"),
        ("an algorithm in small letters", json!({"kid": "lsp-key-1", "alg": "rs512"}), "AUTH1001"),
        ("no kid", json!({"alg": "RS512"}), "AUTH1002"),
        ("an unknown kid", json!({"kid": "lsp-key-9", "alg": "RS512"}), "AUTH1002"),
        ("a kid that is SQL", json!({"kid": "' or '1'='1", "alg": "RS512"}), "AUTH1002"),
    ] {
        refused(&server, &lsp, what, bytes(&forge(&ours, &header, &body)), (401, code)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_roll_over_and_a_revoked_one_is_dead_at_once() {
    let server = Server::start().await;
    let (first, second) = (new_key("k-1"), new_key("k-2"));
    let mut lsp = TestLsp::register_with(&server, "LSP-ROLL", json!({}), Some(Arc::clone(&first))).await;
    let registration = format!("{}/admin/lsps/LSP-ROLL", server.admin);
    let listed = |keys: &[&SigningKey]| -> Vec<Value> {
        keys.iter().map(|key| json!({"kid": key.kid(), "publicKeyPem": key.public_key_pem()})).collect()
    };
    let known: Value = server.get("/admin/lsps/LSP-ROLL").await;
    let mut put = json!({"name": "rolls", "callbackBaseUrl": known["callbackBaseUrl"], "keys": []});

    put["keys"] = json!(listed(&[&first, &second, &new_key("k-3")]));
    let before = fingerprint::all(&server).await;
    let third = server.http.put(&registration).json(&put).send().await.unwrap();
    assert_eq!(third.status().as_u16(), 422);
    assert_eq!(third.json::<Value>().await.unwrap()["pointer"], "/keys");
    assert_eq!(fingerprint::all(&server).await, before);

    put["keys"] = json!(listed(&[&first, &second]));
    assert_eq!(server.http.put(&registration).json(&put).send().await.unwrap().status().as_u16(), 200);
    for key in [&first, &second] {
        lsp.key = Some(Arc::clone(key));
        assert_eq!(lsp.send(path::CREATE, create()).await.1.error(), "0");
    }

    let revoked = server.http.delete(format!("{registration}/keys/k-1")).send().await.unwrap();
    assert_eq!(revoked.status().as_u16(), 200);
    lsp.key = Some(first);
    let message = lsp.seal(&lsp.complete(create()));
    refused(&server, &lsp, "a revoked key", message, (401, "AUTH1002")).await;
    lsp.key = Some(second);
    assert_eq!(lsp.send(path::CREATE, create()).await.1.error(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_known_is_told_as_its_lsp_is_told_everything() {
    let server = Server::start().await;
    let settings = json!({"ackHttpStatus": "always200", "errorCatalogue": "juspay"});
    let mut lsp = TestLsp::register_with(&server, "LSP-200", settings, Some(new_key("k-1"))).await;
    lsp.key = Some(new_key("k-9"));
    let message = lsp.complete(create());
    let before = fingerprint::all(&server).await;
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error()), (200, "AUTH1001"), "{}", ack.body);
    // Nobody's name has nobody's switches.
    let mut nobodys = message;
    nobodys["metadata"]["orgId"] = json!("LSP-NOBODY");
    let ack = lsp.post(path::CREATE, lsp.seal(&nobodys)).await;
    assert_eq!((ack.status, ack.error()), (401, "AUTH1002"), "{}", ack.body);
    assert_eq!(fingerprint::all(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_speaks_for_itself_only() {
    let server = Server::start().await;
    let (ours, theirs) = (new_key("k-ours"), new_key("k-theirs"));
    let lsp = TestLsp::register_with(&server, "LSP-OURS", json!({}), Some(Arc::clone(&ours))).await;
    TestLsp::register_with(&server, "LSP-THEIRS", json!({}), Some(theirs)).await;

    for org_id in ["LSP-THEIRS", "LSP-NOBODY", "lsp-ours"] {
        let mut body = lsp.complete(create());
        body["metadata"]["orgId"] = json!(org_id);
        let ack = refused(&server, &lsp, org_id, lsp.seal(&body), (403, "AUTH1003")).await;
        assert_eq!(ack.body["pointer"], "/metadata/orgId");
        assert_eq!(ack.body["traceId"], body["metadata"]["traceId"]);
        assert!(ack.signed, "the signature was good");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lsps_may_use_the_same_kid() {
    let server = Server::start().await;
    let one = TestLsp::register_with(&server, "LSP-ONE", json!({}), Some(new_key("key-1"))).await;
    let two = TestLsp::register_with(&server, "LSP-TWO", json!({}), Some(new_key("key-1"))).await;

    assert_eq!(one.send(path::CREATE, create()).await.1.error(), "0");
    assert_eq!(two.send(path::CREATE, create()).await.1.error(), "0");
    let mut stolen = two.complete(create());
    stolen["metadata"]["orgId"] = json!("LSP-ONE");
    refused(&server, &two, "the other's name under one's own key", two.seal(&stolen), (401, "AUTH1001")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_spelt_as_the_request_was() {
    let server = Server::start().await;
    let mut lsp = server.lsp().await;

    for member in [HeaderMember::Protected, HeaderMember::Header] {
        lsp.member = member;
        let (request_id, ack) = lsp.send(path::CREATE, create()).await;
        assert_eq!(ack.member, Some(member));
        lsp.callback(&request_id).await;
        assert_eq!(lsp.inbox.of(&request_id)[0].member, Some(member));
    }
    // RFC 7515: an unprotected header may stand beside; the same string twice does no harm.
    lsp.member = HeaderMember::Protected;
    for beside in [json!({"kid": "other", "alg": "none"}), Value::Null] {
        let mut message: Value = serde_json::from_slice(&lsp.seal(&lsp.complete(create()))).unwrap();
        message["header"] = if beside.is_null() { message["protected"].clone() } else { beside };
        assert_eq!(lsp.post(path::CREATE, bytes(&message)).await.error(), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_send_plain_json_is_answered_in_plain_json() {
    let server = Server::start().await;
    let lsp = TestLsp::register_with(&server, "LSP-PLAIN", json!({"allowUnsigned": true}), None).await;
    server.lsp().await;

    let (request_id, ack) = lsp.send(path::CREATE, create()).await;
    assert_eq!((ack.error(), ack.signed), ("0", false));
    lsp.callback(&request_id).await;
    assert!(!lsp.inbox.of(&request_id)[0].signed);

    for org_id in ["LSP-TEST", "LSP-NOBODY", ""] {
        let mut body = lsp.complete(create());
        body["metadata"]["orgId"] = json!(org_id);
        refused(&server, &lsp, org_id, bytes(&body), (401, "AUTH1001")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_asks_for_a_signature_whatever_its_database_says() {
    let sandbox = Server::start().await;
    let lsp = TestLsp::register_with(&sandbox, "LSP-PLAIN", json!({"allowUnsigned": true}), None).await;
    let plain = bytes(&lsp.complete(create()));
    let serve = |config: &mut Config| config.mode = Mode::Serve;
    let database_url = Some(sandbox.database_url.clone());
    let server =
        Server::start_with(Options { tweak: Some(Box::new(serve)), database_url, idle: true, ..Options::default() })
            .await;

    let before = fingerprint::all(&server).await;
    let sent = server.http.post(format!("{}{}", server.url, path::CREATE)).body(plain.clone()).send().await.unwrap();
    let (status, ack): (_, Value) = (sent.status().as_u16(), sent.json().await.unwrap());
    assert_eq!((status, &ack["error"]), (401, &json!("AUTH1001")), "{ack}");
    assert_eq!(fingerprint::all(&server).await, before);
    assert_eq!(lsp.post(path::CREATE, plain).await.error(), "0", "the sandbox takes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamps_are_taken_from_72_hours_back_to_5_minutes_ahead() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let at = |offset: Duration, form: &str| json!((server.app.clock.wall() + offset).format(form).to_string());
    let zulu = "%Y-%m-%dT%H:%M:%S%.3fZ";

    for (what, timestamp, expected) in [
        ("stale", at(-Duration::hours(72) - Duration::minutes(1), zulu), (401, "AUTH1004")),
        ("from the future", at(Duration::minutes(6), zulu), (401, "AUTH1004")),
        // Read as Indian time it is five and a half hours old, as UTC it would lie ahead.
        ("six hours ahead without a zone", at(Duration::hours(6), "%Y-%m-%dT%H:%M:%S"), (401, "AUTH1004")),
        ("no time", json!("yesterday"), (400, "GEN5010")),
        ("missing", Value::Null, (400, "GEN5001")),
    ] {
        let mut body = lsp.complete(create());
        body["metadata"]["timestamp"] = timestamp;
        let ack = refused(&server, &lsp, what, lsp.seal(&body), expected).await;
        assert_eq!(ack.body["pointer"], "/metadata/timestamp", "{what}");
        assert!(ack.signed, "{what}");
    }
    for timestamp in [
        at(-Duration::hours(71), zulu),
        at(Duration::minutes(4), "%Y-%m-%dT%H:%M:%SZ"),
        at(Duration::minutes(330), "%Y-%m-%dT%H:%M:%S%.6f"),
        at(Duration::minutes(330), "%Y-%m-%dT%H:%M:%S+0530"),
        at(Duration::minutes(330), "%Y-%m-%dT%H:%M:%SZ+05:30"),
    ] {
        let mut body = lsp.complete(create());
        body["metadata"]["timestamp"] = timestamp.clone();
        assert_eq!(lsp.send(path::CREATE, body).await.1.error(), "0", "{timestamp}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_may_be_ahead_by_what_its_lsp_is_registered_with() {
    let server = Server::start().await;
    let settings = json!({"clockSkew": 60});
    let lsp = TestLsp::register_with(&server, "LSP-EXACT", settings, Some(key().await)).await;
    let ahead = |by: i64| {
        let mut body = lsp.complete(create());
        body["metadata"]["timestamp"] = json!((server.app.clock.wall() + Duration::seconds(by)).to_rfc3339());
        lsp.seal(&body)
    };
    let ack = refused(&server, &lsp, "two minutes ahead", ahead(120), (401, "AUTH1004")).await;
    assert!(ack.body["detail"].as_str().unwrap().contains("60 seconds"), "{}", ack.body);
    assert_eq!(lsp.post(path::CREATE, ahead(30)).await.error(), "0");
    let too_much = json!({"name": "X", "callbackBaseUrl": "http://127.0.0.1:1", "settings": {"clockSkew": 7200}});
    let url = format!("{}/admin/lsps/LSP-EXACT", server.admin);
    let put = server.http.put(url).json(&too_much).send().await.unwrap();
    assert_eq!(put.status(), 422);
}

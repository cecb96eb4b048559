//! Each mistake is named, and where another signing input would verify, that is named too.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA512, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::jose::{HeaderMember, SigningKey, sign_flattened};
use crate::lsp::{LspKey, Settings};
use crate::store::switches::Stopped;

static KEY: LazyLock<Arc<SigningKey>> = LazyLock::new(|| Arc::new(SigningKey::generate("k-1").unwrap()));
static OTHER: LazyLock<Arc<SigningKey>> = LazyLock::new(|| Arc::new(SigningKey::generate("k-2").unwrap()));

const NOW: &str = "2026-01-05T10:00:00Z";
const HEADER: &str = r#"{"kid":"k-1","alg":"RS512"}"#;

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

fn message() -> String {
    r#"{"metadata":{"version":"1.0","orgId":"LSP-1","timestamp":"2026-01-05T09:59:00Z","traceId":"T-1"},"requestId":"R-1","a":"é/"}"#
        .to_owned()
}

/// The message with blanks behind it, of a length that base64 pads.
fn padded_by_blanks() -> String {
    [" ", "  "].map(|blanks| message() + blanks).into_iter().find(|text| text.len() % 3 != 0).unwrap()
}

/// What the server knows: LSP-1 with the key k-1.
fn known() -> Known {
    let pem = KEY.public_key_pem();
    let key = LspKey { kid: "k-1".into(), public_key_pem: pem.clone(), revoked_at: None };
    Known {
        asked: None,
        lsp: Some(Lsp {
            org_id: OrgId::from("LSP-1"),
            name: "An LSP".into(),
            callback_base_url: "https://lsp.example".into(),
            settings: Settings::default(),
            keys: vec![key],
        }),
        unsigned: false,
        owners: vec![owner("LSP-1", &pem)],
        given: None,
        now: now(),
    }
}

fn owner(org_id: &str, pem: &str) -> KeyOwner {
    KeyOwner {
        org_id: OrgId::from(org_id),
        settings: Settings::default(),
        public_key_pem: pem.to_owned(),
        revoked_at: None,
        stopped: Stopped::from_rows(Vec::new()),
    }
}

fn b64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// An envelope whose signature is over any two texts.
fn envelope(header: &str, payload: &str, signed: (&str, &str)) -> String {
    let signature = KEY.sign(&[signed.0.as_bytes(), b".", signed.1.as_bytes()]).unwrap();
    json!({"payload": payload, "protected": header, "signature": b64(signature)}).to_string()
}

fn good(message: &str) -> String {
    String::from_utf8(sign_flattened(&KEY, HeaderMember::Protected, message.as_bytes()).unwrap()).unwrap()
}

/// The check that fails first, and what it says.
fn mismatch(body: &str, known: &Known) -> (&'static str, String) {
    let report = explain(body.as_bytes(), known);
    let first = report.first_mismatch.expect("something is wrong");
    assert!(!report.verified);
    (first, report.checks.into_iter().find(|check| check.name == first).unwrap().detail)
}

/// That a message signed over other texts than it is sent with is told so.
fn variant(header: &str, payload: &str, signed: (&str, &str)) -> String {
    let report = explain(envelope(header, payload, signed).as_bytes(), &known());
    assert_eq!(report.first_mismatch, Some("signature"), "{report:?}");
    report.variant.unwrap_or_else(|| panic!("nothing found: {:?}", report.checks))
}

#[test]
fn a_good_message_passes_every_check() {
    for member in [HeaderMember::Header, HeaderMember::Protected] {
        let body = sign_flattened(&KEY, member, message().as_bytes()).unwrap();
        let report = explain(&body, &known());
        assert!(report.verified && report.first_mismatch.is_none(), "{report:?}");
        assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed), "{report:?}");
        let names: Vec<&str> = report.checks.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), 16, "{names:?}");
    }
}

#[test]
fn what_is_no_json_object_is_told_what_it_seems_to_be() {
    let compact = format!("{}.{}.{}", b64(HEADER), b64(message()), b64("x"));
    let twice = json!(good(&message())).to_string();
    for (body, says) in [
        (compact.as_str(), "compact"),
        ("", "empty"),
        (&twice, "twice"),
        ("payload=abc&x=y", "form"),
        ("\u{feff}{}", "byte order"),
    ] {
        let (name, detail) = mismatch(body, &known());
        assert!(name == "json" && detail.contains(says), "{body}: {name}, {detail}");
    }
}

#[test]
fn what_is_no_envelope_is_told_what_it_lacks() {
    let (name, detail) = mismatch(&message(), &known());
    assert!(name == "envelope" && detail.contains("not signed"), "{name}: {detail}");
    let general = json!({"payload": "e30", "signatures": []}).to_string();
    assert_eq!(mismatch(&general, &known()).0, "envelope");
    let object = json!({"payload": {"a": 1}, "protected": b64(HEADER), "signature": "AA"}).to_string();
    let (name, detail) = mismatch(&object, &known());
    assert!(name == "envelope" && detail.contains("base64url text of the message"), "{name}: {detail}");
    let unprotected = json!({"payload": "e30", "header": {"alg": "RS512"}, "signature": "AA"}).to_string();
    assert_eq!(mismatch(&unprotected, &known()).0, "envelope");
}

#[test]
fn other_base64_is_accepted_and_remarked_on() {
    let header = STANDARD.encode(r#"{"kid":"k-1","alg":"RS512","x":"?>~"}"#);
    let payload = STANDARD.encode(padded_by_blanks());
    let report = explain(envelope(&header, &payload, (&header, &payload)).as_bytes(), &known());
    assert!(report.verified, "{report:?}");
    let remarked = report.checks.iter().find(|check| check.name == "payloadEncoding").unwrap();
    assert!(remarked.detail.contains("accepted"), "{remarked:?}");
}

#[test]
fn a_header_that_cannot_be_read_is_told_where() {
    let cases = [
        ("{not encoded}".to_owned(), "headerEncoding"),
        (HEADER.to_owned(), "headerEncoding"),
        (b64("[]"), "header"),
        (b64(b64(HEADER)), "header"),
        (b64(r#"{"kid":"k-1","kid":"k-1","alg":"RS512"}"#), "header"),
        (b64(r#"{"kid":"","alg":"RS512"}"#), "header"),
        (b64(r#"{"kid":"k-1"}"#), "alg"),
        (b64(r#"{"kid":"k-1","alg":"none"}"#), "alg"),
        (b64(r#"{"kid":"k-1","alg":"rs512"}"#), "alg"),
        (b64(r#"{"kid":"k-1","alg":"RS512","jku":"https://x"}"#), "critical"),
        (b64(r#"{"kid":"k-1","alg":"RS512","crit":["exp"]}"#), "critical"),
        (b64(r#"{"alg":"RS512"}"#), "kid"),
    ];
    for (header, expected) in cases {
        let payload = b64(message());
        let (name, detail) = mismatch(&envelope(&header, &payload, (&header, &payload)), &known());
        assert_eq!(name, expected, "{header}: {detail}");
    }
}

#[test]
fn b64_false_is_told_with_and_without_crit() {
    let payload = b64(message());
    for (header, says) in [
        (r#"{"kid":"k-1","alg":"RS512","b64":false}"#, "without `crit`"),
        (r#"{"kid":"k-1","alg":"RS512","b64":false,"crit":["b64"]}"#, "leave `b64` and `crit` out"),
    ] {
        let header = b64(header);
        let (name, detail) = mismatch(&envelope(&header, &payload, (&header, &message())), &known());
        assert!(name == "critical" && detail.contains(says), "{name}: {detail}");
        let report = explain(envelope(&header, &payload, (&header, &message())).as_bytes(), &known());
        assert!(report.variant.unwrap().contains("b64 is false"));
    }
}

#[test]
fn a_kid_is_unknown_or_anothers_or_revoked() {
    let body = good(&message());
    let nobody = Known { owners: Vec::new(), ..known() };
    let (name, detail) = mismatch(&body, &nobody);
    assert!(name == "kid" && detail.contains("not registered"), "{detail}");

    let header = b64(r#"{"kid":"K-1","alg":"RS512"}"#);
    let payload = b64(message());
    let (name, detail) = mismatch(&envelope(&header, &payload, (&header, &payload)), &nobody);
    assert!(name == "kid" && detail.contains("letter by letter"), "{detail}");

    let anothers = Known { owners: vec![owner("LSP-2", &OTHER.public_key_pem())], ..known() };
    let (name, detail) = mismatch(&body, &anothers);
    assert!(name == "kid" && detail.contains("another organisation") && !detail.contains("LSP-2"), "{detail}");

    let revoked = Known {
        owners: vec![KeyOwner { revoked_at: Some(now()), ..owner("LSP-1", &KEY.public_key_pem()) }],
        ..known()
    };
    let (name, detail) = mismatch(&body, &revoked);
    assert!(name == "key" && detail.contains("revoked"), "{detail}");
}

#[test]
fn another_key_or_algorithm_is_told() {
    let body = |signature: Vec<u8>| {
        json!({"payload": b64(message()), "protected": b64(HEADER), "signature": b64(signature)}).to_string()
    };
    let input = format!("{}.{}", b64(HEADER), b64(message()));
    let pair = RsaKeyPair::from_pkcs8(&pkcs8(&KEY)).unwrap();
    let sign = |padding: &'static dyn aws_lc_rs::signature::RsaEncoding| {
        let mut signature = vec![0; 256];
        pair.sign(padding, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        signature
    };
    for (signature, says) in [
        (sign(&RSA_PKCS1_SHA256), "RS256"),
        (sign(&RSA_PSS_SHA512), "PS512"),
        (vec![1; 64], "HMAC"),
        (b64(KEY.sign(&[input.as_bytes()]).unwrap()).into_bytes(), "encoded twice"),
        (OTHER.sign(&[input.as_bytes()]).unwrap(), "registered key of LSP-1 did not make it"),
    ] {
        let (name, detail) = mismatch(&body(signature), &known());
        assert!(name == "signature" && detail.contains(says), "{says}: {detail}");
    }
    let mut both = known();
    let second = LspKey { kid: "k-2".into(), public_key_pem: OTHER.public_key_pem(), revoked_at: None };
    both.lsp.as_mut().unwrap().keys.push(second);
    let (_, detail) = mismatch(&body(OTHER.sign(&[input.as_bytes()]).unwrap()), &both);
    assert!(detail.contains("`k-2`") && detail.contains("exactly what was sent"), "{detail}");
}

fn pkcs8(key: &SigningKey) -> Vec<u8> {
    let pem = key.to_pkcs8_pem().unwrap();
    let body: String = pem.expose_secret().lines().filter(|line| !line.starts_with("---")).collect();
    STANDARD.decode(body).unwrap()
}

#[test]
fn json_written_anew_is_told_in_which_way() {
    let value: Value = serde_json::from_str(&message()).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    let (header, sent) = (b64(HEADER), b64(message()));
    let python = message().replace("\":", "\": ").replace(",\"", ", \"").replace('é', "\\u00e9");
    for (signed, says) in [
        (pretty.clone(), "pretty-printed with two blanks, members sorted"),
        (value.to_string(), "members sorted"),
        (format!("{}\n", message()), "line end behind"),
        (format!("{pretty}\n"), "with a line end"),
        (python, "Python"),
        (message().replace('/', "\\/"), "\\/"),
    ] {
        let found = variant(&header, &sent, (&header, &b64(&signed)));
        assert!(found.contains(says), "{says}: {found}");
    }
    let pretty_sent = b64(&pretty);
    assert!(variant(&header, &pretty_sent, (&header, &b64(value.to_string()))).contains("one line"));
}

#[test]
fn another_encoding_or_order_of_the_signing_input_is_told() {
    let raw = padded_by_blanks();
    let (header, sent) = (b64(HEADER), b64(&raw));
    let padded = STANDARD.encode(&raw);
    for (signed, says) in [
        ((header.as_str(), raw.as_str()), "not encoded (b64 is false)"),
        ((&header, &padded), "with padding"),
        ((&sent, &header), "wrong order"),
        ((HEADER, &sent), "the header is not encoded"),
        ((&b64(r#"{"alg":"RS512","kid":"k-1"}"#), &sent), "members sorted"),
        ((&b64(r#"{"alg":"RS512","kid":"k-1"}"#), &b64(message())), "without the blanks around it"),
    ] {
        let found = variant(&header, &sent, signed);
        assert!(found.contains(says), "{says}: {found}");
    }
    let alone = KEY.sign(&[raw.as_bytes()]).unwrap();
    let body = json!({"payload": sent, "protected": header, "signature": b64(alone)}).to_string();
    assert!(explain(body.as_bytes(), &known()).variant.unwrap().contains("payload alone"));
}

#[test]
fn an_altered_payload_is_told_with_both_digests() {
    let changed = b64(message().replace("R-1", "R-2"));
    let (header, sent) = (b64(HEADER), b64(message()));
    let report = explain(envelope(&header, &changed, (&header, &sent)).as_bytes(), &known());
    assert_eq!((report.first_mismatch, &report.variant), (Some("signature"), &None));
    let detail = &report.checks.iter().find(|check| check.name == "signature").unwrap().detail;
    assert!(detail.contains("changed after signing") && detail.contains("digest"), "{detail}");
}

#[test]
fn a_genuine_message_may_still_be_anothers_or_late() {
    let elsewhere = message().replace("LSP-1", "LSP-9");
    assert_eq!(mismatch(&good(&elsewhere), &Known { lsp: None, ..known() }).0, "kid");
    let asked = Known { asked: Some(OrgId::from("LSP-1")), ..known() };
    assert_eq!(mismatch(&good(&elsewhere), &asked).0, "orgId");
    for sent in ["2026-01-02T09:59:59Z", "2026-01-05T10:05:01Z", "yesterday"] {
        let (name, detail) = mismatch(&good(&message().replace("2026-01-05T09:59:00Z", sent)), &known());
        assert_eq!(name, "timestamp", "{detail}");
    }
    assert_eq!(mismatch(&good("[1]"), &known()).0, "payload");
    assert!(mismatch(&good(&b64(message())), &known()).1.contains("encoded twice"));
    let no_id = message().replace("requestId", "requestID2");
    assert_eq!(mismatch(&good(&no_id), &known()).0, "requestId");
}

#[test]
fn a_given_key_stands_in_for_the_registered_one() {
    let given = Known { given: Some(OTHER.verifying_key().clone()), owners: Vec::new(), lsp: None, ..known() };
    let theirs = sign_flattened(&OTHER, HeaderMember::Header, message().as_bytes()).unwrap();
    assert!(explain(&theirs, &given).verified);
    assert_eq!(mismatch(&good(&message()), &given).0, "signature");
}

#[test]
fn what_a_message_names_is_read_right_or_wrong() {
    let wanted = Named { kid: Some("k-1".into()), org_id: Some(OrgId::from("LSP-1")) };
    assert_eq!(named(good(&message()).as_bytes()), wanted);
    assert_eq!(named(message().as_bytes()), Named { kid: None, ..wanted });
    assert_eq!(named(b"{"), Named::default());
}

#[test]
fn the_console_lists_all_checks_in_their_order() {
    let page = include_str!("../../console/assets/pages/signature.js");
    let (_, list) = page.split_once("const CHECKS = [").unwrap();
    let (list, _) = list.split_once("\n];").unwrap();
    let listed: Vec<&str> = list.split("\n  [\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();

    let made = explain(b"", &known());

    assert_eq!(listed, made.checks.iter().map(|check| check.name).collect::<Vec<_>>());
}

//! Messages signed by OpenSSL, the public OCEN vector, and everything that must be refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/fixtures/jose/", $name))
    };
}

fn lsp() -> VerifyingKey {
    VerifyingKey::from_pem(fixture!("lsp.pub.pem")).unwrap()
}

fn signed(body: &str) -> Unverified<'_> {
    match Incoming::parse(body.as_bytes(), OCEN_V3_ALGORITHMS).unwrap() {
        Incoming::Signed(message) => message,
        Incoming::Plain => panic!("not signed"),
    }
}

fn refusal(body: &str) -> String {
    Incoming::parse(body.as_bytes(), OCEN_V3_ALGORITHMS).unwrap_err().to_string()
}

fn with_header(header: &str) -> String {
    json!({"payload": "e30", "protected": base64url::encode(header), "signature": "AA"}).to_string()
}

fn edited(edit: impl FnOnce(&mut Value)) -> String {
    let mut body = serde_json::from_str(fixture!("header.json")).unwrap();
    edit(&mut body);
    body.to_string()
}

#[test]
fn the_public_vector_verifies_and_a_flipped_bit_does_not() {
    let key = VerifyingKey::from_pem(fixture!("ocen-v3-vector.pub.pem")).unwrap();
    let body = fixture!("ocen-v3-vector.json");
    let message = signed(body);
    assert_eq!(message.kid(), Some("cb59cce2-7581-414d-bff7-6ecf132dbef1"));
    assert_eq!(message.member(), HeaderMember::Header);
    let payload: Value = serde_json::from_slice(message.verify(&key).unwrap()).unwrap();
    assert_eq!(payload["metadata"]["orgId"], "LSP123");

    let forged = body.replacen("eyJtZXRh", "eyJtZXRi", 1);
    assert_eq!(signed(&forged).verify(&key), Err(BadSignature));
}

#[test]
fn both_spellings_made_by_openssl_verify() {
    for (body, member) in
        [(fixture!("header.json"), HeaderMember::Header), (fixture!("protected.json"), HeaderMember::Protected)]
    {
        let message = signed(body);
        assert_eq!(message.member(), member);
        assert_eq!(message.kid(), Some("lsp-key-1"));
        assert!(message.verify(&lsp()).unwrap().starts_with(br#"{"metadata""#));
    }
}

#[test]
fn another_key_and_another_order_fail() {
    assert_eq!(signed(fixture!("wrong-key.json")).verify(&lsp()), Err(BadSignature));
    assert_eq!(signed(fixture!("payload-first.json")).verify(&lsp()), Err(BadSignature));
    let short = edited(|body| body["signature"] = json!(""));
    assert_eq!(signed(&short).verify(&lsp()), Err(BadSignature));
}

#[test]
fn the_sender_does_not_choose_the_algorithm() {
    for (body, alg) in
        [(fixture!("rs256.json"), "RS256"), (fixture!("hs512.json"), "HS512"), (fixture!("none.json"), "none")]
    {
        assert_eq!(refusal(body), format!("`alg` is \"{alg}\"; only RS512 is accepted"));
    }
    assert_eq!(refusal(&with_header(r#"{"kid":"k"}"#)), "the protected header has no `alg`");
    assert!(refusal(&with_header(r#"{"alg":"rs512"}"#)).contains("only RS512"));
}

#[test]
fn the_header_brings_no_key_and_no_extension() {
    for member in ["crit", "b64", "jwk", "jku", "x5u", "x5c"] {
        let body = with_header(&format!(r#"{{"alg":"RS512","{member}":[]}}"#));
        assert_eq!(refusal(&body), format!("the protected header must not have `{member}`"));
    }
    let twice = with_header(r#"{"alg":"RS512","kid":"a","kid":"b"}"#);
    assert_eq!(refusal(&twice), "the protected header has `kid` twice");
    let escaped = with_header(r#"{"alg":"RS512","\u0061lg":"none"}"#);
    assert_eq!(refusal(&escaped), "the protected header has `alg` twice");
    assert!(refusal(&with_header(r#"{"alg":"RS512","kid":"a\u0000"}"#)).starts_with("`kid` must"));
    assert!(refusal(&with_header("[]")).contains("JSON object"));
    assert_eq!(signed(&with_header(r#"{"typ":"JOSE","alg":"RS512"}"#)).kid(), None);
}

#[test]
fn header_beside_protected() {
    let both = |header: Value| edited(|body| body["protected"] = std::mem::replace(&mut body["header"], header));
    let original = edited(|_| ());
    let protected = serde_json::from_str::<Value>(&original).unwrap()["header"].clone();

    assert!(signed(&both(json!({"alg": "none"}))).verify(&lsp()).is_ok());
    assert!(signed(&both(protected)).verify(&lsp()).is_ok());
    assert_eq!(refusal(&both(json!("e30"))), "`header` and `protected` are both strings and differ");
    assert!(refusal(&both(json!(1))).starts_with("`header` must be"));
    let unprotected = edited(|body| body["header"] = json!({"alg": "RS512"}));
    assert!(refusal(&unprotected).contains("unprotected header proves nothing"));
}

#[test]
fn plain_messages_are_told_from_broken_ones() {
    for plain in [r#"{"metadata":{}}"#, " {}", r#"{"header":"x","payload":null}"#] {
        let incoming = Incoming::parse(plain.as_bytes(), OCEN_V3_ALGORITHMS);
        assert!(matches!(incoming, Ok(Incoming::Plain)), "{plain}");
    }
    for (broken, says) in [
        ("", "not one JSON object"),
        (r#"["a","b","c","d"]"#, "not one JSON object"),
        (r#"{"payload":"e30","payload":"e30"}"#, "duplicate"),
        (r#"{"payload":"e30"}"#, "no `signature`"),
        (r#"{"signature":"AA"}"#, "no `payload`"),
        (r#"{"payload":"e30","signature":"AA"}"#, "protected header is missing"),
        (r#"{"payload":"e30","protected":7,"signature":"AA"}"#, "`protected` must be a string"),
    ] {
        assert!(refusal(broken).contains(says), "{broken}: {}", refusal(broken));
    }
    assert!(refusal(&edited(|body| body["payload"] = json!({}))).contains("`payload` must be"));
    assert!(refusal(&edited(|body| body["signature"] = json!("§"))).contains("`signature` is not"));
}

#[test]
fn padding_and_the_standard_alphabet_are_read_as_they_came() {
    let standard = edited(|body| {
        let signature = body["signature"].as_str().unwrap().replace('-', "+").replace('_', "/");
        body["signature"] = json!(signature + "==");
    });
    assert!(signed(&standard).verify(&lsp()).is_ok());

    let key = SigningKey::from_pem("lsp-key-1", fixture!("lsp.key.pem")).unwrap();
    let (protected, payload) = (key.protected_header(), "eyJhIjoiPz8/In0=");
    let signature = key.sign(&[protected.as_bytes(), b".", payload.as_bytes()]).unwrap();
    let body = json!({"payload": payload, "header": protected,
        "signature": base64url::encode(signature)});
    assert_eq!(signed(&body.to_string()).verify(&lsp()).unwrap(), br#"{"a":"???"}"#);
}

#[test]
fn what_we_sign_is_what_openssl_signs() {
    for pem in [fixture!("lsp.key.pem"), fixture!("lsp.pkcs1.key.pem")] {
        let key = SigningKey::from_pem("lsp-key-1", pem).unwrap();
        for (member, openssl) in
            [(HeaderMember::Header, fixture!("header.json")), (HeaderMember::Protected, fixture!("protected.json"))]
        {
            let payload = signed(openssl).unverified_payload().to_vec();
            let body = sign_flattened(&key, member, &payload).unwrap();
            assert_eq!(String::from_utf8(body).unwrap(), openssl);
        }
    }
}

#[test]
fn a_new_key_survives_its_pem_and_prints_nothing_secret() {
    use secrecy::ExposeSecret as _;
    let key = SigningKey::generate(r#"k"1"#).unwrap();
    let pem = key.to_pkcs8_pem().unwrap();
    let again = SigningKey::from_pem(key.kid(), pem.expose_secret()).unwrap();
    let public = VerifyingKey::from_pem(&again.public_key_pem()).unwrap();
    assert_eq!(public.fingerprint(), key.verifying_key().fingerprint());

    let body = sign_flattened(&again, HeaderMember::default(), b"{}").unwrap();
    let body = String::from_utf8(body).unwrap();
    assert_eq!(signed(&body).verify(&public), Ok(&b"{}"[..]));
    assert_eq!(signed(&body).kid(), Some(r#"k"1"#));
    assert_eq!(format!("{key:?}"), format!(r#"SigningKey {{ kid: "k\"1", public: {public:?}, .. }}"#));
    assert_eq!(SigningKey::generate("").unwrap_err(), KeyError::BadKid);
}

#[test]
fn the_published_key_is_a_jwk() {
    let key = SigningKey::from_pem("lsp-key-1", fixture!("lsp.key.pem")).unwrap();
    let mut jwk = key.jwk();
    assert_eq!(base64url::decode(jwk["n"].take().as_str().unwrap()).unwrap().len(), 256);
    assert_eq!(jwk, json!({"kty": "RSA", "n": null, "e": "AQAB", "kid": "lsp-key-1", "alg": "RS512", "use": "sig"}));
    assert_eq!(key.public_key_pem(), fixture!("lsp.pub.pem"));
}

#[test]
fn keys_that_cannot_be_registered_say_why() {
    let error = |pem: &str| VerifyingKey::from_pem(pem).unwrap_err();
    assert_eq!(error("MIIB"), KeyError::NotPem);
    assert_eq!(error(&fixture!("lsp.pub.pem").replace('M', "%")), KeyError::NotPem);
    assert_eq!(error(fixture!("small.pub.pem")), KeyError::Size(1024));
    assert_eq!(error(fixture!("ec.pub.pem")), KeyError::NotRsa);
    assert!(matches!(error(fixture!("lsp.key.pem")), KeyError::Label { .. }));
    let cut = fixture!("lsp.pub.pem").replacen("AQAB", "", 1);
    assert_eq!(error(&cut), KeyError::Malformed);
    let crlf = format!("our key:\r\n{}", fixture!("lsp.pub.pem").replace('\n', "\r\n"));
    assert_eq!(VerifyingKey::from_pem(&crlf).unwrap().fingerprint(), lsp().fingerprint());
}

proptest! {
    #[test]
    fn no_body_makes_parsing_panic(body in any::<Vec<u8>>()) {
        let _ = Incoming::parse(&body, OCEN_V3_ALGORITHMS);
    }

    #[test]
    fn no_members_make_parsing_panic(
        payload in "\\PC*", header in "\\PC*", signature in "[A-Za-z0-9+/=_-]*",
    ) {
        let body = json!({"payload": payload, "header": base64url::encode(header),
            "protected": null, "signature": signature});
        let _ = Incoming::parse(body.to_string().as_bytes(), OCEN_V3_ALGORITHMS);
    }

    #[test]
    fn no_pem_makes_a_key_panic(text in "(-----BEGIN PUBLIC KEY-----)?[A-Za-z0-9+/=\n]*(-----END PUBLIC KEY-----)?") {
        let _ = VerifyingKey::from_pem(&text);
        let _ = SigningKey::from_pem("k", &text.replace("PUBLIC", "PRIVATE"));
    }
}

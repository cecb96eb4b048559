//! SG: what is signed, and what is refused.

use super::super::evidence::{Ask, Evidence};
use super::super::finding::Severity::{Error, Warning};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::super::traffic::Ack;
use super::rule;
use super::transport::{self, told};

pub const RULES: &[Rule] = &[
    rule("SG-01", Group::Sg, Error, "Every request is signed", signs),
    rule("SG-02", Group::Sg, Error, "Requests name a registered key", known_key),
    rule("SG-03", Group::Sg, Error, "Signatures of requests verify", verifies),
    rule("SG-04", Group::Sg, Error, "A message that was altered after signing is refused", altered),
    rule("SG-05", Group::Sg, Error, "A broken signature is refused", broken),
    rule("SG-06", Group::Sg, Error, "A signature of an unknown key is refused", unknown_key),
    rule("SG-07", Group::Sg, Error, "Only RS512 is taken", algorithm),
    rule("SG-08", Group::Sg, Error, "A header that demands an unknown extension is refused", crit),
    rule("SG-09", Group::Sg, Error, "The lender's keys are fetched again when a kid is new", rotation),
    rule("SG-10", Group::Sg, Error, "A message without envelope, header or signature is refused", bare),
    rule("SG-11", Group::Sg, Error, "Acks are signed, and the signature verifies", acks),
    rule("SG-12", Group::Sg, Warning, "The protected header is read under either name", either_name),
    rule("SG-13", Group::Sg, Error, "The envelope is read as JSON, not as text", envelope),
    rule("SG-14", Group::Sg, Warning, "`b64: false` with `crit` is accepted (OCEN v4)", detached),
];

fn signs(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        if request.signed {
            seen.push(request.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![request.id.clone()],
            expected: "a flattened JWS".to_owned(),
            got: format!("{} as plain JSON", request.operation),
            hint: "The sandbox takes plain JSON of LSPs that are registered so; no other lender does. Sign it.",
        });
    }
    faults.extend(evidence.traffic.refusals.iter().filter(|one| one.detail.contains("not signed")).map(|one| Fault {
        side: Side::Lsp,
        evidence: vec![one.id.clone()],
        expected: "a flattened JWS".to_owned(),
        got: format!("{} as plain JSON", one.operation),
        hint: "Sign every request with a registered key.",
    }));
    Judgement::of(faults, seen, "the LSP has sent nothing")
}

/// Refusals with a code, as breaches.
fn refused(evidence: &Evidence, code: &str, expected: &str, hint: &'static str) -> Judgement {
    let refusals = evidence.traffic.refusals.iter();
    let faults = refusals.filter(|one| one.error == code && !one.detail.contains("not signed")).map(|one| Fault {
        side: if one.injected.is_some() { Side::Injected } else { Side::Lsp },
        evidence: vec![one.id.clone()],
        expected: expected.to_owned(),
        got: told(one),
        hint,
    });
    let signed = evidence.traffic.requests.iter().filter(|request| request.signed);
    Judgement::of(faults.collect(), signed.map(|one| one.id.clone()).collect(), "the LSP has sent nothing signed")
}

fn known_key(evidence: &Evidence) -> Judgement {
    let hint = "Name in the protected header the kid under which the key is registered, and register a new key first.";
    refused(evidence, "AUTH1002", "a kid that is registered and not revoked", hint)
}

fn verifies(evidence: &Evidence) -> Judgement {
    let hint = "Sign BASE64URL(header) + \".\" + BASE64URL(payload) with SHA-512, and send those very strings.";
    refused(evidence, "AUTH1001", "a signature that verifies over the bytes as sent", hint)
}

fn altered(evidence: &Evidence) -> Judgement {
    evidence.must_refuse(&[Ask {
        defect: "alteredByte",
        what: "a message of which one byte was altered after signing",
        hint: "Verify over the strings as received, before the message is parsed.",
    }])
}

fn broken(evidence: &Evidence) -> Judgement {
    let hint = "Verify every callback with the lender's key of that kid, and refuse what does not verify.";
    evidence.must_refuse(&[
        Ask { defect: "brokenSignature", what: "a broken signature", hint },
        Ask { defect: "wrongKey", what: "another key's signature under the lender's kid", hint },
    ])
}

fn unknown_key(evidence: &Evidence) -> Judgement {
    evidence.must_refuse(&[Ask {
        defect: "unknownKid",
        what: "the signature of a key that the lender does not publish",
        hint: "Take keys from the lender's /.well-known/jwks.json or from onboarding only.",
    }])
}

fn algorithm(evidence: &Evidence) -> Judgement {
    let hint = "Compare `alg` with RS512 literally; never let the message choose how it is verified (RFC 8725 §3.1).";
    evidence.must_refuse(&[
        Ask { defect: "algNone", what: "`alg: none`", hint },
        Ask { defect: "algHs256", what: "`alg: HS256` with the public key as secret", hint },
    ])
}

fn crit(evidence: &Evidence) -> Judgement {
    evidence.must_refuse(&[Ask {
        defect: "unknownCrit",
        what: "a `crit` that nobody knows",
        hint: "RFC 7515 §4.1.11: whoever does not understand an extension named in `crit` rejects the message.",
    }])
}

fn rotation(evidence: &Evidence) -> Judgement {
    evidence.must_accept(&[Ask {
        defect: "rotatedKey",
        what: "the signature of a key that the lender has just published",
        hint: "When a kid is unknown, fetch /.well-known/jwks.json once more before refusing.",
    }])
}

fn bare(evidence: &Evidence) -> Judgement {
    let hint = "Refuse what is no JWS with a protected header; the sandbox alone takes plain JSON.";
    evidence.must_refuse(&[
        Ask { defect: "missingEnvelope", what: "a plain message", hint },
        Ask { defect: "missingHeader", what: "a JWS without header", hint },
    ])
}

fn acks(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for (id, ack, _) in transport::acks(evidence) {
        let got = match ack {
            Ack { signature, .. } if signature == "verified" => {
                seen.push(id);
                continue;
            }
            Ack { signature, .. } if signature == "none" => "a plain ack".to_owned(),
            Ack { detail, .. } => detail.clone().unwrap_or_else(|| "a signature that does not verify".to_owned()),
        };
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![id],
            expected: "an ack signed by a registered key of the LSP".to_owned(),
            got,
            hint: "Sign acks as requests are signed: anybody on the way could write a plain one.",
        });
    }
    Judgement::of(faults, seen, "no ack said yes")
}

fn either_name(evidence: &Evidence) -> Judgement {
    evidence.must_accept(&[Ask {
        defect: "otherMember",
        what: "the protected header under the other of `header` and `protected`",
        hint: "The specification's text says `protected`, its only sample `header`: lenders send either.",
    }])
}

fn envelope(evidence: &Evidence) -> Judgement {
    evidence.must_accept(&[Ask {
        defect: "looseEnvelope",
        what: "an envelope with blanks and its members in another order",
        hint: "Parse the envelope as JSON; blanks and order mean nothing there.",
    }])
}

fn detached(_: &Evidence) -> Judgement {
    Judgement::untested("OCEN v3 has no detached payloads; its envelopes must not use `b64`")
}

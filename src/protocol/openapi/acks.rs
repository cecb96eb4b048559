//! The answer in the same breath, as the description has it: accepted, or refused with a code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::schemas::{Schemas, plain_or_signed};
use super::{DocumentError, answers, words};
use crate::protocol::ack::AckBody;
use crate::protocol::codes::{self, CODES, Code};
use crate::protocol::find;
use crate::protocol::v3::meta::Health;

/// A reason to refuse that has an HTTP status of its own.
struct Refusal {
    status: u16,
    name: &'static str,
    description: &'static str,
    codes: &'static [Code],
}

/// What any call may be refused with.
const REFUSALS: [Refusal; 10] = [
    Refusal {
        status: 400,
        name: "Malformed",
        description: "The message cannot be read. `pointer` is the JSON pointer of the member that is wrong. \
            Repeating it cannot help.",
        codes: &[Code::MissingMember, Code::NotInEnum, Code::BadVersion, Code::BadLength, Code::MalformedMessage],
    },
    Refusal {
        status: 401,
        name: "NotAuthenticated",
        description: "The signature, its key or the time in `metadata.timestamp` is not accepted. A timestamp may be \
            up to 72 hours old and five minutes ahead.",
        codes: &[Code::BadSignature, Code::UnknownKey, Code::Timestamp],
    },
    Refusal {
        status: 403,
        name: "NotTheSender",
        description: "The signature is good, and `metadata.orgId` names somebody else.",
        codes: &[Code::OrgMismatch],
    },
    Refusal {
        status: 404,
        name: "UnknownId",
        description: "An id in the message is not known, or not yours; `detail` names it. Nothing of the message is \
            applied. It may be repeated with the same `requestId` once the id exists.",
        codes: &[Code::UnknownId],
    },
    Refusal { status: 408, name: "TooSlow", description: "The body did not arrive in time.", codes: &[Code::TimedOut] },
    Refusal {
        status: 409,
        name: "RequestIdReused",
        description: "The `requestId` was used before, with another body. Nothing is applied.",
        codes: &[Code::Conflict],
    },
    Refusal {
        status: 413,
        name: "TooLarge",
        description: "The body is larger than this call takes (`x-body-limit`).",
        codes: &[Code::TooLarge],
    },
    Refusal {
        status: 415,
        name: "WrongMediaType",
        description: "Send `application/json`, not compressed.",
        codes: &[Code::MediaType],
    },
    Refusal {
        status: 429,
        name: "TooMany",
        description: "Too many requests; `Retry-After` says in how many seconds to come back.",
        codes: &[Code::RateLimit],
    },
    Refusal {
        status: 503,
        name: "Unavailable",
        description: "The server is busy or stopping, or the lender has stopped this call for a while; `Retry-After` says in \
            how many seconds to come back. Repeat with the same `requestId`.",
        codes: &[Code::Unavailable],
    },
];

/// `components.responses`: the refusals, each with an example per code.
pub(super) fn responses(schemas: &mut Schemas) -> Result<Map<String, Value>, DocumentError> {
    let ack = plain_or_signed(&schemas.answer_of::<AckBody>());
    let mut responses = Map::new();
    for refusal in &REFUSALS {
        let examples: Map<String, Value> = refusal.codes.iter().map(|code| refused(*code)).collect::<Result<_, _>>()?;
        let mut response = json!({
            "description": refusal.description,
            "content": {"application/json": {"schema": ack, "examples": examples}},
        });
        if matches!(refusal.status, 429 | 503) {
            response["headers"] =
                json!({"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}});
        }
        responses.insert(refusal.name.to_owned(), response);
    }
    Ok(responses)
}

/// `responses` of a call.
pub(super) fn of_operation(schemas: &mut Schemas, operation: &str) -> Result<Value, DocumentError> {
    let health = (operation == "heartbeat").then(|| Health::with(&[]));
    let example = serde_json::to_value(AckBody { health, ..accepted() })?;
    let accepted = json!({
        "description": "Stored; what comes of it is said by callback. The ack is signed when the request was.",
        "content": {"application/json": {
            "schema": plain_or_signed(&schemas.answer_of::<AckBody>()),
            "examples": {"accepted": {"summary": "Accepted", "value": example}},
        }},
    });
    let mut responses = json!({"200": accepted});
    for refusal in &REFUSALS {
        responses[refusal.status.to_string()] = reference(refusal);
    }
    Ok(responses)
}

/// What an LSP has to answer to a callback.
pub(super) fn of_callback(schemas: &mut Schemas) -> Result<Value, DocumentError> {
    let example = serde_json::to_value(accepted())?;
    Ok(json!({
        "200": {
            "description": words::CALLBACK_ACK,
            "content": {"application/json": {
                "schema": plain_or_signed(&schemas.answer_of::<AckBody>()),
                "examples": {"accepted": {"summary": "Accepted", "value": example}},
            }},
        }
    }))
}

/// A message in its signed envelope. The signature is none: the page must not publish a private key.
pub(super) fn signed_example() -> Result<Value, DocumentError> {
    let operation = find("setOffer").ok_or(DocumentError::Missing("setOffer"))?;
    let message = serde_json::to_vec(&(operation.example)())?;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(json!({
        "summary": "Signed",
        "description": "`setOfferRequest` in its envelope. Payload and header are real, the signature is not.",
        "value": {
            "payload": encode(&message),
            "header": encode(br#"{"kid":"lsp-demo-1","alg":"RS512"}"#),
            "signature": encode(b"the RS512 signature over header.payload, 256 bytes"),
        },
    }))
}

fn reference(refusal: &Refusal) -> Value {
    json!({"$ref": format!("#/components/responses/{}", refusal.name)})
}

fn accepted() -> AckBody {
    AckBody {
        error: codes::OK,
        trace_id: answers::TRACE_ID.to_owned(),
        timestamp: answers::ANSWERED_AT.to_owned(),
        detail: None,
        pointer: None,
        health: None,
    }
}

fn refused(code: Code) -> Result<(String, Value), DocumentError> {
    let (detail, pointer) = match code {
        Code::MissingMember => ("this member is mandatory", Some("/loanApplicationId")),
        Code::NotInEnum => ("must be one of OTP", Some("/credBlock/type")),
        Code::BadVersion => ("accepted are 1.0", Some("/metadata/version")),
        Code::BadLength => ("an id has 1 to 128 characters", Some("/loanApplicationId")),
        Code::MalformedMessage => ("must be an amount in rupees like 50000.00", Some("/payment/totalAmount")),
        Code::UnknownId => ("unknown loanApplicationIds: APP-9", Some("/loanApplicationIds")),
        Code::Conflict => ("the requestId was used before with another body", Some("/requestId")),
        Code::OrgMismatch => ("the key is not this organisation's", Some("/metadata/orgId")),
        other => (other.meaning(), None),
    };
    let ack = AckBody {
        error: code.text(),
        detail: Some(detail.to_owned()),
        pointer: pointer.map(str::to_owned),
        ..accepted()
    };
    let known = CODES.iter().find(|known| **known == code).map_or("", |known| known.meaning());
    Ok((code.text().to_owned(), json!({"summary": known, "value": serde_json::to_value(ack)?})))
}

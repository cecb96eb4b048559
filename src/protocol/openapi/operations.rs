//! Calls, their callbacks and the callbacks that nobody asked for, as paths and webhooks of the description.

use serde_json::{Map, Value, json};

use super::answers::Story;
use super::schemas::{Schemas, plain_or_signed};
use super::words::{self, Words};
use super::{DocumentError, acks};
use crate::protocol::codes::CODES;
use crate::protocol::{OPERATIONS, Operation};

/// Callbacks that may come unasked: of which call, in one line, and when.
const UNASKED: [(&str, &str, &str); 5] = [
    (
        "generateOffers",
        "Offers that took longer",
        "Comes a second time when the first callback said `PROCESSING`, because the lender's systems needed longer. \
         It carries the `requestId` of the request.",
    ),
    (
        "setRepaymentPlanStatus",
        "A mandate was authorised or refused",
        "Comes when the borrower authorises or refuses the mandate, or its link expires. It carries the `requestId` \
         of the last `setRepaymentPlanStatusRequest` about the plan, else of the `setRepaymentPlanRequest`.",
    ),
    (
        "triggerDisbursementStatus",
        "A payout has ended",
        "Comes when a payout that was under way has ended. It carries the `requestId` of the \
         `triggerDisbursementRequest`. An LSP that prefers to ask can have it switched off.",
    ),
    (
        "triggerRepaymentStatus",
        "A payment has ended",
        "Comes when a payment that the LSP has asked for settles, fails, or its page expires, to LSPs that have \
         `pushRepaymentStatus` on. It carries the `requestId` of the `triggerRepaymentRequest`.",
    ),
    (
        "confirmRepayment",
        "A payment was settled",
        "Comes for every payment that settles, also a debit by mandate that nobody asked for; for failed ones only to \
         an LSP that wants it. It carries a `requestId` of the lender's, the same at each attempt.",
    ),
];

/// A path per call.
pub(super) fn paths(schemas: &mut Schemas) -> Result<Map<String, Value>, DocumentError> {
    let story = Story::tell()?;
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let (order, words) = words::of(operation.name).ok_or(DocumentError::Missing(operation.name))?;
        let mut described = json!({
            "operationId": operation.name,
            "tags": [words.family],
            "summary": words.summary,
            "x-order": order,
            "description": with_aliases(words.description, operation.aliases),
            "x-body-limit": operation.body_limit,
        });
        described["requestBody"] = request_body(schemas, operation);
        described["responses"] = acks::of_operation(schemas, operation.name)?;
        described["callbacks"] = callbacks(schemas, &story, operation, words)?;
        paths.insert(operation.request_path.to_owned(), json!({ "post": described }));
    }
    Ok(paths)
}

fn with_aliases(description: &str, aliases: &[&str]) -> String {
    if aliases.is_empty() {
        return description.to_owned();
    }
    format!("{description}\n\nAlso served at `{}`.", aliases.join("`, `"))
}

fn request_body(schemas: &mut Schemas, operation: &Operation) -> Value {
    let message = schemas.request(operation.request_schema);
    json!({
        "required": true,
        "content": {"application/json": {
            "schema": plain_or_signed(&message),
            "examples": {
                "message": {"summary": "The message", "value": (operation.example)()},
                "signed": {"$ref": "#/components/examples/SignedMessage"},
            },
        }},
    })
}

fn callbacks(
    schemas: &mut Schemas,
    story: &Story,
    operation: &Operation,
    words: &Words,
) -> Result<Value, DocumentError> {
    let Some(path) = operation.answer_path else {
        return Ok(json!({}));
    };
    let name = last_segment(path);
    let mut post = outgoing(schemas, story, operation)?;
    post["operationId"] = format!("{}Callback", operation.name).into();
    post["summary"] = format!("Answer to {}", operation.name).into();
    post["description"] = words.callback.into();
    post["x-error-codes"] = codes(words.codes);
    let expression = format!("{{lspCallbackBaseUrl}}{path}");
    Ok(json!({ name: { expression: { "post": post } } }))
}

/// Callbacks that nobody asked for.
pub(super) fn webhooks(schemas: &mut Schemas) -> Result<Map<String, Value>, DocumentError> {
    let story = Story::tell()?;
    let mut webhooks = Map::new();
    for (name, summary, description) in UNASKED {
        let operation = OPERATIONS.iter().find(|operation| operation.name == name);
        let operation = operation.ok_or(DocumentError::Missing(name))?;
        let (order, words) = words::of(name).ok_or(DocumentError::Missing(name))?;
        let path = operation.answer_path.ok_or(DocumentError::Missing(name))?;
        let mut post = outgoing(schemas, &story, operation)?;
        post["operationId"] = format!("{name}Webhook").into();
        post["tags"] = json!([words.family]);
        post["summary"] = summary.into();
        post["description"] = description.into();
        post["x-order"] = order.into();
        post["x-path"] = format!("{{lspCallbackBaseUrl}}{path}").into();
        webhooks.insert(last_segment(path).to_owned(), json!({ "post": post }));
    }
    Ok(webhooks)
}

/// What we post to an LSP, and what it has to answer.
fn outgoing(schemas: &mut Schemas, story: &Story, operation: &Operation) -> Result<Value, DocumentError> {
    let message = schemas.answer(operation.answer_schema);
    Ok(json!({
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": plain_or_signed(&message),
                "examples": {"message": {
                    "summary": "The message, before it is signed",
                    "value": story.callback(operation)?,
                }},
            }},
        },
        "responses": acks::of_callback(schemas)?,
    }))
}

/// The codes of `response.error`, by what they begin with.
fn codes(prefix: &str) -> Value {
    let of_operation = CODES.iter().filter(|code| !prefix.is_empty() && code.text().starts_with(prefix));
    of_operation.map(|code| json!({"code": code.text(), "description": code.meaning()})).collect()
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

//! Paths that are no OCEN calls: health, keys and this description.

use serde_json::{Map, Value, json};

use super::words::SERVER;

/// The paths, each with what it answers.
pub(super) fn paths() -> Map<String, Value> {
    let health = json!({
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["UP", "DOWN"]},
            "components": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "What it depends on, each `UP` or what is wrong."
            }
        },
        "required": ["status"]
    });
    let up = json!({"status": "UP"});
    let ready = json!({"status": "UP", "components": {"database": "UP", "listener": "UP"}});
    let down = json!({"status": "DOWN", "components": {"database": "UP", "listener": "draining"}});
    let live = json!({"200": json_answer("The process runs.", &health, &up)});
    let ready = json!({
        "200": json_answer("Requests are welcome.", &health, &ready),
        "503": json_answer("The database does not answer or lacks migrations, or we are stopping.", &health, &down),
    });
    let described = [
        ("/health", "health", "Whether the process runs", live.clone()),
        ("/health/live", "healthLive", "Whether the process runs", live),
        ("/health/ready", "healthReady", "Whether it can take requests", ready),
        ("/.well-known/jwks.json", "keys", "The lender's public keys", json!({"200": keys()})),
        (
            "/openapi.json",
            "openapi",
            "This description",
            json!({"200": json_answer(
            "OpenAPI 3.1.", &json!({"type": "object"}), &json!({"openapi": "3.1.0"}))}),
        ),
        (
            "/docs",
            "docs",
            "This description, to read",
            json!({"200": {
            "description": "A page that needs nothing from elsewhere.",
            "content": {"text/html": {"schema": {"type": "string"}}}}}),
        ),
    ];
    described
        .into_iter()
        .zip(1..)
        .map(|((path, id, summary, responses), order)| {
            let get = json!({
                "operationId": id, "tags": [SERVER], "summary": summary, "x-order": order,
                "responses": responses,
            });
            (path.to_owned(), json!({ "get": get }))
        })
        .collect()
}

fn json_answer(description: &str, schema: &Value, example: &Value) -> Value {
    let examples = json!({"answer": {"summary": "Answer", "value": example}});
    json!({"description": description, "content": {"application/json": {"schema": schema, "examples": examples}}})
}

/// RFC 7517. The modulus of the example is shortened: it is nobody's key.
fn keys() -> Value {
    let key = json!({
        "type": "object",
        "properties": {
            "kty": {"type": "string", "const": "RSA"},
            "kid": {"type": "string", "description": "As in the protected header of what we send."},
            "use": {"type": "string", "const": "sig"},
            "alg": {"type": "string", "const": "RS512"},
            "n": {"type": "string", "description": "Modulus, base64url."},
            "e": {"type": "string", "description": "Exponent, base64url."}
        },
        "required": ["kty", "kid", "n", "e"]
    });
    let schema =
        json!({"type": "object", "properties": {"keys": {"type": "array", "items": key}}, "required": ["keys"]});
    let example = json!({"keys": [{
        "kty": "RSA", "kid": "lender-1", "use": "sig", "alg": "RS512", "n": "vU9bDiztJfPPUMszbRYu", "e": "AQAB"
    }]});
    json_answer(
        "The key that signs, and those that did or will (RFC 7517). May be kept for five minutes.",
        &schema,
        &example,
    )
}

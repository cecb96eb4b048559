//! The description of the operators' API, held against every answer that a test gets from it.

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// What is described of one call.
struct Described {
    method: String,
    path: Vec<String>,
    status: u16,
    /// Where the answer's type is known.
    validator: Option<Validator>,
    /// Members that are named in words.
    members: Vec<String>,
}

static CALLS: LazyLock<Vec<Described>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(&ocen_lender::http::admin::openapi::text().unwrap()).unwrap();
    let paths: HashMap<String, HashMap<String, Value>> = serde_json::from_value(document["paths"].clone()).unwrap();
    let calls = paths.iter().flat_map(|(path, calls)| calls.iter().map(move |(method, call)| (path, method, call)));
    calls
        .map(|(path, method, call)| {
            let answers = call["responses"].as_object().unwrap();
            let (status, answer) = answers.iter().find(|(status, _)| *status != "default").unwrap();
            let schema = answer.pointer("/content/application~1json/schema");
            let in_words = schema.is_some_and(|schema| schema["description"] == answer["description"]);
            let words = answer["description"].as_str().filter(|_| in_words).unwrap_or_default();
            Described {
                method: method.clone(),
                status: status.parse().unwrap(),
                path: path.split('/').map(str::to_owned).collect(),
                validator: schema.map(|schema| {
                    let whole = json!({"allOf": [schema], "components": document["components"]});
                    jsonschema::options().with_draft(Draft::Draft202012).build(&whole).unwrap()
                }),
                members: words.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
            }
        })
        .collect()
});

/// Fails when an answer of the operators' listener is not as it is described. Other paths are let be.
pub fn hold(method: &str, path: &str, (status, answer): (u16, &Value)) {
    if !(200..300).contains(&status) {
        return;
    }
    let path = path.split('?').next().unwrap_or_default();
    let words: Vec<&str> = path.split('/').collect();
    let fits = |call: &&Described| {
        let same = |(described, word): (&String, &&str)| described == word || described.starts_with('{');
        call.method == method && call.path.len() == words.len() && call.path.iter().zip(&words).all(same)
    };
    let Some(call) = CALLS.iter().find(fits) else {
        assert!(!path.starts_with("/admin/"), "{method} {path} is answered and not described");
        return;
    };
    assert_eq!(status, call.status, "{method} {path}");
    if let Some(validator) = &call.validator {
        let wrong: Vec<String> =
            validator.iter_errors(answer).map(|e| format!("{e} at {}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{method} {path} is not as it is described: {wrong:#?}\n{answer:#}");
    }
    for member in &call.members {
        assert!(answer.get(member).is_some(), "{method} {path} has no {member}, which is described: {answer:#}");
    }
}

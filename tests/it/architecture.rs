//! The house keeps its shape: who may name whom (README, "How the house is built").

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules it may name. `app` assembles, `cli` starts; both may name anything.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("jose", &[]),
    ("seal", &[]),
    ("clock", &["domain"]),
    ("telemetry", &["config"]),
    ("rate", &[]),
    ("tls", &["config"]),
    ("lsp", &["domain", "config", "rate", "tls"]),
    ("config", &["domain", "clock", "lender", "rate"]),
    ("lender", &["domain", "config", "clock", "telemetry", "tls"]),
    ("store", &["domain", "seal", "lsp", "clock"]),
    ("audit", &["app", "store", "jose", "config"]),
    ("engine", &["app", "domain", "store", "lender", "lsp", "seal", "config", "clock", "telemetry"]),
    (
        "protocol",
        &["app", "domain", "engine", "store", "jose", "lsp", "config", "clock", "rate", "seal", "telemetry", "tls"],
    ),
    ("delivery", &["app", "domain", "store", "protocol", "jose", "lsp", "config", "clock", "seal", "telemetry", "tls"]),
    (
        "http",
        &[
            "app",
            "config",
            "delivery",
            "domain",
            "engine",
            "keep",
            "protocol",
            "store",
            "lsp",
            "jose",
            "seal",
            "clock",
            "telemetry",
            "lender",
            "tls",
            "transcript",
        ],
    ),
    ("console", &["http"]),
    ("keep", &["app", "domain", "engine", "store", "config", "clock", "seal"]),
    ("journey", &["jose", "clock"]),
    ("listen", &["journey", "jose", "clock", "delivery"]),
    ("transcript", &["jose"]),
    (
        "sandbox",
        &[
            "app",
            "config",
            "delivery",
            "domain",
            "engine",
            "jose",
            "lender",
            "lsp",
            "seal",
            "store",
            "clock",
            "protocol",
            "http",
            "telemetry",
        ],
    ),
    ("hosted", &["app", "config", "console", "clock", "http", "lsp", "rate", "sandbox", "store"]),
    ("conformance", &["clock"]),
];

/// What the domain must never name: it is values in, values out.
const IMPURE: [&str; 12] = [
    "async fn",
    ".await",
    "tokio::",
    "sqlx::",
    "axum::",
    "reqwest::",
    "hyper::",
    "serde_json::",
    "Utc::now",
    "Uuid::new",
    "rand::",
    "std::fs",
];

/// Longest file, in lines (house style).
const LONGEST: usize = 500;

#[test]
fn modules_name_only_what_they_may() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some((_, allowed)) = MAY_NAME.iter().find(|(module, _)| *module == module_of(&file)) else {
            continue;
        };
        for named in named_modules(&text) {
            if named != module_of(&file) && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{} names {named}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_its_rule() {
    let ruled: BTreeSet<&str> =
        MAY_NAME.iter().map(|(module, _)| *module).chain(["app", "cli", "lib", "main"]).collect();
    let there: BTreeSet<String> = sources().iter().map(|(file, _)| module_of(file)).collect();
    for module in there {
        assert!(ruled.contains(module.as_str()), "{module} has no line in MAY_NAME");
    }
}

#[test]
fn the_domain_is_pure() {
    for (file, text) in sources() {
        if module_of(&file) == "domain" && !file.to_string_lossy().contains("/tests") {
            for word in IMPURE {
                assert!(!code(&text).contains(word), "{} names {word}", file.display());
            }
        }
    }
}

#[test]
fn files_are_of_one_subject() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", file.display());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found
}

fn module_of(file: &Path) -> String {
    let first = file.iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The text without comments and without the test module at its end.
fn code(text: &str) -> String {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Modules named as `crate::x`, singly or in braces.
fn named_modules(text: &str) -> BTreeSet<String> {
    let code = code(text);
    let mut named = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                named.extend(list.split(',').filter_map(|item| word(item.trim())));
            }
            None => named.extend(word(after)),
        }
    }
    named
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

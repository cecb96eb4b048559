//! Every dependency may be used under a licence that asks for no more than the text and a notice.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;

/// The part of `.config/deny.toml` that names the licences (SPDX identifiers).
#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

#[test]
fn every_dependency_is_permissively_licensed() {
    let allowed = allowed();
    let refused: Vec<String> = packages()
        .into_iter()
        .filter(|package| !permitted(package.license.as_deref().unwrap_or_default(), &allowed))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "not under an allowed licence:\n{}", refused.join("\n"));
}

#[test]
fn an_expression_is_permitted_when_one_of_its_choices_is() {
    let permitted = |expression| permitted(expression, &allowed());

    assert!(permitted("MIT OR GPL-3.0-only"));
    assert!(permitted("MIT/Apache-2.0"));
    assert!(permitted("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(permitted("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only"));

    assert!(!permitted("MIT AND GPL-3.0-only"));
    assert!(!permitted("(MIT OR Apache-2.0) AND AGPL-3.0-only"));
    assert!(!permitted("GPL-2.0-only WITH Classpath-exception-2.0"));
    assert!(!permitted(""));
}

fn allowed() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.config/deny.toml");
    let rules: Rules = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    rules.licenses.allow
}

/// The packages that are built on this machine.
fn packages() -> Vec<Package> {
    let rustc = said(Command::new("rustc").arg("-vV"));
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let metadata = said(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked", "--filter-platform", host])
            .arg(concat!("--manifest-path=", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
    );
    serde_json::from_str::<Metadata>(&metadata).unwrap().packages
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Reads an SPDX expression: `AND` binds tighter than `OR`; crates of old write `/` for `OR`.
fn permitted(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let answer = any(&mut words, allowed);
    answer && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut answer = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        answer |= all(words, allowed);
    }
    answer
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut answer = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        answer &= one(words, allowed);
    }
    answer
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.next() else {
        return false;
    };
    if word == "(" {
        let answer = any(words, allowed);
        return words.next() == Some(")") && answer;
    }
    match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
        Some(exception) => allowed.contains(&format!("{word} WITH {exception}")),
        None => allowed.contains(word),
    }
}

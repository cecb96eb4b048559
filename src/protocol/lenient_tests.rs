use serde::Deserialize;

use super::*;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Probe {
    text: Text,
    list: IdList,
    many: Many<Inner>,
    one: Option<One<Inner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inner {
    id: Text,
}

fn read(json: &str) -> Probe {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn a_scalar_keeps_the_text_it_has_in_the_message() {
    for (json, text) in [
        (r#"{"text": "a"}"#, "a"),
        (r#"{"text": 32205.10}"#, "32205.10"),
        (r#"{"text": 12345678901234567890123}"#, "12345678901234567890123"),
        (r#"{"text": true}"#, "true"),
        (r#"{"text": null}"#, ""),
        (r#"{"text": "\u0041"}"#, "A"),
        ("{}", ""),
    ] {
        assert_eq!(read(json).text.0, text, "{json}");
    }
    assert!(serde_json::from_str::<Probe>(r#"{"text": {}}"#).is_err());
    assert!(serde_json::from_str::<Probe>(r#"{"text": "a\u0000"}"#).is_err());
}

#[test]
fn lists_and_objects_stand_in_for_each_other() {
    let ids = |json: &str| read(json).many.0.into_iter().map(|inner| inner.id.0).collect::<Vec<_>>();
    assert_eq!(ids(r#"{"many": [{"id": "1"}, null, {"id": 2}]}"#), ["1", "2"]);
    assert_eq!(ids(r#"{"many": {"id": 1.50}}"#), ["1.50"]);
    assert_eq!(ids(r#"{"many": null}"#), Vec::<String>::new());
    assert_eq!(read(r#"{"list": "A"}"#).list.0, [Text::from("A")]);
    assert_eq!(read(r#"{"list": ["A", 7]}"#).list.0, [Text::from("A"), Text::from("7")]);
    let one = |json: &str| read(json).one.map(|one| one.0.id.0);
    assert_eq!(one(r#"{"one": [{"id": "1"}, {"id": "2"}]}"#).as_deref(), Some("1"));
    assert_eq!(one(r#"{"one": null}"#), None);
}

#[test]
fn words_take_the_published_spelling() {
    for (sent, word) in [
        ("action required", "ACTION_REQUIRED"),
        (" half-yearly ", "HALF_YEARLY"),
        ("Savings", "SAVING"),
        ("aadhar", "AADHAAR"),
        ("GSTN_PROFILE", "GST_PROFILE"),
        ("NEEDMOREINFO", "NEED_MORE_INFO"),
        ("WITHDRAWAL", "WITHDRAWL"),
        ("ONE_TIME", "ONE_TIME"),
    ] {
        assert_eq!(super::word(sent), word);
    }
}

#[test]
fn one_instant_in_all_its_forms() {
    let at = instant("2026-01-05T10:00:00Z");
    assert!(at.is_some());
    for text in [
        "2026-01-05T10:00:00.000Z",
        "2026-01-05T10:00:00.000000000Z",
        "2026-01-05T15:30:00+05:30",
        "2026-01-05T15:30:00+0530",
        "2026-01-05T15:30:00Z+05:30",
        "2026-01-05T15:30:00",
        "2026-01-05T15:30:00.000",
        "2026-01-05 15:30:00",
    ] {
        assert_eq!(instant(text), at, "{text}");
    }
    for text in ["05-01-2026", "05/01/2026", "2026-01-05"] {
        assert_eq!(instant(text), instant("2026-01-04T18:30:00Z"), "{text}");
    }
    for text in ["", "today", "2026-13-01", "20260105", "2026-01-05T25:00:00Z"] {
        assert_eq!(instant(text), None, "{text}");
    }
}

#[test]
fn ids_are_printable_bounded_and_distinct() {
    let code = |text: &str| id(&text.into(), "/id").err().map(|refusal| refusal.code);
    assert_eq!(code("A 1 – ünïcode"), None);
    assert_eq!(code(&"x".repeat(128)), None);
    assert_eq!(code(&"x".repeat(129)), Some(Code::BadLength));
    assert_eq!(code(""), Some(Code::MissingMember));
    assert_eq!(code("a\nb"), Some(Code::MalformedMessage));
    let twice = IdList(vec!["A".into(), "B".into(), "A".into()]);
    assert_eq!(ids(&twice, "/ids").err().map(|refusal| refusal.pointer).as_deref(), Some("/ids/2"));
    let many = IdList((0..101).map(|number| number.to_string().into()).collect());
    assert_eq!(ids(&many, "/ids").err().map(|refusal| refusal.code), Some(Code::BadLength));
}

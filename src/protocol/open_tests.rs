use super::*;

const NOW: &str = "2026-01-05T10:00:00Z";

fn claims(json: &str) -> Claims {
    peek(format!(r#"{{"metadata": {json}, "requestId": "R"}}"#).as_bytes()).metadata.unwrap_or_default().0
}

fn check(json: &str, accepted: &[&str]) -> Option<(Code, String)> {
    let settings = Settings {
        accepted_versions: accepted.iter().map(|version| (*version).to_owned()).collect(),
        ..Settings::default()
    };
    let sender = Sender { settings, ..Sender::unknown() };
    let now = lenient::instant(NOW).unwrap();
    let refusal = check_claims(&claims(json), &OrgId::from("LSP-1"), &sender, now).err()?;
    Some((refusal.code, refusal.pointer))
}

fn at(timestamp: &str) -> Option<(Code, String)> {
    check(&format!(r#"{{"orgId": "LSP-1", "timestamp": "{timestamp}", "traceId": "t"}}"#), &[])
}

#[test]
fn the_window_is_72_hours_back_and_5_minutes_ahead() {
    let outside = Some((Code::Timestamp, "/metadata/timestamp".to_owned()));
    assert_eq!(at(NOW), None);
    assert_eq!(at("2026-01-02T10:00:00Z"), None);
    assert_eq!(at("2026-01-02T09:59:59Z"), outside);
    assert_eq!(at("2026-01-05T10:05:00Z"), None);
    assert_eq!(at("2026-01-05T10:05:01Z"), outside);
    assert_eq!(at("2026-01-05T15:30:00"), None, "without a zone it is Indian standard time");
    assert_eq!(at("soon").map(|(code, _)| code), Some(Code::MalformedMessage));
}

#[test]
fn each_claim_is_checked_in_order() {
    let refused = |json: &str, code, member: &str| {
        assert_eq!(check(json, &["1.0"]), Some((code, format!("/metadata/{member}"))), "{json}");
    };
    refused("null", Code::MissingMember, "orgId");
    refused(r#"{"orgId": "LSP-2"}"#, Code::OrgMismatch, "orgId");
    refused(r#"{"orgId": "LSP-1", "timestamp": null}"#, Code::MissingMember, "timestamp");
    let rest = format!(r#""orgId": "LSP-1", "timestamp": "{NOW}""#);
    refused(&format!(r#"{{{rest}, "version": "9", "traceId": "t"}}"#), Code::BadVersion, "version");
    refused(&format!("{{{rest}}}"), Code::MissingMember, "traceId");
    refused(&format!(r#"{{{rest}, "traceId": "{}"}}"#, "x".repeat(129)), Code::BadLength, "traceId");
    assert_eq!(check(&format!(r#"{{{rest}, "version": 1.0, "traceId": "t"}}"#), &["1.0"]), None);
}

#[test]
fn a_shared_kid_goes_to_the_claimed_organisation() {
    let owner = |org: &str| KeyOwner {
        org_id: OrgId::from(org),
        settings: Settings::default(),
        public_key_pem: String::new(),
        revoked_at: None,
        stopped: Stopped::default(),
    };
    let picked = |claimed: Option<&str>| {
        let owners = vec![owner("LSP-1"), owner("LSP-2")];
        pick(owners, claimed.map(OrgId::from).as_ref()).map(|owner| owner.org_id.0)
    };
    assert_eq!(picked(Some("LSP-2")).as_deref(), Some("LSP-2"));
    assert_eq!(picked(Some("LSP-9")).as_deref(), Some("LSP-1"));
    assert_eq!(picked(None).as_deref(), Some("LSP-1"));
    assert!(pick(Vec::new(), None).is_none());
}

#[test]
fn the_trace_id_is_echoed_only_when_it_is_one() {
    let noted = |trace: &str| {
        let mut sender = Sender::unknown();
        sender.note_claims(&claims(&format!(r#"{{"traceId": {trace}}}"#)));
        sender.trace_id
    };
    assert_eq!(noted(r#"" exactly-this ""#).as_deref(), Some(" exactly-this "));
    assert_eq!(noted(r#""a\nb""#), None);
    assert_eq!(noted("null"), None);
}

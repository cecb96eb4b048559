//! ID: who speaks.

use super::super::evidence::{Ask, Evidence};
use super::super::finding::Severity::{Error, Info};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::rule;
use super::transport::told;

pub const RULES: &[Rule] = &[
    rule("ID-01", Group::Id, Error, "metadata.orgId is the organisation of the signing key", own_name),
    rule("ID-02", Group::Id, Error, "A message in another organisation's name is refused", other_org),
    rule("ID-03", Group::Id, Info, "Tokens are renewed in time and kept out of URLs and logs (OCEN v4)", tokens),
];

fn own_name(evidence: &Evidence) -> Judgement {
    let faults = evidence.traffic.refusals.iter().filter(|one| one.error == "AUTH1003").map(|one| Fault {
        side: Side::Lsp,
        evidence: vec![one.id.clone()],
        expected: "metadata.orgId of the organisation that the key is registered for".to_owned(),
        got: told(one),
        hint: "Put your own orgId, as it is registered, into the metadata of each message.",
    });
    let seen = evidence.traffic.requests.iter().map(|request| request.id.clone()).collect();
    Judgement::of(faults.collect(), seen, "the LSP has sent nothing")
}

fn other_org(evidence: &Evidence) -> Judgement {
    evidence.must_refuse(&[Ask {
        defect: "otherOrg",
        what: "the lender's signature over another organisation's orgId",
        hint: "After verifying, compare metadata.orgId with the organisation that the key belongs to.",
    }])
}

fn tokens(_: &Evidence) -> Judgement {
    Judgement::untested("OCEN v3 has no tokens")
}

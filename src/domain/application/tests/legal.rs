//! The line that the database holds, read from the migrations that draw it.

use crate::domain::application::stage::Stage;

const MIGRATIONS: [&str; 2] = [
    include_str!("../../../../migrations/0002_applications.sql"),
    include_str!("../../../../migrations/0007_borrower_pages.sql"),
];

/// What the trigger `application_stage_change_legal` and the CHECK on signed agreements refuse.
pub fn assert_legal(from: &Stage, to: &Stage) {
    let (before, after) = (from.name(), to.name());
    let listed = MIGRATIONS.iter().any(|text| text.contains(&format!("('{before}', '{after}')")));
    assert!(before == after || listed, "{before} cannot go to {after}");
    assert!(!matches!(before, "REJECTED" | "GRANTED") || before == after, "{before} is final");
    if matches!(after, "AGREED" | "GRANTING" | "GRANTED") {
        let signed = to.deal().is_some_and(|deal| deal.agreement.name() == "SIGNED");
        assert!(signed, "{after} without a signed agreement");
    }
}

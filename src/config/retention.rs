//! How long what is kept: the `[retention]` section.

use serde::{Deserialize, Serialize};

use super::error::Problems;

/// Fewest days that request ids outlive their application: longer than a signed message is taken (72 hours), and than
/// LSPs may try (`lending.md` §6.1, "Replay").
const MIN_REQUEST_IDS_DAYS: u32 = 30;
/// Fewest days for messages: as long as logs must be kept in India (CERT-In, `lending.md` §6.1, "Retention").
const MIN_MESSAGES_DAYS: u32 = 180;

/// Days after which something goes. What has no number is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retention {
    /// Messages as received, by their age; those of applications that have not ended or are held stay.
    pub messages_days: Option<u32>,
    /// What LSPs answered to callbacks, by age; of held applications they stay.
    pub attempts_days: Option<u32>,
    /// Request ids, counted from the end of the application.
    pub request_ids_days: Option<u32>,
    /// Personal data of applications that led to no loan, counted from their end.
    pub refused_days: Option<u32>,
    /// Personal data of loans, counted from the day on which they were closed.
    pub closed_days: Option<u32>,
}

/// Notes what makes no sense.
pub(super) fn check(retention: &Retention, problems: &mut Problems) {
    for (member, days, least) in [
        ("messagesDays", retention.messages_days, MIN_MESSAGES_DAYS),
        ("attemptsDays", retention.attempts_days, 1),
        ("requestIdsDays", retention.request_ids_days, MIN_REQUEST_IDS_DAYS),
        ("refusedDays", retention.refused_days, 1),
        ("closedDays", retention.closed_days, 1),
    ] {
        let fits = days.is_none_or(|days| (least..=36_500).contains(&days));
        problems.demand(fits, format!("retention.{member}"), format!("must be {least} to 36500 days, or left out"));
    }
}

//! The messaging system: every message leaves at once, and nothing is remembered of it.

use super::{done, reference};
use crate::domain::application::ask::{Finding, Outcome};
use crate::domain::application::notice::Notice;

/// The same message has the same id on every try.
pub(super) fn sent(notice: &Notice) -> Outcome {
    done(Finding::Notified { message_id: reference("MSG", &notice.key) })
}

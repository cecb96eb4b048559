//! Most requests write the same few rows: one application, the exchange about it, and at most one callback. One
//! statement writes them for many requests at once.

use uuid::Uuid;

use super::{Opened, Queued, Writes};
use crate::store::application::Row;
use crate::store::exchange::Exchange;

/// The writes of one request about one application. The key of its exchange is claimed for a body of this digest.
#[derive(Debug)]
pub(super) struct Lone {
    pub writes: Writes,
    pub row: Row,
    pub opened: Opened,
    pub callback: Option<Queued>,
    pub digest: [u8; 32],
}

impl Lone {
    /// `None` when there is more to write than that. A reserved amount may be left over for the caller.
    pub fn of(mut writes: Writes, digest: [u8; 32]) -> Option<Self> {
        let (row, opened, callback) = (writes.applications.pop()?, writes.opened.take()?, writes.callbacks.pop());
        let own = writes.parts.slots == [0]
            && callback.as_ref().is_none_or(|callback| {
                callback.stream_id == opened.exchange.stream_id && callback.exchange_id == Some(opened.exchange.id.0)
            });
        let nothing_else = writes.applications.is_empty()
            && writes.callbacks.is_empty()
            && writes.answers.slots.is_empty()
            && writes.counted.is_none()
            && writes.settled.is_none();
        (own && nothing_else).then_some(Self { writes, row, opened, callback, digest })
    }

    pub fn exchange(&self) -> &Exchange {
        &self.opened.exchange
    }

    pub fn callback_id(&self) -> Option<Uuid> {
        self.callback.as_ref().map(|callback| callback.callback_id)
    }
}

/// One array element per request.
pub(super) fn column<'a, S, T>(lone: &[&'a S], of: impl Fn(&'a S) -> T) -> Vec<T> {
    lone.iter().map(|one| of(one)).collect()
}

/// All elements of a per-request list, concatenated.
pub(super) fn all<'a, S, T: Clone + 'a>(lone: &[&'a S], of: impl Fn(&'a S) -> &'a Vec<T>) -> Vec<T> {
    lone.iter().flat_map(|one| of(one)).cloned().collect()
}

/// The request's orgId, repeated once per element of such a list, so that both arrays line up.
pub(super) fn each<'a>(lone: &[&'a Lone], many: impl Fn(&'a Lone) -> usize) -> Vec<&'a str> {
    lone.iter().flat_map(|one| std::iter::repeat_n(one.writes.org_id(), many(one))).collect()
}

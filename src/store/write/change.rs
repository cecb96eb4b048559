//! The usual changes of applications. One statement writes each of them whole; it is a transaction of its own and takes
//! no locks beforehand.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::lone::{Lone, all, column};
use super::{Queued, Writes};
use crate::store::StoreError;

/// A changed application with the exchange that changes it, and at most one callback.
#[derive(Debug)]
pub struct Change {
    lone: Lone,
    borrower_seen: Option<String>,
}

impl Change {
    /// `None` when there is more to write than one statement can. The idempotency key of the exchange is claimed for a
    /// body of this digest. An amount is reserved only if the borrower's row is still as it was seen, or still absent.
    #[must_use]
    pub fn of(writes: Writes, digest: [u8; 32], borrower_seen: Option<String>) -> Option<Self> {
        let lone = Lone::of(writes, digest)?;
        let own = lone.writes.reserved.as_ref().is_none_or(|(id, borrower, _)| {
            (*id, borrower.as_slice()) == (lone.row.id, lone.row.borrower_index.as_slice())
        });
        (own && lone.row.revision.is_some()).then_some(Self { lone, borrower_seen })
    }

    /// Splits changes into groups that one statement can write, in each an application, a stream and a borrower at most
    /// once; gives the places of each group's.
    #[must_use]
    pub fn apart(changes: &[&Self]) -> Vec<Vec<usize>> {
        let mut groups: Vec<(BTreeSet<&[u8]>, Vec<usize>)> = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            let touched = change.touched();
            let group = groups.iter_mut().find(|(others, _)| touched.iter().all(|id| !others.contains(id)));
            match group {
                Some((others, places)) => {
                    others.extend(touched);
                    places.push(place);
                }
                None => groups.push((touched.into_iter().collect(), vec![place])),
            }
        }
        groups.into_iter().map(|(_, places)| places).collect()
    }

    fn touched(&self) -> Vec<&[u8]> {
        let mut touched: Vec<&[u8]> = vec![self.lone.row.id.as_bytes(), self.lone.exchange().stream_id.as_bytes()];
        touched.extend(self.lone.writes.reserved.as_ref().map(|(_, borrower, _)| borrower.as_slice()));
        touched
    }

    /// Writes them in one transaction; tells of each whether it was written. One that was not left no trace.
    ///
    /// # Errors
    /// When the database fails; whether they were written is known when it has told so.
    pub async fn write(
        changes: &[&Self],
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>, StoreError> {
        // In the order of our ids, as everybody locks them.
        let mut sorted = changes.to_vec();
        sorted.sort_by_key(|change| change.lone.row.id);
        let written = statement(&sorted, conn, now).await?;
        Ok(changes.iter().map(|change| written.contains(&change.lone.exchange().id.0)).collect())
    }
}

async fn statement(changes: &[&Change], conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Uuid>, sqlx::Error> {
    let lone = column(changes, |change| &change.lone);
    let lone = lone.as_slice();
    let answer = |of: fn(&Queued) -> &str| column(lone, |change| change.callback.as_ref().map(of));
    sqlx::query_file_scalar!(
        "src/store/write/change.sql",
        now,
        &column(lone, |change| change.writes.org_id()) as &[&str],
        &column(lone, |change| change.exchange().operation.as_str()) as &[&str],
        &column(lone, |change| change.exchange().request_id.as_str()) as &[&str],
        &column(lone, |change| change.digest.as_slice()) as &[&[u8]],
        &column(lone, |change| change.exchange().id.0),
        &column(lone, |change| change.row.id),
        &column(lone, |change| change.row.revision) as &[Option<i64>],
        &column(lone, |change| change.row.borrower_index.as_slice()) as &[&[u8]],
        &column(lone, |change| change.row.stage) as &[&str],
        &column(lone, |change| change.row.data_consent) as &[&str],
        &column(lone, |change| change.row.monitoring_consent) as &[&str],
        &column(lone, |change| change.row.kyc) as &[&str],
        &column(lone, |change| change.row.agreement) as &[&str],
        &column(lone, |change| change.row.repayment_setup) as &[&str],
        &column(lone, |change| change.row.account_setup) as &[&str],
        &column(lone, |change| change.opened.trace_id.as_str()) as &[&str],
        &column(lone, |change| change.exchange().version.as_str()) as &[&str],
        &column(lone, |change| change.exchange().signed),
        &column(lone, |change| change.exchange().protected_member),
        &column(lone, |change| change.exchange().stream_id),
        &column(lone, |change| change.exchange().slots),
        &column(lone, |change| change.exchange().pending),
        &column(lone, |change| change.exchange().trace),
        &column(lone, Lone::callback_id) as &[Option<Uuid>],
        &answer(|callback| &callback.path) as &[Option<&str>],
        &answer(|callback| &callback.trace_id) as &[Option<&str>],
        &column(lone, |change| change.callback.as_ref().map(|callback| callback.due_at)) as &[Option<DateTime<Utc>>],
        &column(lone, |change| change.writes.reserved.as_ref().map(|(_, _, paise)| *paise)) as &[Option<i64>],
        &column(changes, |change| change.borrower_seen.as_deref()) as &[Option<&str>],
        &column(lone, |change| change.row.state.as_slice()) as &[&[u8]],
        &column(lone, |change| change.opened.sealed.as_slice()) as &[&[u8]],
        &column(lone, |change| change.callback.as_ref().map(|callback| callback.sealed_body.as_slice()))
            as &[Option<&[u8]>],
        &all(lone, |change| &change.writes.references.kinds),
        &all(lone, |change| &change.writes.references.values),
        &all(lone, |change| &change.writes.references.applications),
        &all(lone, |change| &change.writes.events.applications),
        &all(lone, |change| &change.writes.events.revisions),
        &all(lone, |change| &change.writes.events.words),
        &all(lone, |change| &change.writes.asks.ids),
        &all(lone, |change| &change.writes.asks.applications),
        &all(lone, |change| &change.writes.asks.exchanges) as &[Option<Uuid>],
        &all(lone, |change| &change.writes.asks.ports),
        &all(lone, |change| &change.writes.asks.methods),
        &all(lone, |change| &change.writes.asks.details),
        &all(lone, |change| &change.writes.asks.due),
    )
    .fetch_all(conn)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ApplicationId, ExchangeId, OrgId};
    use crate::store::application::Row;
    use crate::store::exchange::Exchange;
    use crate::store::write::Opened;

    fn change(application: u128, stream: u128, borrower: Option<u8>) -> Change {
        let exchange = Exchange {
            id: ExchangeId(Uuid::nil()),
            org_id: OrgId::from("LSP-1"),
            operation: "setOffer".to_owned(),
            request_id: "R-1".to_owned(),
            version: "1.0".to_owned(),
            signed: true,
            protected_member: false,
            stream_id: Uuid::from_u128(stream),
            slots: 1,
            pending: 1,
            trace: Uuid::nil(),
        };
        let row = Row {
            id: Uuid::from_u128(application),
            revision: Some(3),
            loan_application_id: "A-1".to_owned(),
            bundle_id: exchange.stream_id,
            borrower_index: vec![borrower.unwrap_or_default()],
            stage: "OFFERED",
            data_consent: "NONE",
            monitoring_consent: "NONE",
            kyc: "NONE",
            agreement: "NONE",
            repayment_setup: "NONE",
            account_setup: "NONE",
            state: Vec::new(),
        };
        let mut writes = Writes::of("LSP-1");
        writes.open(Opened { exchange, trace_id: String::new(), sealed: Vec::new() }, &[(ApplicationId(row.id), 0)]);
        if let Some(borrower) = borrower {
            writes.reserve(ApplicationId(row.id), vec![borrower], 1);
        }
        writes.application(row);
        Change::of(writes, [0; 32], None).unwrap()
    }

    fn apart(changes: &[Change]) -> Vec<Vec<usize>> {
        Change::apart(&changes.iter().collect::<Vec<_>>())
    }

    #[test]
    fn changes_of_one_application_stream_or_borrower_are_not_written_together() {
        assert!(apart(&[]).is_empty());
        assert_eq!(apart(&[change(1, 10, None), change(2, 11, None)]), [[0, 1]]);
        assert_eq!(apart(&[change(1, 10, None), change(1, 11, None)]), [[0], [1]], "one application");
        assert_eq!(apart(&[change(1, 10, None), change(2, 10, None)]), [[0], [1]], "one stream");
        assert_eq!(apart(&[change(1, 10, Some(7)), change(2, 11, Some(7))]), [[0], [1]], "one borrower");
        assert_eq!(
            apart(&[change(1, 10, Some(7)), change(2, 11, Some(8)), change(1, 10, None)]),
            [vec![0, 1], vec![2]]
        );
    }

    #[test]
    fn an_amount_is_reserved_for_the_changed_application_and_its_borrower_only() {
        let reserving = |application: u128, borrower: u8| {
            let Change { mut lone, .. } = change(1, 10, None);
            lone.writes.reserve(ApplicationId(Uuid::from_u128(application)), vec![borrower], 1);
            let Lone { mut writes, row, opened, .. } = lone;
            writes.applications.push(row);
            writes.opened = Some(opened);
            Change::of(writes, [0; 32], None).is_some()
        };
        assert!(reserving(1, 0));
        assert!(!reserving(2, 0));
        assert!(!reserving(1, 5));
    }
}

//! Everything that happened to one application, in the order of time: one query, however much it was.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::ask::{Detail, context as ask_context};
use super::outbox::body_context;
use crate::domain::ids::ApplicationId;
use crate::seal::Sealer;

/// An application as its timeline needs it.
#[derive(Debug)]
pub struct Subject {
    /// Ours.
    pub application_id: Uuid,
    /// Whose.
    pub org_id: String,
    /// The LSP's id.
    pub loan_application_id: String,
    /// The applications filed together with it.
    pub bundle_id: Uuid,
    /// Its loan, once granted.
    pub loan_id: Option<String>,
    /// Whether others were filed with it.
    pub has_siblings: bool,
    /// The ports that were asked about it.
    pub ports: Vec<String>,
}

/// Finds an application.
///
/// # Errors
/// When the database fails.
pub async fn subject(
    conn: &mut PgConnection,
    org_id: &str,
    loan_application_id: &str,
) -> Result<Option<Subject>, StoreError> {
    Ok(sqlx::query_as!(
        Subject,
        r#"
        select
            application_id, org_id, loan_application_id, bundle_id,
            (select loan_id from loan where loan.application_id = application.application_id) as loan_id,
            exists (
                select from application sibling
                where sibling.bundle_id = application.bundle_id
                and sibling.application_id <> application.application_id
            ) as "has_siblings!",
            array(
                select distinct port
                from ask
                where ask.application_id in (
                    select application_id
                    from application sibling
                    where sibling.bundle_id = application.bundle_id
                )
            ) as "ports!"
        from application
        where org_id = $1
        and loan_application_id = $2
        "#,
        org_id,
        loan_application_id,
    )
    .fetch_optional(conn)
    .await?)
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request came in.
    Request,
    /// Its ack went out.
    Ack,
    /// A question was answered.
    Outcome,
    /// Something happened.
    Event,
    /// One of the lender's systems was to be asked.
    Ask,
    /// A callback was decided.
    Callback,
}

/// All kinds, in the order in which entries of the same instant are shown.
const KINDS: [Kind; 6] = [Kind::Request, Kind::Ack, Kind::Outcome, Kind::Event, Kind::Ask, Kind::Callback];

/// One entry.
#[derive(Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// When, by the business clock.
    pub at: DateTime<Utc>,
    /// Its key among entries of its kind: an id of ours; for a request, with the number of its reception.
    pub id: String,
    /// The id of exchange, question or callback; none of an event. It says by the wall's clock when it was made.
    pub uuid: Option<Uuid>,
    /// Which reception of a request, from 1.
    pub reception: i32,
    /// OCEN operation, or method of a port.
    pub operation: Option<String>,
    /// The LSP's, or that of the request which is answered.
    pub request_id: Option<String>,
    /// OCEN's.
    pub trace_id: Option<String>,
    /// The port that is asked.
    pub port: Option<String>,
    /// State of a question or callback.
    pub state: Option<String>,
    /// Words: what happened, the outcome, why a callback was given up.
    pub words: Option<String>,
    /// When a question had been asked or a callback delivered.
    pub other_at: Option<DateTime<Utc>>,
    /// How often it was tried.
    pub tries: i32,
}

/// The entry after which a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// When.
    pub at: DateTime<Utc>,
    /// Place among what happened in the same instant.
    pub rank: i32,
    /// Id of the entry.
    pub id: String,
}

impl Entry {
    /// The page behind this entry.
    #[must_use]
    pub fn after(&self) -> After {
        let rank = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        After { at: self.at, rank: i32::try_from(rank).unwrap_or_default(), id: self.id.clone() }
    }
}

/// One page of entries, oldest first, with whether there are more.
///
/// # Errors
/// When the database fails or a message of a sibling cannot be opened.
#[expect(clippy::too_many_lines, reason = "one statement")]
pub async fn entries(
    conn: &mut PgConnection,
    sealer: &Sealer,
    subject: &Subject,
    after: Option<&After>,
    limit: i64,
) -> Result<(Vec<Entry>, Option<After>), StoreError> {
    let rows = sqlx::query!(
        // By exchange_application's key, callback_exchange_idx, callback_order_key, ask_application_idx and
        // event_application_idx: what was said about one application, and nothing else. What siblings may share with
        // it is looked into.
        r#"
        with about as (
            select exchange_id
            from exchange_application
            where application_id = $1
        ), sibling as (
            select application_id
            from application
            where bundle_id = $2
            and application_id <> $1
        ), entry as (
            select
                side.rank, coalesce(message.received_at, exchange.created_at) as at,
                exchange_id::text || '.' || coalesce(reception, 1) as id, exchange_id as uuid,
                coalesce(reception, 1)::integer as reception, operation, request_id, trace_id, null as port,
                null as state, null as words, answered_at as other_at, 1 as tries, null::bytea as sealed
            from about
            join exchange using (exchange_id)
            left join lateral (
                select received_at, row_number() over (order by received_at) as reception
                from message
                where message.exchange_id = exchange.exchange_id
            ) message on true
            cross join (values (0), (1)) as side (rank)
            union all
            select
                side.rank, case side.rank when 2 then closed_at else created_at end, ask_id::text, ask_id, 1, method,
                null, null, port, state, coalesce(outcome, reference), closed_at, tries,
                case when application_id <> $1 then detail end
            from ask
            cross join (values (2), (4)) as side (rank)
            where port <> 'timer'
            and (
                application_id = $1
                or (application_id in (select application_id from sibling) and exchange_id in (select exchange_id from about))
            )
            and (side.rank = 4 or closed_at is not null)
            union all
            select
                3, happened_at, lpad(event_id::text, 20, '0'), null, 1, null, null, null, null, null, what, null, 1, null
            from event
            where application_id = $1
            union all
            select
                5, created_at, callback_id::text, callback_id, 1, operation, request_id, trace_id, null, state, parked_reason,
                delivered_at, attempts,
                case when exchange_id is null and exists (select from sibling) and erased_at is null then body end
            from callback
            where exchange_id in (select exchange_id from about)
            or (exchange_id is null and stream_id = $2)
        )
        select
            rank as "rank!", at as "at!", id as "id!", uuid, reception as "reception!", operation, request_id, trace_id,
            port, state, words, other_at, tries as "tries!", sealed
        from entry
        where $3::timestamptz is null
        or (at, rank, id) > ($3, $4, $5)
        order by at, rank, id
        limit $6
        "#,
        subject.application_id,
        subject.bundle_id,
        after.map(|after| after.at),
        after.map(|after| after.rank),
        after.map(|after| after.id.as_str()),
        limit + 1,
    )
    .fetch_all(conn)
    .await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    let mut entries = Vec::with_capacity(rows.len());
    let mut last = None;
    for row in rows.into_iter().take(wanted) {
        let kind = usize::try_from(row.rank).ok().and_then(|rank| KINDS.get(rank)).copied().unwrap_or(Kind::Event);
        let entry = Entry {
            kind,
            at: row.at,
            id: row.id,
            uuid: row.uuid,
            reception: row.reception,
            operation: row.operation,
            request_id: row.request_id,
            trace_id: row.trace_id,
            port: row.port,
            state: row.state,
            words: row.words,
            other_at: row.other_at,
            tries: row.tries,
        };
        last = Some(entry.after());
        if concerns(sealer, subject, (&entry, row.sealed.as_deref())) {
            entries.push(entry);
        }
    }
    Ok((entries, last.filter(|_| more)))
}

/// Whether an entry that applications filed together may share concerns this one. One that cannot be opened any more is
/// shown, because it is better to know that something was there.
fn concerns(sealer: &Sealer, subject: &Subject, (entry, sealed): (&Entry, Option<&[u8]>)) -> bool {
    let (Some(sealed), Some(id)) = (sealed, entry.uuid) else {
        return true;
    };
    if entry.kind == Kind::Callback {
        let Ok(body) = sealer.open_json::<serde_json::Value>(&body_context(id), sealed) else {
            return true;
        };
        return names(&body, subject);
    }
    match sealer.open_json::<Detail>(&ask_context(id), sealed) {
        Ok(Detail::Ask(ask)) => ask.targets.iter().any(|(id, _)| *id == ApplicationId(subject.application_id)),
        Ok(Detail::Timer(_)) => false,
        Err(_) => true,
    }
}

/// Whether an unsolicited callback names this application or its loan, or no application at all.
fn names(body: &serde_json::Value, subject: &Subject) -> bool {
    let mut known = Vec::new();
    let listed = body.get("loanApplications").and_then(serde_json::Value::as_array);
    for part in std::iter::once(body).chain(listed.into_iter().flatten()) {
        for member in ["loanApplicationId", "loanId"] {
            known.extend(part.get(member).and_then(serde_json::Value::as_str).filter(|id| !id.is_empty()));
        }
    }
    let own = |id: &&str| *id == subject.loan_application_id || Some(*id) == subject.loan_id.as_deref();
    known.is_empty() || known.iter().any(own)
}

//! One message: a request as it was received, a callback as it was decided, a question as it was put.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::ask::{Detail, context as ask_context};
use super::outbox::body_context;
use crate::domain::ids::ExchangeId;
use crate::seal::{Sealer, is_erased};

/// Most applications that are named.
const NAMED: i64 = 100;

/// What all messages have.
#[derive(Debug)]
pub struct About {
    /// Whose.
    pub org_id: String,
    /// OCEN operation, or method of a port.
    pub operation: String,
    /// The LSP's, or that of the request which is answered; none of a question.
    pub request_id: Option<String>,
    /// OCEN's.
    pub trace_id: Option<String>,
    /// When it was stored, by the business clock.
    pub at: DateTime<Utc>,
    /// The LSP's ids of the applications that it is about.
    pub applications: Vec<String>,
}

/// A request.
#[derive(Debug)]
pub struct Request {
    /// What all have.
    pub about: About,
    /// As received, or when it was erased.
    pub body: Result<Vec<u8>, DateTime<Utc>>,
}

/// Which of the receptions of a request, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct Reception(pub i64);

/// A request as it was received.
///
/// # Errors
/// When the database fails or it cannot be opened.
pub async fn request(
    conn: &mut PgConnection,
    sealer: &Sealer,
    id: Uuid,
    Reception(reception): Reception,
) -> Result<Option<Request>, StoreError> {
    let row = sqlx::query!(
        r#"
        select
            org_id, operation, request_id, trace_id, message.received_at, message.body,
            array(
                select loan_application_id
                from exchange_application
                join application using (application_id)
                where exchange_application.exchange_id = exchange.exchange_id
                order by slot
                limit $3
            ) as "applications!"
        from exchange
        join (
            select exchange_id, received_at, body, row_number() over (order by received_at) as reception
            from message
            where exchange_id = $1
        ) message using (exchange_id)
        where exchange_id = $1
        and reception = $2
        "#,
        id,
        reception,
        NAMED,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let body = opened(sealer, &format!("message:{}", ExchangeId(id)), &row.body)?;
        let about = About {
            org_id: row.org_id,
            operation: row.operation,
            request_id: Some(row.request_id),
            trace_id: Some(row.trace_id),
            at: row.received_at,
            applications: row.applications,
        };
        Ok(Request { about, body })
    })
    .transpose()
}

/// A callback.
#[derive(Debug)]
pub struct Callback {
    /// What all have.
    pub about: About,
    /// Its frozen payload, or when it was erased.
    pub body: Result<Vec<u8>, DateTime<Utc>>,
    /// Answer path.
    pub path: String,
    /// `metadata.version`.
    pub version: String,
    /// Whether it is signed, where the LSP has a key.
    pub signed: bool,
    /// Whether the request had its header under `protected`.
    pub protected_member: bool,
    /// `PENDING`, `DELIVERED` or `PARKED`.
    pub state: String,
    /// Why it was given up.
    pub parked_reason: Option<String>,
}

/// A callback as it was decided.
///
/// # Errors
/// When the database fails or it cannot be opened.
pub async fn callback(conn: &mut PgConnection, sealer: &Sealer, id: Uuid) -> Result<Option<Callback>, StoreError> {
    let row = sqlx::query!(
        r#"
        select
            org_id, operation, request_id, trace_id, created_at, body, path, version, signed, protected_member, state,
            parked_reason,
            array(
                select loan_application_id
                from exchange_application
                join application using (application_id)
                where exchange_application.exchange_id = callback.exchange_id
                order by slot
                limit $2
            ) as "applications!"
        from callback
        where callback_id = $1
        "#,
        id,
        NAMED,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let body = opened(sealer, &body_context(id), &row.body)?;
        let about = About {
            org_id: row.org_id,
            operation: row.operation,
            request_id: Some(row.request_id),
            trace_id: Some(row.trace_id),
            at: row.created_at,
            applications: row.applications,
        };
        Ok(Callback {
            about,
            body,
            path: row.path,
            version: row.version,
            signed: row.signed,
            protected_member: row.protected_member,
            state: row.state,
            parked_reason: row.parked_reason,
        })
    })
    .transpose()
}

/// A question to one of the lender's systems.
#[derive(Debug)]
pub struct Question {
    /// What all have.
    pub about: About,
    /// Which system.
    pub port: String,
    /// What is asked; none once it was erased.
    pub detail: Option<Detail>,
    /// `OPEN`, `SENDING`, `STUCK`, `REFERRED` or `CLOSED`.
    pub state: String,
    /// How often it was tried.
    pub tries: i32,
    /// How it ended.
    pub outcome: Option<String>,
}

/// A question as it was put.
///
/// # Errors
/// When the database fails or it cannot be opened.
pub async fn question(conn: &mut PgConnection, sealer: &Sealer, id: Uuid) -> Result<Option<Question>, StoreError> {
    let row = sqlx::query!(
        r#"
        select
            ask.org_id, port, method, detail, ask.state, tries, outcome, ask.created_at, loan_application_id, request_id as "request_id?",
            trace_id as "trace_id?"
        from ask
        join application using (application_id)
        left join exchange using (exchange_id)
        where ask_id = $1
        and port <> 'timer'
        "#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let detail = if is_erased(&row.detail) { None } else { Some(sealer.open_json(&ask_context(id), &row.detail)?) };
        let about = About {
            org_id: row.org_id,
            operation: row.method,
            request_id: row.request_id,
            trace_id: row.trace_id,
            at: row.created_at,
            applications: vec![row.loan_application_id],
        };
        Ok(Question { about, port: row.port, detail, state: row.state, tries: row.tries, outcome: row.outcome })
    })
    .transpose()
}

/// The payloads by which a request was answered, the newest first, without those that were erased.
///
/// # Errors
/// When the database fails or one cannot be opened.
pub async fn answers(
    conn: &mut PgConnection,
    sealer: &Sealer,
    exchange: Uuid,
    limit: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select callback_id, body
        from callback
        where exchange_id = $1
        and erased_at is null
        order by created_at desc, callback_id desc
        limit $2
        "#,
        exchange,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(sealer.open(&body_context(row.callback_id), &row.body)?)).collect()
}

fn opened(sealer: &Sealer, context: &str, sealed: &[u8]) -> Result<Result<Vec<u8>, DateTime<Utc>>, StoreError> {
    match sealer.open(context, sealed) {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(crate::seal::SealError::Erased(at)) => Ok(Err(at)),
        Err(error) => Err(error.into()),
    }
}

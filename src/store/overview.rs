//! What operators look at: lists and histories, read only.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// A row of the list of applications.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Application")]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRow {
    /// Ours; also the cursor of the list.
    pub application_id: Uuid,
    /// Whose.
    pub org_id: String,
    /// The LSP's id.
    pub loan_application_id: String,
    /// Created together with others of this bundle.
    pub bundle_id: Uuid,
    /// Main stage.
    pub stage: String,
    /// Facet.
    pub data_consent: String,
    /// Facet.
    pub monitoring_consent: String,
    /// Facet.
    pub kyc: String,
    /// Facet.
    pub agreement: String,
    /// Facet.
    pub repayment_setup: String,
    /// Facet.
    pub account_setup: String,
    /// The loan, once granted.
    pub loan_id: Option<String>,
    /// Counts changes.
    pub revision: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Which rows of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Applications<'a> {
    /// Of this LSP only.
    pub org_id: Option<&'a str>,
    /// In this stage only.
    pub stage: Option<&'a str>,
    /// The LSP's id.
    pub loan_application_id: Option<&'a str>,
    /// Older than this one.
    pub before: Option<Uuid>,
    /// Of these only.
    pub among: Option<&'a [Uuid]>,
}

/// Applications, newest first.
///
/// # Errors
/// When the database fails.
pub async fn applications(
    conn: &mut PgConnection,
    which: Applications<'_>,
    limit: i64,
) -> Result<Vec<ApplicationRow>, sqlx::Error> {
    sqlx::query_as!(
        ApplicationRow,
        r#"select
            application.application_id, application.org_id, loan_application_id, bundle_id, stage, data_consent,
            monitoring_consent, kyc, agreement, repayment_setup, account_setup,
            loan.loan_id as "loan_id?",
            application.revision, application.created_at, application.updated_at
        from application
        left join loan on loan.application_id = application.application_id
        where ($1::text is null or application.org_id = $1)
        and ($2::text is null or stage = $2)
        and ($3::text is null or loan_application_id = $3)
        and ($4::uuid is null or application.application_id < $4)
        and ($6::uuid[] is null or application.application_id = any($6))
        order by application.application_id desc
        limit $5"#,
        which.org_id,
        which.stage,
        which.loan_application_id,
        which.before,
        limit,
        which.among,
    )
    .fetch_all(conn)
    .await
}

/// Something that happened to an application.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    /// The application's revision then.
    pub revision: i64,
    /// Words without personal data.
    pub what: String,
    /// When.
    pub happened_at: DateTime<Utc>,
}

/// History of an application, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn events(conn: &mut PgConnection, application: Uuid, limit: i64) -> Result<Vec<EventRow>, sqlx::Error> {
    sqlx::query_as!(
        EventRow,
        "select revision, what, happened_at
        from event
        where application_id = $1
        order by event_id
        limit $2",
        application,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// A request as received. An LSP that repeats itself makes one row each time.
#[derive(Debug)]
pub struct MessageRow {
    /// The exchange.
    pub exchange_id: Uuid,
    /// Operation name.
    pub operation: String,
    /// The LSP's.
    pub request_id: String,
    /// The LSP's.
    pub trace_id: String,
    /// Whether it was signed.
    pub signed: bool,
    /// How many results are still missing.
    pub pending: i32,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When the last result was there.
    pub answered_at: Option<DateTime<Utc>>,
    /// As received, sealed.
    pub sealed_body: Vec<u8>,
}

/// Requests about an application, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn messages(conn: &mut PgConnection, application: Uuid, limit: i64) -> Result<Vec<MessageRow>, sqlx::Error> {
    sqlx::query_as!(
        MessageRow,
        "select
            exchange.exchange_id, operation, request_id, trace_id, signed, pending, received_at, answered_at,
            message.body as sealed_body
        from exchange_application
        join exchange on exchange.exchange_id = exchange_application.exchange_id
        join message on message.exchange_id = exchange.exchange_id
        where exchange_application.application_id = $1
        order by received_at
        limit $2",
        application,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// A callback without its body.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Callback")]
#[serde(rename_all = "camelCase")]
pub struct CallbackRow {
    /// Ours; also the cursor of the list.
    #[serde(rename = "id")]
    pub callback_id: Uuid,
    /// Whom it goes to.
    pub org_id: String,
    /// The exchange it answers.
    pub exchange_id: Option<Uuid>,
    /// Operation name.
    pub operation: String,
    /// The request it answers.
    pub request_id: String,
    /// Answer path.
    pub path: String,
    /// `metadata.traceId`.
    pub trace_id: String,
    /// `pending`, `delivered` or `parked`.
    pub state: String,
    /// Tries since it was queued.
    pub attempts: i32,
    /// Next try, while it is pending.
    pub due_at: DateTime<Utc>,
    /// When the LSP acknowledged it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Why it was given up.
    pub parked_reason: Option<String>,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// What the sandbox did to it on purpose.
    pub injected: Option<String>,
    /// The body without metadata, sealed; only read for one application.
    #[serde(skip)]
    pub sealed_body: Option<Vec<u8>>,
}

/// Which callbacks of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Callbacks<'a> {
    /// `PENDING`, `DELIVERED` or `PARKED`.
    pub state: Option<&'a str>,
    /// Of this LSP only.
    pub org_id: Option<&'a str>,
    /// Answers to this request only.
    pub request_id: Option<&'a str>,
    /// Older than this one.
    pub before: Option<Uuid>,
}

/// Callbacks, newest first.
///
/// # Errors
/// When the database fails.
pub async fn callbacks(
    conn: &mut PgConnection,
    which: Callbacks<'_>,
    limit: i64,
) -> Result<Vec<CallbackRow>, sqlx::Error> {
    sqlx::query_as!(
        CallbackRow,
        r#"select
            callback_id, org_id, exchange_id, operation, request_id, path, trace_id,
            lower(state) as "state!",
            attempts, due_at, delivered_at, parked_reason, created_at,
            (select string_agg(fault, ', ') from sandbox.injected where subject_id = callback_id) as injected,
            null::bytea as sealed_body
        from callback
        where ($1::text is null or state = $1)
        and ($2::text is null or org_id = $2)
        and ($3::text is null or request_id = $3)
        and ($4::uuid is null or callback_id < $4)
        order by callback_id desc
        limit $5"#,
        which.state,
        which.org_id,
        which.request_id,
        which.before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Callbacks about an application, oldest first, with their bodies: answers to requests about it, and those that
/// nobody asked for in the stream of its bundle.
///
/// # Errors
/// When the database fails.
pub async fn callbacks_of(
    conn: &mut PgConnection,
    application: Uuid,
    limit: i64,
) -> Result<Vec<CallbackRow>, sqlx::Error> {
    sqlx::query_as!(
        CallbackRow,
        r#"select
            callback_id, org_id, exchange_id, operation, request_id, path, trace_id,
            lower(state) as "state!",
            attempts, due_at, delivered_at, parked_reason, created_at,
            (select string_agg(fault, ', ') from sandbox.injected where subject_id = callback_id) as injected,
            body as "sealed_body?"
        from callback
        where exchange_id in (select exchange_id from exchange_application where application_id = $1)
        or (
            exchange_id is null
            and stream_id = (select bundle_id from application where application_id = $1)
        )
        order by created_at, callback_id
        limit $2"#,
        application,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// A question to the lender's systems, without what was asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AskRow {
    /// Ours.
    pub ask_id: Uuid,
    /// Port.
    pub port: String,
    /// Method.
    pub method: String,
    /// `OPEN`, `SENDING`, `STUCK`, `REFERRED` or `CLOSED`.
    pub state: String,
    /// How often it was tried.
    pub tries: i32,
    /// The other system's reference.
    pub reference: Option<String>,
    /// Next try.
    pub due_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Option<String>,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Questions about an application, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn asks(conn: &mut PgConnection, application: Uuid, limit: i64) -> Result<Vec<AskRow>, sqlx::Error> {
    sqlx::query_as!(
        AskRow,
        "select ask_id, port, method, state, tries, reference, due_at, outcome, created_at, closed_at
        from ask
        where application_id = $1
        order by created_at, ask_id
        limit $2",
        application,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// A loan without its sealed state.
#[derive(Debug)]
pub struct LoanRow {
    /// The loan.
    pub loan_id: String,
    /// Ours.
    pub application_id: Uuid,
    /// The LSP's id of the application.
    pub loan_application_id: String,
    /// Whose.
    pub org_id: String,
    /// Counts changes.
    pub revision: i64,
    /// Where it stands.
    pub status: String,
    /// Since when the borrower's loans are non-performing.
    pub borrower_npa_since: Option<NaiveDate>,
    /// When it was granted.
    pub created_at: DateTime<Utc>,
    /// The whole loan, sealed.
    pub sealed_state: Vec<u8>,
}

/// One loan.
///
/// # Errors
/// When the database fails.
pub async fn loan(conn: &mut PgConnection, loan_id: &str) -> Result<Option<LoanRow>, sqlx::Error> {
    sqlx::query_as!(
        LoanRow,
        r#"select
            loan_id, loan.application_id, loan_application_id, loan.org_id, loan.revision, loan.created_at,
            loan.status, borrower.npa_since as "borrower_npa_since?", loan.state as sealed_state
        from loan
        join application on application.application_id = loan.application_id
        join borrower on borrower.borrower_index = loan.borrower_index
        where loan_id = $1"#,
        loan_id,
    )
    .fetch_optional(conn)
    .await
}

/// One try to pay a tranche.
#[derive(Debug)]
pub struct PayoutRow {
    /// Which tranche, counted from 1.
    pub tranche: i32,
    /// Counts final failures of it, from 1.
    pub attempt: i32,
    /// The LSP's payment id.
    pub payment_id: String,
    /// The same for the same try, for ever.
    pub bank_key: String,
    /// `RESERVED`, `SENDING`, `PAID` or `FAILED`.
    pub state: String,
    /// The bank's reference.
    pub utr: Option<String>,
    /// When the state was reached.
    pub updated_at: DateTime<Utc>,
}

/// Payouts of a loan, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn payouts(conn: &mut PgConnection, loan_id: &str) -> Result<Vec<PayoutRow>, sqlx::Error> {
    sqlx::query_as!(
        PayoutRow,
        "select tranche, attempt, payment_id, bank_key, state, utr, updated_at
        from payout
        where loan_id = $1
        order by tranche, attempt",
        loan_id,
    )
    .fetch_all(conn)
    .await
}

/// One posting with the journal that it stands in.
#[derive(Debug)]
pub struct PostingRow {
    /// The journal.
    pub journal_id: Uuid,
    /// What the journal is for.
    pub kind: String,
    /// What makes the journal unique.
    pub reference: String,
    /// The day on which it counts.
    pub value_date: NaiveDate,
    /// When it was written.
    pub posted_at: DateTime<Utc>,
    /// Which account.
    pub account: String,
    /// Paise; debit positive, credit negative.
    pub amount: i64,
}

/// The book of a loan, oldest journal first.
///
/// # Errors
/// When the database fails.
pub async fn postings(conn: &mut PgConnection, loan_id: &str, limit: i64) -> Result<Vec<PostingRow>, sqlx::Error> {
    sqlx::query_as!(
        PostingRow,
        "select journal.journal_id, kind, reference, value_date, posted_at, account, amount
        from journal
        join posting on posting.journal_id = journal.journal_id
        where loan_id = $1
        order by posted_at, journal.journal_id, line
        limit $2",
        loan_id,
        limit,
    )
    .fetch_all(conn)
    .await
}

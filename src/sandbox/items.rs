//! What the simulated systems remember: SQL on `sandbox.item`.
//!
//! It is in the database so that a bank does not forget a payment when our process is killed.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::domain::ids::ApplicationId;
use crate::domain::maths::money::Paise;

/// Which system remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The account aggregator, by consent handle.
    Consent,
    /// The mandate system, by plan.
    Mandate,
    /// The bank, by bank key.
    Payment,
    /// The collection system, by bank key: pages and debits.
    Collection,
    /// What was told ahead of being asked, by [`told_key`].
    Scenario,
}

impl Kind {
    /// The word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Consent => "CONSENT",
            Self::Mandate => "MANDATE",
            Self::Payment => "PAYMENT",
            Self::Collection => "COLLECTION",
            Self::Scenario => "SCENARIO",
        }
    }
}

/// One thing remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its key.
    pub key: String,
    /// Its state, in the words of its system.
    pub state: String,
    /// JSON of its system.
    pub detail: Option<String>,
}

impl Item {
    /// The detail as its system wrote it, or the default when it is missing or written otherwise.
    #[must_use]
    pub fn detail<T: DeserializeOwned + Default>(&self) -> T {
        self.detail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// What the account aggregator notes of a consent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsentDetail {
    /// Whether a sandbox call said what the borrower does: that comes before any scenario.
    pub told: bool,
}

/// What the identity check notes of a page where it waits for the borrower.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityDetail {
    /// Whose application it is.
    pub application: uuid::Uuid,
}

/// The key of an identity check's page, of kind [`Kind::Scenario`].
#[must_use]
pub fn identity_key(token: &str) -> String {
    format!("identity:{token}")
}

/// What the bank notes of a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PaymentDetail {
    /// The LSP's payment id.
    pub payment_id: String,
    /// The loan.
    pub loan_id: String,
    /// How often the order to pay arrived; the money moves once at most.
    pub received: u32,
    /// Unique transaction reference, once paid.
    pub utr: Option<String>,
    /// Value date, once paid.
    pub value_date: Option<chrono::NaiveDate>,
    /// Why not, once failed.
    pub code: Option<String>,
}

/// What the collection system notes of a page or debit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CollectionDetail {
    /// Made by the lender.
    pub payment_id: String,
    /// The loan.
    pub loan_id: String,
    /// How much.
    pub amount: Paise,
    /// The page.
    pub url: Option<String>,
    /// Unique transaction reference, once paid.
    pub utr: Option<String>,
    /// Value date, once paid.
    pub value_date: Option<chrono::NaiveDate>,
    /// Why not, once failed.
    pub code: Option<String>,
}

impl Item {
    /// A page or debit.
    #[must_use]
    pub fn collection(key: &str, state: &str, detail: &CollectionDetail) -> Self {
        Self { key: key.to_owned(), state: state.to_owned(), detail: serde_json::to_string(detail).ok() }
    }
}

/// Where it waits that the next debit of a plan's mandate is to bounce.
#[must_use]
pub fn bounce_key(plan: &str) -> String {
    format!("bounce:{plan}")
}

/// Where an outcome waits that was told before the payment arrived.
#[must_use]
pub fn told_key(loan_id: &str, payment_id: &str) -> String {
    format!("payment:{loan_id}:{payment_id}")
}

/// One item.
///
/// # Errors
/// What the database reports.
pub async fn find(conn: &mut PgConnection, kind: Kind, key: &str) -> sqlx::Result<Option<Item>> {
    sqlx::query_as!(
        Item,
        "select key, state, detail
        from sandbox.item
        where kind = $1
        and key = $2",
        kind.name(),
        key,
    )
    .fetch_optional(conn)
    .await
}

/// One item, locked until the transaction ends.
///
/// # Errors
/// What the database reports.
pub async fn lock(conn: &mut PgConnection, kind: Kind, key: &str) -> sqlx::Result<Option<Item>> {
    sqlx::query_as!(
        Item,
        "select key, state, detail
        from sandbox.item
        where kind = $1
        and key = $2
        for update",
        kind.name(),
        key,
    )
    .fetch_optional(conn)
    .await
}

/// Writes an item unless there is one; says whether it was written. Of two at once, one gets the yes.
///
/// # Errors
/// What the database reports.
pub async fn insert(conn: &mut PgConnection, kind: Kind, item: &Item, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let written = sqlx::query!(
        "insert into sandbox.item (kind, key, state, detail, updated_at)
        values ($1, $2, $3, $4, $5)
        on conflict (kind, key) do nothing",
        kind.name(),
        item.key,
        item.state,
        item.detail,
        now,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Writes an item over whatever was there.
///
/// # Errors
/// What the database reports.
pub async fn put(conn: &mut PgConnection, kind: Kind, item: &Item, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sandbox.item (kind, key, state, detail, updated_at)
        values ($1, $2, $3, $4, $5)
        on conflict (kind, key) do update
        set state = excluded.state, detail = excluded.detail, updated_at = excluded.updated_at",
        kind.name(),
        item.key,
        item.state,
        item.detail,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The last payment that the bank got under an LSP's payment id, locked; attempts have keys of their own.
///
/// # Errors
/// What the database reports.
pub async fn lock_payment(
    conn: &mut PgConnection,
    payment_id: &str,
    loan_id: Option<&str>,
) -> sqlx::Result<Option<Item>> {
    sqlx::query_as!(
        Item,
        "select key, state, detail
        from sandbox.item
        where kind = 'PAYMENT'
        and detail::jsonb ->> 'paymentId' = $1
        and ($2::text is null or detail::jsonb ->> 'loanId' = $2)
        order by updated_at desc, key desc
        limit 1
        for update",
        payment_id,
        loan_id,
    )
    .fetch_optional(conn)
    .await
}

/// The last page or debit under a payment id of the lender's, locked.
///
/// # Errors
/// What the database reports.
pub async fn lock_collection(conn: &mut PgConnection, payment_id: &str) -> sqlx::Result<Option<Item>> {
    sqlx::query_as!(
        Item,
        "select key, state, detail
        from sandbox.item
        where kind = 'COLLECTION'
        and detail::jsonb ->> 'paymentId' = $1
        order by updated_at desc, key desc
        limit 1
        for update",
        payment_id,
    )
    .fetch_optional(conn)
    .await
}

/// The payment or mandate whose page has an address.
///
/// # Errors
/// What the database reports.
pub async fn find_page(conn: &mut PgConnection, kind: Kind, url: &str) -> sqlx::Result<Option<Item>> {
    sqlx::query_as!(
        Item,
        "select key, state, detail
        from sandbox.item
        where kind = $1
        and coalesce(detail::jsonb ->> 'url', detail::jsonb ->> 'paymentUrl') = $2",
        kind.name(),
        url,
    )
    .fetch_optional(conn)
    .await
}

/// The applications behind an id that an LSP knows: a plan, a payment, an OTP session, a consent handle. The sandbox
/// is told ids without saying whose they are, so all LSPs' count.
///
/// # Errors
/// What the database reports.
pub async fn applications_of(conn: &mut PgConnection, kind: &str, value: &str) -> sqlx::Result<Vec<ApplicationId>> {
    let ids = sqlx::query_scalar!(
        "select application_id
        from reference
        where kind = $1
        and value = $2
        order by application_id",
        kind,
        value,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ApplicationId).collect())
}

/// Lets one transaction at a time deal with a key that may have no row yet to lock.
///
/// # Errors
/// What the database reports.
pub async fn take_turn(conn: &mut PgConnection, key: &str) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", key).execute(conn).await?;
    Ok(())
}

/// Takes an item away and returns it.
///
/// # Errors
/// What the database reports.
pub async fn take(conn: &mut PgConnection, kind: Kind, key: &str) -> sqlx::Result<Option<Item>> {
    sqlx::query_as!(
        Item,
        "delete from sandbox.item
        where kind = $1
        and key = $2
        returning key, state, detail",
        kind.name(),
        key,
    )
    .fetch_optional(conn)
    .await
}

/// The LSP's id of an application.
///
/// # Errors
/// What the database reports.
pub async fn name_of(conn: &mut PgConnection, application: ApplicationId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select loan_application_id from application where application_id = $1", application.0)
        .fetch_optional(conn)
        .await
}

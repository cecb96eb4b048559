//! Finds applications by any identifier that somebody has at hand: an id of the LSP's or ours, a PAN, a phone number.

use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;

/// Most LSPs whose ids are looked through; most ids are unique within one LSP only.
const LSPS: i64 = 1_000;
/// Most LSPs for which a request id is looked up under each operation; for the others only answered requests are found.
const KEYED: i64 = 100;
/// Newest requests and callbacks among which a trace id is looked for. There is no index for it, because every request
/// would pay for that.
const TRACED: i64 = 50_000;

/// What is sought.
#[derive(Debug)]
pub struct Sought<'a> {
    /// As somebody typed it.
    pub text: &'a str,
    /// The same, where it is an id of ours: an application, a bundle, a message.
    pub id: Option<Uuid>,
    /// Blind indexes of it, as a borrower's identity.
    pub borrowers: &'a [Vec<u8>],
    /// Blind index of it as a phone number, in hex.
    pub phone: Option<&'a str>,
    /// Operations that a request id may belong to.
    pub operations: &'a [String],
    /// Of this LSP only.
    pub org_id: Option<&'a str>,
}

/// The applications found, newest first.
///
/// # Errors
/// When the database fails.
#[expect(clippy::too_many_lines, reason = "one statement")]
pub async fn applications(conn: &mut PgConnection, sought: &Sought<'_>, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        // Each part is a look into an index: application_loan_application_id_key, the keys of application, loan,
        // reference, inbox and callback, application_bundle_idx, callback_request_idx, application_borrower_idx.
        r#"
        with lsps as (
            select org_id, row_number() over (order by org_id) as place
            from lsp
            where ($1::text is null or org_id = $1)
            order by org_id
            limit $8
        ), exchanges as (
            select answered.exchange_id
            from lsps
            cross join lateral (
                select exchange_id
                from callback
                where callback.org_id = lsps.org_id
                and callback.request_id = $2
                limit $7
            ) answered
            union
            select keyed.exchange_id
            from lsps
            cross join unnest($6::text[]) as known (operation)
            cross join lateral (
                select exchange_id
                from inbox
                where inbox.org_id = lsps.org_id
                and inbox.operation = known.operation
                and inbox.request_id = $2
            ) keyed
            where lsps.place <= $9
            union
            select exchange_id
            from (
                select exchange_id, trace_id, w3c_trace_id
                from exchange
                order by exchange_id desc
                limit $10
            ) newest
            where trace_id = $2
            or w3c_trace_id = $3
            union
            select exchange_id
            from (
                select exchange_id, trace_id
                from callback
                order by callback_id desc
                limit $10
            ) newest
            where trace_id = $2
            union
            select $3::uuid
            union
            select exchange_id
            from callback
            where callback_id = $3
        ), found as (
            select filed.application_id
            from lsps
            cross join lateral (
                select application_id
                from application
                where application.org_id = lsps.org_id
                and loan_application_id = $2
            ) filed
            union
            select application_id
            from application
            where application_id = $3
            union
            select application_id
            from application
            where bundle_id = $3
            union
            select application_id
            from loan
            where loan_id = $2
            union
            select named.application_id
            from lsps
            cross join unnest(array['CONSENT', 'AGGREGATION', 'PLAN', 'LOAN', 'PAYMENT', 'REPAYMENT', 'ASKED_REPAYMENT',
                'DISPUTE'])
                as known (kind)
            cross join lateral (
                select application_id
                from reference
                where reference.org_id = lsps.org_id
                and reference.kind = known.kind
                and reference.value = $2
                limit $7
            ) named
            union
            select called.application_id
            from lsps
            cross join lateral (
                select application_id
                from reference
                where reference.org_id = lsps.org_id
                and reference.kind = 'PHONE'
                and reference.value = $5
                order by application_id desc
                limit $7
            ) called
            union
            select borrowed.application_id
            from unnest($4::bytea[]) as borrower (index)
            cross join lateral (
                select application_id
                from application
                where borrower_index = borrower.index
                order by application_id desc
                limit $7
            ) borrowed
            union
            select application_id
            from exchange_application
            where exchange_id in (select exchange_id from exchanges)
        )
        select application_id as "application_id!"
        from found
        join application using (application_id)
        where ($1::text is null or org_id = $1)
        order by application_id desc
        limit $7
        "#,
        sought.org_id,
        sought.text,
        sought.id,
        sought.borrowers,
        sought.phone,
        sought.operations,
        limit,
        LSPS,
        KEYED,
        TRACED,
    )
    .fetch_all(conn)
    .await?)
}

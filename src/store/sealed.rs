//! Every sealed column, so that values can be sealed anew with another data key.
//!
//! A value names its data key in its bytes 2 to 5, so that what is left to do is seen from the values themselves: work
//! that was cut off goes on where it stopped, and nothing else must be remembered.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::StoreError;
use crate::seal::Sealer;

/// One sealed column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The table, partitioned or not.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// SQL for the context that its values were sealed for.
    context: &'static str,
    /// Whether its rows count their writes in `revision`, which tells who read one without a lock that it has moved.
    counts: bool,
}

const fn column(table: &'static str, column: &'static str, context: &'static str) -> Column {
    Column { table, column, context, counts: false }
}

impl Column {
    const fn counted(self) -> Self {
        Self { counts: true, ..self }
    }
}

/// All of them. Whoever adds a sealed column adds it here; a test compares this list with the schema.
pub const COLUMNS: [Column; 18] = [
    column("application", "state", "'application:' || replace(application_id::text, '-', '')").counted(),
    column("message", "body", "'message:' || replace(exchange_id::text, '-', '')"),
    column("exchange_answer", "answer", "'answer:' || replace(exchange_id::text, '-', '') || ':' || slot"),
    column("ask", "detail", "'ask:' || replace(ask_id::text, '-', '')"),
    column("callback", "body", "'callback:' || callback_id"),
    column("attempt", "answer", "'attempt:' || callback_id || ':' || attempt"),
    column("loan", "state", "'loan:' || loan_id").counted(),
    column("loan_fact", "fact", "'fact:' || loan_id"),
    column("repayment", "payment", "'repayment:' || payment_id"),
    column("dispute", "dispute", "'dispute:' || dispute_id"),
    column("operator_act", "act", "'act:' || replace(act_id::text, '-', '')"),
    column("borrower_page", "body", "'borrower_page:' || reference"),
    column("referral", "reasons", "'referral:' || replace(referral_id::text, '-', '') || ':reasons'"),
    column("referral", "proposal", "'referral:' || replace(referral_id::text, '-', '') || ':proposal'"),
    column("referral_act", "proposal", "'referral:' || replace(referral_id::text, '-', '') || ':proposal'"),
    column("legal_hold", "reason", "'hold:' || replace(application_id::text, '-', '')"),
    column("sandbox.inbox", "body", "'sandbox.inbox'"),
    column("sandbox.refusal", "detail", "'sandbox.refusal'"),
];

/// What one batch did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Values sealed anew.
    pub resealed: usize,
    /// Where the next batch begins; nothing when the table's end was reached.
    pub next: Option<String>,
}

/// Where the first batch of a table begins.
pub const BEGINNING: &str = "(0,0)";

/// The tables that in fact hold a column's values: the partitions of a partitioned one.
///
/// # Errors
/// When the database fails.
pub async fn leaves(conn: &mut PgConnection, column: Column) -> Result<Vec<String>, StoreError> {
    let leaves = sqlx::query_scalar!(
        r#"
        select format('%I.%I', nspname, relname) as "name!"
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where relkind = 'r'
        and (pg_class.oid = to_regclass($1) or pg_class.oid in (select inhrelid from pg_inherits where inhparent = to_regclass($1)))
        order by 1
        "#,
        column.table,
    )
    .fetch_all(conn)
    .await?;
    Ok(leaves)
}

/// Values of a column that other data keys than `key` sealed.
fn others(column: Column) -> String {
    let Column { column, .. } = column;
    format!(
        "octet_length({column}) > 9 and get_byte({column}, 0) <> 0 \
         and substring({column} from 2 for 4) <> int4send($1)"
    )
}

/// Seals up to `limit` values of one leaf table anew, from a place on, in the caller's transaction. Rows that others
/// have locked are left for the next pass, so that nobody waits for long.
///
/// # Errors
/// When the database fails or a value does not open.
#[expect(
    clippy::disallowed_methods,
    reason = "the names come from a constant and the catalogue; one statement for all"
)]
pub async fn reseal(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (column, leaf): (Column, &str),
    from: &str,
    limit: i64,
) -> Result<Batch, StoreError> {
    let Column { column: name, context, counts, .. } = column;
    let count = if counts { ", revision = revision + 1" } else { "" };
    let key = sealer.active_key_id().unwrap_or_default();
    // Read in the order of places, from the place given: no scan that begins where another one is.
    sqlx::query!(
        r#"
        select
            set_config('ocen_lender.keeping', 'on', true) as keeping,
            set_config('enable_seqscan', 'off', true) as scans
        "#
    )
    .fetch_one(&mut *conn)
    .await?;
    let find = format!(
        "select ctid::text as place, {context} as context, {name} as value from {leaf} \
         where ctid > $3::text::tid and {} limit $2 for update skip locked",
        others(column)
    );
    let rows = sqlx::query(AssertSqlSafe(find)).bind(key).bind(limit).bind(from).fetch_all(&mut *conn).await?;
    let mut places: Vec<String> = Vec::with_capacity(rows.len());
    let mut values: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
    for row in &rows {
        let context: String = row.try_get("context")?;
        let sealed: Vec<u8> = row.try_get("value")?;
        values.push(sealer.seal(&context, &sealer.open(&context, &sealed)?)?);
        places.push(row.try_get("place")?);
    }
    let put = format!(
        "update {leaf} set {name} = fresh.value{count} from unnest($1::text[], $2::bytea[]) as fresh (place, value) \
         where {leaf}.ctid = fresh.place::tid"
    );
    let updated = sqlx::query(AssertSqlSafe(put)).bind(&places).bind(&values).execute(conn).await?;
    super::one_row(u64::from(updated.rows_affected() == places.len() as u64), "a sealed column")?;
    let full = i64::try_from(places.len()).unwrap_or(limit) >= limit;
    Ok(Batch { resealed: places.len(), next: places.pop().filter(|_| full) })
}

/// How many values of a leaf table a data key still opens.
///
/// # Errors
/// When the database fails.
#[expect(
    clippy::disallowed_methods,
    reason = "the names come from a constant and the catalogue; one statement for all"
)]
pub async fn count(conn: &mut PgConnection, (column, leaf): (Column, &str), key: i32) -> Result<i64, StoreError> {
    let Column { column: name, .. } = column;
    let count = format!(
        "select count(*) from {leaf} \
         where octet_length({name}) > 9 and get_byte({name}, 0) <> 0 and substring({name} from 2 for 4) = int4send($1)"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(count)).bind(key).fetch_one(conn).await?)
}

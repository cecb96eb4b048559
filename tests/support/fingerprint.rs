//! What a database holds, in a form that shows at a glance whether anything changed.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use super::server::Server;

/// Every table with its number of rows and a hash of them.
pub type Fingerprint = BTreeMap<String, String>;

/// The fingerprint of everything, taken when all that was under way has come to rest.
pub async fn all(server: &Server) -> Fingerprint {
    at_rest(server).await;
    let mut conn = server.app.pool.acquire().await.unwrap();
    now(&mut conn).await
}

/// The fingerprint of everything as it stands.
pub async fn now(conn: &mut PgConnection) -> Fingerprint {
    let mut found = Fingerprint::new();
    for table in tables(conn).await.into_iter().filter(|table| !follows(table)) {
        let print = of(conn, &table).await;
        found.insert(table, print);
    }
    found
}

/// Whether a table follows in its own time: the feed of the book to the general ledger, the counts of traffic, and the
/// sandbox's list of what was refused.
fn follows(table: &str) -> bool {
    table.starts_with("ledger_") || ["sandbox.gl_entry", "sandbox.refusal", "traffic"].contains(&table)
}

/// The fingerprint of where applications and loans stand, without the messages about them.
pub async fn state(server: &Server) -> Fingerprint {
    let mut found = all(server).await;
    let kept = ["application", "event", "reference", "exposure", "loan", "lien", "payout", "journal", "posting"];
    found.retain(|table, _| kept.contains(&table.as_str()));
    found
}

/// Waits until no callback is to be sent and no question is due.
pub async fn at_rest(server: &Server) {
    let pool = &server.app.pool;
    server
        .until("all work is done", || async {
            let busy = "select exists(select from callback where state = 'PENDING')
                or exists(select from ask where state in ('OPEN', 'SENDING') and due_at < now() + interval '5 seconds')";
            !pool.fetch_one(busy).await.unwrap().get::<bool, _>(0)
        })
        .await;
}

/// All tables but the list of migrations; of a partitioned one only the whole.
pub async fn tables(conn: &mut PgConnection) -> Vec<String> {
    let sql = "select pg_class.oid::regclass::text
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where nspname in ('public', 'sandbox')
        and relkind in ('r', 'p')
        and not relispartition
        and relname <> '_sqlx_migrations'
        order by 1";
    conn.fetch_all(sql).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn of(conn: &mut PgConnection, table: &str) -> String {
    let sql = format!(
        "select count(*) || ' rows ' || md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) from {table} t"
    );
    conn.fetch_one(AssertSqlSafe(sql)).await.unwrap().get(0)
}

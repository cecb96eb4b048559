//! A migrated database for each test, copied from one template on the throw-away cluster.

use ocen_lender::sandbox::cluster::{Cluster, Durability};
use ocen_lender::store::schema::MIGRATOR;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

/// Guards the making of the template; any number that nothing else uses.
const TEMPLATE_LOCK: i64 = 7_001_200_340;

static CLUSTER: OnceCell<String> = OnceCell::const_new();

/// The throw-away cluster: the one that `make test` started, else one of our own that the next run adopts.
async fn cluster() -> &'static str {
    CLUSTER
        .get_or_init(|| async {
            if let Ok(url) = std::env::var("OCEN_TEST_DATABASE_URL") {
                return url;
            }
            let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-cluster");
            let cluster = Cluster::adopt_or_start(&dir, Durability::ThrowAway).await.unwrap();
            let url = cluster.database_url().to_owned();
            std::mem::forget(cluster);
            url
        })
        .await
}

fn named(url: &str, database: &str) -> String {
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = before.rsplit_once('/').unwrap();
    if query.is_empty() { format!("{server}/{database}") } else { format!("{server}/{database}?{query}") }
}

fn template_name() -> String {
    let sum = MIGRATOR
        .iter()
        .flat_map(|m| m.checksum.iter())
        .fold(7_u64, |sum, byte| sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(*byte)));
    format!("ocen_template_{sum:016x}")
}

/// A fresh database with all migrations; gives its URL.
pub async fn fresh() -> String {
    let url = cluster().await;
    let mut conn = PgConnection::connect(url).await.unwrap();
    let template = template_name();
    conn.execute(AssertSqlSafe(format!("select pg_advisory_lock({TEMPLATE_LOCK})"))).await.unwrap();
    let made = conn
        .fetch_optional(AssertSqlSafe(format!("select from pg_database where datname = '{template}'")))
        .await
        .unwrap()
        .is_some();
    if !made {
        let raw = format!("{template}_raw");
        conn.execute(AssertSqlSafe(format!("drop database if exists {raw}"))).await.unwrap();
        conn.execute(AssertSqlSafe(format!("create database {raw}"))).await.unwrap();
        let mut migrating = PgConnection::connect(&named(url, &raw)).await.unwrap();
        MIGRATOR.run(&mut migrating).await.unwrap();
        migrating.close().await.unwrap();
        conn.execute(AssertSqlSafe(format!("alter database {raw} rename to {template}"))).await.unwrap();
    }
    conn.execute(AssertSqlSafe(format!("select pg_advisory_unlock({TEMPLATE_LOCK})"))).await.unwrap();
    let name = format!("t_{}", ocen_lender::clock::Ids.uuid().simple());
    conn.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await.unwrap();
    conn.close().await.unwrap();
    named(url, &name)
}

/// A database with nothing in it; gives its URL.
pub async fn empty() -> String {
    let url = cluster().await;
    let mut conn = PgConnection::connect(url).await.unwrap();
    let name = format!("t_{}", ocen_lender::clock::Ids.uuid().simple());
    conn.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    conn.close().await.unwrap();
    named(url, &name)
}

/// A copy of a database that nobody is connected to any more; gives its URL.
pub async fn copy(of: &str) -> String {
    let url = cluster().await;
    let mut conn = PgConnection::connect(url).await.unwrap();
    let (_, original) = of.split_once('?').unwrap_or((of, "")).0.rsplit_once('/').unwrap();
    // A test's own server may still be letting go of it.
    let end = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{original}' and pid <> pg_backend_pid()"
    );
    let name = format!("t_{}", ocen_lender::clock::Ids.uuid().simple());
    let make = format!("create database {name} template {original}");
    loop {
        conn.execute(AssertSqlSafe(end.clone())).await.unwrap();
        if conn.execute(AssertSqlSafe(make.clone())).await.is_ok() {
            break;
        }
    }
    conn.close().await.unwrap();
    named(url, &name)
}

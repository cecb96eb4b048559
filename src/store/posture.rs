//! How the database is set up, as far as promises depend on it.

use sqlx::PgConnection;

/// Settings and state of the server and of our connection to it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a finding of its own")]
pub struct Posture {
    /// `synchronous_commit` as a new session gets it; ours sets it itself.
    pub synchronous_commit: String,
    /// `synchronous_standby_names`.
    pub synchronous_standby_names: String,
    /// `fsync`.
    pub fsync: String,
    /// `full_page_writes`.
    pub full_page_writes: String,
    /// `wal_level`.
    pub wal_level: String,
    /// `data_checksums`.
    pub data_checksums: String,
    /// `default_toast_compression`.
    pub toast_compression: String,
    /// `log_statement`.
    pub log_statement: String,
    /// `max_connections` without those that are kept for superusers.
    pub connections: i32,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// Standbys that follow it now.
    pub standbys: i64,
    /// Whether our role may do everything.
    pub superuser: bool,
    /// Whether our connection is encrypted.
    pub encrypted: bool,
    /// Whether our connection stays on the machine.
    pub local: bool,
}

/// Asks the server.
///
/// # Errors
/// When the database fails.
pub async fn read(conn: &mut PgConnection) -> Result<Posture, sqlx::Error> {
    sqlx::query_as!(
        Posture,
        r#"
        select
            current_setting('synchronous_commit') as "synchronous_commit!",
            current_setting('synchronous_standby_names') as "synchronous_standby_names!",
            current_setting('fsync') as "fsync!",
            current_setting('full_page_writes') as "full_page_writes!",
            current_setting('wal_level') as "wal_level!",
            current_setting('data_checksums') as "data_checksums!",
            current_setting('default_toast_compression') as "toast_compression!",
            current_setting('log_statement') as "log_statement!",
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                as "connections!",
            pg_is_in_recovery() as "in_recovery!",
            (select count(*) from pg_stat_replication) as "standbys!",
            coalesce((select rolsuper from pg_roles where rolname = current_user), false) as "superuser!",
            coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as "encrypted!",
            coalesce(inet_client_addr() <<= '127.0.0.0/8' or inet_client_addr() = '::1', true) as "local!"
        "#,
    )
    .fetch_one(conn)
    .await
}

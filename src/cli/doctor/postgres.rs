//! The database: whether what it has accepted stays, who may do what in it, and whether it has room.

use secrecy::ExposeSecret as _;
use sqlx::PgConnection;

use super::report::Finding;
use crate::config::Config;
use crate::store::posture::{self, Posture};

pub(super) async fn check(conn: &mut PgConnection, config: &Config, replicas: u32) -> Vec<Finding> {
    let posture = match posture::read(conn).await {
        Ok(posture) => posture,
        Err(error) => return vec![Finding::bad("database", error)],
    };
    let url = config.database.url.as_ref().map_or("", |url| url.expose_secret());
    let mut found = durability(&posture);
    found.push(standbys(&posture));
    found.push(room(&posture, config.database.max_connections, replicas));
    found.extend(access(&posture, url));
    found.extend(storage(&posture));
    found
}

/// "Accepted means durable" stands on these.
fn durability(posture: &Posture) -> Vec<Finding> {
    let why = "an ack is sent after the commit: what it said must survive a crash";
    let mut found = Vec::new();
    if posture.in_recovery {
        found.push(Finding::bad("database", "is a standby, which takes no writes").because(
            "every request is refused",
            "connect to the primary, or through what knows it (HAProxy, target_session_attrs)",
        ));
    }
    for (what, value) in [("fsync", &posture.fsync), ("full_page_writes", &posture.full_page_writes)] {
        found.push(if value == "on" {
            Finding::good(what, value)
        } else {
            Finding::bad(what, value).because(why, "turn it on and restore from a backup if the server ever crashed")
        });
    }
    // Our own connections turn it on whatever stands here; other tools' do not.
    found.push(match posture.synchronous_commit.as_str() {
        "on" | "remote_apply" => Finding::good("sync. commit", &posture.synchronous_commit),
        other => Finding::warn("sync. commit", other)
            .because("commits of other tools may be lost; this server's own are always `on`", "set it to on"),
    });
    found
}

fn standbys(posture: &Posture) -> Finding {
    let what = "standbys";
    let fix = "run Patroni with synchronous_mode: true, or set synchronous_standby_names = 'ANY 1 (*)'";
    match (posture.synchronous_standby_names.as_str(), posture.standbys) {
        ("", 0) => Finding::warn(what, "there are none").because("the data is as safe as one disk", fix),
        ("", count) => Finding::bad(what, format!("{count}, none of them synchronous"))
            .because("a failover loses what was acknowledged last: loans, payouts, callbacks", fix),
        (names, 0) => Finding::bad(what, format!("none follows, and commits wait for {names}"))
            .because("every request times out", "bring a standby back, or let Patroni take the name out"),
        (names, count) => Finding::good(what, format!("{count}, commits wait for {names}")),
    }
}

fn room(posture: &Posture, pool: u32, replicas: u32) -> Finding {
    // One more each for the listener of the outbox, and a few for operators and backups.
    let needed = i64::from(pool + 1) * i64::from(replicas) + 5;
    let detail = format!("{} for {replicas} processes that need {needed}", posture.connections);
    if i64::from(posture.connections) >= needed {
        return Finding::good("connections", detail);
    }
    Finding::bad("connections", detail)
        .because("requests are answered 503 when none is left", "raise max_connections, or lower maxConnections")
}

fn access(posture: &Posture, url: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    found.push(if posture.superuser {
        Finding::bad("role", "is a superuser").because(
            "a mistake or an intruder can switch off every guard of the schema, and read the server's files",
            "give the server a role of its own that owns or may use its tables only",
        )
    } else {
        Finding::good("role", "is no superuser")
    });
    found.push(match (posture.encrypted, posture.local) {
        (true, _) if url.contains("sslmode=verify-full") => Finding::good("database TLS", "verified"),
        (true, _) => Finding::warn("database TLS", "encrypted, and the server's name is not verified").because(
            "who stands between can pose as the database",
            "add sslmode=verify-full&sslrootcert=FILE to DATABASE_URL",
        ),
        (false, true) => Finding::good("database TLS", "none, and the connection stays on this machine"),
        (false, false) => Finding::bad("database TLS", "the connection is in the clear")
            .because("the role's scram exchange and every row can be read", "add sslmode=verify-full to DATABASE_URL"),
    });
    if posture.log_statement == "all" || posture.log_statement == "mod" {
        found.push(Finding::warn("log_statement", &posture.log_statement).because(
            "the database's log grows with every write, and holds ids of applications and loans",
            "set it to ddl or none",
        ));
    }
    found
}

fn storage(posture: &Posture) -> Vec<Finding> {
    let mut found = Vec::new();
    found.push(if posture.data_checksums == "on" {
        Finding::good("checksums", "on")
    } else {
        Finding::warn("checksums", "off")
            .because("a disk that lies is noticed late", "pg_checksums --enable while the server is stopped")
    });
    if posture.wal_level == "minimal" {
        found.push(
            Finding::bad("wal_level", "minimal")
                .because("neither a standby nor a backup to a point in time is possible", "set it to replica"),
        );
    }
    if posture.toast_compression != "lz4" {
        found.push(Finding::warn("toast", &posture.toast_compression).because(
            "pglz costs several times the processor time of lz4",
            "set default_toast_compression = lz4 where the server was built with it",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::report::Level;
    use super::*;

    fn sound() -> Posture {
        let text = str::to_owned;
        Posture {
            synchronous_commit: text("on"),
            synchronous_standby_names: text("ANY 1 (*)"),
            fsync: text("on"),
            full_page_writes: text("on"),
            wal_level: text("replica"),
            data_checksums: text("on"),
            toast_compression: text("lz4"),
            log_statement: text("none"),
            connections: 97,
            in_recovery: false,
            standbys: 2,
            superuser: false,
            encrypted: true,
            local: false,
        }
    }

    fn level(findings: &[Finding], what: &str) -> Level {
        findings.iter().find(|finding| finding.what == what).unwrap().level
    }

    #[test]
    fn a_database_that_may_forget_is_bad() {
        let off = Posture { fsync: "off".to_owned(), full_page_writes: "off".to_owned(), ..sound() };
        assert_eq!(level(&durability(&off), "fsync"), Level::Bad);
        assert_eq!(level(&durability(&off), "full_page_writes"), Level::Bad);
        assert!(durability(&sound()).iter().all(|finding| finding.level == Level::Good));
        let standbys_of = |names: &str, count| {
            standbys(&Posture { synchronous_standby_names: names.to_owned(), standbys: count, ..sound() }).level
        };
        assert_eq!(standbys_of("", 2), Level::Bad, "a cluster that does not wait for anybody");
        assert_eq!(standbys_of("*", 0), Level::Bad);
        assert_eq!((standbys_of("", 0), standbys_of("*", 1)), (Level::Warn, Level::Good));
    }

    #[test]
    fn every_process_needs_its_connections() {
        assert_eq!(room(&sound(), 12, 7).level, Level::Good);
        assert_eq!(room(&sound(), 12, 8).level, Level::Bad);
    }

    #[test]
    fn a_connection_over_the_network_is_encrypted_and_verified() {
        let tls = |posture: Posture, url: &str| level(&access(&posture, url), "database TLS");
        assert_eq!(tls(sound(), "postgres://db/x?sslmode=verify-full"), Level::Good);
        assert_eq!(tls(sound(), "postgres://db/x?sslmode=require"), Level::Warn);
        assert_eq!(tls(Posture { encrypted: false, ..sound() }, "postgres://db/x"), Level::Bad);
        assert_eq!(tls(Posture { encrypted: false, local: true, ..sound() }, "postgres:///x"), Level::Good);
        assert_eq!(level(&access(&Posture { superuser: true, ..sound() }, ""), "role"), Level::Bad);
    }
}

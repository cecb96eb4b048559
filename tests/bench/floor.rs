//! What the machine can do at best: one signature, one verification, one transaction (`performance.md` §2, §3).

use std::sync::Arc;
use std::time::{Duration, Instant};

use ocen_lender::clock::Ids;
use ocen_lender::jose::SigningKey;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use uuid::Uuid;

use crate::Outcome;
use crate::cpu::{self, Meter, Process};
use crate::database::Database;

/// Bytes that are signed: the size of a `createLoanApplicationsRequest`.
const MESSAGE: usize = 2_154;
/// Clients of the transaction.
const CLIENTS: usize = 8;

/// Microseconds of processor time.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// RS512 with a parsed RSA-2048 key.
    pub sign: f64,
    /// The same verified with a parsed key.
    pub verify: f64,
    /// Postgres' share of the transaction.
    pub transaction: f64,
}

/// Measures all three.
pub async fn measure(database: &Database, key: &Arc<SigningKey>, (rows, span): (usize, Duration)) -> Outcome<Floor> {
    let signing = Arc::clone(key);
    let (sign, verify) = tokio::task::spawn_blocking(move || crypto(&signing, span / 2)).await??;
    Ok(Floor { sign, verify, transaction: transaction(database, rows, span).await? })
}

fn crypto(key: &SigningKey, span: Duration) -> Outcome<(f64, f64)> {
    let message = vec![b'x'; MESSAGE];
    let signature = key.sign(&[&message])?;
    let sign = repeat(span, || key.sign(&[&message]).is_ok());
    let verify = repeat(span / 4, || key.verifying_key().verify(&[&message], &signature).is_ok());
    Ok((sign, verify))
}

/// Processor time of one call.
fn repeat(span: Duration, mut call: impl FnMut() -> bool) -> f64 {
    let (begun, before) = (Instant::now(), cpu::thread_us());
    let mut calls = 0_u32;
    while begun.elapsed() < span {
        calls += u32::from(call());
    }
    (cpu::thread_us() - before) / f64::from(calls.max(1))
}

/// Tables and work of the prototype's transaction: a message, an application that is inserted or updated about half
/// of the time each, an event and an outbox row, in one statement.
const TABLES: &str = "
    create schema floor;
    create table floor.inbound_message (
        participant text, request_id text, body text not null, sha256 bytea not null,
        received_at timestamptz not null default now(), primary key (participant, request_id));
    create table floor.loan_application (
        id uuid primary key, status text not null, data jsonb not null, version int not null default 1,
        updated_at timestamptz not null default now(),
        constraint loan_application_status check (status in ('CREATED', 'PROCESSING', 'OFFERED')))
        with (fillfactor = 70);
    create table floor.event (
        id bigint generated always as identity primary key, application uuid not null, data jsonb not null,
        at timestamptz not null default now());
    create index on floor.event (application);
    create table floor.outbox (
        id bigint generated always as identity primary key, application uuid not null, payload text not null,
        state int not null default 0, next_at timestamptz not null default now());
    create index on floor.outbox (next_at) where state = 0;";

const WORK: &str = "
    with message as (
        insert into floor.inbound_message (participant, request_id, body, sha256)
        values ($1, $2, $3, sha256($3::bytea))
        on conflict do nothing
        returning 1
    ), application as (
        insert into floor.loan_application (id, status, data)
        select $4, 'CREATED', $5 from message
        on conflict (id) do update
        set data = excluded.data, version = loan_application.version + 1, status = 'PROCESSING', updated_at = now()
        returning id
    ), event as (
        insert into floor.event (application, data)
        select id, '{\"kind\": \"created\", \"by\": \"floor\"}' from application
    )
    insert into floor.outbox (application, payload)
    select id, $6 from application";

/// Makes the tables; half of the ids that are drawn later are there already.
pub async fn prepare(database: &Database, rows: usize) -> Outcome<()> {
    let mut conn = database.connect().await?;
    conn.execute(TABLES).await?;
    let fill = format!(
        "insert into floor.loan_application (id, status, data)
        select
            (lpad(to_hex(number * {SCATTER} % 4294967296), 8, '0') || lpad(to_hex(number), 24, '0'))::uuid,
            'CREATED',
            '{}'
        from generate_series(1::bigint, {rows}) as number",
        application()
    );
    conn.execute(AssertSqlSafe(fill)).await?;
    conn.execute("analyze floor.loan_application").await?;
    Ok(())
}

/// Scatters ids over the index, as random ones are (Knuth's multiplier for 32 bits).
const SCATTER: u128 = 2_654_435_761;

/// The id of the application with a number.
fn id(number: u128) -> Uuid {
    Uuid::from_u128((number * SCATTER % (1 << 32)) << 96 | number)
}

fn application() -> Value {
    // About 1.7 kB of which some repeats, as in real applications.
    let parties: Vec<Value> = (0..9)
        .map(|n| {
            json!({"name": format!("Party {n}"), "primaryId": Ids.token(), "primaryIdType": "PAN",
            "contactDetails": [{"type": "PRIMARY", "phone": "9845012367", "email": "asha.v@example.in"}]})
        })
        .collect();
    json!({"borrower": parties, "terms": {"requestedAmount": "50000.00", "currency": "INR"}})
}

async fn transaction(database: &Database, rows: usize, span: Duration) -> Outcome<f64> {
    database.settle().await?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(PgConnection::connect(&database.url).await?);
    }
    let deadline = Instant::now() + span;
    let before = Meter::read(Process::ours(), database.postgres);
    let running: Vec<_> = clients.into_iter().map(|conn| tokio::spawn(client(conn, rows, deadline))).collect();
    let mut done = 0;
    for one in running {
        done += one.await??;
    }
    Ok(Meter::read(Process::ours(), database.postgres).since(before, f64::from(done)).postgres)
}

#[expect(clippy::disallowed_methods, reason = "these tables are not the project's, so `query!` does not know them")]
async fn client(mut conn: PgConnection, rows: usize, deadline: Instant) -> Outcome<u32> {
    let (body, data, payload) = ("b".repeat(MESSAGE / 2) + &Ids.token().repeat(32), application(), "p".repeat(526));
    let mut done = 0;
    while Instant::now() < deadline {
        let random = Ids.uuid();
        // Among twice as many as are there, so that about half are new.
        let drawn = random.as_u128() % (2 * rows as u128) + 1;
        sqlx::query(WORK)
            .bind("LSP")
            .bind(random.to_string())
            .bind(&body)
            .bind(id(drawn))
            .bind(Json(&data))
            .bind(&payload)
            .execute(&mut conn)
            .await?;
        done += 1;
    }
    conn.close().await?;
    Ok(done)
}

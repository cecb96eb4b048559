//! What is in the database before a measurement, brought there by COPY: offered applications, queued callbacks, and
//! with `--stored` a lender's years of traffic.

use std::fmt::Write as _;

use ocen_lender::clock::Ids;
use ocen_lender::domain::application::Application;
use ocen_lender::domain::ids::{ApplicationId, BundleId};
use ocen_lender::seal::{MasterKey, Sealer};
use ocen_lender::store::outbox::body_context;
use ocen_lender::store::{application, seal_key};
use sqlx::postgres::PgConnection;
use sqlx::{Executor as _, Row as _};
use uuid::Uuid;

use crate::Outcome;
use crate::database::Database;
use crate::messages::{self, ORG};

/// Bytes sent at a time.
const CHUNK: usize = 1 << 20;
/// Messages stored per application.
const MESSAGES: usize = 5;

/// One application that came all the way to its offers, and the callback that told of it.
pub struct Originals {
    sealer: Sealer,
    application: Application,
    callback: Vec<u8>,
}

impl Originals {
    /// Reads them, once the server has made them.
    pub async fn read(database: &Database, master: &MasterKey, loan_application_id: &str) -> Outcome<Self> {
        let mut conn = database.connect().await?;
        let sealer = Sealer::new(master, &seal_key::all(&mut conn).await?)?;
        let found = application::resolve(&mut conn, ORG, &[loan_application_id.to_owned()]).await?;
        let (_, id) = found.first().ok_or("the application is not there")?;
        let application =
            application::read(&mut conn, &sealer, &[*id]).await?.pop().ok_or("the application is not there")?;
        let row = conn.fetch_one("select callback_id, body from callback order by created_at limit 1").await?;
        let (callback_id, body): (Uuid, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        let callback = sealer.open(&body_context(callback_id), &body)?;
        Ok(Self { sealer, application, callback })
    }

    /// Stores copies of the application, in order of the LSP's ids that are returned.
    pub async fn offered(&self, database: &Database, count: usize) -> Outcome<Vec<String>> {
        let mut conn = database.connect().await?;
        let columns = "application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent, \
             monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, revision, created_at, updated_at";
        let mut copy = Copy::begin(&mut conn, &format!("application ({columns})")).await?;
        let mut names = Vec::with_capacity(count);
        for _ in 0..count {
            let (row, name) = self.row()?;
            copy.row(&row).await?;
            names.push(name);
        }
        copy.end().await?;
        Ok(names)
    }

    fn row(&self) -> Outcome<(String, String)> {
        let (id, bundle, name) = (ApplicationId(Ids.uuid()), BundleId(Ids.uuid()), messages::fresh("APP"));
        let of = &self.application;
        let mut form = of.form.clone();
        // Each borrower has one loan, as at a real lender, so that no two requests wait for one borrower's lock.
        form.borrower.primary_id.clone_from(&name);
        form.borrower.pan = None;
        let copy = Application { id, bundle, loan_application_id: name.clone(), form, ..of.clone() };
        let state = hex(&self.sealer.seal_json(&format!("application:{id}"), &copy)?);
        let (kind, value) = copy.form.borrower.identity();
        let borrower = hex(&self.sealer.blind_index(kind, value));
        let stage = copy.stage.name();
        let facets = "NONE\tNONE\tNONE\tNONE\tNONE\tNONE";
        let row = format!("{id}\t{ORG}\t{name}\t{}\t{borrower}\t{stage}\t{facets}\t{state}\t3\tnow\tnow\n", bundle.0);
        Ok((row, name))
    }

    /// Queues copies of the callback, each in a stream of its own, due at once.
    pub async fn callbacks(&self, database: &Database, count: usize) -> Outcome<()> {
        let mut conn = database.connect().await?;
        let ids: Vec<(Uuid, Uuid)> = (0..count).map(|_| (Ids.uuid(), Ids.uuid())).collect();
        let mut copy = Copy::begin(&mut conn, "stream (stream_id, org_id, pending, next_seq, due_at)").await?;
        for (stream, _) in &ids {
            copy.row(&format!("{stream}\t{ORG}\t1\t2\tyesterday\n")).await?;
        }
        copy.end().await?;
        let columns = "callback_id, stream_id, seq, org_id, operation, request_id, path, version, trace_id, body, \
             signed, protected_member, state, due_at, created_at";
        let mut copy = Copy::begin(&mut conn, &format!("callback ({columns})")).await?;
        let path = "/v3/loanApplication/createLoanApplicationsResponse";
        for (stream, id) in &ids {
            let body = hex(&self.sealer.seal(&body_context(*id), &self.callback)?);
            let row = format!(
                "{id}\t{stream}\t1\t{ORG}\tcreateLoanApplications\t{id}\t{path}\t1.0\t{}\t{body}\ttrue\tfalse\tPENDING\t\
                 yesterday\tyesterday\n",
                id.simple()
            );
            copy.row(&row).await?;
        }
        copy.end().await
    }

    /// Stores applications that wait at their offers, each with five requests as received, two callbacks delivered, a
    /// history, a timer, and an amount that counts against its borrower.
    pub async fn traffic(&self, database: &Database, applications: usize) -> Outcome<()> {
        let batch = 20_000;
        for begun in (0..applications).step_by(batch) {
            self.offered(database, batch.min(applications - begun)).await?;
        }
        let mut conn = database.connect().await?;
        conn.execute(
            "create table stored as
            select application_id, bundle_id, row_number() over () as number
            from application
            where not exists (select from stream where stream_id = bundle_id)",
        )
        .await?;
        self.bodies(&mut conn, applications * MESSAGES).await?;
        for sql in TRAFFIC {
            conn.execute(*sql).await?;
        }
        Ok(())
    }

    /// Messages as received; their seal does not open, and nobody opens them.
    async fn bodies(&self, conn: &mut PgConnection, count: usize) -> Outcome<()> {
        let sealed = self.sealer.seal("message", &self.callback)?;
        let body = hex(&sealed.repeat(2));
        conn.execute("create table stored_message (exchange_id uuid not null, number bigint not null)").await?;
        let mut ids = Vec::with_capacity(count);
        let mut copy = Copy::begin(conn, "message (exchange_id, received_at, body)").await?;
        for _ in 0..count {
            let id = Ids.uuid();
            copy.row(&format!("{id}\tyesterday\t{body}\n")).await?;
            ids.push(id);
        }
        copy.end().await?;
        let mut copy = Copy::begin(conn, "stored_message (exchange_id, number)").await?;
        for (number, id) in ids.iter().enumerate() {
            copy.row(&format!("{id}\t{}\n", number / MESSAGES + 1)).await?;
        }
        copy.end().await
    }
}

/// What belongs to the stored messages.
const TRAFFIC: &[&str] = &[
    "insert into inbox (org_id, operation, request_id, digest, exchange_id, created_at)
    select 'LSP-BENCH', 'createLoanApplications', exchange_id::text, sha256(exchange_id::text::bytea), exchange_id,
        now() - interval '1 day'
    from stored_message",
    "insert into exchange (
        exchange_id, org_id, operation, request_id, trace_id, version, signed, protected_member, stream_id, slots,
        pending, created_at, answered_at)
    select exchange_id, 'LSP-BENCH', 'createLoanApplications', exchange_id::text, exchange_id::text, '1.0', true, false,
        bundle_id, 1, 0, now() - interval '1 day', now() - interval '1 day'
    from stored_message join stored using (number)",
    "insert into exchange_application (application_id, exchange_id, slot)
    select application_id, exchange_id, 0
    from stored_message join stored using (number)",
    "insert into stream (stream_id, org_id, pending, next_seq, due_at)
    select bundle_id, 'LSP-BENCH', 0, 3, now() - interval '1 day' from stored",
    "insert into callback (
        callback_id, stream_id, seq, org_id, operation, request_id, path, version, trace_id, body, signed,
        protected_member, state, attempts, due_at, delivered_at, created_at)
    select gen_random_uuid(), bundle_id, seq, 'LSP-BENCH', 'createLoanApplications', application_id::text,
        '/v3/loanApplication/createLoanApplicationsResponse', '1.0', application_id::text,
        decode(repeat(md5(application_id::text), 50), 'hex'), true, false, 'DELIVERED', 1, now() - interval '1 day',
        now() - interval '1 day', now() - interval '1 day'
    from stored cross join generate_series(1, 2) as seq",
    "insert into event (application_id, revision, what, happened_at)
    select application_id, seq, 'filed', now() - interval '1 day'
    from stored cross join generate_series(1, 3) as seq",
    "insert into ask (ask_id, org_id, application_id, port, method, detail, state, due_at, created_at)
    select gen_random_uuid(), 'LSP-BENCH', application_id, 'timer', 'timer', sha256(application_id::text::bytea), 'OPEN',
        now() + interval '30 days', now()
    from stored",
    "insert into borrower (borrower_index, created_at)
    select borrower_index, now() - interval '1 day'
    from application join stored using (application_id)
    on conflict do nothing",
    "insert into exposure (application_id, borrower_index, amount, granted)
    select application_id, borrower_index, 5000000, true
    from application join stored using (application_id)",
    "drop table stored, stored_message",
];

/// A COPY under way.
struct Copy<'a> {
    copy: sqlx::postgres::PgCopyIn<&'a mut PgConnection>,
    buffer: String,
}

impl<'a> Copy<'a> {
    async fn begin(conn: &'a mut PgConnection, table: &str) -> Outcome<Self> {
        let sql = format!("copy {table} from stdin");
        Ok(Self { copy: conn.copy_in_raw(&sql).await?, buffer: String::with_capacity(2 * CHUNK) })
    }

    async fn row(&mut self, row: &str) -> Outcome<()> {
        self.buffer.push_str(row);
        if self.buffer.len() > CHUNK {
            self.copy.send(self.buffer.as_bytes()).await?;
            self.buffer.clear();
        }
        Ok(())
    }

    async fn end(mut self) -> Outcome<()> {
        self.copy.send(self.buffer.as_bytes()).await?;
        self.copy.finish().await?;
        Ok(())
    }
}

/// Bytes as COPY reads them.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len() + 3);
    text.push_str("\\\\x");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

//! What must be true afterwards, whatever happened (design §6): held against what was seen from outside, what the bank
//! remembers, and what the database holds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::lsp::{Arrival, Evidence, ORG_ID};
use super::scene::Scene;

/// How long everything may take to come to rest once nothing is broken any more: leases and backoff.
const REST: Duration = Duration::from_mins(10);

/// What is still under way; all numbers are zero when everything has come to rest.
const UNDER_WAY: &str = "select
    (select count(*) from callback where state = 'PENDING') as callbacks,
    (select count(*) from ask where state in ('OPEN', 'SENDING') and port <> 'timer') as asks,
    (select count(*) from exchange where pending > 0) as exchanges,
    (select count(*) from ledger_outbox) as journals";

/// Numbers that must be zero, with the promise that they break.
const MUST_BE_ZERO: &[(&str, &str)] = &[
    ("callbacks are parked or pending", "select count(*) from callback where state <> 'DELIVERED'"),
    ("streams count callbacks that are not there", "select count(*) from stream where pending <> 0"),
    ("asks are open or stuck", "select count(*) from ask where state <> 'CLOSED' and port <> 'timer'"),
    (
        "exchanges are unanswered",
        "select count(*) from exchange where pending <> 0 or answered_at is null and slots > 0",
    ),
    (
        "request ids were applied twice",
        "select count(*) - count(distinct (org_id, operation, request_id)) from exchange",
    ),
    ("keys have no exchange", "select count(*) from inbox where exchange_id not in (select exchange_id from exchange)"),
    ("applications did not end as they should", "select count(*) from application where stage <> 'GRANTED'"),
    ("loans did not end as they should", "select count(*) from loan where status <> 'CLOSED'"),
    ("paise stand in the ledger's sum", "select coalesce(abs(sum(amount)), 0)::bigint from posting"),
    (
        "journals are unbalanced",
        "select count(*) from (
        select journal_id from posting group by journal_id having sum(amount) <> 0) as unbalanced",
    ),
    ("journals are empty", "select count(*) from journal where journal_id not in (select journal_id from posting)"),
    (
        "loans are owed something by the book",
        "select count(*) from (
        select loan_id, account
        from posting
        join journal using (journal_id)
        where account in ('PRINCIPAL_RECEIVABLE', 'INTEREST_RECEIVABLE', 'FEE_RECEIVABLE', 'PENAL_RECEIVABLE',
            'BORROWER_EXCESS')
        group by loan_id, account
        having sum(amount) <> 0) as owing",
    ),
    ("payouts are neither paid nor failed", "select count(*) from payout where state not in ('PAID', 'FAILED')"),
    (
        "tranches were paid twice",
        "select count(*) from (
        select from payout where state = 'PAID' group by loan_id, tranche having count(*) > 1) as twice",
    ),
    (
        "loans were disbursed twice",
        "select count(*) from (
        select from journal where kind = 'DISBURSEMENT' group by loan_id having count(*) > 1) as twice",
    ),
];

/// Waits for rest and names every promise that was broken.
pub async fn judge(scene: &Scene, loans: &[String]) -> Vec<String> {
    let mut conn = PgConnection::connect(&scene.postgres.direct).await.unwrap();
    let mut broken = rest(&mut conn).await;
    for (what, sql) in MUST_BE_ZERO {
        match number(&mut conn, sql).await {
            0 => {}
            count => broken.push(format!("{count} {what}")),
        }
    }
    broken.extend(scene.bank.complaints());
    money(scene, &mut conn, loans, &mut broken).await;
    let exchanges = pairs(&mut conn, "select request_id, operation from exchange").await;
    let callbacks = callbacks(&mut conn).await;
    scene.lsp.evidence(|evidence| {
        broken.extend(evidence.complaints.iter().cloned());
        requests(evidence, &exchanges, &mut broken);
        answers(evidence, &callbacks, &mut broken);
        if !scene.out_of_order {
            order(evidence, &callbacks, &mut broken);
        }
    });
    broken
}

async fn rest(conn: &mut PgConnection) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let row = conn.fetch_one(UNDER_WAY).await.unwrap();
        let left: [i64; 4] = [row.get(0), row.get(1), row.get(2), row.get(3)];
        if left == [0; 4] {
            return Vec::new();
        }
        if begun.elapsed() > REST {
            return vec![format!("no rest: {left:?} callbacks, asks, exchanges, journals are under way")];
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn number(conn: &mut PgConnection, sql: &str) -> i64 {
    conn.fetch_one(AssertSqlSafe(sql.to_owned())).await.unwrap().get(0)
}

async fn pairs(conn: &mut PgConnection, sql: &str) -> Vec<(String, String)> {
    let rows = conn.fetch_all(AssertSqlSafe(sql.to_owned())).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// The bank's memory against payouts and book: the same money, once.
async fn money(scene: &Scene, conn: &mut PgConnection, loans: &[String], broken: &mut Vec<String>) {
    let paid = scene.bank.paid();
    let mut tranches: BTreeMap<(&str, Option<i64>), usize> = BTreeMap::new();
    for movement in paid.values() {
        *tranches.entry((&movement.loan_id, movement.tranche)).or_default() += 1;
    }
    for (tranche, times) in tranches.iter().filter(|(_, times)| **times > 1) {
        broken.push(format!("the bank paid {tranche:?} {times} times"));
    }
    for loan in loans.iter().filter(|loan| !tranches.contains_key(&(loan.as_str(), Some(1)))) {
        broken.push(format!("the bank never paid {loan}"));
    }
    let told: HashMap<String, String> =
        pairs(conn, "select bank_key, coalesce(utr, '') from payout where state = 'PAID'").await.into_iter().collect();
    for (key, movement) in &paid {
        if told.get(key) != Some(&movement.utr) {
            broken.push(format!("{key}: the bank paid {movement:?}, the payout says {:?}", told.get(key)));
        }
    }
    for key in told.keys().filter(|key| !paid.contains_key(*key)) {
        broken.push(format!("{key} counts as paid, and the bank never paid it"));
    }
    let flows = [("DISBURSEMENT", -1, &paid), ("RECEIPT", 1, &scene.bank.collected())];
    for (kind, sign, bank) in flows {
        let sql = format!(
            "select coalesce(sum(amount), 0)::bigint
            from posting
            join journal using (journal_id)
            where kind = '{kind}'
            and account = 'BANK'"
        );
        let (booked, moved) = (sign * number(conn, &sql).await, bank.values().map(|m| m.amount).sum::<i64>());
        if booked != moved {
            broken.push(format!("{kind}: {booked} paise are booked, {moved} moved"));
        }
    }
    let booked: HashSet<String> =
        pairs(conn, "select journal_id::text, kind from journal").await.into_iter().map(|(key, _)| key).collect();
    let taken = scene.bank.journals();
    for key in booked.symmetric_difference(&taken) {
        broken.push(format!("journal {key} is in one ledger and not in the other"));
    }
    let count = number(conn, "select count(*) from application").await;
    if usize::try_from(count).unwrap() != loans.len() {
        broken.push(format!("{count} applications for {} journeys", loans.len()));
    }
}

/// Everything acknowledged is there, and nothing that was never sent.
fn requests(evidence: &Evidence, exchanges: &[(String, String)], broken: &mut Vec<String>) {
    let stored: HashSet<&str> = exchanges.iter().map(|(request_id, _)| request_id.as_str()).collect();
    for (request_id, path) in evidence.acked.iter().filter(|(id, _)| !stored.contains(id.as_str())) {
        broken.push(format!("{path} {request_id} was acknowledged and is lost"));
    }
    for (request_id, operation) in exchanges.iter().filter(|(id, _)| !evidence.sent.contains_key(id)) {
        broken.push(format!("{operation} {request_id} was never sent"));
    }
}

/// A callback as the database has it.
struct Stored {
    trace_id: String,
    stream: String,
    seq: i64,
    path: String,
    request_id: String,
}

async fn callbacks(conn: &mut PgConnection) -> Vec<Stored> {
    let sql = format!(
        "select trace_id, stream_id::text, seq, path, request_id
        from callback
        where org_id = '{ORG_ID}'
        order by stream_id, seq"
    );
    let stored = |row: &PgRow| Stored {
        trace_id: row.get(0),
        stream: row.get(1),
        seq: row.get(2),
        path: row.get(3),
        request_id: row.get(4),
    };
    conn.fetch_all(AssertSqlSafe(sql)).await.unwrap().iter().map(stored).collect()
}

/// Each acknowledged request has the callbacks that its operation declares, each of which arrived, always the same.
fn answers(evidence: &Evidence, callbacks: &[Stored], broken: &mut Vec<String>) {
    let mut arrived: HashMap<&str, Vec<&Arrival>> = HashMap::new();
    for arrival in &evidence.arrivals {
        arrived.entry(&arrival.trace_id).or_default().push(arrival);
    }
    for callback in callbacks {
        let of = arrived.remove(callback.trace_id.as_str()).unwrap_or_default();
        let named = format!("{} of {}", callback.path, callback.request_id);
        if !of.iter().any(|arrival| arrival.good) {
            broken.push(format!("{named} counts as delivered and never arrived"));
        }
        let fits = |one: &&Arrival| one.path == callback.path && one.request_id == callback.request_id;
        if !of.iter().all(fits) || of.iter().any(|one| one.frozen != of[0].frozen) {
            broken.push(format!("{named} came in two versions"));
        }
    }
    for (trace_id, of) in arrived {
        broken.push(format!("{} of {} ({trace_id}) came from nowhere", of[0].path, of[0].request_id));
    }
    let mut declared: HashMap<(&str, &str), usize> = HashMap::new();
    for callback in callbacks {
        *declared.entry((&callback.request_id, &callback.path)).or_default() += 1;
    }
    for (request_id, path) in &evidence.acked {
        let answer = super::lsp::answer_path(path);
        let count = declared.get(&(request_id.as_str(), answer.as_str())).copied().unwrap_or_default();
        // Offers may have an interim answer before the final one; a mandate's and a payout's end is told unasked too,
        // on the path of the last question about it.
        let more = ["generateOffersResponse", "setRepaymentPlanStatusResponse", "TriggerDisbursementStatusResponse"];
        let most = if more.iter().any(|path| answer.ends_with(path)) { 2 } else { 1 };
        if !(1..=most).contains(&count) {
            broken.push(format!("{path} {request_id} has {count} answers"));
        }
    }
}

/// Within a bundle callbacks were acknowledged for the first time in their order. One that was sent again on request
/// has a new place and proves nothing.
fn order(evidence: &Evidence, callbacks: &[Stored], broken: &mut Vec<String>) {
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut again: HashSet<&str> = HashSet::new();
    for (place, arrival) in evidence.arrivals.iter().enumerate().filter(|(_, arrival)| arrival.good) {
        if first.contains_key(arrival.trace_id.as_str()) {
            again.insert(&arrival.trace_id);
        } else {
            first.insert(&arrival.trace_id, place);
        }
    }
    let mut last: HashMap<&str, (usize, &Stored)> = HashMap::new();
    for callback in callbacks.iter().filter(|callback| !again.contains(callback.trace_id.as_str())) {
        let Some(place) = first.get(callback.trace_id.as_str()) else { continue };
        if let Some((before, earlier)) = last.get(callback.stream.as_str())
            && before > place
        {
            broken.push(format!(
                "{} (place {}) overtook {} (place {})",
                callback.path, callback.seq, earlier.path, earlier.seq
            ));
        }
        last.insert(&callback.stream, (*place, callback));
    }
}

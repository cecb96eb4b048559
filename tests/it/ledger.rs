//! The lender's general ledger gets every journal, in order and once, whatever breaks; and a day tells where it differs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ocen_lender::config::PortConfig;
use ocen_lender::domain::book::{Chart, LedgerAccount};
use ocen_lender::engine::ledger::turn;
use ocen_lender::lender::ledger::{Balances, Batch, Comparison, FeedJournal, Ledger, LedgerError, Side};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::flow::{Flow, Loan};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// What becomes of a batch.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Taken, and said so.
    Taken,
    /// Not taken.
    Refused,
    /// Taken, and the answer is lost.
    Unheard,
    /// Taken, and no answer ever comes.
    Hangs,
}

/// A general ledger that notes everything as it comes.
#[derive(Default)]
struct Books {
    fates: Mutex<Vec<Fate>>,
    /// Loans whose journals are refused, and with them every batch that has one.
    closed: Mutex<BTreeSet<String>>,
    /// Whether those are put off instead, as by a system that stumbles over them.
    stumbles: AtomicBool,
    got: Mutex<Vec<FeedJournal>>,
    came: Notify,
}

impl Books {
    /// The next batches end like this, later ones are taken.
    fn that(fates: &[Fate]) -> Arc<Self> {
        let fates = fates.iter().rev().copied().collect();
        Arc::new(Self { fates: Mutex::new(fates), ..Self::default() })
    }

    fn got(&self) -> Vec<FeedJournal> {
        self.got.lock().unwrap().clone()
    }

    /// What is in the books: each key counts once, where it came first.
    fn once(&self) -> Vec<FeedJournal> {
        let mut seen = BTreeSet::new();
        self.got().into_iter().filter(|journal| seen.insert(journal.key)).collect()
    }

    fn refuse() -> LedgerError {
        LedgerError::Refused { code: "PERIOD_CLOSED".to_owned(), detail: "ask the accountants".to_owned() }
    }
}

impl Ledger for Books {
    fn journal<'a>(&'a self, batch: Batch<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            let mut fate = self.fates.lock().unwrap().pop().unwrap_or(Fate::Taken);
            let closed = self.closed.lock().unwrap().clone();
            if batch.journals.iter().any(|journal| closed.contains(&journal.loan_id)) {
                if self.stumbles.load(Ordering::SeqCst) {
                    return Err(LedgerError::Later(batch.now + chrono::Duration::hours(1)));
                }
                fate = Fate::Refused;
            }
            if !matches!(fate, Fate::Refused) {
                self.got.lock().unwrap().extend_from_slice(batch.journals);
            }
            self.came.notify_one();
            match fate {
                Fate::Taken => Ok(()),
                Fate::Refused | Fate::Unheard => Err(Self::refuse()),
                Fate::Hangs => std::future::pending().await,
            }
        })
    }

    fn compare<'a>(&'a self, _: Comparison<'a>) -> BoxFuture<'a, Result<Balances, LedgerError>> {
        Box::pin(async { Err(Self::refuse()) })
    }
}

fn with(books: &Arc<Books>) -> Options {
    Options { ledger: Some(Arc::clone(books) as _), ..Options::default() }
}

/// A loan that is paid out.
async fn paid_out(server: &Server) -> Loan {
    let lsp = server.lsp().await;
    let flow = Flow { server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    loan
}

/// Waits until nothing is left to be sent.
async fn sent(server: &Server) {
    server
        .until("the general ledger has everything", || async { server.get("/admin/ledger").await["pending"] == 0 })
        .await;
}

/// Waits for the comparison of the day that ended last.
async fn compared(server: &Server) -> Value {
    let done = |shown: &Value| shown["comparisons"][0]["finishedAt"].is_string();
    server.until("a day is compared", || async { done(&server.get("/admin/ledger").await) }).await;
    server.get("/admin/ledger").await["comparisons"][0].clone()
}

async fn clock(server: &Server, body: Value) {
    let (status, answer) = server.post("/sandbox/clock", &body).await;
    assert_eq!(status, 200, "{answer}");
}

/// Keys of the book's journals in the order of posting.
async fn book(server: &Server, loan: &Loan) -> Vec<String> {
    let shown = server.get(&format!("/admin/loans/{}", loan.loan_id)).await;
    shown["book"].as_array().unwrap().iter().map(|j| j["journalId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn journals_come_in_order_under_the_lenders_codes() {
    let books = Books::that(&[]);
    let bank = (LedgerAccount::Bank, "1010".to_owned());
    let options =
        Options { tweak: Some(Box::new(|config| config.ledger.accounts = Chart([bank].into()))), ..with(&books) };
    let server = Server::start_with(options).await;
    let loan = paid_out(&server).await;
    clock(&server, json!({"until": "nextEvent", "loanId": loan.loan_id})).await;
    sent(&server).await;

    let got = books.got();
    let keys: Vec<String> = got.iter().map(|journal| journal.key.to_string()).collect();
    assert_eq!(keys, book(&server, &loan).await);
    assert!(got.windows(2).all(|pair| pair[0].number < pair[1].number));
    let payout = &got[0];
    assert_eq!((payout.kind.as_str(), payout.booking_date), ("DISBURSEMENT", payout.value_date));
    let of = |code: &str| payout.entries.iter().find(|entry| entry.account == code).unwrap();
    assert_eq!((of("1010").side, of("PRINCIPAL_RECEIVABLE").side), (Side::Credit, Side::Debit));
    let sum = |side| payout.entries.iter().filter(|e| e.side == side).map(|e| e.amount.0).sum::<i64>();
    assert_eq!(sum(Side::Debit), sum(Side::Credit));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_general_ledger_keeps_no_loan_and_loses_nothing() {
    let books = Books::that(&[Fate::Refused, Fate::Unheard, Fate::Refused]);
    let server = Server::start_with(with(&books)).await;
    let loan = paid_out(&server).await;
    let failed = || async { server.get("/admin/ledger").await["workers"][0]["failures"] != 0 };
    server.until("a batch is refused", failed).await;
    let shown = server.get("/admin/ledger").await;
    assert!(shown["workers"][0]["lastError"].as_str().unwrap().contains("PERIOD_CLOSED"), "{shown}");
    assert!(shown["pending"].as_i64().unwrap() > 0, "{shown}");
    clock(&server, json!({"until": "nextEvent", "loanId": loan.loan_id})).await;
    for _ in 0..3 {
        server.app.clock.advance(chrono::Duration::minutes(5));
    }
    sent(&server).await;

    let keys: Vec<String> = books.once().iter().map(|journal| journal.key.to_string()).collect();
    assert_eq!(keys, book(&server, &loan).await);
    let (all, once) = (books.got(), books.once());
    assert!(all.len() > once.len(), "an answer was lost, so it came again");
    assert!(all.iter().all(|journal| once.contains(journal)), "under its key comes the same journal");
    let shown = server.get("/admin/ledger").await;
    assert_eq!((&shown["workers"][0]["failures"], &shown["workers"][0]["lastError"]), (&json!(0), &json!(null)));
    assert_eq!(shown["workers"][0]["taken"], keys.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_refused_keeps_its_own_loan_and_no_other() {
    let books = Books::that(&[]);
    let server = Server::start_with(with(&books)).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loans = flow.granted(2).await;
    let [bad, good] = loans.as_slice() else { panic!("two loans") };
    books.closed.lock().unwrap().insert(bad.loan_id.clone());
    // Both wait before the first is sent: the refused batch has journals of both.
    sql::run(&server.app.pool, "update ledger_worker set leased_until = now() + interval '1 hour'").await.unwrap();
    flow.disburse(bad, "DISB-1").await;
    flow.disburse(good, "DISB-2").await;
    sql::run(&server.app.pool, "update ledger_worker set leased_until = null").await.unwrap();

    let aside = || async { server.get("/admin/ledger").await["setAside"].as_array().unwrap().clone() };
    server.until("a loan is set aside", || async { !aside().await.is_empty() }).await;
    clock(&server, json!({"until": "nextEvent", "loanId": good.loan_id})).await;
    let of = |loan: &Loan| -> Vec<String> {
        let all = books.once();
        all.iter().filter(|j| j.loan_id == loan.loan_id).map(|journal| journal.key.to_string()).collect()
    };
    let everything = book(&server, good).await;
    server.until("the other loan's journals are taken", || async { of(good) == everything }).await;
    let shown = aside().await.remove(0);
    assert_eq!((&shown["loanId"], &shown["kind"]), (&json!(bad.loan_id), &json!("DISBURSEMENT")), "{shown}");
    assert!(shown["lastError"].as_str().unwrap().contains("PERIOD_CLOSED"), "{shown}");
    assert!(shown["waiting"].as_u64() > Some(1), "what was posted since waits behind it: {shown}");
    assert_eq!(of(bad), Vec::<String>::new());

    // Tried again it is worse than refused, and still nobody waits behind it.
    books.stumbles.store(true, Ordering::SeqCst);
    clock(&server, json!({"until": "nextEvent", "loanId": good.loan_id})).await;
    let everything = book(&server, good).await;
    server.until("the other loan goes on", || async { of(good) == everything }).await;
    let put_off = || async { aside().await[0]["lastError"].as_str().unwrap().contains("not before") };
    server.until("the loan was tried again", put_off).await;

    books.closed.lock().unwrap().clear();
    let retry = format!("/admin/ledger/set-aside/{}/retry", bad.loan_id);
    assert_eq!(server.post(&retry, &json!({})).await.0, 200);
    sent(&server).await;
    assert_eq!(of(bad), book(&server, bad).await, "in the order of posting");
    assert_eq!((aside().await, server.post(&retry, &json!({})).await.0), (Vec::new(), 404));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replica_was_sending_another_one_sends() {
    let books = Books::that(&[Fate::Hangs]);
    let first = Server::start_with(Options { idle: true, ..with(&books) }).await;
    let database_url = Some(first.database_url.clone());
    // Another replica does everything but feed the general ledger: that one is at the lease of the first.
    let posting = Server::start_with(Options { database_url: database_url.clone(), ..with(&Books::that(&[])) });
    let posting = posting.await;
    sql::run(&posting.app.pool, "update ledger_worker set leased_until = now() + interval '1 hour'").await.unwrap();
    let loan = paid_out(&posting).await;
    drop(posting);
    sql::run(&first.app.pool, "update ledger_worker set leased_until = null").await.unwrap();

    let app = Arc::clone(&first.app);
    let sending = tokio::spawn(async move { turn(&app).await });
    tokio::time::timeout(Duration::from_secs(10), books.came.notified()).await.unwrap();
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled(), "killed in the middle of a batch");
    let second = Server::start_with(Options { database_url, ..with(&books) }).await;
    assert!(second.get("/admin/ledger").await["pending"].as_i64().unwrap() > 0, "the lease of the dead one lasts");
    sql::run(&second.app.pool, "update ledger_worker set leased_until = now() - interval '1 second'").await.unwrap();
    sent(&second).await;

    let keys: Vec<String> = books.once().iter().map(|journal| journal.key.to_string()).collect();
    assert_eq!(keys, book(&second, &loan).await);
    assert_eq!(books.got().len(), 2 * keys.len(), "what nobody said was taken came again");
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_agree_are_found_to_agree() {
    let server = Server::start().await;
    let loan = paid_out(&server).await;
    clock(&server, json!({"until": "nextEvent", "loanId": loan.loan_id})).await;
    clock(&server, json!({"advance": "P10D"})).await;
    sent(&server).await;

    let day = compared(&server).await;
    let today = server.get("/sandbox/clock").await["businessDate"].as_str().unwrap().to_owned();
    assert_eq!(
        (&day["state"], &day["loans"], &day["differenceCount"]),
        (&json!("AGREED"), &json!(1), &json!(0)),
        "{day}"
    );
    assert!(day["day"].as_str().unwrap() < today.as_str(), "{day}");
    assert!(sql::number(&server.app.pool, "select count(*) from sandbox.gl_entry").await > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_difference_is_found_in_account_and_loan() {
    let server = Server::start().await;
    let loan = paid_out(&server).await;
    sent(&server).await;
    let plant = "update sandbox.gl_entry set amount = amount - 100 where account = 'PRINCIPAL_RECEIVABLE'";
    sql::run(&server.app.pool, plant).await.unwrap();
    clock(&server, json!({"advance": "P2D"})).await;

    let day = compared(&server).await;
    assert_eq!((&day["state"], &day["differenceCount"]), (&json!("DIFFERS"), &json!(3)), "{day}");
    let found = day["differences"].as_array().unwrap();
    let one = |subject: &str, measure: &str| found.iter().find(|d| d["subject"] == subject && d["measure"] == measure);
    let account = one("ACCOUNT", "BALANCE").unwrap();
    assert_eq!(
        (&account["key"], &account["ours"], &account["theirs"]),
        (&json!("PRINCIPAL_RECEIVABLE"), &json!("50000.00"), &json!("49999.00"))
    );
    let principal = one("LOAN", "PRINCIPAL").unwrap();
    assert_eq!((&principal["key"], &principal["theirs"]), (&json!(loan.loan_id), &json!("49999.00")));
    assert!(one("LOAN", "OUTSTANDING").is_some() && one("LOAN", "JOURNALS").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_book_may_be_the_general_ledger() {
    let own = Options {
        tweak: Some(Box::new(|config| {
            config.ports.insert("ledger".to_owned(), PortConfig::BuiltIn);
        })),
        ..Options::default()
    };
    let server = Server::start_with(own).await;
    paid_out(&server).await;
    sent(&server).await;

    assert_eq!(server.get("/admin/ledger").await["generalLedger"], "our own book");
    assert_eq!(sql::number(&server.app.pool, "select count(*) from sandbox.gl_entry").await, 0);
}

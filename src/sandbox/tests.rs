//! The simulated systems keep a real system's promises. Each story has a database of its own.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool};

use super::cluster::{Cluster, Durability};
use super::items::{self, Kind, PaymentDetail};
use super::systems::Systems;
use crate::clock::Ids;
use crate::config::{Config, DevArgs};
use crate::domain::application::ask::{Ask, Finding, NEVER_RECEIVED, Outcome, PayOrder};
use crate::domain::application::facets::{Account, AccountTarget, ConsentPurpose};
use crate::domain::application::notice::{Notice, NoticeKind};
use crate::domain::maths::money::Paise;
use crate::lender::tests::{application, call, now};
use crate::lender::{Call, Port as _};
use crate::store::schema::MIGRATOR;

/// A migrated database of its own, on the cluster that `make test` started or on one that the next run adopts.
async fn database() -> PgPool {
    let url = if let Ok(url) = std::env::var("OCEN_TEST_DATABASE_URL") {
        url
    } else {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-cluster");
        let cluster = Cluster::adopt_or_start(&dir, Durability::ThrowAway).await.unwrap();
        let url = cluster.database_url().to_owned();
        std::mem::forget(cluster);
        url
    };
    let server: PgConnectOptions = url.parse().unwrap();
    let name = format!("s_{}", Ids.uuid().simple());
    let mut conn = PgConnection::connect_with(&server).await.unwrap();
    conn.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    let pool = PgPool::connect_with(server.database(&name)).await.unwrap();
    MIGRATOR.run(&pool).await.unwrap();
    pool
}

const HANDS: bool = true;
const BY_ITSELF: bool = false;

fn systems(pool: &PgPool, manual: bool) -> Systems {
    let config = Config::dev(&DevArgs { manual, ..DevArgs::default() }).unwrap();
    Systems::new(pool.clone(), Ids, &config)
}

fn account(number: &str) -> Account {
    let target = AccountTarget::Account { ifsc: "HDFC0000001".into(), number: number.into() };
    Account { id: "A1".into(), target, holder: Some("ASHA  RAO".into()), kind: Some("SAVING".into()) }
}

fn pay_to(number: &str) -> Ask {
    Ask::Pay(PayOrder {
        loan_id: "LON1".into(),
        payment_id: "P1".into(),
        tranche: 1,
        attempt: 1,
        bank_key: "KEY".into(),
        net: Paise::from_rupees(49_000),
        account: account(number),
    })
}

async fn ask(systems: &Systems, key: &str, ask: &Ask) -> Outcome {
    systems.call(call(key, ask, &[application()])).await.unwrap()
}

async fn status(systems: &Systems, ask: &Ask) -> Outcome {
    let subjects = [application()];
    systems.call(Call { status_only: true, ..call("KEY", ask, &subjects) }).await.unwrap()
}

fn refusal(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { code, .. } => code,
        other => panic!("not refused: {other:?}"),
    }
}

async fn times_received(pool: &PgPool) -> u32 {
    let mut conn = pool.acquire().await.unwrap();
    let item = items::find(&mut conn, Kind::Payment, "KEY").await.unwrap().unwrap();
    item.detail::<PaymentDetail>().received
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_never_pays_twice() {
    let pool = database().await;
    let (bank, order) = (systems(&pool, BY_ITSELF), pay_to("123456789"));
    let answers = futures_util::future::join_all((0..8).map(|_| ask(&bank, "KEY", &order))).await;
    assert!(matches!(&answers[0], Outcome::Done { finding: Finding::Paid { .. } }));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one UTR for all of them");
    assert_eq!(status(&bank, &order).await, answers[0]);
    assert_eq!(times_received(&pool).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_called_unknown_is_dead_for_ever() {
    let pool = database().await;
    let (bank, order) = (systems(&pool, BY_ITSELF), pay_to("123456789"));
    assert_eq!(refusal(&status(&bank, &order).await), NEVER_RECEIVED);
    assert_eq!(refusal(&ask(&bank, "KEY", &order).await), NEVER_RECEIVED);
    assert_eq!(refusal(&status(&bank, &order).await), NEVER_RECEIVED);
}

#[tokio::test(flavor = "multi_thread")]
async fn magic_accounts_fail_wait_or_lose_their_answer() {
    let pool = database().await;
    let bank = systems(&pool, BY_ITSELF);
    let order = |code: &str, key: &str| match pay_to(&format!("9990000{code}")) {
        Ask::Pay(order) => Ask::Pay(PayOrder { bank_key: key.into(), ..order }),
        other => other,
    };
    assert_eq!(refusal(&ask(&bank, "K1", &order("0701", "K1")).await), "NAME_MISMATCH");
    assert!(matches!(ask(&bank, "K2", &order("0702", "K2")).await, Outcome::Pending { .. }));
    assert!(matches!(ask(&bank, "K3", &order("0703", "K3")).await, Outcome::Unknown { .. }));
    let paid = status(&bank, &order("0703", "K3")).await;
    assert!(matches!(paid, Outcome::Done { finding: Finding::Paid { .. } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_consents_mandates_and_payments_wait() {
    let pool = database().await;
    let hands = systems(&pool, HANDS);
    let (purpose, vua) = (ConsentPurpose::Data, "asha@aa".to_owned());
    let create = Ask::ConsentCreate { purpose, vua, aggregation_id: None, aggregated: None, lsp: None };
    let Outcome::Done { finding: Finding::ConsentCreated { handle } } = ask(&hands, "C", &create).await else {
        panic!("no handle")
    };
    let consent = ask(&hands, "S", &Ask::ConsentStatus { purpose, handle }).await;
    assert_eq!(consent, Outcome::Done { finding: Finding::ConsentPending });

    let register = Ask::RegisterMandate { plan: "PLAN".into() };
    let first = ask(&hands, "M", &register).await;
    assert_eq!(ask(&hands, "M", &register).await, first, "a second try finds the first one's mandate");
    let Outcome::Done { finding: Finding::MandateRegistered { reference, .. } } = first else { panic!("no mandate") };
    let mandate = Ask::MandateStatus { plan: "PLAN".into(), reference, again: false };
    assert!(matches!(ask(&hands, "T", &mandate).await, Outcome::Pending { .. }));
    assert!(matches!(ask(&hands, "KEY", &pay_to("123456789")).await, Outcome::Pending { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mandate_takes_the_place_of_the_old_one() {
    let pool = database().await;
    let own = systems(&pool, BY_ITSELF);
    let plan = || "PLAN".into();
    let mut references = Vec::new();
    for key in ["M1", "M2"] {
        let found = ask(&own, key, &Ask::RegisterMandate { plan: plan() }).await;
        let Outcome::Done { finding: Finding::MandateRegistered { reference, .. } } = found else { panic!() };
        references.push(reference);
    }
    let state = async |reference: &str| {
        ask(&own, "S", &Ask::MandateStatus { plan: plan(), reference: reference.into(), again: false }).await
    };
    let cancel = Ask::CancelMandate { plan: plan(), reference: references[0].clone() };
    ask(&own, "C", &cancel).await;
    assert_eq!(state(&references[0]).await, Outcome::Done { finding: Finding::MandateInactive });
    assert_eq!(state(&references[1]).await, Outcome::Done { finding: Finding::MandateActive });
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_bank_account_of_the_borrower_passes() {
    let pool = database().await;
    let check = systems(&pool, HANDS);
    let verify = async |account: Account| ask(&check, "V", &Ask::VerifyAccount { account }).await;
    let found = verify(account("123456789")).await;
    assert!(matches!(found, Outcome::Done { finding: Finding::AccountVerified { .. } }));
    let stranger = Account { holder: Some("Ravi Rao".into()), ..account("123456789") };
    assert_eq!(refusal(&verify(stranger).await), "NAME_MISMATCH");
    let wallet = Account { kind: Some("wallet".into()), ..account("123456789") };
    assert_eq!(refusal(&verify(wallet).await), "ACCOUNT_TYPE");
    assert_eq!(refusal(&verify(account("12-34")).await), "ACCOUNT_INVALID");
    let target = AccountTarget::Account { ifsc: "HDFC1000001".into(), number: "123456789".into() };
    assert_eq!(refusal(&verify(Account { target, ..account("1") }).await), "IFSC_INVALID");
    let target = AccountTarget::Vpa { vpa: "asha".into() };
    assert_eq!(refusal(&verify(Account { target, ..account("1") }).await), "VPA_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_before_the_order_arrived_is_not_lost() {
    let pool = database().await;
    let bank = systems(&pool, HANDS);
    let mut conn = pool.acquire().await.unwrap();
    let key = items::told_key("LON1", "P1");
    let told = items::Item { key, state: "PAID".into(), detail: None };
    items::put(&mut conn, Kind::Scenario, &told, now()).await.unwrap();
    let paid = ask(&bank, "KEY", &pay_to("123456789")).await;
    assert!(matches!(paid, Outcome::Done { finding: Finding::Paid { .. } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_has_the_same_id() {
    let pool = database().await;
    let notice = Notice {
        kind: NoticeKind::LoanClosed,
        loan_id: None,
        instalment: None,
        amount: None,
        key: "N1".into(),
        text: "Closed.".into(),
    };
    let (messages, send) = (systems(&pool, HANDS), Ask::Notify(notice));
    let sent = ask(&messages, "N1", &send).await;
    assert!(matches!(&sent, Outcome::Done { finding: Finding::Notified { message_id } } if !message_id.is_empty()));
    assert_eq!(ask(&messages, "N1", &send).await, sent);
}

//! What is measured, in which order. Every round measures everything once; the report takes medians.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ocen_lender::jose::SigningKey;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::args::Args;
use crate::cpu::{Cost, Meter};
use crate::database::Database;
use crate::floor::{self, Floor};
use crate::load::{self, Pace, Run};
use crate::messages::{self, CREATE, Chosen, GENERATE_OFFERS, SET_OFFER, Shot};
use crate::server::{Server, Setup};
use crate::sink::Sink;
use crate::stock::Originals;

/// Connections at saturation; the goals are for 32 to 64.
const CONNECTIONS: usize = 64;
/// Connections that requests with a timetable are spread over.
const TIMED_CONNECTIONS: usize = 96;
/// Pairs under way at once.
const PAIRS: usize = 64;
/// How long what is queued may take to leave.
const PATIENCE: Duration = Duration::from_mins(10);

/// Figures by name, one per round.
pub type Measured = BTreeMap<&'static str, Vec<f64>>;

/// One bench with all that it needs.
struct Bench<'a> {
    args: &'a Args,
    database: &'a Database,
    sink: Arc<Sink>,
    setup: Setup,
    key: Arc<SigningKey>,
    originals: Originals,
    offer: Value,
    measured: Measured,
}

/// Measures everything.
pub async fn all(args: &Args, database: &Database) -> Outcome<Measured> {
    let sink = Sink::start().await?;
    let setup = Setup::new(database, &sink)?;
    let key = Arc::new(SigningKey::generate("lsp-bench-1")?);
    floor::prepare(database, args.floor_rows).await?;
    let (originals, offer) = first_application(database, &setup, &key, &sink).await?;
    tell(format_args!("storing {} applications with five messages each", args.stored));
    originals.traffic(database, args.stored).await?;
    let mut bench = Bench { args, database, sink, setup, key, originals, offer, measured: Measured::default() };
    for round in 1..=args.rounds {
        tell(format_args!("round {round} of {}", args.rounds));
        bench.round().await?;
    }
    Ok(bench.measured)
}

/// Progress, beside the report.
fn tell(what: std::fmt::Arguments<'_>) {
    eprintln!("bench: {what}");
}

/// Registers the LSP and brings one application to its offers, over HTTP.
async fn first_application(
    database: &Database,
    setup: &Setup,
    key: &Arc<SigningKey>,
    sink: &Arc<Sink>,
) -> Outcome<(Originals, Value)> {
    let server = Server::start(setup, false).await?;
    server.register(key, sink).await?;
    let id = messages::fresh("APP");
    let mut answer = Value::Null;
    for (path, message) in [(CREATE, messages::create(&id)), (GENERATE_OFFERS, messages::generate_offers(&id))] {
        let shot = messages::sign(key, path, message)?;
        let waiting = sink.expect(&shot.request_id);
        load::run(&server.address, vec![shot], (1, Duration::from_secs(5), Pace::Closed), sink).await?;
        answer = tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| "no callback came")??;
    }
    let offer = answer.pointer("/loanApplications/0/offers/0").ok_or_else(|| format!("no offer: {answer}"))?.clone();
    server.stop().await?;
    Ok((Originals::read(database, &setup.master, &id).await?, offer))
}

impl Bench<'_> {
    async fn round(&mut self) -> Outcome<()> {
        let floor = floor::measure(self.database, &self.key, (self.args.floor_rows, self.args.span)).await?;
        self.note("sign_us", floor.sign);
        self.note("verify_us", floor.verify);
        self.note("transaction_us", floor.transaction);
        let server = Server::start(&self.setup, true).await?;
        self.note("start_ms", server.start_ms);
        self.note("idle_mib", server.process.memory("VmRSS"));
        let rate = self.accept(&server, &floor).await?;
        self.half_load(&server, rate).await?;
        self.note("busy_mib", server.process.memory("VmHWM"));
        server.stop().await?;
        // Callbacks alone: nothing else may be due, so what the last phases left goes first.
        let server = Server::start(&self.setup, false).await?;
        self.drained().await?;
        self.pairs(&server, &floor).await?;
        server.stop().await?;
        self.callbacks().await
    }

    fn note(&mut self, name: &'static str, value: f64) {
        self.measured.entry(name).or_default().push(value);
    }

    fn note_cost(&mut self, [server, postgres, client, others]: [&'static str; 4], cost: Cost) {
        self.note(server, cost.server);
        self.note(postgres, cost.postgres);
        self.note(client, cost.client);
        self.note(others, cost.others);
    }

    /// More requests than any server can take in one measurement.
    fn enough(&self, floor: &Floor) -> usize {
        let limit = self.args.span.as_secs_f64() * 2e6 / (floor.sign + floor.verify);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
        let enough = limit as usize;
        enough.max(200)
    }

    async fn creates(&self, count: usize) -> Outcome<Vec<Shot>> {
        let messages = (0..count).map(|_| messages::create(&messages::fresh("APP"))).collect();
        messages::sign_all(&self.key, CREATE, messages).await
    }

    /// Saturation by both requests, delivery paused.
    async fn accept(&mut self, server: &Server, floor: &Floor) -> Outcome<f64> {
        let count = self.enough(floor);
        let shots = self.creates(count).await?;
        let (run, cost) = self.measure(server, shots, (CONNECTIONS, Pace::Closed)).await?;
        self.note("create_per_s", run.rate());
        self.note_cost(["create_server_us", "create_postgres_us", "create_client_us", "create_others_us"], cost);
        let named = ["offer_server_us", "offer_postgres_us", "offer_client_us", "offer_others_us"];
        self.choices(server, count, Chosen::ById, ("offer_per_s", named)).await?;
        let named = ["whole_server_us", "whole_postgres_us", "whole_client_us", "whole_others_us"];
        self.choices(server, count, Chosen::Whole, ("whole_per_s", named)).await?;
        Ok(run.rate())
    }

    /// Saturation by the choice of an offer.
    async fn choices(
        &mut self,
        server: &Server,
        count: usize,
        chosen: Chosen,
        (rate, costs): (&'static str, [&'static str; 4]),
    ) -> Outcome<()> {
        let names = self.originals.offered(self.database, count).await?;
        let offers = names.iter().map(|name| messages::set_offer(name, &self.offer, chosen)).collect();
        let shots = messages::sign_all(&self.key, SET_OFFER, offers).await?;
        let (taken, cost) = self.measure(server, shots, (CONNECTIONS, Pace::Closed)).await?;
        self.note(rate, taken.rate());
        self.note_cost(costs, cost);
        Ok(())
    }

    /// Latency from the due time at half of what saturation gave, and over one connection.
    async fn half_load(&mut self, server: &Server, saturation: f64) -> Outcome<()> {
        let rate = saturation / 2.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
        let count = (rate * self.args.span.as_secs_f64()) as usize + 1;
        let shots = self.creates(count).await?;
        let (run, _) = self.measure(server, shots, (TIMED_CONNECTIONS, Pace::Open(rate))).await?;
        self.note("half_per_s", run.rate());
        self.note("half_p50_ms", run.quantile(0.50));
        self.note("half_p99_ms", run.quantile(0.99));
        self.note("half_p999_ms", run.quantile(0.999));
        let shots = self.creates(count / 4 + 20).await?;
        let (run, _) = self.measure(server, shots, (1, Pace::Closed)).await?;
        self.note("single_p50_ms", run.quantile(0.50));
        Ok(())
    }

    /// Requests and their callbacks together, the built-in decision between them.
    async fn pairs(&mut self, server: &Server, floor: &Floor) -> Outcome<()> {
        let shots = self.creates(self.enough(floor)).await?;
        let (run, cost) = self.measure(server, shots, (PAIRS, Pace::Pairs)).await?;
        self.note("pair_per_s", run.rate());
        self.note("pair_p50_ms", run.quantile(0.50));
        self.note_cost(["pair_server_us", "pair_postgres_us", "pair_client_us", "pair_others_us"], cost);
        self.drained().await
    }

    /// Callbacks that are queued already, and nothing else.
    async fn callbacks(&mut self) -> Outcome<()> {
        self.originals.callbacks(self.database, self.args.callbacks).await?;
        self.database.settle().await?;
        let count = || self.sink.callbacks.load(Ordering::Relaxed);
        let at_first = count();
        let server = Server::start(&self.setup, false).await?;
        // The first ones meet cold connections.
        let (warm, all) = (at_first + self.args.callbacks / 10, at_first + self.args.callbacks);
        self.wait_until("the first callbacks", || count() >= warm).await?;
        let (from, begun, before) = (count(), Instant::now(), Meter::read(server.process, self.database.postgres));
        self.wait_until("all callbacks", || count() >= all).await?;
        let done = (count() - from) as f64;
        let cost = Meter::read(server.process, self.database.postgres).since(before, done);
        let seconds = begun.elapsed().as_secs_f64();
        self.note("callback_per_s", done / seconds);
        self.note_cost(
            ["callback_server_us", "callback_postgres_us", "callback_client_us", "callback_others_us"],
            cost,
        );
        self.drained().await?;
        server.stop().await
    }

    async fn measure(
        &self,
        server: &Server,
        shots: Vec<Shot>,
        (connections, pace): (usize, Pace),
    ) -> Outcome<(Run, Cost)> {
        self.database.settle().await?;
        let before = Meter::read(server.process, self.database.postgres);
        let run = load::run(&server.address, shots, (connections, self.args.span, pace), &self.sink).await?;
        let cost = Meter::read(server.process, self.database.postgres).since(before, run.accepted as f64);
        Ok((run, cost))
    }

    /// Waits until no callback and no question is left.
    async fn drained(&self) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        let left = "select (select count(*) from stream where pending > 0)
            + (select count(*) from ask where state in ('OPEN', 'SENDING') and port <> 'timer')";
        while self.database.count(left).await? > 0 {
            if Instant::now() > deadline {
                return Err("what was queued did not leave".into());
            }
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            if Instant::now() > deadline {
                return Err(format!("{what} did not come").into());
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

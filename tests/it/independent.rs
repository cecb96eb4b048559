//! An outsider who has the key facts statement and a list of events reckons the whole loan: every callback, summary,
//! statement and operator's view says the same to the paisa.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{Days, NaiveDate};
use ocen_lender::config::Config;
use serde_json::{Value, json};

use crate::support::bodies::path;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::money::{paise, rupees};
use crate::support::reckoning::{For, Reckoning, Split};
use crate::support::server::{Options, Server};

mod early;
mod late;
mod products;

/// A sandbox whose personal loans are changed as a config file would.
async fn server(changes: Value) -> Server {
    let tweak = move |config: &mut Config| {
        let product = config.products.0.iter_mut().find(|product| product.id == "personal").unwrap();
        let mut changed = serde_json::to_value(&*product).unwrap();
        merge(&mut changed, changes);
        *product = serde_json::from_value(changed).unwrap();
    };
    Server::start_with(Options { tweak: Some(Box::new(tweak)), ..Options::default() }).await
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(members.entry(name).or_insert(Value::Null), change);
            }
        }
        (into, change) => *into = change,
    }
}

/// An LSP that wants to know of debits that failed, too.
async fn lsp(server: &Server) -> TestLsp {
    let settings = json!({"confirmFailedRepayments": true});
    TestLsp::register_with(server, "LSP-TEST", settings, Some(crate::support::lsp::key().await)).await
}

/// What the borrower's bank does with the next debits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bank {
    Pays,
    Bounces,
}

/// A loan, and what an outsider makes of it.
struct Outsider<'a> {
    server: &'a Server,
    lsp: &'a TestLsp,
    loan: Loan,
    sum: Reckoning,
    bank: Bank,
    /// The last payment by a page.
    payment: String,
}

impl<'a> Outsider<'a> {
    async fn borrows(server: &'a Server, lsp: &'a TestLsp) -> Self {
        Self::borrow_some(server, lsp, 1).await.remove(0)
    }

    /// Loans of one borrower.
    async fn borrow_some(server: &'a Server, lsp: &'a TestLsp, count: usize) -> Vec<Self> {
        let flow = Flow { server, lsp };
        let mut all = Vec::new();
        for loan in flow.granted(count).await {
            let told = flow.disburse(&loan, &format!("DISB-{}", loan.loan_id)).await;
            assert_eq!(told["payment"]["status"], "SUCCESS");
            let bytes = STANDARD.decode(loan.offer["documents"][0]["data"].as_str().unwrap()).unwrap();
            let sum = Reckoning::of(serde_json::from_slice(&bytes).unwrap());
            let outsider = Self { server, lsp, loan, sum, bank: Bank::Pays, payment: String::new() };
            outsider.check().await;
            all.push(outsider);
        }
        all
    }

    async fn ask(&self, path: &str, mut body: Value) -> Value {
        body["loanId"] = json!(self.loan.loan_id);
        self.lsp.ask(path, body).await
    }

    /// What the borrower's bank does with the debits to come.
    fn bank(&mut self, bank: Bank) {
        self.bank = bank;
    }

    /// Has the debit bounce that the next due date brings, when the bank does not pay.
    async fn tell_bank(&self) {
        let next = self.sum.rows.iter().find(|row| !row.billed);
        let left = next.map_or(0, |row| row.principal + row.interest - self.sum.excess);
        if self.bank == Bank::Bounces && left > 0 {
            let plan = self.loan.offer["repayment"]["plans"][0]["id"].as_str().unwrap();
            let told = self.server.post(&format!("/sandbox/mandates/{plan}"), &json!({"next": "bounce"})).await;
            assert_eq!(told.0, 200, "{}", told.1);
        }
    }

    async fn clock(&self, day: NaiveDate) {
        let (status, answer) = self.server.post("/sandbox/clock", &json!({"to": day})).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The due dates that lie before a day, or are it.
    fn due_until(&self, day: NaiveDate) -> Vec<NaiveDate> {
        self.sum.rows.iter().filter(|row| !row.billed && row.due <= day).map(|row| row.due).collect()
    }

    /// Days pass; each instalment is debited when it falls due. The clock stands there already for the reckoning of a
    /// borrower's second loan.
    async fn follows_to(&mut self, day: NaiveDate) {
        for due in self.due_until(day) {
            if self.sum.closed {
                break;
            }
            self.sum.to(due.pred_opt().unwrap());
            self.sum.morning();
            self.debited(due).await;
            self.sum.end_day();
        }
        self.sum.to(day);
    }

    /// An instalment fell due: what is left of it is debited.
    async fn debited(&mut self, due: NaiveDate) {
        let row = self.sum.rows.iter().find(|row| row.due == due).unwrap();
        let (left, number) = (row.principal + row.interest - row.paid(), row.number.to_string());
        if left == 0 {
            return;
        }
        let told = self.told(|body| body["payment"]["installmentNumber"] == number).await;
        if self.bank == Bank::Bounces {
            assert_eq!(told["payment"]["status"], "FAILURE", "{told}");
            self.sum.bounced();
            return;
        }
        let split = self.sum.pays(left, For::Instalment);
        self.payment = told["payment"]["id"].as_str().unwrap().to_owned();
        is_split(&told, left, split, due);
    }

    /// The same, with the clock.
    async fn to(&mut self, day: NaiveDate) {
        for due in self.due_until(day) {
            self.tell_bank().await;
            self.clock(due).await;
            self.follows_to(due).await;
            self.check().await;
        }
        self.clock(day).await;
        self.follows_to(day).await;
        self.check().await;
    }

    async fn days(&mut self, days: u64) {
        self.to(self.sum.today + Days::new(days)).await;
    }

    /// To the due date of an instalment.
    async fn due(&mut self, number: usize) {
        self.to(self.sum.rows[number - 1].due).await;
    }

    /// News about a payment.
    async fn told(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let is = |c: &Callback| {
            c.path.ends_with("confirmRepayment") && c.body["loanId"] == self.loan.loan_id && fits(&c.body)
        };
        self.lsp.callback_that("confirms a repayment", is).await.body
    }

    /// The borrower pays on a page, everything that the purpose asks for or so much.
    async fn pays(&mut self, purpose: For, amount: Option<i64>) -> Split {
        let split = self.settles(purpose, amount).await;
        self.check().await;
        split
    }

    /// The same, not looked at any further.
    async fn settles(&mut self, purpose: For, amount: Option<i64>) -> Split {
        let (word, whole) = match purpose {
            For::Instalment => ("INSTALMENT", self.sum.payable()),
            For::Prepayment => ("PREPAYMENT", 0),
            For::Foreclosure => ("FORECLOSURE", self.sum.foreclosure().total),
            For::CoolingOffExit => ("COOLING_OFF_EXIT", self.sum.cooling_off_exit().total),
        };
        let mut payment = json!({"extensibleData": {"purpose": word}});
        if let Some(amount) = amount {
            payment["totalAmount"] = json!(rupees(amount));
        }
        let amount = amount.unwrap_or(whole);
        let opened = self.ask(path::TRIGGER_REPAYMENT, json!({"payment": payment})).await;
        assert_eq!(opened["payment"]["totalAmount"], rupees(amount), "{opened}");
        let told = self.told(|body| body["payment"]["id"] == opened["payment"]["id"]).await;
        let split = self.sum.pays(amount, purpose);
        is_split(&told, amount, split, self.sum.today);
        self.payment = told["payment"]["id"].as_str().unwrap().to_owned();
        split
    }

    fn status(&self) -> &'static str {
        let overdue = self.sum.oldest().is_some_and(|due| due < self.sum.today);
        match () {
            () if self.sum.closed => "COMPLETED",
            () if self.class() == "NPA" => "DEFAULTED",
            () if overdue => "OVERDUE",
            () => "GRANTED",
        }
    }

    fn class(&self) -> &'static str {
        if self.sum.borrower_is_npa && !self.sum.closed { "NPA" } else { self.sum.class }
    }

    /// Summary, statement and the operators' view say what the outsider reckoned.
    async fn check(&self) {
        let summary = self.ask(path::LOAN_SUMMARY, json!({})).await;
        let (is, should) = (&summary["summary"], self.summary());
        for (pointer, value) in should {
            assert_eq!(is.pointer(pointer).unwrap_or(&Value::Null), &value, "{pointer} of {is:#}\n{:#?}", self.sum);
        }
        assert_eq!(summary["loanStatus"], self.status());
        self.check_schedule(&is["extensibleData"]["schedule"]);
        let statement = self.ask(path::LOAN_STATEMENT, json!({})).await;
        self.check_statement(statement["accountStatement"].as_array().unwrap());
        let shown = self.server.get(&format!("/admin/loans/{}", self.loan.loan_id)).await;
        assert_eq!(paise(&shown["account"]["balance"]), self.balance());
        assert_eq!(paise(&shown["account"]["interestAccrued"]), self.sum.accrued());
        assert_eq!(shown["delinquency"]["class"], self.class());
        assert_eq!(shown["delinquency"]["daysPastDue"], self.dpd());
    }

    /// The closing balance of the statement, and the balance of the operators' view.
    async fn statement_balance(&self) -> (i64, i64) {
        let statement = self.ask(path::LOAN_STATEMENT, json!({})).await;
        let last = statement["accountStatement"].as_array().unwrap().last().cloned().unwrap();
        let shown = self.server.get(&format!("/admin/loans/{}", self.loan.loan_id)).await;
        (paise(&last["closingBalance"]), paise(&shown["account"]["balance"]))
    }

    fn dpd(&self) -> i64 {
        self.sum.oldest().map_or(0, |due| (self.sum.today - due).num_days())
    }

    fn balance(&self) -> i64 {
        self.sum.lines.iter().map(|line| line.amount).sum()
    }

    fn summary(&self) -> Vec<(&'static str, Value)> {
        let sum = &self.sum;
        let to_come: i64 = sum.rows.iter().filter(|row| !row.billed).map(|row| row.interest).sum();
        let mut all = vec![
            ("/principalPending", json!(rupees(sum.principal()))),
            ("/interestPending", json!(rupees(sum.interest_due() + to_come))),
            ("/principalPaid", json!(rupees(sum.paid.principal))),
            ("/interestPaid", json!(rupees(sum.paid.interest))),
            ("/penaltyPaid", json!(rupees(sum.paid.penal))),
            ("/amountRepaid", json!(rupees(sum.received))),
            ("/extensibleData/feesPaid", json!(rupees(sum.paid.fee))),
            ("/extensibleData/feesPending", json!(rupees(sum.charges.0))),
            ("/extensibleData/penaltyPending", json!(rupees(sum.penal()))),
            ("/extensibleData/interestDue", json!(rupees(sum.interest_due()))),
            ("/extensibleData/interestAccrued", json!(rupees(sum.accrued()))),
            ("/extensibleData/excess", json!(rupees(sum.excess))),
            ("/extensibleData/payableNow", json!(rupees(sum.payable()))),
            ("/extensibleData/dpd", json!(self.dpd())),
            ("/extensibleData/smaClass", json!(self.class())),
        ];
        if !sum.closed {
            let quote = sum.foreclosure();
            all.push(("/extensibleData/payOff/foreclosure/amount", json!(rupees(quote.total))));
            all.push(("/extensibleData/payOff/foreclosure/charge", json!(rupees(quote.charge))));
            all.push(("/extensibleData/payOff/foreclosure/interest", json!(rupees(quote.interest))));
        }
        all
    }

    fn check_schedule(&self, schedule: &Value) {
        let is: Vec<Value> = schedule.as_array().unwrap().clone();
        assert_eq!(is.len(), self.sum.rows.len(), "{is:#?}");
        for (is, row) in is.iter().zip(&self.sum.rows) {
            let should = json!({
                "number": row.number,
                "dueDate": row.due,
                "principal": rupees(row.principal),
                "interest": rupees(row.interest),
                "due": row.billed,
                "paid": rupees(row.paid()),
            });
            for (member, value) in should.as_object().unwrap() {
                assert_eq!(is[member], *value, "{member} of {is}");
            }
        }
    }

    fn check_statement(&self, rows: &[Value]) {
        let mut balance = 0;
        let should: Vec<Value> = self
            .sum
            .lines
            .iter()
            .map(|line| {
                balance += line.amount;
                let kind = if line.amount < 0 { "DEPOSIT" } else { "WITHDRAWL" };
                json!([
                    format!("{}T00:00:00.000Z", line.date),
                    line.narration,
                    kind,
                    rupees(line.amount.abs()),
                    balance
                ])
            })
            .collect();
        let is: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!([row["date"], row["narration"], row["type"], row["amount"], paise(&row["closingBalance"])])
            })
            .collect();
        assert_eq!(is, should);
    }
}

/// A confirmed payment was split as reckoned.
fn is_split(told: &Value, amount: i64, split: Split, on: NaiveDate) {
    let payment = &told["payment"];
    assert_eq!(payment["status"], "SUCCESS", "{told}");
    assert_eq!(payment["totalAmount"], rupees(amount), "{told}");
    assert_eq!(payment["extensibleData"]["valueDate"], json!(on), "{told}");
    let part = |name: &str| payment.get(name).map_or(0, paise);
    let excess = payment["extensibleData"].get("excess").map_or(0, paise);
    let is = Split {
        principal: part("principal"),
        interest: part("interestAmount"),
        fee: part("fee"),
        penal: part("penalty"),
        excess,
    };
    assert_eq!(is, split, "{told}");
}

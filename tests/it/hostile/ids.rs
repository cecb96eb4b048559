//! Another LSP's ids, each of them on every operation that takes one: answered exactly like an id that nobody has.

use ocen_lender::protocol::{OPERATIONS, Operation};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;

/// Operations that name nothing of anybody's.
const NAMELESS: [&str; 4] = ["createLoanApplications", "heartbeat", "getLookupCodes", "getErrorCodes"];

/// Members that hold an id, by the name of the object around them where the name alone does not tell.
const IDS: [(&str, &str); 10] = [
    ("", "loanApplicationId"),
    ("", "loanApplicationIds"),
    ("", "loanId"),
    ("", "consentHandle"),
    ("", "otpSessionKey"),
    ("plan", "id"),
    ("offer", "id"),
    ("payment", "id"),
    ("dispute", "id"),
    ("borrower", "primaryId"),
];

/// What an LSP owns.
struct Owned {
    application: String,
    loan: String,
    handle: String,
    session: String,
    repayment_plan: String,
    disbursement_plan: String,
    offer: String,
    payout: String,
    payment: String,
    dispute: String,
    pan: String,
}

impl Owned {
    /// Everything that a loan's life leaves behind.
    async fn by(server: &Server, lsp: &TestLsp) -> Self {
        let flow = Flow { server, lsp };
        let pan = bodies::pan();
        let ids = flow.file_for(&pan, 1).await;
        let offers = flow.offers(&ids).await;
        flow.agree(&ids, &offers).await;
        flow.set_up(&ids, &offers).await;
        let loan = flow.grant(&ids[0]).await["loanId"].as_str().unwrap().to_owned();
        let loan = crate::support::flow::Loan { application: ids[0].clone(), offer: offers[0].clone(), loan_id: loan };
        flow.disburse(&loan, "DISB-OWNED").await;
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let opened = lsp.ask(path::TRIGGER_REPAYMENT, json!({"loanId": loan.loan_id, "payment": {}})).await;
        let complaint = json!({"loanId": loan.loan_id, "dispute": {"description": "too much"}});
        let dispute = lsp.ask(path::RAISE_DISPUTE, complaint).await;
        Self {
            handle: reference(server, "CONSENT").await,
            session: reference(server, "OTP_SESSION").await,
            repayment_plan: word(&loan.offer["repayment"]["plans"][0]["id"]),
            disbursement_plan: word(&loan.offer["disbursement"]["plans"][0]["id"]),
            offer: word(&loan.offer["id"]),
            payout: "DISB-OWNED".to_owned(),
            payment: word(&opened["payment"]["id"]),
            dispute: word(&dispute["dispute"]["id"]),
            application: loan.application,
            loan: loan.loan_id,
            pan,
        }
    }

    /// Ids of the same kinds that nobody has.
    fn nobodys() -> Self {
        let no = |kind: &str| format!("{kind}-NEVER-{}", bodies::id());
        Self {
            application: no("APP"),
            loan: no("LON"),
            handle: no("CH"),
            session: no("OTPS"),
            repayment_plan: no("RP"),
            disbursement_plan: no("DP"),
            offer: no("OF"),
            payout: no("DISB"),
            payment: no("PAY"),
            dispute: no("DSP"),
            pan: bodies::pan(),
        }
    }

    fn id(&self, operation: &Operation, around: &str, member: &str) -> &str {
        let about_payout = operation.request_path.contains("/disbursement/");
        match (around, member) {
            (_, "loanApplicationId" | "loanApplicationIds") => &self.application,
            (_, "loanId") => &self.loan,
            (_, "consentHandle") => &self.handle,
            (_, "otpSessionKey") => &self.session,
            ("plan", _) if about_payout => &self.disbursement_plan,
            ("plan", _) => &self.repayment_plan,
            ("offer", _) => &self.offer,
            ("payment", _) if about_payout => &self.payout,
            ("payment", _) => &self.payment,
            ("dispute", _) => &self.dispute,
            _ => &self.pan,
        }
    }

    /// Every id that belongs here, so that two answers can be compared.
    fn all(&self) -> [&String; 11] {
        [
            &self.application,
            &self.loan,
            &self.handle,
            &self.session,
            &self.repayment_plan,
            &self.disbursement_plan,
            &self.offer,
            &self.payout,
            &self.payment,
            &self.dispute,
            &self.pan,
        ]
    }
}

async fn reference(server: &Server, kind: &str) -> String {
    let sql = format!("select value from reference where kind = '{kind}' order by created_at limit 1");
    server.app.pool.fetch_one(AssertSqlSafe(sql)).await.unwrap().get(0)
}

/// Which members of an operation's request hold an id.
fn id_members(operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let example = (operation.example)();
    let there = |(around, member): &&(&str, &str)| {
        let place = if around.is_empty() { format!("/{member}") } else { format!("/{around}/{member}") };
        let deep = [place, format!("/consent/{member}"), format!("/credBlock/data/{member}")];
        deep.iter().any(|place| example.pointer(place).is_some())
    };
    IDS.iter().filter(there).copied().collect()
}

/// The operation's example with ids from somebody, all of them or one alone.
fn naming(operation: &Operation, whose: impl Fn(&str, &str) -> String) -> Value {
    let mut body = (operation.example)();
    for member in ["metadata", "requestId"] {
        body.as_object_mut().unwrap().remove(member);
    }
    put(&mut body, "", &whose);
    body
}

fn put(value: &mut Value, around: &str, whose: &impl Fn(&str, &str) -> String) {
    let Value::Object(members) = value else { return };
    for (name, inner) in members.iter_mut() {
        let known = IDS.iter().any(|(of, member)| member == name && (of.is_empty() || *of == around));
        match inner {
            Value::String(_) if known => *inner = json!(whose(around, name)),
            Value::Array(_) if known => *inner = json!([whose(around, name)]),
            inner => put(inner, name, whose),
        }
    }
}

/// Ack and callback of a request, without what differs by nature.
async fn answer(lsp: &TestLsp, operation: &Operation, body: Value, ids: &[&Owned]) -> String {
    let (request_id, ack) = lsp.send(operation.request_path, body).await;
    let mut told = vec![(ack.status.to_string(), ack.body.clone())];
    if ack.error() == "0" && operation.answer_path.is_some() && operation.name != "confirmRepayment" {
        told.push((String::new(), lsp.callback(&request_id).await));
    }
    let bare = |(status, mut body): (String, Value)| {
        let members = body.as_object_mut().unwrap();
        members.retain(|name, _| !["traceId", "timestamp", "metadata", "requestId"].contains(&name.as_str()));
        format!("{status} {body}")
    };
    let text = told.into_iter().map(bare).collect::<Vec<_>>().join(" then ");
    // The lender's ids of payments and the like have the loan's inside.
    let mut ids: Vec<&String> = ids.iter().flat_map(|owned| owned.all()).collect();
    ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
    ids.into_iter().fold(text, |text, id| text.replace(id.as_str(), "ID"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_for_another_lsps_ids_as_for_nobodys() {
    let server = Server::start().await;
    let (owner, spy) = (server.lsp().await, TestLsp::register(&server, "LSP-SPY").await);
    let (owned, nobodys) = (Owned::by(&server, &owner).await, Owned::nobodys());
    let before = fingerprint::state(&server).await;

    for operation in OPERATIONS.iter().filter(|operation| !NAMELESS.contains(&operation.name)) {
        assert!(!id_members(operation).is_empty(), "{} names nothing: say so", operation.name);
        let mut answers = Vec::new();
        for whose in [&owned, &nobodys] {
            let body = naming(operation, |around, member| whose.id(operation, around, member).to_owned());
            answers.push(answer(&spy, operation, body, &[&owned, &nobodys]).await);
        }
        assert_eq!(answers[0], answers[1], "{}", operation.name);
    }
    assert_eq!(fingerprint::state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_anothers_beside_ones_own_is_as_unknown() {
    let server = Server::start().await;
    let (owner, spy) = (server.lsp().await, TestLsp::register(&server, "LSP-SPY").await);
    let (owned, nobodys) = (Owned::by(&server, &owner).await, Owned::nobodys());
    let own = Flow { server: &server, lsp: &spy }.granted(1).await.remove(0);
    let ours = ["loanApplicationId", "loanApplicationIds", "loanId"];
    let theirs = |kind: &str| {
        format!(
            "select md5(string_agg({kind}::text, '' order by {kind}::text)) from {kind}
        where org_id = '{}'",
            owner.org_id
        )
    };
    let of_owner = async || {
        let mut sums = Vec::new();
        for kind in ["application", "loan", "repayment", "dispute"] {
            let row = server.app.pool.fetch_one(AssertSqlSafe(theirs(kind))).await.unwrap();
            sums.push(row.get::<Option<String>, _>(0));
        }
        sums
    };
    let before = of_owner().await;

    for operation in OPERATIONS.iter().filter(|operation| !NAMELESS.contains(&operation.name)) {
        let members = id_members(operation);
        let beside = members.iter().any(|(_, member)| ours.contains(member))
            && members.iter().any(|(_, member)| !ours.contains(member));
        if !beside {
            continue;
        }
        let mut answers = Vec::new();
        for whose in [&owned, &nobodys] {
            let body = naming(operation, |around, member| match member {
                "loanApplicationId" | "loanApplicationIds" => own.application.clone(),
                "loanId" => own.loan_id.clone(),
                _ => whose.id(operation, around, member).to_owned(),
            });
            answers.push(answer(&spy, operation, body, &[&owned, &nobodys]).await);
        }
        // A payment id of the LSP's own making is nobody else's business: the first use takes it.
        if operation.name != "triggerDisbursement" {
            assert_eq!(answers[0], answers[1], "{}", operation.name);
        }
    }
    assert_eq!(of_owner().await, before);
}

//! Decisions that the rules left to a person: looked at, claimed, proposed by one person and released by another.
//! Personal data is masked as everywhere; who reveals it sees whom the decision is about.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::acts::{LONGEST_REASON, problem};
use super::caller::{Caller, words};
use super::page::{self, Page};
use crate::app::{App, SharedApp};
use crate::domain::application::Application;
use crate::domain::application::ask::Approval;
use crate::domain::application::deal::Offer;
use crate::domain::application::referral::{self as rules, Verdict};
use crate::domain::application::stage::RejectionReason;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rate::AnnualRate;
use crate::domain::maths::rupees;
use crate::engine::refer;
use crate::http::problem::{Json as Body, Path, Problem, Query};
use crate::store::referral::{self, Proposal, Stored, Which};
use crate::store::{application, exposure};

/// All states; those of the queue come first.
const STATES: [&str; 5] = ["WAITING", "PROPOSED", "APPROVED", "REJECTED", "STALE"];
/// How many of them are shown when none is named: what is still to be decided.
const OPEN: usize = 2;
/// Most acts that are shown of one decision.
const SHOWN: i64 = 500;

/// `GET /admin/decisions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    /// One of `WAITING`, `PROPOSED`, `APPROVED`, `REJECTED`, `STALE`; left out, those of the first two.
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Decisions in a state, or all that are open, oldest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(State(app): State<SharedApp>, Query(query): Query<ListQuery>) -> Result<Json<Value>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::before(query.cursor.as_deref())?;
    let states = match query.state.as_deref().map(str::to_ascii_uppercase) {
        None => STATES.get(..OPEN).unwrap_or_default().to_vec(),
        Some(word) => match STATES.into_iter().find(|state| *state == word) {
            Some(state) => vec![state],
            None => return Err(Problem::bad_request(format!("state must be one of {}", STATES.join(", ")))),
        },
    };
    let mut conn = app.pool.acquire().await?;
    let found = referral::list(&mut conn, &app.sealer, Which { states: &states, after }, limit + 1).await?;
    let ids: Vec<_> = found.iter().map(|stored| stored.application).collect();
    let applications = application::read(&mut conn, &app.sealer, &ids).await?;
    drop(conn);
    let now = app.clock.now();
    let of = |stored: &Stored| applications.iter().find(|application| application.id == stored.application);
    let items: Vec<Value> = found.iter().map(|stored| Value::Object(summary(stored, of(stored), now))).collect();
    let Json(page) = Page::of(items, limit, |item| item["decisionId"].as_str().unwrap_or_default().to_owned());
    serde_json::to_value(&page).map(Json).map_err(|error| Problem::internal(&error))
}

/// One decision with what it needs: facts of the application, reasons, amounts, what was done so far.
///
/// # Errors
/// 404 when there is no such decision.
pub async fn show(State(app): State<SharedApp>, Path(id): Path<Uuid>) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let stored = referral::read(&mut conn, &app.sealer, id).await?.ok_or_else(|| Problem::not_found("decision"))?;
    full(&app, &mut conn, &stored).await.map(Json)
}

/// `POST .../claim` and `/unclaim`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Claim")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct By {
    /// Who; left out with a token of one's own.
    by: Option<String>,
}

/// Claims a decision: nobody else may propose until the claim ends.
///
/// # Errors
/// 404 for an unknown decision, 409 when somebody else has it, or it is stale or decided.
pub async fn claim(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(By { by }): Body<By>,
) -> Result<Json<Value>, Problem> {
    let by = caller.named("by", by.as_deref())?;
    let stored = refer::claim(&app, id, (&by, caller.actor())).await.map_err(problem)?;
    shown(&app, &stored).await
}

/// Gives a claim up.
///
/// # Errors
/// 404 for an unknown decision, 409 when the claim is not the caller's.
pub async fn unclaim(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(By { by }): Body<By>,
) -> Result<Json<Value>, Problem> {
    let by = caller.named("by", by.as_deref())?;
    let stored = refer::unclaim(&app, id, (&by, caller.actor())).await.map_err(problem)?;
    shown(&app, &stored).await
}

/// `POST .../propose`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProposal {
    /// Who proposes; left out with a token of one's own.
    maker: Option<String>,
    verdict: Word,
    /// Terms of an approval; left out, what was asked for. A list without any approves nothing and is refused.
    #[schemars(length(min = 1))]
    offers: Option<Vec<Terms>>,
    /// Of a rejection.
    rejection: Option<Words>,
    /// Why, for the checker and the log.
    reason: String,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "VerdictWord")]
#[serde(rename_all = "lowercase")]
enum Word {
    Approve,
    Reject,
}

/// Approved terms; what is left out is the product's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ApprovedTerms")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Terms {
    #[serde(with = "rupees")]
    #[schemars(with = "String")]
    /// Rupees.
    amount: Paise,
    /// How many.
    installments: Option<u32>,
    /// Percent per annum, as text: `18.00`.
    #[schemars(with = "Option<String>")]
    annual_rate: Option<AnnualRate>,
}

/// What the borrower is told.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RejectionWords")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Words {
    /// As OCEN names it.
    reason: RejectionReason,
    /// In words for the borrower.
    description: String,
}

/// Proposes a verdict. One that could not be carried out now is refused at once.
///
/// # Errors
/// 400 without a reason or maker, 404 for an unknown decision, 409 when the maker has not claimed it, or with the words
/// why it cannot be decided so, 422 for a list of no offers.
pub async fn propose(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(new): Body<NewProposal>,
) -> Result<Json<Value>, Problem> {
    let maker = caller.named("maker", new.maker.as_deref())?;
    let reason = words("reason", &new.reason, LONGEST_REASON)?;
    let verdict = verdict(new)?;
    let stored =
        refer::propose(&app, id, (&maker, caller.actor()), Proposal { verdict, reason }).await.map_err(problem)?;
    shown(&app, &stored).await
}

fn verdict(new: NewProposal) -> Result<Verdict, Problem> {
    if new.offers.as_ref().is_some_and(Vec::is_empty) {
        let detail = "must have one at least: left out, what was asked for is approved";
        return Err(Problem::unprocessable("/offers", detail));
    }
    match (new.verdict, new.rejection) {
        (Word::Approve, None) => {
            let terms = |t: Terms| Approval {
                amount: t.amount,
                installments: t.installments,
                annual_rate: t.annual_rate,
                valid_days: None,
            };
            Ok(Verdict::Approve { offers: new.offers.into_iter().flatten().map(terms).collect() })
        }
        (Word::Reject, Some(Words { reason, description })) if new.offers.is_none() => {
            Ok(Verdict::Reject { reason, description: words("rejection.description", &description, LONGEST_REASON)? })
        }
        (Word::Approve, Some(_)) => Err(Problem::bad_request("an approval has no `rejection`")),
        (Word::Reject, _) => {
            Err(Problem::bad_request("a rejection has no `offers` and tells the borrower why: `rejection`"))
        }
    }
}

/// `POST .../release`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReleasedDecision")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checked {
    /// Who releases; left out with a token of one's own.
    checker: Option<String>,
}

/// Releases a proposed verdict: it is applied in the same transaction, and whoever waits is answered.
///
/// # Errors
/// 404 for an unknown decision, 409 by its own maker, when it is stale, decided, or cannot be carried out any more.
pub async fn release(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(Checked { checker }): Body<Checked>,
) -> Result<Json<Value>, Problem> {
    let checker = caller.named("checker", checker.as_deref())?;
    let stored = refer::release(&app, id, (&checker, caller.actor())).await.map_err(problem)?;
    shown(&app, &stored).await
}

/// `POST .../return`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReturnedDecision")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Returned {
    /// Who returns it; left out with a token of one's own.
    checker: Option<String>,
    /// What is to be done about it.
    reason: String,
}

/// Hands a proposed verdict back, with what is to be done about it: the decision waits again.
///
/// # Errors
/// 400 or 422 without a reason, 404 for an unknown decision, 409 by its own maker, or when nothing is proposed.
pub async fn hand_back(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(Returned { checker, reason }): Body<Returned>,
) -> Result<Json<Value>, Problem> {
    let checker = caller.named("checker", checker.as_deref())?;
    let reason = words("reason", &reason, LONGEST_REASON)?;
    let stored = refer::hand_back(&app, id, (&checker, caller.actor()), &reason).await.map_err(problem)?;
    shown(&app, &stored).await
}

async fn shown(app: &App, stored: &Stored) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    full(app, &mut conn, stored).await.map(Json)
}

/// What a list shows. A claim that ran out is none; one that waits for an application which has gone on is stale.
fn summary(stored: &Stored, of: Option<&Application>, now: DateTime<Utc>) -> Map<String, Value> {
    let is_open = matches!(stored.state.as_str(), "WAITING" | "PROPOSED");
    let asked = rules::question(&stored.question);
    let current = matches!((&asked, of), (Some(ask), Some(app)) if rules::is_current(app, ask, stored.generation));
    let claim = stored.claimed_by.as_deref().filter(|_| stored.claimed_until.is_some_and(|until| now < until));
    let codes: Vec<&str> = stored.reasons.iter().map(|reason| reason.code.as_str()).collect();
    let shown = json!({
        "decisionId": stored.id,
        "question": stored.question,
        "state": stored.state,
        "stale": is_open && !current,
        "orgId": stored.org_id,
        "applicationId": stored.application,
        "loanApplicationId": of.map(|app| &app.loan_application_id),
        "product": of.map(|app| &app.product),
        "requestedAmount": of.map(|app| app.form.requested.to_string()),
        "codes": codes,
        "claimedBy": claim,
        "claimedUntil": claim.and(stored.claimed_until),
        "maker": stored.maker,
        "checker": stored.checker,
        "createdAt": stored.created_at,
        "proposedAt": stored.proposed_at,
        "decidedAt": stored.decided_at,
    });
    match shown {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

async fn full(app: &App, conn: &mut PgConnection, stored: &Stored) -> Result<Value, Problem> {
    let of = application::read(conn, &app.sealer, &[stored.application]).await?.pop();
    let acts = referral::acts(conn, &app.sealer, stored.id, SHOWN).await?;
    let mut shown = summary(stored, of.as_ref(), app.clock.now());
    shown.insert("reasons".to_owned(), json!(stored.reasons));
    shown.insert("proposal".to_owned(), stored.proposal.as_ref().map_or(Value::Null, proposal));
    shown.insert("acts".to_owned(), json!(acts));
    if let Some(of) = of {
        let (kind, value) = of.form.borrower.identity();
        let beside = exposure::beside(conn, &app.sealer.blind_index(kind, value), of.id).await?;
        let limit = app.config.limits.max_borrower_exposure;
        shown.insert("application".to_owned(), facts(&of));
        shown.insert(
            "exposure".to_owned(),
            json!({
                "committed": beside.committed.to_string(),
                "granted": beside.granted.to_string(),
                "limit": limit.map(|limit| limit.to_string()),
            }),
        );
    }
    Ok(Value::Object(shown))
}

/// What a person decides by.
fn facts(of: &Application) -> Value {
    let form = &of.form;
    let collaterals = form.collaterals.iter().map(|collateral| {
        json!({
            "idType": collateral.id_type,
            "primaryId": collateral.id,
            "value": collateral.value.map(|value| value.to_string()),
        })
    });
    json!({
        "stage": of.stage.name(),
        "loanType": form.loan_type,
        "requestedAmount": form.requested.to_string(),
        "requestedTenure": form.tenure,
        "createdDate": form.created_at,
        "borrower": {
            "primaryIdType": form.borrower.primary_id_type,
            "pan": form.borrower.pan,
            "name": form.borrower.name,
            "phone": form.borrower.phone,
        },
        "documents": form.documents,
        "collaterals": collaterals.collect::<Vec<_>>(),
        "dataConsent": of.data_consent.name(),
        "monitoringConsent": of.monitoring_consent.name(),
        "offer": of.stage.deal().map(|deal| terms(&deal.offer)),
    })
}

fn terms(offer: &Offer) -> Value {
    json!({
        "offerId": offer.id,
        "sanctionedAmount": offer.sanctioned.to_string(),
        "annualRate": offer.annual_rate,
        "annualPercentageRate": offer.apr.to_string(),
        "instalment": offer.instalment.to_string(),
        "netDisbursedAmount": offer.net_disbursed.to_string(),
        "tenure": offer.tenure,
        "validTill": offer.valid_till,
    })
}

fn proposal(proposal: &Proposal) -> Value {
    match &proposal.verdict {
        Verdict::Approve { offers } => {
            let offers = offers.iter().map(|offer| {
                json!({
                    "amount": offer.amount.to_string(),
                    "installments": offer.installments,
                    "annualRate": offer.annual_rate,
                })
            });
            json!({ "verdict": "approve", "offers": offers.collect::<Vec<_>>(), "reason": proposal.reason })
        }
        Verdict::Reject { reason, description } => json!({
            "verdict": "reject",
            "rejection": { "reason": reason, "description": description },
            "reason": proposal.reason,
        }),
    }
}

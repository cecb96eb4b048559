//! What the HTTP adapter sends, in camelCase with amounts as rupee text, apart from how we store things.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::Call;
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Collection};
use crate::domain::application::facets::{Account, AccountTarget, Deal};
use crate::domain::application::form::Tenure;

/// What is asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Question<'a> {
    key: &'a str,
    ask: Value,
    subjects: Vec<Value>,
    reference: Option<&'a str>,
    now: DateTime<Utc>,
    business_date: NaiveDate,
}

impl<'a> Question<'a> {
    /// The body of a call; nothing when its subject is missing.
    pub(super) fn new(call: &'a Call<'a>) -> Option<Self> {
        call.subjects.first()?;
        Some(Self {
            key: &call.key,
            ask: detail(call),
            subjects: call.subjects.iter().map(|subject| subject_of(call.ask, subject)).collect(),
            reference: call.reference,
            now: call.now,
            business_date: call.today,
        })
    }
}

/// What the question itself carries.
fn detail(call: &Call<'_>) -> Value {
    match call.ask {
        Ask::Eligibility | Ask::Offers | Ask::FinalCheck | Ask::Kyc | Ask::PrepareAgreement { .. } => json!({}),
        Ask::FetchData { consent_id } => json!({ "consentId": consent_id }),
        Ask::ConsentCreate { purpose, vua, aggregation_id } => {
            json!({ "purpose": purpose, "vua": vua, "aggregationId": aggregation_id })
        }
        Ask::ConsentStatus { purpose, handle } => json!({ "purpose": purpose, "handle": handle }),
        Ask::SendOtp { session_key, document_hashes, app_token } => json!({
            "sessionKey": session_key,
            "documentHashes": document_hashes,
            "appToken": app_token,
            "otp": call.otp,
        }),
        Ask::VerifyAccount { account } => json!({ "account": account_of(account) }),
        Ask::RegisterMandate { plan } => json!({ "planId": plan }),
        Ask::MandateStatus { plan, reference } | Ask::CancelMandate { plan, reference } => {
            json!({ "planId": plan, "mandateReference": reference })
        }
        Ask::PaymentLink(collection) | Ask::Present(collection) => collection_of(collection),
        Ask::LinkStatus { collection, reference } | Ask::CancelLink { collection, reference } => {
            let mut asked = collection_of(collection);
            if let Value::Object(members) = &mut asked {
                members.insert("linkReference".to_owned(), json!(reference));
            }
            asked
        }
        Ask::Refund(order) => json!({
            "loanId": order.loan_id,
            "refundReference": order.reference,
            "bankKey": order.bank_key,
            "amount": order.amount.to_string(),
            "account": account_of(&order.account),
        }),
        Ask::Pay(order) => json!({
            "loanId": order.loan_id,
            "paymentId": order.payment_id,
            "tranche": order.tranche,
            "attempt": order.attempt,
            "bankKey": order.bank_key,
            "amount": order.net.to_string(),
            "account": account_of(&order.account),
        }),
        Ask::Notify(notice) => json!({
            "kind": notice.kind,
            "loanId": notice.loan_id,
            "noticeKey": notice.key,
            "text": notice.text,
        }),
    }
}

fn collection_of(collection: &Collection) -> Value {
    json!({
        "loanId": collection.loan_id,
        "paymentId": collection.payment_id,
        "bankKey": collection.key,
        "amount": collection.amount.to_string(),
        "instalment": collection.instalment,
        "paymentMethodType": collection.method,
        "mandateReference": collection.mandate,
        "expiresAt": collection.expires_at,
    })
}

fn account_of(account: &Account) -> Value {
    let target = match &account.target {
        AccountTarget::Account { ifsc, number } => json!({ "ifsc": ifsc, "number": number }),
        AccountTarget::Vpa { vpa } => json!({ "vpa": vpa }),
    };
    json!({ "holder": account.holder, "kind": account.kind, "target": target })
}

/// What each system needs to know of an application, and no more (RBI digital lending, DL 12).
fn subject_of(ask: &Ask, application: &Application) -> Value {
    let borrower = &application.form.borrower;
    let mut subject = json!({
        "orgId": application.org_id,
        "loanApplicationId": application.loan_application_id,
        "product": application.product,
        "borrower": { "name": borrower.name, "phone": borrower.phone },
    });
    let more = match ask.port() {
        "decision" => decision_view(application),
        "kyc" => json!({ "identity": identity(application) }),
        "notifier" => json!({ "email": borrower.email }),
        "agreement" => json!({
            "email": borrower.email,
            "offer": offer_view(application),
            "keyFactsStatement": kfs_view(application),
        }),
        "collections" => json!({ "email": borrower.email, "offer": offer_view(application) }),
        _ => json!({}),
    };
    if let (Value::Object(subject), Value::Object(more)) = (&mut subject, more) {
        subject.extend(more);
    }
    subject
}

fn identity(application: &Application) -> Value {
    let borrower = &application.form.borrower;
    json!({ "primaryId": borrower.primary_id, "primaryIdType": borrower.primary_id_type, "pan": borrower.pan })
}

fn decision_view(application: &Application) -> Value {
    let form = &application.form;
    let collaterals = form.collaterals.iter().map(|collateral| {
        json!({ "idType": collateral.id_type, "id": collateral.id, "value": collateral.value.map(|v| v.to_string()) })
    });
    json!({
        "identity": identity(application),
        "loanType": form.loan_type,
        "requestedAmount": form.requested.to_string(),
        "requestedTenure": form.tenure.map(tenure_view),
        "collaterals": collaterals.collect::<Vec<_>>(),
        "documents": form.documents,
    })
}

fn offer_view(application: &Application) -> Value {
    let Some(deal) = application.stage.deal() else {
        return Value::Null;
    };
    let offer = deal.offer_to_sign();
    json!({
        "id": offer.id,
        "sanctionedAmount": offer.sanctioned.to_string(),
        "annualRate": offer.annual_rate,
        "annualPercentageRate": offer.apr.to_string(),
        "totalInterest": offer.interest.to_string(),
        "totalRepayable": offer.total.to_string(),
        "installmentAmount": offer.instalment.to_string(),
        "netDisbursedAmount": offer.net_disbursed.to_string(),
        "coolingOffDays": offer.cooling_off_days,
        "tenure": tenure_view(offer.tenure),
    })
}

/// The statement that the agreement must stand on: `text` is exactly what `hash` is of.
fn kfs_view(application: &Application) -> Value {
    let Some(kfs) = application.stage.deal().and_then(Deal::kfs_to_sign) else {
        return Value::Null;
    };
    json!({
        "proposalNumber": kfs.number,
        "hash": kfs.hash,
        "text": kfs.text,
        "url": kfs.url,
        "agreementUrl": kfs.agreement_url,
        "validTill": kfs.valid_till,
    })
}

fn tenure_view(tenure: Tenure) -> Value {
    json!({ "duration": tenure.duration, "unit": tenure.unit })
}

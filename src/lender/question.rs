//! What the HTTP adapter sends: one envelope for every method, and in it what the method's own question carries.
//!
//! Wire types apart from how we store things: camelCase, amounts as rupee text. `openapi/ports.json` is made of them.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

use super::Call;
use super::subject::subject_of;
use crate::domain::application::ask::{Ask, Collection, PayOrder, RefundOrder};
use crate::domain::application::command::LspInfo;
use crate::domain::application::facets::{Account, AccountTarget, ConsentPurpose};
use crate::domain::application::notice::NoticeKind;
use crate::domain::ids::LoanId;

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Question<'a> {
    pub(super) context: Context<'a>,
    pub(super) key: &'a str,
    pub(super) ask: Value,
    pub(super) subjects: Vec<Value>,
    pub(super) reference: Option<&'a str>,
    pub(super) now: DateTime<Utc>,
    pub(super) business_date: NaiveDate,
}

/// How the answer may come later.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Context<'a> {
    /// Where the outcome of this very question may be posted when it was answered with `pending`; absent when the
    /// lender's systems cannot reach the server, which then asks again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(url)]
    pub(super) callback_url: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// The body of a call; nothing when its subject is missing.
    pub(super) fn new(call: &'a Call<'a>) -> Option<Self> {
        call.subjects.first()?;
        Some(Self {
            context: Context { callback_url: call.callback_url.as_deref() },
            key: &call.key,
            ask: detail(call.ask, call.otp.as_deref())?,
            subjects: call.subjects.iter().map(|subject| subject_of(call.ask, subject)).collect(),
            reference: call.reference,
            now: call.now,
            business_date: call.today,
        })
    }
}

/// Nothing is asked beyond what the subjects say.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NoDetail {}

/// `data`/`fetch`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FetchDetail<'a> {
    /// The consent artefact's id; null when the product needs no consent.
    consent_id: Option<&'a str>,
}

/// `data`/`consent-create`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConsentDetail<'a> {
    /// `DATA`: once, for underwriting. `MONITORING`: periodically, while the loan runs.
    purpose: ConsentPurpose,
    /// The borrower's address at the account aggregator.
    vua: &'a str,
    /// Made by the LSP, where it made one.
    aggregation_id: Option<&'a str>,
    /// Whether the borrower consents for several lenders at once, under `aggregationId`; null when the LSP did not say.
    is_aggregation_enabled: Option<bool>,
    /// By what the account aggregator recognises the LSP; null when the LSP did not say.
    lsp_info: Option<WireLsp<'a>>,
}

/// `lspInfo` as the LSP sent it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LspInfo")]
pub(super) struct WireLsp<'a> {
    /// By which the account aggregator knows the LSP.
    lsp_id: Option<&'a str>,
    /// Version of the LSP's software.
    version: Option<&'a str>,
    /// Package name of the LSP's app.
    app_name: Option<&'a str>,
    /// The LSP's page.
    url: Option<&'a str>,
}

/// `data`/`consent-status` and `consent-revoke`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConsentStatusDetail<'a> {
    /// Which consent.
    purpose: ConsentPurpose,
    /// The handle that `consent-create` gave.
    handle: &'a str,
}

/// `agreement`/`send-otp`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OtpDetail<'a> {
    /// The session that the password belongs to; not for the borrower.
    session_key: &'a str,
    /// Hashes of the key facts statement and the agreement of each subject, in their order: what the password signs.
    document_hashes: &'a [String],
    /// Hash by which an Android app reads the SMS; null when the LSP sent none.
    app_token: Option<&'a str>,
    /// The six digits to be sent; the server always gives them. Never log them.
    otp: Option<&'a str>,
}

/// `disbursement`/`verify-account`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifyDetail<'a> {
    /// The account to look up. Its holder must be the borrower.
    account: WireAccount<'a>,
}

/// Where money goes to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Account")]
pub(super) struct WireAccount<'a> {
    /// The holder's name as the LSP gave it; null when it gave none.
    holder: Option<&'a str>,
    /// `CURRENT`, `SAVING`, `OVERDRAFT` or what the LSP sent.
    kind: Option<&'a str>,
    /// Bank account or UPI address.
    target: WireTarget<'a>,
}

/// Bank account or UPI address.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "AccountTarget")]
pub(super) enum WireTarget<'a> {
    /// A bank account.
    Account {
        /// Indian financial system code of the branch, 11 characters.
        ifsc: &'a str,
        /// Account number.
        number: &'a str,
    },
    /// A UPI address.
    Vpa {
        /// e.g. `name@bank`.
        vpa: &'a str,
    },
}

/// `disbursement`/`pay` and `status` of a loan's payout.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PayDetail<'a> {
    /// The loan.
    loan_id: &'a str,
    /// The LSP's id of the payment.
    payment_id: &'a str,
    /// Which part of the loan, counted from 1.
    tranche: u32,
    /// Counts final failures of this tranche, from 1.
    attempt: u32,
    /// Same key, same payment: pay it once however often it is asked for.
    bank_key: &'a str,
    /// What to transfer, rupees.
    #[schemars(schema_with = "rupees_schema")]
    amount: String,
    /// Where to.
    account: WireAccount<'a>,
}

/// `disbursement`/`pay` and `status` of money given back to a borrower.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundDetail<'a> {
    /// The loan.
    loan_id: &'a str,
    /// The lender's reference of the refund.
    refund_reference: &'a str,
    /// Same key, same payment: pay it once however often it is asked for.
    bank_key: &'a str,
    /// What to transfer, rupees.
    #[schemars(schema_with = "rupees_schema")]
    amount: String,
    /// Where to.
    account: WireAccount<'a>,
}

/// `collections`/`register-mandate`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegisterDetail<'a> {
    /// The repayment plan that the mandate is for; one mandate per plan.
    plan_id: &'a str,
}

/// `collections`/`status` and `cancel` of a mandate.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MandateDetail<'a> {
    /// The repayment plan that the mandate is for.
    plan_id: &'a str,
    /// The reference that `register-mandate` gave.
    mandate_reference: &'a str,
}

/// `collections`/`payment-link`, `present`, and `status` and `cancel` of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CollectDetail<'a> {
    /// The loan.
    loan_id: &'a str,
    /// The lender's id of the payment.
    payment_id: &'a str,
    /// Same key, same debit or page: take the money once however often it is asked for.
    bank_key: &'a str,
    /// What to collect, rupees.
    #[schemars(schema_with = "rupees_schema")]
    amount: String,
    /// Number of the instalment, counted from 1; null when it is for none.
    instalment: Option<u32>,
    /// How the LSP wants it paid, e.g. `UPI`; null when it did not say.
    payment_method_type: Option<&'a str>,
    /// The mandate to debit, for `present` only.
    mandate_reference: Option<&'a str>,
    /// Until when a page may take money.
    expires_at: Option<DateTime<Utc>>,
    /// The reference that `payment-link` gave, in `status` and `cancel` of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_reference: Option<&'a str>,
}

/// `collections`/`notify`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComingDebitDetail<'a> {
    /// The loan.
    loan_id: &'a str,
    /// Number of the instalment, counted from 1.
    instalment: u32,
    /// When it is due; it is not debited before.
    due_on: NaiveDate,
    /// What the borrower is told, rupees: no more than this is debited.
    #[schemars(schema_with = "rupees_schema")]
    amount: String,
    /// The mandate that will be debited.
    mandate_reference: &'a str,
}

/// `notifier`/`send`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NoticeDetail<'a> {
    /// Why the borrower is told, e.g. to choose a registered template.
    kind: NoticeKind,
    /// The loan; null before the grant.
    loan_id: Option<&'a str>,
    /// Same key, same message: send it once however often it is asked for.
    notice_key: &'a str,
    /// What the borrower reads.
    text: &'a str,
}

/// Rupees in text.
pub(super) fn rupees_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\d+\.\d{2}$", "examples": ["50000.00"] })
}

fn json(value: impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}

/// What the question itself carries.
pub(super) fn detail(ask: &Ask, otp: Option<&str>) -> Option<Value> {
    match ask {
        Ask::Eligibility | Ask::Offers | Ask::FinalCheck | Ask::Kyc | Ask::PrepareAgreement { .. } => json(NoDetail {}),
        Ask::FetchData { consent_id } => json(FetchDetail { consent_id: consent_id.as_deref() }),
        Ask::ConsentCreate { purpose, vua, aggregation_id, aggregated, lsp } => json(ConsentDetail {
            purpose: *purpose,
            vua,
            aggregation_id: aggregation_id.as_deref(),
            is_aggregation_enabled: *aggregated,
            lsp_info: lsp.as_ref().map(lsp_of),
        }),
        Ask::ConsentStatus { purpose, handle } | Ask::ConsentRevoke { purpose, handle } => {
            json(ConsentStatusDetail { purpose: *purpose, handle })
        }
        Ask::SendOtp { session_key, document_hashes, app_token } => {
            json(OtpDetail { session_key, document_hashes, app_token: app_token.as_deref(), otp })
        }
        Ask::VerifyAccount { account } => json(VerifyDetail { account: account_of(account) }),
        Ask::RegisterMandate { plan } => json(RegisterDetail { plan_id: plan.as_str() }),
        Ask::MandateStatus { plan, reference, .. } | Ask::CancelMandate { plan, reference } => {
            json(MandateDetail { plan_id: plan.as_str(), mandate_reference: reference })
        }
        Ask::PaymentLink(collection) | Ask::Present(collection) => json(collection_of(collection, None)),
        Ask::LinkStatus { collection, reference } | Ask::CancelLink { collection, reference } => {
            json(collection_of(collection, Some(reference)))
        }
        Ask::AnnounceDebit(coming) => json(ComingDebitDetail {
            loan_id: coming.loan_id.as_str(),
            instalment: coming.instalment,
            due_on: coming.due_on,
            amount: coming.amount.to_string(),
            mandate_reference: &coming.mandate,
        }),
        Ask::Refund(order) => json(refund_of(order)),
        Ask::Pay(order) => json(payment_of(order)),
        Ask::Notify(notice) => json(NoticeDetail {
            kind: notice.kind,
            loan_id: notice.loan_id.as_ref().map(LoanId::as_str),
            notice_key: &notice.key,
            text: &notice.text,
        }),
    }
}

fn lsp_of(lsp: &LspInfo) -> WireLsp<'_> {
    WireLsp {
        lsp_id: lsp.lsp_id.as_deref(),
        version: lsp.version.as_deref(),
        app_name: lsp.app_name.as_deref(),
        url: lsp.url.as_deref(),
    }
}

fn payment_of(order: &PayOrder) -> PayDetail<'_> {
    PayDetail {
        loan_id: order.loan_id.as_str(),
        payment_id: order.payment_id.as_str(),
        tranche: order.tranche,
        attempt: order.attempt,
        bank_key: &order.bank_key,
        amount: order.net.to_string(),
        account: account_of(&order.account),
    }
}

fn refund_of(order: &RefundOrder) -> RefundDetail<'_> {
    RefundDetail {
        loan_id: order.loan_id.as_str(),
        refund_reference: &order.reference,
        bank_key: &order.bank_key,
        amount: order.amount.to_string(),
        account: account_of(&order.account),
    }
}

fn collection_of<'a>(collection: &'a Collection, link_reference: Option<&'a str>) -> CollectDetail<'a> {
    CollectDetail {
        loan_id: collection.loan_id.as_str(),
        payment_id: collection.payment_id.as_str(),
        bank_key: &collection.key,
        amount: collection.amount.to_string(),
        instalment: collection.instalment,
        payment_method_type: collection.method.as_deref(),
        mandate_reference: collection.mandate.as_deref(),
        expires_at: collection.expires_at,
        link_reference,
    }
}

fn account_of(account: &Account) -> WireAccount<'_> {
    let target = match &account.target {
        AccountTarget::Account { ifsc, number } => WireTarget::Account { ifsc, number },
        AccountTarget::Vpa { vpa } => WireTarget::Vpa { vpa },
    };
    WireAccount { holder: account.holder.as_deref(), kind: account.kind.as_deref(), target }
}

//! Every method of every port in one table: what is sent, what may be found. The published schemas and the contract
//! suite are made of it.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::ledger::{BalancesDetail, JournalsDetail};
use super::question::{
    CollectDetail, ComingDebitDetail, ConsentDetail, ConsentStatusDetail, FetchDetail, MandateDetail, NoDetail,
    NoticeDetail, OtpDetail, PayDetail, RefundDetail, RegisterDetail, VerifyDetail,
};
use super::subject::{AgreementSubject, CollectionsSubject, DecisionSubject, KycSubject, NotifierSubject, Subject};

/// Makes a schema, or a reference to one.
pub(super) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// One method of a port.
#[derive(Debug)]
pub struct Method {
    /// Which port.
    pub port: &'static str,
    /// The last part of its path.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// What must be known to answer it.
    pub(super) description: &'static str,
    /// What `ask` may be.
    pub(super) asks: &'static [MakeSchema],
    /// What each of `subjects` is.
    pub(super) subject: MakeSchema,
    /// What `done` may have found; names of `finding`.
    pub(super) findings: &'static [&'static str],
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const NOTHING: &[MakeSchema] = &[schema::<NoDetail>];
const VERDICTS: &[&str] = &["pass", "decline", "needsAction", "refer"];
const PAYMENTS: &[MakeSchema] = &[schema::<PayDetail<'static>>, schema::<RefundDetail<'static>>];
const COLLECTION: &[MakeSchema] = &[schema::<CollectDetail<'static>>];
const COLLECTED: &[MakeSchema] = &[schema::<MandateDetail<'static>>, schema::<CollectDetail<'static>>];

const DECISION: MakeSchema = schema::<DecisionSubject<'static>>;
const KYC: MakeSchema = schema::<KycSubject<'static>>;
const AGREEMENT: MakeSchema = schema::<AgreementSubject<'static>>;
const COLLECTIONS: MakeSchema = schema::<CollectionsSubject<'static>>;
const NOTIFIER: MakeSchema = schema::<NotifierSubject<'static>>;
const PLAIN: MakeSchema = schema::<Subject<'static>>;

/// All of them, port by port.
pub const METHODS: &[Method] = &[
    Method {
        port: "decision",
        name: "eligibility",
        summary: "Preliminary check of an application",
        description: "Asked when an application is filed, before any data of the borrower is there.",
        asks: NOTHING,
        subject: DECISION,
        findings: VERDICTS,
    },
    Method {
        port: "decision",
        name: "offers",
        summary: "Underwriting: what to offer",
        description: "Asked after `data`/`fetch`. Give amounts, and where they differ from the product's, instalments \
            and rate; the server prices them.",
        asks: NOTHING,
        subject: DECISION,
        findings: &["approve", "decline", "needsAction", "refer"],
    },
    Method {
        port: "decision",
        name: "final-check",
        summary: "Last check before the grant",
        description: "Asked when everything is signed and set up.",
        asks: NOTHING,
        subject: DECISION,
        findings: VERDICTS,
    },
    Method {
        port: "data",
        name: "consent-create",
        summary: "Ask the account aggregator for a consent",
        description: "One consent may stand for several applications of one borrower.",
        asks: &[schema::<ConsentDetail<'static>>],
        subject: PLAIN,
        findings: &["consentCreated"],
    },
    Method {
        port: "data",
        name: "consent-status",
        summary: "Whether the borrower approved a consent",
        description: "Asked when the LSP asks. `consentPending` is an answer too.",
        asks: &[schema::<ConsentStatusDetail<'static>>],
        subject: PLAIN,
        findings: &["consentPending", "consentReady", "consentFailed"],
    },
    Method {
        port: "data",
        name: "consent-revoke",
        summary: "Stop a consent",
        description: "Asked of the monitoring consent when its loan is closed, written off or withdrawn. What is revoked, \
            expired or rejected already is `acknowledged`. Say `refused` when the account aggregator does not do it.",
        asks: &[schema::<ConsentStatusDetail<'static>>],
        subject: PLAIN,
        findings: &["acknowledged"],
    },
    Method {
        port: "data",
        name: "fetch",
        summary: "Fetch the borrower's data under the consent",
        description: "The data stays with the lender's systems, where `decision` finds it; the server stores none.",
        asks: &[schema::<FetchDetail<'static>>],
        subject: PLAIN,
        findings: &["acknowledged"],
    },
    Method {
        port: "kyc",
        name: "start",
        summary: "Verify who the borrower is",
        description: "Usually answered with `pending`, and a `url` where the borrower completes it.",
        asks: NOTHING,
        subject: KYC,
        findings: &["kycDone"],
    },
    Method {
        port: "kyc",
        name: "status",
        summary: "What became of an identity verification",
        description: "The poll of `start`: `key` and `reference` name it.",
        asks: NOTHING,
        subject: KYC,
        findings: &["kycDone"],
    },
    Method {
        port: "agreement",
        name: "prepare",
        summary: "Write the loan agreement",
        description: "The OTP will be bound to the hash. Return the text too, and the server's page shows it; else keep \
            it unchanged at the address that you return.",
        asks: NOTHING,
        subject: AGREEMENT,
        findings: &["prepared"],
    },
    Method {
        port: "agreement",
        name: "send-otp",
        summary: "Send the signing password to the borrower's phone",
        description: "The server makes the password and checks it. It is asked for once for all subjects, which are one \
            borrower's.",
        asks: &[schema::<OtpDetail<'static>>],
        subject: AGREEMENT,
        findings: &["acknowledged"],
    },
    Method {
        port: "disbursement",
        name: "verify-account",
        summary: "Whether an account exists and is the borrower's",
        description: "Refuse when the holder is somebody else: loans are paid to the borrower's own account only. Where \
            `holder` is null compare the bank's name with the subject's.",
        asks: &[schema::<VerifyDetail<'static>>],
        subject: PLAIN,
        findings: &["accountVerified"],
    },
    Method {
        port: "disbursement",
        name: "pay",
        summary: "Pay out a loan, or give money back",
        description: "Moves money. `bankKey` pays once, however often and however late it comes. The server sends it \
            once; whatever became of that, it asks `status` from then on. Refuse only what finally did not happen.",
        asks: PAYMENTS,
        subject: PLAIN,
        findings: &["paid"],
    },
    Method {
        port: "disbursement",
        name: "status",
        summary: "What became of a payment",
        description: "For a `bankKey` that never arrived, either say `unknown`, and be asked again; or make sure that an \
            order under it will be refused if it comes late, and say `refused` with code `NEVER_RECEIVED`, upon which \
            the server sends the payment anew under another key.",
        asks: PAYMENTS,
        subject: PLAIN,
        findings: &["paid"],
    },
    Method {
        port: "collections",
        name: "register-mandate",
        summary: "Register a debit mandate for repayment",
        description: "The borrower authorises it at `paymentUrl`; `status` tells when that is done.",
        asks: &[schema::<RegisterDetail<'static>>],
        subject: COLLECTIONS,
        findings: &["mandateRegistered"],
    },
    Method {
        port: "collections",
        name: "notify",
        summary: "A debit is coming",
        description: "Asked when the borrower is told of it, at least 24 hours before `present`, for rails that want a \
            notice of their own. Where there is no valid mandate, say `MANDATE_CANCELLED` or `NO_MANDATE`: the repayment \
            plan is inactive then, and nothing is debited. With any other answer the debit goes on.",
        asks: &[schema::<ComingDebitDetail<'static>>],
        subject: COLLECTIONS,
        findings: &["acknowledged"],
    },
    Method {
        port: "collections",
        name: "payment-link",
        summary: "Make a page on which the borrower pays",
        description: "The page takes money until `expiresAt`, at most once.",
        asks: COLLECTION,
        subject: COLLECTIONS,
        findings: &["linkCreated"],
    },
    Method {
        port: "collections",
        name: "present",
        summary: "Debit a mandate",
        description: "Moves money, with the rules of `disbursement`/`pay`. A bounce is `refused` with the bank's code, \
            and the borrower is charged for it as the key facts statement says. Where there is no valid mandate, say \
            `MANDATE_CANCELLED` or `NO_MANDATE`: nobody is charged then, and the repayment plan is inactive.",
        asks: COLLECTION,
        subject: COLLECTIONS,
        findings: &["collected"],
    },
    Method {
        port: "collections",
        name: "status",
        summary: "What became of a mandate, a page or a debit",
        description: "Of a mandate when `ask` has a `planId`: `pending` while the borrower has not decided. It is asked \
            again before the grant, when an LSP asks for the status of the plan, and after a bounce. A mandate that is \
            cancelled after it was authorised may be told at once: post `mandateInactive` to the `callbackUrl` of any \
            of these questions, although it was answered. Of a page \
            when it has a `linkReference`: `pending` while it takes money, `collected`, or `refused` once it has ended \
            without any. Else of a debit, with the rules of `disbursement`/`status`.",
        asks: COLLECTED,
        subject: COLLECTIONS,
        findings: &["mandateActive", "mandateInactive", "collected"],
    },
    Method {
        port: "collections",
        name: "cancel",
        summary: "End a mandate or a page",
        description: "A page takes no money from then on: `acknowledged`; if it took some before, `collected`.",
        asks: COLLECTED,
        subject: COLLECTIONS,
        findings: &["acknowledged", "collected"],
    },
    Method {
        port: "notifier",
        name: "send",
        summary: "Tell the borrower something",
        description: "Send it as it is: what the borrower is told and when is a matter of law. No payout leaves before \
            the message with the signed documents did.",
        asks: &[schema::<NoticeDetail<'static>>],
        subject: NOTIFIER,
        findings: &["notified"],
    },
    Method {
        port: "ledger",
        name: "journal",
        summary: "Take journals of the loan book",
        description: "All or none, in their order: of one loan they come in the order in which they were posted. Each is \
            posted once by its `key`, however often it comes, also in another batch. The journals of a refused batch come \
            again one by one; of a loan whose journal is refused while others are taken, no later one comes until that \
            one is taken.",
        asks: &[schema::<JournalsDetail<'static>>],
        subject: PLAIN,
        findings: &["journalsTaken"],
    },
    Method {
        port: "ledger",
        name: "compare",
        summary: "Tell balances at the end of a day",
        description: "Asked once a day when every journal of that day was taken: first of all accounts, then of all \
            loans, page by page. Our own balances come along; answer with yours. Debit is positive. A loan's principal \
            is the balance of `PRINCIPAL_RECEIVABLE`; its outstanding is that of `PRINCIPAL_RECEIVABLE`, \
            `INTEREST_RECEIVABLE`, `FEE_RECEIVABLE`, `PENAL_RECEIVABLE` and `BORROWER_EXCESS` together, without \
            `INTEREST_ACCRUED`: interest of a running period is not due.",
        asks: &[schema::<BalancesDetail<'static>>],
        subject: PLAIN,
        findings: &["balances"],
    },
];

/// A method by its names.
#[must_use]
pub fn find(port: &str, name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.port == port && method.name == name)
}

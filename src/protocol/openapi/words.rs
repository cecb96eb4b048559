//! The words of the description: what schemas and examples cannot say.

use serde_json::{Value, json};

/// The family of paths that are no OCEN calls.
pub(super) const SERVER: &str = "Server";

/// What comes before everything else.
pub(super) const INTRODUCTION: &str = "\
A loan service provider (LSP) posts a request; the server checks its signature, stores it and answers with an ack in \
the same breath. What comes of the request is posted to the LSP as a callback, signed, and repeated until the LSP \
acknowledges it.

**Envelope.** Every message has `metadata` and a `requestId` made by its sender. A callback repeats the `requestId` of \
its request. `metadata.traceId` is fresh for each message: with `timestamp` it makes a repeated delivery \
known (a nonce). The ack of a message repeats it.

**Signature.** A message travels as the payload of a JWS in flattened JSON serialisation, RS512, with a key that the \
LSP registered and its `kid` in the protected header. The sandbox's `LSP-DEMO` may also send plain JSON. Our public \
keys are at `/.well-known/jwks.json`.

**Two places to refuse.** The ack refuses what cannot be authenticated or read, a `requestId` that was used with \
another body, and unknown ids; nothing is stored then. Everything that is about the business or about the state of an \
application is said in the callback's `response.error`: `0`, or a code of the call.

**Repeating.** The same `requestId` with the same body (`metadata` aside) is harmless: it is acknowledged again, \
nothing is applied twice, and a callback that was delivered is sent once more.

**Callbacks.** They go to the base URL that the LSP registered, followed by the path of the answer. They come at \
least once, for the applications of one create request in order, and are tried for about 72 hours.

**Tolerance.** Paths are matched whatever their case; unknown members are ignored; `null`, an empty text and an absent \
member are the same; a number is taken where a text is asked, and a single object where a list is. Amounts are rupees \
as text with at most two decimals, like `\"50000.00\"`; times are ISO 8601, Indian standard time where the zone is \
missing. What we send is exact: amounts with two decimals, times in UTC with milliseconds, no `null`.";

/// What an LSP has to answer to a callback.
pub(super) const CALLBACK_ACK: &str = "\
The ack that the LSP answers with: `error` is `0` and `traceId` is the callback's. Plain or signed, also inside a \
member `ack`. Any other status, and any other `error`, is tried again over about 72 hours; 400, 410, 413, 422 and a \
signed ack with another `error` are final.";

/// A group of calls.
struct Family {
    /// Its name, the tag of its calls.
    name: &'static str,
    /// What it is for.
    description: &'static str,
}

const fn family(name: &'static str, description: &'static str) -> Family {
    Family { name, description }
}

/// All groups, in the order of a loan's life.
const FAMILIES: [Family; 11] = [
    family("Loan application", "File applications for one borrower."),
    family(
        "Consent",
        "The borrower's consent to fetch data through an account aggregator: once before offers, \
         periodically while the loan runs.",
    ),
    family("Offers", "Priced offers, and the borrower's choice."),
    family("Loan acceptance", "The borrower signs the agreement with a one-time password."),
    family("Disbursement", "Set up and make the payout."),
    family("Repayment", "Choose the repayment plan, authorise its mandate, pay."),
    family("Grant", "Turn a complete application into a loan."),
    family("Loan details", "Look at loans."),
    family("Disputes", "Raise an issue of the borrower and follow it."),
    family("Meta", "Heartbeat, lookup codes and error codes."),
    family(SERVER, "What needs no signature."),
];

/// `tags`: the groups as the description lists them.
pub(super) fn tags() -> Value {
    let tag = |family: &Family| json!({"name": family.name, "description": family.description});
    FAMILIES.iter().map(tag).collect()
}

/// What is said about one call.
pub(super) struct Words {
    name: &'static str,
    /// Its family's name.
    pub(super) family: &'static str,
    /// One line.
    pub(super) summary: &'static str,
    /// What it does.
    pub(super) description: &'static str,
    /// What its callback says.
    pub(super) callback: &'static str,
    /// What the codes of its callback begin with; empty when there are none.
    pub(super) codes: &'static str,
}

const fn call(name: &'static str, family: &'static str, summary: &'static str, description: &'static str) -> Words {
    Words { name, family, summary, description, callback: "", codes: "" }
}

impl Words {
    const fn answers(self, callback: &'static str, codes: &'static str) -> Self {
        Self { callback, codes, ..self }
    }
}

/// All calls, in the order in which a loan needs them.
const CALLS: [Words; 29] = [
    call(
        "createLoanApplications",
        "Loan application",
        "File loan applications",
        "Files one to a hundred applications, one per invoice or purpose, in practice of one borrower. \
         `loanApplicationId` is made by the LSP and names the application until there is a loan.",
    )
    .answers(
        "Echoes each application with `lender` and `loanApplicationStatus`: `PROCESSING`, `REJECTED` with \
         `rejectionDetails`, or `ACTION_REQUIRED` with `actionRequired`. Documents are not echoed.",
        "CLARQ",
    ),
    call(
        "consentHandle",
        "Consent",
        "Ask for a consent handle",
        "Asks the account aggregator for one consent over all applications named. `consentFetchType` tells the \
         consent for underwriting data (`ONETIME`) from the one for monitoring (`PERIODIC`); left out, the stage of \
         the applications decides.",
    )
    .answers("Brings the `consentHandle`, with which the borrower approves at the account aggregator.", "CHRQ"),
    call(
        "consentStatus",
        "Consent",
        "Ask whether a consent is ready",
        "Asks by `consentHandle`, else by `consentAggregationId`.",
    )
    .answers("`READY`, `PENDING`, or `FAILED` when it was rejected, revoked or has expired.", "CSRQ"),
    call(
        "generateOffers",
        "Offers",
        "Ask for offers",
        "Underwrites the applications named and prices what can be lent. Products may demand the data consent first.",
    )
    .answers(
        "One item per application, in the order of the request: `OFFERED` with offers, best first, `REJECTED`, or \
         `ACTION_REQUIRED`. When the lender's systems need long, `PROCESSING` comes first and the offers follow \
         unasked.",
        "GORQ",
    ),
    call(
        "setOffer",
        "Offers",
        "Choose an offer",
        "Tells which offer the borrower chose. Of the offer only its `id` counts: terms are the lender's own copy. \
         Another offer may be chosen until the agreement is signed.",
    )
    .answers("The status of the application after the choice.", "SORQ"),
    call(
        "triggerLoanAcceptance",
        "Loan acceptance",
        "Send the OTP",
        "Prepares the agreements and sends one OTP for all applications named to the borrower's primary phone. A new \
         one replaces the one before.",
    )
    .answers("Brings the `otpSessionKey` and the masked phone number.", "TLARQ"),
    call(
        "verifyLoanAcceptance",
        "Loan acceptance",
        "Verify the OTP",
        "Signs the agreements of the session with what the borrower typed. An OTP is good for minutes and for a few \
         tries.",
    )
    .answers(
        "`SUCCESS`, `INCORRECT_OTP`, or `INVALID_SESSION` when it has expired, was replaced or had too many \
         tries.",
        "VLARQ",
    ),
    call(
        "getDisbursementPlans",
        "Disbursement",
        "List disbursement plans",
        "The accepted offer's plans of paying out. A single plan is chosen by itself.",
    )
    .answers("The plans, each with its status.", "SDP"),
    call("setDisbursementPlan", "Disbursement", "Choose a disbursement plan", "Of the plan only its `id` counts.")
        .answers("The lender's own copy of the plan with its status.", "SDP"),
    call(
        "getDisbursementAccounts",
        "Disbursement",
        "List payout accounts",
        "The accounts that are known of the borrower for this application.",
    )
    .answers("The accounts, their numbers masked.", "SDA"),
    call(
        "setDisbursementAccount",
        "Disbursement",
        "Set the payout account",
        "Names a known account by its `id`, or gives a full new one. The bank is asked who holds it: loans are paid \
         to the borrower's own account only.",
    )
    .answers("`ACTIVE` when the account is the payout account now, else `INACTIVE`.", "SDA"),
    call(
        "triggerDisbursement",
        "Disbursement",
        "Pay out",
        "Pays out a tranche of a granted loan. `payment.id` is made by the LSP, unique per loan: the same id never \
         pays twice. `payment.totalAmount` is the gross tranche; the processing fee is kept from it.",
    )
    .answers(
        "`PENDING_AUTH` while the payout is under way, `SUCCESS` with the bank's reference in `txnRefNo`, or \
         `FAILURE` when the bank has refused for good.",
        "TDRQ",
    ),
    call(
        "triggerDisbursementStatus",
        "Disbursement",
        "Ask for a payout",
        "Asks by `payment.id`, by `loanId`, or by both.",
    )
    .answers("The payout as it stands. Also sent unasked when it ends.", "TDRQ"),
    call(
        "getRepaymentPlans",
        "Repayment",
        "List repayment plans",
        "The accepted offer's plans, each with its schedule.",
    )
    .answers("The plans; `extensibleData.schedule` has the instalments.", "SRP"),
    call(
        "setRepaymentPlan",
        "Repayment",
        "Choose a repayment plan",
        "Chooses a plan by its `id`. When it is collected by mandate, the mandate is registered.",
    )
    .answers(
        "`PENDING_AUTH` with the `paymentUrl` where the borrower authorises the mandate, or `ACTIVE` when none is \
         needed.",
        "SRP",
    ),
    call(
        "setRepaymentPlanStatus",
        "Repayment",
        "Ask whether the mandate is authorised",
        "The `id` of the plan is the only key.",
    )
    .answers("`ACTIVE`, `PENDING_AUTH` or `INACTIVE`. Also sent unasked when it changes.", "SRP"),
    call(
        "triggerRepayment",
        "Repayment",
        "Start a payment",
        "Asks for a page where the borrower pays. `payment.extensibleData.purpose` says what for: `INSTALMENT` (what \
         is due, or the next instalment ahead of time), `PREPAYMENT` (part of the principal, `payment.totalAmount` \
         needed), `FORECLOSURE` (everything) or `COOLING_OFF_EXIT` (everything, without penalty, within the \
         cooling-off period). What the last two cost today stands in the loan's summary. Without an amount it is all \
         that the purpose asks for. `payment.id` may be the LSP's own, unique per loan: the same id is the same payment, \
         and never opens a second page.",
    )
    .answers(
        "`PENDING_AUTH` with the `paymentUrl`, the `id` that the lender made of the payment, and what it would settle \
         today. The LSP's own id comes back in `extensibleData.lspPaymentId`. The published schema takes the payment \
         for a plan; it has the members of both.",
        "TRRQ",
    ),
    call(
        "triggerRepaymentStatus",
        "Repayment",
        "Ask for a payment",
        "Asks by `payment.id`, the lender's or the LSP's own, by `loanId` for its newest payment, or by both.",
    )
    .answers(
        "The payment as it stands: `SUCCESS` with what it settled, `FAILURE`, or `PENDING_AUTH`. A payment that was \
         credited and came back is a `FAILURE` with `extensibleData.returned`.",
        "TRRQ",
    ),
    call(
        "confirmRepayment",
        "Repayment",
        "Tell of a payment",
        "A hint that a payment was seen or is expected: the lender looks again and moves nothing because of it. The \
         lender tells of settled payments itself, at the same path.",
    )
    .answers(
        "Comes when the payment has settled, with a `requestId` of the lender's. `response.error` is `0` for a \
         payment that was credited, `TRRQ2001` for one that failed.",
        "TRRQ",
    ),
    call(
        "grantLoan",
        "Grant",
        "Grant the loan",
        "Makes a last check and creates the loan. Needs the signed agreement, a payout account, both plans, and what \
         the product demands beyond: monitoring consent, an authorised mandate, identity verification.",
    )
    .answers(
        "`GRANTED` with the `loanId` that the lender made, `REJECTED`, or `ACTION_REQUIRED` with one item per missing \
         step. Terms and plans are always there.",
        "GLRQ",
    ),
    call("loanSummary", "Loan details", "Summarise a loan", "What is paid and what is owed as of today.").answers(
        "Status, sums, the current and the next instalment. `summary.extensibleData` has the day for which all holds, \
         days past due and asset class, what may be paid today, what leaving early costs, and the schedule with what \
         became of each instalment.",
        "LNRQ",
    ),
    call("getLoan", "Loan details", "Show a loan", "The loan with its terms and parties.").answers(
        "Borrower and collaterals as filed, documents left out; terms, plans, account and mandate. The repayment \
         plan has the current schedule.",
        "LNRQ",
    ),
    call(
        "loanStatement",
        "Loan details",
        "Show the statement of a loan",
        "The postings of a period, both days included; without dates all of them.",
    )
    .answers(
        "One row per posting in order of value date: `WITHDRAWL` when the borrower owes more after it, `DEPOSIT` when \
         less. Opening and closing balance stand in `extensibleData`.",
        "LNRQ",
    ),
    call(
        "listLoans",
        "Loan details",
        "List the loans of a borrower",
        "The loans of one borrower that this LSP brought, by the borrower's identifier; a collateral and days of the \
         grant narrow them.",
    )
    .answers("The loans, newest first; none is no error.", "LNRQ"),
    call(
        "raiseDispute",
        "Disputes",
        "Raise a dispute",
        "Files an issue of the borrower about a loan. With the `id` of an open dispute it says more about it; one that \
         is resolved or closed takes no more.",
    )
    .answers("The dispute with the `id` that the lender made and the `url` of the borrower's page: `NEW`, or `PROCESSING` \
         when words came that it needed.", "DPRQ"),
    call("disputeStatus", "Disputes", "Ask for a dispute", "The `id` of the dispute is the only key.").answers(
        "`NEW`, `PROCESSING`, `NEED_MORE_INFO`, `RESOLVED` or `CLOSED`, with the lender's last word on it in \
         `extensibleData.note`.",
        "DPRQ",
    ),
    call(
        "heartbeat",
        "Meta",
        "Ask whether the server works",
        "The ack itself carries `status` and `components`, each `UP` or `DEGRADED`. A callback is sent only to an LSP that wants it.",
    )
    .answers("The same as the ack.", ""),
    call("getLookupCodes", "Meta", "List the values of a type", "`LOOKUP_TYPE` lists all types.")
        .answers("The values that we emit for the type.", "MLRQ"),
    call("getErrorCodes", "Meta", "Explain an error code", "Asks for one code; `*` asks for all.")
        .answers("The codes with their meaning.", "MERQ"),
];

/// The words about a call, and its place in the order in which a loan needs them.
pub(super) fn of(name: &str) -> Option<(usize, &'static Words)> {
    CALLS.iter().enumerate().find(|(_, words)| words.name == name).map(|(index, words)| (index + 1, words))
}

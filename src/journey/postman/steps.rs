//! What the collection does, step by step: the canonical order of `ocen-v3.md` §5.3, then the loan's life.

use crate::journey::operations::{
    CONFIRM_REPAYMENT, CONSENT_HANDLE, CONSENT_STATUS, CREATE, GENERATE_OFFERS, GRANT, HEARTBEAT, LOAN_STATEMENT,
    LOAN_SUMMARY, Operation, SET_DISBURSEMENT_ACCOUNT, SET_OFFER, SET_REPAYMENT_PLAN, TRIGGER_ACCEPTANCE,
    TRIGGER_DISBURSEMENT, TRIGGER_DISBURSEMENT_STATUS, TRIGGER_REPAYMENT, VERIFY_ACCEPTANCE,
};

/// Steps under one heading.
pub(super) struct Folder {
    pub(super) name: &'static str,
    pub(super) words: &'static str,
    pub(super) steps: &'static [Step],
}

/// A variable and where its value stands in what came.
type Saves = &'static [(&'static str, &'static str)];

/// One step; the sandbox's calls are those of a borrower, a bank or a calendar.
pub(super) enum Step {
    /// A request to the lender, and its answer.
    Ask {
        operation: &'static Operation,
        words: &'static str,
        /// The body's members beside `metadata` and `requestId`.
        members: &'static str,
        /// Which answer is meant, as JavaScript over `callback`; empty for the first.
        when: &'static str,
        saves: Saves,
    },
    /// A request whose ack is all there is to it.
    Tell { operation: &'static Operation, words: &'static str },
    /// A callback that comes unasked.
    Await {
        operation: &'static Operation,
        request_id: &'static str,
        words: &'static str,
        when: &'static str,
        saves: Saves,
    },
    /// A question to the sandbox.
    Get { name: &'static str, path: &'static str, words: &'static str, saves: Saves },
    /// An order to the sandbox.
    Post { name: &'static str, path: &'static str, words: &'static str, body: &'static str },
}

/// A request's body; the scripts fill in what is fresh each time.
pub(super) fn body(members: &str) -> String {
    let members = if members.is_empty() { String::new() } else { format!(",\n  {}", members.trim()) };
    format!(
        r#"{{
  "metadata": {{
    "version": "1.0",
    "orgId": "{{{{orgId}}}}",
    "timestamp": "{{{{timestamp}}}}",
    "traceId": "{{{{traceId}}}}"
  }},
  "requestId": "{{{{requestId}}}}"{members}
}}"#
    )
}

pub(super) static FOLDERS: &[Folder] = &[
    Folder { name: "1 Application", words: "The lender is there; an application is filed.", steps: APPLICATION },
    Folder {
        name: "2 Data consent",
        words: "The simulated account aggregator has the borrower approve at once.",
        steps: CONSENT,
    },
    Folder {
        name: "3 Offers",
        words: "Offers with APR and key facts statement, and the choice of one.",
        steps: OFFERS,
    },
    Folder {
        name: "4 Agreement",
        words: "Signed with the OTP that the borrower would read on the phone.",
        steps: AGREEMENT,
    },
    Folder {
        name: "5 Set-up",
        words: "Where the money goes, how it comes back, consent to watch the account.",
        steps: SET_UP,
    },
    Folder { name: "6 Grant and payout", words: "Money in the account; that comes unasked.", steps: PAYOUT },
    Folder {
        name: "7 Repayment and closure",
        words: "The clock moves; instalments, a payment page, paid off early.",
        steps: REPAYMENT,
    },
];

static APPLICATION: &[Step] = &[
    Step::Tell { operation: &HEARTBEAT, words: "Whether the lender is up: the ack is the whole answer." },
    Step::Ask {
        operation: &CREATE,
        words: "Files an application. A scenario's code in `pan` decides how it ends.",
        members: r#""loanApplications": [
    {
      "createdDate": "2026-01-05T09:59:00Z",
      "loanApplicationId": "APP-{{run}}",
      "type": "PERSONAL",
      "borrower": {
        "primaryId": "{{pan}}",
        "primaryIdType": "PAN",
        "name": "Asha Rao",
        "category": "INDIVIDUAL",
        "contactDetails": [{"type": "PRIMARY", "phone": "9000000001"}]
      },
      "collaterals": [],
      "guarantors": [],
      "applicants": [],
      "terms": {"requestedAmount": "50000.00", "currency": "INR"}
    }
  ]"#,
        when: "",
        saves: &[("loanApplicationId", "loanApplications[0].loanApplicationId")],
    },
];

static CONSENT: &[Step] = &[
    Step::Ask {
        operation: &CONSENT_HANDLE,
        words: "Asks for consent to fetch the borrower's data once.",
        members: r#""loanApplicationIds": ["{{loanApplicationId}}"],
  "consent": {"consentFetchType": "ONETIME", "vua": "asha@aa.in"}"#,
        when: "",
        saves: &[("consentHandle", "consent.consentHandle")],
    },
    Step::Ask {
        operation: &CONSENT_STATUS,
        words: "Asks what became of it.",
        members: r#""consent": {"consentHandle": "{{consentHandle}}"}"#,
        when: "",
        saves: &[],
    },
];

static OFFERS: &[Step] = &[
    Step::Ask {
        operation: &GENERATE_OFFERS,
        words: "Asks for offers. An interim answer, PROCESSING, may come first.",
        members: r#""loanApplicationIds": ["{{loanApplicationId}}"]"#,
        when: "callback.loanApplications[0].loanApplicationStatus !== 'PROCESSING'",
        saves: &[
            ("offerId", "loanApplications[0].offers[0].id"),
            ("repaymentPlanId", "loanApplications[0].offers[0].repayment.plans[0].id"),
        ],
    },
    Step::Ask {
        operation: &SET_OFFER,
        words: "Chooses the first one.",
        members: r#""loanApplicationId": "{{loanApplicationId}}",
  "offer": {"id": "{{offerId}}"}"#,
        when: "",
        saves: &[],
    },
];

static AGREEMENT: &[Step] = &[
    Step::Ask {
        operation: &TRIGGER_ACCEPTANCE,
        words: "Has an OTP sent to the borrower.",
        members: r#""loanApplicationIds": ["{{loanApplicationId}}"],
  "credBlock": {"type": "OTP", "data": {}}"#,
        when: "",
        saves: &[("otpSessionKey", "credBlock.data.otpSessionKey")],
    },
    Step::Get {
        name: "the borrower reads the OTP",
        path: "/sandbox/otp/{{otpSessionKey}}",
        words: "What the SMS says.",
        saves: &[("otp", "otp")],
    },
    Step::Ask {
        operation: &VERIFY_ACCEPTANCE,
        words: "Signs the agreement with it.",
        members: r#""credBlock": {"type": "OTP", "data": {"otpSessionKey": "{{otpSessionKey}}", "otp": "{{otp}}"}}"#,
        when: "",
        saves: &[],
    },
];

static SET_UP: &[Step] = &[
    Step::Ask {
        operation: &SET_DISBURSEMENT_ACCOUNT,
        words: "Names the account that the money goes to; the bank compares the name. A scenario's code may stand in `account`.",
        members: r#""loanApplicationId": "{{loanApplicationId}}",
  "account": {
    "accountDataType": "ACCOUNT",
    "data": {
      "accountType": "SAVING",
      "accountIFSC": "HDFC0000123",
      "accountNumber": "{{account}}",
      "accountHolderName": "Asha Rao"
    }
  }"#,
        when: "",
        saves: &[],
    },
    Step::Ask {
        operation: &SET_REPAYMENT_PLAN,
        words: "Chooses the plan; the mandate is registered.",
        members: r#""loanApplicationId": "{{loanApplicationId}}",
  "plan": {"id": "{{repaymentPlanId}}"}"#,
        when: "",
        saves: &[],
    },
    Step::Ask {
        operation: &CONSENT_HANDLE,
        words: "Asks for consent to watch the account while the loan runs.",
        members: r#""loanApplicationIds": ["{{loanApplicationId}}"],
  "consent": {"consentFetchType": "PERIODIC", "vua": "asha@aa.in"}"#,
        when: "",
        saves: &[("consentHandle", "consent.consentHandle")],
    },
    Step::Ask {
        operation: &CONSENT_STATUS,
        words: "Asks what became of it.",
        members: r#""consent": {"consentHandle": "{{consentHandle}}"}"#,
        when: "",
        saves: &[],
    },
];

static PAYOUT: &[Step] = &[
    Step::Ask {
        operation: &GRANT,
        words: "The lender's final check, and the loan.",
        members: r#""loanApplicationId": "{{loanApplicationId}}""#,
        when: "",
        saves: &[("loanId", "loanId")],
    },
    Step::Ask {
        operation: &TRIGGER_DISBURSEMENT,
        words: "Has the money paid out.",
        members: r#""loanId": "{{loanId}}",
  "payment": {"id": "DISB-{{run}}"}"#,
        when: "",
        saves: &[],
    },
    Step::Await {
        operation: &TRIGGER_DISBURSEMENT_STATUS,
        request_id: "{{requestId}}",
        words: "What the bank says, unasked.",
        when: "callback.payment.status === 'SUCCESS'",
        saves: &[("utr", "payment.txnRefNo")],
    },
];

static REPAYMENT: &[Step] = &[
    Step::Ask {
        operation: &LOAN_SUMMARY,
        words: "What is owed, and when it falls due.",
        members: r#""loanId": "{{loanId}}""#,
        when: "",
        saves: &[("dueDate", "summary.extensibleData.schedule[0].dueDate")],
    },
    Step::Post {
        name: "the clock goes to the first due date",
        path: "/sandbox/clock",
        words: "Every day's end in between runs; the mandate is debited.",
        body: r#"{"to": "{{dueDate}}"}"#,
    },
    Step::Await {
        operation: &CONFIRM_REPAYMENT,
        request_id: "PAY-{{loanId}}-1-SETTLED",
        words: "The first instalment was debited.",
        when: "",
        saves: &[],
    },
    Step::Post {
        name: "ten days pass",
        path: "/sandbox/clock",
        words: "Until the borrower wants to pay by himself.",
        body: r#"{"advance": "P10D"}"#,
    },
    Step::Ask {
        operation: &TRIGGER_REPAYMENT,
        words: "A payment page for the next instalment; the simulated borrower pays at once.",
        members: r#""loanId": "{{loanId}}",
  "payment": {"paymentMethodType": "UPI", "extensibleData": {"purpose": "INSTALMENT"}}"#,
        when: "",
        saves: &[("paymentId", "payment.id")],
    },
    Step::Await {
        operation: &CONFIRM_REPAYMENT,
        request_id: "{{paymentId}}-SETTLED",
        words: "It was paid.",
        when: "",
        saves: &[],
    },
    Step::Ask {
        operation: &LOAN_STATEMENT,
        words: "Every entry so far.",
        members: r#""loanId": "{{loanId}}""#,
        when: "",
        saves: &[],
    },
    Step::Ask {
        operation: &TRIGGER_REPAYMENT,
        words: "A payment page for everything that is left.",
        members: r#""loanId": "{{loanId}}",
  "payment": {"extensibleData": {"purpose": "FORECLOSURE"}}"#,
        when: "",
        saves: &[("paymentId", "payment.id")],
    },
    Step::Await {
        operation: &CONFIRM_REPAYMENT,
        request_id: "{{paymentId}}-SETTLED",
        words: "It was paid.",
        when: "",
        saves: &[],
    },
    Step::Ask {
        operation: &LOAN_SUMMARY,
        words: "Nothing is owed any more.",
        members: r#""loanId": "{{loanId}}""#,
        when: "callback.loanStatus === 'COMPLETED'",
        saves: &[],
    },
];

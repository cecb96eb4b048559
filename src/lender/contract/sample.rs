//! What the contract suite and the published examples ask about: one made-up borrower, marked as a test everywhere.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::domain::application::ask::{Ask, Collection, ComingDebit, PayOrder};
use crate::domain::application::facets::{Account, AccountTarget, ConsentPurpose};
use crate::domain::application::notice::{Notice, NoticeKind};
use crate::domain::ids::{AccountId, LoanId, PaymentId, PlanId};
use crate::domain::maths::money::Paise;
use crate::lender::question::{Context, Question, detail};

/// Stands in every id, so that nobody takes a test for business.
pub(in crate::lender) const MARK: &str = "PORT-TEST";
/// What is paid and collected: one rupee.
const AMOUNT: Paise = Paise(100);
/// A password that signs nothing.
const OTP: &str = "000000";

/// One question of a run.
#[derive(Debug, Clone)]
pub(in crate::lender) struct Sample {
    /// Idempotency key; for money the bank key.
    pub(in crate::lender) key: String,
    /// The question.
    pub(in crate::lender) ask: Ask,
    /// The system's reference, in a poll.
    pub(in crate::lender) reference: Option<String>,
}

/// Makes the questions of one run.
#[derive(Debug, Clone)]
pub(in crate::lender) struct Samples {
    /// Tells this run's ids from any other's.
    pub(in crate::lender) run: String,
    /// When it plays.
    pub(in crate::lender) now: DateTime<Utc>,
    /// The lender's day.
    pub(in crate::lender) today: NaiveDate,
}

impl Samples {
    fn id(&self, what: &str) -> String {
        format!("{MARK}-{what}-{}", self.run)
    }

    fn account() -> Account {
        Account {
            id: AccountId(MARK.to_owned()),
            target: AccountTarget::Account { ifsc: "TEST0000000".to_owned(), number: "000000000000".to_owned() },
            holder: Some("Port Test".to_owned()),
            kind: Some("SAVING".to_owned()),
        }
    }

    /// A payment of one rupee under a bank key.
    pub(in crate::lender) fn pay(&self, what: &str) -> Sample {
        let key = self.id(what);
        let order = PayOrder {
            loan_id: LoanId(self.id("LOAN")),
            payment_id: PaymentId(self.id("PAYMENT")),
            tranche: 1,
            attempt: 1,
            bank_key: key.clone(),
            net: AMOUNT,
            account: Self::account(),
        };
        Sample { key, ask: Ask::Pay(order), reference: None }
    }

    fn collection(&self, what: &str, mandate: Option<&str>) -> Collection {
        Collection {
            loan_id: LoanId(self.id("LOAN")),
            payment_id: PaymentId(self.id(&format!("PAYMENT-{what}"))),
            key: self.id(what),
            amount: AMOUNT,
            instalment: Some(1),
            method: mandate.is_none().then(|| "UPI".to_owned()),
            mandate: mandate.map(str::to_owned),
            expires_at: mandate.is_none().then(|| self.now + chrono::Duration::hours(1)),
        }
    }

    /// A debit of one rupee under a bank key.
    pub(in crate::lender) fn present(&self, what: &str, mandate: &str) -> Sample {
        let collection = self.collection(what, Some(mandate));
        Sample { key: collection.key.clone(), ask: Ask::Present(collection), reference: None }
    }

    /// A question of a method whose answer needs nothing from before.
    pub(in crate::lender) fn of(&self, port: &str, method: &str) -> Option<Sample> {
        let ask = match (port, method) {
            ("decision", "eligibility") => Ask::Eligibility,
            ("decision", "offers") => Ask::Offers,
            ("decision", "final-check") => Ask::FinalCheck,
            ("data", "consent-create") => Ask::ConsentCreate {
                purpose: ConsentPurpose::Data,
                vua: "port-test@aa.example".to_owned(),
                aggregation_id: None,
                aggregated: None,
                lsp: None,
            },
            ("data", "consent-status") => Self::consent_status("CH-1"),
            ("data", "consent-revoke") => Self::consent_revoke("CH-1"),
            ("data", "fetch") => Ask::FetchData { consent_id: None },
            ("kyc", "start" | "status") => Ask::Kyc,
            ("agreement", "prepare") => Ask::PrepareAgreement { app_token: None },
            ("agreement", "send-otp") => Ask::SendOtp {
                session_key: self.id("SESSION"),
                document_hashes: vec!["0".repeat(64), "1".repeat(64)],
                app_token: None,
            },
            ("disbursement", "verify-account") => Ask::VerifyAccount { account: Self::account() },
            ("disbursement", "pay" | "status") => return Some(self.pay("PAY")),
            ("collections", "register-mandate") => Ask::RegisterMandate { plan: PlanId(self.id("PLAN")) },
            ("collections", "payment-link") => {
                let collection = self.collection("PAGE", None);
                return Some(Sample {
                    key: collection.key.clone(),
                    ask: Ask::PaymentLink(collection),
                    reference: None,
                });
            }
            ("collections", "present") => return Some(self.present("DEBIT", "MANDATE-1")),
            ("collections", "status") => self.mandate_status("MANDATE-1"),
            ("collections", "cancel") => self.cancel_mandate("MANDATE-1"),
            ("collections", "notify") => self.coming_debit("MANDATE-1"),
            ("notifier", "send") => Ask::Notify(self.notice()),
            _ => return None,
        };
        let key = self.id(&format!("{port}-{method}"));
        Some(Sample { key, ask, reference: None })
    }

    /// Whether the borrower approved a consent.
    pub(in crate::lender) fn consent_status(handle: &str) -> Ask {
        Ask::ConsentStatus { purpose: ConsentPurpose::Data, handle: handle.to_owned() }
    }

    /// The end of a consent.
    pub(in crate::lender) fn consent_revoke(handle: &str) -> Ask {
        Ask::ConsentRevoke { purpose: ConsentPurpose::Data, handle: handle.to_owned() }
    }

    /// Whether the borrower authorised a mandate.
    pub(in crate::lender) fn mandate_status(&self, reference: &str) -> Ask {
        Ask::MandateStatus { plan: PlanId(self.id("PLAN")), reference: reference.to_owned(), again: false }
    }

    /// The end of a mandate.
    pub(in crate::lender) fn cancel_mandate(&self, reference: &str) -> Ask {
        Ask::CancelMandate { plan: PlanId(self.id("PLAN")), reference: reference.to_owned() }
    }

    pub(in crate::lender) fn coming_debit(&self, mandate: &str) -> Ask {
        Ask::AnnounceDebit(ComingDebit {
            loan_id: LoanId(self.id("LOAN")),
            instalment: 1,
            due_on: self.today.succ_opt().unwrap_or(self.today),
            amount: AMOUNT,
            mandate: mandate.to_owned(),
        })
    }

    fn notice(&self) -> Notice {
        Notice {
            kind: NoticeKind::SignedDocuments,
            loan_id: None,
            instalment: None,
            amount: None,
            key: self.id("NOTICE"),
            text: "This is a test of the lender's systems. Please ignore it.".to_owned(),
        }
    }

    /// The body of a call.
    pub(in crate::lender) fn body(&self, sample: &Sample, callback_url: Option<&str>) -> Value {
        let question = Question {
            context: Context { callback_url },
            key: &sample.key,
            ask: detail(&sample.ask, Some(OTP)).unwrap_or_default(),
            subjects: vec![self.subject(sample.ask.port())],
            reference: sample.reference.as_deref(),
            now: self.now,
            business_date: self.today,
        };
        serde_json::to_value(question).unwrap_or_default()
    }

    /// The application as a port sees it.
    fn subject(&self, port: &str) -> Value {
        let mut subject = json!({
            "orgId": MARK,
            "loanApplicationId": self.id("APP"),
            "product": MARK,
            "borrower": {"name": "Port Test", "phone": "0000000000"},
        });
        let more = match port {
            "decision" => json!({
                "identity": identity(),
                "loanType": "PERSONAL",
                "requestedAmount": "50000.00",
                "requestedTenure": {"duration": 12, "unit": "MONTH"},
                "collaterals": [],
                "documents": [],
            }),
            "kyc" => json!({"identity": identity()}),
            "notifier" => json!({"email": null}),
            "agreement" => json!({"email": null, "offer": self.offer(), "keyFactsStatement": self.statement()}),
            "collections" => json!({"email": null, "offer": self.offer()}),
            _ => json!({}),
        };
        if let (Value::Object(subject), Value::Object(more)) = (&mut subject, more) {
            subject.extend(more);
        }
        subject
    }

    fn offer(&self) -> Value {
        json!({
            "id": self.id("OFFER"),
            "sanctionedAmount": "50000.00",
            "annualRate": "16.00",
            "annualPercentageRate": "19.41",
            "totalInterest": "4438.00",
            "totalRepayable": "54438.00",
            "installmentAmount": "4537.00",
            "netDisbursedAmount": "49115.00",
            "coolingOffDays": 3,
            "tenure": {"duration": 12, "unit": "MONTH"},
        })
    }

    fn statement(&self) -> Value {
        json!({
            "proposalNumber": self.id("KFS"),
            "hash": "80f65706d935d3b928d95207937dd81bad43ab56cd4d3b7ed41772318e734168",
            "text": "{\"test\": true}",
            "url": "https://lender.example/kfs/port-test",
            "agreementUrl": "https://lender.example/agreement/port-test",
            "validTill": self.now + chrono::Duration::days(3),
        })
    }
}

fn identity() -> Value {
    json!({"primaryId": "PORTT0000T", "primaryIdType": "PAN", "pan": "PORTT0000T"})
}

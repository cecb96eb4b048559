//! One of everything that a callback can say.

use chrono::{DateTime, NaiveDate, Utc};
use ocen_lender::domain::application::answer::{
    AccountContent, ApplicationContent, ConsentContent, ConsentStatus, Content, DisbursementContent, GrantContent,
    GrantStatus, OffersContent, OtpContent, OtpStatus, PayoutStatus, PlanContent, PlanStatus,
};
use ocen_lender::domain::application::command::{Command, Meta};
use ocen_lender::domain::application::facets::{
    Account, AccountSetup, AccountTarget, Charges, ConsentPurpose, Deal, Kyc, Mandate, Offer, Plan, RepaymentSetup,
};
use ocen_lender::domain::application::form::{Form, Tenure, TenureUnit};
use ocen_lender::domain::application::stage::{Action, ActionType, Rejection, RejectionReason, Status};
use ocen_lender::domain::ids::{AccountId, LoanId, OfferId, PaymentId, PlanId};
use ocen_lender::domain::kfs::IssuedKfs;
use ocen_lender::domain::maths::money::Paise;
use ocen_lender::domain::maths::{
    AnnualRate, DayCount, FirstPeriod, Frequency, Method, Rounding, ScheduleTerms, schedule,
};
use ocen_lender::domain::servicing::Servicing;
use ocen_lender::protocol::find;
use ocen_lender::protocol::v3::Decoding;
use rust_decimal::Decimal;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// The instant at which everything is written.
pub fn now() -> DateTime<Utc> {
    "2026-01-05T10:00:00Z".parse().expect("an instant")
}

/// The form of the create example.
pub fn form() -> Form {
    let operation = find("createLoanApplications").expect("an operation");
    let message = (operation.example)().to_string();
    match (operation.decode)(&message, &Decoding { now: now() }).expect("the example decodes") {
        Command::CreateApplications(items) => items[0].form.clone(),
        other => panic!("{other:?}"),
    }
}

fn terms(frequency: Frequency) -> ScheduleTerms {
    ScheduleTerms {
        principal: Paise(3_059_500),
        annual_rate: AnnualRate::new(Decimal::new(1258, 2)).expect("a rate"),
        installments: 3,
        frequency,
        method: Method::EqualInstalment,
        rounding: Rounding::PaiseHalfUp,
        day_count: DayCount::Thirty360,
        disbursed_on: day("2026-01-05"),
        first_due: frequency.after(day("2026-01-05"), 1).expect("a date"),
        due_day: None,
        first_period: FirstPeriod::Stretch,
        odd_day_count: None,
    }
}

/// A priced offer over three instalments.
pub fn offer(frequency: Frequency) -> Offer {
    let terms = terms(frequency);
    let schedule = schedule::schedule(&terms).expect("a schedule");
    let tenure = Tenure { duration: 3, unit: TenureUnit::Month };
    let repayment = Plan {
        id: PlanId::from("RP-1"),
        automatic: true,
        frequency: Some(frequency),
        installments: 3,
        tenure: Some(tenure),
        total: schedule.total_paid,
        principal: Some(terms.principal),
        interest: Some(schedule.total_interest),
        start_date: Some(terms.first_due),
    };
    let payout = Plan {
        id: PlanId::from("DP-1"),
        automatic: false,
        frequency: None,
        installments: 1,
        tenure: None,
        total: terms.principal,
        principal: None,
        interest: None,
        start_date: None,
    };
    Offer {
        id: OfferId::from("OFF-1"),
        product: "p".into(),
        valid_till: now(),
        requested: Paise(3_220_500),
        sanctioned: terms.principal,
        annual_rate: terms.annual_rate,
        interest: schedule.total_interest,
        total: schedule.total_paid,
        instalment: schedule.instalment,
        tenure,
        charges: Charges { processing: Paise(35_460), bounce: Paise(50_000), late_payment_percent: Decimal::from(24) },
        fees: vec![],
        servicing: Servicing::default(),
        gst_percent: Decimal::from(18),
        net_disbursed: Paise(3_024_040),
        apr: Decimal::new(1707, 2),
        cooling_off_days: 3,
        terms,
        schedule,
        disbursement_plans: vec![payout],
        repayment_plans: vec![repayment],
        kfs: Some(IssuedKfs {
            number: "KFS-OFF-1".into(),
            text: "{}".into(),
            hash: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".into(),
            url: "https://pay.example/kfs/1".into(),
            agreement_url: "https://pay.example/agreement/1".into(),
            valid_till: now(),
        }),
    }
}

fn account() -> Account {
    Account {
        id: AccountId::from("ACC-1"),
        target: AccountTarget::Account { ifsc: "ICIC0000856".into(), number: "112507891013562".into() },
        holder: None,
        kind: Some("SAVING".into()),
    }
}

/// An accepted offer with everything set up.
pub fn deal() -> Deal {
    let mut deal = Deal::new(offer(Frequency::Monthly), vec![], Kyc::None);
    let mandate = Mandate { reference: "M-1".into(), payment_url: "https://pay.example/pay/1".into() };
    deal.repayment = RepaymentSetup::Active { plan: PlanId::from("RP-1"), mandate: Some(mandate) };
    deal.account = AccountSetup::Active { account: account(), payable_from: None };
    deal
}

fn action() -> Action {
    Action {
        action_type: ActionType::Other,
        description: "monitoring consent not ready".into(),
        object: "consent".into(),
        value: String::new(),
        url: Some("https://pay.example/kyc/1".into()),
    }
}

fn rejection() -> Rejection {
    Rejection { reason: RejectionReason::LowCreditScore, description: "score below 600".into() }
}

fn application(status: Option<Status>) -> Content {
    Content::Application(ApplicationContent {
        loan_application_id: "APP-1".into(),
        form: form(),
        status,
        rejections: vec![rejection()],
        actions: vec![action()],
    })
}

/// An item of `generateOffersResponse`.
pub fn offers(status: Status, offers: Vec<Offer>) -> Content {
    let (rejections, actions) = (vec![rejection()], vec![action()]);
    Content::Offers(OffersContent { loan_application_id: "APP-1".into(), status, offers, rejections, actions })
}

fn consent(status: ConsentStatus, purpose: Option<ConsentPurpose>) -> Content {
    let handle = purpose.map(|_| "handle".to_owned());
    Content::Consent(ConsentContent { handle, status, purpose, vua: None, aggregation_id: Some("AGG-1".into()) })
}

fn plan(plan: Option<Plan>, status: PlanStatus) -> PlanContent {
    let payment_url = Some("https://pay.example/pay/1".to_owned());
    let schedule = plan.as_ref().map(|_| offer(Frequency::Weekly).schedule);
    PlanContent { id: PlanId::from("RP-1"), plan, status, payment_url, schedule }
}

fn plans() -> Vec<PlanContent> {
    let every = [
        Frequency::Monthly,
        Frequency::Weekly,
        Frequency::Fortnightly,
        Frequency::Quarterly,
        Frequency::HalfYearly,
        Frequency::Yearly,
        Frequency::EveryDays(10),
    ];
    let known = every.into_iter().flat_map(|frequency| offer(frequency).repayment_plans);
    known.map(Some).chain([None]).map(|known| plan(known, PlanStatus::PendingAuth)).collect()
}

/// A `grantLoanResponse`.
pub fn grant(status: GrantStatus, deal: Option<Deal>) -> Content {
    Content::Grant(Box::new(GrantContent {
        loan_application_id: "APP-1".into(),
        loan_id: (![GrantStatus::Rejected, GrantStatus::ActionRequired].contains(&status))
            .then(|| LoanId::from("LON1")),
        status,
        requested: Paise(3_220_500),
        tenure: None,
        deal,
        agreement_url: None,
        rejections: vec![rejection()],
        actions: vec![action()],
    }))
}

/// A payout.
pub fn payout(status: Option<PayoutStatus>) -> Content {
    let known = status.is_some();
    Content::Disbursement(DisbursementContent {
        loan_id: LoanId::from("LON1"),
        payment_id: PaymentId::from("DISB-1"),
        status,
        tranche: known.then_some(1),
        gross: known.then_some(Paise(3_059_500)),
        net: known.then_some(Paise(3_024_040)),
        fee: known.then_some(Paise(35_460)),
        utr: known.then(|| "004618602124".to_owned()),
        at: known.then(now),
        value_date: known.then(|| day("2026-01-05")),
        restated: None,
        failure: None,
    })
}

fn account_contents() -> Vec<AccountContent> {
    let vpa = Account { target: AccountTarget::Vpa { vpa: "asha@bank".into() }, ..account() };
    let odd = Account { kind: Some("WALLET".into()), ..account() };
    let known = [account(), vpa, odd].map(|account| AccountContent {
        account: Some(account),
        id: "ACC-1".into(),
        active: true,
    });
    known.into_iter().chain([AccountContent { account: None, id: "ACC-9".into(), active: false }]).collect()
}

/// Every kind of content with the operations that send it.
pub fn contents() -> Vec<(&'static str, Content)> {
    use Status::{ActionRequired, Granted, OfferAccepted, Offered, Processing, Rejected};
    let mut all = Vec::new();
    for status in [Processing, Offered, OfferAccepted, Granted, Rejected, ActionRequired] {
        all.push(("createLoanApplications", application(Some(status))));
        all.push(("generateOffers", offers(status, vec![offer(Frequency::Monthly), offer(Frequency::EveryDays(10))])));
        all.push(("generateOffers", offers(status, vec![])));
        all.push(("setOffer", Content::OfferSet { loan_application_id: "APP-1".into(), status }));
    }
    all.push(("createLoanApplications", application(None)));
    for operation in ["consentHandle", "consentStatus"] {
        all.push((operation, consent(ConsentStatus::Pending, Some(ConsentPurpose::Data))));
        all.push((operation, consent(ConsentStatus::Ready, Some(ConsentPurpose::Monitoring))));
        all.push((operation, consent(ConsentStatus::Failed, None)));
    }
    for operation in ["triggerLoanAcceptance", "verifyLoanAcceptance"] {
        for (status, session_key) in [
            (OtpStatus::Success, Some("S-1")),
            (OtpStatus::IncorrectOtp, Some("S-1")),
            (OtpStatus::InvalidSession, None),
        ] {
            let (session_key, masked_phone) =
                (session_key.map(str::to_owned), session_key.map(|_| "XXXXXXX001".into()));
            all.push((operation, Content::Otp(OtpContent { session_key, masked_phone, status })));
        }
    }
    all.extend(set_up());
    all
}

/// What follows the accepted offer.
fn set_up() -> Vec<(&'static str, Content)> {
    let mut all = Vec::new();
    for operation in ["getDisbursementPlans", "getRepaymentPlans"] {
        all.push((operation, Content::Plans { plans: plans() }));
    }
    for operation in ["setDisbursementPlan", "setRepaymentPlan", "setRepaymentPlanStatus"] {
        all.extend(plans().into_iter().map(|plan| (operation, Content::Plan { plan })));
    }
    all.push(("getDisbursementAccounts", Content::Accounts { accounts: account_contents() }));
    all.extend(account_contents().into_iter().map(|account| ("setDisbursementAccount", Content::Account { account })));
    for status in [
        GrantStatus::Granted,
        GrantStatus::Defaulted,
        GrantStatus::Completed,
        GrantStatus::Rejected,
        GrantStatus::ActionRequired,
    ] {
        all.push(("grantLoan", grant(status, Some(deal()))));
        all.push(("grantLoan", grant(status, None)));
    }
    for operation in ["triggerDisbursement", "triggerDisbursementStatus"] {
        for status in [None, Some(PayoutStatus::Success), Some(PayoutStatus::Failure), Some(PayoutStatus::PendingAuth)]
        {
            all.push((operation, payout(status)));
        }
    }
    for asked in ["LOAN_STATUS", "lookup type", "COLOUR"] {
        all.push(("getLookupCodes", Content::Meta { meta: Meta::LookupCodes(asked.into()) }));
    }
    for asked in ["SDP1001", "*", "", "NONE"] {
        all.push(("getErrorCodes", Content::Meta { meta: Meta::ErrorCodes(asked.into()) }));
    }
    all.extend(super::loans::contents());
    all
}

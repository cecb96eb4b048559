//! What an answer, or none, makes of a question.

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::domain::application::ask::{Finding, PayOrder};
use crate::domain::application::facets::{Account, AccountTarget, ConsentPurpose};
use crate::domain::application::notice::Notice;
use crate::domain::maths::money::Paise;

fn at() -> DateTime<Utc> {
    "2026-11-26T06:30:00Z".parse().unwrap()
}

fn pay() -> Ask {
    let target = AccountTarget::Vpa { vpa: "asha@bank".to_owned() };
    Ask::Pay(PayOrder {
        loan_id: "LON1".into(),
        payment_id: "P1".into(),
        tranche: 1,
        attempt: 1,
        bank_key: "K1".to_owned(),
        net: Paise(100),
        account: Account { id: "A1".into(), target, holder: None, kind: None },
    })
}

fn mandate_status() -> Ask {
    Ask::MandateStatus { plan: "RP-1".into(), reference: "M-1".to_owned(), again: false }
}

fn notice(kind: NoticeKind) -> Ask {
    let (key, text) = ("N1".to_owned(), "Your instalment is due.".to_owned());
    Ask::Notify(Notice { kind, loan_id: Some("LON1".into()), instalment: Some(1), amount: None, key, text })
}

/// The step after so many tries.
fn step(ask: Ask, tries: i32, outcome: Option<Outcome>) -> Step {
    step_after(TimeDelta::zero(), ask, tries, outcome)
}

/// The step after so many tries of a question that was made so long ago.
fn step_after(age: TimeDelta, ask: Ask, tries: i32, outcome: Option<Outcome>) -> Step {
    let new = NewAsk { ask, targets: Vec::new(), exchange: None, not_before: None };
    next_step(&leased(&new, tries), &new, outcome, at() + age)
}

fn leased(new: &NewAsk, tries: i32) -> Leased {
    Leased {
        id: Uuid::nil(),
        lease_id: Uuid::nil(),
        org_id: "LSP".to_owned(),
        trace: Uuid::nil(),
        detail: Detail::Ask(new.clone()),
        tries,
        may_have_left: false,
        reference: None,
        created_at: at(),
        asked_since: Some(at()),
        renewed: 0,
    }
}

fn mistake() -> Outcome {
    Outcome::Refused { code: ADAPTER_ERROR.to_owned(), detail: "the adapter answered 404".to_owned() }
}

#[test]
fn a_mistake_of_the_adapter_is_no_refusal() {
    for ask in [Ask::Eligibility, Ask::Offers, Ask::FinalCheck] {
        let step = step(ask, 1, Some(mistake()));
        let left = matches!(&step, Step::Apply(Outcome::Refused { code, .. }, _) if code == ADAPTER_ERROR);
        assert!(left, "{step:?}: a person decides");
    }
    for ask in [Ask::Kyc, mandate_status(), notice(NoticeKind::Overdue)] {
        let step = step(ask, 1, Some(mistake()));
        assert!(matches!(step, Step::Wait(Settlement::Stuck(_))), "{step:?}: a person looks");
    }
    let copies = notice(NoticeKind::SignedDocuments);
    for ask in [Ask::FetchData { consent_id: None }, Ask::PrepareAgreement { app_token: None }, copies] {
        let step = step(ask, 1, Some(mistake()));
        assert!(matches!(step, Step::Apply(Outcome::Unknown { .. }, _)), "{step:?}: the LSP may ask again");
    }
    let step = step(pay(), 1, Some(mistake()));
    assert!(matches!(step, Step::Wait(Settlement::Again(..))), "{step:?}: the bank is asked what happened");
}

#[test]
fn silence_declines_nobody_and_never_fails_a_payment() {
    for ask in [Ask::Kyc, mandate_status(), notice(NoticeKind::PreDebit)] {
        let step = step(ask, MAX_TRIES, None);
        assert!(matches!(step, Step::Wait(Settlement::Stuck(_))), "{step:?}");
    }
    let step_of_offers = step(Ask::Offers, MAX_TRIES, None);
    assert!(matches!(step_of_offers, Step::Apply(Outcome::Unknown { .. }, _)), "{step_of_offers:?}");
    let step_of_money = step(pay(), 1000, None);
    assert!(matches!(step_of_money, Step::Wait(Settlement::Again(..))), "{step_of_money:?}");
}

#[test]
fn whether_a_mandate_still_stands_is_known_soon_or_not_at_all() {
    let look = || Ask::MandateStatus { plan: "RP-1".into(), reference: "M-1".to_owned(), again: true };
    let waits = Outcome::Pending { reference: "M-1".to_owned(), poll_after: at(), url: None };
    for outcome in [Some(waits), Some(mistake())] {
        let step = step(look(), 1, outcome);
        assert!(matches!(step, Step::Apply(_, Settlement::Closed(_))), "{step:?}: somebody waits for it");
    }
    let early = step_after(LOOK_FOR, look(), 3, None);
    assert!(matches!(early, Step::Wait(Settlement::Again(..))), "{early:?}");
    let late = step_after(LOOK_FOR + TimeDelta::seconds(1), look(), 3, None);
    assert!(matches!(late, Step::Apply(Outcome::Unknown { .. }, _)), "{late:?}");
}

#[test]
fn what_must_be_undone_is_not_given_up() {
    let (purpose, handle) = (ConsentPurpose::Monitoring, "CH-1".to_owned());
    for outcome in [None, Some(mistake())] {
        let step = step(Ask::ConsentRevoke { purpose, handle: handle.clone() }, MAX_TRIES, outcome);
        assert!(matches!(step, Step::Wait(Settlement::Stuck(_))), "{step:?}: a person looks");
    }
}

#[test]
fn retry_after_lengthens_a_wait_and_never_shortens_it() {
    let waits = |step| match step {
        Step::Wait(Settlement::Again(due_at, _)) => due_at - at(),
        other => panic!("{other:?}"),
    };
    let asked = |tries, wait: i64| step(Ask::Kyc, tries, None).not_before(Some(at() + TimeDelta::seconds(wait)));
    assert_eq!(waits(asked(1, 30)), TimeDelta::seconds(30));
    assert_eq!(waits(asked(6, 1)), TimeDelta::seconds(16));
    let done = Some(Outcome::Done { finding: Finding::KycDone { reference: "K".to_owned() } });
    assert!(matches!(step(Ask::Kyc, 1, done).not_before(Some(at())), Step::Apply(..)));
    let later = |seconds| PortError::Later { port: "kyc", status: 503, retry_after: Some(Wait::from_secs(seconds)) };
    assert_eq!(asked_for(&later(7)), Some(TimeDelta::seconds(7)));
    assert_eq!(asked_for(&later(u64::MAX)), Some(LONGEST_WAIT), "bounded");
}

#[test]
fn a_time_that_is_past_is_no_reason_to_ask_without_end() {
    let waits = |tries, seconds: i64| {
        let poll_after = at() + TimeDelta::seconds(seconds);
        let pending = Outcome::Pending { reference: "B-1".to_owned(), poll_after, url: None };
        match step(pay(), tries, Some(pending)) {
            Step::Wait(Settlement::Again(due_at, _)) => (due_at - at()).num_milliseconds(),
            other => panic!("{other:?}"),
        }
    };
    let past = [1, 2, 3, 8, 1_000].map(|tries| waits(tries, -3_600));
    assert_eq!(past, [500, 1_000, 2_000, 64_000, 300_000]);
    assert_eq!((waits(50, 1), waits(50, 60), waits(1, 100_000)), (1_000, 60_000, 21_600_000), "a time that is to come");
}

#[test]
fn money_is_asked_about_for_two_days_from_the_first_call_on() {
    // Made so long ago, and asked for so long.
    let after = |age: TimeDelta, asked: Option<TimeDelta>| {
        let new = NewAsk { ask: pay(), targets: Vec::new(), exchange: None, not_before: None };
        let leased = Leased { asked_since: asked.map(|asked| at() + age - asked), ..leased(&new, 1) };
        next_step(&leased, &new, None, at() + age)
    };
    let month = TimeDelta::days(30);
    for asked in [None, Some(TimeDelta::hours(1)), Some(UNKNOWN_FOR)] {
        let step = after(month, asked);
        assert!(matches!(step, Step::Wait(Settlement::Again(..))), "{asked:?} {step:?}: it waited for something else");
    }
    let step = after(month, Some(UNKNOWN_FOR + TimeDelta::seconds(1)));
    assert!(matches!(step, Step::Wait(Settlement::Stuck(_))), "{step:?}");
}

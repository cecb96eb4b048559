//! Acts by hand: money that is booked late, and what is refused.

use chrono::{Duration, NaiveDate};

use super::super::account::{Account, Purpose, Split};
use super::super::operator::Act;
use super::{granted, loan, trigger};
use crate::domain::application::decision::Effect;
use crate::domain::application::tests::findings::{notified, paid};
use crate::domain::application::tests::fixtures::rupees;
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::ids::PaymentId;
use crate::domain::loan::PayoutState;

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A loan of 100,000 rupees whose money arrived on 2 Nov 2026; nobody pays an instalment by mandate.
pub(super) fn running() -> Scene {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    scene
}

pub(super) fn until(scene: &mut Scene, date: &str) {
    let today = (scene.now + Duration::minutes(330)).date_naive();
    scene.wait(day(date).signed_duration_since(today));
}

pub(super) fn receipt(amount: &str, value_date: &str, purpose: Purpose) -> Act {
    let utr = format!("UTR-{amount}-{value_date}");
    Act::ManualReceipt { amount: rupees(amount), value_date: day(value_date), utr, purpose }
}

fn account(scene: &Scene) -> &Account {
    loan(scene).account.as_ref().unwrap()
}

#[test]
fn a_receipt_booked_late_leaves_what_one_booked_in_time_leaves_though_the_loan_is_an_npa_meanwhile() {
    let act = receipt("5000", "2027-01-05", Purpose::Instalment);
    let (mut in_time, mut late) = (running(), running());
    until(&mut in_time, "2027-01-05");
    in_time.operate(ONE, &act).unwrap();
    until(&mut in_time, "2027-03-10");
    until(&mut late, "2027-03-10");
    assert!(account(&late).npa_since.is_some());
    late.operate(ONE, &act).unwrap();
    assert!(account(&late).totals.interest.is_positive(), "interest comes first in the order of its value date");
    assert_eq!(account(&late), account(&in_time));
}

#[test]
fn what_a_payment_settled_is_told_anew_when_an_earlier_one_becomes_known() {
    let mut scene = running();
    until(&mut scene, "2027-01-10");
    scene.operate(ONE, &receipt("2000", "2027-01-10", Purpose::Instalment)).unwrap();
    let first = PaymentId(format!("PAY-{}-1", loan(&scene).id));
    scene.operate(ONE, &receipt("3000", "2027-01-05", Purpose::Instalment)).unwrap();
    let told: Vec<(&PaymentId, &Split)> = scene
        .effects
        .iter()
        .filter_map(|effect| if let Effect::Resplit(payment, split) = effect { Some((payment, split)) } else { None })
        .collect();
    let anew = told.iter().find(|(payment, _)| **payment == first).expect("the first one's split").1;
    assert_eq!(anew.total(), rupees("2000"));
    let totals = account(&scene).totals;
    let other =
        told.iter().find(|(payment, _)| **payment != first).expect("the late one's, which is stored after it").1;
    assert_eq!(anew.interest.saturating_add(other.interest), totals.interest);
    assert_eq!(anew.principal.saturating_add(other.principal), totals.principal);
}

#[test]
fn money_that_cannot_serve_its_purpose_is_refused_with_what_can() {
    let mut scene = running();
    until(&mut scene, "2027-01-10");
    let due = account(&scene).payable_now(day("2027-01-10"));
    let whole = due.saturating_add(account(&scene).principal_not_due());
    let total = account(&scene).foreclosure(day("2027-01-10")).unwrap().total;
    let less = total.checked_sub(rupees("0.01")).unwrap().to_string();
    let before = loan(&scene).clone();
    for (amount, purpose, word) in [
        (total.to_string(), Purpose::Prepayment, "FORECLOSURE"),
        (whole.to_string(), Purpose::Prepayment, "FORECLOSURE"),
        (less.clone(), Purpose::Foreclosure, "are needed"),
        (total.to_string(), Purpose::CoolingOffExit, "cooling-off"),
    ] {
        let refusal = scene.operate(ONE, &receipt(&amount, "2027-01-10", purpose)).unwrap_err();
        assert!(refusal.contains(word), "{refusal}");
    }
    assert_eq!(loan(&scene), &before);
    let most = whole.checked_sub(rupees("0.01")).unwrap().to_string();
    scene.operate(ONE, &receipt(&most, "2027-01-10", Purpose::Prepayment)).unwrap();
    let after = account(&scene);
    assert_eq!((after.principal_outstanding(), after.excess), (rupees("0.01"), rupees("0.00")));
}

#[test]
fn nobody_was_paid_before_the_order() {
    let mut scene = granted();
    scene.wait(Duration::days(3));
    trigger(&mut scene, "P1", None, None);
    let resolve = |value_date: &str| Act::ResolvePayout {
        payment_id: PaymentId::from("P1"),
        attempt: None,
        utr: Some("UTR9".to_owned()),
        value_date: Some(day(value_date)),
    };
    assert!(scene.operate(ONE, &resolve("2026-11-04")).unwrap_err().contains("2026-11-05"));
    let mut by_act = scene.clone();
    by_act.operate(ONE, &resolve("2026-11-05")).unwrap();
    assert_eq!(account(&by_act).contract.terms.disbursed_on, day("2026-11-05"));
    assert!(by_act.warnings.is_empty());
    // A bank that says so all the same is not believed.
    scene.answer("pay", &paid());
    assert_eq!(account(&scene).contract.terms.disbursed_on, day("2026-11-05"));
    let said = "tranche 1 counts on 2026-11-05, not on the value date that was told, 2026-11-02";
    assert_eq!(scene.warnings, [said], "and what it said is not lost");
}

#[test]
fn a_payout_ends_as_not_paid_only_when_the_bank_works_on_it_no_more() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let key = loan(&scene).payouts[0].bank_key.clone();
    let resolve = |utr: Option<&str>| Act::ResolvePayout {
        payment_id: PaymentId::from("P1"),
        attempt: None,
        utr: utr.map(str::to_owned),
        value_date: utr.map(|_| day("2026-11-02")),
    };
    scene.under_way = vec![key];
    let before = loan(&scene).clone();
    assert!(scene.operate(ONE, &resolve(None)).unwrap_err().starts_with("the bank is still being asked"));
    for utr in ["", "  ", "UTR\u{7}9", &"9".repeat(65)] {
        assert!(scene.operate(ONE, &resolve(Some(utr))).unwrap_err().contains("1 to 64 visible"), "{utr:?}");
    }
    assert_eq!(loan(&scene), &before);
    let mut stuck = scene.clone();
    stuck.under_way.clear();
    stuck.operate(ONE, &resolve(None)).unwrap();
    assert!(loan(&stuck).payouts[0].has_failed());
    scene.operate(ONE, &resolve(Some(" UTR9 "))).unwrap();
    let state = PayoutState::Paid { utr: "UTR9".to_owned(), value_date: day("2026-11-02") };
    assert_eq!(loan(&scene).payouts[0].state, state, "the file says so");
}

fn rests(from: &str, to: Option<&str>) -> Act {
    Act::Moratorium { from: day(from), to: to.map(day) }
}

/// The first instalment, of 5 December, is unpaid, and the borrower was told of it the day after.
fn overdue() -> Scene {
    let mut scene = running();
    let due = account(&scene).instalments[0].row.due_date;
    until(&mut scene, &(due + Duration::days(1)).to_string());
    while scene.asked().contains(&"send") {
        scene.answer("send", &notified("1"));
    }
    assert!(account(&scene).instalments[0].notice.is_some());
    scene
}

#[test]
fn a_moratorium_entered_late_leaves_what_one_entered_in_time_leaves() {
    let first = account(&running()).instalments[0].row.due_date;
    let [from, to, later] = [5, 40, 70].map(|days| (first + Duration::days(days)).to_string());
    let (mut in_time, mut late, mut none) = (overdue(), overdue(), overdue());
    in_time.operate(ONE, &rests(&from, Some(&to))).unwrap();
    for scene in [&mut in_time, &mut late, &mut none] {
        until(scene, &later);
    }
    let today = day(&later);
    let penal = |scene: &Scene| {
        let levied = account(scene).charges_left();
        levied.saturating_add(account(scene).all_penal_running(today))
    };
    assert!(penal(&in_time) < penal(&none));
    late.operate(ONE, &rests(&from, Some(&to))).unwrap();
    assert_eq!(account(&late), account(&in_time));
    late.operate(ONE, &rests(&from, None)).unwrap();
    assert_eq!(account(&late), account(&none), "taken back, it never was");
}

#[test]
fn a_moratorium_that_makes_no_sense_is_refused() {
    let mut scene = overdue();
    scene.operate(ONE, &rests("2027-01-10", Some("2027-03-10"))).unwrap();
    let before = loan(&scene).clone();
    for (act, word) in [
        (rests("2026-11-01", Some("2026-11-30")), "paid out"),
        (rests("2027-05-10", Some("2027-05-09")), "before"),
        (rests("2027-03-10", Some("2027-04-10")), "already"),
        (rests("2026-12-20", Some("2027-01-10")), "already"),
        (rests("2027-01-11", None), "no moratorium"),
        (rests("2027-05-10", Some("2029-05-11")), "at most"),
    ] {
        let refusal = scene.operate(ONE, &act).unwrap_err();
        assert!(refusal.contains(word), "{refusal}");
    }
    assert_eq!(loan(&scene), &before);
    scene.operate(ONE, &rests("2027-01-10", Some("2027-01-20"))).unwrap();
    scene.operate(ONE, &rests("2027-01-21", Some("2027-01-21"))).unwrap();
    assert_eq!(account(&scene).moratoria.len(), 2);
}

#[test]
fn a_moratorium_over_days_before_the_end_gives_back_what_was_charged_for_them() {
    let first = account(&running()).instalments[0].row.due_date;
    let mut scene = overdue();
    until(&mut scene, &(first + Duration::days(40)).to_string());
    let today = first + Duration::days(40);
    let owed = account(&scene).foreclosure(today).unwrap().total.to_string();
    scene.operate(ONE, &receipt(&owed, &today.to_string(), Purpose::Foreclosure)).unwrap();
    let charged = account(&scene).totals.penal;
    assert!(account(&scene).is_closed() && charged.is_positive());
    let days = (first + Duration::days(1)).to_string();
    scene.operate(ONE, &rests(&days, Some(&today.to_string()))).unwrap();
    assert!(account(&scene).is_closed());
    assert_eq!((account(&scene).totals.penal, account(&scene).excess), (rupees("0.00"), charged));
}

#[test]
fn the_borrower_is_told_of_a_charge_that_is_another_one_now() {
    let first = account(&running()).instalments[0].row.due_date;
    let mut scene = overdue();
    let days = (first + Duration::days(1)).to_string();
    scene.operate(ONE, &rests(&days, Some(&(first + Duration::days(20)).to_string()))).unwrap();
    until(&mut scene, &(first + Duration::days(31)).to_string());
    while scene.asked().contains(&"send") {
        scene.answer("send", &notified("2"));
    }
    scene.operate(ONE, &rests(&days, None)).unwrap();
    let texts: Vec<String> = scene
        .asks
        .iter()
        .filter_map(|new| match &new.ask {
            crate::domain::application::ask::Ask::Notify(notice) => Some(notice.text.clone()),
            _ => None,
        })
        .collect();
    assert!(texts.iter().any(|text| text.ends_with("in place of what you were told before.")), "{texts:?}");
}

//! What offers carry, against numbers worked out by hand (`lending.md` §2.2, §2.4).

use super::findings::{acknowledged, approval, done};
use super::fixtures::{careful_product, decimal, generate, plain_product, rupees};
use super::story::ONE;
use super::support::Scene;
use crate::domain::application::ask::{Approval, Finding};
use crate::domain::application::facets::Offer;
use crate::domain::application::form::{Tenure, TenureUnit};
use crate::domain::maths::day_count::DayCount;
use crate::domain::maths::money::Paise;
use crate::domain::maths::schedule::{Frequency, Method};
use crate::domain::product::Product;

/// Invoice finance: 45 days at 18 %, actual days of 365, half a percent fee without tax.
fn bullet_product() -> Product {
    Product {
        method: Method::Bullet,
        bullet_days: Some(45),
        day_count: DayCount::Actual365,
        processing_fee_percent: decimal("0.5"),
        gst_percent: decimal("0"),
        ..plain_product()
    }
}

/// The offer made for one approval, the LSP having asked for a tenure.
fn priced(product: Product, tenure: Option<Tenure>, approval: Approval) -> Offer {
    let mut scene = Scene::under(product, "PROCESSING");
    scene.apps[0].form.tenure = tenure;
    scene.tell(&generate(&[ONE]));
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", &done(Finding::Approve { offers: vec![approval] }));
    scene.offers(ONE)[0].clone()
}

/// 1,00,000 rupees at 18 % in twelve months, priced on 2 Nov 2026: what tests of a loan's life start from.
pub fn priced_offer() -> Offer {
    priced(plain_product(), None, approval("100000"))
}

fn days(duration: u32) -> Tenure {
    Tenure { duration, unit: TenureUnit::Day }
}

fn months(duration: u32) -> Tenure {
    Tenure { duration, unit: TenureUnit::Month }
}

#[test]
fn a_bullet_over_45_days() {
    let offer = priced(bullet_product(), None, approval("100000"));
    assert_eq!(offer.interest, rupees("2219.18"), "1,00,000 x 18 % x 45/365");
    assert_eq!(offer.total, rupees("102219.18"));
    assert_eq!((offer.charges.processing, offer.net_disbursed), (rupees("500"), rupees("99500")));
    assert_eq!(offer.apr, decimal("22.17"));
    assert_eq!(offer.tenure, days(45));
    assert_eq!(offer.schedule.rows.len(), 1);
    assert_eq!(offer.schedule.rows[0].due_date.to_string(), "2026-12-17");
    assert_eq!(offer.repayment_plans[0].frequency, None, "a single payment");
}

#[test]
fn a_bullet_takes_the_days_that_were_asked_or_decided() {
    let asked = priced(bullet_product(), Some(days(90)), approval("100000"));
    assert_eq!((asked.interest, asked.apr), (rupees("4438.36"), decimal("20.13")));
    assert_eq!(priced(bullet_product(), Some(months(3)), approval("100000")).tenure, days(91));
    let decided = Approval { installments: Some(45), ..approval("100000") };
    let decided = priced(bullet_product(), Some(days(90)), decided);
    assert_eq!(decided.interest, rupees("2219.18"));
}

#[test]
fn tax_on_the_fee_is_kept_and_counted_in_the_apr() {
    let product = Product { gst_percent: decimal("18"), ..bullet_product() };
    let offer = priced(product, None, approval("100000"));
    assert_eq!((offer.charges.processing, offer.net_disbursed), (rupees("590"), rupees("99410")));
    assert_eq!(offer.apr, decimal("22.92"));
}

#[test]
fn twelve_equal_months() {
    let offer = priced(careful_without_consent(), None, approval("100000"));
    // 1,00,000 x 0.015 / (1 - 1.015^-12) = 9167.9993
    assert_eq!(offer.instalment, rupees("9168.00"));
    assert_eq!((offer.interest, offer.total), (rupees("10015.99"), rupees("110015.99")));
    assert_eq!(offer.schedule.rows[0].interest, rupees("1500.00"));
    assert_eq!(offer.schedule.rows[11].closing, Paise(0));
    assert_eq!((offer.charges.processing, offer.net_disbursed), (rupees("2360"), rupees("97640")));
    // The monthly rate that brings twelve times 9168.00 (the last 9167.99) to 97640.00 is 1.8858 %.
    assert_eq!(offer.apr, decimal("22.63"));
    assert_eq!((offer.tenure, offer.cooling_off_days), (months(12), 3));
}

fn careful_without_consent() -> Product {
    Product { needs_data_consent: false, ..careful_product() }
}

#[test]
fn the_length_is_the_decisions_then_the_one_asked_then_the_products() {
    let six = Approval { installments: Some(6), ..approval("100000") };
    let cases = [
        (None, approval("100000"), months(12)),
        (Some(months(24)), approval("100000"), months(24)),
        (Some(Tenure { duration: 2, unit: TenureUnit::Year }), approval("100000"), months(24)),
        (Some(days(90)), approval("100000"), months(3)),
        (Some(days(100)), approval("100000"), months(4)),
        (Some(days(365)), approval("100000"), months(12)),
        (Some(days(1)), approval("100000"), months(1)),
        (Some(months(24)), six, months(6)),
    ];
    for (asked, approval, expected) in cases {
        let offer = priced(plain_product(), asked, approval);
        let rows = u32::try_from(offer.schedule.rows.len()).expect("few");
        assert_eq!((offer.tenure, rows), (expected, expected.duration));
    }
}

#[test]
fn other_frequencies_have_a_tenure_in_their_own_unit() {
    let cases = [
        (Frequency::Quarterly, months(12), months(12), 4),
        (Frequency::Weekly, days(70), days(70), 10),
        (Frequency::EveryDays(10), days(50), days(50), 5),
        (Frequency::EveryDays(10), days(51), days(60), 6),
        (Frequency::Quarterly, months(4), months(6), 2),
        (Frequency::Quarterly, days(90), months(3), 1),
        (Frequency::Weekly, months(3), days(91), 13),
        (Frequency::Weekly, months(12), days(364), 52),
    ];
    for (frequency, asked, tenure, rows) in cases {
        let product = Product { frequency, day_count: DayCount::Actual365, ..plain_product() };
        let offer = priced(product, Some(asked), approval("100000"));
        assert_eq!((offer.tenure, offer.schedule.rows.len()), (tenure, rows));
    }
}

#[test]
fn the_decision_may_set_the_rate() {
    let cheap = Approval { annual_rate: Some("12.00".parse().expect("a rate")), ..approval("100000") };
    let offer = priced(bullet_product(), None, cheap);
    assert_eq!((offer.annual_rate.to_string().as_str(), offer.interest), ("12.00", rupees("1479.45")));
}

#[test]
fn every_offer_adds_up() {
    for product in [plain_product(), bullet_product()] {
        for amount in ["1000", "99999.99", "1000000"] {
            let offer = priced(product.clone(), None, approval(amount));
            assert_adds_up(&offer);
        }
    }
}

/// The self-check of `lending.md` §2.4, last bullet.
pub fn assert_adds_up(offer: &Offer) {
    let rows = |amount: fn(&crate::domain::maths::schedule::Row) -> Paise| {
        Paise::checked_sum(offer.schedule.rows.iter().map(amount))
    };
    assert_eq!(offer.net_disbursed.checked_add(offer.charges.processing), Some(offer.sanctioned));
    assert_eq!(rows(|row| row.instalment), Some(offer.total));
    assert_eq!(rows(|row| row.principal), Some(offer.sanctioned));
    assert_eq!(offer.total.checked_sub(offer.sanctioned), Some(offer.interest));
    for plan in &offer.repayment_plans {
        assert_eq!((plan.total, plan.principal), (offer.total, Some(offer.sanctioned)));
    }
    for plan in &offer.disbursement_plans {
        assert_eq!(plan.total, offer.sanctioned);
    }
}

//! Rows of the rule table, one story each.

use chrono::NaiveDate;

use super::form;
use crate::config::rules::{Rule, Rules};
use crate::config::{Config, DevArgs};
use crate::domain::application::ask::{Approval, Ask, Finding};
use crate::domain::application::form::Form;
use crate::domain::maths::money::Paise;
use crate::lender::decision::Decision;

const DECLINE: &str = r#"then = { decline = { reason = "OTHERS", description = "no" } }"#;

fn rules(text: &str) -> Rules {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Table {
        rules: Vec<Rule>,
        offers: Vec<crate::config::rules::OfferVariant>,
    }
    let Table { rules, offers } = toml::from_str(text).unwrap();
    Rules { table: rules, offers }
}

fn decide(ask: &Ask, table: &str, form: &Form) -> Finding {
    let products = Config::dev(&DevArgs::default()).unwrap().products;
    Decision::new(products, rules(table)).decide(ask, (Some("personal"), NaiveDate::default()), form).unwrap()
}

fn reasons(finding: Finding) -> Vec<String> {
    match finding {
        Finding::Decline { reasons } => reasons.into_iter().map(|r| r.description).collect(),
        Finding::NeedsAction { actions } => actions.into_iter().map(|a| a.description).collect(),
        other => panic!("neither declined nor asked: {other:?}"),
    }
}

fn paise(text: &str) -> Paise {
    text.parse().unwrap()
}

#[test]
fn dev_approves_whoever_asks_within_the_product() {
    assert_eq!(decide(&Ask::Eligibility, "", &form()), Finding::Pass);
    let offers = vec![Approval { amount: paise("50000.00"), installments: None, annual_rate: None, valid_days: None }];
    assert_eq!(decide(&Ask::Offers, "", &form()), Finding::Approve { offers });
    assert_eq!(decide(&Ask::FinalCheck, "", &form()), Finding::Pass);
}

#[test]
fn amounts_outside_the_product_are_declined() {
    for (amount, passes) in [("999.99", false), ("1000.00", true), ("1000000.00", true), ("1000000.01", false)] {
        let form = Form { requested: paise(amount), ..form() };
        assert_eq!(decide(&Ask::Eligibility, "", &form) == Finding::Pass, passes, "{amount}");
    }
}

#[test]
fn every_reason_is_told_and_a_decline_outweighs_what_is_missing() {
    let table = r#"
        [[rules]]
        when = { panPrefix = ["abcp"] }
        then = { decline = { reason = "FRAUD", description = "blocked" } }
        [[rules]]
        when = { amountAbove = "49999.99" }
        then = { decline = { reason = "OTHERS", description = "too much" } }
        [[rules]]
        when = { documentMissing = "PAN_CARD" }
        then = { ask = { actionType = "ADD_DOCUMENT", description = "bring it", object = "documents" } }
    "#;
    assert_eq!(reasons(decide(&Ask::Eligibility, table, &form())), ["blocked", "too much"]);
}

#[test]
fn a_row_refers_at_its_own_question_and_only_whom_nothing_else_stops() {
    let table = r#"
        [[rules]]
        when = { amountAbove = "49999.99" }
        then = { refer = { code = "AMOUNT_HIGH", description = "look" } }
        [[rules]]
        when = { panPrefix = ["ABCP"] }
        then = { refer = { code = "PAN", description = "look again", at = "finalCheck" } }
    "#;
    let codes = |finding| match finding {
        Finding::Refer { reasons } => reasons.into_iter().map(|reason| reason.code).collect(),
        other => vec![format!("{other:?}")],
    };
    assert_eq!(decide(&Ask::Eligibility, table, &form()), Finding::Pass);
    assert_eq!(codes(decide(&Ask::Offers, table, &form())), ["AMOUNT_HIGH"]);
    assert_eq!(codes(decide(&Ask::FinalCheck, table, &form())), ["PAN"]);
    let declined = format!("{table}[[rules]]\nwhen = {{ amountAbove = \"1.00\" }}\n{DECLINE}");
    assert_eq!(reasons(decide(&Ask::Offers, &declined, &form())), ["no"]);
}

#[test]
fn each_missing_document_is_asked_for_until_it_comes() {
    let mut products = Config::dev(&DevArgs::default()).unwrap().products;
    for product in &mut products.0 {
        product.needs_documents = vec!["GST_PROFILE".to_owned(), "PAN_CARD".to_owned()];
    }
    let decision = Decision::new(products, Rules::default());
    let mut form = form();
    let found = decision.decide(&Ask::Offers, (Some("personal"), NaiveDate::default()), &form).unwrap();
    assert_eq!(reasons(found), ["Please add the document GST_PROFILE.", "Please add the document PAN_CARD."]);
    form.documents = vec!["pan_card".to_owned(), "GST_PROFILE".to_owned()];
    let found = decision.decide(&Ask::Eligibility, (Some("personal"), NaiveDate::default()), &form).unwrap();
    assert_eq!(found, Finding::Pass);
}

#[test]
fn a_row_for_another_product_says_nothing() {
    let table = r#"
        [[rules]]
        products = ["home"]
        when = { collateralsFewerThan = 1 }
        then = { decline = { reason = "OTHERS", description = "no security" } }
    "#;
    assert_eq!(decide(&Ask::Eligibility, table, &form()), Finding::Pass);
}

#[test]
fn variants_are_offered_in_order_within_the_limits_and_once_each() {
    let table = r#"
        [[offers]]
        amountPercent = "100"
        [[offers]]
        amountPercent = "33.33"
        installments = 24
        annualRate = "17.50"
        [[offers]]
        amountPercent = "0.01"
        [[offers]]
        amountPercent = "0.02"
        [[offers]]
        products = ["home"]
        amountPercent = "50"
    "#;
    let Finding::Approve { offers } = decide(&Ask::Offers, table, &form()) else { panic!("not approved") };
    let told: Vec<_> = offers.iter().map(|o| (o.amount.to_string(), o.installments)).collect();
    let told: Vec<_> = told.iter().map(|(amount, count)| (amount.as_str(), *count)).collect();
    assert_eq!(told, [("50000.00", None), ("16665.00", Some(24)), ("1000.00", None)]);
}

#[test]
fn no_product_no_loan() {
    let products = Config::dev(&DevArgs::default()).unwrap().products;
    let found =
        Decision::new(products, Rules::default()).decide(&Ask::Eligibility, (None, NaiveDate::default()), &form());
    assert!(matches!(found, Ok(Finding::Decline { .. })));
}

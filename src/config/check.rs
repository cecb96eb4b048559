//! What must hold of a configuration beyond its form.

use std::collections::BTreeSet;

use chrono::Weekday;
use rust_decimal::Decimal;

use super::edge_check as edge;
use super::error::Problems;
use super::ledger::{LONGEST_CODE, LedgerConfig, MOST};
use super::rules::{Rules, Verdict};
use super::{Config, Lender, Mode, PortConfig, hosted, operators, retention};
use crate::domain::application::referral::{self, ReferralReason};
use crate::domain::maths::frequency::Frequency;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rounding::Rounding;
use crate::domain::maths::schedule::{MAX_INSTALLMENTS, Method};
use crate::domain::personal::is_unseen;
use crate::domain::product::{Limits, Product};
use crate::domain::rules::DL_10_COOLING_OFF;
use crate::lender::{BUILT_IN, PORTS};

/// Longest id on the wire, in characters (design §8).
const MAX_ID: usize = 128;
/// Longest a callback may wait; the lease of its stream is twice the default of ten seconds.
const MAX_TIMEOUT_SECONDS: u64 = 15;

/// Longest time between a change of the payout account and the first payout to it, in hours: thirty days.
const LONGEST_COOL_DOWN: u32 = 720;

/// Longest an offer may stand, in days: ten years; more is a slip of the pen.
const LONGEST_OFFER: u32 = 3_650;

/// Longest a server that was told to stop may go on taking requests.
const MAX_DRAIN_GRACE_SECONDS: u64 = 300;

/// A whole week.
const DAYS: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// Notes everything that is missing or makes no sense.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    lender(&config.lender, problems);
    products(&config.products.0, problems);
    limits(&config.limits, problems);
    rules(&config.rules, &config.products.0, problems);
    ports(config, problems);
    decided_twice(config, problems);
    hosted::check(config, problems);
    retention::check(&config.retention, problems);
    ledger(&config.ledger, problems);
    operators::check(&config.operators, problems);
    for kid in config.keys.iter().flat_map(super::KeyFiles::repeated) {
        problems.add("keys", format!("the kid `{kid}` stands for two files: LSPs would know one of them only"));
    }
    let seconds = config.delivery.timeout.as_secs();
    problems.demand(
        (1..=MAX_TIMEOUT_SECONDS).contains(&seconds),
        "delivery.timeoutSeconds",
        format!("must be 1 to {MAX_TIMEOUT_SECONDS}"),
    );
    problems.demand(
        config.drain_grace.as_secs() <= MAX_DRAIN_GRACE_SECONDS,
        "listen.drainGraceSeconds",
        format!("must be {MAX_DRAIN_GRACE_SECONDS} or less"),
    );
    edge::check(config, problems);
    problems.demand(config.database.max_connections >= 2, "database.maxConnections", "must be 2 or more");
    if !config.borrower_url.is_empty() {
        base_address("borrowerUrl", &config.borrower_url, problems);
    }
    if let Some(url) = &config.ports_url {
        base_address("portsUrl", url, problems);
    }
    problems.demand(!config.delivery.allowed_ports.contains(&0), "delivery.allowedPorts", "must be 1 to 65535");
    let works = DAYS.iter().any(|day| !config.calendar.weekly_off.contains(day));
    let detail = "leaves no working day: key facts statements are valid for working days";
    problems.demand(works, "calendar.weeklyOff", detail);
    if config.mode == Mode::Serve {
        production(config, problems);
    }
}

/// An address that we put paths behind and hand out: to borrowers, or to the lender's systems.
fn base_address(member: &str, text: &str, problems: &mut Problems) {
    // A parser of URLs leaves some of them out.
    let is_plain = !text.chars().any(|c| is_unseen(c) || c.is_whitespace());
    let url = text.parse::<reqwest::Url>().ok().filter(|url| is_plain && matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        problems.add(member, "must be an http:// or https:// address without blanks");
        return;
    };
    let is_base = url.query().is_none() && url.fragment().is_none();
    let is_open = url.username().is_empty() && url.password().is_none();
    problems.demand(is_base && is_open, member, "must have no user, query or fragment: paths are put behind it");
}

/// What the built-in decides by says nothing beside an adapter, and who wrote a hard decline must not believe it counts.
fn decided_twice(config: &Config, problems: &mut Problems) {
    if !matches!(config.ports.get("decision"), Some(PortConfig::Adapter(_))) {
        return;
    }
    let detail = "is for the built-in `decision` port, and there is an adapter in [ports.decision]: choose one";
    problems.demand(config.rules.table.is_empty(), "rules", detail);
    problems.demand(config.rules.offers.is_empty(), "offers", detail);
}

fn production(config: &Config, problems: &mut Problems) {
    if !config.lender.org_id.is_empty() {
        let officer = config.lender.grievance_officer.is_some();
        let detail = "is missing: every key facts statement names the nodal officer, with phone and email";
        problems.demand(officer, "lender.grievanceOfficer", detail);
    }
    problems.demand(config.database.url.is_some(), "DATABASE_URL", "is missing (or --database-url)");
    // Keys that could not be read have been told of already.
    let keys = config.keys.is_some() || problems.any_of("keys");
    problems.demand(keys, "keys", "is missing: name the master key and the signing key");
    let known = config.admin_token.is_some() || !config.operators.is_empty();
    problems.demand(known, "OCEN_ADMIN_TOKEN", "is missing: operators must show it (or name [[operators]])");
}

fn lender(lender: &Lender, problems: &mut Problems) {
    // A lender that did not decode is empty and was reported already.
    if lender.org_id.is_empty() && lender.name.is_empty() && !problems.0.is_empty() {
        return;
    }
    let length = lender.org_id.chars().count();
    let printable = !lender.org_id.chars().any(|c| is_unseen(c) || c.is_whitespace());
    problems.demand(
        (1..=MAX_ID).contains(&length) && printable,
        "lender.orgId",
        format!("must have 1 to {MAX_ID} printable characters without blanks"),
    );
    for (member, text) in [
        ("lender.name", &lender.name),
        ("lender.primaryId", &lender.primary_id),
        ("lender.primaryIdType", &lender.primary_id_type),
        ("lender.phone", &lender.phone),
    ] {
        problems.demand(!text.trim().is_empty(), member, "must not be empty");
    }
    for contact in lender.grievance_officer.iter().chain(&lender.recovery_agents) {
        let named = !contact.name.trim().is_empty() && !contact.phone.trim().is_empty();
        problems.demand(named, "lender.grievanceOfficer or recoveryAgents", "must have a name and a phone");
    }
}

fn products(products: &[Product], problems: &mut Problems) {
    // One that could not be read has been told of already.
    let some = !products.is_empty() || problems.any_of("products[");
    problems.demand(some, "products", "there must be at least one usable one");
    let mut seen = BTreeSet::new();
    for (i, product) in products.iter().enumerate() {
        let named = format!("products[{i}]");
        let fresh = !product.id.trim().is_empty() && seen.insert((&product.id, product.effective_from));
        let detail = "must be there and differ from every other product's, or have another effectiveFrom";
        problems.demand(fresh, format!("{named}.id"), detail);
        one_product(&named, product, problems);
        servicing(&named, product, problems);
    }
}

/// Decimals of a percentage: with more, the rounding of a fee would not be the plain one to the nearest paisa.
const DECIMALS: u32 = 8;

fn is_exact(percent: Decimal) -> bool {
    percent.normalize().scale() <= DECIMALS
}

fn one_product(named: &str, product: &Product, problems: &mut Problems) {
    let at = |member: &str| format!("{named}.{member}");
    problems.demand(!product.loan_types.is_empty(), at("loanTypes"), "must name at least one loan type");
    problems.demand(product.min_amount.is_positive(), at("minAmount"), "must be more than zero");
    problems.demand(product.max_amount >= product.min_amount, at("maxAmount"), "must not be below minAmount");
    problems.demand(product.bounce_charge >= Paise::ZERO, at("bounceCharge"), "must not be negative");
    for (member, percent, most) in [
        ("processingFeePercent", product.processing_fee_percent, 50),
        ("gstPercent", product.gst_percent, 100),
        ("latePaymentPercent", product.late_payment_percent, 100),
    ] {
        let fits = percent >= Decimal::ZERO && percent <= Decimal::from(most) && is_exact(percent);
        problems.demand(fits, at(member), format!("must be 0 to {most} percent, with {DECIMALS} decimals at most"));
    }
    let detail = DL_10_COOLING_OFF.refusal("must be 1 or more");
    problems.demand(product.cooling_off_days >= 1, at("coolingOffDays"), detail);
    let fits = (1..=LONGEST_OFFER).contains(&product.offer_validity_days);
    problems.demand(fits, at("offerValidityDays"), format!("must be 1 to {LONGEST_OFFER}"));
    let fits = product.payout_cool_down_hours <= LONGEST_COOL_DOWN;
    problems.demand(fits, at("payoutCoolDownHours"), format!("must be 0 to {LONGEST_COOL_DOWN}"));
    repayment(named, product, problems);
}

/// Rules of the loan's life, fees and dates of the product's version.
fn servicing(named: &str, product: &Product, problems: &mut Problems) {
    let at = |member: &str| format!("{named}.{member}");
    let ends = product.effective_to.is_none_or(|to| product.effective_from.is_none_or(|from| from <= to));
    problems.demand(ends, at("effectiveTo"), "must not be before effectiveFrom");
    let day = product.servicing.due_day.is_none_or(|day| (1..=31).contains(&day));
    problems.demand(day, at("servicing.dueDay"), "must be a day of the month, 1 to 31");
    let rules = &product.servicing;
    problems.demand(rules.penal_every_days >= 1, at("servicing.penalEveryDays"), "must be 1 or more");
    problems.demand(rules.reissue_tolerance >= Paise::ZERO, at("servicing.reissueTolerance"), "must not be negative");
    for (member, percent) in [
        ("servicing.foreclosurePercent", Some(rules.foreclosure_percent)),
        ("servicing.prepaymentPercent", Some(rules.prepayment_percent)),
        ("servicing.penalCapPercent", rules.penal_cap_percent),
    ] {
        let fits = percent.is_none_or(|percent| percent >= Decimal::ZERO && percent <= Decimal::ONE_HUNDRED);
        problems.demand(fits, at(member), "must be 0 to 100 percent");
    }
    let mut codes = BTreeSet::from(["PROCESSING"]);
    for (i, fee) in product.fees.iter().enumerate() {
        let member = at(&format!("fees[{i}]"));
        let one = fee.percent.is_some() != fee.amount.is_some();
        problems.demand(one, &member, "has either `percent` or `amount`");
        let in_range = |percent: Decimal| percent >= Decimal::ZERO && percent <= Decimal::from(50);
        let fits = fee.percent.is_none_or(in_range) && fee.amount.is_none_or(|amount| amount >= Paise::ZERO);
        problems.demand(fits, &member, "must not be negative, nor more than 50 percent");
        let exact = fee.percent.is_none_or(is_exact);
        problems.demand(exact, &member, format!("has a percentage with {DECIMALS} decimals at most"));
        problems.demand(codes.insert(&fee.code), format!("{member}.code"), "is used already");
    }
}

fn repayment(named: &str, product: &Product, problems: &mut Problems) {
    let at = |member: &str| format!("{named}.{member}");
    if product.method == Method::Bullet {
        let days = product.bullet_days.unwrap_or_default();
        problems.demand(days >= 1, at("bulletDays"), "must be 1 or more for a bullet");
        problems.demand(product.installments == 1, at("installments"), "must be 1 for a bullet");
    } else {
        let fits = (1..=MAX_INSTALLMENTS).contains(&product.installments);
        problems.demand(fits, at("installments"), format!("must be 1 to {MAX_INSTALLMENTS}"));
        problems.demand(product.bullet_days.is_none(), at("bulletDays"), "belongs to a bullet only");
    }
    problems.demand(product.frequency != Frequency::EveryDays(0), at("frequency"), "must have at least one day");
    let rounds = !matches!(product.rounding, Rounding::MultipleOf(unit) if !unit.is_positive());
    problems.demand(rounds, at("rounding"), "must round to more than zero");
}

fn limits(limits: &Limits, problems: &mut Problems) {
    for (member, count) in [
        ("otpValidityMinutes", limits.otp_validity_minutes),
        ("otpMaxTries", i64::from(limits.otp_max_tries)),
        ("otpMaxSends", i64::try_from(limits.otp_max_sends).unwrap_or(i64::MAX)),
        ("otpSendWindowMinutes", limits.otp_send_window_minutes),
        ("idleDays", limits.idle_days),
        ("reofferDays", limits.reoffer_days),
        ("interimAnswerSeconds", limits.interim_answer_seconds),
        ("mandateLinkHours", limits.mandate_link_hours),
        ("paymentLinkHours", limits.payment_link_hours),
        ("decisionClaimMinutes", limits.decision_claim_minutes),
    ] {
        // A million minutes are two years; more would leave the calendar when added to a date.
        problems.demand((1..=1_000_000).contains(&count), format!("limits.{member}"), "must be 1 to 1000000");
    }
    let gap = limits.otp_send_gap_seconds;
    problems.demand((0..=1_000_000).contains(&gap), "limits.otpSendGapSeconds", "must be 0 to 1000000");
    let capped = limits.max_borrower_exposure.is_none_or(Paise::is_positive);
    problems.demand(capped, "limits.maxBorrowerExposure", "must be more than zero; leave it out for no cap");
}

fn rules(rules: &Rules, products: &[Product], problems: &mut Problems) {
    let named_in_rules = rules.table.iter().enumerate().map(|(i, rule)| (format!("rules[{i}]"), &rule.products));
    let named_in_offers = rules.offers.iter().enumerate().map(|(i, offer)| (format!("offers[{i}]"), &offer.products));
    for (named, ids) in named_in_rules.chain(named_in_offers) {
        for id in ids.iter().filter(|id| !products.iter().any(|product| product.id == **id)) {
            problems.add(format!("{named}.products"), format!("there is no usable product `{id}`"));
        }
    }
    for (i, rule) in rules.table.iter().enumerate() {
        let Verdict::Refer { code, description, .. } = &rule.then else { continue };
        let reason = ReferralReason { code: code.clone(), description: description.clone() };
        let detail = "must be 1 to 64 letters, digits, `_`, `-` or `.`";
        problems.demand(referral::usable(&[reason]).is_ok(), format!("rules[{i}].then.refer.code"), detail);
    }
    for (i, offer) in rules.offers.iter().enumerate() {
        let percent = offer.amount_percent;
        let fits = percent > Decimal::ZERO && percent <= Decimal::ONE_HUNDRED;
        problems.demand(fits, format!("offers[{i}].amountPercent"), "must be above 0 and at most 100");
        let fits = offer.installments.is_none_or(|n| n >= 1);
        problems.demand(fits, format!("offers[{i}].installments"), "must be 1 or more");
    }
}

fn ports(config: &Config, problems: &mut Problems) {
    for (name, port) in &config.ports {
        let member = format!("ports.{name}");
        problems.demand(PORTS.contains(&name.as_str()), &member, format!("is no port; there are {}", PORTS.join(", ")));
        if matches!(port, PortConfig::BuiltIn) && PORTS.contains(&name.as_str()) {
            problems.demand(BUILT_IN.contains(&name.as_str()), &member, "has no built-in: give it `url` and `secret`");
        }
    }
    if config.mode == Mode::Dev {
        return;
    }
    let mentioned = |name: &&&str| problems_mention(problems, name) || config.ports.contains_key(**name);
    let missing: Vec<&str> = PORTS.iter().filter(|name| !mentioned(name)).copied().collect();
    for name in missing {
        let built_in = if BUILT_IN.contains(&name) { ", or `builtin = true`" } else { "" };
        problems.add(format!("ports.{name}"), format!("is missing: give it `url` and `secret`{built_in}"));
    }
}

fn ledger(ledger: &LedgerConfig, problems: &mut Problems) {
    problems.demand((1..=MOST).contains(&ledger.batch), "ledger.batch", format!("must be 1 to {MOST}"));
    for (account, code) in &ledger.accounts.0 {
        let fits = (1..=LONGEST_CODE).contains(&code.len()) && code.chars().all(|c| c.is_ascii_graphic());
        let detail = format!("must have 1 to {LONGEST_CODE} printable characters without blanks");
        problems.demand(fits, format!("ledger.accounts.{}", account.name()), detail);
    }
}

/// A port that did not decode is in the list already and need not be called missing as well.
fn problems_mention(problems: &Problems, port: &str) -> bool {
    let member = format!("ports.{port}");
    problems.0.iter().any(|problem| problem.member.starts_with(&member))
}

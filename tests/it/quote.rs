//! `quote`, run as people run it.

use std::process::{Command, Output};

use serde_json::{Value, json};

fn run(line: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ocen-lender")).arg("quote").args(line).output().unwrap()
}

fn quote(line: &str) -> Value {
    let out = run(&line.split_whitespace().chain(["--json"]).collect::<Vec<_>>());
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn flows(line: &str, flows: &str) -> Value {
    let parts = line.split_whitespace().chain(["--flows", flows, "--json"]).collect::<Vec<_>>();
    let out = run(&parts);
    assert!(out.status.success(), "{flows}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Instalments, interest, principal and balance, as other systems print them.
#[track_caller]
fn assert_rows(line: &str, expected: &[[&str; 4]]) {
    let quote = quote(line);
    let rows = quote["rows"].as_array().unwrap();
    let shown: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| ["instalment", "interest", "principal", "closing"].map(|name| row[name].as_str().unwrap()))
        .collect();
    assert_eq!(shown, expected, "{line}");
}

#[track_caller]
fn assert_refused(line: &str, reason: &str) {
    let out = run(&line.split_whitespace().collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(matches!(out.status.code(), Some(1 | 2)), "{line}: {:?} {said}", out.status);
    assert!(said.contains(reason) && !said.contains("panicked"), "{line}: {said}");
    assert!(out.stdout.is_empty(), "{line}");
}

const RBI: &str = "--principal 20000 --annual-rate 15 --installments 24 --fee-lender 240 --fee-third-party 160";

fn rounded_to_rupees(text: &Value) -> i64 {
    let (rupees, paise) = text.as_str().unwrap().split_once('.').unwrap();
    rupees.parse::<i64>().unwrap() + i64::from(paise >= "50")
}

// RBI/2024-25/18 of 15 Apr 2024, Annex B.
#[test]
fn rbi_illustration_comes_out_of_one_call() {
    let quote = quote(RBI);
    let shown =
        ["instalment", "totalInterest", "netDisbursed", "totalPaid"].map(|name| rounded_to_rupees(&quote[name]));
    assert_eq!(shown, [970, 3274, 19600, 23274]);
    assert_eq!(quote["apr"], "17.07");
    assert_eq!(
        (&quote["instalment"], &quote["totalInterest"], &quote["totalPaid"]),
        (&json!("969.73"), &json!("3273.58"), &json!("23273.58"))
    );
    let members: Vec<&String> = quote.as_object().unwrap().keys().collect();
    assert_eq!(members, ["apr", "instalment", "netDisbursed", "rows", "totalInterest", "totalPaid"]);
}

#[test]
fn rbi_illustration_is_readable() {
    let out = run(&RBI.split_whitespace().collect::<Vec<_>>());
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.ends_with("in whole rupees: 970, 3274, 19600, 23274, APR 17.07\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("969.7")).count(), 25, "{text}");
}

#[test]
fn a_row_has_a_number_a_day_and_amounts_as_text() {
    let quote = quote("--principal 1000 --annual-rate 0 --installments 4 --disbursed-on 2026-01-31");
    assert_eq!(
        quote["rows"][1],
        json!({
            "number": 2, "dueDate": "2026-03-31", "opening": "750.00", "principal": "250.00",
            "interest": "0.00", "instalment": "250.00", "closing": "500.00",
        })
    );
    assert_eq!((&quote["apr"], &quote["netDisbursed"]), (&json!("0.00"), &json!("1000.00")));
}

#[test]
fn other_systems_rows() {
    assert_rows(
        "--principal 100 --annual-rate 9.4822 --installments 6 --frequency weekly --day-count ACT/364",
        &[
            ["16.77", "0.18", "16.59", "83.41"],
            ["16.77", "0.15", "16.62", "66.79"],
            ["16.77", "0.12", "16.65", "50.14"],
            ["16.77", "0.09", "16.68", "33.46"],
            ["16.77", "0.06", "16.71", "16.75"],
            ["16.78", "0.03", "16.75", "0.00"],
        ],
    );
    assert_rows(
        "--principal 100 --annual-rate 15.678 --installments 6 --day-count actual/365 --disbursed-on 2024-01-01",
        &[
            ["17.43", "1.33", "16.10", "83.90"],
            ["17.43", "1.05", "16.38", "67.52"],
            ["17.43", "0.90", "16.53", "50.99"],
            ["17.43", "0.66", "16.77", "34.22"],
            ["17.43", "0.46", "16.97", "17.25"],
            ["17.47", "0.22", "17.25", "0.00"],
        ],
    );
    assert_rows(
        "--principal 12000 --annual-rate 24 --installments 4 --disbursed-on 2011-09-20",
        &[
            ["3151.49", "240.00", "2911.49", "9088.51"],
            ["3151.49", "181.77", "2969.72", "6118.79"],
            ["3151.49", "122.38", "3029.11", "3089.68"],
            ["3151.47", "61.79", "3089.68", "0.00"],
        ],
    );
}

// Spec lending 2.2: the table of products and, where the day count is named, Fineract's dayInYears360_repayEvery15Days.
#[test]
fn days_and_bullets_count_365_unless_another_day_count_is_named() {
    let lent = |more: &str| quote(&format!("--principal 100000 --disbursed-on 2026-01-01 {more}"));
    let daily = lent("--annual-rate 24 --installments 100 --frequency daily");
    assert_eq!((&daily["instalment"], &daily["apr"]), (&json!("1033.57"), &json!("24.00")));
    let bullet = |more: &str| lent(&format!("--annual-rate 18 --method bullet {more}"))["totalInterest"].clone();
    assert_eq!(bullet("--period-days 45"), "2219.18");
    assert_eq!(bullet("--period-days 90"), "4438.36");
    assert_eq!(bullet("--first-due 2026-02-15"), "2219.18");
    assert_eq!(bullet("--period-days 365"), "18000.00");
    assert_eq!(bullet("--period-days 365 --day-count 30/360"), "18250.00", "a day is 1/360");
    let weekly = |more: &str| {
        quote(&format!("--principal 50000 --annual-rate 18 --installments 26 --frequency weekly {more}"))["instalment"]
            .clone()
    };
    assert_eq!((weekly(""), weekly("--day-count actual/365")), (json!("2014.24"), json!("2013.98")));
    for day_count in ["30/360", "actual/360"] {
        assert_rows(
            &format!("--principal 100 --annual-rate 9.4822 --installments 6 --period-days 15 --day-count {day_count}"),
            &[
                ["16.90", "0.40", "16.50", "83.50"],
                ["16.90", "0.33", "16.57", "66.93"],
                ["16.90", "0.26", "16.64", "50.29"],
                ["16.90", "0.20", "16.70", "33.59"],
                ["16.90", "0.13", "16.77", "16.82"],
                ["16.89", "0.07", "16.82", "0.00"],
            ],
        );
    }
    let rows = |more: &str| flows(&format!("--principal 10000 --annual-rate 36.5 --frequency daily {more}"), "50,9990");
    assert_eq!(rows("")["rows"][0]["interest"], "10.00");
    assert_eq!(rows("--day-count 30/360")["rows"][0]["interest"], "10.14");
}

#[test]
fn words_are_taken_in_any_spelling() {
    let of = |more: &str| quote(&format!("--principal 20,000 --annual-rate 15 --disbursed-on 2026-01-01 {more}"));
    let fortnights = of("--installments 6 --frequency FORTNIGHTLY --method EQUAL_INSTALMENT");
    assert_eq!(fortnights, of("--installments 6 --frequency fortnightly --method emi --rounding PAISE_HALF_UP"));
    assert_eq!(fortnights["rows"][0]["dueDate"], "2026-01-15");
    let fifteen = of("--installments 6 --period-days 15 --day-count act/360");
    assert_eq!(fifteen, of("--installments 6 --frequency every-days --period-days 15 --day-count ACTUAL_360"));
    assert_eq!(fifteen, of("--installments 6 --frequency every-15-days --day-count actual-360"));
    assert_eq!(of("--installments 2 --frequency half-yearly"), of("--installments 2 --frequency HALF_YEARLY"));
    let hundreds = of("--installments 8 --method equal-principal --rounding multiple-of:100");
    assert_eq!(hundreds, of("--installments 8 --method EQUAL_PRINCIPAL --rounding multiple-of-100"));
    assert_eq!(of("--installments 3 --day-count THIRTY360"), of("--installments 3 --day-count 30/360"));
    assert_eq!(of("--installments 3 --rounding rupee-ceil")["instalment"], "6835.00");
}

#[test]
fn a_bullet_takes_its_days() {
    let line = "--principal 100000 --annual-rate 18 --method bullet --day-count actual/365 --fee-lender 500";
    let quote_of = quote(&format!("{line} --period-days 45 --disbursed-on 2024-01-01"));
    assert_eq!((&quote_of["totalInterest"], &quote_of["apr"]), (&json!("2219.18"), &json!("22.17")));
    assert_eq!(quote_of, quote(&format!("{line} --first-due 2024-02-15 --disbursed-on 2024-01-01")));
}

#[test]
fn a_broken_first_period_follows_its_policy() {
    let line = "--principal 300000 --annual-rate 18 --installments 12 --disbursed-on 2026-01-15 --first-due 2026-03-05 \
                --odd-day-count actual/365";
    let added = quote(&format!("{line} --first-period ADD_TO_FIRST"));
    assert_eq!((&added["rows"][0]["instalment"], &added["apr"]), (&json!("30610.85"), &json!("17.95")));
    assert_eq!(added["instalment"], "27504.00");
    let upfront = quote(&format!("{line} --first-period upfront"));
    assert_eq!((&upfront["upfrontInterest"], &upfront["netDisbursed"]), (&json!("3106.85"), &json!("296893.15")));
    assert_eq!(upfront["apr"], "17.99");
}

#[test]
fn given_payments_have_an_apr() {
    let line = "--principal 20000 --fee-lender 240 --fee-third-party 160";
    assert_eq!(flows(line, "24x970")["apr"], "17.10");
    assert_eq!(flows(line, "23x969.73, 969.79")["apr"], "17.07");
    assert_eq!(flows(line, "970.00x24"), flows(line, "24 x 970"));
    let rows = flows(&format!("{line} --annual-rate 15"), "23x969.73,969.79");
    assert_eq!(rows["rows"], quote(RBI)["rows"]);
    assert_eq!(rows["totalInterest"], "3273.58");
}

// US 12 CFR 1026, Appendix J (c).
#[test]
fn regulation_z_examples() {
    let of = |line: &str, list: &str| flows(line, list)["apr"].as_str().unwrap().to_owned();
    assert_eq!(of("--principal 5000", "24x230"), "9.69");
    assert_eq!(of("--principal 6000 --disbursed-on 1978-02-10 --first-due 1978-04-01", "36x200"), "11.82");
    let quarters = "--principal 10000 --frequency quarterly --disbursed-on 1978-05-23 --first-due 1978-10-01";
    assert_eq!(of(quarters, "40x385"), "8.97");
    let weeks = "--principal 500 --frequency weekly --disbursed-on 1978-03-20 --first-due 1978-04-21";
    assert_eq!(of(weeks, "30x17.60"), "14.96");
    assert_eq!(of("--principal 5000", "250,22x230,280"), "10.90");
    let four_weeks = "--principal 400 --period-days 28 --disbursed-on 1978-03-18 --first-due 1978-04-20";
    assert_eq!(of(four_weeks, "39.50,11x38.31"), "28.50");
    let fortnights = "--principal 200 --frequency fortnightly --disbursed-on 1978-04-03 --first-due 1978-04-11";
    assert_eq!(of(fortnights, "19x9.50,30"), "12.22");
    assert_eq!(of("--principal 1000 --disbursed-on 1978-01-03", "1978-09-15:1080"), "11.45");
    assert_eq!(of("--principal 1000 --disbursed-on 1978-01-03", "1980-01-03=1240"), "11.36");
}

// COM(1996)79, Annex III, first example; the example of Microsoft's documentation of XIRR.
#[test]
fn payments_counted_in_days_have_an_effective_rate_beside_the_apr() {
    let line = "--principal 1000 --disbursed-on 2001-01-01";
    let directive = flows(line, "2002-07-01:1200");
    assert_eq!(directive["effectiveAnnualRate"], "12.96");
    assert_eq!(flows(&format!("{line} --fee-lender 50"), "2002-07-01:1200")["effectiveAnnualRate"], "16.90");
    let xirr = "2008-03-01:2750,2008-10-30:4250,2009-02-15:3250,2009-04-01:2750";
    assert_eq!(flows("--principal 10000 --disbursed-on 2008-01-01", xirr)["effectiveAnnualRate"], "37.34");
    let bullet = "--principal 5000 --annual-rate 100 --method bullet --period-days 73";
    assert_eq!(quote(bullet)["effectiveAnnualRate"], "148.83", "1.2 ^ 5");
    let out = run(&bullet.split_whitespace().collect::<Vec<_>>());
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("\nEffective, percent              148.83\n"), "{text}");
    assert!(flows("--principal 20000", "24x970").get("effectiveAnnualRate").is_none(), "months");
}

// US 12 CFR 1026, Appendix J (b)(5).
#[test]
fn a_single_payment_has_one_apr_however_it_is_asked_for() {
    let line = "--principal 100000 --disbursed-on 2026-01-01";
    let bullet = quote(&format!("{line} --annual-rate 18 --method bullet --period-days 730"));
    assert_eq!((&bullet["totalPaid"], &bullet["apr"]), (&json!("136000.00"), &json!("16.62")));
    assert_eq!(flows(line, "2028-01-01:136000")["apr"], "16.62");
    let quarter = quote(&format!("{line} --annual-rate 12 --installments 1 --first-due 2026-04-01"));
    assert_eq!((&quarter["totalPaid"], &quarter["apr"]), (&json!("103000.00"), &json!("12.00")));
    assert_eq!(flows(line, "2026-04-01:103000")["apr"], "12.00");
    // Spec lending 2.2: a bullet counts days where they are three whole months too.
    let fee = quote(&format!("{line} --annual-rate 18 --method bullet --first-due 2026-04-01 --fee-lender 500"));
    assert_eq!(fee["apr"], "20.13");
}

#[test]
fn given_payments_are_read_from_json_and_from_a_file() {
    let line = "--principal 5000 --disbursed-on 1978-01-10";
    let listed = flows(line, "1978-02-10:2600,1978-03-10:2600.50");
    let text = r#"[{"date":"1978-03-10","amount":2600.50},{"date":"1978-02-10","amount":"2600"}]"#;
    assert_eq!(flows(line, text), listed);
    let regular = flows(line, r#"[2600, "2600.50"]"#);
    assert_eq!((&regular["rows"], &regular["apr"]), (&listed["rows"], &listed["apr"]));
    let file = std::env::temp_dir().join(format!("quote-flows-{}.json", std::process::id()));
    std::fs::write(&file, text).unwrap();
    assert_eq!(flows(line, &format!("@{}", file.display())), listed);
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn amounts_that_are_none_are_refused() {
    for (principal, reason) in [
        ("0", "more than zero"),
        ("-5", "not negative"),
        ("1.001", "two decimals"),
        ("10000000000000", "13 digits"),
        ("99999999999999999999999999", "13 digits"),
        ("1e5", "written in rupees"),
        ("20,00,", "written in rupees"),
        ("NaN", "written in rupees"),
    ] {
        assert_refused(&format!("--principal {principal} --annual-rate 15 --installments 12"), reason);
        assert_refused(&format!("--principal {principal} --annual-rate 15 --installments 12"), "--principal");
    }
    let line = "--principal 20000 --annual-rate 15 --installments 12";
    assert_refused(&format!("{line} --fee-lender -1"), "--fee-lender");
    assert_refused(&format!("{line} --fee-lender 19999 --fee-third-party 1"), "leaves nothing");
    assert_refused(&format!("{line} --fee-third-party 20001"), "--fee-third-party");
    assert_refused(&format!("{line} --rounding multiple-of:0"), "more than zero");
}

#[test]
fn terms_that_are_none_are_refused() {
    let line = "--principal 20000 --disbursed-on 2026-01-31";
    for (more, reason) in [
        ("--annual-rate -1 --installments 12", "between 0 and 200"),
        ("--annual-rate 200.01 --installments 12", "between 0 and 200"),
        ("--annual-rate x --installments 12", "--annual-rate"),
        ("--annual-rate 15 --installments 0", "at least one"),
        ("--annual-rate 15 --installments 601", "at most 600"),
        ("--annual-rate 15 --installments -1", "--installments"),
        ("--annual-rate 15 --installments 2.5", "--installments"),
        ("--annual-rate 15", "--installments is missing"),
        ("--installments 12", "--annual-rate is missing"),
        ("--annual-rate 15 --installments 2 --method bullet", "--installments"),
        ("--annual-rate 15 --installments 12 --first-due 2026-01-31", "--first-due"),
        ("--annual-rate 15 --installments 12 --first-due 2025-12-31", "--first-due"),
        ("--annual-rate 15 --installments 12 --first-due 2026-02-30", "--first-due"),
        ("--annual-rate 15 --installments 12 --first-due tomorrow", "--first-due"),
        ("--annual-rate 15 --installments 12 --frequency hourly", "none of monthly"),
        ("--annual-rate 15 --installments 12 --frequency every-days", "--period-days"),
        ("--annual-rate 15 --installments 12 --frequency monthly --period-days 3", "--period-days"),
        ("--annual-rate 15 --installments 12 --period-days 0", "--period-days"),
        ("--annual-rate 15 --installments 12 --method balloon", "none of equal-instalment"),
        ("--annual-rate 15 --installments 12 --rounding up", "none of paise-half-up"),
        ("--annual-rate 15 --installments 12 --day-count 31/360", "none of 30/360"),
        ("--annual-rate 15 --installments 12 --first-period skip", "none of stretch"),
        ("--annual-rate 15 --installments 12 --rounding multiple-of:50000", "instalment"),
    ] {
        assert_refused(&format!("{line} {more}"), reason);
    }
}

#[test]
fn payments_that_are_none_are_refused() {
    let line = "--principal 20000 --disbursed-on 2026-01-31 --flows";
    for (list, reason) in [
        ("", "no payment"),
        ("[]", "no payment"),
        ("[1,", "--flows"),
        ("[{}]", "amount"),
        ("[1e9]", "written in rupees"),
        ("24x800", "do not repay"),
        ("601x970", "1 to 600"),
        ("600x970,970", "more than 600"),
        ("2026-01-31:30000", "not after the disbursal"),
        ("2026-02-30:30000", "2026-02-30"),
        ("2026-02-28:30000,500", "every payment has a date"),
        ("-30000", "not negative"),
        ("abc", "abc"),
        ("@/does/not/exist", "/does/not/exist"),
    ] {
        let parts = line.split_whitespace().chain([list]).collect::<Vec<_>>();
        let out = run(&parts);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{list}: {said}");
        assert!(said.contains(reason), "{list}: {said}");
    }
    assert_refused("--principal 20000 --installments 12 --flows 24x970", "--installments");
}

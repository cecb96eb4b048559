//! Configurations that work, and everything that is said about one that does not.

use super::*;
use crate::domain::application::form::LoanType;
use crate::domain::maths::money::Paise;
use crate::lender::PORTS;

const EXAMPLE: &str = include_str!("../../deploy/ocen-lender.example.toml");

fn serve(text: &str) -> Result<Config, ConfigError> {
    let args = ServeArgs {
        database_url: Some("postgres://lender@db/ocen".into()),
        admin_token: Some("token".into()),
        ..ServeArgs::default()
    };
    Config::serve_text(&args, text)
}

fn complaints(config: Result<Config, ConfigError>) -> String {
    config.expect_err("the configuration should have been refused").to_string()
}

#[test]
fn dev_starts_without_a_file_and_lends_for_every_purpose() {
    let config = Config::dev(&DevArgs::default()).unwrap();
    for loan_type in [LoanType::Cashflow, LoanType::Personal, LoanType::Home, LoanType::Vehicle, LoanType::Business] {
        let product = config.products.for_type(loan_type, chrono::NaiveDate::default()).unwrap();
        assert_eq!(product.min_amount, Paise::from_rupees(1_000));
        assert_eq!(product.max_amount, Paise::from_rupees(1_000_000));
        assert!(product.needs_documents.is_empty());
    }
    assert_eq!(config.limits.max_borrower_exposure, None);
    assert_eq!(config.limits.otp_send_gap_seconds, 0);
    assert_eq!(config.borrower_url, "http://127.0.0.1:8082");
    assert!(config.delivery.allow_private_addresses);
}

#[test]
fn a_section_of_a_file_replaces_the_one_that_dev_brings() {
    let text = "[limits]\notpMaxTries = 5\n";
    let config = Config::dev_text(&DevArgs::default(), text).unwrap();
    assert_eq!((config.limits.otp_max_tries, config.limits.otp_send_gap_seconds), (5, 30));
    assert_eq!(config.products.0.len(), 5);
}

#[test]
fn the_example_file_serves() {
    let config = serve(EXAMPLE).unwrap();
    assert_eq!(config.ports.len(), PORTS.len());
    assert_eq!(config.rules.table.len(), 4);
    assert_eq!(config.rules.offers.len(), 2);
    assert_eq!(config.limits.max_borrower_exposure, Some(Paise::from_rupees(1_000_000)));
    let spelt_out = config.products.get("personal-12", chrono::NaiveDate::MAX).unwrap();
    assert_eq!(
        (spelt_out.servicing.due_day, spelt_out.servicing.penal_grace_days, spelt_out.fees.len()),
        (Some(5), 3, 2)
    );
}

#[test]
fn a_flag_wins_over_the_file() {
    let mut args = DevArgs::default();
    args.common.listen = Some(([127, 0, 0, 1], 9).into());
    args.common.borrower_url = Some("http://pages.example/".to_owned());
    let config = Config::dev_text(&args, "[listen]\nlsp = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\n").unwrap();
    assert_eq!((config.listen.lsp.port(), config.listen.admin.port()), (9, 2));
    assert_eq!(config.borrower_url, "http://pages.example");
}

#[test]
fn serve_names_everything_that_is_missing() {
    insta::assert_snapshot!(complaints(Config::serve_text(&ServeArgs::default(), "")));
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = EXAMPLE
        .replace("orgId = \"EXAMPLE-NBFC\"", "orgId = \"\"")
        .replace("minAmount = \"10000.00\"", "minAmount = \"600000.00\"")
        .replace("annualRate = \"16.00\"", "annualRate = \"1600\"")
        .replace("bulletDays = 90", "bulletDays = 0")
        .replace("otpMaxTries = 3", "otpMaxTries = 0")
        .replace("coolingOffDays = 3", "coolingOffDays = 0")
        .replace("amountPercent = \"60\"", "amountPercent = \"160\"")
        .replace("when = \"panMissing\"", "when = \"panMising\"")
        .replace("[ports.kyc]\nurl", "[ports.kyb]\nurl")
        .replace("[ports.data]", "[ports.data]\nbuiltin = true")
        .replace("timeoutSeconds = 10", "timeoutSeconds = 600\ntimeoutMinutes = 1")
        .replace("[database]", "[databas]");
    insta::assert_snapshot!(complaints(serve(&text)));
}

#[test]
fn what_would_open_a_door_or_hide_a_key_is_refused() {
    let certificates = "[tls.lsp]\ncertFile = \"a\"\nkeyFile = \"b\"\nclientCertificates = \"required\"\n\
        clientCrlFile = \"c\"\n[proxy]";
    let text = EXAMPLE
        .replace("# [proxy]", certificates)
        .replace("kid = \"EXAMPLE-NBFC-2025\"", "kid = \"EXAMPLE-NBFC-2026\"");
    let said = complaints(serve(&text));
    for wrong in [
        "tls.lsp.clientCertificates: needs `clientCaFile`",
        "tls.lsp.clientCrlFile: needs `clientCaFile`",
        "keys: the kid `EXAMPLE-NBFC-2026` stands for two files",
    ] {
        assert!(said.contains(wrong), "{said}");
    }
}

#[test]
fn only_the_decision_port_is_built_in() {
    let text = "[ports.kyc]\nbuiltin = true\n[ports.data]\nurl = \"ftp://x\"\nsecret = \"whsec_AAAA\"\n\
        [ports.agreement]\nurl = \"http://x\"\nsecret = \"whsec_AAAA\"\n[ports.collections]\nurl = \"http://x\"\n";
    insta::assert_snapshot!(complaints(Config::dev_text(&DevArgs::default(), text)));
}

#[test]
fn a_port_has_limits_and_up_to_two_secrets() {
    let config = serve(EXAMPLE).unwrap();
    let Some(PortConfig::Adapter(bank)) = config.ports.get("disbursement") else { panic!("an adapter") };
    assert_eq!((bank.secrets.len(), bank.timeout.as_secs(), bank.max_concurrency), (2, 12, 16));
    let Some(PortConfig::Adapter(kyc)) = config.ports.get("kyc") else { panic!("an adapter") };
    assert_eq!((kyc.secrets.len(), kyc.breaker_failures, kyc.breaker_rest.as_secs()), (1, 5, 10));
    assert_eq!(config.ports_url.as_deref(), Some("https://ocen-admin.internal:8081"));
    for (usual, wrong, said) in [
        ("timeoutSeconds = 12", "timeoutSeconds = 20", "ports.disbursement: `timeoutSeconds` must be 1 to 15"),
        ("maxConcurrency = 16", "maxConcurrency = 0", "ports.disbursement: `maxConcurrency` must be 1 to 256"),
        ("breakerFailures = 5", "breakerFailures = 0", "ports.disbursement: `breakerFailures` must be 1 or more"),
        ("breakerSeconds = 10", "breakerSeconds = 900", "ports.disbursement: `breakerSeconds` must be 1 to 300"),
        ("secret = [\"", "secret = [\"whsec_AAAA\", \"", "ports.disbursement: `secret` lists 1 to 2"),
        ("portsUrl = \"https", "portsUrl = \"ftp", "portsUrl: must be an http"),
        ("admin.internal:8081", "admin.internal:8081/?a=b", "portsUrl: must have no user, query or fragment"),
        ("https://ocen-admin", "https://me:secret@ocen-admin", "portsUrl: must have no user, query or fragment"),
        ("https://loans.example.in", "https://loans.example.in/#top", "borrowerUrl: must have no user, query"),
        ("https://loans.example.in", "https://me@loans.example.in", "borrowerUrl: must have no user, query"),
        ("https://loans.example.in", "https://loans.exam\\tple.in", "borrowerUrl: must be an http:// or https://"),
    ] {
        let complaints = complaints(serve(&EXAMPLE.replace(usual, wrong)));
        assert!(complaints.contains(said), "{complaints}");
    }
}

#[test]
fn a_fee_for_an_lsp_is_refused_by_its_rule() {
    let fee = "fees = [{ code = \"SOURCING\", name = \"Sourcing\", payee = \"LSP\", percent = \"1\" }]\n";
    let said = complaints(serve(&EXAMPLE.replacen("needsDocuments", &format!("{fee}needsDocuments"), 1)));
    assert!(said.contains("products[0].fees[0].payee: DL-9-lsp-fee: "), "{said}");
}

#[test]
fn half_a_door_is_refused() {
    let text = "[proxy]\nclientCertificateHeader = \"Client Cert\"\n[rateLimits]\nrequests = { perMinute = 0 }\n\
        [delivery.tls]\ncertFile = \"client.pem\"\n[tls.lsp]\ncertFile = \"\"\nkeyFile = \"k\"\n\
        [tls.borrower]\ncertFile = \"c\"\nkeyFile = \"k\"\nclientCaFile = \"ca\"\n";
    let said = complaints(Config::dev_text(&DevArgs::default(), text));
    assert!(said.contains("tls.borrower.clientCaFile: unknown field"), "{said}");
    let text = text.replace("clientCaFile", "# clientCaFile");
    let said = complaints(Config::dev_text(&DevArgs::default(), &text));
    for problem in [
        "tls.lsp.certFile: must name a file",
        "delivery.tls: has `certFile` and `keyFile` together, or neither",
        "rateLimits.requests: must let at least one request through",
        "proxy.clientCertificateHeader: must be the name of an HTTP header",
        "proxy.trustedProxies: is missing: without it nobody may hand on a client certificate",
    ] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
    let said = complaints(Config::dev_text(&DevArgs::default(), "[proxy]\ntrustedProxies = [\"10.0.0.1/8\"]\n"));
    assert!(said.contains("must be an address or a network like 10.0.0.0/8"), "{said}");
}

#[test]
fn serve_demands_a_grievance_officer_and_dev_makes_one_up() {
    let said = complaints(serve(&EXAMPLE.replace("grievanceOfficer", "# grievanceOfficer")));
    assert!(said.contains("lender.grievanceOfficer: is missing"), "{said}");
    let text = "[lender]\norgId = \"L\"\nname = \"L\"\nprimaryId = \"1\"\nprimaryIdType = \"CIN\"\nphone = \"1800\"\n";
    let config = Config::dev_text(&DevArgs::default(), text).unwrap();
    assert_eq!(config.letterhead.grievance_officer.phone, "1800");
}

#[test]
fn retention_is_long_enough_for_what_must_outlive_it() {
    let kept = serve(EXAMPLE).unwrap().retention;
    assert_eq!((kept.request_ids_days, kept.closed_days), (Some(90), Some(2920)));
    let text = EXAMPLE.replace("requestIdsDays = 90", "requestIdsDays = 3").replace("= 1095", "= 30");
    let said = complaints(serve(&text));
    for member in ["retention.requestIdsDays: must be 30", "retention.messagesDays: must be 180"] {
        assert!(said.contains(member), "{said}");
    }
}

#[test]
fn secrets_do_not_print() {
    let printed = format!("{:?}", serve(EXAMPLE).unwrap());
    assert!(!printed.contains("postgres://") && !printed.contains("whsec") && !printed.contains("114, 101, 112"));
}

#[test]
fn a_lender_that_never_works_is_refused() {
    let week = r#"weeklyOff = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]"#;
    let text = EXAMPLE.replace(r#"weeklyOff = ["Sun"]"#, week);
    let said = complaints(serve(&text));
    assert!(said.contains("calendar.weeklyOff: leaves no working day"), "{said}");
}

#[test]
fn an_empty_database_address_names_the_setting() {
    assert!(args::database_url(" ").unwrap_err().contains("DATABASE_URL"));
    assert!(args::database_url("postgres://lender@db/ocen").is_ok());
}

#[test]
fn without_a_file_serve_says_where_to_begin() {
    let told = Config::serve(&ServeArgs::default()).unwrap_err().to_string();

    assert!(told.contains("--config: no file was given; begin with deploy/ocen-lender.example.toml"), "{told}");
}

#[test]
fn rules_that_nobody_would_look_at_are_refused() {
    let adapter = "[ports.decision]\nurl = \"http://rules.internal/ocen\"\nsecret = \
        \"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n";
    let said = complaints(serve(&EXAMPLE.replace("[ports.decision]\nbuiltin = true\n", adapter)));
    for member in ["rules", "offers"] {
        let wrong = format!("- {member}: is for the built-in `decision` port, and there is an adapter");
        assert!(said.contains(&wrong), "{said}");
    }
    assert!(Config::dev_text(&DevArgs::default(), adapter).is_ok(), "without any there is no doubt");
}

#[test]
fn what_can_only_be_a_slip_is_refused() {
    for (usual, wrong, said) in [
        ("orgId = \"EXAMPLE-NBFC\"", "orgId = \"EXAMPLE NBFC\"", "lender.orgId: must have 1 to 128 printable"),
        ("allowedPorts = [443]", "allowedPorts = [443, 0]", "delivery.allowedPorts: must be 1 to 65535"),
        ("offerValidityDays = 7", "offerValidityDays = 100000", "must be 1 to 3650"),
    ] {
        let complaints = complaints(serve(&EXAMPLE.replacen(usual, wrong, 1)));
        assert!(complaints.contains(said), "{complaints}");
    }
}

#[test]
fn what_cannot_be_read_is_not_called_missing_as_well() {
    let text = EXAMPLE.replace("masterKeyFile", "# masterKeyFile").replace("borrowerUrl = ", "borrowerUrl = 1 # ");
    let said = complaints(serve(&text));
    assert_eq!((said.matches("\n- keys").count(), said.matches("\n- borrowerUrl").count()), (1, 1), "{said}");
}

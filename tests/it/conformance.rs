//! The conformance report: it passes who does everything right, and names what is wrong and whose fault it is.

mod lsp;

use clap::Parser as _;
use ocen_lender::conformance::{self, ConformanceArgs, Finding, Outcome, Report, Severity, Side, Verdict};
use ocen_lender::jose::{Incoming, OCEN_V3_ALGORITHMS};
use ocen_lender::journey::{self, JourneyArgs};

use self::lsp::{Defect, FaultyLsp, SLOW};
use crate::support::server::Server;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: ConformanceArgs,
}

#[derive(clap::Parser)]
struct Journey {
    #[command(flatten)]
    args: JourneyArgs,
}

fn args(server: &Server, org: &str, more: &[&str]) -> ConformanceArgs {
    let common = ["conformance", "--lsp", org, "--admin-url", &server.admin];
    Cli::parse_from(common.iter().chain(more)).args
}

/// What fails the run, as rule and side.
fn broken(report: &Report) -> Vec<(&'static str, Side)> {
    let errors = report.findings.iter().filter(|one| one.outcome == Outcome::Failed && one.severity == Severity::Error);
    let mut broken: Vec<_> = errors.map(|one| (one.rule, one.side.unwrap())).collect();
    broken.dedup();
    broken
}

/// Has an LSP with a defect take an offer, and tests it.
async fn tested(defect: Defect, more: &[&str]) -> Report {
    let server = Server::start().await;
    let lsp = FaultyLsp::start(&server, defect).await;
    lsp.take_an_offer().await;
    server.until("refusals are noted", || async { noted(&server, &lsp, defect).await }).await;
    // Long enough for a busy machine to ask twice within it.
    let common = ["--callback-url", &lsp.callback_url, "--poll-limit", "60000"];
    let args = args(&server, &lsp.org_id, &[&common, more].concat());
    conformance::run(&args).await.unwrap()
}

/// Refusals are noted beside their acks; whoever refuses nothing need not wait.
async fn noted(server: &Server, lsp: &FaultyLsp, defect: Defect) -> bool {
    use Defect as D;
    let refused =
        [D::ReusesIds, D::SendsOldTimestamps, D::WritesThreeDecimals, D::SignsWithAnotherKey, D::SpeaksForAnother];
    let traffic = server.get(&format!("/sandbox/traffic/{}", lsp.org_id)).await;
    // Who speaks for another is noted under its key's name, as that verified.
    !refused.contains(&defect) || !traffic["refusals"].as_array().unwrap().is_empty()
}

/// One LSP with one defect: the rules that name it, all of them the LSP's fault.
macro_rules! names {
    ($($test:ident: $defect:ident breaks $($rule:literal)+;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let report = tested(Defect::$defect, &[]).await;

                let expected = [$(($rule, Side::Lsp)),+];
                assert_eq!(broken(&report), expected, "{}", conformance::text::render(&report));
                assert_eq!((report.verdict, report.exit_code()), (Verdict::Failed, 1));
            }
        )+
    };
}

names! {
    who_takes_broken_signatures_is_named: TakesBrokenSignatures breaks "SG-04" "SG-05";
    who_takes_altered_messages_is_named: TakesAlteredMessages breaks "SG-04";
    who_takes_alg_none_is_named: TakesAlgNone breaks "SG-07";
    who_takes_an_unknown_extension_is_named: TakesUnknownCrit breaks "SG-08";
    who_takes_plain_messages_is_named: TakesPlainMessages breaks "SG-10";
    who_takes_old_messages_is_named: TakesOldMessages breaks "MD-07";
    who_takes_another_organisations_messages_is_named: TakesOtherOrganisations breaks "ID-02";
    who_keeps_old_keys_is_named: KeepsOldKeys breaks "SG-09";
    who_chokes_on_unknown_members_is_named: ChokesOnUnknownMembers breaks "SC-04";
    who_refuses_what_it_had_is_named: RefusesWhatItHad breaks "IM-01";
    who_acks_without_a_trace_id_is_named: AcksWithoutTraceId breaks "TR-04";
    who_acks_another_trace_id_is_named: AcksAnotherTraceId breaks "TR-05";
    who_acks_unsigned_is_named: AcksUnsigned breaks "SG-11";
    who_acks_with_another_key_is_named: AcksWithAnotherKey breaks "SG-11";
    who_refuses_with_200_is_named: RefusesWith200 breaks "TR-06";
    who_makes_new_ids_for_retries_is_named: MakesNewIdsForRetries breaks "MD-02";
    who_reuses_ids_is_named: ReusesIds breaks "TR-09" "MD-01";
    who_names_an_unknown_offer_is_named: NamesAnUnknownOffer breaks "SQ-02";
    who_chooses_before_offers_is_named: ChoosesBeforeOffers breaks "SQ-01";
    who_asks_all_the_time_is_named: AsksAllTheTime breaks "SQ-03";
    who_sends_old_timestamps_is_named: SendsOldTimestamps breaks "TR-09" "MD-03";
    who_writes_three_decimals_is_named: WritesThreeDecimals breaks "TR-09" "SC-01" "SC-02";
    who_signs_with_another_key_is_named: SignsWithAnotherKey breaks "TR-09" "SG-03";
    who_speaks_for_another_is_named: SpeaksForAnother breaks "TR-09" "ID-01";
    who_sends_plain_messages_is_named: SendsPlain breaks "SG-01" "SG-10";
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_is_named() {
    let limit = (SLOW.as_millis() / 2).to_string();
    let report = tested(Defect::IsSlow, &["--ack-limit", &limit]).await;

    assert_eq!(broken(&report), [("TR-03", Side::Lsp)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_until_somebody_is_stricter_is_a_warning() {
    for (defect, rule) in [(Defect::CrashesOnGarbage, "TR-07"), (Defect::ReadsOneHeaderNameOnly, "SG-12")] {
        let report = tested(defect, &[]).await;

        let warned: Vec<&Finding> = report.findings.iter().filter(|one| one.severity == Severity::Warning).collect();
        let warned = warned.into_iter().find(|one| one.outcome == Outcome::Failed).map(|one| (one.rule, one.side));
        assert_eq!(warned, Some((rule, Some(Side::Lsp))), "{defect:?}");
        assert_eq!((report.rules.failed, report.rules.warned), (0, 1), "{defect:?}");
        assert_eq!(report.verdict, Verdict::Passed, "{}", conformance::text::render(&report));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_everything_right_passes_and_what_was_not_seen_is_untested() {
    let report = tested(Defect::Nothing, &["--strict"]).await;

    assert_eq!((report.verdict, report.exit_code()), (Verdict::Passed, 0), "{}", conformance::text::render(&report));
    let outcome = |rule: &str| report.findings.iter().find(|one| one.rule == rule).unwrap().outcome;
    assert_eq!((outcome("SG-04"), outcome("SQ-02")), (Outcome::Passed, Outcome::Passed));
    assert_eq!((outcome("RG-01"), outcome("SV-01")), (Outcome::Untested, Outcome::Untested));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journeys_lsp_passes_with_its_loan_repaid() {
    let server = Server::start().await;
    let common = ["journey", "--json", "--url", &server.url, "--admin-url", &server.admin];
    let lsp = journey::stay(&Journey::parse_from(common).args).await.unwrap();

    let report = conformance::run(&args(&server, lsp.org_id(), &["--callback-url", lsp.callback_url()])).await.unwrap();

    lsp.close().await;
    assert_eq!(report.verdict, Verdict::Passed, "{}", conformance::text::render(&report));
    let outcome = |rule: &str| report.findings.iter().find(|one| one.rule == rule).unwrap().outcome;
    for rule in
        ["TR-02", "SG-01", "SG-09", "SG-11", "IM-01", "SQ-01", "SQ-02", "SC-02", "SC-05", "SV-01", "SV-02", "HB-01"]
    {
        assert_eq!(outcome(rule), Outcome::Passed, "{rule}: {}", conformance::text::render(&report));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_there_is_not_the_lsps_fault() {
    let server = Server::start().await;
    let lsp = FaultyLsp::start(&server, Defect::Nothing).await;
    lsp.take_an_offer().await;

    let nowhere = ["--callback-url", "http://127.0.0.1:1"];
    let report = conformance::run(&args(&server, &lsp.org_id, &nowhere)).await.unwrap();

    assert_eq!(broken(&report), [("TR-01", Side::Network)]);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Inconclusive, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_signed_by_the_lender_and_nothing_else_is() {
    let server = Server::start().await;
    let lsp = FaultyLsp::start(&server, Defect::Nothing).await;
    let args = args(&server, &lsp.org_id, &["--rules", "tr,sg"]);
    let report = conformance::run(&args).await.unwrap();
    let json = serde_json::to_string_pretty(&report).unwrap();

    let signed = conformance::signed(&args, &json).await.unwrap();

    let Ok(Incoming::Signed(jws)) = Incoming::parse(signed.as_bytes(), OCEN_V3_ALGORITHMS) else { panic!("{signed}") };
    assert_eq!(jws.verify(server.app.keys.signing().verifying_key()).unwrap(), json.as_bytes());
    assert!(report.findings.iter().all(|one| one.rule.starts_with("TR") || one.rule.starts_with("SG")));
    assert!(conformance::signed(&args, r#"{"kind": "x", "metadata": {}}"#).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_there_for_people_and_for_build_servers() {
    let report = tested(Defect::TakesAlgNone, &[]).await;

    let html = conformance::html::render(&report);
    assert!(html.contains("Failed.") && html.contains("SG-07") && html.contains("fault: LSP"), "{html}");
    assert!(!html.contains("http-equiv") && !html.contains("<script") && !html.contains("src="), "{html}");
    let xml = conformance::junit::render(&report);
    assert_eq!(xml.matches("<failure ").count(), 1, "{xml}");
    assert!(xml.contains("classname=\"conformance.Sg\"") && xml.contains("<skipped"), "{xml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_that_is_not_registered_cannot_be_tested() {
    let server = Server::start().await;

    let error = conformance::run(&args(&server, "LSP-NOBODY", &[])).await.unwrap_err();

    assert!(error.to_string().contains("LSP-NOBODY is not registered"), "{error}");
}

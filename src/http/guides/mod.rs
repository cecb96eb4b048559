//! The guides under `/docs/guides`: written as Markdown, with the messages and codes of the description put in, so that
//! they cannot say anything else than it does. Drawn when the first one is read; they need nothing from elsewhere.

mod fill;
mod operators;
mod page;
mod render;

use std::collections::HashMap;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::docs::file;
use super::problem::Problem;

const STYLE: &str = include_str!("../docs/guides.css");

/// A part of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    Families,
    Reference,
    Running,
}

const PARTS: [(Part, &str); 4] = [
    (Part::Start, "Start here"),
    (Part::Families, "The calls, family by family"),
    (Part::Reference, "Reference"),
    (Part::Running, "For the lender's engineers"),
];

/// One guide.
#[derive(Debug, Clone, Copy)]
struct Guide {
    slug: &'static str,
    part: Part,
    title: &'static str,
    /// One line for the index.
    about: &'static str,
    markdown: &'static str,
}

macro_rules! guides {
    ($($slug:literal $part:ident $title:literal $about:literal;)+) => {
        const GUIDES: &[Guide] = &[$(Guide {
            slug: $slug,
            part: Part::$part,
            title: $title,
            about: $about,
            markdown: include_str!(concat!("../docs/guides/", $slug, ".md")),
        }),+];
    };
}

guides! {
    "first-ten-minutes" Start "The first ten minutes" "From a fresh clone to a signed callback in a listener of your own.";
    "messages" Start "How a message goes" "Request, ack, callback; ids, retries, order.";
    "signing" Start "Signing and verifying" "Step by step, with what goes wrong.";
    "loan-application" Families "Loan application" "Asking for a loan, and what a rejection looks like.";
    "consent" Families "Consent" "Data for the offers, and monitoring for the loan.";
    "offer" Families "Offers" "Offers with their cost, and the choice of one.";
    "acceptance" Families "Acceptance" "The agreement, signed with an OTP.";
    "disbursement-setup" Families "Disbursement set-up" "The account that the money goes to, and the plan.";
    "repayment-setup" Families "Repayment set-up" "The plan and the mandate.";
    "grant" Families "Grant" "The loan comes to be.";
    "disbursement" Families "Disbursement" "Money in the account.";
    "repayment" Families "Repayment" "Debits, payment pages, paying off.";
    "loan-details" Families "Loan details" "Summary, terms, statement, list.";
    "dispute" Families "Disputes" "A complaint and where it stands.";
    "meta" Families "Meta" "Heartbeat, lookup codes, error codes.";
    "scenarios" Reference "Scenarios" "Every outcome at will: codes, faults, the clock.";
    "conformance" Reference "Conformance report" "Is your side right? Rules, fault sides, evidence.";
    "errata" Reference "What the published specification gets wrong" "And what this server does about it.";
    "errors" Reference "Error codes" "All of them, and what to do.";
    "operations" Running "Operations" "Starting, watching, and what to do when.";
    "operators-api" Running "The operators' API" "All calls on the operators' listener, with roles, queries and bodies.";
    "security" Running "Security" "Keys, doors, data, audit.";
}

/// `/docs/guides` and what is below.
pub(super) fn router() -> Router {
    Router::new()
        .route("/docs/guides", get(|| async { file("text/html; charset=utf-8", index()) }))
        .route("/docs/guides/", get(|| async { Redirect::permanent("/docs/guides") }))
        .route("/docs/guides.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/docs/guides/{slug}", get(show))
}

async fn show(Path(slug): Path<String>) -> Response {
    match pages().get(slug.as_str()) {
        Some(page) => file("text/html; charset=utf-8", page).into_response(),
        None => Problem::new(StatusCode::NOT_FOUND, "there is no such guide; /docs/guides lists them").into_response(),
    }
}

/// All guides, drawn once.
fn pages() -> &'static HashMap<&'static str, String> {
    static PAGES: OnceLock<HashMap<&'static str, String>> = OnceLock::new();
    PAGES.get_or_init(|| GUIDES.iter().map(|guide| (guide.slug, page::guide(guide))).collect())
}

fn index() -> &'static str {
    static INDEX: OnceLock<String> = OnceLock::new();
    INDEX.get_or_init(page::index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guide_is_drawn_with_all_that_is_to_be_put_in() {
        for (slug, page) in pages() {
            assert!(!page.contains("{{") && !page.contains("}}"), "{slug}");
            assert!(page.contains("<h1"), "{slug}");
        }
        assert_eq!(pages().len(), GUIDES.len());
    }

    #[test]
    fn every_call_has_its_place_in_a_guide() {
        let all: String = GUIDES.iter().map(|guide| guide.markdown).collect();
        for call in fill::calls() {
            assert!(all.contains(&format!("{{{{call {call}}}}}")), "{call}");
        }
    }
}

//! The loan agreement as a page, at each point of its life.

use super::html::{document, escape, form, form_row, instant, rupees};
use crate::domain::application::Application;
use crate::domain::application::copies::Copies;
use crate::domain::application::facets::{Agreement, AgreementText, Deal};
use crate::domain::application::stage::{Acceptance, Stage};
use crate::domain::kfs::{IssuedKfs, Kfs, days};
use crate::engine::pages::sha256;
use crate::store::page::Page;

/// The page of the agreement on a statement.
pub(super) fn page(kfs: &Kfs, page: &Page, application: &Application) -> String {
    let body = application.stage.deal().map_or_else(draft, |deal| body(deal, page, application));
    let heading = format!(
        "<header>\n<p class=\"lender\">{}</p>\n<h1>Loan agreement</h1>\n<p>On the key facts statement {}</p>\n</header>\n",
        escape(&kfs.lender.name),
        escape(&kfs.proposal_number),
    );
    document("Loan agreement", &[heading, body, facts(kfs, page)].concat())
}

/// The agreement of this page as it stands: the deal's own, one that waits beside it, or one that was replaced.
fn body(deal: &Deal, page: &Page, application: &Application) -> String {
    let is_of = |kfs: &IssuedKfs| kfs.number == page.reference;
    if let Some(old) = deal.replaced.iter().find(|old| old.number.as_ref() == Some(&page.reference)) {
        let note = "<p>Replaced by a later agreement, for a payout on another day.</p>\n".to_owned();
        return [signature(Some(&old.acceptance)), note, shown(&old.agreement)].concat();
    }
    let agreement = match &deal.restatement {
        Some(waiting) if is_of(&waiting.kfs) => &waiting.agreement,
        _ if deal.kfs.as_ref().is_some_and(is_of) => &deal.agreement,
        _ => &Agreement::None,
    };
    match agreement {
        Agreement::Signed(text) => signed(text, deal, acceptance(&application.stage)),
        Agreement::Prepared(text) => [state("Not yet signed", false), shown(text)].concat(),
        Agreement::None | Agreement::Preparing { .. } => draft(),
    }
}

fn acceptance(stage: &Stage) -> Option<&Acceptance> {
    match stage {
        Stage::Agreed { acceptance, .. } | Stage::Granting { acceptance, .. } | Stage::Granted { acceptance, .. } => {
            Some(acceptance)
        }
        _ => None,
    }
}

fn state(text: &str, done: bool) -> String {
    format!("<p class=\"state{}\">{}</p>\n", if done { " done" } else { "" }, escape(text))
}

fn draft() -> String {
    let words = "The text is written when you have chosen this offer and ask for the password to sign it. It will stand \
        on the terms below, which the lender is bound by while the key facts statement is valid.";
    format!("{}<p>{words}</p>\n", state("Draft, not signed", false))
}

fn signed(text: &AgreementText, deal: &Deal, acceptance: Option<&Acceptance>) -> String {
    let copies = match &deal.copies {
        Copies::Sent(proof) => format!("<p>Copies were sent to you on {}.</p>\n", instant(proof.at)),
        Copies::None | Copies::Sending { .. } | Copies::Failed { .. } => String::new(),
    };
    [signature(acceptance), copies, shown(text)].concat()
}

fn signature(acceptance: Option<&Acceptance>) -> String {
    let at = acceptance.map_or_else(
        || "Signed".to_owned(),
        |proof| format!("Signed on {} with the password sent to {}", instant(proof.at), proof.masked_phone),
    );
    state(&at, true)
}

/// The text that was hashed, or where the lender's own system shows it.
fn shown(text: &AgreementText) -> String {
    let hash = format!("<p>SHA-256 of the agreement: <code>{}</code></p>\n", escape(&text.hash));
    match &text.text {
        Some(words) => format!("<div class=\"text\">{}</div>\n{hash}", escape(words)),
        None => format!(
            "<p><a href=\"{}\" rel=\"noreferrer\">Read the agreement</a></p>\n{hash}",
            escape(web_address(&text.url))
        ),
    }
}

/// Nothing but a web page is linked to, whatever a document system says.
fn web_address(url: &str) -> &str {
    if url.starts_with("https://") || url.starts_with("http://") { url } else { "#" }
}

fn facts(kfs: &Kfs, page: &Page) -> String {
    let one = &kfs.part_one;
    let text = |label: &str, value: &str| form_row("", label, &escape(value));
    let rows = [
        text("Sanctioned amount", &rupees(&one.sanctioned_amount)),
        text("You receive", &rupees(&kfs.apr_sheet.net_disbursed)),
        text("Instalments", &format!("{} of {}", one.instalments.number, rupees(&one.instalments.amount))),
        text("Interest rate", &format!("{}% per annum", one.interest_rate)),
        text("Annual percentage rate", &format!("{}%", one.annual_percentage_rate)),
        text("You repay in total", &rupees(&kfs.apr_sheet.total_paid)),
        text("Cooling-off period", &days(kfs.part_two.cooling_off_days)),
        text("Valid until", &instant(kfs.valid_till)),
        form_row("", "SHA-256 of the statement", &format!("<code>{}</code>", sha256(&page.kfs))),
    ];
    form("Key facts", &rows.concat())
}

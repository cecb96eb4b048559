//! Where a borrower's dispute stands, for the borrower. What the borrower said is not shown, nor who the borrower is: a
//! link may get into other hands.

use super::html::{document, escape, form, form_row, instant};
use crate::domain::kfs::{Contact, Letterhead};
use crate::domain::loan::dispute::{Dispute, DisputeStatus};
use crate::domain::personal::scrubbed;

/// The page of a dispute as it stands.
pub(super) fn page(dispute: &Dispute, lender: &Letterhead) -> String {
    let is_over = matches!(dispute.status, DisputeStatus::Resolved | DisputeStatus::Closed);
    let body = [
        format!(
            "<header>\n<p class=\"lender\">{}</p>\n<h1>Your complaint</h1>\n<p>Reference {}</p>\n</header>\n",
            escape(&lender.name),
            escape(dispute.id.as_str()),
        ),
        format!("<p class=\"state{}\">{}</p>\n", if is_over { " done" } else { "" }, words(dispute.status)),
        form(
            "Dates",
            &[row("Raised", &instant(dispute.raised_at)), row("In this state since", &instant(dispute.at))].concat(),
        ),
        reply(dispute),
        contacts(lender),
    ];
    document("Your complaint", &body.concat())
}

fn row(label: &str, text: &str) -> String {
    form_row("", label, &escape(text))
}

fn words(status: DisputeStatus) -> &'static str {
    match status {
        DisputeStatus::New => "Received",
        DisputeStatus::Processing => "The lender is looking into it",
        DisputeStatus::NeedMoreInfo => "The lender needs to know more from you",
        DisputeStatus::Resolved => "Answered",
        DisputeStatus::Closed => "Closed",
    }
}

fn reply(dispute: &Dispute) -> String {
    let Some(note) = &dispute.note else {
        return String::new();
    };
    // An operator may have quoted a number or an address of the borrower's.
    let note = escape(&scrubbed(note));
    format!("<section>\n<h2>What the lender says</h2>\n<p class=\"text\">{note}</p>\n</section>\n")
}

/// Whom to turn to, as on the key facts statement (RBI digital lending, DL 11).
fn contacts(lender: &Letterhead) -> String {
    let care = Contact { name: lender.name.clone(), phone: lender.phone.clone(), email: lender.email.clone() };
    let rows = [row("Customer care", &told(&care)), row("Nodal grievance officer", &told(&lender.grievance_officer))];
    form("Whom to turn to", &rows.concat()) + FURTHER
}

/// Where a borrower goes who is not content with the lender (DL 11).
const FURTHER: &str = "<section>\n<h2>If that does not help</h2>\n<p class=\"text\">If the lender has not answered within \
    30 days, or you are not content with the answer, you may complain to the Reserve Bank's Ombudsman, free of charge, at \
    <a href=\"https://cms.rbi.org.in\">cms.rbi.org.in</a> (CMS). Of somebody who lends or takes deposits without being \
    allowed to, tell Sachet: <a href=\"https://sachet.rbi.org.in\">sachet.rbi.org.in</a>.</p>\n</section>\n";

fn told(contact: &Contact) -> String {
    let email = contact.email.as_deref().map(|email| format!(", {email}")).unwrap_or_default();
    format!("{}, {}{email}", contact.name, contact.phone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lender() -> Letterhead {
        let officer = Contact { name: "O. Ficer <b>".to_owned(), phone: "1800".to_owned(), email: None };
        Letterhead {
            name: "Demo & Sons".to_owned(),
            phone: "1801".to_owned(),
            email: Some("care@lender.example".to_owned()),
            grievance_officer: officer,
            recovery_agents: Vec::new(),
            transferable: false,
        }
    }

    fn dispute(status: DisputeStatus, note: Option<&str>) -> Dispute {
        let at = "2026-11-02T06:00:00Z".parse().unwrap();
        Dispute {
            id: "DSP-1".into(),
            loan_id: "LON1".into(),
            org_id: "LSP".into(),
            description: "I, Asha, was charged twice".to_owned(),
            status,
            note: note.map(str::to_owned),
            raised_at: at,
            at,
        }
    }

    #[test]
    fn the_page_shows_the_answer_as_text_and_not_what_was_said() {
        let html = page(&dispute(DisputeStatus::Resolved, Some("<script>Refunded</script>")), &lender());
        assert!(html.contains("&lt;script&gt;Refunded&lt;/script&gt;") && html.contains("Answered"), "{html}");
        assert!(html.contains("02 Nov 2026, 11:30 am IST") && html.contains("Demo &amp; Sons"), "{html}");
        for hidden in ["Asha", "charged twice", "LON1", "<b>", "<script>"] {
            assert!(!html.contains(hidden), "{hidden}");
        }
    }

    #[test]
    fn nobody_can_be_known_by_the_answer() {
        let note = "Paid back to 50100012345678 of ABCDE1234F, call 98765 43210 or asha@mail.example. Ref. 2026-11-02";
        let html = page(&dispute(DisputeStatus::Resolved, Some(note)), &lender());
        for hidden in ["50100012345678", "ABCDE1234F", "43210", "asha@"] {
            assert!(!html.contains(hidden), "{hidden}");
        }
        assert!(html.contains("Paid back to ***") && html.contains("2026-11-02"), "{html}");
    }

    #[test]
    fn the_way_to_the_ombudsman_is_named() {
        let html = page(&dispute(DisputeStatus::New, None), &lender());
        let words = ["30 days", "https://cms.rbi.org.in", "https://sachet.rbi.org.in"];
        assert!(words.iter().all(|word| html.contains(word)), "{html}");
    }

    #[test]
    fn an_open_one_has_no_answer_to_show() {
        let html = page(&dispute(DisputeStatus::New, None), &lender());
        assert!(html.contains("Received") && !html.contains("What the lender says"), "{html}");
    }
}

//! The document system: writes the loan agreement on the accepted key facts statement.

use std::fmt::Write as _;

use super::{Systems, done, sha256};
use crate::domain::application::Application;
use crate::domain::application::ask::{Finding, Outcome};
use crate::domain::application::facets::AgreementText;
use crate::domain::kfs::document::ContingentCharge;
use crate::domain::kfs::{IssuedKfs, Kfs};
use crate::lender::{Call, PortError};

impl Systems {
    pub(super) fn prepare_agreement(&self, call: &Call<'_>) -> Result<Outcome, PortError> {
        let prepare = |subject| {
            let (text, issued) =
                agreement(&self.lender_name, subject).ok_or_else(|| PortError::bad_question(call.ask))?;
            // The server's own page shows the text.
            Ok(AgreementText { hash: sha256(&text), url: issued.agreement_url.clone(), text: Some(text) })
        };
        let agreements = call.subjects.iter().map(prepare).collect::<Result<_, PortError>>()?;
        Ok(done(Finding::Prepared { agreements }))
    }
}

/// The agreement in words, from the accepted statement alone, so that the same deal always reads and hashes the same;
/// and that statement. Nothing before an offer is accepted.
#[must_use]
pub fn agreement<'a>(lender: &str, application: &'a Application) -> Option<(String, &'a IssuedKfs)> {
    let issued = application.stage.deal()?.kfs_to_sign()?;
    let kfs: Kfs = serde_json::from_str(&issued.text).ok()?;
    let borrower = application.form.borrower.name.as_deref().unwrap_or("the borrower");
    let mut text = format!(
        "LOAN AGREEMENT\n\n{lender} (the lender) lends to {borrower} (the borrower) under loan application {} on the \
        terms of the key facts statement that is summed up here and is part of this agreement.\n\n\
        KEY FACTS STATEMENT {}\nSHA-256 {}\n\n",
        application.loan_application_id, issued.number, issued.hash,
    );
    for (name, value) in summary(&kfs) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text.push_str("\nREPAYMENT, for a payout on the day of the statement\n\n");
    for row in &kfs.schedule {
        let _ = writeln!(
            text,
            "{}. {}: Rs. {} (principal {}, interest {}), of an outstanding {}",
            row.number, row.due_date, row.instalment, row.principal, row.interest, row.outstanding,
        );
    }
    let _ = write!(
        text,
        "\nOVERDUE\n\n{}\n\nPAYMENTS settle what is due in this order: {}\n\nINTEREST\n\n{} {}\n\nThe loan is paid to \
        the borrower's own bank account and repaid to the lender's. Nothing is charged that is not on the key facts \
        statement.\n",
        kfs.rules.overdue_example.text, kfs.rules.allocation.text, kfs.basis.day_count, kfs.basis.broken_period,
    );
    Some((text, issued))
}

/// e.g. `Charge (rate switch), row 10(iv)`.
fn named(charge: &ContingentCharge) -> String {
    format!("Charge ({}), row {}", charge.code.replace('_', " ").to_lowercase(), charge.row)
}

/// The summary box.
fn summary(kfs: &Kfs) -> Vec<(String, String)> {
    let (one, sheet) = (&kfs.part_one, &kfs.apr_sheet);
    let rupees = |amount: &String| format!("Rs. {amount}");
    let mut rows = vec![
        ("Loan amount".to_owned(), rupees(&one.sanctioned_amount)),
        ("Term".to_owned(), one.term.clone()),
        ("Rate of interest".to_owned(), format!("{} % per annum, fixed", one.interest_rate)),
        ("Annual percentage rate".to_owned(), format!("{} %", one.annual_percentage_rate)),
        ("Total interest".to_owned(), rupees(&sheet.total_interest)),
    ];
    for fee in one.fees_to_lender.iter().chain(&one.fees_to_third_parties) {
        rows.push((format!("{} with tax, kept from the payout", fee.name), rupees(&fee.total)));
    }
    rows.extend([
        ("Amount paid out".to_owned(), rupees(&sheet.net_disbursed)),
        ("Instalments".to_owned(), sheet.instalments.clone()),
        ("First due".to_owned(), one.instalments.first_due.to_string()),
        ("Total to repay".to_owned(), rupees(&sheet.total_paid)),
    ]);
    rows.extend(one.contingent_charges.iter().map(|charge| (named(charge), charge.text.clone())));
    rows.push(("Cooling-off".to_owned(), kfs.rules.cooling_off.text.clone()));
    rows
}

//! The document system: writes the loan agreement.

use std::fmt::Write as _;

use super::{Systems, done, sha256};
use crate::domain::application::Application;
use crate::domain::application::ask::{Finding, Outcome};
use crate::domain::application::facets::{AgreementText, Offer};
use crate::lender::{Call, PortError};

impl Systems {
    pub(super) fn prepare_agreement(&self, call: &Call<'_>) -> Result<Outcome, PortError> {
        let prepare = |subject| {
            let text = agreement(&self.lender_name, subject).ok_or_else(|| PortError::bad_question(call.ask))?;
            let url = format!("{}/agreement/{}", self.borrower_url, self.ids.token());
            Ok(AgreementText { hash: sha256(&text), url })
        };
        let agreements = call.subjects.iter().map(prepare).collect::<Result<_, PortError>>()?;
        Ok(done(Finding::Prepared { agreements }))
    }
}

/// The agreement in words, from the accepted offer alone, so that the same deal always reads and hashes the same.
/// Nothing before an offer is accepted.
#[must_use]
pub fn agreement(lender: &str, application: &Application) -> Option<String> {
    let offer = &application.stage.deal()?.offer;
    let borrower = application.form.borrower.name.as_deref().unwrap_or("the borrower");
    let mut text = format!(
        "LOAN AGREEMENT\n\n{lender} (the lender) lends to {borrower} (the borrower) under loan application {} on \
        these terms.\n\n",
        application.loan_application_id,
    );
    for (name, value) in terms(offer) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text.push_str("\nREPAYMENT, for a payout on the day of the offer\n\n");
    for row in &offer.schedule.rows {
        let _ = writeln!(
            text,
            "{}. {}: Rs. {} (principal {}, interest {}), then outstanding {}",
            row.number, row.due_date, row.instalment, row.principal, row.interest, row.closing,
        );
    }
    text.push_str(
        "\nThe loan is paid to the borrower's own bank account and repaid to the lender's. Interest runs from the \
        day of the payout. Within the cooling-off period the borrower may leave by paying back principal and \
        interest for the days of use, without penalty.\n",
    );
    Some(text)
}

fn terms(offer: &Offer) -> [(&'static str, String); 11] {
    [
        ("Loan amount", format!("Rs. {}", offer.sanctioned)),
        ("Rate of interest", format!("{} % per annum, fixed", offer.annual_rate.percent())),
        ("Annual percentage rate", format!("{} %", offer.apr)),
        ("Total interest", format!("Rs. {}", offer.interest)),
        ("Processing fee with tax, kept from the payout", format!("Rs. {}", offer.charges.processing)),
        ("Amount paid out", format!("Rs. {}", offer.net_disbursed)),
        ("Instalments", format!("{} of Rs. {}", offer.schedule.rows.len(), offer.instalment)),
        ("Total to repay", format!("Rs. {}", offer.total)),
        ("Charge for a bounced instalment", format!("Rs. {}", offer.charges.bounce)),
        ("Late payment", format!("{} % per annum on the amount in default", offer.charges.late_payment_percent)),
        ("Cooling-off period", format!("{} days", offer.cooling_off_days)),
    ]
}

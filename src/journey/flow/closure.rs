//! From the first due date to the last: the clock moves once for all loans, and each debit is checked.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::Instant;

use super::servicing::{self, closing_balance, number, settled, summary, unfit};
use super::set_up::pause;
use super::{Application, abreast};
use crate::journey::error::JourneyError;
use crate::journey::lsp::Lsp;
use crate::journey::operations::{repayment_topic, text};
use crate::journey::screen::rupees;

/// Takes all loans of a run to their end.
///
/// # Errors
/// [`JourneyError`] of the step that failed.
pub async fn close(lsp: &Lsp, sandbox: bool, applications: &mut [Application]) -> Result<(), JourneyError> {
    let screen = &lsp.courier.screen;
    if !sandbox {
        screen.title("Closure");
        for application in applications {
            servicing::pay_off(lsp, application).await?;
        }
        return Ok(());
    }
    let rows = applications.iter().flat_map(|application| &application.rows);
    let days: BTreeSet<String> = rows.map(|row| text(row, "/dueDate").to_owned()).collect();
    screen.title("Instalments");
    for day in days {
        screen.aside(&format!("sandbox: the clock goes to {day}"));
        lsp.admin.move_clock(&day).await.map_err(|came| stuck(&day, came))?;
        for application in &mut *applications {
            collect(lsp, application, &day).await?;
        }
    }
    screen.title("Closure");
    abreast(applications, |application| async {
        let total = application.rows.iter().map(|row| paise(text(row, "/instalment"))).sum();
        check(lsp, application, &shown(total)).await
    })
    .await
}

/// A loan on which nothing is left: all repaid, completed, its statement at zero.
///
/// # Errors
/// [`JourneyError`] when the lender says otherwise.
pub(super) async fn check(lsp: &Lsp, application: &mut Application, repaid: &str) -> Result<(), JourneyError> {
    let loan_id = application.paid.loan_id.clone();
    let (call, summary) = summary(lsp, &loan_id).await?;
    let status = text(&summary, "/loanStatus");
    if status != "COMPLETED" {
        return Err(call.failed("loanStatus COMPLETED", status));
    }
    let came = text(&summary, "/summary/amountRepaid");
    if came != repaid {
        return Err(call.failed(format!("amountRepaid {repaid}"), came));
    }
    let (call, closing) = closing_balance(lsp, &loan_id).await?;
    if closing != "0.00" {
        return Err(call.failed("a statement that closes at 0.00", closing));
    }
    status.clone_into(&mut application.paid.status);
    came.clone_into(&mut application.paid.repaid);
    Ok(())
}

/// The debit of a day, if the loan has one: the instalment less what was paid in advance.
async fn collect(lsp: &Lsp, application: &mut Application, day: &str) -> Result<(), JourneyError> {
    let Some(row) = application.rows.iter().find(|row| text(row, "/dueDate") == day).cloned() else {
        return Ok(());
    };
    let (due, advance) = (paise(text(&row, "/instalment")), paise(&application.advance));
    application.advance = shown(advance.saturating_sub(due).max(0));
    if advance >= due {
        let covered = format!("instalment {} was paid in advance, no debit", number(&row));
        lsp.courier.screen.aside(&covered);
        return Ok(());
    }
    let told = await_debit(lsp, &application.paid.loan_id, &number(&row)).await?;
    let whole = [("totalAmount", "instalment"), ("principal", "principal"), ("interestAmount", "interest")];
    let rest = shown(due.saturating_sub(advance));
    for (member, of) in whole {
        let expected = match (member, advance) {
            ("totalAmount", _) => rest.as_str(),
            (_, 0) => text(&row, &format!("/{of}")),
            _ => continue,
        };
        let came = text(&told, &format!("/payment/{member}"));
        if came != expected {
            let (expected, came) = (format!("{member} {} of {day}", rupees(expected)), rupees(came));
            return Err(unfit(&application.paid.loan_id, expected, came));
        }
    }
    Ok(())
}

/// The news of a debit. A bank that waits to be told is told.
async fn await_debit(lsp: &Lsp, loan_id: &str, number: &str) -> Result<Value, JourneyError> {
    let deadline = Instant::now() + lsp.courier.patience.step;
    for round in 0.. {
        while let Some(news) = lsp.courier.news(&repayment_topic(loan_id), Instant::now() + pause(round)).await? {
            let told = settled(&news.message)?;
            if text(told, "/payment/installmentNumber") == number {
                return Ok(told.clone());
            }
        }
        if Instant::now() >= deadline {
            break;
        }
        for payment in lsp.admin.held_debits(loan_id).await.unwrap_or_default() {
            let path = format!("/sandbox/payments/{payment}?loanId={loan_id}");
            if lsp.admin.tell(&path, "succeed").await.is_ok() {
                lsp.courier.screen.aside("sandbox: succeed");
            }
        }
    }
    Err(unfit(loan_id, format!("news of instalment {number}"), "none in time"))
}

fn stuck(day: &str, came: String) -> JourneyError {
    JourneyError::Clock { day: day.to_owned(), came }
}

/// An amount of rupees with two decimals, in paise; what is no such amount counts as nothing and fits nothing.
fn paise(rupees: &str) -> i64 {
    let (whole, part) = rupees.split_once('.').unwrap_or((rupees, "00"));
    let read = |digits: &str| digits.parse::<i64>().unwrap_or_default();
    read(whole).saturating_mul(100).saturating_add(read(part))
}

fn shown(paise: i64) -> String {
    format!("{}.{:02}", paise / 100, paise % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_to_the_paisa() {
        for amount in ["0.00", "0.05", "2707.73", "1000000.00"] {
            assert_eq!(shown(paise(amount)), amount);
        }
        assert_eq!(paise(""), 0);
    }
}

//! The account check: whether the account exists, may be paid to, and belongs to the borrower (RBI digital lending,
//! DL 9).

use super::{done, reference, refused};
use crate::domain::application::ask::{Finding, Outcome};
use crate::domain::application::facets::{Account, AccountTarget};
use crate::lender::{Call, PortError};

/// Accounts through which money would pass instead of arriving.
const PASS_THROUGH: [&str; 6] = ["WALLET", "PREPAID", "ESCROW", "NODAL", "POOL", "PASS_THROUGH"];

pub(super) fn verify(call: &Call<'_>, account: &Account) -> Result<Outcome, PortError> {
    let subject = call.subjects.first().ok_or_else(|| PortError::bad_question(call.ask))?;
    let kind = account.kind.as_deref().unwrap_or_default().to_ascii_uppercase();
    if PASS_THROUGH.iter().any(|word| kind.contains(word)) {
        return Ok(refused("ACCOUNT_TYPE", "loans are paid to a bank account of the borrower only"));
    }
    if let Some(refusal) = malformed(&account.target) {
        return Ok(refusal);
    }
    let names = account.holder.as_deref().zip(subject.form.borrower.name.as_deref());
    if names.is_some_and(|(holder, borrower)| plain(holder) != plain(borrower)) {
        return Ok(refused("NAME_MISMATCH", "the account is held by somebody else"));
    }
    Ok(done(Finding::AccountVerified { reference: reference("LOOKUP", &call.key) }))
}

/// A name as names are compared: without blanks, in small letters.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn malformed(target: &AccountTarget) -> Option<Outcome> {
    match target {
        AccountTarget::Account { ifsc, .. } if !is_ifsc(ifsc) => {
            Some(refused("IFSC_INVALID", "an IFSC has four letters, a zero and six letters or digits"))
        }
        AccountTarget::Account { number, .. } if !is_account_number(number) => {
            Some(refused("ACCOUNT_INVALID", "an account number has 6 to 20 digits"))
        }
        AccountTarget::Vpa { vpa } if !is_vpa(vpa) => {
            Some(refused("VPA_INVALID", "a UPI address is written name@bank"))
        }
        AccountTarget::Account { .. } | AccountTarget::Vpa { .. } => None,
    }
}

fn is_ifsc(text: &str) -> bool {
    text.len() == 11
        && text.bytes().enumerate().all(|(i, byte)| match i {
            0..4 => byte.is_ascii_alphabetic(),
            4 => byte == b'0',
            _ => byte.is_ascii_alphanumeric(),
        })
}

fn is_account_number(text: &str) -> bool {
    (6..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_vpa(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    text.split_once('@').is_some_and(|(name, bank)| {
        name.len() >= 2
            && bank.len() >= 2
            && text.len() <= 255
            && name.bytes().all(allowed)
            && bank.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    })
}

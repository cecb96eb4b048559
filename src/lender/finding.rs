//! Checks that a finding answers its question and is complete.

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Url;

use crate::domain::application::ask::{Approval, Ask, Finding};
use crate::domain::application::facets::AgreementText;
use crate::domain::application::referral;
use crate::domain::maths::money::Paise;
use crate::domain::utr;

/// Digits of a SHA-256.
const DIGITS: usize = 64;
/// Schemes by which a text runs in the borrower's browser, or opens what is his own.
const RUNNING: [&str; 6] = ["javascript", "data", "vbscript", "file", "blob", "about"];
/// Longest address of a page, in bytes.
const LONGEST_URL: usize = 2_048;

/// Looks at a finding as it came.
///
/// # Errors
/// Why it is none of this question, repeating nothing of it.
pub(super) fn check(ask: &Ask, finding: &Finding) -> Result<(), String> {
    if !belongs(ask, finding) {
        return Err(format!("with a finding that does not belong to `{}`", ask.method()));
    }
    let some = |there: bool, member: &str| there.then_some(()).ok_or_else(|| format!("`{member}` is empty"));
    match finding {
        Finding::Decline { reasons } => some(!reasons.is_empty(), "reasons"),
        Finding::NeedsAction { actions } => {
            some(!actions.is_empty(), "actions")?;
            let urls = actions.iter().filter_map(|action| action.url.as_deref());
            urls.enumerate().try_for_each(|(place, url)| page(&format!("actions[{place}].url"), url))
        }
        Finding::Refer { reasons } => referral::usable(reasons),
        Finding::Approve { offers } => {
            some(!offers.is_empty(), "offers")?;
            offers.iter().enumerate().try_for_each(|(place, offer)| approval(place, offer))
        }
        Finding::Prepared { agreements } => {
            some(!agreements.is_empty(), "agreements")?;
            agreements.iter().enumerate().try_for_each(|(place, text)| agreement(place, text))
        }
        Finding::Paid { utr, .. } | Finding::Collected { utr, .. } if !utr::is_usable(utr) => {
            Err(format!("`utr` must be 1 to {} visible characters without blanks", utr::LONGEST))
        }
        Finding::Collected { amount, .. } if !amount.is_none_or(Paise::is_positive) => {
            Err("`amount` must be more than zero".to_owned())
        }
        Finding::LinkCreated { url, .. } => page("url", url),
        Finding::MandateRegistered { payment_url, .. } => page("paymentUrl", payment_url),
        Finding::Notified { message_id } => some(!message_id.is_empty(), "messageId"),
        _ => Ok(()),
    }
}

fn belongs(ask: &Ask, finding: &Finding) -> bool {
    match finding {
        Finding::Acknowledged => {
            matches!(
                ask,
                Ask::ConsentRevoke { .. }
                    | Ask::FetchData { .. }
                    | Ask::SendOtp { .. }
                    | Ask::AnnounceDebit(_)
                    | Ask::CancelMandate { .. }
                    | Ask::CancelLink { .. }
            )
        }
        Finding::Pass => matches!(ask, Ask::Eligibility | Ask::FinalCheck),
        Finding::Decline { .. } | Finding::NeedsAction { .. } | Finding::Refer { .. } => ask.port() == "decision",
        Finding::Approve { .. } => matches!(ask, Ask::Offers),
        Finding::ConsentCreated { .. } => matches!(ask, Ask::ConsentCreate { .. }),
        Finding::ConsentPending | Finding::ConsentReady { .. } | Finding::ConsentFailed => {
            matches!(ask, Ask::ConsentStatus { .. })
        }
        Finding::KycDone { .. } => matches!(ask, Ask::Kyc),
        Finding::Prepared { .. } => matches!(ask, Ask::PrepareAgreement { .. }),
        Finding::AccountVerified { .. } => matches!(ask, Ask::VerifyAccount { .. }),
        Finding::MandateRegistered { .. } => matches!(ask, Ask::RegisterMandate { .. }),
        Finding::MandateActive | Finding::MandateInactive => matches!(ask, Ask::MandateStatus { .. }),
        Finding::LinkCreated { .. } => matches!(ask, Ask::PaymentLink(_)),
        Finding::Collected { .. } => {
            matches!(ask, Ask::LinkStatus { .. } | Ask::CancelLink { .. } | Ask::Present(_))
        }
        Finding::Paid { .. } => matches!(ask, Ask::Pay(_) | Ask::Refund(_)),
        Finding::Notified { .. } => matches!(ask, Ask::Notify(_)),
    }
}

/// What a borrower is sent to: a page, or an app such as `upi://` opens.
pub(super) fn page(member: &str, text: &str) -> Result<(), String> {
    let url = Url::parse(text).ok().filter(|url| !RUNNING.contains(&url.scheme()));
    if url.is_some() && text.len() <= LONGEST_URL {
        Ok(())
    } else {
        Err(format!("`{member}` is no URL of a page or an app, of at most {LONGEST_URL} bytes"))
    }
}

fn approval(place: usize, offer: &Approval) -> Result<(), String> {
    if !offer.amount.is_positive() {
        return Err(format!("`offers[{place}].amount` must be more than zero"));
    }
    if offer.installments == Some(0) {
        return Err(format!("`offers[{place}].installments` must be at least 1"));
    }
    Ok(())
}

/// The borrower signs the hash, so it must be that of the text that is shown.
fn agreement(place: usize, agreement: &AgreementText) -> Result<(), String> {
    let is_hash = agreement.hash.len() == DIGITS && agreement.hash.bytes().all(|b| b"0123456789abcdef".contains(&b));
    if !is_hash {
        return Err(format!("`agreements[{place}].hash` is no SHA-256 in {DIGITS} small hexadecimal digits"));
    }
    page(&format!("agreements[{place}].url"), &agreement.url)?;
    let of_text = agreement.text.as_ref().map(|text| hex::encode(digest(&SHA256, text.as_bytes())));
    if of_text.is_some_and(|hash| hash != agreement.hash) {
        return Err(format!("`agreements[{place}].hash` is not the SHA-256 of its `text`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::ask::RefundOrder;
    use crate::domain::application::facets::{Account, AccountTarget};
    use crate::domain::application::referral::ReferralReason;

    fn agreement(hash: &str, text: Option<&str>) -> Finding {
        let text = text.map(str::to_owned);
        Finding::Prepared {
            agreements: vec![AgreementText { hash: hash.into(), url: "https://l.example".into(), text }],
        }
    }

    fn approve(amount: i64, installments: Option<u32>) -> Finding {
        let offer = Approval { amount: Paise(amount), installments, annual_rate: None, valid_days: None };
        Finding::Approve { offers: vec![offer] }
    }

    #[test]
    fn a_finding_belongs_to_its_question() {
        assert_eq!(check(&Ask::Kyc, &Finding::Pass), Err("with a finding that does not belong to `start`".to_owned()));
        assert_eq!(check(&Ask::Eligibility, &Finding::Pass), Ok(()));
    }

    #[test]
    fn an_agreement_has_the_hash_of_its_text() {
        let prepare = Ask::PrepareAgreement { app_token: None };
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4, "abc"
        for (hash, text, wrong) in [
            (of_abc, Some("abc"), None),
            (of_abc, None, None),
            (of_abc, Some("abd"), Some("is not the SHA-256 of its `text`")),
            (&of_abc.to_uppercase(), Some("abc"), Some("small hexadecimal digits")),
            ("", None, Some("small hexadecimal digits")),
        ] {
            let said = check(&prepare, &agreement(hash, text)).err();
            match wrong {
                Some(words) => assert!(said.as_ref().is_some_and(|said| said.contains(words)), "{hash}: {said:?}"),
                None => assert_eq!(said, None, "{hash}"),
            }
        }
    }

    #[test]
    fn money_comes_with_a_reference_by_which_it_is_found() {
        let order = RefundOrder {
            loan_id: "L1".into(),
            reference: "R1".to_owned(),
            bank_key: "K1".to_owned(),
            amount: Paise(100),
            account: Account {
                id: "A1".into(),
                holder: None,
                kind: None,
                target: AccountTarget::Vpa { vpa: "a@b".to_owned() },
            },
        };
        let paid = |utr: &str| Finding::Paid { utr: utr.to_owned(), value_date: "2026-11-02".parse().unwrap() };
        assert_eq!(check(&Ask::Refund(order.clone()), &paid("HDFCN52026110212345678")), Ok(()));
        for utr in ["", " ", "UTR\n1", &"U".repeat(5_000)] {
            let said = check(&Ask::Refund(order.clone()), &paid(utr)).unwrap_err();
            assert_eq!(said, "`utr` must be 1 to 64 visible characters without blanks");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let refer = |code: &str| Finding::Refer {
            reasons: vec![ReferralReason { code: code.to_owned(), description: String::new() }],
        };
        for (finding, words) in [
            (approve(0, None), "`offers[0].amount` must be more than zero"),
            (approve(100, Some(0)), "`offers[0].installments` must be at least 1"),
            (Finding::Approve { offers: Vec::new() }, "`offers` is empty"),
            (Finding::Decline { reasons: Vec::new() }, "`reasons` is empty"),
            (refer("has blank"), "`reasons[0].code` must be 1 to 64 letters, digits, `_`, `-` or `.`"),
            (Finding::Refer { reasons: Vec::new() }, "`reasons` must have 1 to 20 items"),
        ] {
            assert_eq!(check(&Ask::Offers, &finding).unwrap_err(), words);
        }
    }
}

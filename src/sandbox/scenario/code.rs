//! The codes, and the forms in which data carries them.

/// Where a code was found; the order is that of precedence (`lending.md` §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// `X-Sandbox-Scenario`.
    Header,
    /// `POST /sandbox/scenario`.
    Control,
    /// Number of the payout account; 07xx only.
    Account,
    /// UPI address of the payout account; 07xx only.
    Vpa,
    /// Permanent account number.
    Pan,
    /// GST number, which has the PAN of a company in it.
    Gstin,
    /// Udyam registration.
    Udyam,
    /// Phone.
    Mobile,
    /// Last four rupee digits of the amount asked, when nothing else has a code.
    Amount,
    /// What `POST /sandbox/scenario` said about all applications of the LSP.
    Default,
}

impl Source {
    /// The word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "HEADER",
            Self::Control => "CONTROL",
            Self::Account => "ACCOUNT",
            Self::Vpa => "VPA",
            Self::Pan => "PAN",
            Self::Gstin => "GSTIN",
            Self::Udyam => "UDYAM",
            Self::Mobile => "MOBILE",
            Self::Amount => "AMOUNT",
            Self::Default => "DEFAULT",
        }
    }

    /// Of one family the lowest counts.
    #[must_use]
    pub fn rank(self) -> i16 {
        self as i16
    }

    /// As the timeline says it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Header => "header X-Sandbox-Scenario",
            Self::Control => "control call",
            Self::Account => "payout account",
            Self::Vpa => "UPI address",
            Self::Pan => "PAN of applicant",
            Self::Gstin => "GSTIN of applicant",
            Self::Udyam => "Udyam number of applicant",
            Self::Mobile => "mobile of applicant",
            Self::Amount => "requested amount",
            Self::Default => "default of the LSP",
        }
    }

    /// Whether a code of a family is read there.
    #[must_use]
    pub fn takes(self, code: &str) -> bool {
        !matches!(self, Self::Account | Self::Vpa) || code.starts_with("07")
    }
}

/// The happy path, which forces nothing and switches off what stands in lower places.
pub const HAPPY: &str = "0000";
/// Its family.
pub const HAPPY_FAMILY: &str = "00";

/// Every code with what it forces, in the words of the timeline.
pub const CODES: [(&str, &str); 47] = [
    (HAPPY, "happy path"),
    ("0101", "application rejected: LOW_CREDIT_SCORE"),
    ("0102", "application rejected: FRAUD"),
    ("0103", "application rejected: DOC_IRREGULARITIES"),
    ("0104", "application rejected: OTHERS"),
    ("0105", "application rejected: account aggregator failed"),
    ("0110", "action required: add a document"),
    ("0111", "action required: submit a document again"),
    ("0112", "action required: additional data"),
    ("0121", "referred to a person at filing"),
    ("0122", "referred to a person at the offers"),
    ("0123", "referred to a person at the grant"),
    ("0201", "consent fails"),
    ("0202", "consent pending for ever"),
    ("0203", "consent ready at the third status request"),
    ("0204", "data fetch times out"),
    ("0301", "no offer"),
    ("0302", "counter-offer: half the amount, shorter tenor"),
    ("0303", "three offers"),
    ("0304", "offer expires at the first moment allowed"),
    ("0401", "KYC rejected"),
    ("0402", "KYC pending"),
    ("0403", "KYC needs the borrower"),
    ("0501", "every OTP is wrong"),
    ("0502", "OTP expired"),
    ("0503", "OTP wrong, locked after three tries"),
    ("0601", "mandate authorised after one hour"),
    ("0602", "mandate authorised, then cancelled by the borrower"),
    ("0603", "mandate refused"),
    ("0701", "payout fails: name mismatch"),
    ("0702", "payout pending, paid after one hour"),
    ("0703", "payout unknown, then paid, then reversed next day"),
    ("0704", "account refused: not the borrower's"),
    ("0801", "first instalment bounces, paid three days later"),
    ("0802", "never pays"),
    ("0803", "pays 60 % of each instalment"),
    ("0804", "prepays in month 3"),
    ("0901", "callbacks 60 s late"),
    ("0902", "callbacks three times"),
    ("0903", "callbacks in reverse order"),
    ("0904", "no callbacks"),
    ("0905", "callbacks with a broken signature"),
    ("0906", "callbacks with unknown fields"),
    ("0907", "HTTP 500 once instead of the ack"),
    ("0908", "an ack whose error is not \"0\", once"),
    ("0909", "signing key rotated between callbacks"),
    ("0910", "callbacks with response.status ERROR"),
];

/// What a code forces; nothing for a code that nobody knows.
#[must_use]
pub fn meaning(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

/// Four digits.
#[must_use]
pub fn is_code(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(text: &str) -> Option<&str> {
    is_code(text).then_some(text)
}

/// `ZZZPX0101Z` of a person, `ZZZCX0101Z` of a company.
#[must_use]
pub fn of_pan(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("ZZZPX").or_else(|| text.strip_prefix("ZZZCX"))?;
    digits(rest.strip_suffix('Z')?)
}

/// `29ZZZCX0101Z1ZX`; the last character must be the right one.
#[must_use]
pub fn of_gstin(text: &str) -> Option<&str> {
    if text.len() != 15 || gstin_check(text.get(..14)?)? != text.chars().last()? {
        return None;
    }
    of_pan(text.strip_prefix("29")?.get(..10)?)
}

/// Check character of the first fourteen of a GSTIN: digits of base 36, weighted 1 and 2 in turn.
#[must_use]
pub fn gstin_check(first: &str) -> Option<char> {
    let mut sum = 0;
    for (index, c) in first.chars().enumerate() {
        let weighted = c.to_digit(36)? * if index % 2 == 0 { 1 } else { 2 };
        sum += weighted / 36 + weighted % 36;
    }
    char::from_digit((36 - sum % 36) % 36, 36).map(|c| c.to_ascii_uppercase())
}

/// `UDYAM-ZZ-00-0000101`.
#[must_use]
pub fn of_udyam(text: &str) -> Option<&str> {
    digits(text.strip_prefix("UDYAM-ZZ-00-000")?)
}

/// `9999000101`, with or without the country.
#[must_use]
pub fn of_mobile(text: &str) -> Option<&str> {
    let text = text.trim();
    let local = text.strip_prefix("+91").or_else(|| text.strip_prefix("91").filter(|rest| rest.len() == 10));
    digits(local.unwrap_or(text).trim_start_matches([' ', '-']).strip_prefix("999900")?)
}

/// Account numbers that end so have the code behind it.
const ACCOUNT: &str = "9990000";

/// `99900000702`.
#[must_use]
pub fn of_account(number: &str) -> Option<&str> {
    digits(number.get(number.rfind(ACCOUNT)? + ACCOUNT.len()..)?)
}

/// `code0702@sandbox`.
#[must_use]
pub fn of_vpa(vpa: &str) -> Option<&str> {
    digits(vpa.strip_prefix("code")?.strip_suffix("@sandbox")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_carries_its_code() {
        assert_eq!(of_pan("ZZZPX0101Z"), Some("0101"));
        assert_eq!(of_pan("ZZZCX0902Z"), Some("0902"));
        assert_eq!(of_udyam("UDYAM-ZZ-00-0000301"), Some("0301"));
        assert_eq!(of_mobile("9999000403"), Some("0403"));
        assert_eq!(of_mobile("+91 9999000403"), Some("0403"));
        assert_eq!(of_account("99900000702"), Some("0702"));
        assert_eq!(of_vpa("code0704@sandbox"), Some("0704"));
    }

    #[test]
    fn what_only_looks_alike_carries_none() {
        for pan in ["ABCDE1234F", "ZZZPX010AZ", "ZZZPX0101", "ZZZPX00101Z", ""] {
            assert_eq!(of_pan(pan), None, "{pan}");
        }
        assert_eq!(of_mobile("9845012367"), None);
        assert_eq!(of_mobile("919999000403"), Some("0403"));
        assert_eq!(of_account("502100345678901"), None);
        assert_eq!(of_account("9990000070"), None);
        assert_eq!(of_vpa("asha@upi"), None);
    }

    #[test]
    fn a_gstin_needs_its_check_character() {
        assert_eq!(gstin_check("27AAPFU0939F1Z"), Some('V'));
        for (code, check) in [("0000", 'Z'), ("0101", 'X'), ("0110", 'W'), ("0304", 'S'), ("0704", 'O'), ("0910", 'O')]
        {
            assert_eq!(of_gstin(&format!("29ZZZCX{code}Z1Z{check}")), Some(code));
        }
        assert_eq!(of_gstin("29ZZZCX0101Z1ZY"), None);
    }

    #[test]
    fn every_code_has_a_meaning_of_its_own() {
        for (code, _) in &CODES {
            assert!(is_code(code));
            assert_eq!(CODES.iter().filter(|(other, _)| other == code).count(), 1, "{code}");
        }
        assert_eq!(meaning("0199"), None);
    }
}

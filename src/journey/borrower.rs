//! A made-up borrower and what it wants.

use crate::clock::Ids;

/// Names of made-up borrowers.
const NAMES: [&str; 8] = [
    "Asha Verma",
    "Ravi Iyer",
    "Meena Joshi",
    "Arjun Nair",
    "Kavita Rao",
    "Imran Sheikh",
    "Lakshmi Menon",
    "Gurpreet Singh",
];

/// One person, with everything a lender asks for. No two have the same PAN.
#[derive(Debug, Clone)]
pub struct Borrower {
    /// Name as on the bank account.
    pub name: &'static str,
    /// Permanent account number; the P in the middle is a natural person's.
    pub pan: String,
    /// Ten digits.
    pub phone: String,
    /// Account number, twelve digits.
    pub account_number: String,
    /// Registration for goods and services tax, whose invoices are financed.
    pub gstin: String,
}

impl Borrower {
    /// Makes one up.
    #[must_use]
    pub fn new(ids: Ids) -> Self {
        let mut dice = Dice::new(ids);
        let pan = format!("{}P{}{}{}", dice.letters(3), dice.letters(1), dice.digits(4), dice.letters(1));
        Self {
            name: NAMES.get(dice.roll(NAMES.len())).copied().unwrap_or("Asha Verma"),
            phone: format!("9{}", dice.digits(9)),
            account_number: format!("50{}", dice.digits(10)),
            gstin: format!("29{pan}1Z5"),
            pan,
        }
    }
}

impl Borrower {
    /// The same borrower with scenario codes in its data: 07xx in the account's number, another in the PAN, a second one
    /// in the phone.
    #[must_use]
    pub fn under(mut self, codes: &[&str]) -> Self {
        let (of_payout, others): (Vec<&str>, Vec<&str>) = codes.iter().partition(|code| code.starts_with("07"));
        if let Some(code) = of_payout.first() {
            self.account_number = format!("9990000{code}");
        }
        if let Some(code) = others.first() {
            self.pan = format!("ZZZPX{code}Z");
        }
        if let Some(code) = others.get(1) {
            self.phone = format!("999900{code}");
        }
        self
    }
}

/// A new id with a prefix, e.g. `APP-3f9a5c01d2e4`.
#[must_use]
pub fn new_id(ids: Ids, prefix: &str) -> String {
    format!("{prefix}-{:012x}", Dice::new(ids).0 & 0xffff_ffff_ffff)
}

/// Randomness, spent roll by roll.
struct Dice(u128);

impl Dice {
    fn new(ids: Ids) -> Self {
        Self(ids.token().bytes().fold(0, |bits, byte| (bits << 4) ^ u128::from(byte)))
    }

    fn roll(&mut self, sides: usize) -> usize {
        let sides = sides.max(1) as u128;
        let roll = self.0 % sides;
        self.0 /= sides;
        usize::try_from(roll).unwrap_or_default()
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| char::from_u32('A' as u32 + u32::try_from(self.roll(26)).ok()?)).collect()
    }

    /// From 1 to 8 only, so that no sandbox's magic value comes out by chance.
    fn digits(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| char::from_digit(u32::try_from(self.roll(8)).ok()? + 1, 10)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_borrower_has_well_formed_identifiers() {
        let borrower = Borrower::new(Ids);
        let shape: String = borrower.pan.chars().map(|c| if c.is_ascii_digit() { '9' } else { 'A' }).collect();
        assert_eq!(shape, "AAAAA9999A");
        assert_eq!(borrower.pan.chars().nth(3), Some('P'));
        assert_eq!((borrower.phone.len(), borrower.account_number.len()), (10, 12));
        assert_ne!(Borrower::new(Ids).pan, borrower.pan);
    }

    #[test]
    fn codes_stand_where_they_are_read() {
        let under = Borrower::new(Ids).under(&["0303", "0702", "0902"]);
        assert_eq!((under.pan.as_str(), under.phone.as_str()), ("ZZZPX0303Z", "9999000902"));
        assert_eq!(under.account_number, "99900000702");
    }
}

//! What payments do to the reckoned loan: what they settle, what leaving early costs, and the schedule after it.

use chrono::{Days, Months, NaiveDate};

use super::{Exact, For, PayOff, Reckoning, Row, Split, UNIT, days, share};
use crate::support::money::paise;

/// The statement's words.
const GIVEN_BACK: &str = "Given back of what was kept from the payout";

impl Reckoning {
    pub(super) fn apply_excess(&mut self) {
        let (split, rest) = self.settle(self.excess);
        self.excess = rest;
        self.count(split);
    }

    fn count(&mut self, split: Split) {
        self.paid.principal += split.principal;
        self.paid.interest += split.interest;
        self.paid.fee += split.fee;
        self.paid.penal += split.penal;
    }

    /// Settles what is due in the order of the statement; the rest comes back.
    fn settle(&mut self, amount: i64) -> (Split, i64) {
        let npa = self.class == "NPA" || self.borrower_is_npa;
        let rule = if npa { "npaAllocation" } else { "allocation" };
        let mut split = Split::default();
        let mut rest = amount;
        let mut take = |left: i64, to: &mut i64| {
            let part = left.min(rest);
            rest -= part;
            *to += part;
            part
        };
        let order: &[&[char]] = match self.kfs["rules"][rule]["policy"].as_str().unwrap() {
            "INSTALMENT_WISE" => &[&['I', 'P']],
            "INTEREST_FIRST" => &[&['I'], &['P']],
            _ => &[&['P'], &['I']],
        };
        for parts in order {
            for row in self.rows.iter_mut().filter(|row| row.billed) {
                for part in *parts {
                    let (principal, interest) = row.left();
                    match part {
                        'P' => row.paid.0 += take(principal, &mut split.principal),
                        _ => row.paid.1 += take(interest, &mut split.interest),
                    }
                }
            }
        }
        self.charges.0 -= take(self.charges.0, &mut split.fee);
        self.charges.1 -= take(self.charges.1, &mut split.penal);
        (split, rest)
    }

    /// A debit failed or came back.
    pub fn bounced(&mut self) {
        let charge = self.rule("bounceCharge");
        self.charges.0 += charge;
        self.line("Fee", charge);
        self.apply_excess();
    }

    /// A payment came back: only its charge, and the statement, know that it was made. The borrower is told today of
    /// what is overdue, so that no penal charge runs for the days before.
    pub fn came_back(&mut self, amount: i64) {
        let today = self.today;
        for row in self.rows.iter_mut().filter(|row| row.is_unpaid() && days(row.due, today) > 1) {
            row.charged_until = row.charged_until.max(today);
        }
        self.line("Payment returned", amount);
        self.bounced();
    }

    /// The borrower pays.
    pub fn pays(&mut self, amount: i64, purpose: For) -> Split {
        self.received += amount;
        let pay_off = match purpose {
            For::Foreclosure => Some(self.foreclosure()),
            For::CoolingOffExit => Some(self.cooling_off_exit()),
            For::Instalment | For::Prepayment => None,
        };
        self.levy(|_| true);
        if let Some(pay_off) = pay_off {
            assert_eq!(amount, pay_off.total);
            self.call_in(purpose, pay_off);
        }
        let (mut split, mut rest) = self.settle(amount);
        if purpose == For::Prepayment && rest > 0 {
            let charge = self.prepay(rest);
            split.fee += charge;
            split.principal += rest - charge;
            rest = 0;
        }
        split.excess = rest;
        self.excess += rest;
        self.count(split);
        self.line("Payment received", -amount);
        self.classify();
        self.close();
        split
    }

    pub(super) fn close(&mut self) {
        let owes = self.rows.iter().any(|row| !row.billed || row.is_unpaid()) || self.charges != (0, 0);
        if !owes {
            self.closed = true;
            self.class = "STANDARD";
        }
    }

    fn principal_not_due(&self) -> i64 {
        self.running().filter(|_| !self.closed).map_or(0, |index| self.rows[index].opening)
    }

    /// All principal owed.
    pub fn principal(&self) -> i64 {
        let due: i64 = self.rows.iter().filter(|row| row.billed).map(|row| row.left().0).sum();
        due + self.principal_not_due()
    }

    /// Interest that is due.
    pub fn interest_due(&self) -> i64 {
        self.rows.iter().filter(|row| row.billed).map(|row| row.left().1).sum()
    }

    /// Payable today as an instalment.
    pub fn payable(&self) -> i64 {
        let due = self.rows.iter().filter(|row| row.billed).map(|row| row.left().0).sum::<i64>();
        match due + self.interest_due() + self.charges.0 + self.penal() {
            _ if self.closed => 0,
            0 => self.running().map_or(0, |i| self.rows[i].principal + self.rows[i].interest - self.excess).max(0),
            due => due,
        }
    }

    /// Charge and tax for paying principal before it is due.
    fn early(&self, principal: i64, rule: &str) -> i64 {
        // Leaving early is free as long as one may leave.
        if self.today <= self.cooling_off_ends() {
            return 0;
        }
        let charge = share(principal, self.rule(rule));
        charge + share(charge, self.rule("gstPercent"))
    }

    /// What ends the loan today.
    pub fn foreclosure(&self) -> PayOff {
        let (principal, interest) = (self.principal(), self.interest_due() + self.accrued());
        let charge = self.early(self.principal_not_due(), "foreclosurePercent");
        let total = principal + interest + charge + self.charges.0 + self.penal() - self.unearned() - self.excess;
        PayOff { total, principal, interest, charge }
    }

    /// What the borrower pays who leaves within the cooling-off period.
    pub fn cooling_off_exit(&self) -> PayOff {
        let rule = &self.kfs["rules"]["coolingOff"];
        let apr = rule["policy"] == "APR_ONLY";
        let rate = if apr { &self.kfs["partOne"]["annualPercentageRate"] } else { &self.kfs["terms"]["annualRate"] };
        let principal = self.principal();
        let n = i128::from(principal) * i128::from(paise(rate)) * i128::from(days(self.paid_out, self.today));
        let interest = Exact(n, 3_650_000).rounded();
        let total = principal + interest - self.given_back() + self.charges.0 - self.excess;
        PayOff { total, principal, interest, charge: 0 }
    }

    fn cooling_off_ends(&self) -> NaiveDate {
        let days = self.kfs["partTwo"]["coolingOffDays"].as_u64().unwrap();
        (self.paid_out + Days::new(days)).min(self.rows[0].due - Days::new(1)).max(self.paid_out + Days::new(1))
    }

    /// Of the interest kept from the payout, that of odd days still to come.
    fn unearned(&self) -> i64 {
        let odd = self.rows[0].due - Months::new(1);
        if self.upfront == 0 || self.today >= odd {
            return 0;
        }
        let terms = &self.kfs["terms"];
        let (parts, of_year) = Self::year(terms["oddDayCount"].as_str().unwrap(), 0, self.paid_out, odd);
        let n = i128::from(paise(&terms["principal"])) * i128::from(paise(&terms["annualRate"])) * i128::from(parts);
        let (held, all) = (days(self.paid_out, self.today), days(self.paid_out, odd));
        let earned = Exact(n * i128::from(held), 10_000 * i128::from(of_year) * i128::from(all));
        self.upfront - earned.rounded()
    }

    fn given_back(&self) -> i64 {
        let apr = self.kfs["rules"]["coolingOff"]["policy"] == "APR_ONLY";
        self.upfront + if apr { paise(&self.kfs["aprSheet"]["fees"]) } else { 0 }
    }

    fn call_in(&mut self, purpose: For, pay_off: PayOff) {
        let interest = pay_off.interest - self.interest_due();
        self.line("Interest due", interest);
        if let Some(index) = self.running() {
            let row = Row { principal: self.rows[index].opening, interest, billed: true, ..self.rows[index].clone() };
            self.rows.truncate(index);
            self.rows.push(Row { due: self.today, ..row });
        }
        if matches!(purpose, For::CoolingOffExit) {
            self.excess += self.given_back();
            self.line(GIVEN_BACK, -self.given_back());
        } else {
            let unearned = self.unearned();
            self.excess += unearned;
            self.line(GIVEN_BACK, -unearned);
            self.charges.0 += pay_off.charge;
            self.line("Fee", pay_off.charge);
        }
        self.apply_excess();
    }

    /// Prepays with money for which nothing is due; gives the charge in it.
    fn prepay(&mut self, money: i64) -> i64 {
        // As much principal as fits with its charge.
        let fits = |principal: &i64| principal + self.early(*principal, "prepaymentPercent") <= money;
        let charge = self.early((0..=money).rev().find(fits).unwrap(), "prepaymentPercent");
        let principal = money - charge;
        let index = self.running().unwrap();
        let today = self.today;
        let exact = self.so_far(index);
        let old: Vec<Row> = self.rows.split_off(index);
        let mut rows: Vec<Row> = Vec::new();
        let mut opening = old[0].opening - principal;
        self.rows.extend(old.iter().cloned());
        let rest = self.exact(index, opening, (today, old[0].due));
        let first = exact.iter().zip(&rest).map(|(before, rest)| before.plus(*rest).rounded()).sum();
        let falls = self.kfs["rules"]["prepaymentMode"] == "REDUCE_EPI";
        let regular = if falls { Some(self.anew(index, opening, first)) } else { None };
        let by_principal = self.kfs["terms"]["method"] == "EQUAL_PRINCIPAL";
        for (at, row) in old.iter().enumerate() {
            let here = index + at;
            let interest = if at == 0 { first } else { self.interest(here, opening, self.period(here)) };
            let part = match (by_principal, regular) {
                (true, regular) => regular.unwrap_or(row.principal),
                (false, Some(regular)) => regular - interest,
                (false, None) => old[at.min(1)].principal + old[at.min(1)].interest - interest,
            };
            let part = if at + 1 == old.len() { opening } else { part.min(opening) };
            rows.push(Row { opening, principal: part, interest, ..row.clone() });
            opening -= part;
            if opening == 0 {
                break;
            }
        }
        self.rows.truncate(index);
        self.rows.extend(rows);
        self.since = today;
        self.before = exact;
        self.line("Fee", charge);
        charge
    }

    /// The instalment, or its principal, for what is left: one that is worth the balance with its interest on the
    /// running due date.
    fn anew(&self, index: usize, balance: i64, interest: i64) -> i64 {
        let left = self.rows.len() - index;
        if self.kfs["terms"]["method"] == "EQUAL_PRINCIPAL" {
            return self.payable_unit(Exact(i128::from(balance), left.try_into().unwrap()));
        }
        let rate = i128::from(paise(&self.kfs["terms"]["annualRate"]));
        let (mut discount, mut worth) = (UNIT, UNIT);
        for row in index + 1..self.rows.len() {
            let (parts, of_year) = self.stretches(row)[0].year;
            let growth = UNIT + UNIT * rate * i128::from(parts) / (10_000 * i128::from(of_year));
            discount = discount * UNIT / growth;
            worth += discount;
        }
        self.payable_unit(Exact(i128::from(balance + interest) * UNIT, worth))
    }

    /// Rounds an instalment as the statement says.
    fn payable_unit(&self, exact: Exact) -> i64 {
        let rounding = &self.kfs["terms"]["rounding"];
        assert_eq!(rounding["mode"], "HALF_UP");
        let unit = paise(&rounding["unit"]);
        Exact(exact.0, exact.1 * i128::from(unit)).rounded() * unit
    }
}

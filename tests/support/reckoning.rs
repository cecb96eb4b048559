//! A loan reckoned by an outsider, who has its key facts statement as JSON and a list of what happened, and nothing of
//! the program: whole paise, fractions of them as two integers, rules as the statement words them.

mod payments;

use chrono::{Days, Months, NaiveDate};
use serde_json::Value;

use super::money::paise;

/// Fixed point for discount factors.
const UNIT: i128 = 1_000_000_000_000_000_000;

/// A fraction of a paisa.
#[derive(Debug, Clone, Copy)]
struct Exact(i128, i128);

impl Exact {
    const ZERO: Self = Self(0, 1);

    fn plus(self, other: Self) -> Self {
        let (n, d) = (self.0 * other.1 + other.0 * self.1, self.1 * other.1);
        let (mut a, mut b) = (n.abs(), d);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self(n / a.max(1), d / a.max(1))
    }

    /// To the nearest paisa, half of one up.
    fn rounded(self) -> i64 {
        i64::try_from((2 * self.0 + self.1).div_euclid(2 * self.1)).unwrap()
    }
}

/// Days that bear interest: such a part of a year, each day an equal share of it.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: NaiveDate,
    until: NaiveDate,
    year: (i64, i64),
}

/// An instalment and what became of it.
#[derive(Debug, Clone)]
pub struct Row {
    /// As in Annex C.
    pub number: i64,
    /// Due date.
    pub due: NaiveDate,
    /// Principal outstanding before it.
    pub opening: i64,
    /// Principal part.
    pub principal: i64,
    /// Interest part.
    pub interest: i64,
    /// Whether it fell due.
    pub billed: bool,
    paid: (i64, i64),
    told: bool,
    charged_until: NaiveDate,
    penal: i64,
}

impl Row {
    /// What is left of principal and interest.
    fn left(&self) -> (i64, i64) {
        (self.principal - self.paid.0, self.interest - self.paid.1)
    }

    fn is_unpaid(&self) -> bool {
        self.billed && self.left() != (0, 0)
    }

    /// Settled so far.
    pub fn paid(&self) -> i64 {
        self.paid.0 + self.paid.1
    }
}

/// What a payment settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Split {
    /// Principal, prepaid principal included.
    pub principal: i64,
    /// Interest.
    pub interest: i64,
    /// Fees.
    pub fee: i64,
    /// Penal charges.
    pub penal: i64,
    /// Held for the borrower.
    pub excess: i64,
}

/// What a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// What is due.
    Instalment,
    /// Principal ahead of time.
    Prepayment,
    /// Everything.
    Foreclosure,
    /// Everything, without penalty.
    CoolingOffExit,
}

/// A row of the statement: what the borrower owes more, or less, by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Value date.
    pub date: NaiveDate,
    /// Words.
    pub narration: String,
    /// Signed.
    pub amount: i64,
}

/// A pay-off amount and its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayOff {
    /// To be paid.
    pub total: i64,
    /// All principal.
    pub principal: i64,
    /// Interest up to the day.
    pub interest: i64,
    /// For leaving early, tax included.
    pub charge: i64,
}

/// A loan by its key facts statement.
#[derive(Debug, Clone)]
pub struct Reckoning {
    kfs: Value,
    /// Interest kept from the payout.
    upfront: i64,
    paid_out: NaiveDate,
    /// The day up to which it is reckoned.
    pub today: NaiveDate,
    /// Whether the day-end of that day is over.
    is_over: bool,
    /// The schedule.
    pub rows: Vec<Row>,
    /// Since when the running period bears interest on one balance.
    since: NaiveDate,
    /// Its interest before that, by the stretches of the period.
    before: Vec<Exact>,
    /// Fees and penal charges that are due.
    pub charges: (i64, i64),
    /// Held for the borrower.
    pub excess: i64,
    /// Paid so far, by what it settled.
    pub paid: Split,
    /// Received.
    pub received: i64,
    /// The statement.
    pub lines: Vec<Line>,
    /// As classified, the borrower's other loans left out.
    pub class: &'static str,
    /// Whether the loans of the borrower are non-performing, because of any of them.
    pub borrower_is_npa: bool,
    /// Whether nothing is owed any more.
    pub closed: bool,
    /// Days on which no penal charge runs, by word of the regulator.
    pub rests: Vec<NaiveDate>,
}

fn date(value: &Value) -> NaiveDate {
    value.as_str().unwrap().parse().unwrap()
}

fn days(from: NaiveDate, until: NaiveDate) -> i64 {
    (until - from).num_days()
}

/// A percentage of an amount, to the nearest paisa.
fn share(amount: i64, percent: i64) -> i64 {
    Exact(i128::from(amount) * i128::from(percent), 10_000).rounded()
}

impl Reckoning {
    /// A loan that was paid out on the day that its statement assumes.
    pub fn of(kfs: Value) -> Self {
        let paid_out = date(&kfs["terms"]["disbursedOn"]);
        let grace = kfs["rules"]["penal"]["graceDays"].as_u64().unwrap();
        let rows = kfs["schedule"].as_array().unwrap().iter().map(|row| {
            let due = date(&row["dueDate"]);
            Row {
                number: row["number"].as_i64().unwrap(),
                due,
                opening: paise(&row["outstanding"]),
                principal: paise(&row["principal"]),
                interest: paise(&row["interest"]),
                billed: false,
                paid: (0, 0),
                told: false,
                charged_until: due + Days::new(grace),
                penal: 0,
            }
        });
        let rows: Vec<Row> = rows.collect();
        let principal = paise(&kfs["terms"]["principal"]);
        let upfront = paise(&kfs["aprSheet"]["upfrontInterest"]);
        let first = Line { date: paid_out, narration: "Loan disbursed".to_owned(), amount: principal };
        let loan = Self {
            kfs,
            upfront,
            paid_out,
            today: paid_out,
            is_over: false,
            rows,
            since: paid_out,
            before: Vec::new(),
            charges: (0, 0),
            excess: 0,
            paid: Split::default(),
            received: 0,
            lines: vec![first],
            class: "STANDARD",
            borrower_is_npa: false,
            closed: false,
            rests: Vec::new(),
        };
        loan.check_schedule();
        loan
    }

    /// Annex C says what the terms come to: the interest of each row, and what the last one leaves.
    fn check_schedule(&self) {
        let mut opening = self.rows[0].opening;
        for (index, row) in self.rows.iter().enumerate() {
            assert_eq!(row.opening, opening, "{row:?}");
            let interest = self.interest(index, row.opening, (self.period(index).0, row.due));
            assert_eq!(row.interest, interest, "{row:?}");
            opening -= row.principal;
        }
        assert_eq!(opening, 0, "the last instalment pays what is left");
    }

    fn rule(&self, name: &str) -> i64 {
        paise(&self.kfs["rules"][name])
    }

    /// The period of a row.
    fn period(&self, index: usize) -> (NaiveDate, NaiveDate) {
        let from = if index == 0 { self.paid_out } else { self.rows[index - 1].due };
        (from, self.rows[index].due)
    }

    /// A part of a year by a day count: under 30/360 whole months are a twelfth each, odd days 1/360.
    fn year(count: &str, whole: i64, from: NaiveDate, until: NaiveDate) -> (i64, i64) {
        match count {
            "THIRTY360" => (30 * whole + days(from, until), 360),
            "ACTUAL365" => (days(from, until), 365),
            "ACTUAL360" => (days(from, until), 360),
            other => panic!("no words for {other}"),
        }
    }

    /// The stretches of a row's period that bear interest in it.
    fn stretches(&self, index: usize) -> Vec<Stretch> {
        let (from, until) = self.period(index);
        let terms = &self.kfs["terms"];
        let count = terms["dayCount"].as_str().unwrap();
        let monthly = terms["frequency"] == "MONTHLY" && terms["method"] != "BULLET";
        // Odd days come before the whole month that ends on the due date.
        let odd = until - Months::new(1);
        let is_odd = index == 0 && monthly && !terms["dueDay"].is_null() && odd > from;
        let whole = |from, whole_months, odd_until| Stretch {
            from,
            until,
            year: match count {
                "THIRTY360" if monthly => Self::year(count, whole_months, from, odd_until),
                _ => Self::year(count, 0, from, until),
            },
        };
        let first_period = terms["firstPeriod"].as_str().unwrap();
        if !is_odd {
            return vec![whole(from, 1, from)];
        }
        if first_period == "STRETCH" {
            return vec![whole(from, 1, odd)];
        }
        let apart =
            Stretch { from, until: odd, year: Self::year(terms["oddDayCount"].as_str().unwrap(), 0, from, odd) };
        match first_period {
            "ADD_TO_FIRST" => vec![apart, whole(odd, 1, odd)],
            _ => vec![whole(odd, 1, odd)],
        }
    }

    /// Interest on a balance between two days of a row's period, by its stretches.
    fn exact(&self, index: usize, balance: i64, (since, on): (NaiveDate, NaiveDate)) -> Vec<Exact> {
        let rate = paise(&self.kfs["terms"]["annualRate"]);
        let of = |stretch: &Stretch| {
            let gone = days(since.clamp(stretch.from, stretch.until), on.clamp(stretch.from, stretch.until));
            let (parts, of_year) = stretch.year;
            let all = days(stretch.from, stretch.until);
            let n = i128::from(balance) * i128::from(rate) * i128::from(parts) * i128::from(gone);
            Exact(n, 10_000 * i128::from(of_year) * i128::from(all))
        };
        self.stretches(index).iter().map(of).collect()
    }

    /// The same, each stretch to the nearest paisa.
    fn interest(&self, index: usize, balance: i64, days: (NaiveDate, NaiveDate)) -> i64 {
        self.exact(index, balance, days).into_iter().map(Exact::rounded).sum()
    }

    /// Interest of the running period so far, on each balance for its days.
    fn so_far(&self, index: usize) -> Vec<Exact> {
        let since = self.exact(index, self.rows[index].opening, (self.since, self.today));
        let before = |at: usize| self.before.get(at).copied().unwrap_or(Exact::ZERO);
        since.into_iter().enumerate().map(|(at, since)| since.plus(before(at))).collect()
    }

    /// The first row that is not due yet.
    fn running(&self) -> Option<usize> {
        self.rows.iter().position(|row| !row.billed)
    }

    /// Interest of the running period so far.
    pub fn accrued(&self) -> i64 {
        let Some(index) = self.running().filter(|_| !self.closed) else { return 0 };
        let row = &self.rows[index];
        self.so_far(index).into_iter().map(Exact::rounded).sum::<i64>().min(row.interest)
    }

    /// Penal charge on an instalment that is not charged yet.
    fn penal_of(&self, row: &Row) -> i64 {
        let rule = &self.kfs["rules"]["penal"];
        if !row.told || !row.is_unpaid() || self.today <= row.charged_until {
            return 0;
        }
        let (principal, interest) = row.left();
        let n = i128::from(principal + interest) * i128::from(paise(&rule["percent"]));
        let charged = row.charged_until.iter_days().skip(1).take_while(|day| *day <= self.today);
        let charged = charged.filter(|day| !self.rests.contains(day)).count();
        let charge = Exact(n * i128::try_from(charged).unwrap(), 3_650_000).rounded();
        let cap = rule.get("capPercent").map(|cap| share(row.principal + row.interest, paise(cap)) - row.penal);
        charge.min(cap.unwrap_or(i64::MAX))
    }

    /// Penal charges owed, charged or not.
    pub fn penal(&self) -> i64 {
        self.charges.1 + self.rows.iter().map(|row| self.penal_of(row)).sum::<i64>()
    }

    /// Charges what runs on some instalments, up to today.
    fn levy(&mut self, on: impl Fn(&Row) -> bool) {
        for index in 0..self.rows.len() {
            let amount = self.penal_of(&self.rows[index]);
            let today = self.today;
            let row = &mut self.rows[index];
            if row.told && row.is_unpaid() && on(row) {
                row.charged_until = row.charged_until.max(today);
                row.penal += amount;
                self.charges.1 += amount;
                self.line("Penal charge", amount);
            }
        }
    }

    fn line(&mut self, narration: &str, amount: i64) {
        if amount != 0 {
            self.lines.push(Line { date: self.today, narration: narration.to_owned(), amount });
        }
    }

    /// Days pass; each day's end is over, the last one's too. The borrower is told of what is overdue the day after.
    pub fn to(&mut self, day: NaiveDate) {
        if !self.is_over {
            self.end_day();
        }
        while self.today < day {
            self.morning();
            self.end_day();
        }
    }

    /// The next day begins: what falls due is due.
    pub fn morning(&mut self) {
        self.today = self.today.succ_opt().unwrap();
        self.is_over = false;
        if self.closed {
            return;
        }
        let today = self.today;
        if let Some(index) = self.running().filter(|index| self.rows[*index].due == today) {
            self.rows[index].billed = true;
            self.since = today;
            self.before.clear();
            let (number, interest) = (self.rows[index].number, self.rows[index].interest);
            self.line(&format!("Interest due, instalment {number}"), interest);
            self.apply_excess();
        }
        let every = self.kfs["rules"]["penal"]["everyDays"].as_i64().unwrap();
        if !self.rests.contains(&today) {
            self.levy(|row| days(row.due, today) > 0 && days(row.due, today) % every == 0);
        }
        for row in &mut self.rows {
            row.told |= row.is_unpaid() && row.due < today;
        }
        self.close();
    }

    /// The day is over: what is unpaid is classified.
    pub fn end_day(&mut self) {
        self.is_over = true;
        self.classify();
    }

    /// Due date of the oldest instalment that is not paid.
    pub fn oldest(&self) -> Option<NaiveDate> {
        self.rows.iter().find(|row| row.is_unpaid()).map(|row| row.due)
    }

    fn classify(&mut self) {
        let overdue = self.oldest().map(|due| days(due, self.today)).filter(|days| *days > 0 || self.is_over);
        self.class = match (overdue, self.class) {
            _ if self.closed => "STANDARD",
            (None, _) => "STANDARD",
            (Some(_), "NPA") | (Some(90..), _) => "NPA",
            (Some(60..), _) => "SMA-2",
            (Some(30..), _) => "SMA-1",
            (Some(_), _) => "SMA-0",
        };
    }
}

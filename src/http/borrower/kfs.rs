//! The key facts statement as a page: RBI's form, row by row, from the bytes that were sent.

use super::html::{cells, day, document, escape, form, form_row, instant, rupees};
use crate::domain::kfs::document::{
    AprSheet, ContingentCharge, Fee, Instalments, Kfs, PartOne, PartTwo, Rules, ScheduleRow,
};
use crate::domain::kfs::{Contact, days, document::Basis};

/// The whole page; `hash` is of the bytes behind it.
pub(super) fn page(kfs: &Kfs, hash: &str) -> String {
    let body = [
        heading(kfs),
        summary(kfs),
        part_one(&kfs.part_one),
        part_two(&kfs.part_two),
        apr_sheet(&kfs.apr_sheet),
        schedule(&kfs.schedule),
        rules(&kfs.rules),
        basis(&kfs.basis, &kfs.terms.disbursed_on.format("%d %b %Y").to_string()),
        footer(kfs, hash),
    ]
    .concat();
    document(&format!("Key facts statement {}", kfs.proposal_number), &body)
}

fn heading(kfs: &Kfs) -> String {
    format!(
        "<header>\n<p class=\"lender\">{}</p>\n<h1>Key facts statement</h1>\n<p>Proposal {}, issued on {}</p>\n\
        <p>These terms bind the lender until {}.</p>\n</header>\n",
        escape(&kfs.lender.name),
        escape(&kfs.proposal_number),
        day(kfs.issued_on),
        instant(kfs.valid_till),
    )
}

fn summary(kfs: &Kfs) -> String {
    let one = &kfs.part_one;
    let figure = |name: &str, value: String| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(&value));
    let number = one.instalments.number;
    let amount = amounts(&one.instalments);
    format!(
        "<dl class=\"sum\">\n{}{}{}{}</dl>\n",
        figure("You receive", rupees(&kfs.apr_sheet.net_disbursed)),
        figure("You repay in total", rupees(&kfs.apr_sheet.total_paid)),
        figure(&format!("{number} instalment{} of", if number == 1 { "" } else { "s" }), amount),
        figure("Annual percentage rate", format!("{}%", one.annual_percentage_rate)),
    )
}

/// The amount of an instalment, and those of the first and the last one where they are others.
fn amounts(plan: &Instalments) -> String {
    let first = plan.first_amount.as_ref().map(|first| format!(", the first {}", rupees(first)));
    let last = plan.last_amount.as_ref().map(|last| format!(", falling to {}", rupees(last)));
    [Some(rupees(&plan.amount)), first, last].into_iter().flatten().collect()
}

fn part_one(one: &PartOne) -> String {
    let text = |number: &str, label: &str, value: &str| form_row(number, label, &escape(value));
    let plan = &one.instalments;
    let instalments = format!(
        "{}: {} of {}, due first on {} ({} days after sanction)",
        escape(&plan.kind),
        plan.number,
        escape(&amounts(plan)),
        day(plan.first_due),
        plan.starts_after_days,
    );
    let rows = [
        text("1", "Type of loan", &one.loan_type),
        text("2", "Sanctioned amount", &rupees(&one.sanctioned_amount)),
        text("3", "Disbursal schedule", &one.disbursal_schedule),
        text("4", "Term", &one.term),
        form_row("5", "Instalments", &instalments),
        text("6", "Interest rate", &format!("{}% per annum, {}", one.interest_rate, one.interest_type.to_lowercase())),
        text("7", "Floating rate", &one.floating_rate),
        form_row("8 A", "Fees payable to the lender", &fees(&one.fees_to_lender)),
        form_row("8 B", "Fees payable to third parties through the lender", &fees(&one.fees_to_third_parties)),
        text("9", "Annual percentage rate (APR)", &format!("{}%", one.annual_percentage_rate)),
        one.contingent_charges.iter().map(charge).collect(),
    ];
    form("Part 1: Interest rate, fees and charges", &rows.concat())
}

fn fees(fees: &[Fee]) -> String {
    if fees.is_empty() {
        return "None".to_owned();
    }
    let line = |fee: &Fee| {
        format!(
            "{}, once: {} and {} tax, {} in all",
            escape(&fee.name),
            rupees(&fee.amount),
            rupees(&fee.tax),
            rupees(&fee.total)
        )
    };
    fees.iter().map(line).collect::<Vec<_>>().join("<br>")
}

fn charge(charge: &ContingentCharge) -> String {
    let label = match charge.code.as_str() {
        "PENAL" => "Penal charge for late payment",
        "OTHER_PENAL" => "Other penal charges",
        "FORECLOSURE" => "Foreclosure charge",
        "PREPAYMENT" => "Prepayment charge",
        "RATE_SWITCH" => "Charge for changing the type of rate",
        "BOUNCE" => "Other: charge for a failed debit",
        other => other,
    };
    form_row(&charge.row, label, &escape(&charge.text))
}

fn part_two(two: &PartTwo) -> String {
    let text = |number: &str, label: &str, value: &str| form_row(number, label, &escape(value));
    let yes = |yes| if yes { "Yes" } else { "No" };
    let agents: Vec<String> = two.recovery_agents.iter().map(contact).collect();
    let recovery = std::iter::once(escape(&two.recovery)).chain(agents).collect::<Vec<_>>().join("<br>");
    let recovers = format!("{}, {}", two.lending_service_provider, if two.provider_recovers { "yes" } else { "no" });
    let rows = [
        form_row("1", "Recovery agents", &recovery),
        text("2", "Redress of grievances", &two.grievance_redress),
        form_row("3", "Nodal grievance officer", &contact(&two.grievance_officer)),
        text("4", "May the loan be transferred to others or securitised", yes(two.transferable)),
        text("5", "Co-lending with another lender", yes(two.co_lending)),
        text("6 (i)", "Cooling-off period", &format!("{}, without penalty", days(two.cooling_off_days))),
        text("6 (ii)", "Lending service provider; does it act as recovery agent", &recovers),
    ];
    form("Part 2: Other information", &rows.concat())
}

fn contact(contact: &Contact) -> String {
    let email = contact.email.as_deref().map(|email| format!(", {}", escape(email))).unwrap_or_default();
    format!("{}, {}{email}", escape(&contact.name), escape(&contact.phone))
}

fn apr_sheet(sheet: &AprSheet) -> String {
    let text = |number: &str, label: &str, value: &str| form_row(number, label, &escape(value));
    let effective = sheet.effective_annual_rate.as_deref();
    let rows = [
        text("1", "Sanctioned amount", &rupees(&sheet.sanctioned_amount)),
        text("2", "Term", &sheet.term),
        text("2 (b)", "Instalments", &sheet.instalments),
        text("2 (d)", "Start of repayment", &sheet.starts),
        text("3", "Type of interest rate", &sheet.interest_type.to_lowercase()),
        text("4", "Rate of interest", &format!("{}% per annum", sheet.interest_rate)),
        text("5", "Total interest", &rupees(&sheet.total_interest)),
        text("6", "Fees and charges", &rupees(&sheet.fees)),
        text("6 A", "of these to the lender", &rupees(&sheet.fees_to_lender)),
        text("6 B", "of these to third parties", &rupees(&sheet.fees_to_third_parties)),
        text("", "Interest kept from the payout, part of 5", &rupees(&sheet.upfront_interest)),
        text("7", "Net disbursed amount (1 less 6, less interest kept)", &rupees(&sheet.net_disbursed)),
        text("8", "Total to be paid (1 plus 5)", &rupees(&sheet.total_paid)),
        text("9", "Annual percentage rate", &format!("{}%", sheet.annual_percentage_rate)),
        effective.map(|rate| text("", "Effective annual rate (compounded)", &format!("{rate}%"))).unwrap_or_default(),
        text("10", "Disbursal schedule", &sheet.disbursal_schedule),
        text("11", "Due date of the first instalment (DDMMYYYY)", &sheet.due_date),
    ];
    form("Computation of the annual percentage rate", &rows.concat())
}

fn schedule(rows: &[ScheduleRow]) -> String {
    let row = |row: &ScheduleRow| {
        cells([
            ("no", row.number.to_string()),
            ("day", day(row.due_date)),
            ("num", rupees(&row.outstanding)),
            ("num", rupees(&row.principal)),
            ("num", rupees(&row.interest)),
            ("num", rupees(&row.instalment)),
        ])
    };
    let body: String = rows.iter().map(row).collect();
    format!(
        "<section>\n<h2>Repayment schedule</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" \
        aria-label=\"Repayment schedule\">\n<table class=\"plan\">\n<thead><tr>\
        <th scope=\"col\">No.</th><th scope=\"col\">Due</th><th scope=\"col\" class=\"num\">Outstanding</th>\
        <th scope=\"col\" class=\"num\">Principal</th><th scope=\"col\" class=\"num\">Interest</th>\
        <th scope=\"col\" class=\"num\">Instalment</th></tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n</section>\n"
    )
}

fn rules(rules: &Rules) -> String {
    let text = |label: &str, value: &str| form_row("", label, &escape(value));
    let rows = [
        text("Leaving early without penalty", &rules.cooling_off.text),
        text("If an instalment is not paid", &rules.overdue_example.text),
        text("Order in which a payment settles what is due", &rules.allocation.text),
        text("The same for a non-performing asset", &rules.npa_allocation.text),
    ];
    form("What happens when", &rows.concat())
}

fn basis(basis: &Basis, assumed: &str) -> String {
    let text = |label: &str, value: &str| form_row("", label, &escape(value));
    let late = format!(
        "The schedule is for a payout on {assumed}. If the money comes later, the dates and the interest of the first \
        period move with it; should the cost rise by more than this statement allows, you get a new one to agree to."
    );
    let rows = [
        text("Annual percentage rate", &basis.apr),
        text("Rounding", &basis.rounding),
        text("Days", &basis.day_count),
        text("First period", &basis.broken_period),
        text("Day of payout", &late),
    ];
    form("How the figures were computed", &rows.concat())
}

fn footer(kfs: &Kfs, hash: &str) -> String {
    let email = kfs.lender.email.as_deref().map(|email| format!(", {}", escape(email))).unwrap_or_default();
    format!(
        "<footer>\n<p>{}, {}{email}</p>\n<p>SHA-256 of this statement: <code>{}</code></p>\n\
        <p class=\"screen\"><a href=\"?format=json\">The same for programs</a></p>\n</footer>",
        escape(&kfs.lender.name),
        escape(&kfs.lender.phone),
        escape(hash),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instalments_that_are_other_amounts_are_told() {
        let plan = |first: Option<&str>, last: Option<&str>| Instalments {
            kind: "monthly".to_owned(),
            number: 12,
            amount: "2750.40".to_owned(),
            first_amount: first.map(str::to_owned),
            last_amount: last.map(str::to_owned),
            first_due: "2027-01-05".parse().unwrap(),
            starts_after_days: 38,
        };
        assert_eq!(amounts(&plan(None, None)), "₹2,750.40");
        assert_eq!(amounts(&plan(Some("2855.40"), None)), "₹2,750.40, the first ₹2,855.40");
        assert_eq!(amounts(&plan(None, Some("2537.50"))), "₹2,750.40, falling to ₹2,537.50");
    }
}

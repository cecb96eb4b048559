//! `loanterms` as the lender sends them: sanction, cost, agreement.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::core::TenureBlock;
use crate::domain::application::facets::{Deal, Offer};
use crate::domain::application::form::Tenure;
use crate::domain::kfs::IssuedKfs;
use crate::domain::maths::money::Paise;
use crate::protocol::amount::AmountNumber;

/// The only currency (`ocen-v3.md` §7.2, "money").
const INR: &str = "INR";

/// `loanterms` of an offer or a grant.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// What was asked, rupees.
    pub requested_amount: String,
    /// `INR`.
    pub currency: &'static str,
    /// Length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenure: Option<TenureBlock>,
    /// What the lender commits to; absent before there is an offer.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub sanction: Option<Sanction>,
}

/// The part of [`Terms`] that exists once there is an offer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sanction {
    /// Rupees.
    pub sanctioned_amount: String,
    /// `FIXED`.
    pub interest_type: &'static str,
    /// Contract rate, percent per annum.
    pub interest_rate: String,
    /// Sum of interest, rupees.
    pub interest_amount: String,
    /// Sum of all instalments, rupees.
    pub total_amount: String,
    /// Page of the agreement.
    pub legal_agreement: LegalAgreement,
    /// Charges kept or possible.
    pub charges: ChargesBlock,
    /// What the protocol has no member for (design §8).
    pub extensible_data: CostOfCredit,
}

/// What RBI wants told with every offer and v3 has no member for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostOfCredit {
    /// APR, percent with two decimals.
    pub annual_percentage_rate: String,
    /// What reaches the borrower, rupees.
    pub net_disbursed_amount: String,
    /// Sum of all instalments, rupees.
    pub total_repayable_amount: String,
    /// Each instalment, rupees; the last may differ by rounding.
    pub installment_amount: String,
    /// Time in which the borrower may leave without penalty.
    pub cooling_off_period: TenureBlock,
}

/// `loanAgreement`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LegalAgreement {
    /// `URL`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The page.
    pub data: String,
}

/// `charges`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChargesBlock {
    /// For a bounced instalment.
    pub bounce: Charge,
    /// For late payment.
    pub late_payment: Charge,
    /// Kept from the payout.
    pub processing: Charge,
    /// For paying early; absent when nothing is charged for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepayment: Option<Charge>,
}

/// `chargedetails`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    /// `FIXED_AMOUNT` or `RATE_BASED`.
    pub charge_type: &'static str,
    /// How much.
    pub data: ChargeData,
}

/// `chargedetails.data`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChargeData {
    /// Percent per annum, of a `RATE_BASED` charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Rupees as JSON number, of a `FIXED_AMOUNT` charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountNumber>,
    /// What the rate applies to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applicable_parameter: Option<&'static str>,
    /// What one rate cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Charge {
    fn fixed(amount: Paise) -> Self {
        let amount = Some(AmountNumber(amount));
        let data = ChargeData { rate: None, amount, applicable_parameter: None, description: None };
        Self { charge_type: "FIXED_AMOUNT", data }
    }

    fn rate(percent: Decimal, of: &'static str) -> Self {
        let rate = Some(percentage(percent));
        let data = ChargeData { rate, amount: None, applicable_parameter: Some(of), description: None };
        Self { charge_type: "RATE_BASED", data }
    }

    /// The protocol has one charge for paying early, products have one for a part and one for all: the higher rate is
    /// told, and in words what each is.
    fn early(offer: &Offer) -> Option<Self> {
        let (part, whole) = (offer.servicing.prepayment_percent, offer.servicing.foreclosure_percent);
        let highest = part.max(whole);
        if highest <= Decimal::ZERO {
            return None;
        }
        let description = format!(
            "{}% of the principal paid early for a part prepayment, {}% for paying the whole loan off; {}% goods and \
            services tax on the charge comes on top",
            percentage(part),
            percentage(whole),
            percentage(offer.gst_percent),
        );
        let charge = Self::rate(highest, "REPAYMENT_PRINCIPAL");
        Some(Self { data: ChargeData { description: Some(description), ..charge.data }, ..charge })
    }
}

impl From<&Offer> for ChargesBlock {
    /// Fees of third parties are kept from the payout too; the protocol has no member for them, they stand on the key
    /// facts statement.
    fn from(offer: &Offer) -> Self {
        let charges = &offer.charges;
        Self {
            bounce: Charge::fixed(charges.bounce),
            late_payment: Charge::rate(charges.late_payment_percent, "OUTSTANDING_PAYABLE_AMOUNT"),
            processing: Charge::fixed(charges.processing),
            prepayment: Charge::early(offer),
        }
    }
}

impl Terms {
    /// What was asked, before there is an offer.
    #[must_use]
    pub fn asked(requested: Paise, tenure: Option<Tenure>) -> Self {
        let requested_amount = requested.to_string();
        Self { requested_amount, currency: INR, tenure: tenure.map(TenureBlock::from), sanction: None }
    }

    /// What is offered or granted.
    #[must_use]
    pub fn of_offer(offer: &Offer, agreement_url: String) -> Self {
        // All that is repaid: the instalments, and what was kept from the payout of their interest.
        let repayable = offer.total.saturating_add(offer.schedule.upfront_interest);
        let sanction = Sanction {
            sanctioned_amount: offer.sanctioned.to_string(),
            interest_type: "FIXED",
            interest_rate: offer.annual_rate.to_string(),
            interest_amount: offer.interest.to_string(),
            total_amount: repayable.to_string(),
            legal_agreement: LegalAgreement { kind: "URL", data: agreement_url },
            charges: ChargesBlock::from(offer),
            extensible_data: CostOfCredit {
                annual_percentage_rate: percentage(offer.apr),
                net_disbursed_amount: offer.net_disbursed.to_string(),
                total_repayable_amount: repayable.to_string(),
                installment_amount: offer.instalment.to_string(),
                cooling_off_period: TenureBlock { duration: offer.cooling_off_days.to_string(), unit: "DAY" },
            },
        };
        Self { sanction: Some(sanction), ..Self::asked(offer.requested, Some(offer.tenure)) }
    }

    /// What was agreed, with the page of the agreement where it was prepared.
    #[must_use]
    pub fn of_deal(deal: &Deal, agreement_url: Option<&str>, borrower_url: &str) -> Self {
        let page =
            agreement_url.map_or_else(|| agreement_page(borrower_url, &deal.offer, deal.kfs.as_ref()), str::to_owned);
        Self::of_offer(&deal.offer, page)
    }
}

/// Where the borrower reads the agreement of an offer before its text was prepared: a draft.
#[must_use]
pub fn agreement_page(borrower_url: &str, offer: &Offer, kfs: Option<&IssuedKfs>) -> String {
    kfs.map_or_else(
        || format!("{}/agreement/{}", borrower_url.trim_end_matches('/'), offer.id),
        |kfs| kfs.agreement_url.clone(),
    )
}

/// A percentage with at least two decimals.
fn percentage(percent: Decimal) -> String {
    let mut percent = percent.normalize();
    if percent.scale() < 2 {
        percent.rescale(2);
    }
    percent.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::application::tests::priced_offer;

    fn early(part: &str, whole: &str) -> serde_json::Value {
        let mut offer = priced_offer();
        offer.servicing.prepayment_percent = part.parse().unwrap();
        offer.servicing.foreclosure_percent = whole.parse().unwrap();
        serde_json::to_value(ChargesBlock::from(&offer)).unwrap()
    }

    #[test]
    fn what_paying_early_costs_is_told_at_the_higher_rate_and_both_in_words() {
        for (part, whole, highest) in [("2", "4", "4.00"), ("3", "1.5", "3.00"), ("0", "4", "4.00")] {
            let told = &early(part, whole)["prepayment"];
            assert_eq!(told["chargeType"], "RATE_BASED", "{told}");
            let data = &told["data"];
            assert_eq!((&data["rate"], &data["applicableParameter"]), (&json!(highest), &json!("REPAYMENT_PRINCIPAL")));
            let words = data["description"].as_str().unwrap();
            let percent = |text: &str| format!("{}% ", percentage(text.parse().unwrap()));
            assert!(words.contains(&percent(part)) && words.contains(&percent(whole)), "{words}");
        }
    }

    #[test]
    fn what_costs_nothing_is_no_charge() {
        assert_eq!(early("0", "0").get("prepayment"), None);
    }
}

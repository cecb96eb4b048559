//! Which variants of an offer the built-in decision approves. The server prices them.

use rust_decimal::Decimal;

use crate::config::rules::OfferVariant;
use crate::domain::application::ask::Approval;
use crate::domain::maths::money::Paise;
use crate::domain::product::Product;

/// The configured variants of a product, best first and none twice; without any, the amount as asked.
pub(super) fn approvals(variants: &[OfferVariant], product: &Product, requested: Paise) -> Vec<Approval> {
    let mut approved: Vec<Approval> = Vec::new();
    let own = variants.iter().filter(|v| v.products.is_empty() || v.products.contains(&product.id));
    for variant in own {
        let Some(amount) = share(requested, variant.amount_percent) else {
            continue;
        };
        let approval = Approval {
            amount: amount.clamp(product.min_amount, product.max_amount).min(requested),
            installments: variant.installments,
            annual_rate: variant.annual_rate,
            valid_days: None,
        };
        if !approved.contains(&approval) {
            approved.push(approval);
        }
    }
    if approved.is_empty() {
        approved.push(Approval { amount: requested, installments: None, annual_rate: None, valid_days: None });
    }
    approved
}

/// A percentage of an amount, cut to whole rupees. The whole amount stays as it is, with its paise.
fn share(amount: Paise, percent: Decimal) -> Option<Paise> {
    if percent == Decimal::ONE_HUNDRED {
        return Some(amount);
    }
    let part = amount.to_rupees().checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?;
    Paise::from_rupees_exact(part.trunc())
}

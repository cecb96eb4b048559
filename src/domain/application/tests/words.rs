//! Answers, questions and effects in a few words, for the table that people review.

use super::support::Scene;
use crate::domain::application::answer::{Answer, Content};
use crate::domain::application::decision::{Effect, OrderFate, WebhookKind};
use crate::domain::ids::ExchangeId;
use crate::domain::loan::PayoutState;

/// What one exchange was told.
pub fn told(scene: &Scene, exchange: ExchangeId) -> String {
    match scene.reply(exchange) {
        Some(answer) => words(answer),
        None => "later".to_owned(),
    }
}

/// The refusal, then the status that the answer shows.
pub fn words(answer: &Answer) -> String {
    let shown = shown(&answer.content);
    match &answer.refusal {
        Some(refusal) => format!("{:?}: {shown}", refusal.reason),
        None => shown,
    }
}

fn shown(content: &Content) -> String {
    match content {
        Content::Application(c) => c.status.map_or_else(|| "not stored".to_owned(), |s| format!("{s:?}")),
        Content::Offers(c) => format!("{:?}, {} offers", c.status, c.offers.len()),
        Content::Consent(c) => format!("{:?}", c.status),
        Content::OfferSet { status, .. } => format!("{status:?}"),
        Content::Otp(c) => format!("{:?}", c.status),
        Content::Plans { plans } => {
            format!("{} plans {:?}", plans.len(), plans.iter().map(|p| p.status).collect::<Vec<_>>())
        }
        Content::Plan { plan } => {
            format!("{:?}{}", plan.status, if plan.payment_url.is_some() { " + page" } else { "" })
        }
        Content::Accounts { accounts } => format!("{} accounts", accounts.len()),
        Content::Account { account } => if account.active { "Active" } else { "Inactive" }.to_owned(),
        Content::Grant(c) => {
            let missing: Vec<&str> = c.actions.iter().map(|a| a.object.as_str()).collect();
            let missing = if missing.is_empty() { String::new() } else { format!(": {}", missing.join(" ")) };
            let loan = if c.loan_id.is_some() { " with loan" } else { "" };
            format!("{:?}{loan}{missing}", c.status)
        }
        Content::Disbursement(c) => c.status.map_or_else(|| "nothing".to_owned(), |s| format!("{s:?}")),
        Content::Repayment(c) => c.status.map_or_else(|| "nothing".to_owned(), |s| format!("{s:?}")),
        Content::Summary(c) => format!("{:?}", c.head.status),
        Content::Loan(c) => format!("{:?}", c.head.status),
        Content::Statement(c) => format!("{} rows", c.rows.len()),
        Content::Loans { loans } => format!("{} loans", loans.len()),
        Content::Dispute(c) => c.status.map_or_else(|| "nothing".to_owned(), |s| format!("{s:?}")),
        Content::Meta { .. } => "meta".to_owned(),
    }
}

/// What the last step did beyond stage and answer; questions are those that were not open before.
pub fn effects(scene: &Scene, before: &Scene) -> String {
    let mut words: Vec<String> = scene
        .asks
        .iter()
        .filter(|new| !before.asks.contains(new))
        .map(|new| format!("ask {}", new.ask.method()))
        .collect();
    let timers = scene.timers.iter().skip(before.timers.len());
    words.extend(timers.map(|new| {
        let name = format!("{:?}", new.timer);
        format!("timer {}", name.split(' ').next().unwrap_or_default())
    }));
    words.extend(scene.webhooks.iter().skip(before.webhooks.len()).map(|webhook| {
        let kind = match webhook.kind {
            WebhookKind::RepaymentPlanStatus(_) => "plan",
            WebhookKind::DisbursementStatus(_) => "payout",
            WebhookKind::RepaymentStatus(_) => "repayment status",
            WebhookKind::ConfirmRepayment(_) => "repayment",
        };
        format!("webhook {kind} {}", shown(&webhook.content))
    }));
    words.extend(scene.effects.iter().map(effect));
    words.join(", ")
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Reserve(_, amount) => format!("reserve {amount}"),
        Effect::Release(_) => "release".to_owned(),
        Effect::CreateLoan(_) => "create loan".to_owned(),
        Effect::SaveLoan(loan) => match loan.payouts.last().map(|payout| &payout.state) {
            Some(PayoutState::Open) => "payout open".to_owned(),
            Some(PayoutState::Paid { .. }) => "payout paid".to_owned(),
            Some(PayoutState::Failed { .. }) => "payout failed".to_owned(),
            None => "save loan".to_owned(),
        },
        Effect::Post(_, journal) => format!("post {}", journal.kind.name()),
        Effect::Record(_, fact) => format!("record {}", fact.value_date),
        Effect::SavePayment(payment) => format!("payment {}", payment.state.name()),
        Effect::Resplit(payment, _) => format!("resplit {payment}"),
        Effect::SaveDispute(dispute) => format!("dispute {}", dispute.status.name()),
        Effect::PublishDispute(..) => "publish dispute".to_owned(),
        Effect::Hasten(_) => "hasten".to_owned(),
        Effect::Order(OrderFate::Answered, _) => "close ask".to_owned(),
        Effect::Order(OrderFate::Withheld, _) => "withhold".to_owned(),
        Effect::Order(OrderFate::LetGo, _) => "let go".to_owned(),
        Effect::Order(OrderFate::InQuestion, _) => "in question".to_owned(),
        Effect::Order(OrderFate::GivenUp, _) => "give up".to_owned(),
        Effect::Reopen(..) => "reopen".to_owned(),
        Effect::Finish(..) => "finish".to_owned(),
        Effect::Publish(..) => "publish".to_owned(),
        Effect::ForgetData(_) => "forget data".to_owned(),
    }
}

/// Facets that a step changed, as `name before>after`.
pub fn facets(scene: &Scene, before: &Scene, name: &str) -> String {
    let names = |scene: &Scene| {
        let app = scene.app(name);
        let deal = app.stage.deal();
        [
            ("data", app.data_consent.name()),
            ("monitoring", app.monitoring_consent.name()),
            ("kyc", deal.map_or("-", |d| d.kyc.name())),
            ("agreement", deal.map_or("-", |d| d.agreement.name())),
            ("repayment", deal.map_or("-", |d| d.repayment.name())),
            ("account", deal.map_or("-", |d| d.account.name())),
        ]
    };
    let changed = names(before).into_iter().zip(names(scene)).filter(|(was, is)| was != is);
    let words: Vec<String> = changed.map(|((facet, was), (_, is))| format!("{facet} {was}>{is}")).collect();
    words.join(", ")
}

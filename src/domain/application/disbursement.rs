//! Disbursement set-up: plan and account (rows 44 to 47). Paying out is the loan's business.

use chrono::{DateTime, Duration, Utc};

use super::Application;
use super::answer::{AccountContent, Answer, Content, PlanContent, PlanStatus, RefusalReason};
use super::ask::{Ask, Outcome};
use super::command::ChosenAccount;
use super::decision::{Decision, Facts};
use super::facets::{Account, AccountSetup, AccountTarget, Deal, Generation};
use super::notice::{Notice, NoticeKind};
use super::stage::Stage;
use crate::domain::calendar::instant;
use crate::domain::ids::{AccountId, PlanId};
use crate::domain::loan::{Loan, Payout};
use crate::domain::rules;

/// Account kinds that are somebody else's pot, not the borrower's account (`lending.md` §1.4, DL 9).
const REFUSED_KINDS: [&str; 6] = ["WALLET", "PREPAID", "ESCROW", "NODAL", "POOL", "VIRTUAL"];

/// Row 44: plans of the accepted offer, the chosen one shown `ACTIVE`.
pub fn plans(app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let answer = match app.stage.deal() {
        Some(deal) => {
            let plans = deal.offer.disbursement_plans.iter().map(|p| plan_content(deal, &p.id)).collect();
            Answer::ok(Content::Plans { plans })
        }
        None => Answer::refused(RefusalReason::WrongState, no_offer(app), Content::Plans { plans: Vec::new() }),
    };
    d.answer(facts, answer);
}

/// Row 44: known accounts, the payout account shown `ACTIVE`.
pub fn accounts(app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let answer = match app.stage.deal() {
        Some(deal) => {
            let active = deal.account.active().map(|a| account_content(a, true));
            let candidate = match &deal.account {
                AccountSetup::Checking { candidate, .. } => Some(beside(candidate, deal.account.active())),
                AccountSetup::None | AccountSetup::Active { .. } => None,
            };
            Answer::ok(Content::Accounts { accounts: active.into_iter().chain(candidate).collect() })
        }
        None => Answer::refused(RefusalReason::WrongState, no_offer(app), Content::Accounts { accounts: Vec::new() }),
    };
    d.answer(facts, answer);
}

fn no_offer(app: &Application) -> String {
    format!("no offer is accepted, the application is {}", app.stage.name())
}

/// The LSP chooses a disbursement plan of the accepted offer (row 45).
pub fn set_plan(app: &mut Application, plan: &PlanId, facts: &Facts<'_>, d: &mut Decision) {
    let refused = |reason, detail: String, app: &Application| {
        let content = match app.stage.deal() {
            Some(deal) => plan_content(deal, plan),
            None => PlanContent {
                id: plan.clone(),
                plan: None,
                status: PlanStatus::Inactive,
                payment_url: None,
                schedule: None,
            },
        };
        Answer::refused(reason, detail, Content::Plan { plan: content })
    };
    if let Err(detail) = open_for_set_up(app, facts) {
        d.answer(facts, refused(RefusalReason::WrongState, detail, app));
        return;
    }
    let known = app.stage.deal().is_some_and(|deal| deal.offer.disbursement_plans.iter().any(|p| p.id == *plan));
    if !known {
        d.answer(facts, refused(RefusalReason::UnknownPlan, "the accepted offer has no such plan".to_owned(), app));
        return;
    }
    if let Some(deal) = app.stage.deal_mut() {
        deal.disbursement_plan = Some(plan.clone());
        let content = plan_content(deal, plan);
        d.answer(facts, Answer::ok(Content::Plan { plan: content }));
    }
    d.event(app, "disbursement plan chosen");
}

/// Rows 46 and 47: the account is asked about at the bank unless it is known, or may never be paid to.
pub fn set_account(app: &mut Application, chosen: &ChosenAccount, facts: &Facts<'_>, d: &mut Decision) {
    match chosen {
        ChosenAccount::Known(id) => set_known(app, id, facts, d),
        ChosenAccount::New(new) => {
            let account = new.or_under(|| id_of(app, &new.target, facts));
            set_new(app, &account, facts, d);
        }
    }
}

/// The id of an account that the LSP gave none. It keeps the one under which it is known here already; a new one does
/// not give its number away, and another application's is another one.
fn id_of(app: &Application, target: &AccountTarget, facts: &Facts<'_>) -> AccountId {
    let setup = app.stage.deal().map(|deal| &deal.account);
    let candidate = match setup {
        Some(AccountSetup::Checking { candidate, .. }) => Some(candidate),
        _ => None,
    };
    let mut known = setup.and_then(AccountSetup::active).into_iter().chain(candidate);
    match known.find(|account| account.target == *target) {
        Some(account) => account.id.clone(),
        None => facts.scribe.account_id(&app.id, target),
    }
}

fn set_known(app: &mut Application, id: &AccountId, facts: &Facts<'_>, d: &mut Decision) {
    let named = Content::Account { account: AccountContent { account: None, id: id.0.clone(), active: false } };
    if let Err(detail) = open_for_set_up(app, facts) {
        d.answer(facts, Answer::refused(RefusalReason::WrongState, detail, named));
        return;
    }
    match app.stage.deal().and_then(|deal| deal.account.active()).cloned() {
        Some(account) if account.id == *id => keep(app, account, facts, d),
        _ => d.answer(facts, Answer::refused(RefusalReason::AccountRefused, "no such account is known", named)),
    }
}

fn set_new(app: &mut Application, account: &Account, facts: &Facts<'_>, d: &mut Decision) {
    let active = app.stage.deal().and_then(|deal| deal.account.active()).cloned();
    let named = Content::Account { account: beside(account, active.as_ref()) };
    if let Err(detail) = open_for_set_up(app, facts) {
        d.answer(facts, Answer::refused(RefusalReason::WrongState, detail, named));
        return;
    }
    match (never_payable(account, facts), active) {
        (_, Some(current)) if *account == current => keep(app, current, facts, d),
        (Some(detail), _) => d.answer(facts, Answer::refused(RefusalReason::AccountRefused, detail, named)),
        (None, current) => verify(app, account, current, facts, d),
    }
}

/// The payout account is named again: it stays, and a check of another one does not count any more.
fn keep(app: &mut Application, account: Account, facts: &Facts<'_>, d: &mut Decision) {
    d.answer(facts, Answer::ok(Content::Account { account: account_content(&account, true) }));
    if let Some(deal) = app.stage.deal_mut() {
        deal.account = AccountSetup::Active { account, payable_from: deal.account.payable_from() };
    }
}

fn verify(app: &mut Application, account: &Account, current: Option<Account>, facts: &Facts<'_>, d: &mut Decision) {
    let generation = app.next_generation();
    if let Some(deal) = app.stage.deal_mut() {
        let payable_from = deal.account.payable_from();
        deal.account = AccountSetup::Checking { generation, candidate: account.clone(), current, payable_from };
    }
    d.event(app, "payout account is being verified");
    d.ask(Ask::VerifyAccount { account: account.clone() }, app, generation, facts);
}

/// What no bank need be asked about: a pot of somebody else's, or an LSP's own account.
fn never_payable(account: &Account, facts: &Facts<'_>) -> Option<String> {
    let refusal = |detail| Some(rules::DL_9_ACCOUNT.refusal(detail));
    let kind = account.kind.as_deref().unwrap_or_default().to_ascii_uppercase();
    if REFUSED_KINDS.iter().any(|refused| kind.contains(refused)) {
        return refusal("a loan is paid to the borrower's own bank account, not to a wallet, escrow or pool account");
    }
    let target = match &account.target {
        AccountTarget::Account { number, .. } => number,
        AccountTarget::Vpa { vpa } => vpa,
    };
    facts
        .lsp_accounts
        .iter()
        .any(|lsp| lsp.eq_ignore_ascii_case(target))
        .then(|| refusal("a loan is paid to the borrower's own bank account, not to an LSP's"))
        .flatten()
}

/// The bank's word on the holder. A stale word changes nothing.
pub fn verified(
    app: &mut Application,
    asked: (Generation, &Account),
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let (generation, account) = asked;
    let in_force = app.stage.deal().and_then(|deal| deal.account.active()).cloned();
    let refused = Content::Account { account: beside(account, in_force.as_ref()) };
    let (earlier, waits) = match app.stage.live_deal().map(|deal| &deal.account) {
        Some(AccountSetup::Checking { generation: asked, current, payable_from, .. }) if *asked == generation => {
            (current.clone(), *payable_from)
        }
        _ => {
            let detail = "replaced by a later account";
            d.answer(facts, Answer::refused(RefusalReason::AccountRefused, detail, refused));
            return;
        }
    };
    let back = |earlier: Option<Account>| match earlier {
        Some(account) => AccountSetup::Active { account, payable_from: waits },
        None => AccountSetup::None,
    };
    let (setup, answer) = match outcome {
        // A payout was reserved while the bank was asked: the account cannot change under it (design §5).
        Outcome::Done { .. } if let Err(detail) = open_for_set_up(app, facts) => {
            (back(earlier), Answer::refused(RefusalReason::WrongState, detail, refused))
        }
        Outcome::Done { .. } => {
            let payable_from = match earlier {
                Some(_) => changed(app, generation, facts, d),
                None => None,
            };
            (
                AccountSetup::Active { account: account.clone(), payable_from },
                Answer::ok(Content::Account { account: account_content(account, true) }),
            )
        }
        Outcome::Refused { detail, .. } => {
            (back(earlier), Answer::refused(RefusalReason::AccountRefused, detail.clone(), refused))
        }
        Outcome::Pending { .. } | Outcome::Unknown { .. } => {
            let detail = "the bank did not answer about the account";
            (back(earlier), Answer::refused(RefusalReason::SourceUnavailable, detail, refused))
        }
    };
    d.event(app, format!("payout account: {}", setup.name()));
    if let Some(deal) = app.stage.deal_mut() {
        deal.account = setup;
    }
    d.answer(facts, answer);
}

/// Another account takes the place of the one that stood when the agreement was signed, or after: it may be somebody's
/// who turns the money to himself (`lending.md` §6.2). The borrower is told on his own phone; gives from when on it is
/// paid to, where the product makes it wait.
fn changed(app: &Application, generation: Generation, facts: &Facts<'_>, d: &mut Decision) -> Option<DateTime<Utc>> {
    let loan_id = match &app.stage {
        Stage::Agreed { .. } => None,
        Stage::Granted { loan_id, .. } => Some(loan_id.clone()),
        _ => return None,
    };
    let hours = facts.product(app).map_or(0, |product| product.payout_cool_down_hours);
    let payable_from = (hours > 0).then(|| facts.now + Duration::hours(i64::from(hours)));
    let waits = payable_from.map(|from| format!(" No money goes there before {}.", instant(from))).unwrap_or_default();
    let notice = Notice {
        kind: NoticeKind::PayoutAccountChanged,
        loan_id,
        instalment: None,
        amount: None,
        key: format!("payout-account:{}:{generation}", app.id),
        text: format!(
            "The bank account that your loan is paid to was changed. If you did not ask for that, tell us at once.{waits}"
        ),
    };
    d.ask_aside(Ask::Notify(notice), app, app.generation);
    d.event(app, "the payout account was changed after the signature");
    payable_from
}

/// Set-up is open from the accepted offer until money is reserved for a payout.
fn open_for_set_up(app: &Application, facts: &Facts<'_>) -> Result<(), String> {
    match &app.stage {
        Stage::OfferAccepted { .. } | Stage::OtpSent { .. } | Stage::Agreed { .. } => Ok(()),
        Stage::Granted { .. } if facts.loan.is_some_and(Loan::is_over) => Err("the loan is over".to_owned()),
        Stage::Granted { .. } => match facts.loan.map(|loan| loan.payouts.as_slice()).unwrap_or_default() {
            // What became of it, and so whether another account is paid to, nobody knows yet.
            payouts if payouts.iter().any(Payout::is_contradicted) => {
                Err("the bank told two things of a payout: the lender looks what became of it".to_owned())
            }
            payouts if payouts.iter().all(Payout::has_failed) => Ok(()),
            _ => Err("a payout is under way or done".to_owned()),
        },
        stage => Err(format!("the application is {}", stage.name())),
    }
}

fn plan_content(deal: &Deal, id: &PlanId) -> PlanContent {
    let plan = deal.offer.disbursement_plans.iter().find(|p| p.id == *id).cloned();
    let chosen = plan.is_some() && deal.disbursement_plan.as_ref() == Some(id);
    let status = if chosen { PlanStatus::Active } else { PlanStatus::Inactive };
    PlanContent { id: id.clone(), plan, status, payment_url: None, schedule: None }
}

/// An account that is not in force. One that is like the account in force in its id alone, such as the same number under
/// another name, is shown under an id of its own: the other one is not inactive.
fn beside(account: &Account, in_force: Option<&Account>) -> AccountContent {
    let content = account_content(account, false);
    if in_force.is_none_or(|in_force| in_force.id != account.id || in_force == account) {
        return content;
    }
    let id = AccountId(format!("{}-NOT-SET", account.id));
    AccountContent { id: id.0.clone(), account: Some(Account { id, ..account.clone() }), ..content }
}

fn account_content(account: &Account, active: bool) -> AccountContent {
    AccountContent { account: Some(account.clone()), id: account.id.0.clone(), active }
}

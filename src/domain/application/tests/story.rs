//! How an application gets to each stage: every step one line, so that a test starts where it matters.

use chrono::Duration;

use super::findings::{
    account_verified, acknowledged, approve, consent_ready, decline, done, handle, kyc_done, mandate, needs_document,
    notified, pass, prepared,
};
use super::fixtures::{
    account, careful_product, consent, consent_status, generate, grant, pay_out, set_account, set_offer,
    set_repayment_plan, trigger_acceptance, verify,
};
use super::support::Scene;
use crate::domain::application::ask::Finding;
use crate::domain::application::facets::ConsentPurpose;
use crate::domain::application::stage::Stage;
use crate::domain::ids::{ExchangeId, LoanId, OfferId, PlanId};
use crate::domain::product::Product;

/// The application that most stories are about.
pub const ONE: &str = "LA-1";

impl Scene {
    /// Nothing filed yet, one product that demands everything.
    pub fn new() -> Self {
        Self::selling(careful_product())
    }

    /// One application at a stage, under a product that demands everything.
    pub fn at(stage: &str) -> Self {
        Self::under(careful_product(), stage)
    }

    /// One application at a stage.
    pub fn under(product: Product, stage: &str) -> Self {
        Self::several(product, &[ONE], stage)
    }

    /// Several applications of one request at the same stage.
    pub fn several(product: Product, names: &[&str], stage: &str) -> Self {
        let mut scene = Self::selling(product);
        scene.file(names);
        for step in path(stage) {
            step(&mut scene, names);
        }
        for name in names {
            assert_eq!(scene.stage(name), stage, "the story of {name}");
        }
        scene
    }

    /// Data consent, asked for and approved.
    pub fn give_data_consent(&mut self, names: &[&str]) {
        self.tell(&consent(names, Some(ConsentPurpose::Data)));
        self.answer("consent-create", &handle("H-DATA"));
        self.tell(&consent_status("H-DATA"));
        self.answer("consent-status", &consent_ready());
    }

    /// Everything that a grant needs beside the agreement.
    pub fn set_up(&mut self, name: &str) {
        self.tell(&set_account(name, account("A1")));
        self.answer("verify-account", &account_verified());
        let plan = self.repayment_plan(name);
        self.tell(&set_repayment_plan(name, &plan));
        if self.asked().contains(&"register-mandate") {
            self.answer("register-mandate", &mandate("M1"));
            self.answer("status", &done(Finding::MandateActive));
        }
        self.give_monitoring_consent(name);
        if self.asked().contains(&"start") {
            self.answer("start", &kyc_done());
        }
    }

    /// Asks for the loan; what the borrower gave before still stands.
    pub fn ask_for_grant(&mut self, name: &str) -> ExchangeId {
        let exchange = self.tell(&grant(name));
        while self.asked().contains(&"status") {
            self.answer("status", &done(Finding::MandateActive));
        }
        while self.asked().contains(&"consent-status") {
            self.answer("consent-status", &consent_ready());
        }
        exchange
    }

    /// Monitoring consent, asked for and approved.
    pub fn give_monitoring_consent(&mut self, name: &str) {
        let handle_of_name = format!("H-MON-{name}");
        self.tell(&consent(&[name], Some(ConsentPurpose::Monitoring)));
        self.answer("consent-create", &handle(&handle_of_name));
        self.tell(&consent_status(&handle_of_name));
        self.answer("consent-status", &consent_ready());
    }

    /// The agreement is prepared and its OTP sent.
    pub fn send_otp(&mut self, names: &[&str]) -> ExchangeId {
        let exchange = self.tell(&trigger_acceptance(names));
        self.answer("prepare", &prepared(&vec!["hash"; names.len()]));
        self.answer("send-otp", &acknowledged());
        exchange
    }

    pub fn session_key(&self, name: &str) -> String {
        match &self.app(name).stage {
            Stage::OtpSent { session, .. } => session.key.clone(),
            Stage::Agreed { acceptance, .. } => acceptance.session_key.clone(),
            Stage::Granted { deal, .. } => {
                let waiting = deal.restatement.as_ref().expect("terms that wait for the borrower");
                waiting.session.as_ref().expect("a session").key.clone()
            }
            stage => panic!("{name} is {}", stage.name()),
        }
    }

    pub fn loan_id(&self, name: &str) -> LoanId {
        match &self.app(name).stage {
            Stage::Granted { loan_id, .. } => loan_id.clone(),
            stage => panic!("{name} is {}", stage.name()),
        }
    }

    pub fn offer_id(&self, name: &str, number: usize) -> OfferId {
        self.offers(name)[number].id.clone()
    }

    /// The only repayment plan of the accepted offer.
    pub fn repayment_plan(&self, name: &str) -> PlanId {
        self.deal(name).offer.repayment_plans[0].id.clone()
    }

    /// Asks for the only tranche under a payment id.
    pub fn trigger_payment(&mut self, payment: &str) -> ExchangeId {
        let loan_id = self.loan_id(ONE);
        self.tell(&pay_out(&loan_id, payment))
    }
}

type Step = fn(&mut Scene, &[&str]);

/// The steps from filing to a stage.
fn path(stage: &str) -> Vec<Step> {
    let main: [(&str, Step); 9] = [
        ("RECEIVED", |_, _| ()),
        ("PROCESSING", check),
        ("UNDERWRITING", ask_for_offers),
        ("OFFERED", offer),
        ("OFFER_ACCEPTED", accept),
        ("OTP_SENT", send_otp),
        ("AGREED", sign),
        ("GRANTING", ask_for_grant),
        ("GRANTED", finish),
    ];
    let (last, extra): (&str, &[Step]) = match stage {
        "REJECTED" => ("UNDERWRITING", &[refuse]),
        "ACTION_REQUIRED" => ("RECEIVED", &[want_document]),
        "EXPIRED" => ("OFFERED", &[let_offers_lapse]),
        other => (other, &[]),
    };
    let end = main.iter().position(|(name, _)| *name == last).expect("a stage");
    main.iter().take(end + 1).map(|(_, step)| *step).chain(extra.iter().copied()).collect()
}

fn check(scene: &mut Scene, names: &[&str]) {
    for _ in names {
        scene.answer("eligibility", &pass());
    }
}

fn ask_for_offers(scene: &mut Scene, names: &[&str]) {
    if scene.products.0[0].needs_data_consent {
        scene.give_data_consent(names);
    }
    scene.tell(&generate(names));
}

fn offer(scene: &mut Scene, names: &[&str]) {
    for _ in names {
        scene.answer("fetch", &acknowledged());
        scene.answer("offers", &approve());
    }
}

fn accept(scene: &mut Scene, names: &[&str]) {
    for name in names {
        let best = scene.offer_id(name, 0);
        scene.tell(&set_offer(name, &best));
    }
}

fn send_otp(scene: &mut Scene, names: &[&str]) {
    scene.send_otp(names);
}

fn sign(scene: &mut Scene, names: &[&str]) {
    let key = scene.session_key(names[0]);
    scene.tell(&verify(&key));
    for _ in names {
        scene.answer("send", &notified("1"));
    }
}

fn ask_for_grant(scene: &mut Scene, names: &[&str]) {
    for name in names {
        scene.set_up(name);
        scene.ask_for_grant(name);
    }
}

fn finish(scene: &mut Scene, names: &[&str]) {
    for _ in names {
        scene.answer("final-check", &pass());
    }
}

fn refuse(scene: &mut Scene, names: &[&str]) {
    for _ in names {
        scene.answer("fetch", &acknowledged());
        scene.answer("offers", &decline());
    }
}

fn want_document(scene: &mut Scene, names: &[&str]) {
    for _ in names {
        scene.answer("eligibility", &needs_document());
    }
}

fn let_offers_lapse(scene: &mut Scene, _: &[&str]) {
    scene.wait(Duration::days(8));
}

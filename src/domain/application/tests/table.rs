//! The stage × event table as people review it: what every request, outcome and timer does in every stage.
//!
//! A row reads `event | stage | next stage | answer | facets and effects`. `.` is the same stage. A
//! variant of a stage (`OFFERED, lapsed`) has a row only where it differs from the plain stage.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::Duration;

use super::requests;
use super::story::ONE;
use super::support::Scene;
use super::table_events::{self, Event};
use super::table_stages::{plain, variants};
use super::words::{effects, facets, told};
use crate::domain::application::stage::STAGES;

/// What one event does in one stage: next stage, answer, the rest.
type Cell = [String; 3];

#[test]
fn every_request_in_every_stage() {
    let requests = requests::requests().into_iter();
    let requests: Vec<_> = requests.map(|(name, request)| (name.to_owned(), Event::Request(request))).collect();
    insta::assert_snapshot!(render(&requests));
}

#[test]
fn every_outcome_in_every_stage() {
    insta::assert_snapshot!(render(&table_events::outcomes()));
}

#[test]
fn every_timer_in_every_stage() {
    insta::assert_snapshot!(render(&table_events::timers()));
}

#[test]
fn the_first_request_of_all() {
    let mut text = String::new();
    for (name, form) in requests::first_forms() {
        let mut scene = Scene::new();
        let before = scene.clone();
        let filed = scene.tell(&form);
        let rest = effects(&scene, &before);
        let line = format!("{name:<38} | {:<9} | {:<42} | {rest}", scene.stage(ONE), told(&scene, filed));
        writeln!(text, "{}", line.trim_end()).expect("a string");
    }
    insta::assert_snapshot!(text);
}

fn render(events: &[(String, Event)]) -> String {
    let mut text = String::new();
    for (name, event) in events {
        let base: BTreeMap<&str, Cell> = STAGES.iter().map(|stage| (*stage, cell(plain(stage), event))).collect();
        let mut nothing = Vec::new();
        for stage in STAGES {
            if base[stage] == unchanged() {
                nothing.push(stage);
            } else {
                line(&mut text, name, stage, &base[stage]);
            }
            for (label, scene) in variants(stage) {
                let varied = cell(scene, event);
                if varied != base[stage] {
                    line(&mut text, name, &format!("{stage}, {label}"), &varied);
                }
            }
        }
        if !nothing.is_empty() {
            writeln!(text, "{name:<39} | nothing happens in {}", nothing.join(" ")).expect("a string");
        }
    }
    text
}

fn line(text: &mut String, event: &str, stage: &str, [next, answer, rest]: &Cell) {
    let line = format!("{event:<39} | {stage:<39} | {next:<15} | {answer:<55} | {rest}");
    writeln!(text, "{}", line.trim_end()).expect("a string");
}

fn unchanged() -> Cell {
    [".".to_owned(), String::new(), String::new()]
}

fn cell(mut scene: Scene, event: &Event) -> Cell {
    // Past the gap between two OTPs, within the life of their session.
    scene.now += Duration::minutes(1);
    let Some(before) = event.prepare(&mut scene) else {
        return [".".to_owned(), "unknown id: refused by the ack".to_owned(), String::new()];
    };
    let answer = event.happen(&mut scene).map(|exchange| told(&scene, exchange)).unwrap_or_default();
    let (was, is) = (before.stage(ONE), scene.stage(ONE));
    let next = if was == is { "." } else { is };
    let rest = [facets(&scene, &before, ONE), effects(&scene, &before)];
    let rest: Vec<String> = rest.into_iter().filter(|part| !part.is_empty()).collect();
    [next.to_owned(), answer, rest.join("; ")]
}

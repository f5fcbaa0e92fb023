//! What goes wrong: every model that the simulator knows, on every scale of time, several at once, and then some time of calm.

use std::time::Duration;

use evenkeel_config::{Check, Settings};
use evenkeel_probe::Target;
use toml::{Table, Value};

use super::settings::{Drawn, set, time};
use crate::case::Case;
use crate::draw::Draw;

const MODELS: [&str; 32] = [
    "crash",
    "crash",
    "crash",
    "hang",
    "hang",
    "slow",
    "leak",
    "leak",
    "flap",
    "flap",
    "network",
    "blind",
    "depends",
    "drift",
    "due",
    "fill",
    "agent-crash",
    "agent-crash",
    "agent-crash",
    "journal-full",
    "clock-step",
    "suspend",
    "starve",
    "reboot",
    "reboot",
    "hold",
    "hold",
    "release",
    "reset",
    "reset",
    "reload",
    "reload",
];

/// What is drawn of, and how long the run lasts.
struct Around<'a> {
    settings: &'a Settings,
    /// Milliseconds in which faults strike; what comes after it is calm.
    strikes_until: u64,
    lasts: u64,
}

pub(super) fn faults(
    draw: &mut Draw,
    settings: &Settings,
    drawn: &Drawn,
    lasts: Duration,
) -> (Table, Table) {
    let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    // Half of the runs end in calm, so that what is to close is seen to do so.
    let strikes_until = if draw.percent(50) { lasts / 3 } else { lasts };
    let around = Around { settings, strikes_until, lasts };
    let (mut faults, mut reloads) = (Table::new(), Table::new());
    for number in 0..draw.small(1, 12) {
        let model = *draw.one_of(&MODELS);
        let name = format!("f{number:02}-{model}");
        if let Some(fault) = fault(draw, model, &around) {
            // The same settings again, or others for the same host.
            if model == "reload" && draw.percent(70) {
                let other = drawn.changed(draw);
                if Case::load(&other).is_ok() {
                    reloads.insert(name.clone(), other.into());
                }
            }
            faults.insert(name, fault.into());
        }
    }
    let mut actions = Table::new();
    for number in 0..draw.small(0, 4) {
        actions.insert(format!("a{number}"), action(draw, settings).into());
    }
    let mut all = Table::new();
    set(&mut all, "usual", false);
    all.insert("parts".to_owned(), parts(settings).into());
    all.insert("fault".to_owned(), faults.into());
    all.insert("action".to_owned(), actions.into());
    if draw.percent(30) {
        all.insert("host".to_owned(), pace(draw).into());
    }
    (all, reloads)
}

/// What has parts has those that its settings name, or a few.
fn parts(settings: &Settings) -> Table {
    let mut all = Table::new();
    for check in settings.checks.iter().filter(|check| !check.target.part_fields().is_empty()) {
        let parts = parts_of(check).iter().map(|part| Value::from(*part));
        set(&mut all, &check.name, parts.collect::<Vec<_>>());
    }
    all
}

fn parts_of(check: &Check) -> &'static [&'static str] {
    const NAMES: [&str; 3] = ["one", "two", "three"];
    match &check.target {
        Target::Supervisor(target) if target.programs.iter().all(|glob| glob.as_str() != "*") => {
            &NAMES[..target.programs.len()]
        }
        _ => &NAMES,
    }
}

fn fault(draw: &mut Draw, model: &str, around: &Around<'_>) -> Option<Table> {
    let mut fault = Table::new();
    set(&mut fault, "kind", model);
    if model != "depends" {
        when(draw, &mut fault, around);
    }
    let settings = around.settings;
    match model {
        "crash" | "hang" | "network" | "blind" => strike(draw, &mut fault, around),
        "slow" => {
            strike(draw, &mut fault, around);
            span(draw, &mut fault, "latency", 20_000);
        }
        "leak" => {
            strike(draw, &mut fault, around);
            set(&mut fault, "from", 50e6);
            set(&mut fault, "per_hour", *draw.one_of(&[50e6, 500e6, 5e9]));
            set(&mut fault, "until", *draw.one_of(&[200e6, 400e6, 1e9]));
        }
        "flap" => {
            strike(draw, &mut fault, around);
            let most = *draw.one_of(&[2_000, 30_000, 300_000]);
            span(draw, &mut fault, "down", most);
            // Down and up at no time at all is no fault.
            let up = draw.between(1, most);
            set(&mut fault, "up", format!("{}..{}", time(1), time(up)));
        }
        "depends" => {
            set(&mut fault, "targets", named(draw, settings));
            set(&mut fault, "on", named(draw, settings));
        }
        "drift" | "due" => {
            let names: Vec<_> = match model {
                "drift" => settings.permissions.iter().map(|rule| rule.name.clone()).collect(),
                _ => settings.cleanup.iter().map(|rule| rule.name.clone()).collect(),
            };
            if names.is_empty() {
                return None;
            }
            set(&mut fault, "rules", values(draw.some_of(&names, 3)));
            set(&mut fault, "entries", draw.small(1, 60));
            if model == "drift" && draw.percent(30) {
                set(&mut fault, "fights", time(draw.between(1, 600) * 1_000));
            }
        }
        "fill" => {
            let disks: Vec<_> = settings
                .checks
                .iter()
                .filter(|check| check.target.kind() == "disk")
                .map(|check| check.name.clone())
                .collect();
            if disks.is_empty() {
                return None;
            }
            set(&mut fault, "checks", values(disks));
            set(&mut fault, "from", *draw.one_of(&[40.0, 79.0]));
            set(&mut fault, "per_hour", *draw.one_of(&[5.0, 100.0, 1_000.0]));
            let rules = settings.cleanup.iter().map(|rule| rule.name.clone()).collect();
            set(&mut fault, "cleaned_by", values(rules));
        }
        "agent-crash" => {
            let points = ["once", "once", "before-intent", "before-action", "in-action"];
            set(&mut fault, "when", *draw.one_of(&points));
            set(&mut fault, "action", *draw.one_of(&["either", "goes-on", "is-cut"]));
        }
        "journal-full" | "suspend" | "starve" => {
            let most = *draw.one_of(&[1_000, 15_000, 120_000, 3_600_000]);
            span(draw, &mut fault, "lasts", most);
        }
        "reboot" => {
            let most = *draw.one_of(&[1_000, 15_000, 120_000, 3_600_000]);
            span(draw, &mut fault, "lasts", most);
            if draw.percent(50) {
                set(&mut fault, "by", shift(draw));
            }
        }
        "clock-step" => set(&mut fault, "by", shift(draw)),
        "hold" => {
            set(&mut fault, "targets", targets(draw, settings));
            if draw.percent(80) {
                let most = *draw.one_of(&[1_000, 60_000, 3_600_000]);
                span(draw, &mut fault, "lasts", most);
            }
        }
        "release" | "reset" => set(&mut fault, "targets", targets(draw, settings)),
        "reload" => {}
        _ => return None,
    }
    Some(fault)
}

/// By how much a clock is set.
fn shift(draw: &mut Draw) -> String {
    let by = *draw.one_of(&[1_500, 3_000, 60_000, 3_600_000, 86_400_000]);
    let by = draw.between(by / 2, by);
    let sign = if draw.percent(50) { "-" } else { "" };
    format!("{sign}{by}ms")
}

fn when(draw: &mut Draw, fault: &mut Table, around: &Around<'_>) {
    let until = around.strikes_until;
    // What strikes at random goes on striking; fixed times can be left.
    if around.strikes_until == around.lasts && draw.percent(40) {
        set(fault, "every", time(around.lasts / draw.between(1, 12)));
        return;
    }
    let first = draw.between(0, until);
    let mut at = vec![first];
    // Again and again, and now and then right after one another.
    let step = *draw.one_of(&[1, 500, 5_000, 61_000, 600_000]);
    for number in 1..draw.small(1, 8) {
        at.push((first + number * draw.between(step / 2, step)).min(until));
    }
    let at = at.into_iter().map(|at| Value::from(time(at)));
    set(fault, "at", at.collect::<Vec<_>>());
}

fn strike(draw: &mut Draw, fault: &mut Table, around: &Around<'_>) {
    set(fault, "targets", targets(draw, around.settings));
    set(fault, "together", draw.percent(50));
    let calm = around.strikes_until < around.lasts;
    // Without an end it lasts until an action ends it.
    if draw.percent(if calm { 75 } else { 50 }) {
        let most = *draw.one_of(&[2_000, 30_000, 300_000, 3_600_000]);
        span(draw, fault, "lasts", most);
    }
    if draw.percent(15) {
        let cures = *draw.one_of(&["exec", "systemd.restart", "supervisor.restart-program"]);
        set(fault, "cured_by", values(vec![cures.to_owned()]));
    }
}

/// Whom: recoveries, checks, parts, or everybody.
fn targets(draw: &mut Draw, settings: &Settings) -> Vec<Value> {
    if draw.percent(15) {
        return vec![Value::from("*")];
    }
    named(draw, settings)
}

/// Some of the names, one by one.
fn named(draw: &mut Draw, settings: &Settings) -> Vec<Value> {
    let mut names: Vec<_> = settings.recoveries.iter().map(|one| one.name.clone()).collect();
    names.extend(settings.checks.iter().map(|check| check.name.clone()));
    for check in &settings.checks {
        if !check.target.part_fields().is_empty() {
            names.extend(parts_of(check).iter().map(|part| format!("{}/{part}", check.name)));
        }
    }
    values(draw.some_of(&names, 4))
}

fn action(draw: &mut Draw, settings: &Settings) -> Table {
    let mut action = Table::new();
    if draw.percent(50) {
        let names: Vec<_> = settings.recoveries.iter().map(|one| one.name.clone()).collect();
        set(&mut action, "targets", values(draw.some_of(&names, 3)));
    }
    let most = *draw.one_of(&[1, 2_000, 30_000, 120_000]);
    span(draw, &mut action, "takes", most);
    // Now and then a lie: it ends well and has healed nothing.
    set(&mut action, "heals", *draw.one_of(&[0.0, 0.5, 1.0]));
    set(&mut action, "heals_from_step", draw.small(1, 3));
    for key in ["fails", "impossible", "hangs"] {
        set(&mut action, key, *draw.one_of(&[0.0, 0.0, 0.1, 0.5]));
    }
    action
}

fn pace(draw: &mut Draw) -> Table {
    let mut pace = Table::new();
    span(draw, &mut pace, "answer", 200);
    set(&mut pace, "write", *draw.one_of(&["0s", "1ms", "20ms", "500ms"]));
    span(draw, &mut pace, "restart", 5_000);
    pace
}

fn span(draw: &mut Draw, table: &mut Table, key: &str, most: u64) {
    let least = draw.between(0, most);
    let most = draw.between(least, most);
    set(table, key, format!("{}..{}", time(least), time(most)));
}

fn values(names: Vec<String>) -> Vec<Value> {
    names.into_iter().map(Value::from).collect()
}

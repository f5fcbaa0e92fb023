//! Recoveries: ladders, delays, budgets and proofs.

use toml::{Table, Value};

use super::settings::{Checked, set, time};
use crate::draw::Draw;

pub(super) fn recoveries(
    draw: &mut Draw,
    checks: &[Checked],
    rules: &(Vec<String>, Vec<String>),
) -> Table {
    let mut recoveries = Table::new();
    let names: Vec<_> = checks.iter().map(|check| check.name.clone()).collect();
    let most = u64::try_from(checks.len()).expect("few");
    for number in 0..draw.between(1.max(most / 2), most) {
        // One recovery for each check, and now and then one that listens to several.
        let mut when = vec![names[usize::try_from(number).expect("few")].clone()];
        if draw.percent(25) {
            when.extend(draw.some_of(&names, 2));
            when.sort();
            when.dedup();
        }
        let listens: Vec<_> = checks.iter().filter(|check| when.contains(&check.name)).collect();
        recoveries.insert(format!("r{number}"), recovery(draw, &listens, rules).into());
    }
    recoveries
}

fn recovery(draw: &mut Draw, checks: &[&Checked], rules: &(Vec<String>, Vec<String>)) -> Table {
    let mut recovery = Table::new();
    let when: Vec<_> = checks.iter().map(|check| Value::from(check.name.clone())).collect();
    set(&mut recovery, "when", when);
    let steps: Vec<_> =
        (0..draw.small(1, 3)).map(|_| Value::from(step(draw, checks, rules))).collect();
    set(&mut recovery, "steps", steps);
    set(&mut recovery, "max_retries", draw.small(0, 3));
    let mut backoff = Table::new();
    let initial = *draw.one_of(&[100, 1_000, 5_000, 10_000]);
    set(&mut backoff, "initial", time(initial));
    set(&mut backoff, "multiplier", draw.between(1, 3));
    set(&mut backoff, "max", time(initial * draw.between(1, 10)));
    set(&mut backoff, "jitter", *draw.one_of(&[0.0, 0.1, 0.5]));
    set(&mut recovery, "backoff", backoff);
    let mut budget = Table::new();
    set(&mut budget, "per_target", rate(draw, 3));
    for (key, most) in [("per_group", 5), ("per_host", 8)] {
        if draw.percent(50) {
            set(&mut budget, key, rate(draw, most));
        }
    }
    set(&mut recovery, "budget", budget);
    let proof = checks.iter().map(|check| {
        let pause = (check.interval / 10).clamp(100, 5_000);
        (pause + check.timeout) * check.success_threshold
    });
    let proof = proof.max().unwrap_or(1_000);
    // Just long enough, half of the time.
    let spare = if draw.percent(50) { 0 } else { draw.between(1, 60) * 1_000 };
    set(&mut recovery, "verify_timeout", time(proof + spare));
    set(&mut recovery, "stable_for", *draw.one_of(&["1s", "10s", "1m", "10m"]));
    set(&mut recovery, "slow_retry", *draw.one_of(&["never", "1m", "10m", "1h", "1h"]));
    if draw.percent(30) {
        set(&mut recovery, "group", *draw.one_of(&["workers", "front"]));
    }
    if draw.percent(30) {
        set(&mut recovery, "quiet", quiet(draw));
    }
    recovery
}

/// A window, or one in each quarter of an hour: a run is seldom long enough to come to one of few.
fn quiet(draw: &mut Draw) -> Vec<Value> {
    let windows = ["02:00-03:00", "mon..fri 01:00-05:00", "23:30-00:30"];
    if draw.percent(30) {
        return vec![Value::from(*draw.one_of(&windows))];
    }
    let quarters = (0..24).flat_map(|hour| [10, 25, 40, 55].map(|minute| (hour, minute)));
    let window =
        |(hour, minute)| Value::from(format!("{hour:02}:{minute}-{hour:02}:{}", minute + 1));
    quarters.map(window).collect()
}

fn rate(draw: &mut Draw, most: u64) -> String {
    let count = draw.small(1, most);
    let windows = ["1m", "5m", "10m", "1h", "1h", "6h"];
    format!("{count}/{}", draw.one_of(&windows))
}

fn step(draw: &mut Draw, checks: &[&Checked], rules: &(Vec<String>, Vec<String>)) -> Table {
    let mut step = Table::new();
    let of_kind = |kind: &str| checks.iter().filter(|check| check.kind == kind).collect::<Vec<_>>();
    let mut possible = vec!["exec", "exec", "notify"];
    if of_kind("supervisor").len() == 1 {
        possible.extend(["supervisor.restart-program"; 4]);
        possible.extend(["supervisor.signal"; 1]);
    }
    if !of_kind("systemd").is_empty() {
        possible.extend(["systemd.restart", "systemd.restart", "systemd.start"]);
    }
    if of_kind("tmux").len() == 1 {
        possible.extend(["tmux.respawn-pane", "tmux.recreate-socket"]);
    }
    if !of_kind("process").is_empty() {
        possible.push("signal");
    }
    let (permissions, cleanups) = rules;
    if !permissions.is_empty() && draw.percent(30) {
        possible.push("permissions.repair");
    }
    if !cleanups.is_empty() && draw.percent(60) {
        possible.push("cleanup.run");
    }
    let action = *draw.one_of(&possible);
    set(&mut step, "action", action);
    match action {
        "exec" => set(&mut step, "command", vec![Value::from("mend")]),
        // The first of those that it may have, whoever it is that is down.
        "supervisor.restart-program" if draw.percent(60) => set(&mut step, "program", "one"),
        "supervisor.signal" | "signal" => set(&mut step, "signal", *draw.one_of(&["HUP", "TERM"])),
        "systemd.restart" | "systemd.start" => {
            set(&mut step, "unit", of_kind("systemd")[0].object.clone());
        }
        "permissions.repair" => set(&mut step, "rule", permissions[0].clone()),
        "cleanup.run" => set(&mut step, "rule", cleanups[0].clone()),
        _ => {}
    }
    if draw.percent(40) {
        set(&mut step, "timeout", *draw.one_of(&["1s", "5s", "30s", "5m"]));
    }
    step
}

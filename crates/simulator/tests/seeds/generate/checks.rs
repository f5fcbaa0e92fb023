//! Checks of every kind.

use toml::{Table, Value};

use super::settings::{Checked, set, time};
use crate::draw::Draw;

const KINDS: [&str; 13] = [
    "http",
    "http",
    "tcp",
    "unix",
    "dns",
    "exec",
    "process",
    "process",
    "supervisor",
    "supervisor",
    "systemd",
    "tmux",
    "disk",
];

/// One more check; it depends on none but those before it.
pub(super) fn check(draw: &mut Draw, number: u64, before: &mut Vec<Checked>) -> Table {
    let kind = *draw.one_of(&KINDS);
    let mut check = Table::new();
    let object = format!("app{number}");
    set(&mut check, kind, target(draw, kind, &object, number));
    let interval = *draw.one_of(&[1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 60_000]);
    let retries = if draw.percent(50) { 0 } else { draw.between(1, 3) };
    let retry_delay = *draw.one_of(&[0, 100, 200]);
    let longest = (interval - retries * retry_delay) / (1 + retries);
    // Up to the longest that is accepted: a run may take all of its interval.
    let timeout = (longest / draw.between(1, 4)).max(50);
    set(&mut check, "interval", time(interval));
    set(&mut check, "timeout", time(timeout));
    set(&mut check, "retries", retries);
    set(&mut check, "retry_delay", time(retry_delay));
    let failures = draw.small(1, 4);
    let mut threshold = Table::new();
    set(&mut threshold, "failures", failures);
    set(&mut threshold, "within", failures + draw.small(0, 3));
    set(&mut check, "failure_threshold", threshold);
    let success_threshold = draw.small(1, 4);
    set(&mut check, "success_threshold", success_threshold);
    if draw.percent(20) {
        set(&mut check, "initial_delay", *draw.one_of(&["1s", "10s", "1m"]));
    }
    if draw.percent(35) {
        set(&mut check, "startup_grace", *draw.one_of(&["1s", "10s", "1m"]));
    }
    flap(draw, &mut check);
    if draw.percent(45) {
        set(&mut check, "breaker", breaker(draw, interval));
    }
    if !before.is_empty() && draw.percent(25) {
        let names: Vec<_> = before.iter().map(|check| check.name.clone()).collect();
        let some = draw.some_of(&names, 2);
        set(&mut check, "depends_on", some.into_iter().map(Value::from).collect::<Vec<_>>());
    }
    conditions(draw, kind, interval, &mut check);
    if draw.percent(12) {
        set(&mut check, "maintenance", windows(draw));
    }
    before.push(Checked {
        name: format!("c{number}"),
        kind,
        interval,
        timeout,
        success_threshold,
        object,
    });
    check
}

fn target(draw: &mut Draw, kind: &str, object: &str, number: u64) -> Table {
    let mut target = Table::new();
    match kind {
        "http" => set(&mut target, "url", format!("http://127.0.0.1:{}/", 8_000 + number)),
        "tcp" => set(&mut target, "address", format!("127.0.0.1:{}", 9_000 + number)),
        "unix" => set(&mut target, "path", format!("/run/{object}.sock")),
        "dns" => set(&mut target, "name", "localhost"),
        "exec" => set(&mut target, "command", vec![Value::from("true")]),
        "process" => set(&mut target, "name", object),
        "supervisor" => {
            set(&mut target, "url", format!("unix:///run/supervisor-{number}.sock"));
            let names = ["one", "two", "three"];
            let programs = match draw.between(0, 3) {
                0 => vec!["*"],
                most => names[..usize::try_from(most).expect("small")].to_vec(),
            };
            let programs = programs.into_iter().map(Value::from).collect::<Vec<_>>();
            set(&mut target, "programs", programs);
        }
        "systemd" => set(&mut target, "unit", object),
        "tmux" => set(&mut target, "socket_path", format!("/run/tmux-{number}.sock")),
        _ => set(&mut target, "path", format!("/srv/disk-{number}")),
    }
    target
}

/// Times of the day, of which most are soon after midnight, when every run begins.
fn windows(draw: &mut Draw) -> Vec<Value> {
    let time = |minute: u64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    let windows = (0..draw.between(1, 3)).map(|_| {
        let latest = *draw.one_of(&[2, 10, 60, 60, 300, 1_439]);
        let from = draw.between(0, latest);
        let to = from + *draw.one_of(&[1, 2, 10, 60, 400]);
        Value::from(format!("{}-{}", time(from), time(to)))
    });
    windows.collect()
}

fn flap(draw: &mut Draw, check: &mut Table) {
    match draw.between(0, 3) {
        0 => set(check, "flap", "off"),
        1 => {
            let mut flap = Table::new();
            set(&mut flap, "low", *draw.one_of(&["5%", "20%"]));
            set(&mut flap, "high", *draw.one_of(&["20%", "30%", "50%"]));
            set(&mut flap, "hold", *draw.one_of(&["10s", "1m", "10m"]));
            set(check, "flap", flap);
        }
        _ => {}
    }
}

fn breaker(draw: &mut Draw, interval: u64) -> Table {
    let mut breaker = Table::new();
    let volume = draw.small(1, 6);
    set(&mut breaker, "error_threshold", *draw.one_of(&[1, 34, 50, 100]));
    set(&mut breaker, "request_volume_threshold", volume);
    let reset = *draw.one_of(&[500, 1_000, 5_000, 30_000]);
    set(&mut breaker, "reset_timeout", time(reset));
    if draw.percent(60) {
        set(&mut breaker, "reset_multiplier", draw.between(1, 3));
        set(&mut breaker, "reset_max", time(reset * draw.between(1, 8)));
    }
    if draw.percent(40) {
        set(&mut breaker, "half_open_max_calls", draw.between(1, 3));
        set(&mut breaker, "half_open_successes", draw.small(1, 4));
    }
    if draw.percent(30) {
        // Shorter than a look may take: then trials are lost.
        set(&mut breaker, "trial_lease", *draw.one_of(&["100ms", "1s", "10s"]));
    }
    if draw.percent(40) {
        let mut window = Table::new();
        if draw.percent(50) {
            set(&mut window, "size", volume + draw.small(0, 10));
        } else {
            set(&mut window, "length", time(interval * (volume + draw.between(0, 5))));
            set(&mut window, "buckets", draw.between(1, 10));
        }
        set(&mut breaker, "window", window);
    }
    if draw.percent(30) {
        let mut slow = Table::new();
        set(&mut slow, "threshold", *draw.one_of(&["5ms", "50ms", "500ms"]));
        set(&mut slow, "rate", *draw.one_of(&[1, 50, 100]));
        set(&mut breaker, "slow_call", slow);
    }
    breaker
}

fn conditions(draw: &mut Draw, kind: &str, interval: u64, check: &mut Table) {
    let mut condition = Table::new();
    match kind {
        "disk" => {
            set(&mut condition, "field", "used_percent");
            set(&mut condition, "above", *draw.one_of(&[80, 90, 95]));
        }
        "process" | "supervisor" if draw.percent(70) => {
            set(&mut condition, "field", "rss_bytes");
            if draw.percent(35) {
                set(&mut condition, "above", "300MB");
            } else {
                set(&mut condition, "reaches", "300MB");
                set(&mut condition, "within", time(interval * draw.between(24, 60)));
            }
        }
        _ => return,
    }
    if condition.contains_key("above") && draw.percent(40) {
        set(&mut condition, "for", *draw.one_of(&["1s", "30s", "5m"]));
    }
    let key = if draw.percent(80) { "conditions" } else { "degraded" };
    set(check, key, vec![Value::from(condition)]);
}

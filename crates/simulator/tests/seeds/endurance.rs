//! A month under fire: an engine holds as much at its end as in its first days.

use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_moment::Moment;
use evenkeel_simulator::{Event, Faults, Observer, Scenario, View, run};
use jiff::Timestamp;

const DAY: Duration = Duration::from_hours(24);

const SETTINGS: &str = r#"
[check.web]
http = { url = "http://127.0.0.1:8080/" }
interval = "1m"
breaker = { error_threshold = 50, request_volume_threshold = 5 }

[check.workers]
supervisor = { url = "unix:///run/supervisor.sock", programs = ["*"] }
conditions = [{ field = "rss_bytes", reaches = "300MB", within = "1h" }]
interval = "1m"

[recovery.web]
when = ["web"]
steps = [{ action = "exec", command = ["mend"] }]

[recovery.workers]
when = ["workers"]
steps = [{ action = "supervisor.restart-program" }]

[slo.all]
checks = ["web", "workers"]
"#;

const FAULTS: &str = r#"
[fault.crash]
kind = "crash"
every = "3h"

[fault.flap]
kind = "flap"
every = "1d"
targets = ["web"]
lasts = "10m..2h"

[fault.leak]
kind = "leak"
every = "12h"
targets = ["workers/program-1"]
per_hour = "100MB"
until = "500MB"

[fault.killed]
kind = "agent-crash"
every = "2d"

[fault.hold]
kind = "hold"
every = "1d"
targets = ["web"]
lasts = "1h"
"#;

/// How much an engine holds, day by day: the length of its debug text grows with everything in it.
#[derive(Default)]
struct Held {
    days: Vec<usize>,
}

impl Observer for Held {
    fn saw(&mut self, now: Moment, _: Timestamp, _: &Event<'_>, host: &View<'_>) {
        let day = now.saturating_since(Moment::ORIGIN).as_secs() / DAY.as_secs();
        if let Some(engine) = host.engine()
            && day > self.days.len() as u64
        {
            self.days.push(format!("{engine:?}").len());
        }
    }
}

#[test]
fn an_engine_holds_no_more_after_a_month_than_in_its_first_days() {
    let settings = load_text("settings.toml", SETTINGS).expect("valid settings");
    let faults = Faults::parse("faults.toml", FAULTS, &settings).expect("valid faults");
    let began = "2026-03-01T00:00:00Z".parse().expect("a time of day");
    let scenario = Scenario { settings, faults, lasts: DAY * 31, seed: 7, began };
    let mut held = Held::default();
    let summary = run(&scenario, &mut [&mut held]);
    assert!(summary.totals.actions > 100 && summary.host.agent_crashes > 5, "{:?}", summary.totals);
    let most = |days: std::ops::Range<usize>| held.days[days].iter().max().copied();
    let (early, late) = (most(3..10).expect("days"), most(23..30).expect("days"));
    assert!(late * 4 <= early * 5, "{early} and then {late}: {:?}", held.days);
}

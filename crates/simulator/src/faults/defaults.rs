//! What goes wrong on a host of which nothing else is said.

use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_probe::Test;
use jiff::SignedDuration;

use super::{
    AgentCrash, Drift, Due, Fault, Faults, Fill, Flap, Leak, Reboot, Span, Strike, What, When,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Faults {
    /// What goes wrong with everything now and then: each target crashes about once a week, hangs and is slow about once in two;
    /// what has a limit on its memory leaks towards it; files drift and become due; now and then the network is gone, the agent
    /// is killed, its disk is full, the clock is set, the host sleeps or boots anew.
    pub fn usual(settings: &Settings) -> Self {
        let mut faults = Self::none();
        let mut add = |name: &str, every: Duration, what: What| {
            faults.faults.insert(name.to_owned(), Fault { when: When::every(every), what });
        };
        let all = || Strike::on(["*"]);
        let minutes = |least, most| Span::between(least * MINUTE, most * MINUTE);
        add("crash", 7 * DAY, What::Crash(all()));
        add("blip", 3 * DAY, What::Crash(all().lasting(Span::between(MINUTE / 12, MINUTE))));
        add("hang", 14 * DAY, What::Hang(all()));
        let slow = Span::between(Duration::from_millis(200), Duration::from_secs(20));
        add("slow", 14 * DAY, What::Slow(all().lasting(minutes(1, 10)), slow));
        let flap = Flap { down: Span::between(MINUTE / 3, 2 * MINUTE), up: minutes(1, 3) };
        add("flap", 60 * DAY, What::Flap(all().lasting(minutes(20, 60)), flap));
        add("network", 10 * DAY, What::Network(all().together().lasting(minutes(1, 10))));
        add("blind", 30 * DAY, What::Blind(all().lasting(minutes(1, 10))));
        for (name, strike, leak) in leaks(settings) {
            add(&name, 10 * DAY, What::Leak(strike, leak));
        }
        for (name, fill) in fills(settings) {
            add(&name, 2 * DAY, What::Fill(fill));
        }
        let rules = || vec!["*".to_owned()];
        add("drift", 6 * HOUR, What::Drift(Drift { rules: rules(), entries: 1, fights: None }));
        let fights = Some(10 * MINUTE);
        add("fight", 15 * DAY, What::Drift(Drift { rules: rules(), entries: 1, fights }));
        add("due", HOUR, What::Due(Due { rules: rules(), entries: 10, bytes: 1_000_000 }));
        let killed = AgentCrash { when: super::CrashAt::Once, action: super::Orphan::Either };
        add("agent-crash", 10 * DAY, What::AgentCrash(killed));
        add("journal-full", 30 * DAY, What::JournalFull(minutes(5, 60)));
        add("clock-back", 30 * DAY, What::ClockStep(SignedDuration::from_mins(-10)));
        add("clock-ahead", 30 * DAY, What::ClockStep(SignedDuration::from_mins(10)));
        add("suspend", 30 * DAY, What::Suspend(minutes(10, 480)));
        add("starve", 10 * DAY, What::Starve(Span::between(MINUTE / 6, 2 * MINUTE)));
        let reboot = Reboot { lasts: minutes(1, 3), clock: SignedDuration::ZERO };
        add("reboot", 30 * DAY, What::Reboot(reboot));
        faults
    }
}

/// Leaks towards the limits that conditions set: from a quarter of the limit to twice of it, within two days.
fn leaks(settings: &Settings) -> Vec<(String, Strike, Leak)> {
    let mut leaks: Vec<(String, Strike, Leak)> = Vec::new();
    for check in &settings.checks {
        for condition in check.conditions.iter().chain(&check.part_conditions) {
            let (field, limit) = match (&condition.field, &condition.test) {
                (
                    field,
                    Test::Above(limit)
                    | Test::AtLeast(limit)
                    | Test::Reaches { limit, falling: false, .. },
                ) => (field, *limit),
                _ => continue,
            };
            let is_memory = field.ends_with("rss_bytes") || field == "memory_bytes";
            let name = format!("leak of {}", check.name);
            if !is_memory || leaks.iter().any(|(known, ..)| *known == name) {
                continue;
            }
            // Of parts, each by itself.
            let parts = crate::world::parts(check, None);
            let names: Vec<_> = if check.part_conditions.contains(condition) {
                parts.iter().map(|part| format!("{}/{part}", check.name)).collect()
            } else {
                vec![check.name.clone()]
            };
            let (from, until) = (limit / 4.0, limit * 2.0);
            let leak = Leak { field: field.clone(), from, per_hour: (until - from) / 48.0, until };
            leaks.push((name, Strike::on(names), leak));
        }
    }
    leaks
}

/// Disks that fill towards the limits that checks of them have, until a cleanup rule or step takes something away.
fn fills(settings: &Settings) -> Vec<(String, Fill)> {
    let disks = settings.checks.iter().filter(|check| {
        check.target.kind() == "disk"
            && check.conditions.iter().any(|condition| condition.field == "used_percent")
    });
    let cleaned_by: Vec<_> = settings.cleanup.iter().map(|rule| rule.name.clone()).collect();
    disks
        .map(|check| {
            let checks = vec![check.name.clone()];
            let cleaned_by = cleaned_by.clone();
            let fill = Fill { checks, from: 50.0, per_hour: 1.0, cleaned_by };
            (format!("fill of {}", check.name), fill)
        })
        .collect()
}

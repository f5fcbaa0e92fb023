use std::time::Duration;

use super::*;
use crate::{ActionModel, Fault, Faults, Leak, Span, Strike, What, When, run};

const SETTINGS: &str = r#"
[check.web]
http = { url = "http://[::1]/" }
interval = "30s"

[check.alone]
tcp = { address = "[::1]:80" }
interval = "30s"

[recovery.web]
when = ["web"]
steps = [{ action = "exec", command = ["/bin/true"] }]
stable_for = "2m"
budget = { per_target = "3/1h", per_host = "10/1h" }

[slo.site]
checks = ["web"]
objective = 0.99
window = "1d"
"#;

fn faults(faults: impl IntoIterator<Item = (&'static str, When, What)>) -> Faults {
    let mut all = Faults::none();
    for (name, when, what) in faults {
        all.faults.insert(name.to_owned(), Fault { when, what });
    }
    all
}

fn chronicled(of: impl IntoIterator<Item = (&'static str, When, What)>) -> Chronicled {
    chronicled_with(SETTINGS, faults(of))
}

fn chronicled_with(settings: &str, faults: Faults) -> Chronicled {
    let settings = evenkeel_config::load_text("test.toml", settings).expect("settings");
    let scenario = Scenario {
        settings: settings.clone(),
        faults,
        lasts: Duration::from_hours(24),
        seed: 1,
        began: "2026-01-05T00:00:00Z".parse().expect("a time"),
    };
    let mut chronicle = Chronicle::new(&scenario);
    run(&scenario, &mut [&mut chronicle]);
    chronicle.finish(&settings)
}

fn hours(hours: u64) -> When {
    When::at([Duration::from_hours(hours)])
}

#[test]
fn an_outage_is_told_from_its_begin_to_the_action_that_ended_it() {
    let told = chronicled([("crash", hours(3), What::Crash(Strike::on(["web"])))]);
    let lane = &told.targets["web"];
    let [outage] = lane.outages.as_slice() else { panic!("{lane:?}") };
    let [done] = lane.actions.as_slice() else { panic!("{lane:?}") };
    assert_eq!(outage.from.to_string(), "2026-01-05T03:00:00Z");
    assert!(outage.healed && outage.until > Some(done.at), "{lane:?}");
    let found = outage.found_after_ms.expect("it was found");
    assert!((1_000..91_000).contains(&found), "{found} ms");
    assert_eq!(
        (done.action.as_str(), done.outcome, done.needless),
        ("exec", Some("recovered"), false)
    );
    // What was so and what was seen differ by no more than it took to find, and to see it healed.
    let bad = lane.seen.iter().find(|stretch| stretch.look == Look::Bad).expect("it was seen");
    assert!(bad.from.duration_since(outage.from).unsigned_abs() <= Duration::from_secs(31));
    assert_eq!(
        (told.budgets[0].scope, told.budgets[0].used, told.budgets[0].limit),
        ("target", 1, 3)
    );
    let site = &told.objectives[0];
    assert!(site.used_seconds > 0.0 && site.budget_remaining < 1.0, "{site:?}");
}

#[test]
fn what_no_recovery_listens_to_is_a_target_of_its_own_and_ends_by_itself() {
    let lasting = Strike::on(["alone"]).lasting(Span::of(Duration::from_mins(20)));
    let told = chronicled([("crash", hours(5), What::Crash(lasting))]);
    let lane = &told.targets["alone"];
    assert!(lane.actions.is_empty() && !lane.outages[0].healed, "{lane:?}");
    let lasted = lane.outages[0].until.expect("it ended").duration_since(lane.outages[0].from);
    assert_eq!(lasted.as_secs(), 1_200);
    assert!(told.targets["web"].outages.is_empty());
}

#[test]
fn what_is_down_at_the_end_has_no_end() {
    let never = Strike { cured_by: Some(Vec::new()), ..Strike::on(["web"]) };
    let told = chronicled([("crash", hours(23), What::Crash(never))]);
    let lane = &told.targets["web"];
    assert!(lane.outages.last().is_some_and(|outage| outage.until.is_none()), "{lane:?}");
    assert_eq!(lane.down.last().map(|down| down.end), Some(told.until));
    assert!(told.budgets.iter().all(|budget| budget.over == 0), "{:?}", told.budgets);
}

#[test]
fn a_needless_action_is_no_outage() {
    // Nobody is reached: what is acted on is well, and an action takes it down for a moment.
    let cut = Strike::on(["web"]).lasting(Span::of(Duration::from_mins(3)));
    let told = chronicled([("cut", hours(2), What::Network(cut))]);
    let lane = &told.targets["web"];
    assert!(!lane.actions.is_empty() && lane.actions.iter().all(|done| done.needless), "{lane:?}");
    assert_eq!(lane.outages.len(), 1, "{lane:?}");
}

#[test]
fn what_an_action_leaves_down_is_an_outage_from_its_end() {
    let settings = "[check.programs]\nsupervisor = { url = \"unix:///run/s.sock\", programs = [\"*\"] }\ninterval = \"10s\"\n\
        conditions = [{ field = \"rss_bytes\", above = \"300MB\" }]\n\
        [recovery.programs]\nwhen = [\"programs\"]\nsteps = [{ action = \"supervisor.restart-program\", timeout = \"20s\" }]\n";
    // What leaks runs until it is restarted, and this restart comes to no end.
    let field = "rss_bytes".to_owned();
    let leak = Leak { field, from: 2e8, per_hour: 1e8, until: 9e9 };
    let leak = What::Leak(Strike::on(["programs/program-1"]), leak);
    let mut faults = faults([("leak", hours(1), leak)]);
    faults.actions = vec![ActionModel { hangs: 1.0, ..ActionModel::default() }];
    let told = chronicled_with(settings, faults);
    let lane = &told.targets["programs/program-1"];
    let [outage, ..] = lane.outages.as_slice() else { panic!("{lane:?}") };
    let [down, ..] = lane.down.as_slice() else { panic!("{lane:?}") };
    assert_eq!(outage.from, down.start + jiff::SignedDuration::from_secs(20), "{lane:?}");
}

//! Entries that drift, files that become due, disks that fill, and programs of a supervisor.

use std::time::Duration;

use evenkeel_config::{Settings, load_text};
use evenkeel_simulator::{
    AgentCrash, CrashAt, Drift, Due, Faults, Fill, Orphan, Strike, What, When,
};

use crate::scene::{DAY, HOUR, MINUTE, faults, play, scenario};

fn settings(text: &str) -> Settings {
    load_text("test.toml", text).expect("settings of the test")
}

const RULES: &str = "[permissions.state]\npath = \"/srv/state\"\nfiles = [{ match = \"*\", mode = \"0644\" }]\nwatch = true\ninterval = \"1h\"\n\
    [permissions.swept]\npath = \"/srv/swept\"\nfiles = [{ match = \"*\", mode = \"0644\" }]\nwatch = false\ninterval = \"1h\"\n\
    [cleanup.old]\npath = \"/srv/old\"\nmatch = [\"*.tmp\"]\nolder_than = \"7d\"\naction = \"delete\"\ninterval = \"1h\"\nmax_files = 50\n";

#[test]
fn what_drifts_is_put_right_at_once_where_it_is_watched_and_by_the_next_sweep_where_not() {
    let drift = Drift { rules: vec!["*".into()], entries: 3, fights: None };
    let faults = faults([("drift", When::at([90 * MINUTE]), What::Drift(drift))]);
    let (summary, _) = play(&scenario(settings(RULES), faults, DAY));
    let (watched, swept) = (&summary.permissions["state"], &summary.permissions["swept"]);
    assert_eq!((watched.drifted, watched.repaired, watched.wrong_at_end), (3, 3, 0));
    assert!(watched.longest_wrong_ms <= 2, "{watched:?}");
    assert_eq!((swept.drifted, swept.repaired), (3, 3));
    assert!((1_000_000..=3_600_000).contains(&swept.longest_wrong_ms), "{swept:?}");
}

#[test]
fn a_fight_is_paused_and_not_lost() {
    let fights = Some(HOUR);
    let drift = Drift { rules: vec!["state".into()], entries: 1, fights };
    let faults = faults([("fight", When::at([HOUR]), What::Drift(drift))]);
    let (summary, log) = play(&scenario(settings(RULES), faults, DAY));
    let rule = &summary.permissions["state"];
    assert!(rule.fights >= 5, "{rule:?}");
    // An hour of a fight that is undone each second: without pauses there would be thousands.
    assert!(rule.repaired < 60, "{rule:?}");
    assert_eq!(rule.wrong_at_end, 0);
    assert!(log.kinds().contains(&"fought"), "{:?}", log.kinds());
}

#[test]
fn what_is_due_is_taken_and_more_than_a_run_may_take_is_refused() {
    let due = |entries| Due { rules: vec!["old".into()], entries, bytes: 10 };
    let few = faults([("due", When::at([90 * MINUTE, 150 * MINUTE]), What::Due(due(20)))]);
    let (summary, _) = play(&scenario(settings(RULES), few, DAY));
    let rule = &summary.cleanups["old"];
    assert_eq!((rule.taken, rule.taken_bytes, rule.refused), (40, 400, 0), "{rule:?}");
    let many = faults([("due", When::at([90 * MINUTE]), What::Due(due(51)))]);
    let (summary, log) = play(&scenario(settings(RULES), many, DAY));
    let rule = &summary.cleanups["old"];
    assert_eq!((rule.taken, rule.most_due), (0, 51));
    assert!(rule.refused > 20 && log.kinds().contains(&"rule_failed"), "{rule:?}");
    let small = RULES.replace("max_files = 50", "max_bytes = 199");
    let large = faults([("due", When::at([90 * MINUTE]), What::Due(due(20)))]);
    let (summary, _) = play(&scenario(settings(&small), large, DAY));
    let rule = &summary.cleanups["old"];
    assert!(rule.taken == 0 && rule.refused > 20, "{rule:?}");
}

#[test]
fn a_disk_that_fills_is_cleaned_by_the_step_that_does_it() {
    let text = format!(
        "{RULES}[check.disk]\ndisk = {{ path = \"/srv\" }}\nconditions = [{{ field = \"used_percent\", above = 90 }}]\n\
         [recovery.disk]\nwhen = [\"disk\"]\nsteps = [{{ action = \"cleanup.run\", rule = \"old\" }}]\n"
    );
    let text = text.replace("interval = \"1h\"\nmax_files", "interval = \"7d\"\nmax_files");
    let fill = Fill {
        checks: vec!["disk".into()],
        from: 50.0,
        per_hour: 10.0,
        cleaned_by: vec!["old".into()],
    };
    let faults = faults([("fill", When::at([HOUR]), What::Fill(fill))]);
    let (summary, log) = play(&scenario(settings(&text), faults, DAY));
    let target = &summary.targets["disk"];
    assert!(target.outcomes["recovered"] >= 4, "{target:?} {:?}", log.kinds());
    assert_eq!(target.false_actions, 0, "{target:?}");
}

const PROGRAMS: &str = "[check.supervisor]\nsupervisor = { url = \"unix:///run/s.sock\", programs = [\"*\"] }\ninterval = \"10s\"\n\
    [recovery.supervisor]\nwhen = [\"supervisor\"]\nsteps = [{ action = \"supervisor.restart-program\" }, { action = \"exec\", command = [\"restart-all\"] }]\n";

#[test]
fn one_program_of_a_supervisor_is_restarted_and_no_other() {
    let crash = What::Crash(Strike::on(["supervisor/program-2"]));
    let faults = faults([("crash", When::at([HOUR]), crash)]);
    let (summary, _) = play(&scenario(settings(PROGRAMS), faults, DAY));
    let target = &summary.targets["supervisor/program-2"];
    assert_eq!(target.actions["supervisor.restart-program"], 1, "{target:?}");
    assert_eq!(target.outcomes["recovered"], 1);
    assert_eq!(summary.totals.actions, 1);
    assert_eq!(target.restarted_by_others, 0, "its own restart is not taken for another's");
}

#[test]
fn a_restart_that_its_agents_end_cuts_in_two_is_brought_to_its_end() {
    // It leaks, so it runs, so it is stopped; then the agent ends.
    let text = PROGRAMS.replace(
        "interval = \"10s\"",
        "interval = \"10s\"\nconditions = [{ field = \"rss_bytes\", above = \"300MB\" }]",
    );
    let leak = evenkeel_simulator::Leak {
        field: "rss_bytes".into(),
        from: 2e8,
        per_hour: 1e8,
        until: 9e8,
    };
    let kill = What::AgentCrash(AgentCrash { when: CrashAt::InAction, action: Orphan::IsCut });
    let faults = faults([
        ("leak", When::at([HOUR]), What::Leak(Strike::on(["supervisor/program-1"]), leak)),
        ("kill", When::at([HOUR]), kill),
    ]);
    let (summary, log) = play(&scenario(settings(&text), faults, DAY));
    let target = &summary.targets["supervisor/program-1"];
    assert_eq!(summary.host.agent_crashes, 1);
    assert_eq!(target.actions.get("supervisor.finish-restart"), Some(&1), "{target:?}");
    let down = Duration::from_millis(summary.checks["supervisor/program-1"].downtime_ms);
    assert!(down < 2 * MINUTE, "{down:?}: {:?}", log.kinds());
}

#[test]
fn parts_that_are_given_take_the_place_of_those_that_are_made_up() {
    let crash = What::Crash(Strike::on(["supervisor/api"]));
    let mut faults = faults([("crash", When::at([HOUR]), crash)]);
    faults.parts.insert("supervisor".into(), vec!["api".into()]);
    let (summary, _) = play(&scenario(settings(PROGRAMS), faults, DAY));
    assert_eq!(summary.targets["supervisor/api"].outcomes["recovered"], 1);
    assert!(!summary.checks.contains_key("supervisor/program-1"));
    let none = Faults::none();
    let (summary, _) = play(&scenario(settings(PROGRAMS), none, HOUR));
    assert!(summary.checks.contains_key("supervisor/program-3"));
}

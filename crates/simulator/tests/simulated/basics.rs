use std::time::Duration;

use evenkeel_simulator::{Faults, Scenario, Strike, What, When, run};

use crate::scene::{DAY, HOUR, faults, play, scenario, services};

#[test]
fn a_host_that_is_well_is_left_alone() {
    let (summary, log) = play(&scenario(services(3, ""), Faults::none(), DAY));
    assert_eq!(log.kinds(), ["check_changed"; 3], "each is found to be up");
    assert_eq!((summary.totals.actions, summary.totals.downtime_ms), (0, 0));
    let looks = 3 * 24 * 120;
    assert!((looks..looks + 20).contains(&summary.totals.attempts), "{:?}", summary.totals);
    let slices = summary.checks["web-1"].slices.as_ref().expect("of a check");
    assert_eq!(slices.bad, 0);
    assert!(slices.good >= 24 * 120 - 3, "{slices:?}");
}

#[test]
fn a_crash_is_ended_by_one_restart_which_is_proved() {
    let crash = What::Crash(Strike::on(["web-2"]));
    let faults = faults([("crash", When::at([HOUR]), crash)]);
    let (summary, log) = play(&scenario(services(3, ""), faults, DAY));
    let target = &summary.targets["web-2"];
    assert_eq!((target.incidents, target.closed), (1, 1), "{:?}", log.kinds());
    assert_eq!(target.actions.get("exec"), Some(&1));
    assert_eq!(target.outcomes.get("recovered"), Some(&1));
    assert_eq!(summary.totals.actions, 1, "and nobody else is restarted");
    assert_eq!(summary.totals.false_actions, 0);
    let fault = &summary.faults["crash"];
    assert_eq!((fault.struck, fault.healed, fault.missed), (1, 1, 0));
    let down = Duration::from_millis(summary.checks["web-2"].downtime_ms);
    assert!(down < Duration::from_mins(2) && down > Duration::from_secs(1), "{down:?}");
    let slices = summary.checks["web-2"].slices.as_ref().expect("of a check");
    assert!((1..=4).contains(&slices.bad), "{slices:?}");
}

#[test]
fn a_hang_is_ended_by_one_restart() {
    let hang = What::Hang(Strike::on(["web-1"]));
    let faults = faults([("hang", When::at([HOUR]), hang)]);
    let (summary, _) = play(&scenario(services(3, ""), faults, DAY));
    assert_eq!(summary.targets["web-1"].outcomes.get("recovered"), Some(&1));
    assert_eq!(summary.totals.actions, 1);
}

#[test]
fn a_run_is_the_same_for_its_seed_and_another_for_another() {
    let settings = services(5, "");
    let scenario = |seed| Scenario {
        faults: Faults::usual(&settings),
        settings: settings.clone(),
        lasts: 5 * DAY,
        seed,
        began: crate::scene::BEGAN,
    };
    let json = |seed| {
        serde_json::to_string(&run(&scenario(seed), &mut [])).expect("a summary is plain data")
    };
    let first = json(1);
    assert_eq!(first, json(1));
    assert_ne!(first, json(2));
}

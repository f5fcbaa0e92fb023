//! What actions do, and what they only say that they do.

use evenkeel_config::load_text;
use evenkeel_engine::{Act, Effect};
use evenkeel_moment::Moment;
use evenkeel_simulator::{
    ActionModel, Event, Faults, Leak, Observer, Scenario, Span, Strike, View, What, When, run,
};
use jiff::Timestamp;

use crate::scene::{DAY, HOUR, MINUTE, faults, play, scenario, services};

fn crash_with(model: ActionModel) -> Scenario {
    let crash = What::Crash(Strike::on(["web-1"]));
    let faults = faults([("crash", When::at([HOUR]), crash)]);
    scenario(services(3, ""), Faults { actions: vec![model], ..faults }, DAY)
}

#[test]
fn an_action_that_only_says_it_healed_is_tried_within_its_budget_and_then_given_up() {
    let (summary, _) = play(&crash_with(ActionModel { heals: 0.0, ..ActionModel::default() }));
    let target = &summary.targets["web-1"];
    assert!(target.exhausted >= 1, "{target:?}");
    assert!(!target.outcomes.contains_key("recovered"), "{target:?}");
    assert!(target.most_in_window <= target.budget, "{target:?}");
    assert_eq!(target.false_actions, 0, "it was down all the time");
    assert_eq!((target.incidents, target.closed), (1, 0));
    assert_eq!(summary.faults["crash"].healed, 0);
}

#[test]
fn an_action_that_fails_or_hangs_is_tried_again() {
    for model in [
        ActionModel { fails: 1.0, ..ActionModel::default() },
        ActionModel { hangs: 1.0, ..ActionModel::default() },
    ] {
        let (summary, _) = play(&crash_with(model));
        let target = &summary.targets["web-1"];
        assert!(target.actions["exec"] > 1, "{target:?}");
        assert!(target.most_in_window <= target.budget, "{target:?}");
    }
}

#[test]
fn what_cannot_be_done_is_not_tried_in_vain() {
    let (summary, log) =
        play(&crash_with(ActionModel { impossible: 1.0, ..ActionModel::default() }));
    let target = &summary.targets["web-1"];
    assert!(target.exhausted >= 1, "{target:?} {:?}", log.kinds());
    // One a slow retry at most: no second attempt at what can never work.
    assert!(target.actions["exec"] <= 25, "{target:?}");
}

#[test]
fn a_step_that_heals_is_reached_by_way_of_those_that_do_not() {
    let settings = load_text(
        "test.toml",
        "[check.web]\nhttp = { url = \"http://127.0.0.1:1/\" }\ninterval = \"30s\"\n\
         [recovery.web]\nwhen = [\"web\"]\nmax_retries = 0\n\
         steps = [{ action = \"exec\", command = [\"one\"] }, { action = \"exec\", command = [\"two\"] }, { action = \"exec\", command = [\"three\"] }]\n",
    )
    .expect("settings");
    let crash = What::Crash(Strike::on(["web"]));
    let faults = faults([("crash", When::at([HOUR]), crash)]);
    let model = ActionModel { heals_from_step: 3, ..ActionModel::default() };
    let (summary, _) = play(&scenario(settings, Faults { actions: vec![model], ..faults }, DAY));
    let target = &summary.targets["web"];
    assert_eq!(target.actions["exec"], 3, "{target:?}");
    assert_eq!(target.outcomes["recovered"], 1);
    assert_eq!(target.outcomes["failed"], 2);
}

/// When actions on targets were decided on.
#[derive(Default)]
struct Acts(Vec<(Moment, Act)>);

impl Observer for Acts {
    fn saw(&mut self, now: Moment, _: Timestamp, event: &Event<'_>, _: &View<'_>) {
        if let Event::Effect(Effect::Act(act)) = event {
            self.0.push((now, (**act).clone()));
        }
    }
}

#[test]
fn a_leak_is_restarted_before_it_dies_of_it() {
    let settings = load_text(
        "test.toml",
        "[check.web]\nprocess = { name = \"web\" }\ninterval = \"30s\"\n\
         conditions = [{ field = \"rss_bytes\", above = \"300MB\", for = \"5m\" }]\n\
         [recovery.web]\nwhen = [\"web\"]\nsteps = [{ action = \"exec\", command = [\"restart\"] }]\n",
    )
    .expect("settings");
    let leak = Leak { field: "rss_bytes".into(), from: 1e8, per_hour: 5e7, until: 4e8 };
    let faults = faults([("leak", When::at([HOUR]), What::Leak(Strike::on(["web"]), leak))]);
    let scenario = scenario(settings, faults, DAY);
    let mut acts = Acts::default();
    let summary = run(&scenario, &mut [&mut acts]);
    assert_eq!(acts.0.len(), 1, "{summary:?}");
    assert_eq!(summary.totals.false_actions, 0);
    let fault = &summary.faults["leak"];
    assert_eq!((fault.healed, fault.foreseen), (1, 1), "{fault:?}");
    assert_eq!(summary.targets["web"].outcomes["recovered"], 1);
    // 200 MB more at 50 MB an hour are four hours after the begin, and five minutes for the rule.
    let begin = acts.0[0].0.saturating_since(Moment::ORIGIN + HOUR);
    assert!(begin > 5 * HOUR && begin < 5 * HOUR + 10 * MINUTE, "{begin:?}");
}

#[test]
fn a_leak_that_nobody_watches_dies_of_it_and_is_restarted_then() {
    let leak = Leak { field: "rss_bytes".into(), from: 1e8, per_hour: 1e8, until: 4e8 };
    let faults = faults([("leak", When::at([HOUR]), What::Leak(Strike::on(["web-1"]), leak))]);
    let (summary, _) = play(&scenario(services(2, ""), faults, DAY));
    let fault = &summary.faults["leak"];
    assert_eq!((fault.healed, fault.foreseen, fault.missed), (1, 0, 0), "{fault:?}");
    assert!(fault.detected_after.max_ms < 120_000, "{fault:?}");
}

#[test]
fn an_action_on_what_is_well_behind_a_cut_network_is_told_to_be_false() {
    // Long enough to be acted on: what is restarted then was never at fault.
    let cut = What::Network(Strike::on(["*"]).lasting(Span::between(3 * MINUTE, 6 * MINUTE)));
    let faults = faults([("cut", When::every(HOUR), cut)]);
    let (summary, _) = play(&scenario(services(2, "[agent]\nstorm = false\n"), faults, 3 * DAY));
    assert!(summary.faults["cut"].ceased > 0, "{:?}", summary.faults);
    assert!(summary.totals.false_actions > 0, "{:?}", summary.totals);
    assert_eq!(
        summary.totals.false_actions,
        summary.targets.values().map(|target| target.false_actions).sum::<u64>()
    );
    assert!(summary.totals.false_actions <= summary.totals.actions);
}

use proptest::prelude::*;

use super::*;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn found(name: &str) -> Found {
    let labels = Labels::from([("alertname".to_owned(), name.to_owned())]);
    Found { labels, annotations: Labels::new(), value: 1.0 }
}

fn phase(state: &RuleState, name: &str) -> Option<Phase> {
    state.alerts().find(|alert| alert.label("alertname") == name).map(|alert| alert.phase)
}

fn step(state: &mut RuleState, names: &[&str], hold: i64, seconds: i64) {
    let found = names.iter().map(|name| found(name)).collect();
    state.step(found, SECOND * i32::try_from(hold).unwrap(), at(seconds), 100).unwrap();
}

#[test]
fn an_alert_is_pending_then_fires_then_is_resolved_and_at_last_forgotten() {
    let mut state = RuleState::default();
    for (seconds, names, expected) in [
        (0, &["a"][..], Some(Phase::Pending)),
        (59, &["a"], Some(Phase::Pending)),
        (60, &["a"], Some(Phase::Firing)),
        (90, &[], Some(Phase::Resolved)),
        (90 + 900, &[], Some(Phase::Resolved)),
        (90 + 901, &[], None),
    ] {
        step(&mut state, names, 60, seconds);
        assert_eq!(phase(&state, "a"), expected, "at {seconds}");
    }
}

#[test]
fn one_evaluation_that_does_not_find_it_starts_the_time_again() {
    let mut state = RuleState::default();
    step(&mut state, &["a"], 60, 0);
    step(&mut state, &[], 60, 59);
    assert_eq!(phase(&state, "a"), None);
    step(&mut state, &["a"], 60, 60);
    step(&mut state, &["a"], 60, 119);
    assert_eq!(phase(&state, "a"), Some(Phase::Pending));
}

#[test]
fn a_rule_that_waits_for_nothing_fires_at_once() {
    let mut state = RuleState::default();
    step(&mut state, &["a"], 0, 0);
    assert_eq!(phase(&state, "a"), Some(Phase::Firing));
}

#[test]
fn two_alerts_with_the_same_labels_change_nothing() {
    let mut state = RuleState::default();
    step(&mut state, &["a"], 0, 0);
    let twice = vec![found("b"), found("b")];
    assert!(state.step(twice, SignedDuration::ZERO, at(1), 100).is_err());
    assert_eq!((phase(&state, "a"), phase(&state, "b")), (Some(Phase::Firing), None));
}

#[test]
fn there_are_never_more_alerts_than_there_is_room_for() {
    let mut state = RuleState::default();
    let many = (0..50).map(|number| found(&number.to_string())).collect();
    assert_eq!(state.step(many, SignedDuration::ZERO, at(0), 20), Ok(30));
    assert_eq!(state.len(), 20);
}

fn earlier(phase: Phase, active_at: i64) -> Alert {
    let alert = Alert::pending(&found("a"), at(active_at));
    Alert { phase, ..alert }
}

#[test]
fn a_firing_alert_of_an_earlier_run_is_resolved_only_once_everything_was_seen() {
    let mut state = RuleState::default();
    state.inherit(earlier(Phase::Firing, 0), at(100), at(300));
    step(&mut state, &[], 60, 299);
    assert_eq!(phase(&state, "a"), Some(Phase::Firing));
    step(&mut state, &[], 60, 300);
    assert_eq!(phase(&state, "a"), Some(Phase::Resolved));
}

#[test]
fn a_firing_alert_that_is_seen_again_after_a_restart_is_resolved_as_any_other() {
    let mut state = RuleState::default();
    state.inherit(earlier(Phase::Firing, 0), at(100), at(300));
    step(&mut state, &["a"], 60, 200);
    assert_eq!(state.alerts().next().unwrap().active_at, at(0), "it has been firing all along");
    step(&mut state, &[], 60, 201);
    assert_eq!(phase(&state, "a"), Some(Phase::Resolved));
}

/// The cases of Prometheus's own `TestForStateRestore`: an hour of `for`, of which half had passed, unless said otherwise.
#[test]
fn the_time_of_a_pending_alert_goes_on_where_it_stood() {
    const HOUR: i64 = 3600;
    let began = |hold: i64, spent: i64, down: i64| {
        let mut state = RuleState::default();
        state.inherit(earlier(Phase::Pending, 0), at(spent), at(0));
        step(&mut state, &["a"], hold, spent + down);
        let alert = state.alerts().next().unwrap().clone();
        alert.active_at.duration_since(at(0)).as_secs()
    };
    // The time without the agent does not count.
    assert_eq!(began(HOUR, HOUR / 2, 600), 600);
    // What is left is less than ten minutes: it is ten minutes.
    assert_eq!(began(HOUR, HOUR - 60, 600), HOUR - 60 + 600 + 600 - HOUR);
    // Too long ago, or a rule that waits for a short time only.
    assert_eq!(began(HOUR, HOUR / 2, HOUR + 1), HOUR / 2 + HOUR + 1);
    assert_eq!(began(300, 200, 60), 260);
}

#[test]
fn what_fired_under_a_rule_that_is_no_more_is_resolved() {
    let mut state = RuleState::default();
    step(&mut state, &["a"], 0, 0);
    step(&mut state, &["a", "b"], 60, 1);
    let resolved: Vec<_> = state.into_resolved(at(2)).collect();
    assert_eq!(resolved.len(), 1);
    assert_eq!((resolved[0].phase, resolved[0].resolved_at), (Phase::Resolved, Some(at(2))));
}

/// The same from the whole history, with nothing remembered from one evaluation to the next.
fn naive(history: &[(i64, bool)], hold: i64) -> Option<Phase> {
    let (now, found) = *history.last()?;
    let end = history.iter().rposition(|(_, found)| *found)?;
    let begin = history[..end].iter().rposition(|(_, found)| !*found).map_or(0, |gap| gap + 1);
    let fired = history[end].0 - history[begin].0 >= hold;
    if found {
        return Some(if fired { Phase::Firing } else { Phase::Pending });
    }
    let resolved = history[end + 1].0;
    if fired {
        return (now - resolved <= 900).then_some(Phase::Resolved);
    }
    // An alert that was pending anew before the resolved one was forgotten has taken its place.
    None
}

proptest! {
    #[test]
    fn the_phase_is_that_of_the_whole_history(
        steps in prop::collection::vec((1..400i64, any::<bool>()), 1..60),
        hold in prop::sample::select(vec![0i64, 60, 300, 1000]),
    ) {
        let mut state = RuleState::default();
        let mut history = Vec::new();
        let mut now = 0;
        for (pause, is_found) in steps {
            now += pause;
            history.push((now, is_found));
            step(&mut state, if is_found { &["a"] } else { &[] }, hold, now);
            prop_assert_eq!(phase(&state, "a"), naive(&history, hold), "{:?}", history);
        }
    }
}

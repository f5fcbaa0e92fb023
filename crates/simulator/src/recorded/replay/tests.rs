use super::*;

const SETTINGS: &str = r#"
[check.web]
http = { url = "http://[::1]/" }

[check.jobs]
supervisor = { url = "unix:///s.sock", programs = ["*"] }

[recovery.all]
when = ["web", "jobs"]
steps = [{ action = "exec", command = ["/bin/true"] }]
"#;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + minute * 60).expect("a time")
}

fn time(from: i64, until: i64) -> Range<Timestamp> {
    at(from)..at(until)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

fn action(minute: i64, recovered: bool) -> Action {
    Action {
        target: "all".to_owned(),
        causes: vec!["web".to_owned()],
        began: at(minute),
        took: Some(Duration::from_secs(4)),
        recovered,
    }
}

fn recorded(down: &[Range<Timestamp>], actions: &[Action]) -> Recorded {
    let web = Subject { name: "web".to_owned(), down: down.to_vec(), ..Subject::default() };
    let jobs = Subject { name: "jobs".to_owned(), ..Subject::default() };
    Recorded {
        from: at(0),
        until: at(1_000),
        subjects: vec![web, jobs],
        actions: actions.to_vec(),
        gaps: Vec::new(),
    }
}

fn settings() -> Settings {
    evenkeel_config::load_text("test.toml", SETTINGS).expect("settings")
}

/// How the numbered outage of `web` lasts, and what ends it.
fn strike(replay: &Replay, number: usize) -> (Vec<Duration>, Strike) {
    let fault = &replay.faults.faults[&format!("web down, {number}")];
    let What::Crash(strike) = &fault.what else { panic!("{fault:?}") };
    (fault.when.at.clone(), strike.clone())
}

#[test]
fn an_outage_that_ended_by_itself_does_so_again() {
    let replay = recorded(&[time(10, 15)], &[]).faults(&settings());
    let (at, strike) = strike(&replay, 1);
    assert_eq!((at, strike.lasts), (vec![minutes(10)], Some(Span::of(minutes(5)))));
    assert_eq!((strike.cured_by, replay.outages, replay.healed), (None, 1, 0));
}

#[test]
fn an_outage_that_an_action_ended_lasts_until_one_does_or_as_the_longest_that_none_did() {
    let down = [time(10, 12), time(100, 130), time(200, 205)];
    let replay = recorded(&down, &[action(11, true)]).faults(&settings());
    assert_eq!(strike(&replay, 1).1.lasts, Some(Span::of(minutes(30))));
    assert_eq!(strike(&replay, 2).1.lasts, Some(Span::of(minutes(30))));
    let alone = recorded(&down[..1], &[action(11, true)]).faults(&settings());
    assert_eq!(strike(&alone, 1).1.lasts, None);
    assert_eq!((alone.healed, alone.unhealed), (1, 0));
}

#[test]
fn what_no_action_helped_none_will() {
    let replay = recorded(&[time(10, 40)], &[action(11, false)]).faults(&settings());
    let (_, strike) = strike(&replay, 1);
    assert_eq!(strike.cured_by, Some(Vec::new()));
    assert_eq!((strike.lasts, replay.unhealed), (Some(Span::of(minutes(30))), 1));
    assert_eq!(replay.faults.actions, [], "it says nothing of what heals the others");
}

#[test]
fn an_outage_that_was_not_over_does_not_end_and_one_that_began_before_is_cut() {
    let replay = recorded(&[time(-20, 5), time(990, 1_005)], &[]).faults(&settings());
    assert_eq!(strike(&replay, 1).0, [Duration::ZERO]);
    assert_eq!(strike(&replay, 1).1.lasts, Some(Span::of(minutes(5))));
    assert_eq!(strike(&replay, 2).1.lasts, None);
}

#[test]
fn actions_heal_as_often_and_take_as_long_as_they_did() {
    let quick = Action { took: Some(Duration::from_secs(1)), ..action(13, true) };
    let all = [action(11, false), quick, action(101, true), action(500, false)];
    let down = [time(10, 15), time(100, 105), time(499, 520)];
    let replay = recorded(&down, &all).faults(&settings());
    let [model] = replay.faults.actions.as_slice() else { panic!("{replay:?}") };
    assert_eq!(model.targets, ["all"]);
    // The one at 500 was in vain, as all of that outage: it tells nothing of the others.
    assert!((model.heals - 2.0 / 3.0).abs() < 1e-9, "{model:?}");
    assert_eq!(model.takes, Span::between(Duration::from_secs(1), Duration::from_secs(4)));
}

#[test]
fn nobody_saw_an_outage_end_while_nobody_looked() {
    let mut recorded = recorded(&[time(10, 15), time(20, 25)], &[]);
    recorded.subjects[0].unknown = vec![time(15, 20)];
    recorded.gaps = vec![time(15, 20)];
    let replay = recorded.faults(&settings());
    assert_eq!(replay.outages, 1);
    assert_eq!(strike(&replay, 1).1.lasts, Some(Span::of(minutes(15))));
    let What::Blind(gap) = &replay.faults.faults["no agent, 1"].what else { panic!("{replay:?}") };
    assert!(gap.together && gap.targets == ["jobs", "web"], "{gap:?}");
}

#[test]
fn parts_are_struck_by_themselves_and_what_the_settings_do_not_know_is_left_out() {
    let mut recorded = recorded(&[], &[]);
    let subject = |name: &str| Subject {
        name: name.to_owned(),
        down: vec![time(10, 15)],
        held: vec![time(30, 40)],
        ..Subject::default()
    };
    recorded.subjects.extend([subject("jobs/web"), subject("old"), subject("old/part")]);
    let replay = recorded.faults(&settings());
    assert_eq!(replay.left_out, ["old", "old/part"]);
    assert_eq!(replay.faults.parts["jobs"], ["web"]);
    assert!(replay.faults.faults.contains_key("jobs/web down, 1"), "{replay:?}");
    let What::Hold { targets, lasts } = &replay.faults.faults["jobs/web held, 1"].what else {
        panic!("{replay:?}")
    };
    assert_eq!(
        (targets.as_slice(), *lasts),
        (&["jobs/web".to_owned()][..], Some(Span::of(minutes(10))))
    );
}

#[test]
fn a_check_that_the_history_does_not_know_is_named() {
    let mut recorded = recorded(&[], &[]);
    recorded.subjects.remove(1);
    assert_eq!(recorded.unknown_checks(&settings()), ["jobs"]);
}

use std::time::Duration;

use evenkeel_engine::Order;

use crate::host::{MINUTE, ScriptedHost, bad, good, services, timeout};

fn fleet(count: usize) -> ScriptedHost {
    let settings = services(count, "").replace("storm = false\n", "");
    let mut host = ScriptedHost::new(&settings);
    host.run_for(MINUTE);
    host
}

fn fail(host: &mut ScriptedHost, names: &[&str]) {
    for name in names {
        host.sees(name, bad());
    }
}

#[test]
fn when_most_targets_go_down_together_the_host_is_suspected_and_nobody_is_restarted() {
    let mut host = fleet(6);
    fail(&mut host, &["a", "b", "c", "d"]);
    host.run_for(30 * MINUTE);
    let early = host.acts.len();
    // The first of them may have been acted on before there were enough to be suspicious.
    assert!(early <= 2, "{:?}", host.acted_on());
    assert_eq!(host.messages("storm_began").len(), 1);
    let began = &host.messages("storm_began")[0];
    assert!(began.contains("the host is suspected, and nobody is restarted"), "{began}");
    assert_eq!(host.phase("d"), "host_incident");
    for name in ["a", "b"] {
        host.sees(name, good());
    }
    host.run_for(5 * MINUTE);
    assert_eq!(host.messages("storm_ended").len(), 1);
    assert!(host.acts.len() > early, "those that stay down get their own try");
    assert!(host.acted_on()[early..].iter().all(|target| ["c", "d"].contains(target)));
}

#[test]
fn few_targets_or_a_small_share_of_them_make_no_storm() {
    let mut host = fleet(2);
    fail(&mut host, &["a", "b"]);
    host.run_for(5 * MINUTE);
    assert!(host.messages("storm_began").is_empty(), "two are too few");
    let mut host = fleet(8);
    fail(&mut host, &["a", "b", "c"]);
    host.run_for(5 * MINUTE);
    assert!(host.messages("storm_began").is_empty(), "three of eight are not half");
}

#[test]
fn targets_that_go_down_one_after_the_other_are_no_storm() {
    let mut host = fleet(4);
    for name in ["a", "b", "c", "d"] {
        host.sees(name, bad());
        host.run_for(20 * MINUTE);
    }
    assert!(host.messages("storm_began").is_empty(), "{:?}", host.messages("storm_began"));
    assert!(host.acts.len() >= 4);
}

#[test]
fn an_operator_who_resets_the_whole_host_overrules_a_storm() {
    let mut host = fleet(4);
    fail(&mut host, &["a", "b", "c", "d"]);
    host.run_for(10 * MINUTE);
    let before = host.acts.len();
    host.order(Order::Reset { target: "*".to_owned(), by: "ann".to_owned() });
    host.run_for(30 * MINUTE);
    assert!(host.acts.len() >= before + 4, "{:?}", host.acted_on());
}

#[test]
fn timeouts_of_most_checks_together_are_a_storm_before_anything_is_down_for_sure() {
    let settings = services(4, "")
        .replace("storm = false\n", "")
        .replace("failure_threshold = 2", "failure_threshold = 4");
    let mut host = ScriptedHost::new(&settings);
    host.run_for(MINUTE);
    for name in ["a", "b", "c"] {
        host.sees(name, timeout());
    }
    host.run_for(Duration::from_secs(36));
    assert_eq!(host.messages("storm_began").len(), 1);
    host.run_for(30 * MINUTE);
    assert!(host.acts.is_empty(), "{:?}", host.acted_on());
}

#[test]
fn while_most_checks_time_out_together_a_timeout_says_nothing_of_its_target() {
    let settings = services(4, "")
        .replace("storm = false\n", "")
        .replace("failure_threshold = 2", "failure_threshold = 4");
    let mut host = ScriptedHost::new(&settings);
    host.run_for(MINUTE);
    for name in ["a", "b", "c"] {
        host.sees(name, timeout());
    }
    host.sees("d", bad());
    // Long enough for anything to be stale as well.
    host.run_for(30 * MINUTE);
    assert_eq!(host.messages("storm_began").len(), 1, "and it lasts: {:?}", host.records);
    assert_eq!(host.messages("storm_ended").len(), 0);
    let down: Vec<_> = host
        .engine
        .status(host.now, crate::host::WALL)
        .checks
        .into_iter()
        .filter(|check| check.state == "down")
        .map(|check| check.name)
        .collect();
    assert_eq!(down, ["d"], "a refusal is one, whoever looks");
    let opened = host.messages("incident_opened");
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert!(host.acts.is_empty(), "nobody is restarted");

    // One of them answers: three of four fail no more, and the timeouts of the others count.
    for name in ["a", "d"] {
        host.sees(name, good());
    }
    host.run_for(10 * MINUTE);
    assert_eq!(host.messages("storm_ended").len(), 0, "two of four are half");
    host.sees("b", good());
    host.run_for(10 * MINUTE);
    assert_eq!(host.messages("storm_ended").len(), 1);
    assert!(host.acted_on().iter().all(|target| *target == "c"), "{:?}", host.acted_on());
    assert!(!host.acts.is_empty(), "its own timeouts say that it is down");
}

#[test]
fn an_operator_who_overrules_a_storm_of_timeouts_lets_them_count() {
    let mut host = fleet(4);
    for name in ["a", "b", "c", "d"] {
        host.sees(name, timeout());
    }
    host.run_for(10 * MINUTE);
    assert!(host.acts.is_empty());
    host.order(Order::Reset { target: "*".to_owned(), by: "ann".to_owned() });
    host.run_for(30 * MINUTE);
    assert!(host.acts.len() >= 4, "{:?}", host.acted_on());
}

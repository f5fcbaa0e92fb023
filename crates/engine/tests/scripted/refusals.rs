//! Each refusal, in words.

use std::time::Duration;

use evenkeel_engine::{Order, Past, Record, Refusal};

use crate::host::{
    MINUTE, PROGRAMS, ScriptedHost, WEB, bad, fatal, good, programs, services, unknown,
};

fn refused(host: &ScriptedHost) -> Vec<String> {
    host.messages("refused")
}

#[test]
fn every_reason_is_named_and_how_much_of_the_budget_is_used() {
    let settings = services(2, "").replace("[check.a]\n", "[check.a]\ndepends_on = \"b\"\n");
    let spent = evenkeel_moment::Moment::ORIGIN + Duration::from_secs(1_000_000 - 600);
    let past = Past { charged: vec![(spent, "a".to_owned()); 2].into(), ..Past::default() };
    let mut host = ScriptedHost::with_past(&settings, past);
    host.run_for(MINUTE);
    host.sees("b", unknown());
    host.run_for(3 * MINUTE);
    host.sees("a", bad());
    host.run_for(2 * MINUTE);
    host.sees("b", bad());
    host.run_for(MINUTE);
    let [first, second] = &refused(&host)[..] else { panic!("{:?}", refused(&host)) };
    assert!(second.contains("dependency `b` is down since 2026-09-21 1"), "{second}");
    assert!(
        first.starts_with(
            "exec not done: dependency `b` cannot be told to be up since 2026-09-21 1"
        ),
        "{first}"
    );
    assert!(first.ends_with("; 2 of 3 actions used in the last 1h"), "{first}");
    let data = host.records.iter().find_map(|record| match record {
        Record::Refused { reason: Refusal::Dependency { check, .. }, budget, .. } => {
            Some((check.clone(), budget.used))
        }
        _ => None,
    });
    assert_eq!(data, Some(("b".to_owned(), 2)), "as data and not only in words");
}

#[test]
fn a_hold_names_who_and_why_and_until_when() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1);
    let until = Some(host.at(30 * MINUTE));
    let (target, reason, by) = ("*".to_owned(), "moving racks".to_owned(), "ann".to_owned());
    host.order(Order::Hold { target, until, reason, by });
    host.run_for(20 * MINUTE);
    assert_eq!((host.acts.len(), host.phase("web").as_str()), (1, "maintenance"));
    let status = host.engine.status(host.now, crate::host::WALL);
    let shown = status.recoveries[0].reason.clone().expect("a reason");
    assert!(shown.starts_with("held by ann with the whole host until 2026-"), "{shown}");
    assert!(shown.ends_with(": moving racks"), "{shown}");
}

#[test]
fn grace_observe_only_and_a_ladder_without_a_step_are_named() {
    let settings = WEB.replace("grace = \"0s\"", "grace = \"10m\"");
    let mut host = ScriptedHost::new(&settings);
    host.seen.insert(0, bad());
    host.run_for(5 * MINUTE);
    assert!(refused(&host)[0].contains("the agent has just started and looks before it acts"));
    host.run_for(6 * MINUTE);
    assert_eq!(host.acts.len(), 1, "R1: after the grace");
    let mut host = ScriptedHost::new(&WEB.replace("[agent]", "[agent]\nmode = \"observe\""));
    host.seen.insert(0, bad());
    host.run_for(5 * MINUTE);
    assert!(refused(&host)[0].contains("observe only: the settings say so"));
    assert_eq!(host.phase("web"), "withheld");
    host.seen.insert(0, good());
    host.run_for(15 * MINUTE);
    assert_eq!(host.phase("web"), "healthy");
    let settings = PROGRAMS.replace(", { action = \"exec\", command = [\"restart-all\"] }", "");
    let mut host = ScriptedHost::new(&settings);
    host.seen.insert(0, bad());
    host.run_for(5 * MINUTE);
    assert!(
        refused(&host)[0].contains("no step of the recovery fits this target"),
        "{:?}",
        refused(&host)
    );
}

#[test]
fn one_action_at_a_time_and_parts_first() {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.slow_actions = true;
    host.seen.insert(0, programs(&[("a", fatal()), ("b", fatal())]));
    host.run_for(MINUTE / 2);
    assert_eq!(host.acted_on(), ["supervisor/a"]);
    assert!(refused(&host)[0].contains("one action at a time; `supervisor/a` has one running"));
}

#[test]
fn an_empty_budget_of_a_group_and_of_the_host_are_named() {
    let spent = evenkeel_moment::Moment::ORIGIN + Duration::from_secs(1_000_000 - 60);
    let group = |text: &str| {
        services(2, "").replace("max_retries = 1\n", &format!("max_retries = 1\n{text}\n"))
    };
    for (settings, words) in [
        (
            group("group = \"g\"\nbudget = { per_group = \"2/1h\" }"),
            "the budget per group of 2/1h is used up; room again in",
        ),
        (
            group("budget = { per_host = \"2/1h\" }"),
            "the budget per host of 2/1h is used up; room again in",
        ),
    ] {
        let past = Past { charged: vec![(spent, "b".to_owned()); 2].into(), ..Past::default() };
        let mut host = ScriptedHost::with_past(&settings, past);
        host.sees("a", bad());
        host.run_for(5 * MINUTE);
        assert!(host.acts.is_empty());
        assert!(refused(&host)[0].contains(words), "{:?}", refused(&host));
        assert_eq!(host.phase("a"), "exhausted");
        host.run_for(60 * MINUTE);
        assert!(!host.acts.is_empty(), "there is room again");
    }
}

#[test]
fn nothing_acts_while_nobody_can_tell_whether_it_is_down() {
    let mut host = ScriptedHost::new(&WEB.replace("max_retries = 1", "max_retries = 3"));
    host.seen.insert(0, bad());
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1);
    host.seen.insert(0, unknown());
    host.run_for(60 * MINUTE);
    assert_eq!(host.acts.len(), 1);
    let status = host.engine.status(host.now, crate::host::WALL);
    assert_eq!(status.recoveries[0].reason.as_deref(), Some("`web` is looked at first"));
    host.seen.insert(0, bad());
    host.run_for(10 * MINUTE);
    assert!(host.acts.len() > 1);
}

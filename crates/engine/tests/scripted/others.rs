//! Restarts by others.

use crate::host::{MINUTE, ScriptedHost, WEB, alive, bad, good, measurement};
use evenkeel_probe::{Facts, Outcome, Part};

#[test]
fn a_restart_by_somebody_else_is_recorded_and_charged_to_the_same_budget() {
    let mut host = ScriptedHost::new(WEB);
    host.sees("web", alive("1"));
    host.run_for(MINUTE);
    assert!(host.messages("restarted_by_others").is_empty(), "the first look is no restart");
    for life in ["2", "3", "3", "4"] {
        host.sees("web", alive(life));
        host.run_for(MINUTE);
    }
    assert_eq!(
        host.messages("restarted_by_others"),
        vec!["was started anew, and not by the agent; charged to the budget of web"; 3]
    );
    host.sees("web", bad());
    host.run_for(10 * MINUTE);
    assert!(host.acts.is_empty(), "three of three are used");
    assert!(
        host.messages("refused")[0].ends_with("3 of 3 actions used in the last 1h"),
        "{:?}",
        host.messages("refused")
    );
}

#[test]
fn a_restart_of_our_own_is_charged_once() {
    let mut host = ScriptedHost::new(WEB);
    host.sees("web", alive("1"));
    host.run_for(MINUTE);
    host.sees("web", bad());
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1);
    host.sees("web", alive("2"));
    host.run_for(5 * MINUTE);
    assert!(host.messages("restarted_by_others").is_empty());
    assert_eq!(host.engine.past(host.now, crate::host::WALL).charged.len(), 1);
}

#[test]
fn each_part_has_a_life_of_its_own_and_a_ledger_does_not_grow_without_end() {
    let mut host = ScriptedHost::new(crate::host::PROGRAMS);
    for life in 0..500 {
        let part = |name: &str, life: u32| {
            let mut facts = Facts::default();
            facts.set("incarnation", life.to_string());
            Part { name: name.to_owned(), outcome: Outcome::Good, facts }
        };
        host.sees("supervisor", measurement(Outcome::Good, vec![part("a", life), part("b", 7)]));
        host.run_for(MINUTE / 6);
    }
    let charged = host.engine.past(host.now, crate::host::WALL).charged;
    assert!(charged.iter().all(|(_, target)| target == "supervisor/a"));
    assert!((3..=12).contains(&charged.len()), "{}", charged.len());
    assert!(host.messages("restarted_by_others").len() > 400);
    let _ = good();
}

#[test]
fn what_another_recovery_restarts_is_not_charged_to_who_looks_at_the_same() {
    let both = r#"
[check.memory]
process = { pidfile = "/run/web.pid" }
interval = "30s"
timeout = "1s"
success_threshold = 1
[recovery.memory]
when = ["memory"]
steps = [{ action = "exec", command = ["restart-web"] }]
"#;
    let mut host = ScriptedHost::new(&format!("{WEB}{both}"));
    host.sees("memory", alive("1"));
    host.run_for(MINUTE);
    host.sees("web", bad());
    host.run_for(MINUTE);
    assert_eq!(host.acted_on(), ["web"]);
    host.sees("memory", alive("2"));
    host.run_for(MINUTE / 2);
    assert!(host.messages("restarted_by_others").is_empty());
}

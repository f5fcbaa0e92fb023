use crate::host::{MINUTE, ScriptedHost, bad, good, services, unknown};

/// `a` depends on `b`, and `b` on `c`.
fn chain() -> ScriptedHost {
    let settings = services(3, "").replace("[check.a]\n", "[check.a]\ndepends_on = \"b\"\n");
    ScriptedHost::new(&settings.replace("[check.b]\n", "[check.b]\ndepends_on = \"c\"\n"))
}

#[test]
fn a_failing_dependency_makes_victims_and_one_incident() {
    let mut host = chain();
    host.run_for(MINUTE);
    for check in ["a", "b", "c"] {
        host.sees(check, bad());
    }
    host.run_for(3 * MINUTE);
    assert_eq!(host.kinds().iter().filter(|kind| **kind == "incident_opened").count(), 1);
    assert!(host.acted_on().iter().all(|target| *target == "c"), "{:?}", host.acted_on());
    assert!(!host.acts.is_empty());
    assert_eq!((host.phase("a").as_str(), host.phase("b").as_str()), ("blocked", "blocked"));
    // Which of them is looked at first is chance: `a` may be told as a victim of both.
    let mut told = host.messages("victim");
    told.sort();
    let [of_a, of_b] = told.try_into().expect("two victims");
    assert!(of_a.starts_with("down by a, a victim of `b`"), "{of_a}");
    assert_eq!(of_b, "down by b, a victim of `c`: left alone until that is up again");
}

#[test]
fn a_victim_that_is_seen_down_first_waits_until_its_dependency_was_looked_at() {
    // The target is looked at all the time, what it depends on once in ten minutes.
    let settings = services(2, "").replace("[check.a]\n", "[check.a]\ndepends_on = \"b\"\n");
    let slow = settings.replacen("30s", "5s", 1).replacen("30s", "10m", 1);
    let mut host = ScriptedHost::new(&slow);
    host.run_for(2 * MINUTE);
    host.sees("a", bad());
    host.sees("b", bad());
    host.run_for(2 * MINUTE);
    assert_eq!(host.acted_on(), ["b", "b"]);
    assert_eq!(host.messages("incident_opened").len(), 1);
    assert_eq!(host.phase("a"), "blocked");
}

#[test]
fn victims_that_stay_down_get_their_own_try_after_a_fresh_look() {
    let mut host = chain();
    host.run_for(MINUTE);
    for check in ["a", "b", "c"] {
        host.sees(check, bad());
    }
    host.run_for(2 * MINUTE);
    host.sees("c", good());
    host.sees("b", good());
    host.run_for(2 * MINUTE);
    assert_eq!(host.phase("b"), "healthy");
    assert!(host.acted_on().contains(&"a"), "{:?}", host.acted_on());
    let acted = host.acts.iter().position(|act| act.target == "a").expect("acted on");
    let looks = &host.probes[&host.place("a")];
    assert!(acted > 0 && looks.len() > 3);
}

#[test]
fn a_dependency_that_cannot_be_told_holds_the_action_but_not_the_alarm() {
    let mut host = chain();
    host.run_for(MINUTE);
    host.sees("b", unknown());
    host.run_for(3 * MINUTE);
    host.sees("a", bad());
    host.run_for(5 * MINUTE);
    assert!(host.acts.is_empty());
    assert_eq!(host.phase("a"), "blocked");
    assert_eq!(host.messages("incident_opened").len(), 1, "somebody must look into it");
    assert_eq!(host.messages("refused").len(), 1);
    assert!(host.messages("refused")[0].contains("dependency `b` cannot be told to be up since"));
}

#[test]
fn what_is_down_for_a_reason_of_its_own_is_acted_on_though_a_dependency_of_another_check_is_down() {
    let settings = services(2, "") + "[check.disk]\nfile = { path = \"/x\" }\n";
    let settings = settings.replace("[check.a]\n", "[check.a]\ndepends_on = \"b\"\n");
    let mut host =
        ScriptedHost::new(&settings.replace("when = [\"a\"]", "when = [\"a\", \"disk\"]"));
    host.run_for(MINUTE);
    host.sees("b", bad());
    host.sees("a", bad());
    host.sees("disk", bad());
    host.run_for(10 * MINUTE);
    assert!(host.acted_on().contains(&"a"), "the disk explains it: {:?}", host.acted_on());
}

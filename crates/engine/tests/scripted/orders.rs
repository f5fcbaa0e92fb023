use std::time::Duration;

use evenkeel_engine::{Engine, Input, Order, Past, Start};

use crate::host::{MINUTE, PROGRAMS, ScriptedHost, WALL, WEB, bad, fatal, good, programs};

fn hold(host: &ScriptedHost, target: &str, minutes: Option<u32>) -> Order {
    let until = minutes.map(|minutes| host.at(minutes * MINUTE));
    let (target, reason, by) = (target.to_owned(), "an upgrade".to_owned(), "ann".to_owned());
    Order::Hold { target, until, reason, by }
}

#[test]
fn a_held_target_is_left_alone_until_its_hold_ends_by_itself() {
    let mut host = ScriptedHost::new(WEB);
    host.run_for(MINUTE);
    host.order(hold(&host, "web", Some(60)));
    host.seen.insert(0, bad());
    host.run_for(59 * MINUTE);
    assert!(host.acts.is_empty());
    host.run_for(2 * MINUTE);
    assert_eq!(host.acts.len(), 1);
    assert_eq!(host.messages("hold_ended"), ["the hold ended by itself after 1.0 h: an upgrade"]);
}

#[test]
fn a_hold_without_an_end_lasts_until_it_is_released() {
    let mut host = ScriptedHost::new(WEB);
    host.order(hold(&host, "*", None));
    host.seen.insert(0, bad());
    host.run_for(48 * 60 * MINUTE);
    assert!(host.acts.is_empty());
    host.order(Order::Release { target: "*".to_owned(), by: "bob".to_owned() });
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1);
    assert_eq!(host.messages("released"), ["released by bob after 48.0 h"]);
}

/// The scripted host begins at 14:13:20.
fn with_windows(windows: &str) -> ScriptedHost {
    let check = "[check.web]\n";
    assert!(WEB.contains(check));
    ScriptedHost::new(&WEB.replace(check, &format!("{check}maintenance = {windows}\n")))
}

#[test]
fn a_check_is_held_in_its_windows_of_maintenance_and_acted_on_after_them() {
    let mut host = with_windows(r#"["14:20-14:40", "14:40-15:00"]"#);
    host.run_for(8 * MINUTE);
    assert_eq!(
        host.messages("held"),
        ["held by the settings until 2026-09-21 15:00 UTC: maintenance 14:20-14:40, 14:40-15:00"]
    );
    host.seen.insert(0, bad());
    host.run_for(38 * MINUTE);
    assert!(host.acts.is_empty());
    host.run_for(3 * MINUTE);
    assert!(!host.acts.is_empty(), "{:?}", host.records);
    assert_eq!(host.messages("hold_ended").len(), 1);
    host.run_for(24 * 60 * MINUTE);
    assert_eq!(host.messages("held").len(), 2, "and again the next day");
}

#[test]
fn a_window_whose_hold_an_operator_released_is_over_also_after_a_reload() {
    let mut host = with_windows(r#""14:10-15:00""#);
    host.seen.insert(0, bad());
    host.run_for(5 * MINUTE);
    assert!(host.acts.is_empty());
    host.order(Order::Release { target: "web".to_owned(), by: "ann".to_owned() });
    let settings = host.engine.settings().clone();
    host.engine.reconfigure(host.now, 8, settings);
    host.run_for(15 * MINUTE);
    assert!(!host.acts.is_empty());
    assert_eq!(host.messages("held").len(), 1, "once");
}

#[test]
fn what_an_operator_holds_is_his_and_the_rest_of_the_window_is_held_without_a_gap() {
    let mut host = with_windows(r#""15:00-16:00""#);
    host.seen.insert(0, bad());
    host.order(hold(&host, "web", Some(60)));
    host.run_for(Duration::from_mins(59));
    assert_eq!(host.messages("held").len(), 1, "his");
    host.run_for(Duration::from_mins(20));
    assert_eq!(host.messages("held").len(), 2, "and then the window's");
    host.order(hold(&host, "web", Some(5)));
    host.run_for(Duration::from_mins(20));
    assert_eq!(host.messages("held").len(), 4, "and again");
    host.order(hold(&host, "web", None));
    host.order(Order::Release { target: "web".to_owned(), by: "ann".to_owned() });
    host.run_for(Duration::from_mins(5));
    assert_eq!(host.messages("held").len(), 6, "his own was released, not the window's");
    assert!(host.acts.is_empty(), "{:?}", host.records);
}

#[test]
fn a_window_that_is_always_open_is_one_hold_and_its_release_lasts() {
    let mut host = with_windows(r#""00:00-24:00""#);
    host.seen.insert(0, bad());
    host.run_for(48 * 60 * MINUTE);
    assert!(host.acts.is_empty());
    assert_eq!(host.messages("held").len(), 1);
    host.order(Order::Release { target: "web".to_owned(), by: "ann".to_owned() });
    host.run_for(48 * 60 * MINUTE);
    assert!(!host.acts.is_empty());
    assert_eq!(host.messages("held").len(), 1);
}

#[test]
fn a_clock_that_is_set_out_of_a_window_ends_it_and_one_set_into_it_begins_it() {
    let mut host = with_windows(r#""14:10-15:00""#);
    host.run_for(5 * MINUTE);
    assert_eq!(host.messages("held").len(), 1);
    let set = |host: &mut ScriptedHost, hours: i64| {
        let wall = WALL + jiff::SignedDuration::from_hours(hours);
        host.engine.set_clock(host.now, wall);
        host.run_for(MINUTE);
    };
    set(&mut host, 3);
    assert_eq!(host.messages("hold_ended").len(), 1);
    set(&mut host, 0);
    assert_eq!(host.messages("held").len(), 2);
}

#[test]
fn a_window_that_the_settings_no_longer_have_ends_with_the_reload() {
    let mut host = with_windows(r#""14:10-15:00""#);
    host.seen.insert(0, bad());
    host.run_for(5 * MINUTE);
    assert!(host.acts.is_empty());
    host.engine.reconfigure(host.now, 8, ScriptedHost::new(WEB).engine.settings().clone());
    host.run_for(5 * MINUTE);
    assert_eq!(host.messages("hold_ended").len(), 1);
    assert!(!host.acts.is_empty());
}

#[test]
fn a_hold_of_one_part_leaves_the_others_to_their_recovery() {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.seen.insert(0, programs(&[("a", fatal()), ("b", fatal())]));
    host.order(hold(&host, "supervisor/a", None));
    host.run_for(MINUTE);
    assert!(!host.acts.is_empty());
    assert!(host.acts.iter().all(|act| act.target == "supervisor/b"), "{:?}", host.acts);
}

#[test]
fn an_operator_resets_what_is_exhausted() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(50 * MINUTE);
    assert_eq!((host.acts.len(), host.phase("web").as_str()), (2, "exhausted"));
    host.order(Order::Reset { target: "web".to_owned(), by: "ann".to_owned() });
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 3, "a fresh try");
    assert_eq!((host.acts[2].step, host.acts[2].attempt), (0, 0));
}

#[test]
fn a_look_that_is_asked_for_while_one_is_under_way_follows_it_at_once() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(50 * MINUTE);
    assert_eq!(host.phase("web"), "exhausted");
    host.hanging.push(0);
    host.run_for(MINUTE);
    let (looks, overruns) = (host.probes[&0].len(), host.overruns);
    host.order(Order::Reset { target: "web".to_owned(), by: "ann".to_owned() });
    assert_eq!((host.probes[&0].len(), host.overruns), (looks, overruns), "it waits for its end");
    host.hanging.clear();
    host.answer_late(0, good());
    assert_eq!(host.probes[&0].last(), Some(&host.now));
    assert_eq!(host.probes[&0].len(), looks + 1);
}

#[test]
fn a_name_that_is_no_target_is_answered_with_the_nearest_one() {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.seen.insert(0, programs(&[("worker", good().outcome)]));
    host.run_for(MINUTE);
    for known in ["*", "supervisor", "supervisor/worker"] {
        assert_eq!(host.engine.knows_target(known), Ok(()), "{known}");
    }
    let unknown = host.engine.knows_target("supervisor/wroker").expect_err("no such target");
    assert_eq!(
        unknown.to_string(),
        "there is no target `supervisor/wroker`; did you mean `supervisor/worker`? (accepted: `*`, `supervisor`, `supervisor/worker`)"
    );
}

#[test]
fn what_survives_goes_through_json_and_is_in_force_again() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(MINUTE);
    host.order(hold(&host, "web", Some(60)));
    let past = host.engine.past(host.now, WALL);
    let kept = serde_json::to_string(&past).expect("plain data");
    let read: Past = serde_json::from_str(&kept).expect("what was written");
    assert_eq!(read, past);
    let settings = host.engine.settings().clone();
    let start =
        Start { now: host.now, wall: WALL, seed: 1, spread: true, observe_only: None, past: read };
    let engine = Engine::new(settings, start);
    assert_eq!(engine.holds(), host.engine.holds());
    assert_eq!(engine.past(host.now, WALL), past);
}

#[test]
fn hints_while_a_look_is_under_way_lead_to_one_more_after_a_pause() {
    let mut host = ScriptedHost::new(WEB);
    host.hanging.push(0);
    host.run_for(MINUTE);
    let looks = host.probes[&0].len();
    for _ in 0..3 {
        host.feed(Input::Hinted { check: 0 });
        host.run_for(Duration::from_secs(4));
    }
    host.hanging.clear();
    host.answer_late(0, good());
    assert_eq!(host.probes[&0].len(), looks, "not at once");
    let ended = host.now;
    host.run_for(Duration::from_secs(3));
    assert_eq!(
        host.probes[&0][looks..],
        [ended + Duration::from_secs(3)],
        "a tenth of the interval later"
    );
}

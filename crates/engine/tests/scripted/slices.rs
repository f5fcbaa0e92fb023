//! What results mean for availability: slices, settled one after the other.

use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_engine::{Effect, Order, Slice};
use evenkeel_metrics::availability::Verdict;
use evenkeel_probe::{Measurement, Outcome};
use jiff::SignedDuration;

use crate::host::{MINUTE, ScriptedHost, WALL, bad, good};

/// Two checks with slices of 30 s and one minute, and what needs both.
const SETTINGS: &str = r#"
[agent]
grace = "0s"
[check.web]
http = { url = "http://127.0.0.1:1/" }
interval = "30s"
timeout = "1s"
failure_threshold = 3
success_threshold = 1
[check.queue]
http = { url = "http://127.0.0.1:2/" }
interval = "1m"
timeout = "1s"
failure_threshold = 1
success_threshold = 1
[slo.site]
checks = ["web", "queue"]
objective = 0.99
"#;
const QUEUE: usize = 0;
const WEB: usize = 1;

/// So many slices of each verdict: good, bad, unknown, maintenance.
fn counts(slices: &[Slice], subject: &str) -> [u32; 4] {
    let mut counts = [0; 4];
    for slice in slices.iter().filter(|slice| &*slice.subject == subject) {
        let place = match slice.verdict {
            Verdict::Good => 0,
            Verdict::Bad => 1,
            Verdict::Unknown => 2,
            Verdict::Maintenance => 3,
        };
        counts[place] += slice.slices;
    }
    counts
}

/// That slices of a subject follow each other without a gap, and none is told twice.
#[track_caller]
fn assert_in_a_row(slices: &[Slice], subject: &str) {
    let own: Vec<_> = slices.iter().filter(|slice| &*slice.subject == subject).collect();
    assert!(own.windows(2).all(|pair| pair[0].until == pair[1].from), "{own:#?}");
}

/// A look that can tell nothing.
fn told_nothing() -> Measurement {
    let Measurement { outcome: Outcome::Bad(failure), .. } = bad() else { panic!("it is bad") };
    Measurement { outcome: Outcome::Unknown(failure), ..good() }
}

fn settled(host: &mut ScriptedHost) -> Vec<Slice> {
    let now = host.now;
    let rest = host.engine.settle(now).into_iter().filter_map(|effect| match effect {
        Effect::Slice(slice) => Some(slice),
        _ => None,
    });
    std::mem::take(&mut host.slices).into_iter().chain(rest).collect()
}

#[test]
fn an_outage_is_counted_from_its_first_failed_result_for_the_check_and_for_what_needs_it() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.run_for(10 * MINUTE);
    host.seen.insert(WEB, bad());
    host.run_for(10 * MINUTE);
    host.seen.insert(WEB, good());
    host.run_for(10 * MINUTE);
    let slices = settled(&mut host);
    let [good, bad, unknown, held] = counts(&slices, "web");
    assert!(bad.abs_diff(20) <= 1, "ten minutes are 20 slices: {bad} in {slices:#?}");
    assert!(good.abs_diff(40) <= 2, "{good}");
    assert_eq!((unknown, held), (0, 0));
    let [_, of_site, ..] = counts(&slices, "slo:site");
    assert_eq!(of_site, bad);
    assert_eq!(counts(&slices, "queue")[1], 0);
    for subject in ["web", "queue", "slo:site"] {
        assert_in_a_row(&slices, subject);
    }
}

#[test]
fn a_failure_that_does_not_last_is_no_outage() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.run_for(10 * MINUTE);
    let looks = host.probes[&WEB].len();
    host.seen.insert(WEB, bad());
    while host.probes[&WEB].len() == looks {
        host.run_for(Duration::from_secs(1));
    }
    host.seen.insert(WEB, good());
    host.run_for(10 * MINUTE);
    assert_eq!(counts(&settled(&mut host), "web")[1..], [0, 0, 0]);
}

#[test]
fn what_can_not_be_told_is_unknown_and_of_an_objective_too_unless_another_check_is_bad() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.seen.insert(QUEUE, told_nothing());
    host.run_for(10 * MINUTE);
    host.seen.insert(WEB, bad());
    host.run_for(10 * MINUTE);
    let slices = settled(&mut host);
    assert_eq!(counts(&slices, "queue")[..2], [0, 0], "{slices:#?}");
    let [good, bad, unknown, _] = counts(&slices, "slo:site");
    assert_eq!(good, 0);
    assert!(bad.abs_diff(20) <= 2 && unknown.abs_diff(20) <= 3, "{bad} {unknown}");
}

#[test]
fn what_an_operator_holds_is_maintenance_from_then_on() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.run_for(10 * MINUTE);
    let until = Some(host.at(20 * MINUTE));
    let (target, reason, by) = ("web".to_owned(), "an upgrade".to_owned(), "ann".to_owned());
    host.order(Order::Hold { target, until, reason, by });
    host.seen.insert(WEB, bad());
    host.run_for(8 * MINUTE);
    host.seen.insert(WEB, good());
    host.run_for(22 * MINUTE);
    let slices = settled(&mut host);
    for subject in ["web", "slo:site"] {
        let [_, bad, unknown, held] = counts(&slices, subject);
        assert_eq!((bad, unknown), (0, 0), "{subject} {slices:#?}");
        assert!(held.abs_diff(40) <= 1, "{subject} {held}");
    }
}

#[test]
fn a_check_that_hangs_is_unknown_for_the_time_that_nobody_looked() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.run_for(10 * MINUTE);
    host.hanging.push(WEB);
    host.run_for(10 * MINUTE);
    let [_, bad, unknown, _] = counts(&settled(&mut host), "web");
    assert_eq!(bad, 0);
    assert!(unknown.abs_diff(20) <= 2, "{unknown}");
}

#[test]
fn new_settings_that_leave_a_check_as_it_is_lose_no_slice() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.run_for(10 * MINUTE);
    let settings = load_text("test.toml", SETTINGS).expect("the same settings");
    host.engine.reconfigure(host.now, 1, settings);
    host.run_for(10 * MINUTE);
    let slices = settled(&mut host);
    assert_eq!(counts(&slices, "web")[1..], [0, 0, 0], "{slices:#?}");
    for subject in ["web", "queue", "slo:site"] {
        assert_in_a_row(&slices, subject);
    }
}

#[test]
fn after_the_clock_was_set_slices_begin_anew_at_the_new_time() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.run_for(10 * MINUTE);
    let later = WALL + SignedDuration::from_hours(24);
    host.engine.set_clock(host.now, later);
    host.slices.clear();
    host.run_for(10 * MINUTE);
    let slices = settled(&mut host);
    assert!(slices.iter().all(|slice| slice.from > later - SignedDuration::from_mins(2)));
    let [good, bad, ..] = counts(&slices, "slo:site");
    assert!(good >= 16 && bad == 0, "{good} {bad}");
}

#[test]
fn a_clock_that_is_off_by_a_little_changes_nothing() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.run_for(10 * MINUTE);
    host.engine.set_clock(host.now, WALL + SignedDuration::from_secs(601));
    host.run_for(10 * MINUTE);
    assert_in_a_row(&settled(&mut host), "web");
}

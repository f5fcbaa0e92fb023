use std::time::Duration;

use evenkeel_engine::Order;

use crate::host::{MINUTE, ScriptedHost, WEB, bad, good};

const SECOND: Duration = Duration::from_secs(1);

fn hold() -> Order {
    let (target, reason, by) = ("web".to_owned(), "a look at it".to_owned(), "ann".to_owned());
    Order::Hold { target, until: None, reason, by }
}

fn release() -> Order {
    Order::Release { target: "web".to_owned(), by: "ann".to_owned() }
}

/// A check that changes its hard state with each look.
const FLAPPY: &str = "failure_threshold = 1\nretries = 0\nflap = { hold = \"5m\" }\n";

fn flappy() -> ScriptedHost {
    let settings = WEB
        .replace("\nretries = 1", "")
        .replace("failure_threshold = { failures = 2, within = 2 }\n", FLAPPY)
        .replace("interval = \"30s\"", "interval = \"10s\"");
    ScriptedHost::new(&settings)
}

#[test]
fn what_goes_up_and_down_is_left_alone_with_one_notice_on_entry_and_one_on_exit() {
    let mut host = flappy();
    host.run_for(MINUTE);
    // A hold keeps our own actions out of the picture until it flaps.
    host.order(hold());
    for round in 0..12 {
        host.sees("web", if round % 2 == 0 { bad() } else { good() });
        host.run_for(10 * SECOND);
    }
    host.order(release());
    let before = host.acts.len();
    assert_eq!(host.messages("flapping_started").len(), 1);
    host.sees("web", bad());
    host.run_for(60 * SECOND);
    assert_eq!(host.phase("web"), "flap_hold");
    assert_eq!(host.acts.len(), before, "no action means anything");
    let refused = host.messages("refused");
    assert!(
        refused.last().expect("told").contains("goes up and down too often since"),
        "{refused:?}"
    );
    // Calm, though down: after the hold it is suspected, looked at afresh, and acted on.
    host.run_for(10 * MINUTE);
    assert_eq!(host.messages("flapping_ended").len(), 1);
    assert!(host.acts.len() > before);
}

#[test]
fn flapping_survives_the_agent() {
    let mut host = flappy();
    host.run_for(MINUTE);
    // A hold keeps our own actions out of the picture until it flaps.
    host.order(hold());
    for round in 0..12 {
        host.sees("web", if round % 2 == 0 { bad() } else { good() });
        host.run_for(10 * SECOND);
    }
    host.order(release());
    let past = host.engine.past(host.now, crate::host::WALL);
    let [ring] = past.flaps.as_slice() else { panic!("{:?}", past.flaps) };
    assert!(ring.flapping_since.is_some() && ring.ups.len() > 6);
    let settings = host.engine.settings().clone();
    let mut next = flappy();
    next.now = host.now;
    let start = evenkeel_engine::Start {
        now: host.now,
        wall: crate::host::WALL,
        seed: 1,
        spread: false,
        observe_only: None,
        past,
    };
    next.engine = evenkeel_engine::Engine::new(settings, start);
    next.sees("web", bad());
    next.run_for(MINUTE);
    assert_eq!((next.acts.len(), next.phase("web").as_str()), (0, "flap_hold"));
}

//! The engine over one interval, with a host that answers each probe at once.

use std::fmt::Write as _;
use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_engine::{Effect, Engine, Input, Past, Start};
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, Measurement, Outcome};
use jiff::Timestamp;

use crate::counted_by_callgrind;

const INTERVAL: Duration = Duration::from_secs(10);

/// Each check is looked at once, and all is well: what an agent does nearly all of its life.
pub(crate) fn interval(checks: u32) {
    let mut text = "[agent]\ngrace = \"0s\"\n".to_owned();
    for check in 0..checks {
        write!(
            text,
            "[check.c{check}]\ntcp = {{ address = \"127.0.0.1:80\" }}\ninterval = \"10s\"\n"
        )
        .expect("a string takes everything");
    }
    let settings = load_text("gate.toml", &text).expect("settings");
    let mut now = Moment::ORIGIN + Duration::from_hours(1);
    let (wall, past) = (Timestamp::UNIX_EPOCH, Past::default());
    let start = Start { now, wall, seed: 7, spread: true, observe_only: None, past };
    let mut engine = Engine::new(settings, start);
    // Until all are up, and none is looked at more closely any more.
    let (probes, settled) = run(&mut engine, now, now + INTERVAL * 5);
    assert!(probes >= 4 * checks, "{probes} probes");
    now = settled;
    let (probes, _) = counted_by_callgrind(|| run(&mut engine, now, now + INTERVAL));
    assert!((checks..=checks + 1).contains(&probes), "{probes} probes of {checks} checks");
}

/// Runs until `end`; how many probes there were, and the moment at which it stopped.
fn run(engine: &mut Engine, mut now: Moment, end: Moment) -> (u32, Moment) {
    let mut probes = 0;
    loop {
        let mut inputs = vec![Input::Tick];
        while let Some(input) = inputs.pop() {
            for effect in engine.handle(now, input) {
                if let Effect::Probe { check, run } = effect {
                    probes += 1;
                    inputs.push(Input::Measured { check, run, measurement: good() });
                }
            }
        }
        match engine.deadline(now) {
            Some(next) if next < end => now = next.max(now + Duration::from_nanos(1)),
            _ => return (probes, end),
        }
    }
}

fn good() -> Measurement {
    let took = Duration::from_millis(3);
    Measurement { took, outcome: Outcome::Good, facts: Facts::default(), parts: Vec::new() }
}

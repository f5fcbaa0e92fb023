//! `evenkeel config check` says within how long a fault makes a check down.

use std::time::Duration;

use proptest::prelude::*;

use crate::host::{MINUTE, ScriptedHost, alive, good, timeout};

const STEP: Duration = Duration::from_millis(50);

fn is_down(host: &ScriptedHost) -> bool {
    host.engine.status(host.now, jiff::Timestamp::UNIX_EPOCH).checks[0].state == "down"
}

fn told(host: &ScriptedHost) -> Duration {
    host.engine.settings().checks[0].longest_detection().expect("it has no breaker")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_hangs_is_down_within_the_time_that_is_told(
        failures in 1..5u32,
        retries in 0..3u32,
        timeout_ms in 100..2_000u64,
        spare_ms in 0..40_000u64,
        up_ms in 0..30_000u64,
    ) {
        let interval = u64::from(retries + 1) * timeout_ms + u64::from(retries) * 200 + spare_ms;
        let settings = format!(
            "[check.web]\nhttp = {{ url = \"http://127.0.0.1:2/\" }}\ninterval = \"{interval}ms\"\n\
             timeout = \"{timeout_ms}ms\"\nretries = {retries}\nfailure_threshold = {failures}\n"
        );
        let mut host = ScriptedHost::new(&settings);
        host.seen.insert(0, good());
        host.run_for(5 * MINUTE + Duration::from_millis(up_ms));
        host.hanging.push(0);
        let (began, longest) = (host.now, told(&host));
        while !is_down(&host) {
            let took = host.now.saturating_since(began);
            // What a step of this loop adds to each answer.
            let runs = STEP * (failures * (retries + 1) + 1);
            prop_assert!(took <= longest + runs, "not down after {took:?}, {longest:?} are told");
            host.run_for(STEP);
            let asked = host.probes[&0].last().copied();
            let is_late = |asked| host.now.saturating_since(asked) >= Duration::from_millis(timeout_ms);
            if host.waits.contains_key(&0) && asked.is_some_and(is_late) {
                host.answer_late(0, timeout());
            }
        }
    }

    #[test]
    fn what_has_to_last_is_down_within_the_time_that_is_told(
        failures in 1..5u32,
        interval in 1..90u64,
        lasts in 1..600u64,
        up in 0..90u64,
    ) {
        let settings = format!(
            "[check.worker]\nprocess = {{ pidfile = \"/run/worker.pid\" }}\ninterval = \"{interval}s\"\n\
             timeout = \"500ms\"\nfailure_threshold = {failures}\n\
             conditions = [{{ field = \"rss_bytes\", above = \"300MB\", for = \"{lasts}s\" }}]\n"
        );
        let worker = |bytes| {
            let mut seen = alive("7@1");
            seen.facts.set("rss_bytes", bytes);
            seen
        };
        let mut host = ScriptedHost::new(&settings);
        host.sees("worker", worker(1e6));
        host.run_for(5 * MINUTE + Duration::from_secs(up));
        host.sees("worker", worker(4e8));
        let (began, longest) = (host.now, told(&host));
        while !is_down(&host) {
            let took = host.now.saturating_since(began);
            prop_assert!(took <= longest + STEP, "not down after {took:?}, {longest:?} are told");
            host.run_for(STEP);
        }
    }
}

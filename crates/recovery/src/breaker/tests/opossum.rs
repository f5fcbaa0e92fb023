//! `compat = "opossum"` beside traces that `tests/opossum/record.js` recorded from opossum 10.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Recorded {
    opossum: String,
    traces: Vec<Trace>,
}

#[derive(Deserialize)]
struct Trace {
    name: String,
    options: Options,
    #[serde(rename = "trace")]
    steps: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    error_threshold_percentage: u32,
    volume_threshold: u32,
    reset_timeout: u64,
    rolling_count_timeout: u64,
    rolling_count_buckets: u32,
}

#[derive(Deserialize)]
struct Entry {
    step: Step,
    /// Milliseconds to wait, or which of the calls that were let through has its result.
    #[serde(default)]
    value: u64,
    admitted: Option<bool>,
    state: BreakerState,
    fires: u32,
    failures: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Fire,
    Success,
    Failure,
    Wait,
}

fn compatible(options: &Options) -> Draft {
    let reset_timeout = Duration::from_millis(options.reset_timeout);
    Draft {
        error_threshold: options.error_threshold_percentage,
        request_volume_threshold: options.volume_threshold,
        reset_timeout,
        window: Window::Time {
            length: Duration::from_millis(options.rolling_count_timeout),
            buckets: options.rolling_count_buckets,
        },
        compat: Compat::Opossum,
        ..Draft::default()
    }
}

#[test]
fn it_does_step_by_step_what_opossum_did() {
    let recorded: Recorded =
        serde_json::from_str(include_str!("../../../tests/opossum/traces.json")).unwrap();
    assert_eq!(recorded.opossum, "10.0.0");
    assert_eq!(recorded.traces.len(), 53);
    for Trace { name, options, steps } in &recorded.traces {
        let mut breaker = breaker(compatible(options));
        let mut now = at(0);
        let mut calls = Vec::new();
        for (number, entry) in steps.iter().enumerate() {
            let call = usize::try_from(entry.value).unwrap();
            match entry.step {
                Step::Wait => now = now + Duration::from_millis(entry.value),
                Step::Fire => {
                    let permit = breaker.try_acquire(now);
                    assert_eq!(Some(permit.is_ok()), entry.admitted, "{name}, step {number}");
                    calls.extend(permit.ok().map(Some));
                }
                Step::Success => {
                    breaker.success(calls[call].take().unwrap(), now);
                }
                Step::Failure => {
                    breaker.failure(calls[call].take().unwrap(), now);
                }
            }
            let Counts { results, failures, .. } = breaker.counts(now);
            assert_eq!(
                (breaker.state(now), results, failures),
                (entry.state, entry.fires, entry.failures),
                "{name}, step {number}"
            );
        }
    }
}

#[test]
fn what_opossum_does_not_know_is_refused() {
    let window = Window::Time { length: RESET, buckets: 10 };
    let compatible = || Draft { compat: Compat::Opossum, window, ..draft() };
    assert!(Config::try_new(compatible()).is_ok());
    let slow_call = Some(SlowCall { threshold: RESET, rate: 50 });
    for (key, draft) in [
        ("window.size", Draft { window: draft().window, ..compatible() }),
        ("half_open_max_calls", Draft { half_open_max_calls: 2, ..compatible() }),
        ("half_open_successes", Draft { half_open_successes: 2, ..compatible() }),
        ("reset_multiplier", Draft { reset_multiplier: 2, ..compatible() }),
        ("slow_call.rate", Draft { slow_call, ..compatible() }),
    ] {
        let error = Config::try_new(draft).unwrap_err();
        assert_eq!(error.key, key);
        assert!(error.to_string().ends_with("with `compat = \"opossum\"`"), "{error}");
    }
}

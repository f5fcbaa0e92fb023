//! One attempt at targets that answer, fail, hang and vanish.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod dns;
mod exec;
mod fake;
mod file;
mod hostile;
mod http;
mod pki;
mod process;
mod redirect;
mod supervisor;
mod tcp;
mod tls;
mod unix;

use std::time::{Duration, Instant};

use evenkeel_probe::{FailureClass, Measurement, Outcome, Prober, Target};

const AMPLE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);
/// An attempt with the deadline `SHORT` ends within this also on a busy machine.
const SLACK: Duration = Duration::from_secs(10);

async fn measure(target: Target) -> Measurement {
    Prober::new().measure(&target, AMPLE).await
}

/// For targets that never come to an end.
async fn measure_shortly(target: Target) -> Measurement {
    let measurement = Prober::new().measure(&target, SHORT).await;
    assert!((SHORT..SLACK).contains(&measurement.took), "{measurement:?}");
    measurement
}

#[track_caller]
fn assert_good(measurement: &Measurement, target: &Target) {
    assert_eq!(measurement.outcome, Outcome::Good);
    // These are only where a condition judges them, TLS is spoken, or the kernel and systemd know of them.
    let conditional =
        ["body", "response", "cert_days", "cert_expiry_seconds", "cert_subject", "unit", "sha256"];
    let conditional = |name: &str| conditional.contains(&name) || name.starts_with("cgroup");
    for field in target.fields().iter().filter(|field| !conditional(field.name)) {
        assert!(
            measurement.facts.get(field.name).is_some(),
            "no `{}` in {measurement:?}",
            field.name
        );
    }
}

#[track_caller]
fn assert_bad(measurement: &Measurement, class: FailureClass) {
    let Outcome::Bad(failure) = &measurement.outcome else { panic!("{measurement:?}") };
    assert_eq!(failure.class, class, "{failure}");
}

#[track_caller]
fn assert_unknown(measurement: &Measurement, class: FailureClass) {
    let Outcome::Unknown(failure) = &measurement.outcome else { panic!("{measurement:?}") };
    assert_eq!(failure.class, class, "{failure}");
}

/// Waits for a condition, and fails if it does not come about.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + AMPLE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

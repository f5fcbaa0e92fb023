//! Which process `/metrics?process=NAME` is about.

use axum::http::StatusCode;
use evenkeel_engine::Status;
use evenkeel_metrics::{Identity, ProcessStats};

/// What the process of the check, or of its part, that is named `name` uses now. A process that is gone is 503: the series
/// ends, as it should.
pub(crate) async fn stats(
    shown: &Status,
    name: &str,
) -> Result<ProcessStats, (StatusCode, String)> {
    let Some(process) = named(shown, name) else {
        let known = shown.checks.iter().filter(|check| check.kind == "process");
        let names: Vec<_> = known.map(|check| check.name.as_str()).collect();
        let text = format!(
            "no check of a process or unit has that name, nor a program as CHECK/PROGRAM; there is: {}\n",
            names.join(", ")
        );
        return Err((StatusCode::NOT_FOUND, text));
    };
    let gone = || (StatusCode::SERVICE_UNAVAILABLE, "the process is not there\n".to_owned());
    let read = tokio::task::spawn_blocking(move || match process {
        Watched::Exactly(identity) => ProcessStats::read_exactly(identity).ok(),
        Watched::Number(pid) => ProcessStats::read(pid).ok(),
        Watched::Gone => None,
    });
    read.await.ok().flatten().ok_or_else(gone)
}

/// A process that a check watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    Exactly(Identity),
    /// Nobody says when it was started.
    Number(u32),
    /// It does not run.
    Gone,
}

/// The process that `name` means: of a check, or `CHECK/PART` of a part; `None`: there is nothing of that name.
fn named(shown: &Status, name: &str) -> Option<Watched> {
    let exactly = |process: &Option<String>| {
        process.as_deref().and_then(Identity::of_incarnation).map(Watched::Exactly)
    };
    for check in &shown.checks {
        if check.name == name && ["process", "systemd"].contains(&check.kind.as_str()) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a process id that was an integer before it became a fact"
            )]
            let number = check.pid.map(|pid| Watched::Number(pid as u32));
            // Without a number it does not run, whoever was seen last.
            return Some(
                number.map_or(Watched::Gone, |number| exactly(&check.process).unwrap_or(number)),
            );
        }
        let part = name.strip_prefix(&check.name).and_then(|rest| rest.strip_prefix('/'));
        if let Some(part) = part.and_then(|name| check.parts.iter().find(|part| part.name == name))
        {
            return Some(exactly(&part.process).unwrap_or(Watched::Gone));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(name: &str, kind: &str, more: &Value) -> Value {
        let mut check = json!({
            "name": name, "kind": kind, "target": "", "state": "up", "since": null, "reason": null, "last_ms": null,
            "interval_ms": 1000, "breaker": null, "rss_bytes": null, "pid": null, "parts": [],
        });
        for (key, value) in more.as_object().expect("an object") {
            check[key] = value.clone();
        }
        check
    }

    fn status() -> Status {
        let part = |name: &str, process: Option<&str>| json!({ "name": name, "state": "up", "reason": null, "process": process });
        let checks = [
            check("memory", "process", &json!({ "pid": 7.0, "process": "7@100" })),
            check("gone", "process", &json!({ "process": "8@100" })),
            check("unit", "systemd", &json!({ "pid": 9.0 })),
            check("web", "http", &json!({})),
            check(
                "workers",
                "supervisor",
                &json!({ "parts": [part("a:b/c", Some("10@5")), part("stopped", None)] }),
            ),
        ];
        let status = json!({
            "version": "0", "mode": "enforce", "mode_reason": null, "started_at": "2026-01-01T00:00:00Z",
            "now": "2026-01-01T00:00:00Z", "healthy": true, "checks": checks, "rules": [], "recoveries": [],
        });
        serde_json::from_value(status).expect("a status")
    }

    #[test]
    fn a_process_is_named_by_its_check_or_by_check_and_program() {
        let status = status();
        let exactly = |pid, start_ticks| Some(Watched::Exactly(Identity { pid, start_ticks }));
        assert_eq!(named(&status, "memory"), exactly(7, 100));
        assert_eq!(named(&status, "unit"), Some(Watched::Number(9)));
        assert_eq!(named(&status, "workers/a:b/c"), exactly(10, 5));
    }

    #[test]
    fn what_does_not_run_is_there_and_what_has_no_process_is_not() {
        let status = status();
        assert_eq!(named(&status, "gone"), Some(Watched::Gone));
        assert_eq!(named(&status, "workers/stopped"), Some(Watched::Gone));
        for unknown in ["web", "workers", "workers/none", "memory/", "", "/"] {
            assert_eq!(named(&status, unknown), None, "{unknown}");
        }
    }
}

//! Why something was done, or not: the same answer from the command, over HTTP, with the agent running and without one.

use evenkeel_tests::{Agent, LONG, Scratch, ask, until};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A file that is not there, a recovery that does not help and may try twice; a rule with a file to put right.
fn settings(scratch: &Scratch) -> String {
    scratch.file("shared/a.hash", "x", 0o600);
    format!(
        r#"
[check.marker]
file = {{ path = "{place}/marker" }}
timeout = "1s"
retries = 0
interval = "1s"

[recovery.web]
when = ["marker"]
steps = [{{ action = "exec", command = ["/bin/true"], timeout = "5s" }}]
max_retries = 5
backoff = {{ initial = "100ms", multiplier = 1, max = "100ms", jitter = 0.0 }}
budget = {{ per_target = "2/1h", per_host = "9/1h" }}
verify_timeout = "2s"
stable_for = "1s"

[permissions.shared]
path = "{place}/shared"
files = [{{ match = "*.hash", mode = "0644" }}]
"#,
        place = scratch.path().display()
    )
}

/// The agent of the settings above, once its budget has refused the third action.
fn refused(scratch: &Scratch) -> Agent {
    let agent = Agent::start(scratch, &settings(scratch));
    agent.await_event("web", "refused");
    agent
}

#[test]
fn a_refusal_is_explained_as_well_as_an_action_also_without_an_agent() {
    let scratch = Scratch::new();
    let mut agent = refused(&scratch);
    let over_http: Value = serde_json::from_str(&agent.get("/api/why/web").body).unwrap();
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);

    let config = agent.config().to_owned();
    let document = ask(&["why", "web", "--json"], &config).json();
    for key in ["subject", "kind", "rules", "intents", "incident"] {
        assert_eq!(document[key], over_http[key], "{key}");
    }
    assert_eq!(document["kind"], "recovery");
    assert_eq!(document["intents"].as_array().map(Vec::len), Some(2));
    let used: Vec<_> = document["budgets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|budget| {
            (budget["scope"].as_str().unwrap(), budget["used"].as_u64(), budget["count"].as_u64())
        })
        .collect();
    assert_eq!(
        used,
        [("target", Some(2), Some(2)), ("group", Some(2), Some(6)), ("host", Some(2), Some(9))]
    );

    let by_number = ask(&["why", "1", "--json"], &config).json();
    assert_eq!(by_number["incident"], document["incident"]);

    let shown = ask(&["why", "web"], &config);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for line in [
        "incident 1 of web: since ",
        "down by marker for ",
        "2 actions so far",
        "not done: ",
        "rule    recovery.web: when marker is down: exec /bin/true; 5 further attempts each, then the next step; \
         at most 2 in 1h for one target, 6 in 1h in the group web and 9 in 1h on the host; proved by the same checks within 2s",
        "budget  2 of 2 used in the last 1h for the target (recovery.web)",
        "budget  2 of 9 used in the last 1h on the host (recovery.web)",
        "ACTION",
        "incident_opened",
        "refused",
    ] {
        assert!(shown.stdout.contains(line), "`{line}` is not in\n{}", shown.stdout);
    }
}

#[test]
fn a_check_and_a_rule_tell_what_happened_to_them_last() {
    let scratch = Scratch::new();
    let agent = refused(&scratch);
    until("the rule repairs", LONG, || scratch.mode("shared/a.hash") == 0o644);
    until("the repair is in the history", LONG, || {
        agent.get("/api/events?kind=repaired").body.contains("0600 -> 0644")
    });
    let rule = ask(&["why", "shared", "--json"], agent.config()).json();
    assert_eq!((rule["kind"].as_str(), rule["incident"].is_null()), (Some("permissions"), true));
    let answer = rule["answer"].as_str().unwrap_or_default();
    assert!(
        answer.starts_with("repaired once, last at 20") && answer.contains("0600 -> 0644"),
        "{answer}"
    );

    let check = ask(&["why", "marker", "--json"], agent.config()).json();
    assert_eq!(
        (check["kind"].as_str(), check["incident"]["target"].as_str()),
        (Some("check"), Some("web"))
    );
    let kinds: Vec<_> =
        check["events"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert!(
        kinds.iter().any(|kind| *kind == "refused")
            && kinds.iter().any(|kind| *kind == "check_changed"),
        "{kinds:?}"
    );
}

#[test]
fn whoever_types_a_name_wrong_is_told_the_nearest() {
    let scratch = Scratch::new();
    let agent = refused(&scratch);
    for (words, code, text) in [
        (
            vec!["why", "wbe"],
            2,
            "`wbe` is not known to the settings or the history; did you mean `web`?",
        ),
        (vec!["why", "99"], 2, "the history knows no incident 99"),
        (
            vec!["events", "--kind", "refusde"],
            2,
            "`refusde` is not the kind of an event; did you mean `refused`?",
        ),
        (vec!["events", "--target", "markre"], 2, "did you mean `marker`?"),
    ] {
        let finished = ask(&words, agent.config());
        assert_eq!(finished.code, Some(code), "{words:?}: {finished:?}");
        assert!(finished.stderr.contains(text), "{words:?}: {finished:?}");
    }
    // A kind that has not happened is no slip.
    let none = ask(&["events", "--kind", "purged", "--json"], agent.config());
    assert_eq!((none.code, none.json()["events"].as_array().map(Vec::len)), (Some(0), Some(0)));
    assert_eq!(agent.get("/api/why/wbe").status, 404);
    assert_eq!(agent.get("/api/events?kind=refusde").status, 404);
    assert_eq!(agent.get("/api/events?since=soon").status, 400);
}

#[test]
fn events_are_told_by_kind_target_and_number_alike_by_command_and_over_http() {
    let scratch = Scratch::new();
    let agent = refused(&scratch);
    let ids = |events: &Value| -> Vec<i64> {
        events["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["id"].as_i64().unwrap())
            .collect()
    };
    let over_http = |path: &str| serde_json::from_str::<Value>(&agent.get(path).body).unwrap();
    let told =
        ask(&["events", "--kind", "intended", "--target", "web", "--json"], agent.config()).json();
    let mut asked = ids(&over_http("/api/events?kind=intended&target=web&since=24h"));
    asked.reverse();
    assert_eq!((ids(&told), asked.len()), (asked, 2));
    let last =
        ask(&["events", "--kind", "intended", "--limit", "1", "--json"], agent.config()).json();
    assert_eq!(ids(&last), ids(&told)[1..]);
    assert_eq!(ids(&over_http("/api/events?kind=intended&limit=1")), ids(&last));
}

//! Dependencies, flapping, storms and shared budgets that cannot be meant so.

use evenkeel_config::load_text;

use super::refused;

#[test]
fn a_circle_of_dependencies_is_named_check_by_check() {
    let settings = r#"[check.web]
tcp = { address = "127.0.0.1:80" }
depends_on = ["app"]
[check.app]
tcp = { address = "127.0.0.1:81" }
depends_on = ["db"]
[check.db]
tcp = { address = "127.0.0.1:82" }
depends_on = ["web"]
"#;
    says(
        settings,
        &[
            "the checks depend on one another in a circle: app -> db -> web -> app",
            "evenkeel.toml:3:15",
            "`app` depends on `db`",
            "`db` depends on `web`",
            "this closes the circle",
        ],
    );
}

/// The text of the error has all of these lines' words.
#[track_caller]
fn says(settings: &str, words: &[&str]) {
    let text = refused(settings);
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

#[test]
fn a_dependency_is_another_check_that_there_is() {
    let settings = r#"[check.web]
tcp = { address = "127.0.0.1:80" }
depends_on = ["dbb", "web"]
[check.db]
tcp = { address = "127.0.0.1:82" }
"#;
    says(settings, &["`check.web.depends_on` names the check itself", "evenkeel.toml:3:22"]);
    let settings = settings.replace(", \"web\"", "");
    says(&settings, &["names a check that does not exist: `dbb`", "did you mean `db`?"]);
}

#[test]
fn conditions_that_leave_no_value_good_are_refused_with_both() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
conditions = [{ field = "latency_ms", above = 3 }, { field = "latency_ms", below = 5 }]
"#;
    let expected = r#"the settings have a problem

error: `check.web.conditions` leaves no value of `latency_ms` good
 --> evenkeel.toml:3:52
  |
3 | conditions = [{ field = "latency_ms", above = 3 }, { field = "latency_ms", below = 5 }]
  |               -----------------------------------  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `latency_ms` below 5
  |               |
  |               or `latency_ms` above 3
  |
  = help: a condition names the fault: the check fails when one of them holds
"#;
    assert_eq!(refused(settings), expected);
    let with = |one: &str, other: &str| {
        let conditions =
            format!("[{{ field = \"status\", {one} }}, {{ field = \"status\", {other} }}]");
        load_text(
            "x.toml",
            &format!("[check.w]\nhttp = {{ url = \"http://h/\" }}\ndegraded = {conditions}\n"),
        )
    };
    for (one, other) in [
        ("differs = 200", "differs = 204"),
        ("differs = 200", "equals = 200"),
        ("at_least = 200", "below = 200"),
        ("at_most = 299", "above = 200"),
        ("differs = 200", "below = 300"),
    ] {
        let error = with(one, other).expect_err(one).to_string();
        assert!(error.contains("leaves no value of `status` good"), "{one}, {other}: {error}");
    }
    for (one, other) in [
        ("above = 5", "below = 3"),
        ("above = 299", "below = 200"),
        ("above = 200", "below = 200"),
        ("equals = 500", "equals = 503"),
        ("differs = 200", "above = 300"),
    ] {
        assert!(with(one, other).is_ok(), "{one}, {other}");
    }
}

#[test]
fn flapping_and_storms_have_their_bounds_and_can_be_switched_off() {
    let check = "[check.web]\ntcp = { address = \"127.0.0.1:80\" }\n";
    says(
        &format!("{check}flap = {{ low = \"40%\" }}\n"),
        &["`check.web.flap.low` cannot be `40%`", "0% on, and less than `high` (30%)"],
    );
    says(&format!("{check}flap = true\n"), &["`true` says nothing", "accepted: a table, or false"]);
    says(
        "[agent]\nstorm = { targets = 1 }\n",
        &["`agent.storm.targets` must be 2 or more", "one target alone makes no storm"],
    );
    says("[agent]\nstorm = { share = 0 }\n", &["`agent.storm.share` must be above 0%"]);
    let off = load_text("x.toml", &format!("[agent]\nstorm = false\n{check}flap = false\n"));
    let off = off.expect("both can be switched off");
    assert_eq!((off.agent.storm, off.checks[0].flap), (None, None));
}

#[test]
fn a_shared_budget_that_the_delays_never_use_up_is_refused_with_the_sum() {
    let recovery = |name: &str| {
        format!(
            "[check.{name}]\ntcp = {{ address = \"127.0.0.1:80\" }}\n[recovery.{name}]\nwhen = \"{name}\"\n\
             steps = [{{ action = \"systemd.restart\", unit = \"{name}\" }}]\nmax_retries = 0\nstable_for = \"30m\"\n\
             group = \"workers\"\nbudget = {{ per_target = \"1/1h\""
        )
    };
    let settings = format!("{}, per_group = \"4/1h\" }}\n{} }}\n", recovery("a"), recovery("b"));
    says(
        &settings,
        &[
            "`recovery.a.budget.per_group` can never be used up",
            "with these delays at most 4 actions start within 1h: 2 of `a` + 2 of `b`",
            "accepted: a count of less than 4",
        ],
    );
    let settings = settings.replace("per_group = \"4/1h\"", "per_host = \"9/2h\"");
    says(&settings, &["`recovery.a.budget.per_host`", "at most 8 actions start within 2h"]);
    let good = settings.replace("9/2h", "3/2h");
    assert!(load_text("x.toml", &good).is_ok());
}

#[test]
fn a_slow_retry_is_a_time_or_never() {
    let recovery = "[check.w]\ntcp = { address = \"127.0.0.1:80\" }\n[recovery.w]\nwhen = \"w\"\nsteps = [{ action = \"systemd.restart\", unit = \"w\" }]\nslow_retry = ";
    let given = |value: &str| load_text("x.toml", &format!("{recovery}{value}\n"));
    let never = given("\"never\"").expect("it can be switched off");
    assert_eq!(never.recoveries[0].slow_retry, None);
    for wrong in ["\"0s\"", "false", "\"nevr\""] {
        assert!(given(wrong).is_err(), "{wrong}");
    }
}

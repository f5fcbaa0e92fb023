//! Settings cut down to what was asked for, and what that needs.

use evenkeel_config::{Settings, load_text};

const TEXT: &str = r#"
[permissions.state]
path = "/srv/state"
files = [{ match = "*", mode = "0644" }]

[permissions.other]
path = "/srv/other"
files = [{ match = "*", mode = "0644" }]

[cleanup.logs]
path = "/srv/logs"
match = ["*.log"]
older_than = "7d"
action = "delete"

[check.disk]
disk = { path = "/srv" }

[check.db]
tcp = { address = "127.0.0.1:5432" }
depends_on = ["disk"]

[check.app]
http = { url = "http://127.0.0.1:8080/" }
depends_on = ["db"]

[check.web]
http = { url = "http://127.0.0.1:8081/" }

[recovery.app]
when = ["app"]
steps = [{ action = "permissions.repair", rule = "state" }, { action = "cleanup.run", rule = "logs" }]

[recovery.both]
when = ["app", "web"]
steps = [{ action = "exec", command = ["/bin/true"] }]

[slo.app]
checks = ["app"]
objective = 0.999

[slo.all]
checks = ["app", "web"]
objective = 0.999
"#;

/// What is left: checks, recoveries, objectives, rules, and rules that steps ask for.
fn left(settings: &Settings) -> [Vec<&str>; 5] {
    let on_call = &settings.on_call;
    [
        settings.checks.iter().map(|check| check.name.as_str()).collect(),
        settings.recoveries.iter().map(|recovery| recovery.name.as_str()).collect(),
        settings.slos.iter().map(|slo| slo.name.as_str()).collect(),
        (settings.permissions.iter().map(|rule| rule.name.as_str()))
            .chain(settings.cleanup.iter().map(|rule| rule.name.as_str()))
            .collect(),
        (on_call.permissions.iter().map(|rule| rule.name.as_str()))
            .chain(on_call.cleanup.iter().map(|rule| rule.name.as_str()))
            .collect(),
    ]
}

fn only(names: &[&str]) -> Settings {
    let mut settings = load_text("test.toml", TEXT).unwrap();
    settings.keep_only(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    settings
}

#[test]
fn a_check_brings_all_that_it_depends_on() {
    assert_eq!(left(&only(&["db"])), [vec!["db", "disk"], vec![], vec![], vec![], vec![]]);
}

#[test]
fn a_recovery_stays_only_where_all_that_it_listens_to_does() {
    let of_app = ["app", "db", "disk"];
    let on_call = vec!["state", "logs"];
    // `app` names the check and the recovery.
    let app = only(&["app"]);
    assert_eq!(left(&app), [of_app.to_vec(), vec!["app"], vec!["app"], vec![], on_call.clone()]);
    let both = only(&["app", "web"]);
    let checks = vec!["app", "db", "disk", "web"];
    assert_eq!(left(&both), [checks, vec!["app", "both"], vec!["all", "app"], vec![], on_call]);
    assert_eq!(left(&only(&["web"])), [vec!["web"], vec![], vec![], vec![], vec![]]);
}

#[test]
fn a_rule_that_is_named_is_kept_and_not_on_call() {
    let settings = only(&["app", "state"]);
    let [_, _, _, kept, on_call] = left(&settings);
    assert_eq!((kept, on_call), (vec!["state"], vec!["logs"]));
}

#[test]
fn recoveries_bring_the_checks_that_their_own_depend_on() {
    let mut settings = load_text("test.toml", TEXT).unwrap();
    settings
        .checks
        .push(evenkeel_config::Check { name: "idle".into(), ..settings.checks[0].clone() });
    settings.keep_recoveries();
    let [checks, recoveries, slos, kept, on_call] = left(&settings);
    assert_eq!(checks, ["app", "db", "disk", "web"]);
    assert_eq!((recoveries, slos), (vec!["app", "both"], vec!["all", "app"]));
    assert_eq!((kept, on_call), (vec![], vec!["state", "logs"]));
}

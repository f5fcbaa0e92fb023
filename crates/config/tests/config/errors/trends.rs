//! Conditions that look ahead, and when what they ask for is done.

use std::time::Duration;

use evenkeel_config::{ConfigError, Settings};
use evenkeel_probe::Test;

fn load_text(settings: &str) -> Result<Settings, ConfigError> {
    evenkeel_config::load_text("evenkeel.toml", settings)
}

fn check_with(condition: &str) -> String {
    format!(
        "[check.m]\nprocess = {{ pidfile = \"/run/a.pid\" }}\ninterval = \"30s\"\ntimeout = \"1s\"\nconditions = [{{ {condition} }}]\n"
    )
}

#[test]
fn a_condition_on_a_trend_says_the_limit_and_how_far_ahead() {
    let settings =
        load_text(&check_with("field = \"rss_bytes\", reaches = \"300MB\", within = \"2h\""));
    let check = &settings.unwrap().checks[0];
    let expected = Test::Reaches { limit: 3e8, within: Duration::from_hours(2), falling: false };
    assert_eq!(check.conditions[0].test, expected);
}

#[test]
fn what_cannot_be_meant_of_a_trend_is_refused() {
    for (condition, message) in [
        ("field = \"rss_bytes\", reaches = \"300MB\"", "`check.m.conditions[0]` needs `within`"),
        (
            "field = \"rss_bytes\", above = \"300MB\", within = \"2h\"",
            "`check.m.conditions[0].within` says how far ahead, and only a trend looks ahead",
        ),
        (
            "field = \"rss_bytes\", reaches = \"300MB\", within = \"11m\"",
            "`check.m.conditions[0].within` is too short for a trend",
        ),
        (
            "field = \"rss_bytes\", reaches = \"a lot\", within = \"2h\"",
            "bad value for `check.m.conditions[0].reaches`",
        ),
        (
            "field = \"rss_bytes\", reaches = \"1GB\", above = \"2GB\", within = \"2h\"",
            "`check.m.conditions[0]` must say in one way what is wrong with `rss_bytes`",
        ),
    ] {
        let error = load_text(&check_with(condition)).unwrap_err();
        assert_eq!(error.problems()[0].message(), message, "{condition}");
    }
    let text = "[check.f]\nfile = { path = \"/srv/a\" }\nconditions = [{ field = \"mode\", reaches = 5, within = \"2h\" }]\n";
    let message = "`check.f.conditions[0].reaches` compares numbers, and `mode` is a text";
    assert_eq!(load_text(text).unwrap_err().problems()[0].message(), message);
}

#[test]
fn too_short_a_sight_is_refused_with_the_arithmetic() {
    let text = check_with("field = \"rss_bytes\", reaches = \"300MB\", within = \"10m\"");
    let error = load_text(&text).unwrap_err().to_string();
    assert!(error.contains("24 results of one each 30s take 12m"), "{error}");
    assert!(error.contains("accepted: 12m or more, or a shorter `interval`"), "{error}");
}

fn recovery_with(quiet: &str) -> String {
    check_with("field = \"rss_bytes\", reaches = \"300MB\", within = \"2h\"")
        + "[recovery.r]\nwhen = \"m\"\nsteps = [{ action = \"exec\", command = [\"true\"] }]\n"
        + quiet
}

#[test]
fn quiet_windows_are_times_of_day() {
    let quiet = |text: &str| {
        load_text(&recovery_with(text)).map(|settings| settings.recoveries[0].quiet.clone())
    };
    let windows = quiet("quiet = [\"22:30-04:00\", \"12:00-13:00\"]\n").unwrap().unwrap();
    assert_eq!(windows.to_string(), "12:00-13:00, 22:30-04:00");
    assert_eq!(quiet("").unwrap(), None);
    let error = quiet("quiet = [\"12:00-13:00\", \"2-5\"]\n").unwrap_err();
    assert_eq!(error.problems()[0].message(), "`recovery.r.quiet[1]` cannot be `2-5`");
    let shown = error.to_string();
    assert!(
        shown.contains("its beginning is no time of day") && shown.contains("`02:00-05:00`"),
        "{shown}"
    );
    assert!(quiet("quiet = []\n").is_err());
}

#[test]
fn windows_of_maintenance_are_times_of_day_too() {
    let check = |windows: &str| {
        let text = format!(
            "[check.web]\ntcp = {{ address = \"127.0.0.1:1\" }}\nmaintenance = {windows}\n"
        );
        load_text(&text).map(|settings| settings.checks[0].maintenance.clone())
    };
    let windows = check("\"02:00-02:30\"").unwrap().unwrap();
    assert_eq!(windows.to_string(), "02:00-02:30");
    let error = check("[\"02:00-02:30\", \"Sunday\"]").unwrap_err();
    assert_eq!(error.problems()[0].message(), "`check.web.maintenance[1]` cannot be `Sunday`");
    assert!(check("[]").is_err());
}

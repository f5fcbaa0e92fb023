//! Receivers of alerts that could never be told, and secrets in what is said about them.

use evenkeel_config::{ReceiverKind, load_text};

use super::refused;

#[test]
fn a_receiver_is_of_exactly_one_kind() {
    let settings = r#"[alerts.receiver.none]
resolved = false
[alerts.receiver.two]
webhook = { url = "http://127.0.0.1/" }
command = { run = ["true"] }
[alerts.receiver.typo]
webhok = { url = "http://127.0.0.1/" }
"#;
    let expected = r#"the settings have 3 problems

error: `alerts.receiver.none` does not say how it is told
 --> evenkeel.toml:1:18
  |
1 | [alerts.receiver.none]
  |                  ^^^^ no kind
  |
  = help: exactly one of these is needed: alertmanager, webhook, command
  = help: such as: alertmanager = { url = "http://127.0.0.1:9093" }

error: `alerts.receiver.two` is of more than one kind
 --> evenkeel.toml:3:18
  |
3 | [alerts.receiver.two]
  |                  ^^^ `webhook` and `command`
  |
  = help: exactly one of these is needed: alertmanager, webhook, command
  = help: such as: alertmanager = { url = "http://127.0.0.1:9093" }

error: unknown key `webhok` in `alerts.receiver.typo`
 --> evenkeel.toml:7:1
  |
7 | webhok = { url = "http://127.0.0.1/" }
  | ^^^^^^ did you mean `webhook`?
  |
  = help: accepted: alertmanager, webhook, command, severity, resolved, timeout
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_severity_that_no_rule_has_would_tell_nobody() {
    let settings = "[alerts.receiver.ops]\ncommand = { run = [\"true\"] }\nseverity = [\"critical\", \"warnign\"]\n";
    let error = refused(settings);
    assert!(error.contains("no rule has the severity `warnign`"), "{error}");
    assert!(error.contains("did you mean `warning`?"), "{error}");
    assert!(error.contains("evenkeel.toml:3:25"), "{error}");
    let error = refused(&settings.replace("\"critical\", \"warnign\"", ""));
    assert!(error.contains("names no severity"), "{error}");
}

#[test]
fn times_that_cannot_work_are_refused() {
    let error = refused("[alerts]\ninterval = \"10m\"\n");
    assert!(error.contains("accepted: 1s to 2m"), "{error}");
    let settings = "[alerts.dead_man]\nurl = \"http://127.0.0.1/\"\ninterval = \"5s\"\n";
    let error = refused(settings);
    assert!(error.contains("needed: timeout ≤ interval"), "{error}");
}

#[test]
fn no_key_of_a_url_is_ever_shown() {
    for settings in [
        "[alerts.receiver.chat]\nwebhook = { url = \"hooks.example.org/services/hunter2\" }\n",
        "[alerts.receiver.chat]\nwebhook = { url = \"https://me:hunter2@hooks.example.org/\" }\n",
        "[alerts.receiver.chat]\nalertmanager = { url = \"http://example.org/?key=hunter2\" }\n",
        "[alerts.receiver.chat]\nwebhook = { url = \"http://h/\", headers = { \"a b\" = \"hunter2\" } }\n",
        "[alerts.receiver.chat]\nwebhook = { url = \"http://h/\", headers = { Authorization = \"hunter2\" }, bearer_token_file = \"/t\" }\n",
        "[alerts.dead_man]\nurl = \"ftp://ping.example.org/hunter2\"\n",
    ] {
        let error = refused(settings);
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.contains("evenkeel.toml:2"), "the place is told all the same: {error}");
    }
    let good = "[alerts.receiver.chat]\nwebhook = { url = \"https://hooks.example.org/services/hunter2\" }\n[alerts.dead_man]\nurl = \"https://ping.example.org/hunter2\"\n";
    let settings = load_text("evenkeel.toml", good).unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2") && shown.contains("https://hooks.example.org/…"), "{shown}");
}

#[test]
fn an_alertmanager_is_known_by_its_own_url() {
    for (url, path) in [
        ("http://127.0.0.1:9093", "/api/v2/alerts"),
        ("http://127.0.0.1:9093/", "/api/v2/alerts"),
        ("http://127.0.0.1:9093/am/", "/am/api/v2/alerts"),
        ("http://127.0.0.1:9093/api/v2/alerts", "/api/v2/alerts"),
    ] {
        let settings = format!("[alerts.receiver.am]\nalertmanager = {{ url = \"{url}\" }}\n");
        let settings = load_text("evenkeel.toml", &settings).unwrap();
        let ReceiverKind::Alertmanager { target, .. } = &settings.alerts.receivers[0].kind else {
            panic!("it is an Alertmanager: {settings:?}");
        };
        assert_eq!(target.0.url.request_target(), path);
        assert_eq!(target.0.method.as_str(), "POST");
    }
}

//! What is said about each mistake, word for word: an operator reads these, often at night.

mod access;
mod alerts;
mod checks;
mod cleanups;
mod dependencies;
mod files;
mod form;
mod managers;
mod network;
mod promises;
mod recoveries;
mod steps;
mod trends;

use std::fs;

use evenkeel_config::{Sources, load, load_text};
use tempfile::TempDir;

/// The text of the error for these settings.
#[track_caller]
fn refused(settings: &str) -> String {
    format!("{}\n", load_text("evenkeel.toml", settings).expect_err("they were accepted"))
}

#[track_caller]
fn refused_from(sources: &Sources) -> String {
    format!("{}\n", load(sources).expect_err("they were accepted"))
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_flag_is_named_and_underlined() {
    let sources = Sources {
        sets: [
            "agent.grcae=5s",
            "agent.hold_errors_for=5",
            "agent.mode",
            "check.web.tcp={ address = 5 }",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Sources::default()
    };
    let expected = "the settings have 4 problems

error: a `--set` flag takes `key=value`
 |
 | --set agent.mode
 |       ^^^^^^^^^^ no key and value in this
 |
 = help: accepted: a dotted key and a value, such as `agent.mode=observe`

error: unknown key `grcae` in `agent`
 |
 | --set agent.grcae=5s
 |       ^^^^^^^^^^^ did you mean `grace`?
 |
 = help: accepted: mode, state_dir, listen, socket, log, grace, hold_errors_for, storm, starved_after, token_file, tls, open

error: bad value for `agent.hold_errors_for`
 |
 | --set agent.hold_errors_for=5
 |                             ^ `5` has no unit
 |
 = help: accepted: a number with a unit, such as `250ms`, `5s`, `10m`, `1h`, `7d`

error: `check.web.tcp.address` must be a text in quotes
 |
 | --set check.web.tcp={ address = 5 }
 |                                 ^ this is the number 5
";
    assert_eq!(refused_from(&sources), expected);
}

#[test]
fn a_variable_with_a_bad_value_is_named_and_underlined() {
    let sources = Sources {
        env: pairs(&[("EVENKEEL_AGENT__LISTEN", "localhost"), ("EVENKEEL_AGENT__GRACE", "5")]),
        ..Sources::default()
    };
    let expected = r#"the settings have 2 problems

error: bad value for `agent.grace`
 |
 | EVENKEEL_AGENT__GRACE=5
 |                       ^ `5` has no unit
 |
 = help: accepted: a number with a unit, such as `250ms`, `5s`, `10m`, `1h`, `7d`

error: `agent.listen` is not an address and port
 |
 | EVENKEEL_AGENT__LISTEN=localhost
 |                        ^^^^^^^^^ `localhost` cannot be listened on
 |
 = help: accepted: an address and a port, such as "127.0.0.1:9720" or "[::1]:9720", or "off"
"#;
    assert_eq!(refused_from(&sources), expected);
}

#[test]
fn a_variable_that_names_no_setting_is_refused() {
    let sources = Sources {
        env: pairs(&[("EVENKEEL_AGENT_MODE", "observe"), ("EVENKEEL_AGNET__MODE", "observe")]),
        ..Sources::default()
    };
    let expected = "the settings have 2 problems

error: the variable `EVENKEEL_AGENT_MODE` names no setting
 |
 | EVENKEEL_AGENT_MODE=observe
 | ^^^^^^^^^^^^^^^^^^^ two underscores stand between the levels of a key
 |
 = help: accepted: names such as `EVENKEEL_AGENT__LISTEN`

error: unknown section `agnet`
 |
 | EVENKEEL_AGNET__MODE=observe
 | ^^^^^^^^^^^^^^^^^^^^ did you mean `agent`?
 |
 = help: accepted: agent, permissions, cleanup, check, recovery, slo, module, alerts
";
    assert_eq!(refused_from(&sources), expected);
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_named() {
    let dir = TempDir::new().unwrap();
    let binary = dir.path().join("binary.toml");
    fs::write(&binary, b"[agent]\n\xff\xfe").unwrap();
    let files = vec![dir.path().join("absent.toml"), binary];
    let text = refused_from(&Sources { files, ..Sources::default() });
    let expected = "the settings have 2 problems

error: cannot read `DIR/absent.toml`
 |
 = note: no such file or directory

error: cannot read `DIR/binary.toml`
 |
 = note: line 2 is not UTF-8 text
";
    assert_eq!(text.replace(&*dir.path().display().to_string(), "DIR"), expected);
}

#[test]
fn places_in_two_files_are_both_shown() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let files = vec![
        file("a.toml", "[permissions.one]\npath = \"/srv/app\"\ngroup = \"app\"\n"),
        file("b.toml", "[permissions.two]\npath = \"/srv/app\"\ngroup = \"www\"\n"),
    ];
    let text = refused_from(&Sources { files, ..Sources::default() });
    let expected = r#"the settings have a problem

error: `permissions.one.group` and `permissions.two.group` contradict each other on `/srv/app`
 --> DIR/b.toml:3:9
  |
3 | group = "www"
  |         ^^^^^ `www` here
  |
 ::: DIR/a.toml:3:9
  |
3 | group = "app"
  |         ----- and `app` here
  |
  = help: each would undo what the other did, for ever: keep one of them
"#;
    assert_eq!(text.replace(&*dir.path().display().to_string(), "DIR"), expected);
}

#[test]
fn a_problem_tells_a_program_what_it_tells_a_person() {
    let error = load_text("evenkeel.toml", "[agent]\n  mode = \"enforec\"\n").unwrap_err();
    let [problem] = error.problems() else { panic!("{error}") };
    let place = problem.place().unwrap();
    assert_eq!(problem.key(), Some("agent.mode"));
    assert_eq!((place.line(), place.column(), place.value()), (Some(2), Some(10), "\"enforec\""));
    assert_eq!(problem.message(), "`agent.mode` cannot be `enforec`");
    assert_eq!(problem.label_text(), "did you mean `enforce`?");
    assert_eq!(problem.hints(), ["accepted: enforce, observe"]);
}

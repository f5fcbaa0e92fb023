//! Wrong settings and command lines: a clear error, the exit code, nothing half done.

use std::net::TcpListener;

use evenkeel_tests::{Agent, LONG, Scratch, evenkeel, until};

/// Settings that are refused with exit code 2, naming line `line` and every word of `words`.
#[track_caller]
fn refused(settings: &str, line: u32, words: &[&str]) {
    let scratch = Scratch::new();
    let path = scratch.file("settings.toml", settings, 0o644);
    for command in [&["config", "check"][..], &["run"], &["check"], &["apply"]] {
        let args = command.iter().map(AsRef::as_ref).chain(["--config".as_ref(), path.as_os_str()]);
        let finished = evenkeel(args);
        assert_eq!(finished.code, Some(2), "{command:?}: {finished:?}");
        let place = format!("settings.toml:{line}");
        assert!(finished.stderr.contains(&place), "{command:?} names {place}: {}", finished.stderr);
        for word in words {
            assert!(
                finished.stderr.contains(word),
                "{command:?} says `{word}`: {}",
                finished.stderr
            );
        }
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    refused("[agent]\nmode = \"observe\"\nlissten = \"off\"\n", 3, &["lissten", "listen"]);
}

#[test]
fn an_unknown_section_is_refused_with_its_line() {
    refused(
        "[agent]\nmode = \"observe\"\n\n[permission.x]\npath = \"/tmp/x\"\n",
        4,
        &["permission", "permissions"],
    );
}

#[test]
fn a_wrong_type_is_refused_with_what_is_accepted() {
    refused(
        "[check.x]\ntcp = { address = \"127.0.0.1:1\" }\ninterval = true\n",
        3,
        &["interval", "5s"],
    );
}

#[test]
fn a_wrong_value_is_refused_with_what_is_accepted() {
    refused("[agent]\nmode = \"enforced\"\n", 2, &["enforced", "enforce", "observe"]);
    refused("[permissions.x]\npath = \"/tmp/x\"\ndirectory_mode = \"0999\"\n", 3, &["0999"]);
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    refused("[agent]\nmode = \n", 2, &[]);
}

#[test]
fn a_series_longer_than_its_interval_is_refused_with_the_arithmetic() {
    let settings = "[check.x]\ntcp = { address = \"127.0.0.1:1\" }\ntimeout = \"10s\"\nretries = 3\ninterval = \"30s\"\n";
    let scratch = Scratch::new();
    let path = scratch.file("settings.toml", settings, 0o644);
    let finished =
        evenkeel(["config".as_ref(), "check".as_ref(), "--config".as_ref(), path.as_os_str()]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    for word in ["settings.toml", "30s", "10s"] {
        assert!(finished.stderr.contains(word), "says `{word}`: {}", finished.stderr);
    }
}

#[test]
fn a_breaker_that_can_never_open_is_refused() {
    let settings = "[check.x]\ntcp = { address = \"127.0.0.1:1\" }\ntimeout = \"5s\"\nretries = 1\ninterval = \"30s\"\n\
        breaker = { error_threshold = 50, request_volume_threshold = 10, reset_timeout = \"30s\", window = { kind = \"time\", length = \"10s\" } }\n";
    let scratch = Scratch::new();
    let path = scratch.file("settings.toml", settings, 0o644);
    let finished =
        evenkeel(["config".as_ref(), "check".as_ref(), "--config".as_ref(), path.as_os_str()]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("never"), "{}", finished.stderr);
}

#[test]
fn a_settings_file_that_is_not_there_is_an_error() {
    let scratch = Scratch::new();
    let missing = scratch.join("missing.toml");
    let finished = evenkeel(["run".as_ref(), "--config".as_ref(), missing.as_os_str()]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("missing.toml"), "{}", finished.stderr);
}

#[test]
fn a_user_that_does_not_exist_fails_the_config_check() {
    let scratch = Scratch::new();
    let settings = format!(
        "[permissions.x]\npath = \"{}\"\nowner = \"no-such-user\"\n",
        scratch.path().display()
    );
    let path = scratch.file("settings.toml", &settings, 0o644);
    let finished =
        evenkeel(["config".as_ref(), "check".as_ref(), "--config".as_ref(), path.as_os_str()]);
    assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains("no-such-user"), "{said}");
}

#[test]
fn a_missing_user_or_group_fails_its_rule_and_no_other() {
    let scratch = Scratch::new();
    scratch.file("good/a.hash", "x", 0o600);
    scratch.file("orphan/a.hash", "x", 0o600);
    scratch.file("stray/a.hash", "x", 0o600);
    let rule = |name: &str, more: &str| {
        let path = scratch.join(name);
        format!(
            "[permissions.{name}]\npath = \"{}\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\n{more}\n",
            path.display()
        )
    };
    let settings = rule("orphan", "owner = \"no-such-user\"")
        + &rule("stray", "group = \"no-such-group\"")
        + &rule("good", "");
    let agent = Agent::start(&scratch, &settings);
    until("the good rule is kept", LONG, || scratch.mode("good/a.hash") == 0o644);
    for (name, who) in [("orphan", "no-such-user"), ("stray", "no-such-group")] {
        until("the bad rule says why", LONG, || {
            agent.rule(name)["detail"].to_string().contains(who)
        });
        assert_eq!(agent.rule(name)["ok"], false);
        assert_eq!(scratch.mode(&format!("{name}/a.hash")), 0o600, "nothing is half done");
    }
}

#[test]
fn a_port_in_use_is_named_and_the_page_opens_once_it_is_free() {
    let scratch = Scratch::new();
    let (config, port) = Agent::settings_with(&scratch, "", "");
    let stranger = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut agent = Agent::spawn(&scratch, &config, port, &[]);
    // All else goes on: it answers on its control socket.
    until("its socket answers", LONG, || {
        let config = config.as_os_str();
        evenkeel(["status".as_ref(), "--config".as_ref(), config]).code == Some(0)
    });
    let log = std::fs::read_to_string(scratch.join("agent.log")).unwrap();
    assert!(log.contains(&format!("cannot listen on `127.0.0.1:{port}`")), "{log}");
    drop(stranger);
    agent.await_answer();
}

#[test]
fn a_second_agent_on_one_state_directory_is_refused_and_the_first_goes_on() {
    let scratch = Scratch::new();
    let first = Agent::start(&scratch, "");
    let second = Scratch::new();
    let settings = format!(
        "[agent]\nstate_dir = \"{}/state\"\nsocket = \"{}/s\"\nlisten = \"off\"\n",
        scratch.path().display(),
        second.path().display()
    );
    let path = second.file("settings.toml", &settings, 0o644);
    let finished = evenkeel(["run".as_ref(), "--config".as_ref(), path.as_os_str()]);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(
        finished.stderr.contains(&scratch.join("state").display().to_string()),
        "{}",
        finished.stderr
    );
    assert_eq!(first.status()["mode"], "enforce");
}

#[test]
fn a_state_directory_that_cannot_be_made_is_refused_by_name() {
    let scratch = Scratch::new();
    // Below a regular file not even root can make a directory.
    scratch.file("file", "x", 0o644);
    scratch.file("shared/a.hash", "x", 0o600);
    let settings = format!(
        "[agent]\nstate_dir = \"{0}/file/state\"\nsocket = \"{0}/s\"\nlisten = \"off\"\n\
         [permissions.shared]\npath = \"{0}/shared\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\n",
        scratch.path().display()
    );
    let path = scratch.file("settings.toml", &settings, 0o644);
    let finished = evenkeel(["run".as_ref(), "--config".as_ref(), path.as_os_str()]);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stderr.contains("file/state"), "{}", finished.stderr);
    assert_eq!(scratch.mode("shared/a.hash"), 0o600, "nothing was half done");
}

#[test]
fn settings_that_name_nothing_to_look_at_do_not_pass_for_a_host_on_which_all_holds() {
    let scratch = Scratch::new();
    let path = scratch.file("settings.toml", "[agent]\nmode = \"observe\"\n", 0o644);
    for command in ["check", "apply"] {
        let finished = evenkeel([command.as_ref(), "--config".as_ref(), path.as_os_str()]);
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{finished:?}");
        assert!(finished.stderr.contains("evenkeel config init"), "{finished:?}");
    }
}

//! The per-concern programs with flags alone: help, exit codes, JSON.

use std::net::TcpListener;

use evenkeel_tests::{
    Finished, PROGRAMS, Program, Scratch, Supervisord, find_bin, free_port, installed, run,
};

fn program(name: &str, args: &[&str]) -> Finished {
    run(find_bin(name), args, None)
}

#[track_caller]
fn exits(name: &str, args: &[&str], code: i32) -> Finished {
    let finished = program(name, args);
    assert_eq!(finished.code, Some(code), "{name} {}: {finished:?}", args.join(" "));
    finished
}

#[test]
fn every_program_has_help_with_examples_and_a_version() {
    for name in PROGRAMS {
        let help = exits(name, &["--help"], 0);
        assert!(help.stdout.contains("Usage:"), "{name}: {help:?}");
        assert!(
            help.stdout.to_lowercase().contains("example"),
            "{name} --help shows examples: {}",
            help.stdout
        );
        let version = exits(name, &["--version"], 0);
        assert!(version.stdout.starts_with(name), "{version:?}");
    }
}

#[test]
fn a_wrong_command_line_exits_with_2_and_says_so_on_standard_error() {
    for name in PROGRAMS {
        let finished = exits(name, &["--no-such-flag"], 2);
        assert!(
            finished.stdout.is_empty() && finished.stderr.contains("no-such-flag"),
            "{finished:?}"
        );
    }
}

#[test]
fn permissions_checks_then_fixes_then_finds_nothing() {
    let scratch = Scratch::new();
    scratch.file("d/a.hash", "x", 0o600);
    scratch.file("d/other.txt", "x", 0o600);
    let path = scratch.join("d").display().to_string();
    let flags = |verb| [verb, path.as_str(), "--match", "*.hash", "--mode", "0644"];
    exits("evenkeel-permissions", &flags("check"), 1);
    assert_eq!(scratch.mode("d/a.hash"), 0o600, "a check writes nothing");
    exits("evenkeel-permissions", &flags("fix"), 0);
    assert_eq!((scratch.mode("d/a.hash"), scratch.mode("d/other.txt")), (0o644, 0o600));
    exits("evenkeel-permissions", &flags("check"), 0);
    let mut json = flags("check").to_vec();
    json.push("--json");
    exits("evenkeel-permissions", &json, 0).json();
}

#[test]
fn permissions_never_follows_a_link() {
    let scratch = Scratch::new();
    scratch.file("outside/secret", "x", 0o600);
    scratch.folder("d", 0o755);
    std::os::unix::fs::symlink(scratch.join("outside/secret"), scratch.join("d/a.hash")).unwrap();
    let path = scratch.join("d").display().to_string();
    program("evenkeel-permissions", &["fix", &path, "--match", "*.hash", "--mode", "0644"]);
    assert_eq!(scratch.mode("outside/secret"), 0o600);
}

#[test]
fn permissions_says_what_is_wrong_with_its_flags() {
    let scratch = Scratch::new();
    let path = scratch.path().display().to_string();
    let bad_mode =
        exits("evenkeel-permissions", &["check", &path, "--match", "*", "--mode", "0999"], 2);
    assert!(bad_mode.stderr.contains("0999"), "{bad_mode:?}");
    let no_user = program(
        "evenkeel-permissions",
        &["fix", &path, "--match", "*", "--mode", "0644", "--owner", "no-such-user"],
    );
    assert!(
        matches!(no_user.code, Some(2 | 3)) && no_user.stderr.contains("no-such-user"),
        "{no_user:?}"
    );
    let missing = format!("{path}/missing");
    let no_path =
        program("evenkeel-permissions", &["fix", &missing, "--match", "*", "--mode", "0644"]);
    assert!(matches!(no_path.code, Some(1 | 3)), "{no_path:?}");
}

#[test]
fn cleanup_plans_then_applies_then_finds_nothing() {
    let scratch = Scratch::new();
    scratch.file("d/old.hash", "x", 0o644);
    scratch.age("d/old.hash", 8);
    scratch.file("d/new.hash", "x", 0o644);
    let path = scratch.join("d").display().to_string();
    let flags = |verb| {
        [verb, path.as_str(), "--match", "*.hash", "--older-than", "7d", "--age-by", "mtime"]
    };
    let plan = program("evenkeel-cleanup", &flags("plan"));
    assert!(plan.stdout.contains("old.hash") && !plan.stdout.contains("new.hash"), "{plan:?}");
    assert!(scratch.join("d/old.hash").exists(), "a plan writes nothing");
    exits("evenkeel-cleanup", &flags("apply"), 0);
    assert!(!scratch.join("d/old.hash").exists() && scratch.join("d/new.hash").exists());
    let mut json = flags("plan").to_vec();
    json.push("--json");
    exits("evenkeel-cleanup", &json, 0).json();
}

#[test]
fn cleanup_truncates_and_keeps_the_tail() {
    let scratch = Scratch::new();
    let text = (0..20_000).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n") + "\n";
    scratch.file("d/big.log", &text, 0o644);
    let path = scratch.join("d").display().to_string();
    let flags = [
        "apply",
        &path,
        "--match",
        "*.log",
        "--larger-than",
        "100KB",
        "--action",
        "truncate",
        "--keep-tail",
        "10KB",
    ];
    exits("evenkeel-cleanup", &flags, 0);
    let kept = std::fs::read_to_string(scratch.join("d/big.log")).unwrap();
    assert!(kept.trim_start_matches('\0').ends_with("line 19999\n"), "the tail is kept");
    let taken = std::os::unix::fs::MetadataExt::blocks(
        &std::fs::metadata(scratch.join("d/big.log")).unwrap(),
    ) * 512;
    assert!(taken < 100_000, "{taken} bytes are still taken");
}

#[test]
fn probe_exits_by_what_it_finds() {
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().to_string();
    let closed = format!("127.0.0.1:{}", free_port());
    exits("evenkeel-probe", &["tcp", &open], 0);
    exits("evenkeel-probe", &["tcp", &closed, "--timeout", "1s"], 1);
    exits("evenkeel-probe", &["tcp", "no port"], 2);
    exits("evenkeel-probe", &["http", "not a url"], 2);
    exits("evenkeel-probe", &["http", &format!("http://{closed}/"), "--timeout", "1s"], 1);
    exits("evenkeel-probe", &["exec", "--", "true"], 0);
    exits("evenkeel-probe", &["exec", "--", "false"], 1);
    let file = scratch.file("f", "x", 0o644).display().to_string();
    exits("evenkeel-probe", &["file", &file], 0);
    exits("evenkeel-probe", &["file", &format!("{file}.missing")], 1);
    let json = exits("evenkeel-probe", &["tcp", &closed, "--timeout", "1s", "--json"], 1);
    json.json();
}

#[test]
fn recovery_once_restarts_what_is_down_and_nothing_else() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let programs = [
        Program::idle("good"),
        Program::new(
            "ends",
            "[ -e \"$0.ran\" ] || { : > \"$0.ran\"; sleep 2; exit 3; }\nexec sleep 100000",
        ),
    ];
    let supervisord = Supervisord::start(&scratch, &programs);
    let good = supervisord.await_running("good");
    supervisord.await_state("ends", "EXITED");
    let settings = format!(
        "[agent]\nstate_dir = \"{0}/state\"\nlisten = \"off\"\nsocket = \"{0}/s\"\n\
         [check.workers]\nsupervisor = {{ url = \"unix://{1}\", programs = [\"*\"] }}\ntimeout = \"2s\"\nretries = 0\ninterval = \"3s\"\n\
         [recovery.workers]\nwhen = [\"workers\"]\nsteps = [{{ action = \"supervisor.restart-program\" }}]\nverify_timeout = \"10s\"\n",
        scratch.path().display(),
        supervisord.socket().display()
    );
    let path = scratch.file("settings.toml", &settings, 0o644).display().to_string();
    exits("evenkeel-recovery", &["once", "--config", &path], 0);
    supervisord.await_running("ends");
    assert_eq!(supervisord.await_running("good"), good, "the good one was left alone");
}

#[test]
fn check_and_apply_tell_by_their_exit_code() {
    let scratch = Scratch::new();
    scratch.file("shared/a.hash", "x", 0o600);
    let settings = format!(
        "[agent]\nstate_dir = \"{0}/state\"\nlisten = \"off\"\nsocket = \"{0}/s\"\n\
         [permissions.shared]\npath = \"{0}/shared\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\n",
        scratch.path().display()
    );
    let path = scratch.file("settings.toml", &settings, 0o644).display().to_string();
    exits("evenkeel", &["check", "--config", &path], 1);
    exits("evenkeel", &["apply", "--dry-run", "--config", &path], 1);
    assert_eq!(scratch.mode("shared/a.hash"), 0o600, "neither wrote");
    exits("evenkeel", &["apply", "--config", &path], 0);
    assert_eq!(scratch.mode("shared/a.hash"), 0o644);
    exits("evenkeel", &["check", "--config", &path], 0).stdout.contains("shared");
    exits("evenkeel", &["check", "--config", &path, "--json"], 0).json();
    // No agent runs on these settings.
    exits("evenkeel", &["status", "--config", &path], 3);
}

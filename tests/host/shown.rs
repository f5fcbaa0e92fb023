//! What people read, as it is committed below `tests/host/shown/`: a changed text is a difference that somebody has read.
//!
//! `BLESS=1 cargo test -p evenkeel-tests --test host shown` writes it anew.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use evenkeel_tests::{Agent, LONG, PROGRAMS, Scratch, find_bin, is_as_committed, on_terminal, run};

/// Where the tables are about: a path of its own would break a table at another place each time.
const PLACE: &str = "/tmp/evenkeel-shown";

fn committed(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "host/shown", name].iter().collect()
}

/// The one place, for one test at a time on this host.
struct Stage {
    folder: PathBuf,
    _turn: File,
}

impl Stage {
    fn take() -> Self {
        // Anybody can put a link of this name there.
        let mut lock = File::options();
        lock.write(true).create(true).truncate(false).custom_flags(nix::libc::O_NOFOLLOW);
        let turn = lock.open(format!("{PLACE}.lock")).expect("the folder of scratches");
        turn.lock().expect("a lock");
        let _ = fs::remove_dir_all(PLACE);
        fs::create_dir(PLACE).expect("nobody else's is there");
        Self { folder: PLACE.into(), _turn: turn }
    }

    fn file(&self, name: &str, mode: u32, bytes: u64) {
        use std::os::unix::fs::PermissionsExt as _;
        let file = File::create(self.folder.join(name)).expect("a file");
        file.set_len(bytes).expect("a length");
        file.set_permissions(fs::Permissions::from_mode(mode)).expect("a mode");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Times and seconds as something that is as wide, and no name of a host.
fn plain(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(plain_line).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn plain_line(line: &str) -> String {
    let times = without_times(line);
    let plain: String = times.split_inclusive(' ').map(without_seconds).collect();
    // The first line of a report begins with the name of the host.
    match plain.find(" from 0000-") {
        Some(name) => format!("host{}", &plain[name..]),
        None => plain,
    }
}

fn without_times(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let time = time_at_start(rest);
        let zero = |char: char| if char.is_ascii_digit() { '0' } else { char };
        plain.extend(rest[..time].chars().map(zero));
        if time == 0 {
            plain.push(first);
        }
        rest = &rest[time.max(first.len_utf8())..];
    }
    plain
}

/// How long the time is that a text begins with; 0 if it begins with none.
fn time_at_start(text: &str) -> usize {
    const SHAPE: &str = "0000-00-00T00:00:00";
    let fits =
        |(shape, byte): (u8, u8)| if shape == b'0' { byte.is_ascii_digit() } else { shape == byte };
    if text.len() < SHAPE.len() || !SHAPE.bytes().zip(text.bytes()).all(fits) {
        return 0;
    }
    let parts = text[SHAPE.len()..].bytes();
    SHAPE.len() + parts.take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count()
}

/// A word such as `12s ` with another number in it.
fn without_seconds(word: &str) -> String {
    let number = word.trim_end().strip_suffix('s').unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.to_owned();
    }
    format!("{:<1$}", "0s", word.len())
}

/// The help of a command and of those below it, one after another.
fn helps(program: &str, command: &[&str], shown: &mut String) {
    let asked = run(find_bin(program), [command, &["--help"]].concat(), None);
    assert_eq!((asked.code, &*asked.stderr), (Some(0), ""), "{program} {command:?}");
    let line = [&[program], command].concat().join(" ");
    let _ = writeln!(shown, "$ {line} --help\n{}", asked.stdout);
    let commands = asked.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    for name in commands.take_while(|line| !line.is_empty()) {
        // A description that is broken begins further in.
        let name = name.strip_prefix("  ").filter(|name| !name.starts_with(' '));
        let Some(name) = name.and_then(|name| name.split(' ').next()) else { continue };
        if name != "help" {
            helps(program, &[command, &[name]].concat(), shown);
        }
    }
}

#[test]
fn the_help_of_every_command_is_as_committed() {
    for program in PROGRAMS {
        let mut shown = String::new();
        helps(program, &[], &mut shown);
        is_as_committed(&committed(&format!("help/{program}.txt")), &shown);
    }
}

/// What holds and what does not, in every way that a table shows.
const SETTINGS: &str = r#"
[permissions.shared]
path = "/tmp/evenkeel-shown"
files = [{ match = "*.hash", mode = "0644" }]
watch = false

[cleanup.logs]
path = "/tmp/evenkeel-shown"
match = "*.log"
larger_than = "1MB"
action = "delete"

[check.marker]
file = { path = "/tmp/evenkeel-shown/marker" }
interval = "1h"

[check.closed]
tcp = { address = "127.0.0.1:1" }
timeout = "500ms"

[check.a-program-with-a-name-that-is-rather-long]
exec = { command = ["/usr/bin/sh", "-c", "echo 'the disk of the database is full, ask ann' >&2; exit 3"] }

[check.log]
file = { path = "/tmp/evenkeel-shown/big.log" }
conditions = [{ field = "size_bytes", above = "1MiB" }]

[recovery.web]
when = ["marker"]
steps = [{ action = "exec", command = ["/usr/bin/touch", "/tmp/evenkeel-shown/marker"] }]
verify_timeout = "10s"
stable_for = "1s"

[slo.site]
checks = ["marker"]
objective = 0.99
"#;

/// Prints a table at both widths, each below the command that made it.
fn tables(name: &str, program: &str, words: &[&str]) {
    let mut shown = String::new();
    for columns in [80, 120] {
        let (printed, code) = on_terminal(columns, program, words);
        let line = words.iter().filter(|word| !word.starts_with("--config"));
        let line: Vec<_> = line.copied().collect();
        let _ = writeln!(
            shown,
            "$ {program} {}    ({columns} columns, exit {code})\n{}",
            line.join(" "),
            plain(&printed)
        );
        for line in printed.lines() {
            assert!(line.chars().count() <= usize::from(columns), "{name}: {line}");
        }
    }
    is_as_committed(&committed(&format!("tables/{name}.txt")), &shown);
}

#[test]
fn the_tables_are_as_committed() {
    let stage = Stage::take();
    let scratch = Scratch::new();
    let own = format!("[agent]\nstate_dir = \"{}\"\n", scratch.join("state").display());
    let config = scratch.file("settings.toml", &format!("{own}{SETTINGS}"), 0o600);
    let config = format!("--config={}", config.display());
    stage.file("a.hash", 0o600, 1);
    stage.file("big.log", 0o600, 5_000_000);
    stage.file("small.log", 0o600, 1);
    tables("check", "evenkeel", &["check", &config]);
    tables("plan", "evenkeel-cleanup", &["plan", &config]);
    tables("permissions", "evenkeel-permissions", &["check", &config]);

    let applied = run(find_bin("evenkeel"), ["apply", &config, "web"], None);
    assert!(applied.stdout.contains("stabilizing"), "{applied:?}");
    tables("events", "evenkeel", &["events", "--target", "web", &config]);
    tables("report", "evenkeel", &["report", &config]);
}

#[test]
fn the_status_of_an_agent_is_as_committed() {
    let stage = Stage::take();
    stage.file("a.hash", 0o644, 1);
    stage.file("marker", 0o600, 1);
    let scratch = Scratch::new();
    stage.file("big.log", 0o600, 5_000_000);
    // What is wrong stays so.
    let settings = SETTINGS.replace("interval = \"1h\"", "interval = \"1s\"\ntimeout = \"500ms\"");
    let agent = Agent::start_with(&scratch, "mode = \"observe\"", &settings, &[]);
    for (check, state) in [("marker", "up"), ("closed", "down"), ("log", "down")] {
        agent.await_check(check, state, LONG);
    }
    agent.await_check("a-program-with-a-name-that-is-rather-long", "down", LONG);
    let config = format!("--config={}", agent.config().display());
    tables("status", "evenkeel", &["status", &config]);
}

/// Settings that are refused, each for what it is called after.
const WRONG: [(&str, &str); 12] = [
    ("an unknown key", "[check.web]\nhttp = { url = \"http://h/\" }\ntimeuot = \"5s\"\n"),
    ("an unknown section", "[chekc.web]\nhttp = { url = \"http://h/\" }\n"),
    ("no TOML", "[check.web\nhttp = { url = \"http://h/\" }\n"),
    ("a duration without a unit", "[check.web]\nhttp = { url = \"http://h/\" }\ntimeout = 5\n"),
    ("a mode without quotes", "[permissions.a]\npath = \"/srv/a\"\ndirectory_mode = 755\n"),
    ("a word that is none of those", "[agent]\nmode = \"enforced\"\n"),
    ("no target", "[check.web]\ninterval = \"30s\"\n"),
    (
        "a run that is longer than its interval",
        "[check.web]\nhttp = { url = \"http://h/\" }\ntimeout = \"10s\"\nretries = 3\ninterval = \"30s\"\n",
    ),
    (
        "a breaker that can never open",
        "[check.web]\nhttp = { url = \"http://h/\" }\nbreaker = { window = { length = \"10s\" } }\n",
    ),
    (
        "a check that does not exist",
        "[check.web]\nhttp = { url = \"http://h/\" }\n[recovery.web]\nwhen = [\"wbe\"]\nsteps = [{ action = \"notify\" }]\n",
    ),
    (
        "a field that is of another kind",
        "[check.a]\nfile = { path = \"/a\" }\nconditions = [{ field = \"rss_bytes\", above = \"1MB\" }]\n",
    ),
    (
        "a secret",
        "[check.web]\nhttp = { url = \"http://me:hunter2@h/\", headers = { Authorization = \"Bearer\\nhunter2\" } }\n",
    ),
];

#[test]
fn what_is_said_of_wrong_settings_is_as_committed() {
    let scratch = Scratch::new();
    let mut shown = String::new();
    for (what, text) in WRONG {
        scratch.file("evenkeel.toml", text, 0o600);
        let words = ["config", "check", "--config", "evenkeel.toml"];
        let refused = run(find_bin("evenkeel"), words, Some(scratch.path()));
        assert_eq!((refused.code, &*refused.stdout), (Some(2), ""), "{what}: {refused:?}");
        assert!(!refused.stderr.contains("hunter2"), "{what}: {refused:?}");
        let _ = writeln!(shown, "# {what}\n{}", refused.stderr);
    }
    is_as_committed(&committed("wrong-settings.txt"), &shown);
}

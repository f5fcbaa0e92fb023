//! The programs as people meet them: completed by a shell, explained by man, watched in a terminal.

use std::fs;

use evenkeel_tests::{
    Agent, LONG, PROGRAMS, Scratch, TmuxServer, evenkeel, find_bin, installed, run, until,
};
use nix::sys::signal::Signal;
use serde_json::Value;

/// What bash offers for a line whose last word is begun.
#[track_caller]
fn completed(scratch: &Scratch, program: &str, words: &[&str]) -> Vec<String> {
    let script = evenkeel(["completions", "bash", "--for", program]);
    assert_eq!(script.code, Some(0), "{script:?}");
    let file = scratch.file(&format!("{program}.bash"), &script.stdout, 0o644);
    let line: Vec<_> = [&[program], words].concat();
    let asks = format!(
        "set -e; source '{}'; spec=$(complete -p {program}); function=${{spec#*-F }}; function=${{function%% *}}\n\
         COMP_WORDS=({}); COMP_CWORD={}; COMPREPLY=()\n\
         $function {program} \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\" || true\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display(),
        line.join(" "),
        line.len() - 1
    );
    let offered = run("bash", ["--norc", "-c", &asks], None);
    assert_eq!(offered.code, Some(0), "{offered:?}");
    offered.stdout.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn bash_completes_commands_and_flags_of_every_program() {
    if !installed("bash") {
        return;
    }
    let scratch = Scratch::new();
    for (program, words, expected) in [
        ("evenkeel", &["sta"][..], "status"),
        ("evenkeel", &["status", "--wa"], "--watch"),
        ("evenkeel", &["config", "sh"], "show"),
        ("evenkeel", &["completions", "--for", "evenkeel-pr"], "evenkeel-probe"),
        ("evenkeel-permissions", &["fi"], "fix"),
        ("evenkeel-cleanup", &["plan", "--older"], "--older-than"),
        ("evenkeel-probe", &["htt"], "http"),
        ("evenkeel-recovery", &["on"], "once"),
        ("evenkeel-metrics", &["ru"], "rules"),
    ] {
        let offered = completed(&scratch, program, words);
        assert!(offered.iter().any(|word| word == expected), "{program} {words:?}: {offered:?}");
    }
    let refused = evenkeel(["completions", "bash", "--for", "evenkeel-prob"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("evenkeel-probe"), "{refused:?}");
}

#[test]
fn every_shell_gets_a_script_of_its_own() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = evenkeel(["completions", shell]);
        assert_eq!(script.code, Some(0), "{script:?}");
        assert!(script.stdout.contains("watch") && script.stdout.contains("log-format"), "{shell}");
    }
}

#[test]
fn bash_zsh_and_fish_can_read_what_completes_each_program() {
    for shell in ["bash", "zsh", "fish"].into_iter().filter(|shell| installed(shell)) {
        let scratch = Scratch::new();
        for program in PROGRAMS {
            let script = evenkeel(["completions", shell, "--for", program]);
            assert_eq!(script.code, Some(0), "{script:?}");
            let path = scratch.file(program, &script.stdout, 0o644);
            // `-n`: read, and run nothing.
            let read = run(shell, ["-n", &path.display().to_string()], None);
            assert_eq!((read.code, &*read.stderr), (Some(0), ""), "{shell}, {program}");
        }
    }
}

/// What fish offers for a line that is begun, from the scripts as they are installed.
#[test]
fn fish_offers_commands_and_their_flags() {
    if !installed("fish") {
        return;
    }
    let scratch = Scratch::new();
    for program in ["evenkeel", "evenkeel-probe"] {
        let script = evenkeel(["completions", "fish", "--for", program]);
        scratch.file(&format!("{program}.fish"), &script.stdout, 0o644);
    }
    for (line, offered) in [
        ("evenkeel rep", "report"),
        ("evenkeel report --ht", "--html"),
        ("evenkeel-probe sys", "systemd"),
    ] {
        let program = line.split(' ').next().expect("a program");
        let script = scratch.join(&format!("{program}.fish"));
        let asks = format!("source {}; complete -C '{line}'", script.display());
        let told = run("fish", ["--no-config", "-c", &asks], None);
        assert!(told.stdout.lines().any(|word| word.starts_with(offered)), "{line}: {told:?}");
    }
}

#[test]
fn man_reads_the_pages_of_every_program_without_a_warning() {
    if !installed("man") {
        return;
    }
    let scratch = Scratch::new();
    let written = evenkeel(["man", &scratch.path().display().to_string()]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let mut pages: Vec<_> = fs::read_dir(scratch.path())
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    pages.sort();
    for program in PROGRAMS {
        assert!(pages.contains(&format!("{program}.1")), "{pages:?}");
    }
    assert!(pages.iter().any(|page| page == "evenkeel-status.1"), "{pages:?}");
    assert!(!pages.iter().any(|page| page.contains("demo-part")), "{pages:?}");
    assert!(pages.iter().any(|page| page == "evenkeel.toml.5"), "{pages:?}");
    for page in &pages {
        let path = scratch.join(page);
        let read =
            run("man", ["--warnings", "-E", "UTF-8", "-l", &path.display().to_string()], None);
        assert_eq!((read.code, &*read.stderr), (Some(0), ""), "{page}: {read:?}");
        assert!(read.stdout.contains("NAME"), "{page}: {read:?}");
    }
    let refused = evenkeel(["man", "/proc/nowhere"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    // As on a host: the page of the settings is not among those of the programs.
    let programs = scratch.folder("man1", 0o755);
    let written = evenkeel(["man", &programs.display().to_string()]);
    assert_eq!(written.code, Some(0), "{written:?}");
    assert!(scratch.join("man5/evenkeel.toml.5").is_file());
    assert!(!programs.join("evenkeel.toml.5").exists());
}

#[test]
fn the_schema_of_the_settings_is_one_document() {
    let printed = evenkeel(["config", "schema"]);
    assert_eq!((printed.code, &*printed.stderr), (Some(0), ""));
    let schema = printed.json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$defs"]["Check"]["properties"]["interval"]["default"], "30s");
}

#[test]
fn the_settings_are_told_as_documents_too() {
    let scratch = Scratch::new();
    let settings = "[check.web]\ntcp.address = \"127.0.0.1:1\"\ntimeout = \"5s\"\nretries = 3\n\
        [check.guarded]\ntcp.address = \"127.0.0.1:2\"\nbreaker = { error_threshold = 50, request_volume_threshold = 3, reset_timeout = \"1m\" }\n";
    let path = scratch.file("settings.toml", settings, 0o600);
    let path = path.to_str().expect("a path in UTF-8");
    let document = |words: &[&str]| -> Value {
        let finished = evenkeel(words);
        assert_eq!(finished.code, Some(0), "{words:?}: {finished:?}");
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    };
    let shown = document(&["config", "show", "--origin", "--json", "--config", path]);
    assert_eq!(shown["values"]["check"]["web"]["retries"], 3);
    assert_eq!(shown["origins"]["check.web.retries"], format!("{path}:4"));
    let preset = document(&["config", "init", "--json"]);
    assert!(preset["settings"].as_str().is_some_and(|text| text.contains("[agent]")), "{preset}");
    let checked = document(&["config", "check", "--json", "--config", path]);
    // 30 s until the next run, three runs of 4 x 5 s and 3 x 200 ms, and twice 3 s between them.
    let checks = checked["checks"].as_array().expect("one for each check");
    let of = |name: &str| checks.iter().find(|check| check["name"] == name).expect("a check");
    assert_eq!(of("web")["down_within_seconds"], 97.8, "{checked}");
    assert_eq!(of("guarded")["down_within_seconds"], Value::Null, "its breaker decides");
    let told = evenkeel(["config", "check", "--config", path]);
    let mut rows = told.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&"web")).unwrap_or_default();
    assert_eq!(row, ["web", "30", "s", "1m", "37.8s"], "{}", told.stdout);
    assert!(told.stdout.contains("as its breaker lets it look"), "{}", told.stdout);
}

#[test]
fn a_watched_status_changes_in_place_and_gives_the_terminal_back() {
    if !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let place = scratch.path().display();
    let settings = format!(
        "[check.flag]\nfile = {{ path = \"{place}/flag\" }}\ninterval = \"1s\"\ntimeout = \"500ms\"\n\
         [check.worker-whose-name-is-longer-than-its-column]\nfile = {{ path = \"{place}\" }}\ninterval = \"1s\"\ntimeout = \"500ms\"\n"
    );
    let mut agent = Agent::start(&scratch, &settings);
    agent.await_check("flag", "down", LONG);
    let tmux = TmuxServer::start(&scratch, "s", "env PS1='$ ' sh");
    let screen = || tmux.ok(&["capture-pane", "-p", "-t", "s"]);
    let shows = |what: &str, wanted: &dyn Fn(&str) -> bool| {
        until(what, LONG, || wanted(&screen()));
    };
    let watch = format!(
        "echo before; {} status --watch --config {}; echo ended with $?",
        find_bin("evenkeel").display(),
        agent.config().display()
    );
    tmux.ok(&["send-keys", "-t", "s", &watch, "Enter"]);
    shows("what is down", &|screen| {
        screen.contains("1 not as it should be")
            && screen.contains("there is no `")
            && !screen.contains("before")
    });
    assert!(screen().contains("worker-whose-name-is-longer-tha…"), "{}", screen());
    scratch.file("flag", "", 0o600);
    shows("that it is up", &|screen| {
        screen.contains("all holds") && !screen.contains("there is no")
    });

    tmux.ok(&["resize-window", "-t", "s", "-x", "40", "-y", "10"]);
    shows("the view of a smaller window", &|screen| {
        screen.contains("worker-whose-na…") && screen.lines().all(|line| line.chars().count() <= 40)
    });

    // It outlives the agent, says so meanwhile, and goes on with the next one.
    let (config, port) = (agent.config().to_owned(), agent.address().port());
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);
    shows("that nobody answers", &|screen| screen.contains("no agent answers"));
    agent = Agent::spawn(&scratch, &config, port, &[]);
    agent.await_answer();
    shows("the new agent", &|screen| screen.contains("all holds"));

    tmux.ok(&["send-keys", "-t", "s", "C-c"]);
    shows("the screen as it was", &|screen| {
        screen.contains("before") && !screen.contains("all holds")
    });
    // Ctrl-C ends what follows on the line as well, as it does for every program; `q` does not.
    tmux.ok(&["send-keys", "-t", "s", &watch, "Enter"]);
    shows("the view again", &|screen| screen.contains("all holds"));
    tmux.ok(&["send-keys", "-t", "s", "q"]);
    shows("how it ended", &|screen| screen.contains("ended with 0"));
    // Terminated, it gives the terminal back as well, with its echo of what is typed.
    tmux.ok(&["send-keys", "-t", "s", "clear; echo before; ", "Enter"]);
    tmux.ok(&["send-keys", "-t", "s", &watch, "Enter"]);
    shows("the view once more", &|screen| screen.contains("all holds"));
    let config = format!("status --watch --config {}", agent.config().display());
    let found =
        run("pgrep", ["-x", "-f", &format!("{} {config}", find_bin("evenkeel").display())], None);
    let pid: i32 = found.stdout.trim().parse().expect("one process watches");
    assert!(pid > 1);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM).expect("it runs");
    shows("that it ended", &|screen| screen.contains("before") && !screen.contains("all holds"));
    tmux.ok(&["send-keys", "-t", "s", "seen"]);
    shows("what is typed", &|screen| screen.contains("seen"));
}

#[test]
fn a_long_look_shows_a_bar_and_ends_at_ctrl_c() {
    if !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let settings = "[check.slow]\nexec = { command = [\"/usr/bin/sleep\", \"60\"] }\ntimeout = \"90s\"\ninterval = \"2m\"\n\
                    [check.quick]\nfile = { path = \"/\" }\n";
    let config = scratch.file("settings.toml", settings, 0o600);
    let tmux = TmuxServer::start(&scratch, "s", "env PS1='$ ' sh");
    let screen = || tmux.ok(&["capture-pane", "-p", "-t", "s"]);
    let check = format!("{} check --config {}", find_bin("evenkeel").display(), config.display());
    tmux.ok(&["send-keys", "-t", "s", &check, "Enter"]);
    until("a bar with one of two done", LONG, || {
        screen().lines().any(|line| line.starts_with("looking ") && line.contains(" 1/2 "))
    });
    tmux.ok(&["send-keys", "-t", "s", "C-c"]);
    until("the table in the place of the bar", LONG, || {
        let screen = screen();
        screen.contains("unknown") && screen.contains("quick") && !screen.contains("looking ")
    });
    tmux.ok(&["send-keys", "-t", "s", "echo ended with $?", "Enter"]);
    until("its exit code", LONG, || screen().contains("ended with 3"));
}

#[test]
fn where_there_is_no_terminal_a_watched_status_is_told_once() {
    let scratch = Scratch::new();
    let settings =
        "[check.place]\nfile = { path = \"/\" }\ninterval = \"1s\"\ntimeout = \"500ms\"\n";
    let agent = Agent::start(&scratch, settings);
    agent.await_check("place", "up", LONG);
    let told = evenkeel(["status", "--watch", "--config", &agent.config().display().to_string()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("place") && !told.stdout.contains('\u{1b}'), "{told:?}");
}

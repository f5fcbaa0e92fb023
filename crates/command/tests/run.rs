//! Programs as they are: quick, slow, noisy, and with children of their own.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel_command::{
    CommandSpec, Completed, RunError, keep_from_commands, run, use_all_descriptors,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

const AMPLE: Duration = Duration::from_secs(30);

async fn sh(script: &str) -> Result<Completed, RunError> {
    run(&CommandSpec::new(["sh", "-c", script]), AMPLE).await
}

/// Waits for a condition, and fails if it does not come about.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + AMPLE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn pid_in(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")))
}

/// A script whose grandchild writes its number into a file and would run for a long time.
fn with_grandchild(start: &str) -> (TempDir, PathBuf, CommandSpec) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("pid");
    let script = format!(
        "{start} sleep 1000 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait",
        file.display()
    );
    let spec = CommandSpec::new(["sh", "-c", &script]);
    (scratch, file, spec)
}

#[tokio::test]
async fn what_is_meant_for_the_caller_alone_is_not_handed_on() {
    // By a process of its own, since this one's environment is that of every test.
    if std::env::var_os("SHOWN").is_none() {
        let itself = std::env::current_exe().unwrap();
        let test = "what_is_meant_for_the_caller_alone_is_not_handed_on";
        let output = std::process::Command::new(itself)
            .args(["--exact", test])
            .envs([("NOTIFY_SOCKET", "/s"), ("WATCHDOG_USEC", "1"), ("KEPT", "1"), ("SET", "1")])
            .env("SHOWN", "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    keep_from_commands(["KEPT".into(), "SET".into()]);
    let limit = getrlimit(Resource::Nofile);
    let few = Rlimit { current: Some(100), ..limit };
    setrlimit(Resource::Nofile, few).unwrap();
    use_all_descriptors();
    assert_eq!(getrlimit(Resource::Nofile).current, limit.maximum);
    // Where this process may not be spared, there is nothing to be taken from what it starts.
    let spared = fs::write("/proc/self/oom_score_adj", "-1").is_ok();
    let inherited = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let score = if spared { "0" } else { inherited.trim() };
    let script = format!(
        "until grep -qx -e {score} /proc/$$/oom_score_adj && [ $(ulimit -n) = 100 ]; do sleep 0.01; done; \
         env | sort | grep -E '^(NOTIFY_SOCKET|WATCHDOG_|SHOWN|KEPT|SET)' | tr '\\n' ' '"
    );
    let command = CommandSpec::new(["sh", "-c", &script]).env("SET", "2");
    let completed = run(&command, AMPLE).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "SET=2 SHOWN=1 ");
}

#[tokio::test]
async fn the_exit_code_and_both_outputs_are_told() {
    let completed = sh("echo out; echo err >&2; exit 3").await.unwrap();
    assert_eq!((completed.code, completed.signal), (Some(3), None));
    assert_eq!(
        (completed.stdout.as_slice(), completed.stderr.as_slice()),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert_eq!(completed.ending(), "exit code 3");
    assert!(!completed.success() && !completed.truncated);
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit_code() {
    let completed = sh("kill -TERM $$").await.unwrap();
    assert_eq!((completed.code, completed.signal), (None, Some(15)));
    assert_eq!(completed.ending(), "signal 15");
}

#[tokio::test]
async fn standard_input_is_empty() {
    assert_eq!(sh("cat").await.unwrap().stdout, b"");
}

#[tokio::test]
async fn more_output_than_is_kept_neither_blocks_nor_is_hidden() {
    let mut spec = CommandSpec::new(["sh", "-c", "yes | head -c 3000000; echo done >&2"]);
    spec.output_limit = 10;
    let completed = run(&spec, AMPLE).await.unwrap();
    assert_eq!(completed.stdout, b"y\ny\ny\ny\ny\n");
    assert_eq!(completed.stderr, b"done\n");
    assert!(completed.truncated && completed.success());
}

#[tokio::test]
async fn output_exactly_at_the_limit_is_not_truncated() {
    let mut spec = CommandSpec::new(["printf", "12345"]);
    spec.output_limit = 5;
    assert!(!run(&spec, AMPLE).await.unwrap().truncated);
    spec.output_limit = 4;
    assert!(run(&spec, AMPLE).await.unwrap().truncated);
}

#[tokio::test]
async fn variables_and_directory_are_passed_on() {
    let mut spec = CommandSpec::new(["sh", "-c", "echo $WORD; pwd"]).env("WORD", "hello");
    spec.cwd = Some("/usr".into());
    assert_eq!(run(&spec, AMPLE).await.unwrap().stdout, b"hello\n/usr\n");
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let scratch = tempfile::tempdir().unwrap();
    let plain = scratch.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    let at = |program: &Path| CommandSpec::new([program]);
    let error = |spec| async move { run(&spec, AMPLE).await.unwrap_err() };
    assert!(matches!(error(CommandSpec::new([""; 0])).await, RunError::Empty));
    assert!(matches!(error(CommandSpec::new([""])).await, RunError::Empty));
    assert!(matches!(
        error(CommandSpec::new(["no-such-program-here"])).await,
        RunError::NotFound { .. }
    ));
    assert!(matches!(error(at(&plain)).await, RunError::Denied { .. }));
    let mut nowhere = CommandSpec::new(["true"]);
    nowhere.cwd = Some(scratch.path().join("nowhere"));
    assert!(matches!(error(nowhere).await, RunError::Io { .. }));
}

#[tokio::test]
async fn at_the_deadline_the_whole_group_is_killed() {
    let (_scratch, file, spec) = with_grandchild("");
    let error = run(&spec, Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
    let grandchild = pid_in(&file).unwrap();
    until("the end of the grandchild", || !is_alive(grandchild)).await;
}

#[tokio::test]
async fn a_program_that_ignores_signals_is_killed_at_the_deadline() {
    let spec = CommandSpec::new(["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done"]);
    let started = Instant::now();
    assert!(run(&spec, Duration::from_millis(200)).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn losing_interest_kills_the_whole_group() {
    let (_scratch, file, spec) = with_grandchild("");
    tokio::select! {
        ended = run(&spec, AMPLE) => panic!("ended by itself: {ended:?}"),
        () = until("the grandchild", || pid_in(&file).is_some()) => {}
    }
    let grandchild = pid_in(&file).unwrap();
    until("the end of the grandchild", || !is_alive(grandchild)).await;
}

#[tokio::test]
async fn a_daemon_that_keeps_the_output_open_is_not_waited_for_and_lives_on() {
    let completed = sh("setsid sleep 1000 & echo $!").await.unwrap();
    let daemon = String::from_utf8(completed.stdout).unwrap().trim().parse().unwrap();
    assert_eq!(completed.code, Some(0));
    assert!(is_alive(daemon));
    kill(Pid::from_raw(daemon), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn all_that_was_written_before_the_end_is_read() {
    for _ in 0..50 {
        let completed = sh("head -c 12000 /dev/zero").await.unwrap();
        assert_eq!(completed.stdout.len(), 12_000);
    }
}

#[tokio::test]
async fn at_the_deadline_those_that_left_the_group_are_killed_too() {
    let (_scratch, file, spec) = with_grandchild("setsid");
    let error = run(&spec, Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
    let grandchild = pid_in(&file).unwrap();
    until("the end of the grandchild", || !is_alive(grandchild)).await;
}

#[tokio::test]
async fn nothing_but_the_standard_three_is_handed_on() {
    // As whoever starts an agent may leave one open: without the flag that closes it.
    let null = fs::File::open("/dev/null").unwrap();
    let leaked = nix::unistd::dup(&null).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&leaked).to_string();
    let completed = sh(&format!("ls /proc/self/fd/{number}")).await.unwrap();
    assert!(!completed.success(), "{completed:?}");
    assert_eq!(
        sh("ls /proc/self/fd | wc -l").await.unwrap().stdout,
        b"4\n",
        "0, 1, 2 and that of ls"
    );
}

#[tokio::test]
async fn a_command_runs_as_whom_it_should_and_in_no_other_group() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut spec = CommandSpec::new(["sh", "-c", "id -u; id -G"]);
    spec.run_as = Some(evenkeel_command::RunAs { uid: 65_534, gid: 65_534 });
    assert_eq!(run(&spec, AMPLE).await.unwrap().stdout, b"65534\n65534\n");
}

#[tokio::test]
async fn a_program_reads_what_it_is_given_however_much_it_says_at_the_same_time() {
    // More than both pipes hold: whoever wrote all of it before reading anything would wait for ever.
    let given = vec![b'x'; 1_000_000];
    let spec =
        CommandSpec { stdin: given.clone(), output_limit: 2_000_000, ..CommandSpec::new(["cat"]) };
    let completed = run(&spec, AMPLE).await.unwrap();
    assert!(completed.success());
    assert!(completed.stdout == given, "all of it comes back");
}

#[tokio::test]
async fn a_program_need_not_read_what_it_is_given() {
    let given = vec![b'x'; 1_000_000];
    let quick = CommandSpec { stdin: given.clone(), ..CommandSpec::new(["true"]) };
    assert!(run(&quick, AMPLE).await.unwrap().success());
    let deaf = CommandSpec { stdin: given, ..CommandSpec::new(["sleep", "1000"]) };
    let error = run(&deaf, Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
}

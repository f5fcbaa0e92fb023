use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use evenkeel_probe::{
    Condition, FailureClass, Measurement, Outcome, ProcessSelector, ProcessTarget, Target,
};

use crate::{assert_bad, assert_good, assert_unknown, measure, until};

/// A process that ends with the test.
struct Sleeper(Child);

impl Sleeper {
    /// One whose program goes by `name`.
    fn named(scratch: &Path, name: &str) -> Self {
        let program = scratch.join(name);
        if !program.exists() {
            symlink("/bin/sleep", &program).unwrap();
        }
        Self(Command::new(program).arg("1000").spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn name(name: &str, user: Option<&str>) -> Target {
    ProcessSelector::Name { name: name.to_owned(), user: user.map(str::to_owned) }.into()
}

fn pidfile(path: &Path) -> Target {
    ProcessSelector::Pidfile(path.to_owned()).into()
}

fn own_user() -> String {
    let own = fs::metadata("/proc/self").unwrap();
    std::os::unix::fs::MetadataExt::uid(&own).to_string()
}

#[tokio::test]
async fn a_process_is_found_by_the_number_in_a_file() {
    let scratch = tempfile::tempdir().unwrap();
    let sleeper = Sleeper::named(scratch.path(), "sleeper");
    let path = scratch.path().join("pid");
    fs::write(&path, format!("{}\nand more\n", sleeper.pid())).unwrap();
    let target = pidfile(&path);
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    assert_eq!(measurement.facts.number("pid"), Some(f64::from(sleeper.pid())));
    // It may have only just begun to load.
    assert!(measurement.facts.number("rss_bytes").unwrap() > 0.0);
    assert!(measurement.facts.number("start_time_seconds").unwrap() > 1.6e9);
    assert!(measurement.facts.number("age_seconds").unwrap() < 60.0);
    drop(sleeper);
    assert_bad(&measure(target).await, FailureClass::Missing);
}

#[tokio::test]
async fn a_pid_file_that_is_gone_is_bad_and_one_without_a_number_unknown() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("pid");
    assert_bad(&measure(pidfile(&path)).await, FailureClass::Missing);
    for text in ["", "\n", "0", "-1", "seven", "99999999999999999999"] {
        fs::write(&path, text).unwrap();
        assert_unknown(&measure(pidfile(&path)).await, FailureClass::Body);
    }
}

#[tokio::test]
async fn a_pid_file_that_is_a_fifo_hangs_nobody() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("pid");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_unknown(&measure(pidfile(&path)).await, FailureClass::Denied);
}

#[tokio::test]
async fn a_pid_file_that_anybody_could_have_written_is_not_believed() {
    let scratch = tempfile::tempdir().unwrap();
    let sleeper = Sleeper::named(scratch.path(), "sleeper");
    let (path, link) = (scratch.path().join("pid"), scratch.path().join("link"));
    fs::write(&path, sleeper.pid().to_string()).unwrap();
    symlink(&path, &link).unwrap();
    assert_unknown(&measure(pidfile(&link)).await, FailureClass::Denied);
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let measurement = measure(pidfile(&path)).await;
    assert_unknown(&measurement, FailureClass::Denied);
    let detail = &measurement.outcome.failure().unwrap().detail;
    assert!(detail.contains("everybody can write it (mode 0666)"), "{detail}");
}

#[tokio::test]
async fn a_number_that_was_given_to_another_process_is_stale() {
    let scratch = tempfile::tempdir().unwrap();
    let sleeper = Sleeper::named(scratch.path(), "sleeper");
    let path = scratch.path().join("pid");
    fs::write(&path, sleeper.pid().to_string()).unwrap();
    assert_good(&measure(pidfile(&path)).await, &pidfile(&path));
    // As a daemon of an earlier boot left it.
    let long_ago =
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    let measurement = measure(pidfile(&path)).await;
    assert_bad(&measurement, FailureClass::Missing);
    let detail = &measurement.outcome.failure().unwrap().detail;
    assert!(detail.contains("given to another process"), "{detail}");
}

#[tokio::test]
async fn an_incarnation_lasts_as_long_as_its_process() {
    let scratch = tempfile::tempdir().unwrap();
    let incarnation = async |pid| {
        let measurement = measure(ProcessSelector::Pid(pid).into()).await;
        measurement.facts.text("incarnation").unwrap().to_owned()
    };
    let first = Sleeper::named(scratch.path(), "sleeper");
    let before = incarnation(first.pid()).await;
    assert_eq!(incarnation(first.pid()).await, before);
    let second = Sleeper::named(scratch.path(), "sleeper");
    assert_ne!(incarnation(second.pid()).await, before);
}

#[tokio::test]
async fn a_name_made_to_look_like_another_process_s_facts_deceives_nobody() {
    let mut shell = Command::new("sh")
        .args(["-c", "printf ') Z 0\n(x' > /proc/$$/comm; read end"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    until("the name", || comm(shell.id()).starts_with(") Z 0")).await;
    let target: Target = ProcessSelector::Pid(shell.id()).into();
    assert_good(&measure(target.clone()).await, &target);
    assert_good(&measure(name(") Z 0\n(x", None)).await, &name("", None));
    shell.kill().unwrap();
    shell.wait().unwrap();
}

#[tokio::test]
async fn a_tree_is_counted_with_shared_pages_once() {
    let script = "x=$(head -c 16777216 /dev/zero | tr '\\0' x)\n\
        (read end <&3; : \"$x\") & (read end <&3; : \"$x\") & (read end <&3; : \"$x\") & wait";
    let mut shell = Command::new("sh")
        .args(["-c", &format!("exec 3<&0; {script}")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let alone: Target = ProcessSelector::Pid(shell.id()).into();
    let tree = ProcessTarget { tree: true, ..ProcessTarget::new(ProcessSelector::Pid(shell.id())) };
    let tree = Target::Process(tree);
    let mut one = measure(alone.clone()).await;
    while one.facts.number("children") != Some(3.0) {
        tokio::task::yield_now().await;
        one = measure(alone.clone()).await;
    }
    let found = measure(tree.clone()).await;
    assert_good(&found, &tree);
    assert_eq!(
        (one.facts.number("processes"), found.facts.number("processes")),
        (Some(1.0), Some(4.0))
    );
    let rss = |measurement: &Measurement| measurement.facts.number("rss_bytes").unwrap();
    assert!(rss(&one) > 16e6);
    assert!(rss(&found) < rss(&one) * 1.5, "{} beside {}", rss(&found), rss(&one));
    drop(shell.stdin.take());
    shell.wait().unwrap();
}

#[tokio::test]
async fn what_a_condition_judges_and_cannot_be_told_is_unknown_and_never_good() {
    let scratch = tempfile::tempdir().unwrap();
    let sleeper = Sleeper::named(scratch.path(), "sleeper");
    let condition = |field: &str| Condition {
        field: field.to_owned(),
        test: evenkeel_probe::Test::Equals("x.service".into()),
        sustained_for: None,
    };
    let target: Target = ProcessSelector::Pid(sleeper.pid()).into();
    let plain = measure(target.clone()).await;
    let judged = measure(target.judged_by(&[condition("unit")])).await;
    if plain.facts.get("unit").is_some() {
        return assert_eq!(judged.outcome, Outcome::Good);
    }
    assert_unknown(&judged, FailureClass::Missing);
    let detail = &judged.outcome.failure().unwrap().detail;
    assert!(detail.contains("`unit` cannot be told"), "{detail}");
    assert_eq!(judged.facts.get("pid"), plain.facts.get("pid"), "what was seen is kept");
}

#[tokio::test]
async fn a_unit_or_cgroup_without_processes_is_missing() {
    for selector in [
        ProcessSelector::Unit("no-such-unit-here.service".to_owned()),
        ProcessSelector::Cgroup("/no/such/cgroup".into()),
    ] {
        assert_bad(&measure(selector.into()).await, FailureClass::Missing);
    }
}

#[tokio::test]
async fn processes_are_found_by_name_and_counted() {
    let scratch = tempfile::tempdir().unwrap();
    let first = Sleeper::named(scratch.path(), "ek-two-of-us");
    let target = name("ek-two-of-us", None);
    until("the first one", || comm(first.pid()) == "ek-two-of-us").await;
    let alone = measure(target.clone()).await;
    let second = Sleeper::named(scratch.path(), "ek-two-of-us");
    until("the second one", || comm(second.pid()) == "ek-two-of-us").await;
    let both = measure(target.clone()).await;
    assert_good(&both, &target);
    assert_eq!(
        (alone.facts.number("processes"), both.facts.number("processes")),
        (Some(1.0), Some(2.0))
    );
    assert_eq!(
        alone.facts.number("threads").map(|threads| threads * 2.0),
        both.facts.number("threads")
    );
    assert_eq!(both.facts.number("pid"), Some(f64::from(first.pid())));
}

#[tokio::test]
async fn a_name_that_the_kernel_cuts_is_still_told_from_others() {
    let scratch = tempfile::tempdir().unwrap();
    let long = "ek-quite-a-long-name-indeed";
    let sleeper = Sleeper::named(scratch.path(), long);
    until("the sleeper", || comm(sleeper.pid()) == long[..15]).await;
    assert_good(&measure(name(long, None)).await, &name(long, None));
    assert_bad(&measure(name("ek-quite-a-long-name-too", None)).await, FailureClass::Missing);
}

#[tokio::test]
async fn a_process_of_another_user_is_not_meant() {
    let scratch = tempfile::tempdir().unwrap();
    let sleeper = Sleeper::named(scratch.path(), "ek-mine");
    until("the sleeper", || comm(sleeper.pid()) == "ek-mine").await;
    let own = own_user();
    let another = if own == "65534" { "65533" } else { "65534" };
    assert_good(&measure(name("ek-mine", Some(&own))).await, &name("ek-mine", None));
    assert_bad(&measure(name("ek-mine", Some(another))).await, FailureClass::Missing);
    assert_unknown(
        &measure(name("ek-mine", Some("no-such-user-here"))).await,
        FailureClass::Missing,
    );
}

#[tokio::test]
async fn a_zombie_is_dead() {
    let mut child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    until("the zombie", || {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z"))
    })
    .await;
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("pid");
    fs::write(&path, pid.to_string()).unwrap();
    for target in [ProcessSelector::Pid(pid).into(), pidfile(&path)] {
        let measurement = measure(target).await;
        assert_bad(&measurement, FailureClass::Missing);
        assert!(
            measurement.outcome.failure().unwrap().detail.contains("zombie"),
            "{measurement:?}"
        );
    }
    child.wait().unwrap();
}

#[tokio::test]
async fn a_daemon_that_cannot_be_asked_is_missing_with_its_socket() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    let target: Target = ProcessSelector::SupervisorDaemon { socket }.into();
    assert_bad(&measure(target).await, FailureClass::Missing);
}

fn comm(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

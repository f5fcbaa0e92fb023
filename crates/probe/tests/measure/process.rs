use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use evenkeel_probe::{FailureClass, ProcessTarget, Target};

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
    Target::Process(ProcessTarget::Name { name: name.to_owned(), user: user.map(str::to_owned) })
}

fn pidfile(path: &Path) -> Target {
    Target::Process(ProcessTarget::Pidfile(path.to_owned()))
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
    assert_unknown(&measure(pidfile(&path)).await, FailureClass::Body);
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
    assert!(both.facts.number("rss_bytes") > alone.facts.number("rss_bytes"));
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
    for target in [Target::Process(ProcessTarget::Pid(pid)), pidfile(&path)] {
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
    let target = Target::Process(ProcessTarget::SupervisorDaemon { socket });
    assert_bad(&measure(target).await, FailureClass::Missing);
}

fn comm(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

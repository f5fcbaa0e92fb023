//! Limits of memory on real processes: one that grows, and a cgroup that the kernel kills in.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use evenkeel_tests::{Agent, Daemon, LONG, Scratch, find_bin, is_root, run_within, until};
use serde_json::Value;

/// A shell that takes so many bytes once its gate is there, and keeps them.
fn hog(scratch: &Scratch, bytes: u64, before: &str) -> Daemon {
    let gate = scratch.join("gate");
    let script = format!(
        "{before}\nuntil [ -e '{}' ]; do sleep 0.1; done\nx=$(head -c {bytes} /dev/zero | tr '\\0' x)\nsleep 100000; : \"$x\"",
        gate.display()
    );
    Daemon::start("hog", "sh", ["-c", &script], &scratch.join("hog.log"))
}

fn process(args: &[&str]) -> (Value, Option<i32>) {
    let all = [&["process", "--json", "--timeout", "30s"], args].concat();
    let finished = run_within(Duration::from_mins(1), find_bin("evenkeel-probe"), all, None);
    (finished.json(), finished.code)
}

#[test]
fn a_process_that_grows_is_down_only_after_it_was_too_large_for_long_enough() {
    const HELD: Duration = Duration::from_secs(3);
    let scratch = Scratch::new();
    let hog = hog(&scratch, 40_000_000, "");
    let pidfile = scratch.file("hog.pid", &hog.pid().to_string(), 0o644);
    let settings = format!(
        "[check.memory]\nprocess = {{ pidfile = \"{}\" }}\n\
         conditions = [{{ field = \"rss_bytes\", above = \"30MB\", for = \"3s\" }}]\n\
         timeout = \"500ms\"\nretries = 0\ninterval = \"1s\"\n",
        pidfile.display()
    );
    let agent = Agent::start(&scratch, &settings);
    agent.await_check("memory", "up", LONG);
    let opened = Instant::now();
    scratch.file("gate", "", 0o644);
    until("the process is too large", LONG, || {
        process(&["--pid", &hog.pid().to_string(), "--expect", "rss_bytes<30MB"]).1 == Some(1)
    });
    let check = agent.await_check("memory", "down", LONG);
    assert!(opened.elapsed() >= HELD, "{:?}", opened.elapsed());
    let reason = check["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("rss_bytes"), "{check}");
}

/// A cgroup of its own with a limit, removed once it is empty.
struct Limited(PathBuf);

impl Limited {
    /// `None` on a host that counts no memory in cgroups.
    fn new(limit: &str) -> Option<Self> {
        let (own, _) = process(&["--pid", &std::process::id().to_string()]);
        let place = own["facts"]["cgroup"].as_str()?.trim_start_matches('/');
        let hierarchies = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(PathBuf::from);
        let above = hierarchies.into_iter().map(|top| top.join(place)).find(|dir| dir.exists())?;
        let dir = above.join(format!("evenkeel-memory-{}", std::process::id()));
        fs::create_dir(&dir).ok()?;
        let limited = Self(dir);
        let files = ["memory.limit_in_bytes", "memory.max"].map(|name| limited.0.join(name));
        fs::write(files.iter().find(|file| file.exists())?, limit).ok()?;
        Some(limited)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let started = Instant::now();
        while fs::remove_dir(&self.0).is_err() && started.elapsed() < LONG {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_cgroup_at_its_limit_tells_its_memory_and_whom_the_kernel_killed() {
    if !is_root() {
        return;
    }
    let limited = Limited::new("33554432").expect("root may make a cgroup that counts memory");
    let scratch = Scratch::new();
    let enter = format!("echo $$ > '{}/cgroup.procs'", limited.0.display());
    let dir = limited.0.display().to_string();
    // One that waits in the group, and one that is to be killed in it.
    let bystander = hog(&Scratch::new(), 1, &enter);
    let mut greedy = hog(&scratch, 99_999_999, &enter);
    until("both are in it", LONG, || {
        process(&["--cgroup", &dir]).0["facts"]["processes"].as_f64() >= Some(2.0)
    });
    let (before, code) = process(&["--cgroup", &dir, "--expect", "cgroup_oom_kills=0"]);
    assert_eq!(code, Some(0), "{before}");
    assert_eq!(before["facts"]["cgroup_memory_limit_bytes"], 33_554_432.0);
    assert!(before["facts"]["cgroup_memory_bytes"].as_f64() > Some(0.0));
    scratch.file("gate", "", 0o644);
    until("the kernel killed", LONG, || {
        process(&["--cgroup", &dir, "--expect", "cgroup_oom_kills=0"]).1 == Some(1)
    });
    let (after, _) = process(&["--cgroup", &dir]);
    assert!(after["facts"]["cgroup_oom_kills"].as_f64() >= Some(1.0), "{after}");
    drop(bystander);
    let _ = greedy.ended();
    drop(greedy);
    until("nobody is left", LONG, || process(&["--cgroup", &dir]).1 == Some(1));
    let (mistyped, _) = process(&["--cgroup", &dir.replace("evenkeel-memory", "evenkeel-memroy")]);
    let reason = mistyped["reasons"][0].as_str().unwrap();
    assert!(reason.contains("did you mean `evenkeel-memory-"), "{reason}");
}

//! Real processes, and a real cgroup where the host has one.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_process::{Cgroup, Identity, LookError, Process, State, Table, find_by_name};

/// A shell that runs `script`, says `ready` and lives until this is dropped.
struct Shell {
    child: Child,
    _stdin: ChildStdin,
}

impl Shell {
    fn new(script: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{script}\necho ready; read end")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        assert_eq!(&ready, b"ready\n");
        let stdin = child.stdin.take().unwrap();
        Self { child, _stdin: stdin }
    }

    fn process(&self) -> Process {
        Process::open(self.child.id()).unwrap()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Waits for `condition`, for half a minute on a busy host.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "a poll with a deadline: no event tells of another process's state"
)]
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_own_process_can_tell_all_of_itself() {
    let own = Process::open(std::process::id()).unwrap();
    let stat = own.stat().unwrap();
    assert_eq!(stat.identity, own.identity());
    assert!(!stat.is_dead());
    let memory = own.memory().unwrap();
    assert!(memory.pss_bytes.unwrap() <= memory.rss_bytes);
    assert!(memory.rss_bytes > 100_000);
    assert!(own.maps().unwrap().mappings > 5);
    assert!(own.cgroups().is_ok());
    let descriptors = own.descriptors().unwrap();
    assert!(
        descriptors.open > 2 && descriptors.limit.is_none_or(|limit| limit >= descriptors.open)
    );
    assert!(own.users().is_ok());
}

#[test]
fn numbers_that_no_process_has_are_gone() {
    for pid in [0, u32::MAX] {
        assert!(Process::open(pid).unwrap_err().is_gone(), "{pid}");
    }
}

#[test]
fn a_process_that_ended_is_gone_and_its_handle_harms_nobody() {
    let shell = Shell::new("");
    let process = shell.process();
    let handle = process.handle().unwrap();
    assert!(!handle.has_ended());
    drop(shell);
    assert!(handle.wait(Duration::from_secs(30)));
    assert!(process.stat().unwrap_err().is_gone());
    assert!(process.memory().unwrap_err().is_gone());
    assert!(process.descriptors().unwrap_err().is_gone());
    assert!(process.handle().unwrap_err().is_gone());
    assert!(handle.send(9).unwrap_err().is_gone());
}

#[test]
fn a_number_that_is_another_s_now_is_not_the_process_that_was_meant() {
    let shell = Shell::new("");
    let identity = shell.process().identity();
    assert!(Process::open_exactly(identity).is_ok());
    let earlier = Identity { start_ticks: identity.start_ticks - 1, ..identity };
    assert!(Process::open_exactly(earlier).unwrap_err().is_gone());
}

#[test]
fn a_process_that_ended_and_is_not_waited_for_is_dead() {
    let mut child = Command::new("true").spawn().unwrap();
    let process = Process::open(child.id()).unwrap();
    eventually("a zombie", || process.stat().unwrap().state == State::Zombie);
    assert!(process.stat().unwrap().is_dead());
    assert_eq!(process.memory().unwrap().rss_bytes, 0);
    assert!(process.handle().unwrap().has_ended());
    child.wait().unwrap();
    assert!(process.stat().unwrap_err().is_gone());
}

#[test]
fn a_stopped_process_is_seen_and_goes_on_by_its_handle() {
    let shell = Shell::new("");
    let process = shell.process();
    let handle = process.handle().unwrap();
    handle.send(rustix::process::Signal::STOP.as_raw()).unwrap();
    eventually("a stop", || process.stat().unwrap().state == State::Stopped);
    handle.send(rustix::process::Signal::CONT.as_raw()).unwrap();
    eventually("a life", || process.stat().unwrap().state == State::Sleeping);
    assert!(matches!(handle.send(0), Err(LookError::Io { .. })), "0 is no signal");
}

#[test]
fn a_name_made_to_deceive_deceives_nobody() {
    let shell = Shell::new("printf ') R 1\\n9 (x' > /proc/$$/comm");
    let stat = shell.process().stat().unwrap();
    assert_eq!(stat.name, b") R 1\n9 (x");
    assert_eq!(stat.shown_name(), ") R 1\\n9 (x");
    assert_eq!((stat.identity.pid, stat.parent), (shell.child.id(), std::process::id()));
    assert_eq!(
        shell.process().users().unwrap(),
        Process::open(std::process::id()).unwrap().users().unwrap()
    );
    assert_eq!(Table::read().unwrap().get(shell.child.id()).unwrap().identity, stat.identity);
}

#[test]
fn a_tree_is_seen_to_its_leaves() {
    let shell = Shell::new("sleep 1000 & sh -c 'sleep 1000 & wait' &");
    let root = shell.process().identity();
    eventually("three below the shell", || {
        Table::read().unwrap().descendants(root, 100).processes.len() == 3
    });
    assert_eq!(shell.process().children().unwrap(), 2);
    assert_eq!(Table::read().unwrap().children(root).count(), 2);
    let cut = Table::read().unwrap().descendants(root, 1);
    assert_eq!((cut.processes.len(), cut.cut), (1, true));
}

#[test]
fn forked_workers_share_what_a_sum_of_resident_memory_counts_again() {
    // 16 MiB in the shell's own memory, which its children share until they write.
    let shell = Shell::new(
        "x=$(head -c 16777216 /dev/zero | tr '\\0' x)\n\
         (sleep 1000; : \"$x\") & (sleep 1000; : \"$x\") & (sleep 1000; : \"$x\") &",
    );
    let root = shell.process();
    let sums = || {
        let tree = Table::read().unwrap().descendants(root.identity(), 100).processes;
        let all = tree.into_iter().chain([root.identity()]);
        let memory = all.filter_map(|process| Process::open_exactly(process).ok()?.memory().ok());
        memory.fold((0, 0), |(rss, pss), memory| {
            (rss + memory.rss_bytes, pss + memory.pss_bytes.unwrap_or(0))
        })
    };
    eventually("a sum that counts twice", || {
        let (rss, pss) = sums();
        rss > 60_000_000 && pss < rss / 2
    });
}

#[test]
fn ten_thousand_descriptors_are_counted() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(12_000, |maximum| maximum.min(12_000));
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: Some(wanted), ..limit })
        .unwrap();
    let own = Process::open(std::process::id()).unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    let files: Vec<_> = (0..wanted - 2_000).map(|_| null.try_clone().unwrap()).collect();
    let found = own.descriptors().unwrap();
    assert!(
        found.open >= files.len() as u64 && found.open < files.len() as u64 + 1_000,
        "{found:?}"
    );
    assert_eq!(found.limit, Some(wanted));
}

#[test]
fn a_process_is_found_by_its_name_and_user() {
    let scratch = tempfile::tempdir().unwrap();
    // Longer than what the kernel keeps of it.
    let name = "evenkeel-sleeper-with-a-long-name";
    let program = scratch.path().join(name);
    std::fs::copy("/bin/sleep", &program).unwrap();
    let mut child = Command::new(&program).arg("1000").spawn().unwrap();
    let users = Process::open(std::process::id()).unwrap().users().unwrap();
    let found = |user| find_by_name(name.as_ref(), user).unwrap();
    eventually("the name", || found(None) == [child.id()]);
    assert_eq!(found(Some(users.real)), [child.id()]);
    assert!(found(Some(users.real + 1)).is_empty());
    assert!(find_by_name("evenkeel-sleeper-with-another-name".as_ref(), None).unwrap().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A cgroup below this process's own, where memory is counted; removed with its processes.
struct Limited(std::path::PathBuf);

impl Limited {
    fn new(name: &str) -> Option<Self> {
        let own = Process::open(std::process::id()).unwrap().cgroups().unwrap().memory?;
        let directory = own.directory().join(format!("evenkeel-{name}-{}", std::process::id()));
        std::fs::create_dir(&directory).ok()?;
        let limited = Self(directory);
        let counts = Cgroup::find(&limited.0).unwrap().memory().is_ok();
        counts.then_some(limited)
    }

    fn set(&self, names: [&str; 2], value: &str) {
        let file = names.iter().map(|name| self.0.join(name)).find(|file| file.exists()).unwrap();
        std::fs::File::options()
            .write(true)
            .open(file)
            .unwrap()
            .write_all(value.as_bytes())
            .unwrap();
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        eventually("an empty cgroup", || std::fs::remove_dir(&self.0).is_ok());
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a test that is left out must not look like one that passed"
)]
fn left_out(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
    eprintln!("LEFT OUT: {why}");
}

#[test]
fn memory_of_a_cgroup_its_limit_and_its_kills_are_seen() {
    let Some(limited) = Limited::new("oom") else {
        return left_out("this host counts no memory in a cgroup that this user may make");
    };
    limited.set(["memory.limit_in_bytes", "memory.max"], "33554432");
    let cgroup = Cgroup::find(&limited.0).unwrap();
    assert_eq!(cgroup.memory().unwrap().limit_bytes, Some(33_554_432));
    assert_eq!(cgroup.memory().unwrap().oom_kills, Some(0));

    let shell = Shell::new(&format!(
        "echo $$ > {}; x=$(head -c 4194304 /dev/zero | tr '\\0' x)",
        limited.0.join("cgroup.procs").display()
    ));
    let members = cgroup.members().unwrap();
    assert_eq!((members.pids, members.cut), (vec![shell.child.id()], false));
    assert_eq!(shell.process().cgroups().unwrap().memory.unwrap().directory(), limited.0);
    let own = Process::open(std::process::id()).unwrap().cgroups().unwrap().memory.unwrap();
    assert!(own.children().unwrap().iter().any(|child| child.directory() == limited.0));
    assert!(own.members_below(1_000_000).unwrap().pids.contains(&shell.child.id()));
    assert!(own.members_below(1).unwrap().cut);
    assert!(cgroup.memory().unwrap().current_bytes > 4_194_304);

    // More than it may have.
    let shell_of_hog = format!(
        "echo $$ > {}; x=$(head -c 99999999 /dev/zero | tr '\\0' x)",
        limited.0.join("cgroup.procs").display()
    );
    let mut hog = Command::new("sh").args(["-c", &shell_of_hog]).spawn().unwrap();
    assert!(!hog.wait().unwrap().success());
    eventually("a kill", || cgroup.memory().unwrap().oom_kills >= Some(1));
}

#[test]
fn a_cgroup_that_is_not_there_is_gone() {
    for path in ["/no/such/cgroup", "/sys/fs/cgroup/no-such-cgroup", "relative", "/../.."] {
        let found = Cgroup::find(path.as_ref());
        assert!(matches!(found, Err(LookError::Gone { .. })), "{path}: {found:?}");
    }
}

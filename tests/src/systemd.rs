use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::programs::left_out;
use crate::{Finished, LONG, Scratch, find_bin, installed, is_root, run_within, until, until_some};

/// Where the built programs are inside.
const PROGRAMS: &str = "/opt/evenkeel";

/// Makes the root of the host and becomes `systemd-nspawn`; in a mount namespace of its own, so nothing on `/` changes and all is gone with it.
///
/// Nothing that the machine has enabled is started, and init scripts are left out: what runs is what the test brings.
const START: &str = r#"
set -e
mount -t tmpfs -o size=256m,mode=755 tmpfs "$1/t"
mkdir -p "$1/t/upper" "$1/t/work" "$1/t/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/t/upper,workdir=$1/t/work" "$1/t/root"
cd "$1/t/root"
rm -rf etc/systemd/system etc/rc?.d etc/init.d etc/fstab usr/sbin/policy-rc.d
mkdir -p etc/systemd/system/multi-user.target.wants
: > etc/machine-id
echo "$2" > etc/hostname
cp -a "$1/seed/." ./
cd /
shift 2; programs=$1 name=$2; shift 2
for group in "$@"; do echo $$ > "$group/cgroup.procs"; done
exec systemd-nspawn -q -D "$OLDPWD" --register=no --keep-unit --machine="$name" --console=pipe --private-network \
  --resolv-conf=off --timezone=off --link-journal=no --bind-ro="$programs:/opt/evenkeel" -b systemd.unit=multi-user.target
"#;

/// A host of its own that a real systemd has booted: this machine's userland in namespaces, with its own network and `/tmp`.
///
/// It takes about a second, and ends with the test.
#[derive(Debug)]
pub struct SystemdHost {
    scratch: Scratch,
    nspawn: Child,
    leader: u32,
    groups: Vec<PathBuf>,
}

impl SystemdHost {
    /// Boots a host with these units, by their names, and waits until it is up; none of them is started.
    ///
    /// `None` where that cannot be done: this is not root, or `systemd-nspawn` is not installed. In CI that is a failure.
    pub fn boot(units: &[(&str, &str)]) -> Option<Self> {
        let files: Vec<_> = units
            .iter()
            .map(|(name, text)| (format!("etc/systemd/system/{name}"), *text, 0o644))
            .collect();
        Self::boot_with(&files)
    }

    /// The same with any files, by their paths without the leading slash, with their modes.
    pub fn boot_with<P: AsRef<str>>(files: &[(P, &str, u32)]) -> Option<Self> {
        let may = is_root() && installed("systemd-nspawn") && installed("dbus-daemon");
        let hierarchies = if may { cgroup_hierarchies() } else { return None };
        if hierarchies.is_empty()
            && !left_out("no cgroup hierarchy is mounted that systemd can use")
        {
            return None;
        }
        let scratch = Scratch::new();
        scratch.folder("t", 0o755);
        scratch.folder("seed", 0o755);
        for (path, text, mode) in files {
            scratch.file(&format!("seed/{}", path.as_ref()), text, *mode);
        }
        // As unlike others as the directory; a process number is not, in a namespace of its own.
        let name = scratch.path().file_name().and_then(OsStr::to_str).unwrap_or("ek").to_owned();
        let groups: Vec<_> = hierarchies.iter().map(|folder| folder.join(&name)).collect();
        for group in &groups {
            fs::create_dir(group).expect("root can make a control group");
        }
        let start = scratch.file("start.sh", START, 0o644);
        let log = File::create(scratch.join("console.log")).expect("a log can be written");
        let evenkeel = find_bin("evenkeel");
        let programs = evenkeel.parent().expect("a program is in a folder");
        // Killed with the test should that be killed; systemd-nspawn takes everything inside with it.
        let nspawn = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "--",
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "bash",
            ])
            .arg(&start)
            .args([
                scratch.path().as_os_str(),
                OsStr::new(&name),
                programs.as_os_str(),
                OsStr::new(&name),
            ])
            .args(&groups)
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log can be opened twice"))
            .stderr(log)
            .spawn()
            .expect("setpriv of util-linux is there");
        let mut host = Self { scratch, nspawn, leader: 0, groups };
        host.leader = until_some("systemd is started", LONG, || {
            host.assert_lives();
            host.find_leader()
        });
        until("the host is up", LONG, || {
            host.assert_lives();
            let state = host.sh("systemctl is-system-running 2>/dev/null");
            matches!(state.stdout.trim(), "running" | "degraded")
        });
        Some(host)
    }

    /// Runs these lines of shell inside, to their end.
    pub fn sh(&self, lines: &str) -> Finished {
        self.run(["sh", "-c", lines])
    }

    /// Runs a program inside, to its end. Built ones are below `/opt/evenkeel`, and found by their names.
    pub fn run<A: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = A>) -> Finished {
        let leader = self.leader.to_string();
        let path =
            format!("PATH={PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let enter = ["-t", &leader, "-m", "-u", "-i", "-n", "-p", "-C", "--", "env", "-i", &path];
        let words: Vec<_> = enter.iter().map(|word| OsStr::new(*word).to_owned()).collect();
        let command = command.into_iter().map(|word| word.as_ref().to_owned());
        run_within(LONG, "nsenter", words.into_iter().chain(command), None)
    }

    /// The same, which must succeed; returns its standard output without the last line break.
    #[track_caller]
    pub fn ok(&self, lines: &str) -> String {
        let finished = self.sh(lines);
        assert_eq!(finished.code, Some(0), "`{lines}`: {finished:?}");
        finished.stdout.trim_end().to_owned()
    }

    /// One property of a unit, as `systemctl show` has it.
    #[track_caller]
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.ok(&format!("systemctl show --value -p {name} -- '{unit}'"))
    }

    /// Waits until a property of a unit is this.
    #[track_caller]
    pub fn await_property(&self, unit: &str, name: &str, value: &str) {
        until(&format!("{name} of {unit} is {value}"), LONG, || self.property(unit, name) == value);
    }

    /// A path of the host, as seen from here.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.leader)).join(inside.trim_start_matches('/'))
    }

    /// The socket of its system bus, as seen from here.
    pub fn bus(&self) -> PathBuf {
        self.path("/run/dbus/system_bus_socket")
    }

    /// systemd itself, as seen from here.
    pub fn leader(&self) -> u32 {
        self.leader
    }

    /// What its journal has of a unit.
    pub fn journal(&self, unit: &str) -> String {
        self.sh(&format!("journalctl -q --no-pager -o cat -u '{unit}'")).stdout
    }

    fn find_leader(&self) -> Option<u32> {
        let nspawn = self.nspawn.id();
        let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
        let leader: u32 = children.split_whitespace().next()?.parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{leader}/comm")).ok()?;
        let bus = PathBuf::from(format!("/proc/{leader}/root/run/dbus/system_bus_socket"));
        (name.trim() == "systemd" && bus.exists()).then_some(leader)
    }

    #[track_caller]
    fn assert_lives(&mut self) {
        let ended = self.nspawn.try_wait().expect("an own child can be waited for");
        let log = fs::read(self.scratch.join("console.log")).unwrap_or_default();
        assert!(
            ended.is_none(),
            "systemd-nspawn ended: {ended:?}\n{}",
            String::from_utf8_lossy(&log)
        );
    }

    fn end(&mut self) -> Option<ExitStatus> {
        // Its first process takes all others with it; nothing is written that anyone needs.
        if self.leader != 0 && matches!(self.nspawn.try_wait(), Ok(None)) {
            let _ = kill(Pid::from_raw(self.leader.cast_signed()), Signal::SIGKILL);
        }
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if let Ok(Some(status)) = self.nspawn.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.nspawn.kill();
        self.nspawn.wait().ok().filter(|status| status.signal().is_some())
    }
}

impl Drop for SystemdHost {
    fn drop(&mut self) {
        self.end();
        for group in &self.groups {
            remove_groups(group);
        }
    }
}

/// The cgroup2 hierarchy, and the one that systemd names its own where that is a separate one.
fn cgroup_hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let first = |wanted: &dyn Fn(&[&str]) -> bool| {
        let words = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        words
            .filter(|words| words.len() > 3)
            .find(|words| wanted(words))
            .map(|words| PathBuf::from(words[1]))
    };
    let unified = first(&|words| words[2] == "cgroup2");
    let named = first(&|words| words[2] == "cgroup" && words[3].contains("name=systemd"));
    unified.into_iter().chain(named).collect()
}

/// The kernel takes a moment to see that a group is empty.
fn remove_groups(group: &Path) {
    let started = Instant::now();
    while group.exists() && started.elapsed() < Duration::from_secs(10) {
        for folder in below(group) {
            let _ = fs::remove_dir(folder);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The group and those below it, the deepest first.
fn below(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut found: Vec<_> = folders.flat_map(|entry| below(&entry.path())).collect();
    found.push(group.to_owned());
    found
}

//! The host that the faults happen to: real daemons, workers, files and peers in a scratch directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use evenkeel_tests::{Program, Scratch, Supervisord, TmuxServer, exists, free_port, run};
use nix::unistd::Uid;

use crate::canary::Canaries;
use crate::history::{History, Source};
use crate::keeper::Keeper;
use crate::log::Flood;
use crate::peer::Peer;
use crate::unit::Unit;

/// The other user: who owns what the rules are about, and attacks it.
pub(crate) const OTHER: u32 = 4242;
/// Programs of the supervisord that is never attacked itself, and of the one that is.
pub(crate) const WORKERS: [&str; 2] = ["killed", "frozen"];
pub(crate) const OF_DAEMON: [&str; 2] = ["one", "two"];
/// Files whose permissions are kept; more than are put wrong, so that no rule takes it for a fight.
pub(crate) const KEPT: u64 = 400;

const SETTINGS: &str = include_str!("settings.toml");
/// Writes its own numbered lines, and starts nobody.
const WORKER: &str = "\
echo $$ >> 'PLACE/starts.NAME'
exec python3 -S -c '
import os, time
log = open(\"PLACE/logs/NAME.log\", \"ab\", 0)
number = 0
while True:
    number += 1
    log.write(b\"%d %d\\n\" % (os.getpid(), number))
    time.sleep(0.05)
'";

/// Everything that the agent looks at, and the agent; all ends with this, or with the process namespace of the run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scratch: Scratch,
    pub(crate) history: History,
    pub(crate) keeper: Keeper,
    pub(crate) peer: Peer,
    pub(crate) far: Peer,
    pub(crate) flood: Flood,
    pub(crate) unit: Option<Unit>,
    pub(crate) canaries: Canaries,
    pub(crate) daemon: Supervisord,
    _workers: Supervisord,
    /// Who started the first tmux server; later ones are the agent's.
    _tmux: TmuxServer,
    _places: [Scratch; 2],
}

impl World {
    /// Sets all up, starts the agent, and leaves it to find all well.
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        open_to_all(scratch.path());
        let (kept, swapped, aged) = ("kept", "swapped", "aged");
        for folder in [kept, swapped, aged, "young", "logs", "canary"] {
            scratch.folder(folder, 0o755);
        }
        for (name, options) in
            [("state", "size=24m,mode=700"), ("full", "size=8m"), ("readonly", "size=1m")]
        {
            mount(&scratch.folder(name, 0o755), options);
        }
        make_canaries(&scratch);
        let canaries = Canaries::note(&scratch.join("canary"));
        for number in 0..KEPT {
            give(&scratch.file(&format!("kept/{number:04}.hash"), "x", 0o640));
        }
        for number in 0..3 {
            scratch.file(&format!("readonly/{number}.hash"), "x", 0o640);
            scratch.file(&format!("young/{number}.tmp"), "x", 0o640);
        }
        give(&scratch.file("swapped/x.hash", "x", 0o640));
        for folder in [kept, swapped, aged, "full"] {
            give(&scratch.join(folder));
        }
        // The same filesystem at a second place, where it stays writable.
        let behind = scratch.folder("behind", 0o755);
        must(
            "mount",
            &["--bind".as_ref(), scratch.join("readonly").as_os_str(), behind.as_os_str()],
        );
        let places = [Scratch::below(scratch.path()), Scratch::below(scratch.path())];
        let workers = supervisord(&scratch, &places[0], &WORKERS);
        let daemon = supervisord(&scratch, &places[1], &OF_DAEMON);
        let again = fs::read_to_string(places[1].join("supervisor/supervisord.conf"));
        let again = again.expect("it was written").replace("nodaemon=true", "nodaemon=false");
        let again = places[1].file("supervisor/again.conf", &again, 0o600);
        scripts(&scratch, &again);
        let tmux = TmuxServer::start(&scratch, "work", "exec sleep 100000");
        let (peer, far) =
            (Peer::start(&scratch.join("healed")), Peer::start(&scratch.join("never-healed")));
        let port = free_port();
        let text = fill(&scratch, SETTINGS)
            .replace("PORT", &port.to_string())
            .replace("PEER", &peer.address.to_string())
            .replace("FAR", &far.address.to_string())
            .replace("OWNER", &OTHER.to_string())
            .replace("WORKERS", &workers.socket().display().to_string())
            .replace("DAEMON", &daemon.socket().display().to_string());
        let config = scratch.file("settings.toml", &text, 0o600);
        let keeper = Keeper::start(scratch.path(), config, port);
        let history = History::follow(Source::File(scratch.join("state/journal.db")));
        let flood = Flood::start(scratch.join("logs/flood.log"));
        let unit = Unit::boot();
        Self {
            scratch,
            history,
            keeper,
            peer,
            far,
            flood,
            unit,
            canaries,
            daemon,
            _workers: workers,
            _tmux: tmux,
            _places: places,
        }
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// The folder in which all of it is.
    pub(crate) fn place(&self) -> String {
        self.scratch.path().display().to_string()
    }

    /// The main process of the supervisord that fails.
    pub(crate) fn daemon_pid(&self) -> Option<u32> {
        fs::read_to_string(self.daemon.socket().with_extension("pid")).ok()?.trim().parse().ok()
    }

    pub(crate) fn tmux(&self, words: &[&str]) -> Option<String> {
        let socket = self.join("t.sock").display().to_string();
        let said = run("tmux", [&["-S", &socket], words].concat(), None);
        (said.code == Some(0)).then(|| said.stdout.trim().to_owned())
    }

    /// Every process that a supervisord runs under this name here; those that it started itself are not counted.
    pub(crate) fn copies(&self, name: &str) -> Vec<u32> {
        let script = format!("SUPERVISOR_PROCESS_NAME={name}\0");
        let place = self.place();
        processes()
            .into_iter()
            .filter(|pid| {
                let of = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                let of = String::from_utf8_lossy(&of);
                of.contains(&script)
                    && of.contains(&place)
                    && state_of(*pid).is_some_and(|state| !"ZX".contains(state))
            })
            .collect()
    }
}

/// All processes that can be seen.
fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The letter of a process's state; `None` if there is no such process.
pub(crate) fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Whether a process is there, and neither dead nor stopped.
pub(crate) fn runs(pid: u32) -> bool {
    state_of(pid).is_some_and(|state| !"ZXTt".contains(state))
}

fn fill(scratch: &Scratch, text: &str) -> String {
    text.replace("PLACE", &scratch.path().display().to_string())
}

fn supervisord(scratch: &Scratch, place: &Scratch, names: &[&str]) -> Supervisord {
    let programs: Vec<_> = names
        .iter()
        .map(|name| Program::new(name, &fill(scratch, WORKER).replace("NAME", name)))
        .map(|program| {
            program.setting(&format!("environment=PLACE=\"{}\"", scratch.path().display()))
        })
        .collect();
    let supervisord = Supervisord::start(place, &programs);
    for name in names {
        supervisord.await_running(name);
    }
    supervisord
}

/// What the agent runs as actions. Each notes the number of its intent, so that none is acted upon twice; and what it starts lives
/// by the real clock.
fn scripts(scratch: &Scratch, again: &Path) {
    let note = "echo $EVENKEEL_INTENT >> 'PLACE/ran'\nunset LD_PRELOAD\n";
    let script = |name: &str, lines: &str| {
        scratch.script(name, &fill(scratch, &format!("{note}{lines}")));
    };
    script("start-daemon", &format!("exec supervisord -c '{}'", again.display()));
    script(
        "start-tmux",
        "t() { tmux -S 'PLACE/t.sock' -f 'PLACE/tmux.conf' \"$@\"; }\n\
         t has-session -t work || exec tmux -S 'PLACE/t.sock' -f 'PLACE/tmux.conf' new-session -d -s work 'exec sleep 100000'\n\
         t respawn-pane -t work || true",
    );
    script("heal-peer", ": > 'PLACE/healed'");
    script("hopeless", "exit 0");
}

/// What nobody may touch: of root, of the other user, and names for links to them.
fn make_canaries(scratch: &Scratch) {
    for (name, mode) in [("root", 0o600), ("suid", 0o4755), ("open", 0o666), ("old", 0o644)] {
        scratch.file(&format!("canary/{name}"), &format!("{name}\n").repeat(100), mode);
    }
    give(&scratch.file("canary/theirs", "theirs\n", 0o666));
    scratch.file("canary/folder/within.hash", "within\n", 0o666);
    scratch.file("canary/folder/old.tmp", "within\n", 0o666);
    let old = run(
        "touch",
        ["-d", "30 days ago", "canary/old", "canary/folder/old.tmp"],
        Some(scratch.path()),
    );
    assert_eq!(old.code, Some(0), "{old:?}");
}

/// Gives a file to the other user.
pub(crate) fn give(path: &Path) {
    chown(path, Some(OTHER), Some(OTHER)).expect("root can give files away");
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is an own directory");
}

fn mount(path: &Path, options: &str) {
    must(
        "mount",
        &["-t", "tmpfs", "-o", options, "tmpfs"]
            .map(AsRef::as_ref)
            .into_iter()
            .chain([path.as_os_str()])
            .collect::<Vec<_>>(),
    );
}

/// Runs what cannot fail.
#[track_caller]
pub(crate) fn must(program: &str, args: &[&std::ffi::OsStr]) {
    let done = run(program, args, None);
    assert_eq!(done.code, Some(0), "{program} {args:?}: {done:?}");
}

/// What this machine lacks for a run at all, or nothing.
pub(crate) fn lacks() -> Option<String> {
    if !Uid::effective().is_root() {
        return Some("namespaces and a host to break need root".to_owned());
    }
    ["supervisord", "tmux", "sqlite3", "python3", "unshare"]
        .into_iter()
        .find(|program| !exists(program))
        .map(|program| format!("`{program}` is not installed: run `cargo xtask test`"))
}

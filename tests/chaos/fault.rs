//! The faults: how each is brought about, and what is right.

use std::time::Duration;

use evenkeel_tests::Chance;

use crate::world::World;
use crate::{files, inject};

/// What was there before a fault.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    /// A process, a count, a size.
    pub(crate) number: u64,
    /// Names, runs.
    pub(crate) words: Vec<String>,
}

/// Lines of history that say something: any of these kinds about this target, with these words in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) kinds: &'static [&'static str],
    pub(crate) target: &'static str,
    pub(crate) words: &'static str,
}

/// Where it is said that something is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    /// In a line of history.
    Line(Said),
    /// In `/api/status`, with these words: a check that an agent could not ask from its start on has not changed, which is no line.
    Status(&'static str),
}

/// What is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// It is healed, and that is proved.
    Healed,
    /// It is told, and healed once the run has taken the fault away.
    Told,
    /// Nothing is done.
    Nothing,
}

/// A fault.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What it happens to: never two faults at one time.
    pub(crate) target: &'static str,
    /// For people: what is done, and what is right.
    pub(crate) what: &'static str,
    pub(crate) right: Right,
    /// Nothing else goes on meanwhile.
    pub(crate) alone: bool,
    /// Whether it can be injected now.
    pub(crate) ready: fn(&World) -> bool,
    pub(crate) inject: fn(&World, &mut Chance) -> Before,
    /// How long until the run takes it away by itself, if it does.
    pub(crate) lasts: Option<Duration>,
    pub(crate) undo: fn(&World, &Before),
    /// Whether the world is well again, by what was there before.
    pub(crate) is_well: fn(&World, &Before) -> bool,
    pub(crate) detected: Option<Told>,
    pub(crate) verified: Option<Said>,
}

const fn opened(target: &'static str) -> Told {
    told(&["incident_opened"], target, "")
}

const fn told(kinds: &'static [&'static str], target: &'static str, words: &'static str) -> Told {
    Told::Line(Said { kinds, target, words })
}

const fn recovered(target: &'static str) -> Said {
    Said { kinds: &["judged"], target, words: "verified by the same checks" }
}

const fn line(kinds: &'static [&'static str], target: &'static str, words: &'static str) -> Said {
    Said { kinds, target, words }
}

/// Longer than two looks of every rule and check, so that what would be done has been done.
const A_WHILE: Option<Duration> = Some(Duration::from_secs(12));

/// A fault that an action heals; the others differ from it.
const HEALED: Fault = Fault {
    name: "",
    target: "",
    what: "",
    right: Right::Healed,
    alone: false,
    ready: |_| true,
    inject: |_, _| Before::default(),
    lasts: None,
    undo: |_, _| {},
    is_well: |_, _| true,
    detected: None,
    verified: None,
};

pub(crate) const FAULTS: [Fault; 24] = [
    Fault {
        name: "worker-killed",
        target: "killed",
        what: "SIGKILL of a worker of supervisord: started again",
        inject: |world, _| inject::worker(world, "killed", nix::sys::signal::SIGKILL),
        is_well: |world, before| inject::is_other_worker(world, "killed", before),
        detected: Some(opened("killed")),
        verified: Some(recovered("killed")),
        ..HEALED
    },
    Fault {
        name: "worker-frozen",
        target: "frozen",
        what: "SIGSTOP of a worker: restarted",
        inject: |world, _| inject::worker(world, "frozen", nix::sys::signal::SIGSTOP),
        is_well: |world, before| inject::is_other_worker(world, "frozen", before),
        detected: Some(opened("frozen")),
        verified: Some(recovered("frozen")),
        ..HEALED
    },
    Fault {
        name: "supervisord-frozen",
        target: "daemon",
        what: "SIGSTOP of supervisord: continued, its workers not touched",
        inject: |world, _| inject::daemon(world, nix::sys::signal::SIGSTOP),
        is_well: inject::same_daemon_runs,
        detected: Some(opened("daemon")),
        verified: Some(recovered("daemon")),
        ..HEALED
    },
    Fault {
        name: "supervisord-killed",
        target: "daemon",
        what: "SIGKILL of supervisord, its workers live on: they are ended, and all started once",
        inject: |world, _| inject::daemon(world, nix::sys::signal::SIGKILL),
        is_well: inject::new_daemon_runs,
        detected: Some(opened("daemon")),
        verified: Some(recovered("daemon")),
        ..HEALED
    },
    Fault {
        name: "socket-deleted",
        target: "daemon",
        what: "supervisord's socket is deleted for 12 s: unknown, not down; nothing is done to its workers",
        right: Right::Told,
        inject: |world, _| inject::delete_socket(world),
        lasts: A_WHILE,
        undo: |world, _| inject::bring_socket_back(world),
        is_well: inject::same_daemon_answers,
        detected: Some(Told::Status("was deleted while its daemon lives")),
        verified: Some(line(&["check_changed"], "daemon", "-> up")),
        ..HEALED
    },
    Fault {
        name: "tmux-server-killed",
        target: "tmux",
        what: "SIGKILL of a tmux server: started again with its session",
        inject: |world, _| inject::tmux_server(world),
        is_well: inject::tmux_is_well,
        detected: Some(opened("tmux")),
        verified: Some(recovered("tmux")),
        ..HEALED
    },
    Fault {
        name: "tmux-session-killed",
        target: "tmux",
        what: "a tmux session is killed: made again",
        inject: |world, _| inject::tmux_session(world),
        is_well: inject::tmux_is_well,
        detected: Some(opened("tmux")),
        verified: Some(recovered("tmux")),
        ..HEALED
    },
    Fault {
        name: "tmux-pane-killed",
        target: "tmux",
        what: "SIGKILL of what runs in a tmux pane: run again",
        inject: |world, _| inject::tmux_pane(world),
        is_well: inject::tmux_is_well,
        detected: Some(opened("tmux")),
        verified: Some(recovered("tmux")),
        ..HEALED
    },
    Fault {
        name: "chmod",
        target: "kept",
        what: "another user opens his files to all: their modes are put right",
        inject: files::chmod,
        is_well: files::kept_is_well,
        detected: Some(told(&["repaired"], "kept", "")),
        verified: Some(line(&["repaired"], "kept", "")),
        ..HEALED
    },
    Fault {
        name: "chown",
        target: "kept",
        what: "files are given to another user: given back",
        inject: files::chown,
        is_well: files::kept_is_well,
        detected: Some(told(&["repaired"], "kept", "owner")),
        verified: Some(line(&["repaired"], "kept", "owner")),
        ..HEALED
    },
    Fault {
        name: "symlink-swap",
        target: "swapped",
        what: "for 3 s another user exchanges a file with a link to a canary, in a permission rule's root: the canary stays",
        right: Right::Nothing,
        inject: |world, _| files::swap_permissions(world),
        is_well: files::canaries_are_well,
        ..HEALED
    },
    Fault {
        name: "cleanup-swap",
        target: "aged",
        what: "for 3 s another user exchanges an old file with a link to an old canary, in a cleanup's root: the canary stays",
        right: Right::Nothing,
        inject: |world, _| files::swap_cleanup(world),
        is_well: files::canaries_are_well,
        ..HEALED
    },
    Fault {
        name: "hard-link",
        target: "swapped",
        what: "another user plants a second name of a canary in a rule's root for 12 s: told, and left as it is",
        right: Right::Told,
        inject: |world, _| files::plant_link(world),
        lasts: A_WHILE,
        undo: |world, _| files::take_link(world),
        is_well: files::canaries_are_well,
        detected: Some(told(&["rule_failed"], "swapped", "l.hash")),
        ..HEALED
    },
    Fault {
        name: "disk-filled",
        target: "full",
        what: "a disk is filled: its watermark frees it",
        inject: |world, _| files::fill_disk(world),
        is_well: files::disk_is_free,
        detected: Some(told(&["cleaned"], "full", "")),
        verified: Some(line(&["cleaned"], "full", "")),
        ..HEALED
    },
    Fault {
        name: "read-only",
        target: "readonly",
        what: "a rule's root is remounted read-only for 12 s, with drift in it: told, and put right once it can be",
        right: Right::Told,
        inject: |world, _| files::read_only(world),
        lasts: A_WHILE,
        undo: |world, _| files::writable(world),
        is_well: files::readonly_is_well,
        detected: Some(told(&["rule_failed"], "readonly", "")),
        verified: Some(line(&["repaired"], "readonly", "")),
        ..HEALED
    },
    Fault {
        name: "journal-full",
        target: "killed",
        what: "the state directory's disk is full for 12 s, and a worker is killed: no action without its intent on disk",
        right: Right::Told,
        alone: true,
        inject: |world, _| files::fill_journal(world),
        lasts: A_WHILE,
        undo: |world, _| files::free_journal(world),
        is_well: |world, before| inject::is_other_worker(world, "killed", before),
        verified: Some(recovered("killed")),
        ..HEALED
    },
    Fault {
        name: "clock-jump",
        target: "clock",
        what: "the agent's clock jumps by up to 26 h, back or forth, for 12 s: no incident, no file taken, no budget refunded",
        right: Right::Nothing,
        inject: inject::jump,
        lasts: A_WHILE,
        undo: |world, _| world.keeper.set_clock("+0s"),
        is_well: inject::young_is_there,
        ..HEALED
    },
    Fault {
        name: "peer-500",
        target: "peer",
        what: "an HTTP peer answers 500: its action is run",
        inject: |world, _| inject::peer(world, crate::peer::Answer::Bad),
        is_well: inject::peer_is_well,
        detected: Some(opened("peer")),
        verified: Some(recovered("peer")),
        ..HEALED
    },
    Fault {
        name: "peer-hangs",
        target: "peer",
        what: "an HTTP peer accepts and never answers: its action is run",
        inject: |world, _| inject::peer(world, crate::peer::Answer::Nothing),
        is_well: inject::peer_is_well,
        detected: Some(opened("peer")),
        verified: Some(recovered("peer")),
        ..HEALED
    },
    Fault {
        name: "packets-dropped",
        target: "far",
        what: "every packet to a peer is dropped for 12 s: down by timeout, then up",
        right: Right::Told,
        inject: |world, _| inject::filter(world, "drop"),
        lasts: A_WHILE,
        undo: |_, _| inject::no_filter(),
        is_well: inject::far_is_up,
        detected: Some(told(&["check_changed"], "far", "-> down")),
        verified: Some(line(&["check_changed"], "far", "-> up")),
        ..HEALED
    },
    Fault {
        name: "connection-reset",
        target: "far",
        what: "every connection to a peer is reset for 12 s: down as refused, then up",
        right: Right::Told,
        inject: |world, _| inject::filter(world, "reject with tcp reset"),
        lasts: A_WHILE,
        undo: |_, _| inject::no_filter(),
        is_well: inject::far_is_up,
        detected: Some(told(&["check_changed"], "far", "-> down")),
        verified: Some(line(&["check_changed"], "far", "-> up")),
        ..HEALED
    },
    Fault {
        name: "log-flood",
        target: "log",
        what: "a log grows by 3 MB: its head is cut off at a line, and none of its tail is lost",
        inject: |world, _| files::flood(world),
        is_well: files::log_is_short,
        detected: Some(told(&["cleaned"], "log", "")),
        verified: Some(line(&["cleaned"], "log", "")),
        ..HEALED
    },
    Fault {
        name: "agent-killed",
        target: "agent",
        what: "SIGKILL of the agent, started again by its service manager: it goes on where it was",
        ready: |world| world.keeper.may_be_killed(),
        inject: |world, _| inject::kill_agent(world),
        is_well: inject::other_agent_answers,
        detected: Some(told(&["agent_started"], "agent", "")),
        verified: Some(line(&["agent_started"], "agent", "")),
        ..HEALED
    },
    Fault {
        name: "reload",
        target: "agent",
        what: "SIGHUP: the settings are read again, and nothing else happens",
        inject: |world, _| inject::reload(world),
        is_well: inject::reloaded,
        ..HEALED
    },
];

/// Those of the unit of systemd, where it can be booted.
pub(crate) const UNIT_FAULTS: [Fault; 2] = [
    Fault {
        name: "unit-killed",
        target: "web",
        what: "SIGKILL of a unit of systemd: restarted",
        inject: |world, _| inject::unit(world, "KILL"),
        is_well: inject::is_other_run,
        detected: Some(opened("web")),
        verified: Some(recovered("web")),
        ..HEALED
    },
    Fault {
        name: "unit-frozen",
        target: "web",
        what: "SIGSTOP of a unit of systemd: restarted",
        inject: |world, _| inject::unit(world, "STOP"),
        is_well: inject::is_other_run,
        detected: Some(opened("web")),
        verified: Some(recovered("web")),
        ..HEALED
    },
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Fault> {
    FAULTS.iter().chain(&UNIT_FAULTS)
}

impl Fault {
    /// Whether it happens in the host of the unit.
    pub(crate) fn is_of_unit(&self) -> bool {
        UNIT_FAULTS.iter().any(|fault| fault.name == self.name)
    }

    /// What this machine lacks for it, if anything.
    pub(crate) fn lacks(&self, world: &World) -> Option<&'static str> {
        match self.name {
            "clock-jump" if !crate::keeper::has_faketime() => Some("libfaketime is not installed"),
            "packets-dropped" | "connection-reset" if !inject::has_packet_filter() => {
                Some("`nft` is not installed")
            }
            _ if self.is_of_unit() && world.unit.is_none() => Some("no systemd could be booted"),
            _ => None,
        }
    }
}

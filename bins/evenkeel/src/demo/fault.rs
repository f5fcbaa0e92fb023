//! The faults: how each is injected, and how the host itself shows that it is healed.
#![expect(
    clippy::disallowed_methods,
    reason = "the demo's own scratch directory, which only its user may enter"
)]

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::host::Host;
use super::part::{self, FALL_ILL, HANG};

const EIGHT_DAYS: Duration = Duration::from_hours(192);
const LOG_LINES: usize = 60_000;
/// What the settings keep of a log that grew too large, and the blocks at its edges.
const ROOM_OF_TAIL_BYTES: u64 = (64 << 10) + (16 << 10);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    WrongFileModes,
    ClosedDirectory,
    RemovedDirectory,
    OldHashes,
    LargeLog,
    KilledWorker,
    ServerErrors,
    HangingEndpoint,
    GrowingWorker,
}

/// How the agent's history speaks of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// One event of this kind by this rule: found and mended in one go.
    Rule { kind: &'static str, rule: &'static str },
    /// An incident of this recovery, from its opening to its proof.
    Recovery { target: &'static str },
}

impl Fault {
    const ALL: [Self; 9] = [
        Self::WrongFileModes,
        Self::ClosedDirectory,
        Self::RemovedDirectory,
        Self::OldHashes,
        Self::LargeLog,
        Self::KilledWorker,
        Self::ServerErrors,
        Self::HangingEndpoint,
        Self::GrowingWorker,
    ];

    /// All faults, in the order that `seed` gives.
    pub(crate) fn all_in_order(seed: u64) -> Vec<Self> {
        let mut faults = Self::ALL.to_vec();
        // A shuffle (Fisher and Yates) by a linear congruential generator: repeatable, and no secret.
        let mut chance = seed;
        for last in (1..faults.len()).rev() {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let chosen = usize::try_from(chance >> 33).unwrap_or_default() % (last + 1);
            faults.swap(last, chosen);
        }
        faults
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WrongFileModes => "wrong file modes",
            Self::ClosedDirectory => "directory at 0700",
            Self::RemovedDirectory => "state directory removed",
            Self::OldHashes => "8-day-old hash files",
            Self::LargeLog => "oversized log",
            Self::KilledWorker => "worker killed",
            Self::ServerErrors => "endpoint answers 500",
            Self::HangingEndpoint => "endpoint hangs",
            Self::GrowingWorker => "worker over its memory limit",
        }
    }

    pub(crate) fn trace(self) -> Trace {
        match self {
            Self::WrongFileModes | Self::ClosedDirectory | Self::RemovedDirectory => {
                Trace::Rule { kind: "repaired", rule: "state" }
            }
            Self::OldHashes => Trace::Rule { kind: "cleaned", rule: "stale-hashes" },
            Self::LargeLog => Trace::Rule { kind: "cleaned", rule: "logs" },
            Self::KilledWorker | Self::GrowingWorker => Trace::Recovery { target: "worker" },
            Self::ServerErrors => Trace::Recovery { target: "web" },
            Self::HangingEndpoint => Trace::Recovery { target: "api" },
        }
    }

    /// Does it. Returns the process that a recovery must have replaced, if it strikes one.
    pub(crate) fn inject(self, host: &Host) -> io::Result<Option<Pid>> {
        let state = host.state();
        match self {
            Self::WrongFileModes => {
                for (name, mode) in host.struck_files().into_iter().zip([0o600, 0o666, 0o000]) {
                    fs::set_permissions(state.join(name), fs::Permissions::from_mode(mode))?;
                }
            }
            Self::ClosedDirectory => {
                fs::set_permissions(&state, fs::Permissions::from_mode(0o700))?;
            }
            Self::RemovedDirectory => fs::remove_dir_all(&state)?,
            Self::OldHashes => {
                for name in host.struck_files() {
                    let file =
                        fs::File::options().append(true).create(true).open(state.join(name))?;
                    file.set_modified(SystemTime::now() - EIGHT_DAYS)?;
                }
            }
            Self::LargeLog => {
                let mut log = fs::File::options().append(true).create(true).open(log(host))?;
                let lines: Vec<_> = (0..LOG_LINES)
                    .map(|line| format!("{line:08} a worker has something to say\n"))
                    .collect();
                log.write_all(lines.concat().as_bytes())?;
            }
            Self::KilledWorker => return strike(host, "worker", Signal::SIGKILL),
            Self::GrowingWorker => return strike(host, "worker", FALL_ILL),
            Self::ServerErrors => return strike(host, "web", FALL_ILL),
            Self::HangingEndpoint => return strike(host, "api", HANG),
        }
        Ok(None)
    }

    /// Whether the host itself shows no trace of it any more. `struck` is what [`Fault::inject`] returned.
    pub(crate) fn is_healed(self, host: &Host, struck: Option<Pid>) -> bool {
        let state = host.state();
        let mode = |path| fs::symlink_metadata(path).map(|found| found.mode() & 0o7777).ok();
        match self {
            Self::WrongFileModes => {
                host.struck_files().iter().all(|name| mode(state.join(name)) == Some(0o644))
            }
            Self::ClosedDirectory | Self::RemovedDirectory => mode(state) == Some(0o755),
            Self::OldHashes => {
                host.struck_files().iter().all(|name| mode(state.join(name)).is_none())
            }
            // The room it takes: where a filesystem can only punch a hole, its length stays.
            Self::LargeLog => fs::metadata(log(host))
                .is_ok_and(|found| found.blocks() * 512 <= ROOM_OF_TAIL_BYTES),
            Self::KilledWorker | Self::GrowingWorker => replaced(host, "worker", struck),
            Self::ServerErrors => replaced(host, "web", struck),
            Self::HangingEndpoint => replaced(host, "api", struck),
        }
    }

    /// Puts back what the host loses by being healed, so that the fault can strike again.
    pub(crate) fn restock(self, host: &Host) -> io::Result<()> {
        match self {
            Self::RemovedDirectory | Self::OldHashes => host.fill_state(),
            _ => Ok(()),
        }
    }
}

fn log(host: &Host) -> PathBuf {
    host.logs().join("worker.log")
}

fn strike(host: &Host, name: &str, signal: Signal) -> io::Result<Option<Pid>> {
    let pid = part::running(host.dir(), name)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{name} does not run")))?;
    kill(pid, signal)?;
    Ok(Some(pid))
}

fn replaced(host: &Host, name: &str, struck: Option<Pid>) -> bool {
    part::running(host.dir(), name).is_some_and(|pid| Some(pid) != struck)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_orders_the_faults_always_alike_and_loses_none() {
        for seed in 0..100 {
            let faults = Fault::all_in_order(seed);
            assert_eq!(faults, Fault::all_in_order(seed));
            assert!(Fault::ALL.iter().all(|fault| faults.contains(fault)));
        }
        assert_ne!(Fault::all_in_order(1), Fault::all_in_order(2));
    }
}

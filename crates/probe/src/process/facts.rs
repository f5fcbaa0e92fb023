//! What is seen of one process, or of several together.

use std::collections::BTreeMap;
use std::time::SystemTime;

use evenkeel_process::{
    Cgroup, Cgroups, LookError, Memory, Pressure, Process, Resource, Stat, boot_time, uptime,
};
use evenkeel_shown::said::{HostCode, Said, Uncounted};

use super::{not_permitted, unseen};
use crate::{Facts, FailureClass, Outcome};

/// Facts, and why others are not among them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) facts: Facts,
    untold: BTreeMap<&'static str, Outcome>,
}

/// Sums over several processes. `None` if it cannot be told of one of them.
#[derive(Debug)]
struct Sums {
    processes: u64,
    threads: u64,
    rss_bytes: u64,
    pss_bytes: Result<u64, Outcome>,
    swap_bytes: u64,
    fds: Result<u64, Outcome>,
    children: Result<u64, Outcome>,
}

/// Looks at living processes, of which `first` is the one that names the others. `None` if it ended meanwhile.
pub(super) fn look(
    first: &(Process, Stat),
    others: &[(Process, Stat)],
    cgroup: Option<Cgroup>,
) -> Result<Option<Seen>, Outcome> {
    let Some(sums) = sum(first, others)? else { return Ok(None) };
    let mut seen = Seen::default();
    let (process, stat) = first;
    let identity = process.identity();
    let facts = &mut seen.facts;
    facts.set("pid", identity.pid);
    facts.set("incarnation", identity.incarnation());
    facts.set("state", stat.state.as_str());
    facts.set("processes", sums.processes);
    facts.set("threads", sums.threads);
    facts.set("swap_bytes", sums.swap_bytes);
    facts.set("age_seconds", identity.age(uptime()).as_secs_f64());
    let boot = boot_time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    facts.set("start_time_seconds", (boot + identity.started()).as_secs_f64());
    // Resident memory of several adds up only with each shared page counted once.
    let resident = if sums.processes == 1 { Ok(sums.rss_bytes) } else { sums.pss_bytes.clone() };
    seen.note("rss_bytes", resident);
    seen.note("pss_bytes", sums.pss_bytes);
    seen.note("fds", sums.fds);
    seen.note("children", sums.children);
    seen.add_cgroup(process, cgroup);
    Ok(Some(seen))
}

fn sum(first: &(Process, Stat), others: &[(Process, Stat)]) -> Result<Option<Sums>, Outcome> {
    let mut sums = Sums {
        processes: 0,
        threads: 0,
        rss_bytes: 0,
        pss_bytes: Ok(0),
        swap_bytes: 0,
        fds: Ok(0),
        children: Ok(0),
    };
    for (process, stat) in std::iter::once(first).chain(others) {
        match sums.add(process, stat) {
            Ok(()) => {}
            Err(error) if error.is_gone() && sums.processes == 0 => return Ok(None),
            // One of the others ended: it is not one of them any more.
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(unseen(&error)),
        }
    }
    Ok(Some(sums))
}

impl Sums {
    /// Adds all of one process or nothing.
    fn add(&mut self, process: &Process, stat: &Stat) -> Result<(), LookError> {
        let Memory { rss_bytes, pss_bytes, swap_bytes } = process.memory()?;
        let fds = told(process.open_descriptors())?;
        let children = told(process.children())?;
        let pss_bytes = pss_bytes.ok_or_else(|| not_permitted(process));
        self.processes += 1;
        self.threads += stat.threads;
        self.rss_bytes = self.rss_bytes.saturating_add(rss_bytes);
        self.swap_bytes = self.swap_bytes.saturating_add(swap_bytes);
        for (sum, part) in
            [(&mut self.pss_bytes, pss_bytes), (&mut self.fds, fds), (&mut self.children, children)]
        {
            *sum = match (std::mem::replace(sum, Ok(0)), part) {
                (Ok(sum), Ok(part)) => Ok(sum.saturating_add(part)),
                (Err(first), _) | (Ok(_), Err(first)) => Err(first),
            };
        }
        Ok(())
    }
}

/// Only an end of the process takes it out of a sum.
fn told<Number>(found: Result<Number, LookError>) -> Result<Result<Number, Outcome>, LookError> {
    match found {
        Err(error @ LookError::Gone { .. }) => Err(error),
        Err(error) => Ok(Err(unseen(&error))),
        Ok(number) => Ok(Ok(number)),
    }
}

impl Seen {
    /// Why one of `fields` is not among the facts, if one is not.
    pub(super) fn untold(&self, fields: &[String]) -> Option<Outcome> {
        fields.iter().filter(|field| self.facts.get(field).is_none()).find_map(|field| {
            let why = self.untold.get(field.as_str())?.failure()?;
            Some(Outcome::unknown(why.class, Said::untold(field, why.detail.clone())))
        })
    }

    fn note(&mut self, field: &'static str, found: Result<u64, Outcome>) {
        match found {
            Ok(number) => self.facts.set(field, number),
            Err(why) => {
                self.untold.insert(field, why);
            }
        }
    }

    fn add_cgroup(&mut self, process: &Process, asked: Option<Cgroup>) {
        let cgroups = process.cgroups();
        match cgroups.as_ref().ok().and_then(Cgroups::unit) {
            Some(unit) => self.facts.set("unit", unit.user.unwrap_or(unit.system)),
            None => {
                self.untold.insert("unit", uncounted(Uncounted::NoUnit));
            }
        }
        let (memory, unified) = match cgroups {
            Ok(cgroups) => (asked.or(cgroups.memory), cgroups.unified),
            Err(_) => (asked, None),
        };
        let found = memory.as_ref().map(|cgroup| (cgroup.path(), cgroup.memory()));
        if let Some((path, Ok(memory))) = found {
            self.facts.set("cgroup", path);
            self.facts.set("cgroup_memory_bytes", memory.current_bytes);
            let limit = memory.limit_bytes;
            let limit = limit.ok_or_else(|| uncounted(Uncounted::NoLimit));
            self.note("cgroup_memory_limit_bytes", limit);
            let kills = memory.oom_kills.ok_or_else(|| uncounted(Uncounted::NoKills));
            self.note("cgroup_oom_kills", kills);
        } else {
            let why = match found {
                Some((_, Err(error))) if !error.is_gone() => unseen(&error),
                _ => uncounted(Uncounted::NoMemory),
            };
            for field in
                ["cgroup", "cgroup_memory_bytes", "cgroup_memory_limit_bytes", "cgroup_oom_kills"]
            {
                self.untold.insert(field, why.clone());
            }
        }
        self.add_pressure(unified.as_ref());
    }

    /// Of its own cgroup where that is measured, else of the host; `psi_of` says which.
    fn add_pressure(&mut self, unified: Option<&Cgroup>) {
        let own = unified.filter(|cgroup| cgroup.path() != "/");
        let memory = own.map(|cgroup| cgroup.pressure(Resource::Memory)).filter(Result::is_ok);
        let own = own.filter(|_| memory.is_some());
        self.facts.set("psi_of", if own.is_some() { "cgroup" } else { "host" });
        let of = |resource| {
            own.map_or_else(|| Pressure::of_host(resource), |cgroup| cgroup.pressure(resource))
        };
        for (field, found) in [
            ("psi_memory_some_avg10", memory.unwrap_or_else(|| of(Resource::Memory))),
            ("psi_cpu_some_avg10", of(Resource::Cpu)),
            ("psi_io_some_avg10", of(Resource::Io)),
        ] {
            match found {
                Ok(pressure) => self.facts.set(field, pressure.some_avg10),
                Err(error) if error.is_gone() => {
                    self.untold.insert(field, uncounted(Uncounted::NoPressure));
                }
                Err(error) => {
                    self.untold.insert(field, unseen(&error));
                }
            }
        }
    }
}

fn uncounted(why: Uncounted) -> Outcome {
    Outcome::unknown(FailureClass::Missing, HostCode::Uncounted(why))
}

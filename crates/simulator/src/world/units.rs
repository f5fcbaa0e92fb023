//! What checks look at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_config::{Check, Settings};
use evenkeel_moment::Moment;
use evenkeel_probe::Target;

use super::World;
use super::ailment::AilmentId;

/// A unit, by its place in [`World::units`].
pub(crate) type UnitId = usize;

/// So many programs a supervisor has of which the settings say nothing.
const PROGRAMS: usize = 3;

/// What one check, or one part of it, looks at.
#[expect(
    clippy::struct_excessive_bools,
    reason = "what it is like and how it is, in any combination"
)]
#[derive(Debug)]
pub(crate) struct Unit {
    /// `check`, or `check/part`.
    pub(crate) name: String,
    pub(crate) check: usize,
    pub(crate) part: Option<String>,
    /// Whether it answers whoever looks, so that a hang or a delay is seen.
    pub(crate) answers: bool,
    /// Whether it is looked at over the network.
    pub(crate) remote: bool,
    pub(crate) is_supervisor: bool,
    /// Where its supervisor listens, if it is one or has one: a program of the same name of another is another.
    pub(crate) socket: Option<PathBuf>,
    /// Whether a look tells one life of it from the next.
    pub(crate) has_life: bool,
    pub(crate) timeout: Duration,
    pub(crate) ailments: Vec<AilmentId>,
    /// What it cannot be up without.
    pub(crate) needs: Vec<UnitId>,
    pub(crate) needed_by: Vec<UnitId>,
    /// How many actions have taken it down and not started it yet.
    pub(crate) restarting: u32,
    /// A restart stopped it and was cut off.
    pub(crate) stopped: bool,
    /// Counts its starts.
    pub(crate) life: u32,
    pub(crate) started: Moment,
    pub(crate) down_since: Option<Moment>,
    pub(crate) down_for: Duration,
    pub(crate) downs: u64,
    /// Whether the engine says that it is down.
    pub(crate) told_down: bool,
}

impl Unit {
    pub(super) fn of_check(check: &Check, place: usize, now: Moment) -> Self {
        let target = &check.target;
        let silent = matches!(
            target,
            Target::Process(_) | Target::Systemd(_) | Target::File(_) | Target::Disk(_)
        );
        Self {
            name: check.name.clone(),
            check: place,
            part: None,
            answers: !silent,
            remote: World::is_remote(target),
            is_supervisor: matches!(target, Target::Supervisor(_)),
            socket: match target {
                Target::Supervisor(supervisor) => Some(supervisor.socket.clone()),
                _ => None,
            },
            has_life: matches!(target, Target::Process(_) | Target::Systemd(_)),
            timeout: check.timeout,
            ailments: Vec::new(),
            needs: Vec::new(),
            needed_by: Vec::new(),
            restarting: 0,
            stopped: false,
            life: 1,
            started: now,
            down_since: None,
            down_for: Duration::ZERO,
            downs: 0,
            told_down: false,
        }
    }

    pub(super) fn of_part(check: &Check, place: usize, part: &str, now: Moment) -> Self {
        Self {
            name: format!("{}/{part}", check.name),
            part: Some(part.to_owned()),
            // A supervisor says whether its process lives, and knows no more.
            answers: false,
            remote: false,
            is_supervisor: false,
            has_life: true,
            ..Self::of_check(check, place, now)
        }
    }

    /// It is started anew.
    pub(crate) fn restarted(&mut self, now: Moment) {
        self.life += 1;
        self.started = now;
        self.stopped = false;
    }
}

/// The parts of a check: those that are given, those that its settings name, or a few of which some have the name that a
/// pattern asks for.
pub(crate) fn parts_of(check: &Check, given: Option<&Vec<String>>) -> Vec<String> {
    match (&check.target, given) {
        (Target::Supervisor(_) | Target::Tmux(_), Some(given)) => given.clone(),
        (Target::Supervisor(target), None) => {
            let mut names = Vec::new();
            for glob in &target.programs {
                match glob.exact_name() {
                    Some(name) => names.push(name.to_owned()),
                    None if glob.as_str().contains('*') => {
                        let numbered =
                            |number| glob.as_str().replace('*', &format!("program-{number}"));
                        names.extend((1..=PROGRAMS).map(numbered));
                    }
                    // What else a pattern may mean has to be given.
                    None => {}
                }
            }
            names.dedup();
            names
        }
        _ => Vec::new(),
    }
}

/// What each recovery target acts on: the recovery, and each part that one of its checks has.
pub(super) fn targets(settings: &Settings, units: &[Unit]) -> BTreeMap<String, Vec<UnitId>> {
    let mut targets: BTreeMap<String, Vec<UnitId>> = BTreeMap::new();
    for recovery in &settings.recoveries {
        for (id, unit) in units.iter().enumerate() {
            if !recovery.when.contains(&settings.checks[unit.check].name) {
                continue;
            }
            targets.entry(recovery.name.clone()).or_default().push(id);
            if let Some(part) = &unit.part {
                targets.entry(format!("{}/{part}", recovery.name)).or_default().push(id);
            }
        }
    }
    targets
}

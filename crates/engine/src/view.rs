//! What health says of a target, all its checks taken together, and what it depends on.

use std::sync::Arc;

use evenkeel_health::{Eta, Hard, State};
use evenkeel_moment::Moment;
use evenkeel_recovery::machine::Seen;
use evenkeel_shown::said::Said;

use crate::check::CheckCore;
use crate::subject::Subject;

/// One check, and what it says of the target: itself, or one of its parts.
pub(crate) type Source<'a> = (&'a CheckCore, &'a Subject);

/// What health says of a target now, and by which checks.
#[expect(
    clippy::struct_excessive_bools,
    reason = "answers to separate questions, in any combination"
)]
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) seen: Seen,
    pub(crate) cause: String,
    pub(crate) evidence: Arc<Said>,
    /// When a limit is reached, if that is all that is wrong.
    pub(crate) only_trend: Option<Eta>,
    /// Whether everything that is down is on its way up: good results, but not enough of them.
    pub(crate) recovering: bool,
    /// Whether the last look at something that is down could tell nothing.
    pub(crate) unsure: bool,
    /// Whether each of its checks gave so many good results since the last action that it counts as proved.
    pub(crate) proved: bool,
    /// Whether something of it goes up and down too often, and since when.
    pub(crate) flapping: Option<Moment>,
    /// Whether it fails by timeouts alone.
    pub(crate) timed_out: bool,
    /// What it depends on and is not up, where that can explain everything that is down.
    pub(crate) blocked: Vec<Dependency>,
    /// Dependencies that must be looked at before anybody knows whether they explain it.
    pub(crate) doubtful: Vec<usize>,
}

/// A check that a target depends on and that is not up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) check: String,
    /// Down for sure, or not known.
    pub(crate) hard: Hard,
    pub(crate) since: Moment,
}

impl View {
    /// `down_since` is when the target was first seen down, if it was before: dependencies are asked for news since then.
    pub(crate) fn of(
        now: Moment,
        sources: &[Source<'_>],
        checks: &[CheckCore],
        down_since: Option<Moment>,
    ) -> Self {
        let down: Vec<_> =
            sources.iter().filter(|(_, subject)| subject.hard(now) == Hard::Down).collect();
        let states = || sources.iter().map(|(_, subject)| subject.health.state(now));
        let suspect = states().any(|state| matches!(state, State::Suspect { .. }));
        let all_up = sources.iter().all(|(_, subject)| subject.hard(now) == Hard::Up);
        let seen = match (down.is_empty(), suspect, all_up) {
            (false, ..) => Seen::Down,
            (true, true, _) => Seen::Suspect,
            (true, false, true) => Seen::Up,
            (true, false, false) => Seen::Unknown,
        };
        let mut view = Self {
            seen,
            cause: down.iter().map(|(check, _)| &*check.spec.name).collect::<Vec<_>>().join(", "),
            evidence: evidence(&down),
            only_trend: {
                let mut ahead: Vec<_> =
                    down.iter().map(|(_, subject)| subject.only_trend).collect();
                ahead.sort_by_key(|eta| eta.map(|eta| eta.likely));
                // One that is down for another reason comes first, as one without such a moment.
                ahead.first().copied().flatten()
            },
            recovering: !down.is_empty()
                && down.iter().all(|(_, subject)| {
                    matches!(subject.health.state(now), State::Recovering { .. })
                }),
            unsure: down.iter().any(|(_, subject)| !subject.told),
            proved: sources.iter().all(|(_, subject)| subject.is_proved()),
            flapping: sources.iter().filter_map(|(_, subject)| subject.flapping_since()).min(),
            timed_out: (matches!(seen, Seen::Suspect | Seen::Down)
                || sources.iter().any(|(_, subject)| subject.held))
                && sources
                    .iter()
                    .filter(|(_, subject)| !matches!(subject.health.state(now), State::Up))
                    .all(|(_, subject)| subject.timed_out),
            blocked: Vec::new(),
            doubtful: Vec::new(),
        };
        view.ask_dependencies(now, &down, checks, down_since.unwrap_or(now));
        view
    }

    /// A target is a victim if each of its checks that is down has a dependency that is not up.
    fn ask_dependencies(
        &mut self,
        now: Moment,
        down: &[&Source<'_>],
        checks: &[CheckCore],
        since: Moment,
    ) {
        let mut explained = 0;
        for (check, _) in down {
            let dependencies = || check.dependencies.iter().filter_map(|index| checks.get(*index));
            let failing: Vec<_> = dependencies().filter_map(|other| other.failing(now)).collect();
            if !failing.is_empty() {
                explained += 1;
                self.blocked.extend(failing);
                continue;
            }
            let doubtful =
                |other: &&CheckCore| !other.is_steady(now) || !other.was_looked_at(since);
            self.doubtful.extend(dependencies().filter(doubtful).map(CheckCore::index));
        }
        if explained < down.len() {
            self.blocked.clear();
        } else {
            self.doubtful.clear();
        }
        self.blocked.sort_by(|one, other| one.check.cmp(&other.check));
        self.blocked.dedup();
    }

    /// Whether a dependency is down for sure: only that makes a victim of which nothing needs to be said.
    pub(crate) fn is_victim(&self) -> bool {
        self.blocked.iter().any(|dependency| dependency.hard == Hard::Down)
    }
}

/// What the last results of those that are down said.
fn evidence(down: &[&Source<'_>]) -> Arc<Said> {
    let mut all = down.iter().filter_map(|(_, subject)| subject.reason.as_ref());
    match (all.next(), all.next()) {
        (None, _) => Arc::default(),
        (Some(one), None) => Arc::clone(one),
        (Some(one), Some(other)) => {
            let all = [one, other].into_iter().chain(all);
            Arc::new(Said::joined(all.map(|one| Said::clone(one)).collect()))
        }
    }
}

impl CheckCore {
    /// What keeps those from being up that depend on this check, if something does.
    fn failing(&self, now: Moment) -> Option<Dependency> {
        // A part of which nothing is known says nothing, as in the check's own state.
        let is_down = |subject: &Subject| subject.hard(now) == Hard::Down;
        let down = self.parts.values().chain([&self.own]).any(is_down);
        let hard = match (down, self.own.hard(now)) {
            (true, _) => Hard::Down,
            (false, Hard::Up) => return None,
            (false, _) => Hard::Unknown,
        };
        let worst = self.worst_subject(now);
        Some(Dependency { check: self.spec.name.clone(), hard, since: worst.since })
    }
}

//! One round of work below an opened root: the same body for what a sweep finds and for what an event names.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use evenkeel_safefs::events::Who;
use evenkeel_safefs::{Problem, Root, escaped};
use evenkeel_shown::said::{Difference, FilesCode, PermissionsCode, Said};

use super::watch::{Touch, Watch};
use super::{Fight, Left};
use crate::apply::{Looked, Repair, Work, tell};
use crate::fights::{FIGHT_TIMES, FIGHT_WINDOW, Fights, Round as Bout};
use crate::plan::{Ids, Step, Verdict, below};
use crate::policy::Policy;
use crate::who::By;

/// What a round did and what it left.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) repaired: Vec<Repair>,
    pub(super) fights: Vec<Fight>,
    /// Entries that are not as they should be, and why.
    pub(super) left: Vec<Left>,
    /// Entries that were looked at and are as they should be, or gone.
    pub(super) hold: Vec<PathBuf>,
}

/// Work below one root, as it was opened.
pub(super) struct Round<'a> {
    policy: &'a Policy,
    write: bool,
    /// Whether a closed directory is closed to this process too: then its entries show only once it is opened.
    bound: bool,
    work: Work<'a>,
    fights: &'a mut Fights,
    watch: Option<&'a mut Watch>,
    stop: &'a AtomicBool,
    /// Whether all that is left is wanted, also what was told before.
    sweeping: bool,
    known: HashMap<u32, (Arc<Who>, Arc<By>)>,
    outcome: Outcome,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        (policy, write): (&'a Policy, bool),
        ids: &'a Ids,
        root: &'a Root,
        fights: &'a mut Fights,
        watch: Option<&'a mut Watch>,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            policy,
            write,
            bound: ids.worker.is_some() || !nix::unistd::geteuid().is_root(),
            work: Work::new(policy, ids, root),
            fights,
            watch,
            stop,
            sweeping: false,
            known: HashMap::new(),
            outcome: Outcome::default(),
        }
    }

    /// As a part of a sweep, which tells all that is left.
    pub(super) fn sweeping(self) -> Self {
        Self { sweeping: true, ..self }
    }

    pub(super) fn done(self) -> Outcome {
        self.outcome
    }

    /// Sees to these entries, and to what is in those directories among them that are new.
    pub(super) fn see_to(&mut self, entries: BTreeMap<PathBuf, Touch>) {
        if let Some(watch) = &mut self.watch {
            watch.begin();
        }
        let mut todo: Vec<_> = entries.into_iter().rev().collect();
        while let Some((path, touch)) = todo.pop() {
            if self.stop.load(Ordering::Relaxed) {
                // What a sweep comes to is known to deviate; what an event names may be right as it is.
                if self.sweeping {
                    let entries = todo.len() as u64 + 1;
                    self.left(Path::new(""), FilesCode::not_reached(entries));
                }
                return;
            }
            self.see_to_one(&path, &touch, &mut todo);
        }
    }

    /// Follows directories that were moved, once it is known which arrived where.
    pub(super) fn follow(&mut self, moved: Vec<evenkeel_safefs::events::Key>) {
        let Some(watch) = &mut self.watch else { return };
        for key in moved {
            watch.follow(key, |path| self.work.enter(path));
        }
    }

    fn see_to_one(&mut self, path: &Path, touch: &Touch, todo: &mut Vec<(PathBuf, Touch)>) {
        if !self.sweeping && self.fights.is_known_to_wait(Instant::now(), path) {
            return;
        }
        let looked = match self.work.look(path) {
            Ok(looked) => looked,
            Err(error) if is_no_longer_ours(&error) => return self.holds(path),
            Err(error) => {
                let text = format!("cannot look at it: {error}");
                return self.left(path, Said::because(text, FilesCode::CannotLook, &error));
            }
        };
        if looked.is_private(path) {
            return self.holds(path);
        }
        let is_directory = looked.is_directory();
        let repaired = self.judge(path, looked, touch);
        if is_directory && (touch.appeared || (repaired && self.bound)) {
            self.list(path, touch, todo);
        }
    }

    /// Says whether the entry was put right.
    fn judge(&mut self, path: &Path, looked: Looked, touch: &Touch) -> bool {
        let (pinned, verdict) = looked.into_parts();
        let steps = match verdict {
            Verdict::Holds => {
                self.holds(path);
                return false;
            }
            Verdict::Refused(reason) => {
                self.left(path, reason);
                return false;
            }
            Verdict::Deviates(steps) => steps,
        };
        if !self.write {
            self.left(path, difference(&steps));
            return false;
        }
        if let Some(until) = self.fights.paused(Instant::now(), path) {
            let wait = until.saturating_duration_since(Instant::now());
            self.left(path, Said::joined(vec![difference(&steps), pausing(wait)]));
            return false;
        }
        match self.work.put_right(path, pinned, steps) {
            Ok(repairs) => {
                self.repaired(path, repairs, touch);
                true
            }
            Err(error) => {
                let reason = error.said();
                let shown = escaped(below(self.policy.path(), path));
                tracing::warn!(path = %shown, reason = reason.text(), "not repaired");
                self.left(path, reason);
                false
            }
        }
    }

    fn repaired(&mut self, path: &Path, mut repairs: Vec<Repair>, touch: &Touch) {
        let now = Instant::now();
        // Looked at after the repair, which cannot wait, and before anything else: the process may be about to end.
        let by = touch.who.as_ref().map(|who| self.by(who));
        for repair in &mut repairs {
            repair.by.clone_from(&by);
            // The last change may have been another than the one that put it wrong; the event cannot be.
            let noticed = now.saturating_duration_since(touch.noticed);
            repair.wrong_for = Some(repair.wrong_for.unwrap_or_default().max(noticed));
            tell(repair);
        }
        if let Some(bout) = self.fights.repaired(now, path)
            && let Some(repair) = repairs.first()
        {
            self.outcome.fights.push(fight(repair, bout));
        }
        self.outcome.repaired.extend(repairs);
        self.holds(path);
    }

    fn by(&mut self, who: &Arc<Who>) -> Arc<By> {
        match self.known.get(&who.pid) {
            Some((known, by)) if Arc::ptr_eq(known, who) => by.clone(),
            _ => {
                let by = Arc::new(By::look(who));
                self.known.insert(who.pid, (Arc::clone(who), by.clone()));
                by
            }
        }
    }

    /// Watches a directory, then lists it: what comes in between is told twice, and nothing is missed.
    fn list(&mut self, path: &Path, touch: &Touch, todo: &mut Vec<(PathBuf, Touch)>) {
        let is_root = path.as_os_str().is_empty();
        let depth = path.components().count();
        if !is_root && !self.policy.draft().recursive {
            return;
        }
        if u32::try_from(depth).is_ok_and(|depth| depth > self.policy.max_depth()) {
            let max_depth = self.policy.max_depth();
            return self.left(path, Problem::TooDeep { max_depth }.said());
        }
        if let (Some(watch), Some(name)) = (&mut self.watch, path.file_name()) {
            let parent = path.parent().unwrap_or(Path::new(""));
            match self.work.enter(parent) {
                Ok(dir) => watch.lay_below(self.policy, parent, &dir, name),
                Err(error) => tracing::debug!(%error, "a new directory is not watched"),
            }
        }
        let entries = self.work.enter(path).and_then(|dir| {
            dir.list(|name, kind| {
                let maybe_directory =
                    kind.is_none_or(|kind| kind == evenkeel_safefs::Kind::Directory);
                if self.policy.wants(Path::new(name), maybe_directory) {
                    todo.push((path.join(name), Touch { appeared: true, ..touch.clone() }));
                }
            })
        });
        match entries {
            Err(error) if !is_no_longer_ours(&error) => {
                let text = format!("cannot read it: {error}");
                self.left(path, Said::because(text, FilesCode::CannotRead, &error));
            }
            _ => {}
        }
    }

    fn holds(&mut self, path: &Path) {
        self.outcome.hold.push(below(self.policy.path(), path));
    }

    fn left(&mut self, path: &Path, reason: Said) {
        let reason = reason.in_list(self.outcome.left.len());
        self.outcome.left.push(Left { path: below(self.policy.path(), path), reason });
    }
}

/// Gone, exchanged for something else, or mounted over: then there is, or will be, another event about it.
fn is_no_longer_ours(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::CrossesDevices
    )
}

fn fight(repair: &Repair, bout: Bout) -> Fight {
    let fight = Fight {
        path: repair.path.clone(),
        kind: repair.kind,
        ours: Arc::clone(&repair.after),
        theirs: Arc::clone(&repair.before),
        by: repair.by.clone(),
        times: bout.times,
        pause: bout.pause,
    };
    tracing::warn!(
        path = %escaped(&fight.path),
        kind = fight.kind.as_str(),
        ours = &*fight.ours,
        theirs = &*fight.theirs,
        by = fight.by.as_ref().map(tracing::field::display),
        times = fight.times,
        pause = ?fight.pause,
        "somebody keeps undoing a repair"
    );
    fight
}

/// What is wrong with one entry, in words.
pub(super) fn difference(steps: &[Step]) -> Said {
    let one = |step: &Step| {
        format!("{} is {}, should be {}", step.kind.as_str(), step.before, step.after)
    };
    let text = steps.iter().map(one).collect::<Vec<_>>().join("; ");
    let differs = steps.iter().map(|step| Difference {
        what: step.kind.as_str().to_owned(),
        found: step.before.to_string(),
        wanted: step.after.to_string(),
    });
    Said::new(text, PermissionsCode::Differs(differs.collect()))
}

fn pausing(wait: Duration) -> Said {
    let minutes = FIGHT_WINDOW.as_secs() / 60;
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let text = format!(
        "put wrong {FIGHT_TIMES} times in {minutes} min, so it is left alone for {seconds} s"
    );
    Said::new(text, PermissionsCode::Paused { times: FIGHT_TIMES, minutes, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_and_what_is_wanted_are_told_for_what_they_are() {
        let step = Step {
            path: "/srv/a".into(),
            kind: crate::Kind::Mode,
            before: "0600".into(),
            after: "0644".into(),
            reason: "mode",
            pin: None,
            wanted: evenkeel_safefs::Access { mode: 0o644, uid: 0, gid: 0 },
            wanted_lists: None,
        };
        let said = difference(&[step]);
        assert_eq!(said.text(), "mode is 0600, should be 0644");
        let (what, found, wanted) = ("mode".to_owned(), "0600".to_owned(), "0644".to_owned());
        let code = PermissionsCode::Differs(vec![Difference { what, found, wanted }]);
        assert_eq!(said.code(), Some(&code.into()));
    }
}

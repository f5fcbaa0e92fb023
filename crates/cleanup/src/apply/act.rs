use std::ffi::OsStr;
use std::io;
use std::path::Path;

use evenkeel_safefs::{
    Dir, Judged, Kind, Metadata, OpenFiles, Root, Run, ShortenError, Shortened, TakeError, Terms,
    escaped, is_without_room,
};
use evenkeel_shown::said::{CleanupCode, Said, Task};

use super::report::Taken;
use super::team::Job;
use super::{cannot, compress};
use crate::clock::Clock;
use crate::observe::{Contents, Rules};
use crate::plan::{KeepReason, Step, Verdict, is_due, judge};
use crate::policy::{Action, Policy, Unit};

/// What an act on one entry needs to know of its run.
pub(super) struct Act<'a> {
    pub(super) policy: &'a Policy,
    pub(super) root: &'a Root,
    pub(super) run: Option<Run<'a>>,
    /// There is no run because the filesystem has no room for its directory.
    pub(super) no_room: bool,
    /// What processes have open, if that matters.
    pub(super) open: Option<OpenFiles>,
    pub(super) clock: Clock,
    /// How many threads may work.
    pub(super) threads: usize,
}

/// Why an entry is where it was.
#[derive(Debug, Clone)]
pub(super) enum Not {
    /// It is no longer due.
    Skipped(String),
    /// A process holds its lock.
    Locked,
    Failed(Said),
    /// The run is to end.
    Ended,
}

impl Act<'_> {
    /// Whether all that is done to an entry is to move it, and to remove it where it is then.
    pub(super) fn only_moves_files(&self) -> bool {
        let draft = self.policy.draft();
        draft.unit == Unit::File && matches!(draft.action, Action::Delete | Action::Trash { .. })
    }

    /// Carries out a step, and logs what was taken.
    pub(super) fn carry_out(
        &self,
        job: &Job<'_>,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<Taken, Not> {
        let dir = &job.place.map_err(Not::clone)?.dir;
        let taken = match job.slot {
            Ok(slot) => self.take(dir, slot, job.step, goes_on),
            Err(error) => self.take_without_room(dir, job.step, error),
        }?;
        tracing::info!(
            path = %escaped(&taken.path),
            action = taken.action,
            bytes = taken.bytes,
            reason = %job.step.reason,
            "taken away"
        );
        Ok(taken)
    }

    /// Does with the entry what the policy says; `slot` is the place that was announced for it.
    fn take(
        &self,
        dir: &Dir,
        slot: Option<u64>,
        step: &Step,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<Taken, Not> {
        let name = step
            .path
            .file_name()
            .ok_or_else(|| Not::Failed(Said::new("it has no name", CleanupCode::NoName)))?;
        if self.open.as_ref().is_some_and(|open| open.contains(&step.pin)) {
            return Err(in_use());
        }
        let action = self.policy.action();
        if let Action::Truncate { keep_tail } = action {
            return self.shorten(dir, name, step, keep_tail);
        }
        let no_slot = || Not::from(TakeError::Changed);
        let (run, slot) = (self.run.as_ref().ok_or_else(no_slot)?, slot.ok_or_else(no_slot)?);
        if action == Action::Compress {
            return compress::compress(self, run, slot, dir, name, step, goes_on);
        }
        if self.policy.draft().unit == Unit::Directory {
            self.check_contents(dir, name, step)?;
        }
        let held = run.take(slot, dir, name, &step.pin, |now| self.is_due(step, now))?;
        if held.metadata().kind == Kind::Directory {
            let stays = |error: io::Error| Not::cannot(Task::LookThrough, &error);
            match held.survey(|_, now| self.is_part(step, now)) {
                Ok(true) => {}
                Ok(false) => {
                    held.give_back(dir, name)?;
                    return Err(TakeError::NotDue.into());
                }
                Err(error) => {
                    held.give_back(dir, name)?;
                    return Err(stays(error));
                }
            }
        }
        if action == Action::Delete {
            let removed = held.remove(dir, name, |now| self.is_part(step, now))?;
            return Ok(taken(step, removed.bytes));
        }
        // Nothing more is done with it: it stays in the run's directory, where the manifest says what it is.
        Ok(taken(step, step.bytes))
    }

    /// Deletes a file where the filesystem has no room left to write down what is to be taken: just then it is wanted most.
    ///
    /// `error`: what the other way met with; for what cannot be done like this it is the reason.
    fn take_without_room(&self, dir: &Dir, step: &Step, error: &io::Error) -> Result<Taken, Not> {
        let is_file = self.policy.draft().unit == Unit::File;
        let (true, Action::Delete, Some(name), true) =
            (is_without_room(error), self.policy.action(), step.path.file_name(), is_file)
        else {
            return Err(Not::cannot(Task::Announce, error));
        };
        if self.open.as_ref().is_some_and(|open| open.contains(&step.pin)) {
            return Err(in_use());
        }
        let gone = dir.delete_in_place(name, &step.pin, |now| self.is_due(step, now))?;
        Ok(taken(step, if gone.nlink > 1 { 0 } else { gone.size }))
    }

    /// Looks through a directory as a scan does, before it is moved: with something mounted in it, it must not be.
    fn check_contents(&self, dir: &Dir, name: &OsStr, step: &Step) -> Result<(), Not> {
        let relative = step.path.strip_prefix(self.policy.path()).unwrap_or(Path::new(""));
        let depth = u32::try_from(relative.components().count()).unwrap_or(u32::MAX);
        let rules = Rules {
            policy: self.policy,
            mnt_id: self.root.metadata().identity.mnt_id,
            open: self.open.as_ref(),
            depth,
        };
        let contents = match Contents::survey(dir, name, relative, &rules) {
            Ok(Some(contents)) => contents,
            Ok(None) => return Err(TakeError::Changed.into()),
            Err((path, reason)) => {
                let shown = escaped(path);
                let text = format!("cannot look at `{shown}` in it: {reason}");
                let why = Box::new(reason.into_code());
                let code = CleanupCode::CannotLookAtPart { path: shown, why };
                return Err(Not::Failed(Said::new(text, code)));
            }
        };
        match contents.look.held {
            Some(KeepReason::InUse) => return Err(in_use()),
            Some(KeepReason::HoldsMount) => {
                return Err(Not::Skipped("something is mounted in it".to_owned()));
            }
            Some(_) => return Err(TakeError::NotDue.into()),
            None => {}
        }
        let is_due = match judge(self.policy, &contents.look, self.clock) {
            Verdict::Due(_) => true,
            Verdict::Keep(_) => false,
            Verdict::Open => contents.look.youngest <= step.youngest,
        };
        if is_due { Ok(()) } else { Err(TakeError::NotDue.into()) }
    }

    fn shorten(&self, dir: &Dir, name: &OsStr, step: &Step, keep_tail: u64) -> Result<Taken, Not> {
        let judged = self.judged(dir, name, step)?;
        match judged.shorten(keep_tail) {
            Ok(Some(Shortened { freed, method })) => {
                Ok(Taken { method: Some(method.as_str()), ..taken(step, freed) })
            }
            Ok(None) => Err(TakeError::NotDue.into()),
            Err(error @ (ShortenError::Changed | ShortenError::Locked)) => {
                Err(Not::Skipped(error.to_string()))
            }
            Err(error) => Err(Not::Failed(error.said())),
        }
    }

    /// The file as one that may be changed, if it is the one that was planned and still due.
    pub(super) fn judged(&self, dir: &Dir, name: &OsStr, step: &Step) -> Result<Judged, Not> {
        let pinned = match dir.pin(name) {
            Ok(pinned) => pinned,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TakeError::Changed.into());
            }
            Err(error) => return Err(Not::cannot(Task::Open, &error)),
        };
        if pinned.metadata().identity != step.pin {
            return Err(TakeError::Changed.into());
        }
        let terms = Terms { mnt_id: self.root.metadata().identity.mnt_id, owners: None };
        let judged = pinned.judge(&terms).map_err(|error| Not::Failed(error.said()))?;
        if !self.is_due(step, judged.metadata()) {
            return Err(TakeError::NotDue.into());
        }
        Ok(judged)
    }

    pub(super) fn is_due(&self, step: &Step, metadata: &Metadata) -> bool {
        is_due(self.policy, step, metadata, self.clock)
    }

    /// Whether something in a directory that looks so may go with it.
    fn is_part(&self, step: &Step, metadata: &Metadata) -> bool {
        let is_ordinary = !matches!(metadata.kind, Kind::Socket | Kind::Device);
        is_ordinary && !metadata.mount_root && self.is_due(step, metadata)
    }
}

pub(super) fn taken(step: &Step, bytes: u64) -> Taken {
    Taken { path: step.path.clone(), action: step.action, bytes, method: None }
}

fn in_use() -> Not {
    Not::Skipped("a process has it open".to_owned())
}

impl Not {
    pub(super) fn cannot(task: Task, error: &io::Error) -> Self {
        Self::Failed(cannot(task, error))
    }
}

impl From<TakeError> for Not {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Changed | TakeError::NotDue => Self::Skipped(error.to_string()),
            TakeError::Locked => Self::Locked,
            _ => Self::Failed(error.said()),
        }
    }
}

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::SystemTime;

use evenkeel_safefs::{
    Dir, Intent, Metadata, OpenFiles, Root, Run, ShortenError, Shortened, TakeError, Terms,
    Working, escaped,
};

use super::report::{Report, Taken};
use super::{Progress, chain};
use crate::plan::{Entry, Step, Verdict, plan_entry};
use crate::policy::{Action, Policy};

/// So many entries are announced at once, because each announcement waits for the disk.
const BATCH_STEPS: usize = 1_024;
/// So many directories are open at once.
const BATCH_DIRECTORIES: usize = 128;

/// A run on one root.
pub(super) struct Work<'a> {
    policy: &'a Policy,
    root: &'a Root,
    run: Option<Run<'a>>,
    open: OpenFiles,
    now: SystemTime,
    report: &'a mut Report,
    progress: Progress,
}

/// How one step went that did not take its entry away.
pub(super) enum Not {
    Skipped(String),
    Failed(String),
}

/// A directory that is worked in, and locked until this goes.
struct Place<'s> {
    dir: Dir,
    /// `None` for the root, which is locked for the whole run.
    working: Option<Working>,
    steps: &'s [Step],
}

impl<'a> Work<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        root: &'a Root,
        run: Option<Run<'a>>,
        open: OpenFiles,
        now: SystemTime,
        report: &'a mut Report,
    ) -> Self {
        let progress = Progress { done: 0, total: 0, bytes: 0 };
        Self { policy, root, run, open, now, report, progress }
    }

    pub(super) fn all(
        &mut self,
        steps: &[Step],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) {
        self.progress.total = steps.len() as u64;
        for batch in batches(steps) {
            if self.batch(batch, watch).is_break() {
                break;
            }
        }
        self.report.not_reached = self.progress.total - self.progress.done;
    }

    /// Ends the run.
    pub(super) fn finish(self) {
        let Some(run) = self.run else { return };
        let id = run.id();
        if let Err(error) = run.finish() {
            tracing::warn!(run = id, %error, "the run could not be ended; the next one puts it right");
        }
    }

    /// Carries out some steps: they are announced together, and then each one is done.
    fn batch(
        &mut self,
        steps: &[Step],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let places: Vec<_> = directories(steps).filter_map(|steps| self.enter(steps)).collect();
        let slots = match self.announce(&places) {
            Ok(slots) => slots,
            Err(error) => {
                let reason = format!("cannot write down what is about to be taken: {error}");
                for place in &places {
                    self.report.fail_all(place.steps, &reason);
                    self.progress.done += place.steps.len() as u64;
                }
                return ControlFlow::Continue(());
            }
        };
        let mut slots = slots.into_iter();
        for place in &places {
            let before = self.report.taken.len();
            let mut ended = ControlFlow::Continue(());
            for step in place.steps {
                ended = watch(self.progress);
                if ended.is_break() {
                    break;
                }
                let slot = slots.next().flatten();
                self.step(&place.dir, slot, step);
            }
            if let Some(working) = &place.working
                && self.report.taken.len() > before
            {
                working.restore_times();
            }
            ended?;
        }
        ControlFlow::Continue(())
    }

    /// Opens and locks the directory that all these steps are in.
    fn enter<'s>(&mut self, steps: &'s [Step]) -> Option<Place<'s>> {
        let relative = self.relative(steps.first()?).parent()?.to_owned();
        let opened = self.root.dir().descend(&relative).and_then(|dir| {
            let is_root = relative.as_os_str().is_empty();
            let lock = if is_root { None } else { Some(dir.start_work()?) };
            Ok((dir, lock))
        });
        match opened {
            Ok((dir, lock)) if !matches!(lock, Some(None)) => {
                return Some(Place { dir, working: lock.flatten(), steps });
            }
            Ok(_) => self.report.skip_all(steps, "a process holds the lock of its directory"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.report.skip_all(steps, "its directory is gone");
            }
            Err(error) => {
                self.report.fail_all(steps, &format!("cannot open its directory: {error}"));
            }
        }
        self.progress.done += steps.len() as u64;
        None
    }

    /// Writes down what is about to be taken; one slot for each step, `None` for what is gone or is not to be taken.
    fn announce(&mut self, places: &[Place<'_>]) -> io::Result<Vec<Option<u64>>> {
        let total = places.iter().map(|place| place.steps.len()).sum();
        let Some(run) = &mut self.run else { return Ok(vec![None; total]) };
        let root = self.policy.path();
        let intents = places.iter().flat_map(|place| {
            place.steps.iter().map(|step| Intent {
                dir: &place.dir,
                name: step.path.file_name().unwrap_or_default(),
                path: step.path.strip_prefix(root).unwrap_or(Path::new("")),
                reason: &step.reason,
            })
        });
        run.announce(intents)
    }

    fn step(&mut self, dir: &Dir, slot: Option<u64>, step: &Step) {
        self.progress.done += 1;
        match self.take(dir, slot, step) {
            Ok(taken) => {
                tracing::info!(
                    path = %escaped(&taken.path),
                    action = taken.action,
                    bytes = taken.bytes,
                    reason = step.reason,
                    "taken away"
                );
                self.progress.bytes = self.progress.bytes.saturating_add(taken.bytes);
                self.report.taken.push(taken);
            }
            Err(Not::Skipped(reason)) => self.report.skip(step, &reason),
            Err(Not::Failed(reason)) => self.report.fail(step, &reason),
        }
    }

    fn take(&self, dir: &Dir, slot: Option<u64>, step: &Step) -> Result<Taken, Not> {
        let name = step.path.file_name().ok_or_else(|| Not::Failed("it has no name".to_owned()))?;
        if self.open.contains(&step.pin) {
            return Err(Not::Skipped("a process has it open".to_owned()));
        }
        if let Action::Truncate { keep_tail } = self.policy.draft().action {
            return self.shorten(dir, name, step, keep_tail);
        }
        let Some(run) = &self.run else {
            return Err(Not::Failed("no private directory".to_owned()));
        };
        let slot = slot.ok_or_else(|| Not::from(TakeError::Changed))?;
        self.delete(run, slot, dir, name, step)
    }

    fn delete(
        &self,
        run: &Run<'_>,
        slot: u64,
        dir: &Dir,
        name: &OsStr,
        step: &Step,
    ) -> Result<Taken, Not> {
        let held = run.take(slot, dir, name, &step.pin, |metadata| self.is_due(metadata))?;
        let removed = held.remove(dir, name, |metadata| self.is_due(metadata))?;
        Ok(Taken {
            path: step.path.clone(),
            action: step.action,
            bytes: removed.bytes,
            method: None,
        })
    }

    fn shorten(&self, dir: &Dir, name: &OsStr, step: &Step, keep_tail: u64) -> Result<Taken, Not> {
        let pinned = match dir.pin(name) {
            Ok(pinned) => pinned,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TakeError::Changed.into());
            }
            Err(error) => return Err(Not::Failed(format!("cannot open it: {error}"))),
        };
        if pinned.metadata().identity != step.pin {
            return Err(TakeError::Changed.into());
        }
        let terms = Terms { mnt_id: self.root.metadata().identity.mnt_id, owners: None };
        let judged = pinned.judge(&terms).map_err(|error| Not::Failed(chain(&error)))?;
        if !self.is_due(judged.metadata()) {
            return Err(TakeError::NotDue.into());
        }
        match judged.shorten(keep_tail) {
            Ok(Some(Shortened { freed, method })) => Ok(Taken {
                path: step.path.clone(),
                action: step.action,
                bytes: freed,
                method: Some(method.as_str()),
            }),
            Ok(None) => Err(TakeError::NotDue.into()),
            Err(error @ (ShortenError::Changed | ShortenError::Locked)) => {
                Err(Not::Skipped(error.to_string()))
            }
            Err(error) => Err(Not::Failed(error.to_string())),
        }
    }

    /// Whether a file that looks so is still due.
    fn is_due(&self, metadata: &Metadata) -> bool {
        let entry = Entry { metadata, bytes: metadata.size };
        matches!(plan_entry(self.policy, &entry, self.now), Verdict::Take { .. })
    }

    fn relative<'s>(&self, step: &'s Step) -> &'s Path {
        step.path.strip_prefix(self.policy.path()).unwrap_or(Path::new(""))
    }
}

impl From<TakeError> for Not {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Changed | TakeError::Locked | TakeError::NotDue => {
                Self::Skipped(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// The steps in groups of one directory each.
fn directories(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    steps.chunk_by(|one, next| one.path.parent() == next.path.parent())
}

/// The steps cut into groups of bounded size, in neither entries nor directories too large.
fn batches(steps: &[Step]) -> Vec<&[Step]> {
    let mut batches = Vec::new();
    let mut rest = steps;
    while !rest.is_empty() {
        let few = &rest[..rest.len().min(BATCH_STEPS)];
        let length = directories(few).take(BATCH_DIRECTORIES).map(<[Step]>::len).sum();
        let (batch, others) = rest.split_at(length);
        batches.push(batch);
        rest = others;
    }
    batches
}

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use evenkeel_safefs::{Dir, Intent, Working, escaped};
use evenkeel_shown::said::{CleanupCode, Said, Task};

use super::act::{Act, Not};
use super::report::Report;
use super::{Progress, Watch};
use crate::plan::Step;

/// So many entries are announced at once, because each announcement waits for the disk.
const BATCH_STEPS: usize = 1_024;
/// So many directories are open at once.
const BATCH_DIRECTORIES: usize = 128;

/// The steps of a run, one after the other.
pub(super) struct Work<'a> {
    act: Act<'a>,
    steps: &'a [Step],
    watch: &'a mut Watch<'a>,
    report: &'a mut Report,
    progress: Progress,
}

/// A directory that is worked in, and locked until this goes.
struct Place {
    dir: Dir,
    /// `None` for the root, which is locked for the whole run.
    working: Option<Working>,
    /// Whether an entry was taken from it.
    changed: bool,
}

/// The directories of a batch, by their path from the root; or why nothing is done in one.
type Places<'s> = HashMap<&'s Path, Result<Place, Not>>;

impl<'a> Work<'a> {
    pub(super) fn new(
        act: Act<'a>,
        steps: &'a [Step],
        watch: &'a mut Watch<'_>,
        report: &'a mut Report,
    ) -> Self {
        let progress = Progress { total: steps.len() as u64, ..Progress::default() };
        Self { act, steps, watch, report, progress }
    }

    /// Carries out all steps, or as many as the one who watches lets it.
    pub(super) fn all(mut self) {
        for batch in batches(self.steps) {
            if self.batch(batch).is_break() {
                break;
            }
        }
        self.report.not_reached = self.progress.total - self.progress.done;
        let Some(run) = self.act.run else { return };
        let id = run.id();
        match run.finish() {
            Ok(false) => {}
            Ok(true) => self.report.run = Some(id),
            Err(error) => {
                tracing::warn!(run = id, %error, "the run could not be ended; the next one does it");
                self.report.run = Some(id);
            }
        }
    }

    /// Carries out some steps: their directories are opened and locked, they are announced together, and then each is done.
    fn batch(&mut self, steps: &[Step]) -> ControlFlow<()> {
        let mut places = Places::new();
        for step in steps {
            let parent = self.act.parent(step);
            places.entry(parent).or_insert_with(|| self.enter(parent));
        }
        let slots = self.announce(steps, &places);
        for (index, step) in steps.iter().enumerate() {
            (self.watch)(self.progress)?;
            let slot = slots.as_ref().map(|slots| slots.get(index).copied().flatten());
            let place = places.get_mut(self.act.parent(step));
            self.step(place, slot, step)?;
            self.progress.done += 1;
        }
        ControlFlow::Continue(())
    }

    fn step(
        &mut self,
        place: Option<&mut Result<Place, Not>>,
        slot: Result<Option<u64>, &io::Error>,
        step: &Step,
    ) -> ControlFlow<()> {
        let result = match (place, slot) {
            (Some(Ok(place)), slot) => {
                let mut goes_on = || (self.watch)(self.progress).is_continue();
                let result = match slot {
                    Ok(slot) => self.act.take(&place.dir, slot, step, &mut goes_on),
                    Err(error) => self.act.take_without_room(&place.dir, step, error),
                };
                place.changed |= result.is_ok();
                result
            }
            (Some(Err(not)), _) => Err(not.clone()),
            (None, _) => {
                let text = "its directory is unknown";
                Err(Not::Failed(Said::new(text, CleanupCode::UnknownDirectory)))
            }
        };
        match result {
            Ok(taken) => {
                tracing::info!(
                    path = %escaped(&taken.path),
                    action = taken.action,
                    bytes = taken.bytes,
                    reason = %step.reason,
                    "taken away"
                );
                self.progress.bytes = self.progress.bytes.saturating_add(taken.bytes);
                self.report.taken.push(taken);
            }
            Err(Not::Skipped(reason)) => self.report.skip(step, &reason),
            Err(Not::Failed(reason)) => self.report.fail(step, &reason),
            Err(Not::Ended) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Opens and locks a directory below the root.
    fn enter(&self, relative: &Path) -> Result<Place, Not> {
        let root = self.act.root.dir();
        let dir = root.descend(relative).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Not::Skipped("its directory is gone".to_owned()),
            _ => Not::cannot(Task::OpenDirectory, &error),
        })?;
        if relative.as_os_str().is_empty() {
            return Ok(Place { dir, working: None, changed: false });
        }
        match dir.start_work() {
            Ok(Some(working)) => Ok(Place { dir, working: Some(working), changed: false }),
            Ok(None) => Err(Not::Skipped("a process holds the lock of its directory".to_owned())),
            Err(error) => Err(Not::cannot(Task::LockDirectory, &error)),
        }
    }

    /// Writes down what is about to be taken; one slot for each step, `None` for what is not to be taken.
    fn announce(&mut self, steps: &[Step], places: &Places<'_>) -> io::Result<Vec<Option<u64>>> {
        if self.act.no_room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut slots = vec![None; steps.len()];
        let policy = self.act.policy;
        let Some(run) = &mut self.act.run else { return Ok(slots) };
        let mut indices = Vec::new();
        let mut intents = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let relative = step.path.strip_prefix(policy.path()).unwrap_or(Path::new(""));
            let parent = relative.parent().unwrap_or(Path::new(""));
            let Some(Ok(place)) = places.get(parent) else { continue };
            let Some(name) = relative.file_name() else { continue };
            indices.push(index);
            let reason = step.reason.to_string();
            intents.push(Intent { dir: &place.dir, name, path: relative, reason });
        }
        for (index, slot) in indices.into_iter().zip(run.announce(intents)?) {
            slots[index] = slot;
        }
        Ok(slots)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(working) = &self.working
            && self.changed
        {
            working.restore_times();
        }
    }
}

/// The steps cut into groups that are large in neither entries nor directories.
fn batches(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    let mut rest = steps;
    std::iter::from_fn(move || {
        let mut directories = std::collections::HashSet::new();
        let few = rest.iter().take(BATCH_STEPS).take_while(|step| {
            directories.insert(step.path.parent());
            directories.len() <= BATCH_DIRECTORIES
        });
        let (batch, others) = rest.split_at(few.count());
        rest = others;
        (!batch.is_empty()).then_some(batch)
    })
}

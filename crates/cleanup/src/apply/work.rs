use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use evenkeel_safefs::{Dir, Intent, TakeError, Working};
use evenkeel_shown::said::Task;

use super::act::{Act, Not};
use super::report::{Report, Taken};
use super::team::{self, Job};
use super::{Progress, Watch};
use crate::plan::Step;

/// So many entries are announced at once, because each announcement waits for the disk.
const BATCH_STEPS: usize = 1_024;
/// So many directories are open at once.
const BATCH_DIRECTORIES: usize = 128;

/// The steps of a run, batch by batch.
pub(super) struct Work<'a> {
    act: Act<'a>,
    steps: &'a [Step],
    watch: &'a mut Watch<'a>,
    report: &'a mut Report,
    progress: Progress,
}

/// A directory that is worked in, and locked until this goes.
pub(super) struct Place {
    pub(super) dir: Dir,
    /// `None` for the root, which is locked for the whole run.
    working: Option<Working>,
}

/// What a step is about: which of the directories of its batch it is in, and its path from the root.
struct At<'s> {
    place: usize,
    relative: &'s Path,
}

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
        let (places, at) = self.enter_all(steps);
        let slots = self.announce(steps, &places, &at);
        let job = |(index, step): (usize, _)| Job {
            step,
            place: places[at[index].place].as_ref(),
            slot: slots.as_ref().map(|slots| slots[index]),
        };
        let jobs: Vec<_> = steps.iter().enumerate().map(job).collect();
        let (results, flow) = team::carry_out(&self.act, &jobs, self.watch, &mut self.progress);
        let mut changed = vec![false; places.len()];
        for (index, result) in results {
            changed[at[index].place] |= result.is_ok();
            self.record(&steps[index], result);
        }
        for (place, changed) in places.iter().zip(changed) {
            if let (Ok(Place { working: Some(working), .. }), true) = (place, changed) {
                working.restore_times();
            }
        }
        flow
    }

    fn record(&mut self, step: &Step, result: Result<Taken, Not>) {
        match result {
            Ok(taken) => self.report.taken.push(taken),
            Err(Not::Skipped(reason)) => self.report.skip(step, &reason),
            Err(Not::Locked) => self.report.skip(step, &TakeError::Locked.to_string()),
            Err(Not::Failed(reason)) => self.report.fail(step, &reason),
            Err(Not::Ended) => {}
        }
    }

    /// Opens and locks the directories of some steps, each once, or says why nothing is done in one.
    fn enter_all<'s>(&self, steps: &'s [Step]) -> (Vec<Result<Place, Not>>, Vec<At<'s>>) {
        let (mut places, mut known) = (Vec::new(), HashMap::<&OsStr, usize>::new());
        let at = steps.iter().map(|step| {
            let root = self.act.policy.path();
            let relative = step.path.strip_prefix(root).unwrap_or(Path::new(""));
            let parent = relative.parent().unwrap_or(Path::new(""));
            let place = *known.entry(parent.as_os_str()).or_insert_with(|| {
                places.push(self.enter(parent));
                places.len() - 1
            });
            At { place, relative }
        });
        let at = at.collect();
        (places, at)
    }

    /// Opens and locks a directory below the root.
    fn enter(&self, relative: &Path) -> Result<Place, Not> {
        let root = self.act.root.dir();
        let dir = root.descend(relative).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Not::Skipped("its directory is gone".to_owned()),
            _ => Not::cannot(Task::OpenDirectory, &error),
        })?;
        if relative.as_os_str().is_empty() {
            return Ok(Place { dir, working: None });
        }
        match dir.start_work() {
            Ok(Some(working)) => Ok(Place { dir, working: Some(working) }),
            Ok(None) => Err(Not::Skipped("a process holds the lock of its directory".to_owned())),
            Err(error) => Err(Not::cannot(Task::LockDirectory, &error)),
        }
    }

    /// Writes down what is about to be taken; one slot for each step, `None` for what is not to be taken.
    fn announce(
        &mut self,
        steps: &[Step],
        places: &[Result<Place, Not>],
        at: &[At<'_>],
    ) -> io::Result<Vec<Option<u64>>> {
        if self.act.no_room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut slots = vec![None; steps.len()];
        let Some(run) = &mut self.act.run else { return Ok(slots) };
        let mut indices = Vec::with_capacity(steps.len());
        let mut intents = Vec::with_capacity(steps.len());
        for (index, (step, At { place, relative })) in steps.iter().zip(at).enumerate() {
            let (Ok(place), Some(name)) = (&places[*place], relative.file_name()) else { continue };
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

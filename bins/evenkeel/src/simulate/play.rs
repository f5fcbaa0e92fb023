//! Plays all runs of a simulation, as many at a time as there are processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use evenkeel_cli::{Bar, Common, Failure, Stop};
use evenkeel_moment::Moment;
use evenkeel_simulator::{Chronicle, Event, Observer, View, run};
use jiff::Timestamp;

use super::figures::Figures;
use super::outcome::Outcome;
use super::setting::Setting;

/// So often a bar is drawn anew, and a signal heard.
const LOOK: Duration = Duration::from_millis(100);

/// What was played.
#[derive(Debug)]
pub(super) struct Played {
    /// The runs of each policy.
    pub(super) runs: Vec<Runs>,
    /// Whether somebody stopped it before all seeds were played.
    pub(super) stopped: bool,
}

/// All runs of one policy.
#[derive(Debug)]
pub(super) struct Runs {
    /// The settings, by their files.
    pub(super) name: String,
    /// All of the first seed.
    pub(super) first: Outcome,
    /// The figures of each seed.
    pub(super) seeds: Vec<(u64, Figures)>,
}

/// One run, to be played.
#[derive(Debug, Clone, Copy)]
struct Job {
    policy: usize,
    /// Its place among the seeds.
    place: usize,
    seed: u64,
}

/// What became of a run: its figures, and of the first seed everything.
type Done = (Job, Figures, Option<Outcome>);

/// How far the runs are, all together, in seconds of their own time.
#[derive(Debug, Clone, Default)]
struct Progress(Arc<AtomicU64>);

/// Tells the progress of one run.
#[derive(Debug)]
struct Pace {
    progress: Progress,
    began: Option<Moment>,
    told: u64,
}

/// Plays them. SIGINT and SIGTERM end it: with the seeds that are done by then, or with an error if none is.
pub(super) fn play(common: &Common, setting: &Arc<Setting>) -> Result<Played, Failure> {
    let stop = Stop::at_signals()?;
    let policies = setting.policies.len();
    let jobs: Arc<[Job]> = (0..)
        .zip(setting.all_seeds())
        .flat_map(|(place, seed)| (0..policies).map(move |policy| Job { policy, place, seed }))
        .collect();
    let (next, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let progress = Progress::default();
    let (sender, done) = mpsc::channel();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    for _ in 0..workers {
        let (setting, jobs, next, ended) =
            (Arc::clone(setting), Arc::clone(&jobs), Arc::clone(&next), Arc::clone(&ended));
        let (progress, sender) = (progress.clone(), sender.clone());
        let work = move || {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed))
                && !ended.load(Ordering::Relaxed)
            {
                play_one(&setting, *job, &progress, &sender);
            }
        };
        let spawned = std::thread::Builder::new().name("simulation".to_owned()).spawn(work);
        spawned.map_err(|error| Failure::refused(&error))?;
    }
    drop(sender);
    let mut all: Vec<Option<Done>> = jobs.iter().map(|_| None).collect();
    let mut bar = Bar::new(common, "simulated days");
    let total = setting.lasts.as_secs().max(1) * jobs.len() as u64;
    let stopped = loop {
        match done.recv_timeout(LOOK) {
            Ok(one) => {
                let place = one.0.place * policies + one.0.policy;
                all[place] = Some(one);
            }
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let days = |seconds: u64| seconds / 86_400;
        bar.show(days(progress.0.load(Ordering::Relaxed)), days(total).max(1));
        if stop.goes_on().is_break() {
            // What runs goes on until the program ends: nothing waits for it.
            ended.store(true, Ordering::Relaxed);
            break true;
        }
    };
    drop(bar);
    gather(setting, all, stopped)
}

fn play_one(setting: &Setting, job: Job, progress: &Progress, sender: &Sender<Done>) {
    let scenario = setting.scenario(job.policy, job.seed);
    let mut chronicle = Chronicle::new(&scenario);
    let mut pace = Pace { progress: progress.clone(), began: None, told: 0 };
    let summary = run(&scenario, &mut [&mut chronicle, &mut pace]);
    let outcome = Outcome { summary, chronicled: chronicle.finish(&scenario.settings) };
    let figures = Figures::of(&outcome);
    // Whoever waited may be gone: then nobody wants it.
    let _ = sender.send((job, figures, (job.place == 0).then_some(outcome)));
}

/// The seeds that all policies have played, up to the first that one has not.
fn gather(setting: &Setting, all: Vec<Option<Done>>, stopped: bool) -> Result<Played, Failure> {
    let policies = setting.policies.len();
    let mut firsts = Vec::new();
    let mut seeds: Vec<Vec<(u64, Figures)>> = (0..policies).map(|_| Vec::new()).collect();
    let mut missing = false;
    let mut of_seed = Vec::new();
    for done in all {
        let Some((job, figures, outcome)) = done else {
            missing = true;
            break;
        };
        firsts.extend(outcome);
        of_seed.push((job.seed, figures));
        if of_seed.len() == policies {
            for (of_policy, figures) in seeds.iter_mut().zip(of_seed.drain(..)) {
                of_policy.push(figures);
            }
        }
    }
    if missing && !stopped {
        return Err(Failure::refused_because("a run of the simulation did not come to its end"));
    }
    if firsts.len() < policies {
        return Err(Failure::refused_because("stopped before anything was done"));
    }
    let names = setting.policies.iter().map(|policy| policy.name.clone());
    let runs = names.zip(firsts).zip(seeds);
    let runs = runs.map(|((name, first), seeds)| Runs { name, first, seeds }).collect();
    Ok(Played { runs, stopped: missing })
}

impl Observer for Pace {
    fn saw(&mut self, now: Moment, _: Timestamp, _: &Event<'_>, _: &View<'_>) {
        let began = *self.began.get_or_insert(now);
        let seconds = now.saturating_since(began).as_secs();
        // Often enough for a bar, and too seldom to cost anything.
        if seconds >= self.told + 3_600 {
            self.progress.0.fetch_add(seconds - self.told, Ordering::Relaxed);
            self.told = seconds;
        }
    }

    // What is settled of availability comes every few seconds, too.
    fn wants_looks(&self) -> bool {
        false
    }
}

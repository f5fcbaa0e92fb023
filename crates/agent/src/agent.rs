use std::future::{Future, pending};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use evenkeel_cleanup::Clock;
use evenkeel_config::Settings;
use evenkeel_engine::{Act, Effect, Engine, Input, Record, Start, Status};
use evenkeel_metrics::ProcessStats;
use evenkeel_moment::Moment;
use evenkeel_probe::{Prober, Target};
use evenkeel_recovery::actions::{ActionError, Occasion, perform};
use evenkeel_recovery::machine::Ended;
use tokio::sync::mpsc;

use crate::clock::HostClock;
use crate::error::AgentError;
use crate::executor::clean;
use crate::history::{Found, History};
use crate::keep::{self, Keepers, Said};
use crate::listen::Doors;
use crate::page::{Desk, Question};
use crate::publish::Publisher;

/// How long the end of the agent waits for what runs.
const DRAIN: Duration = Duration::from_secs(30);

/// What an agent is given; everything it cannot decide by itself.
#[derive(Debug)]
pub struct Agent<N> {
    /// The checked settings.
    pub settings: Settings,
    /// Write nothing at all, whatever the settings say: no repair, no action, no history on disk.
    pub observe: bool,
    /// The seed of all chance: start times, jitter.
    pub seed: u64,
    /// The boot's id, which tells whether times of earlier runs are of this boot.
    pub boot_id: String,
    /// When to end.
    pub until: Until,
    /// A listener for the page; `None`: bind `agent.listen`.
    pub listener: Option<TcpListener>,
    /// How often [`Notice::Alive`] is wanted; `None`: never.
    pub watchdog: Option<Duration>,
    /// Is told how the agent fares, such as systemd.
    pub notify: N,
}

/// When an agent ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Only when it is told to.
    Stopped,
    /// When each rule has run, each check has been told, and no recovery is under way; or after this long.
    Settled(Duration),
}

/// Something outside that may have changed what a check sees; it makes the agent look, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// A program of a supervisord, or a group, is in another state than before.
    Supervisor,
}

/// How the agent fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It works, and its page answers.
    Ready,
    /// It takes new settings.
    Reloading,
    /// It is alive: its loop turns.
    Alive,
    /// It ends.
    Stopping,
}

type Answer = (u64, Said);

struct Shell<N> {
    clock: HostClock,
    notify: N,
    engine: Engine,
    /// Counts the engines: an answer to an earlier one's effect is of no use to the next.
    generation: u64,
    history: History,
    publisher: Publisher,
    prober: Prober,
    answers: mpsc::UnboundedSender<Answer>,
    keepers: Keepers,
    /// Whether there is time to watch; one pass only sweeps.
    watching: bool,
    /// Cleanups and actions that run; the end waits for them, and for the keepers.
    writing: usize,
    /// New settings that wait for a running action to end.
    pending: Option<Settings>,
    stopping: bool,
    /// The same, for those who work on threads of their own.
    ending: Arc<AtomicBool>,
}

/// Runs an agent until `stop` is ready, or as [`Agent::until`] says; then lets what runs end, and returns the last status.
///
/// `reloads` brings new settings, or why they were refused: those in force then stay in force.
pub async fn run<N: Fn(Notice)>(
    agent: Agent<N>,
    reloads: mpsc::Receiver<Result<Settings, String>>,
    stop: impl Future<Output = ()>,
) -> Result<Status, AgentError> {
    // Nobody has hints, so the other end is gone at once.
    let (_, hints) = mpsc::channel(1);
    run_hinted(agent, reloads, hints, stop).await
}

/// As [`run`], and looks soon where `hints` say that something may have changed.
pub async fn run_hinted<N: Fn(Notice)>(
    agent: Agent<N>,
    mut reloads: mpsc::Receiver<Result<Settings, String>>,
    mut hints: mpsc::Receiver<Hint>,
    stop: impl Future<Output = ()>,
) -> Result<Status, AgentError> {
    let clock = HostClock;
    let publisher = Publisher::new(SystemTime::now());
    // History first: its lock is what keeps a second agent out, before anything is bound or touched.
    let (history, found) = if agent.observe {
        let why = Some("it was told to observe".to_owned());
        (
            History::in_memory(publisher.metrics.clone()),
            Found { observe_only: why, ..Found::default() },
        )
    } else {
        let lasting = agent.until == Until::Stopped;
        let metrics = publisher.metrics.clone();
        History::open(&agent.settings.agent.state_dir, clock, &agent.boot_id, lasting, metrics)?
    };
    publisher.add(&agent.settings);
    let (questions, mut asked) = mpsc::channel(16);
    let desk = Desk {
        questions,
        metrics: publisher.metrics.clone(),
        recent: history.recent.clone(),
        archive: (!agent.observe).then(|| Arc::new(agent.settings.agent.state_dir.clone())),
        boot_id: agent.boot_id.as_str().into(),
    };
    let _doors = Doors::open(&agent.settings.agent, agent.listener, !agent.observe, &desk)?;
    let (answers, mut inbox) = mpsc::unbounded_channel();
    let start = Start {
        now: clock.now(),
        wall: clock.wall(),
        seed: agent.seed,
        spread: agent.until == Until::Stopped,
        observe_only: found.observe_only,
        past: found.past,
    };
    let mut shell = Shell {
        clock,
        notify: agent.notify,
        engine: Engine::new(agent.settings, start),
        generation: 0,
        history,
        publisher,
        prober: Prober::new(),
        answers,
        keepers: Keepers::default(),
        watching: agent.until == Until::Stopped,
        writing: 0,
        pending: None,
        stopping: false,
        ending: Arc::default(),
    };
    shell.handle(Input::Tick);
    (shell.notify)(Notice::Ready);
    let give_up = match agent.until {
        Until::Stopped => None,
        Until::Settled(limit) => Some(clock.now() + limit),
    };
    let mut alive = agent.watchdog.map(tokio::time::interval);
    let mut stop = std::pin::pin!(stop);
    loop {
        if give_up.is_some_and(|give_up| clock.now() >= give_up)
            || (give_up.is_some() && shell.engine.is_settled(clock.now()))
        {
            break;
        }
        shell.renew();
        let wake = shell.until_deadline(give_up);
        tokio::select! {
            Some(answer) = inbox.recv() => shell.answered(answer),
            Some(question) = asked.recv() => shell.answer_question(question),
            Some(reload) = reloads.recv() => shell.reload(reload),
            Some(hint) = hints.recv() => shell.hinted(hint),
            () = tokio::time::sleep(wake) => shell.handle(Input::Tick),
            () = tick(&mut alive) => (shell.notify)(Notice::Alive),
            () = &mut stop => break,
        }
    }
    (shell.notify)(Notice::Stopping);
    shell.drain(&mut inbox).await;
    let status = shell.engine.status(clock.now(), clock.wall());
    shell.history.close();
    Ok(status)
}

async fn tick(alive: &mut Option<tokio::time::Interval>) {
    match alive {
        Some(interval) => drop(interval.tick().await),
        None => pending().await,
    }
}

impl<N: Fn(Notice)> Shell<N> {
    /// How long nothing is due.
    fn until_deadline(&self, give_up: Option<Moment>) -> Duration {
        let now = self.clock.now();
        let deadline = self.engine.deadline(now).into_iter().chain(give_up).min();
        deadline.map_or(Duration::from_hours(1), |deadline| deadline.saturating_since(now))
    }

    fn answered(&mut self, (generation, said): Answer) {
        let input = match said {
            Said::Input(input) => input,
            Said::Ended { rule } => {
                if !self.keepers.ended(rule) {
                    return;
                }
                // The next sweep starts another one.
                tracing::error!(rule, "a keeper of permissions ended by a defect");
                Input::Swept { rule, result: Err("its keeper ended by a defect".to_owned()) }
            }
        };
        if matches!(input, Input::Cleaned { .. } | Input::Acted { .. }) {
            self.writing -= 1;
        }
        if generation == self.generation {
            self.handle(input);
        }
    }

    fn handle(&mut self, input: Input) {
        let effects = self.engine.handle(self.clock.now(), input);
        for effect in effects {
            match effect {
                Effect::Record(record) => self.record(record),
                Effect::Count(count) => self.publisher.count(&count),
                // At the end, what was seen and done is still written, and nothing new begins.
                _ if self.stopping => {}
                Effect::Probe { check, run } => self.probe(check, run),
                Effect::Keep { rule, write } => self.keepers.order(rule, write),
                Effect::Sweep { rule } => self.sweep(rule),
                Effect::Clean { rule, write } => self.clean(rule, write),
                Effect::Act(act) => self.act(act),
            }
        }
    }

    fn hinted(&mut self, hint: Hint) {
        let checks = self.engine.settings().checks.iter().enumerate();
        let meant: Vec<_> = checks
            .filter(|(_, check)| match hint {
                Hint::Supervisor => matches!(check.target, Target::Supervisor(_)),
            })
            .map(|(check, _)| check)
            .collect();
        for check in meant {
            self.handle(Input::Hinted { check });
        }
    }

    fn record(&mut self, record: Record) {
        let (kind, target, message) = (record.kind(), record.target(), record.message());
        match &record {
            Record::RuleFailed { .. } | Record::IncidentOpened { .. } | Record::Refused { .. } => {
                tracing::warn!(kind, target, "{message}");
            }
            // Logged entry by entry where they were done.
            Record::Repaired { .. } | Record::Fought { .. } | Record::Cleaned { .. } => {
                tracing::debug!(kind, target, "{message}");
            }
            _ => tracing::info!(kind, target, "{message}"),
        }
        self.publisher.record(&record);
        self.history.record(self.clock.wall(), record);
    }

    fn probe(&self, check: usize, run: u64) {
        let Some(spec) = self.engine.settings().checks.get(check) else { return };
        let (target, timeout) = (spec.target.clone(), spec.timeout);
        let (prober, answer) = (self.prober.clone(), self.answer());
        tokio::spawn(async move {
            let measurement = prober.measure(&target, timeout).await;
            answer(Input::Measured { check, run, measurement });
        });
    }

    fn sweep(&mut self, rule: usize) {
        let Some(spec) = self.engine.settings().permissions.get(rule) else { return };
        let (metrics, watching) = (self.publisher.metrics.clone(), self.watching);
        let (answers, generation) = (self.answers.clone(), self.generation);
        let say = move |said| {
            // As for every answer: closed only at the very end.
            let _ = answers.send((generation, said));
        };
        let start = |write| keep::start(rule, spec, (write, watching), metrics, say);
        if let Err(error) = self.keepers.sweep(rule, start) {
            let result = Err(format!("no thread to do it: {error}"));
            self.answer()(Input::Swept { rule, result });
        }
    }

    fn clean(&mut self, rule: usize, write: bool) {
        let Some(spec) = self.engine.settings().cleanup.get(rule).cloned() else { return };
        let (metrics, ending) = (self.publisher.metrics.clone(), self.ending.clone());
        let answer = self.answer();
        self.writing += 1;
        tokio::task::spawn_blocking(move || {
            let goes_on = || !ending.load(Ordering::Relaxed);
            let result = clean(&spec, Clock::of_host(), write, goes_on);
            let took = result.as_ref().map_or(Duration::ZERO, |outcome| outcome.took);
            metrics.swept(evenkeel_metrics::Collector::Cleanup, &spec.name, took, result.is_ok());
            answer(Input::Cleaned { rule, result });
        });
    }

    /// Writes the intent, waits until it is on disk, and only then acts.
    fn act(&mut self, act: Act) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let written = self.history.intend(act.clone(), now, wall);
        let settle = self.history.settler();
        let (answer, clock, intent) = (self.answer(), self.clock, act.intent);
        let occasion =
            Occasion { incident: act.incident, target: act.target.clone(), ..Occasion::default() };
        self.writing += 1;
        tokio::spawn(async move {
            let written =
                written.await.unwrap_or_else(|_| Err("the history's thread has ended".to_owned()));
            let (ended, detail) = match written {
                Err(error) => {
                    // Without a trace on disk a crash would repeat it: not acting is the safe side.
                    tracing::error!(error, "the intent cannot be written, so nothing is done");
                    (Ended::Ran, format!("not done: the intent could not be written: {error}"))
                }
                Ok(id) => {
                    let (ended, detail) =
                        match perform(&act.action, act.timeout, &occasion, &()).await {
                            Ok(done) => (Ended::Ran, done),
                            Err(ActionError::Retryable { reason }) => (Ended::Ran, reason),
                            Err(ActionError::Permanent { reason }) => (Ended::Impossible, reason),
                        };
                    settle(id, clock.wall(), detail.clone());
                    (ended, detail)
                }
            };
            answer(Input::Acted { intent, ended, detail });
        });
    }

    fn answer(&self) -> impl Fn(Input) + Send + 'static {
        let (answers, generation) = (self.answers.clone(), self.generation);
        move |input| {
            // Closed only at the very end, when nothing is waited for any more.
            let _ = answers.send((generation, Said::Input(input)));
        }
    }

    fn answer_question(&mut self, question: Question) {
        // Where nobody takes the answer, the client went away.
        match question {
            Question::Status(reply) => drop(reply.send(self.status())),
            Question::Settings(reply) => drop(reply.send(self.engine.settings().clone())),
        }
    }

    /// A fresh status, with the gauges set to it.
    fn status(&mut self) -> Status {
        let status = self.engine.status(self.clock.now(), self.clock.wall());
        self.publisher.status(&status);
        if let Ok(stats) = ProcessStats::read(std::process::id()) {
            self.publisher.metrics.set_agent_process(&stats);
        }
        status
    }

    /// Takes new settings, to be put in force by [`Shell::renew`]; refused ones leave those in force as they are.
    fn reload(&mut self, reload: Result<Settings, String>) {
        let settings = match reload {
            Ok(settings) => settings,
            Err(error) => {
                tracing::error!("the new settings are refused, those in force stay: {error}");
                self.publisher.metrics.reloaded(Err(evenkeel_metrics::ReloadRefused));
                return;
            }
        };
        (self.notify)(Notice::Reloading);
        let (old, new) = (&self.engine.settings().agent, &settings.agent);
        if (&old.state_dir, &old.socket, old.listen) != (&new.state_dir, &new.socket, new.listen) {
            tracing::warn!(
                "agent.state_dir, agent.socket and agent.listen take effect at the next start"
            );
        }
        self.pending = Some(settings);
    }

    /// Puts taken settings in force once no action runs; budgets and open incidents live on.
    fn renew(&mut self) {
        if self.pending.is_none() || self.engine.is_acting() {
            return;
        }
        // The old rules have said their last word before the new ones say their first: a keeper takes what this process
        // does for its own, so that of two at once the loser would not notice.
        self.keepers.stop();
        if self.keepers.running() > 0 {
            return;
        }
        let Some(settings) = self.pending.take() else { return };
        self.publisher.forget(self.engine.settings());
        self.publisher.add(&settings);
        self.generation += 1;
        let now = self.clock.now();
        self.engine.reconfigure(now, now.as_nanos(), settings);
        self.publisher.metrics.reloaded(Ok(SystemTime::now()));
        tracing::info!("new settings are in force");
        self.handle(Input::Tick);
        (self.notify)(Notice::Ready);
    }

    /// Lets what writes come to its end, and begins nothing new.
    async fn drain(&mut self, inbox: &mut mpsc::UnboundedReceiver<Answer>) {
        self.stopping = true;
        self.ending.store(true, Ordering::Relaxed);
        self.engine.close_the_gate();
        self.keepers.stop();
        let drained = async {
            while self.writing + self.keepers.running() > 0 {
                match inbox.recv().await {
                    Some(answer) => self.answered(answer),
                    None => break,
                }
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("ending although something still runs; its intent stays open");
        }
    }
}

use std::future::{Future, pending};
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Effect, Engine, Input, Record, Start, Status};
use evenkeel_metrics::ProcessStats;
use evenkeel_moment::Moment;
use evenkeel_permissions::Watcher;
use evenkeel_probe::Prober;
use evenkeel_recovery::actions::{ActionError, perform};
use evenkeel_recovery::machine::Ended;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::clock::HostClock;
use crate::error::AgentError;
use crate::executor::{clean, sweep};
use crate::history::{Found, History};
use crate::listen::Doors;
use crate::page::Desk;
use crate::publish::Publisher;

/// How long the end of the agent waits for what runs.
const DRAIN: Duration = Duration::from_secs(30);
/// A watch that could not be set up is tried again after this long.
const WATCH_AGAIN: Duration = Duration::from_secs(10);

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

type Answer = (u64, Input);

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
    watches: JoinSet<()>,
    /// Sweeps, cleanups and actions that run; the end waits for them.
    writing: usize,
    /// New settings that wait for a running action to end.
    pending: Option<Settings>,
    stopping: bool,
}

/// Runs an agent until `stop` is ready, or as [`Agent::until`] says; then lets what runs end, and returns the last status.
///
/// `reloads` brings new settings, or why they were refused: those in force then stay in force.
pub async fn run<N: Fn(Notice)>(
    agent: Agent<N>,
    mut reloads: mpsc::Receiver<Result<Settings, String>>,
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
    let desk =
        Desk { questions, metrics: publisher.metrics.clone(), recent: history.recent.clone() };
    let _doors = Doors::open(&agent.settings.agent, agent.listener, !agent.observe, &desk)?;
    let (answers, mut inbox) = mpsc::unbounded_channel();
    let start = Start {
        now: clock.now(),
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
        watches: JoinSet::new(),
        writing: 0,
        pending: None,
        stopping: false,
    };
    shell.watch();
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
            Some(reply) = asked.recv() => shell.answer_question(reply),
            Some(reload) = reloads.recv() => shell.reload(reload),
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

    fn answered(&mut self, (generation, input): Answer) {
        if matches!(input, Input::Swept { .. } | Input::Cleaned { .. } | Input::Acted { .. }) {
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
                Effect::Sweep { rule, write } => self.sweep(rule, write),
                Effect::Clean { rule, write } => self.clean(rule, write),
                Effect::Act(act) => self.act(act),
            }
        }
    }

    fn record(&mut self, record: Record) {
        let (kind, target, message) = (record.kind(), record.target(), record.message());
        match &record {
            Record::RuleFailed { .. } | Record::IncidentOpened { .. } | Record::Refused { .. } => {
                tracing::warn!(kind, target, "{message}");
            }
            // Logged entry by entry where they were done.
            Record::Repaired { .. } | Record::Cleaned { .. } => {
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

    fn sweep(&mut self, rule: usize, write: bool) {
        let Some(spec) = self.engine.settings().permissions.get(rule).cloned() else { return };
        let metrics = self.publisher.metrics.clone();
        let answer = self.answer();
        self.writing += 1;
        tokio::task::spawn_blocking(move || {
            let result = sweep(&spec, write);
            let took = result.as_ref().map_or(Duration::ZERO, |outcome| outcome.took);
            metrics.swept(
                evenkeel_metrics::Collector::Permissions,
                &spec.name,
                took,
                result.is_ok(),
            );
            answer(Input::Swept { rule, result });
        });
    }

    fn clean(&mut self, rule: usize, write: bool) {
        let Some(spec) = self.engine.settings().cleanup.get(rule).cloned() else { return };
        let metrics = self.publisher.metrics.clone();
        let answer = self.answer();
        self.writing += 1;
        tokio::task::spawn_blocking(move || {
            let result = clean(&spec, SystemTime::now(), write);
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
                    let (ended, detail) = match perform(&act.action, act.timeout).await {
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
            let _ = answers.send((generation, input));
        }
    }

    /// Watches the roots that want it. An event only says "look"; the sweep is the truth.
    fn watch(&mut self) {
        self.watches.abort_all();
        for (rule, spec) in self.engine.settings().permissions.iter().enumerate() {
            if !spec.watch {
                continue;
            }
            let (policy, name) = (spec.policy.clone(), spec.name.clone());
            let answer = self.answer();
            self.watches.spawn(async move {
                loop {
                    match Watcher::new(&policy) {
                        Ok(mut watcher) => {
                            // What changed before the watch began is seen by this look.
                            answer(Input::Touched { rule });
                            loop {
                                watcher.next().await;
                                answer(Input::Touched { rule });
                            }
                        }
                        Err(error) => tracing::warn!(rule = name, %error, "cannot watch; sweeping by interval"),
                    }
                    tokio::time::sleep(WATCH_AGAIN).await;
                }
            });
        }
    }

    fn answer_question(&mut self, reply: oneshot::Sender<Status>) {
        let status = self.engine.status(self.clock.now(), self.clock.wall());
        self.publisher.status(&status);
        if let Ok(stats) = ProcessStats::read(std::process::id()) {
            self.publisher.metrics.set_agent_process(&stats);
        }
        // The client went away.
        let _ = reply.send(status);
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
        let Some(settings) = self.pending.take_if(|_| !self.engine.is_acting()) else { return };
        self.publisher.forget(self.engine.settings());
        self.publisher.add(&settings);
        self.generation += 1;
        let now = self.clock.now();
        self.engine.reconfigure(now, now.as_nanos(), settings);
        self.watch();
        self.publisher.metrics.reloaded(Ok(SystemTime::now()));
        tracing::info!("new settings are in force");
        self.handle(Input::Tick);
        (self.notify)(Notice::Ready);
    }

    /// Lets what writes come to its end, and begins nothing new.
    async fn drain(&mut self, inbox: &mut mpsc::UnboundedReceiver<Answer>) {
        self.stopping = true;
        self.engine.close_the_gate();
        self.watches.abort_all();
        let drained = async {
            while self.writing > 0 {
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

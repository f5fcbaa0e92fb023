mod change;
mod memory;
mod orders;
mod work;

use std::future::{Future, pending};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Effect, Engine, Input, Record, Slice, Start, Status};
use evenkeel_journal::{Stamp, Stretch};
use evenkeel_metrics::Metrics;
use evenkeel_moment::Moment;
use evenkeel_probe::Prober;
use evenkeel_recovery::machine::Ended;
use evenkeel_shown::said;
use tokio::sync::{mpsc, oneshot};

use self::memory::Memory;
use crate::act::{self, Announce, OwnRules};
use crate::alerts::{Alerting, Office};
use crate::clock::HostClock;
use crate::error::AgentError;
use crate::history::{Batch, Found, History, Scope, Seen, Withheld, Written};
use crate::keep::{Keepers, Said};
use crate::listen::Doors;
use crate::objectives::{self, Objectives};
use crate::page::{Archive, Desk, Hub, Question, host_name};
use crate::publish::Publisher;

/// What an agent is given; everything it cannot decide by itself.
#[derive(Debug)]
pub struct Agent<N> {
    /// The checked settings.
    pub settings: Settings,
    /// Whether the settings are only a part of the host's: what they do not name is left as it is, and its incidents open.
    pub part: bool,
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
    /// Of a pass: so many checks, rules and recoveries have come to their end.
    Settled {
        /// How many.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// It ends.
    Stopping,
}

type Answer = (u64, Said);

struct Shell<N> {
    clock: HostClock,
    boot_id: Arc<str>,
    /// When the agent, which may only observe, may act again; `None`: not in this run, or it may.
    observing_until: Option<Moment>,
    notify: N,
    engine: Engine,
    /// Counts the engines: an answer to an earlier one's effect is of no use to the next.
    generation: u64,
    history: History,
    memory: Memory,
    /// Where the history is, for whoever reads it; `None`: there is none.
    archive: Option<PathBuf>,
    objectives: Objectives,
    publisher: Publisher,
    /// Is told when something happened that people may want to see at once.
    hub: Hub,
    prober: Prober,
    alerting: Alerting,
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
/// `reloads` brings new settings, or why they were refused: those in force then stay in force. Boxed: a channel makes room for
/// 32 messages at once.
pub async fn run<N: Fn(Notice)>(
    agent: Agent<N>,
    reloads: mpsc::Receiver<Result<Box<Settings>, String>>,
    stop: impl Future<Output = ()>,
) -> Result<Status, AgentError> {
    // Nobody has hints, so the other end is gone at once.
    let (_, hints) = mpsc::channel(1);
    run_hinted(agent, reloads, hints, stop).await
}

/// As [`run`], and looks soon where `hints` say that something may have changed.
pub async fn run_hinted<N: Fn(Notice)>(
    agent: Agent<N>,
    mut reloads: mpsc::Receiver<Result<Box<Settings>, String>>,
    mut hints: mpsc::Receiver<Hint>,
    stop: impl Future<Output = ()>,
) -> Result<Status, AgentError> {
    let clock = HostClock;
    let mut publisher = Publisher::new(SystemTime::now());
    // History first: its lock is what keeps a second agent out, before anything is bound or touched.
    let stamp = clock.stamp(&agent.boot_id);
    let (history, found) = open_history(&agent, &stamp, publisher.metrics.clone())?;
    publisher.add(&agent.settings);
    let archive = (!agent.observe).then(|| agent.settings.agent.state_dir.clone());
    let past = archive.as_deref();
    let objectives = Objectives::new(&agent.settings, past, stamp.wall);
    let boot_id: Arc<str> = agent.boot_id.into();
    let (questions, mut asked) = mpsc::channel(16);
    let desk = Desk {
        questions,
        metrics: publisher.metrics.clone(),
        recent: history.recent.clone(),
        archive: archive.clone().map(Archive::new),
        boot_id: Arc::clone(&boot_id),
        host: host_name(),
        hub: Hub::default(),
    };
    let hub = desk.hub.clone();
    let doors = Doors::open(&agent.settings.agent, agent.listener, !agent.observe, &desk)?;
    let (answers, mut inbox) = mpsc::unbounded_channel();
    let (keeper, mut survivors) = mpsc::unbounded_channel();
    let prober = Prober::new();
    let office = Office::new(desk, prober.clone(), keeper, doors.url());
    let alerting = match agent.until {
        Until::Stopped => Alerting::start(&agent.settings, found.alerts, office),
        // One pass has no time in which anything could go on.
        Until::Settled(_) => Alerting::idle(office),
    };
    let start = Start {
        now: clock.now(),
        wall: clock.wall(),
        seed: agent.seed,
        spread: agent.until == Until::Stopped,
        observe_only: found.withheld.as_ref().map(Withheld::said),
        past: found.past,
    };
    let mut shell = Shell {
        clock,
        boot_id,
        observing_until: found.withheld.and_then(|withheld| withheld.ends(&stamp)),
        notify: agent.notify,
        engine: Engine::new(agent.settings, start),
        generation: 0,
        history,
        memory: Memory::default(),
        archive,
        objectives,
        publisher,
        hub,
        prober,
        alerting,
        answers,
        keepers: Keepers::default(),
        watching: agent.until == Until::Stopped,
        writing: 0,
        pending: None,
        stopping: false,
        ending: Arc::default(),
    };
    shell.engine.set_zone(clock.zone());
    shell.handle(Input::Tick);
    (shell.notify)(Notice::Ready);
    let give_up = match agent.until {
        Until::Stopped => None,
        Until::Settled(limit) => Some(clock.now() + limit),
    };
    let mut alive = agent.watchdog.map(tokio::time::interval);
    let mut stop = std::pin::pin!(stop);
    loop {
        if give_up.is_some_and(|give_up| shell.is_through(give_up)) {
            break;
        }
        shell.end_observing();
        shell.renew();
        let wake = shell.until_deadline(give_up);
        tokio::select! {
            Some(answer) = inbox.recv() => shell.answered(answer),
            Some(question) = asked.recv() => shell.answer_question(question),
            Some(reload) = reloads.recv() => shell.reload(reload),
            Some(hint) = hints.recv() => shell.hinted(hint),
            Some((key, value)) = survivors.recv() => shell.history.keep(key, value),
            () = tokio::time::sleep(wake) => shell.handle(Input::Tick),
            () = tick(&mut alive) => (shell.notify)(Notice::Alive),
            () = &mut stop => break,
        }
    }
    (shell.notify)(Notice::Stopping);
    shell.drain(&mut inbox).await;
    // Nobody is answered any more, and so nobody waits.
    drop(asked);
    shell.end_alerting(&mut survivors).await;
    let status = shell.engine.status(clock.now(), clock.wall());
    shell.settle();
    shell.keep_what_survives();
    shell.history.close();
    Ok(status)
}

/// The history, and what it says; one that is only kept in memory where nothing may be written.
fn open_history<N>(
    agent: &Agent<N>,
    stamp: &Stamp,
    metrics: Arc<Metrics>,
) -> Result<(History, Found), AgentError> {
    if agent.observe {
        let withheld = Some(Withheld::without_end(said::Said::new(
            "it was told to observe",
            said::AgentCode::ToldToObserve,
        )));
        return Ok((History::in_memory(metrics), Found { withheld, ..Found::default() }));
    }
    let (settings, period) = (&agent.settings, longest_budget(&agent.settings));
    let scope =
        Scope { lasting: agent.until == Until::Stopped, only: agent.part.then_some(settings) };
    History::open(&settings.agent.state_dir, stamp, scope, period, metrics)
}

/// The longest window of any budget, and an hour where there is none: so long nothing is done after charges were lost.
fn longest_budget(settings: &Settings) -> Duration {
    let windows = settings.recoveries.iter().flat_map(|recovery| {
        let budgets = &recovery.budgets;
        [budgets.per_target, budgets.per_group, budgets.per_host].map(|rate| rate.window())
    });
    windows.max().unwrap_or(Duration::from_hours(1))
}

async fn tick(alive: &mut Option<tokio::time::Interval>) {
    match alive {
        Some(interval) => drop(interval.tick().await),
        None => pending().await,
    }
}

impl<N: Fn(Notice)> Shell<N> {
    /// Whether a pass has come to its end, or to the end of its time; says how far it is.
    fn is_through(&self, give_up: Moment) -> bool {
        let now = self.clock.now();
        let (done, of) = self.engine.settled(now);
        (self.notify)(Notice::Settled { done, of });
        done == of || now >= give_up
    }

    /// How long nothing is due.
    fn until_deadline(&self, give_up: Option<Moment>) -> Duration {
        let now = self.clock.now();
        let others = give_up.into_iter().chain(self.observing_until).chain(self.memory.owed());
        let deadline = self.engine.deadline(now).into_iter().chain(others).min();
        deadline.map_or(Duration::from_hours(1), |deadline| deadline.saturating_since(now))
    }

    fn answered(&mut self, (generation, said): Answer) {
        let input = match said {
            Said::Input(input) => input,
            Said::Awaited(input, written) => {
                // Said to an engine that is no more: whoever waits learns that it is not written.
                if generation == self.generation {
                    self.handle_and_tell(input, Some(written));
                }
                return;
            }
            Said::Ended { rule } => {
                if !self.keepers.ended(rule) {
                    return;
                }
                // The next sweep starts another one.
                tracing::error!(rule, "a keeper of permissions ended by a defect");
                let code = said::AgentCode::KeeperEnded;
                let result = Err(said::Said::new("its keeper ended by a defect", code));
                Input::Swept { rule, result }
            }
        };
        if matches!(input, Input::Cleaned { .. } | Input::Acted { .. }) {
            self.writing -= 1;
        }
        if generation == self.generation {
            self.publisher.answered(&input, self.engine.settings());
            self.handle(input);
        }
    }

    fn handle(&mut self, input: Input) {
        self.handle_and_tell(input, None);
    }

    /// Hands an input to the engine and does what it asks for; whoever waits is told once all that is on disk.
    fn handle_and_tell(&mut self, input: Input, waiting: Option<oneshot::Sender<Written>>) {
        let now = self.clock.stamp(&self.boot_id);
        self.engine.set_clock(now.boottime, now.wall);
        let effects = self.engine.handle(now.boottime, input);
        let mut batch = Batch::at(now);
        batch.waiting.extend(waiting);
        let mut seen = Seen::default();
        for effect in effects {
            match effect {
                Effect::Record(record) => {
                    self.tell(&record);
                    batch.records.push(*record);
                }
                Effect::Count(count) => self.publisher.count(&count),
                Effect::Sample(sampled) => seen.samples.push(sampled),
                Effect::Slice(slice) => seen.stretches.push(self.count(slice)),
                // At the end, what was seen and done is still written, and nothing new begins.
                _ if self.stopping => {}
                Effect::Probe { check, run } => self.probe(check, run),
                Effect::Keep { rule, write } => self.keepers.order(rule, write),
                Effect::Sweep { rule } => self.sweep(rule),
                Effect::Clean { rule, write } => self.clean(rule, write),
                Effect::Act(act) => {
                    let (written, told) = oneshot::channel();
                    batch.waiting.push(written);
                    // A notice is no attempt: it is charged to nobody, and may be given twice.
                    batch.act = act.action.is_attempt().then(|| (*act).clone());
                    self.act(*act, told);
                }
            }
        }
        self.history.see(batch.now.wall, seen);
        if self.memory.is_due(&batch, self.engine.settings().checks.len()) {
            batch.past = Some(self.engine.past(batch.now.boottime, batch.now.wall));
        }
        if !batch.is_empty() {
            self.history.write(batch);
            self.hub.happened();
        }
    }

    /// Counts a slice, and gives it as the history takes it.
    fn count(&mut self, slice: Slice) -> Stretch {
        self.objectives.take(&slice, &self.publisher.metrics);
        objectives::stretch(slice)
    }

    fn tell(&mut self, record: &Record) {
        let (kind, target, message) = (record.kind(), record.target(), record.message());
        let incident = record.incident();
        match record {
            Record::RuleFailed { .. } | Record::IncidentOpened { .. } | Record::Refused { .. } => {
                tracing::warn!(kind, target, incident, "{message}");
            }
            // Logged entry by entry where they were done.
            Record::Repaired { .. } | Record::Fought { .. } | Record::Cleaned { .. } => {
                tracing::debug!(kind, target, incident, "{message}");
            }
            // Logged where they happen, once the number is known by which the history has them.
            Record::Intended { .. } | Record::Evidence { .. } | Record::Acted { .. } => {}
            _ => tracing::info!(kind, target, incident, "{message}"),
        }
        self.publisher.record(record);
    }

    /// Waits until the intent is on disk, and only then acts.
    fn act(&mut self, mut decided: Act, written: oneshot::Receiver<Written>) {
        let announce = self.announcer(decided.intent);
        let rules = OwnRules::new(self.engine.settings(), &self.ending, announce);
        let (settle, record) = (self.history.settler(), self.history.recorder());
        let (answer, clock, intent) = (self.answer(), self.clock, decided.intent);
        let boot_id = Arc::clone(&self.boot_id);
        self.writing += 1;
        tokio::spawn(async move {
            let written =
                written.await.unwrap_or_else(|_| Err("the history's thread has ended".to_owned()));
            let (ended, detail) = match written {
                Err(error) => {
                    // Without a trace on disk a crash would repeat it: not acting is the safe side.
                    let (target, incident) = (&decided.target, decided.incident);
                    tracing::error!(
                        target,
                        incident,
                        error,
                        "the intent cannot be written, so nothing is done"
                    );
                    let text = format!("not done: the intent could not be written: {error}");
                    let code = said::ActionCode::NotWritten { why: error };
                    (Ended::CutOff, said::Said::new(text, code))
                }
                Ok(id) => {
                    decided.occasion.intent = id;
                    act::log(&decided, "intended", "it is on disk, and begins");
                    let seen = Box::pin(act::evidence(&decided, &rules)).await;
                    if let Some(seen) = seen {
                        record(clock.stamp(&boot_id), seen);
                    }
                    let (ended, detail) = act::act(&decided, &rules).await;
                    act::log(&decided, "acted", &detail);
                    if let Some(id) = id {
                        settle(id, clock.wall(), detail.text().to_owned());
                    }
                    (ended, detail)
                }
            };
            answer(Input::Acted { intent, ended, detail });
        });
    }

    /// Tells the engine what an action is about to stop; the answer comes when that is on disk.
    fn announcer(&self, intent: u64) -> Announce {
        let (answers, generation) = (self.answers.clone(), self.generation);
        Box::new(move |programs| {
            let (written, told) = oneshot::channel();
            let said = Said::Awaited(Input::Stopping { intent, programs }, written);
            // As for every answer; if nobody takes it, nobody has written it.
            let _ = answers.send((generation, said));
            told
        })
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
            Question::Order(order, reply) => self.order(order, reply),
            Question::Settings(reply) => drop(reply.send(self.engine.settings().clone())),
        }
    }

    /// A fresh status, with the gauges set to it.
    fn status(&mut self) -> Status {
        let wall = self.clock.wall();
        let mut status = self.engine.status(self.clock.now(), wall);
        status.alerts = self.alerting.board.alerts();
        status.slos = self.objectives.statuses(wall);
        self.publisher.status(&status);
        self.publisher.look_at_self();
        status
    }
}

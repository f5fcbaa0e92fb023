//! A scripted host in virtual time, and the settings that the tests share.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_engine::{
    Act, Count, Effect, Engine, Input, Order, Past, Record, Refusal, Sampled, Slice, Start,
};
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome, Part};
use evenkeel_recovery::machine::Ended;

pub(crate) const WEB: &str = r#"
[agent]
grace = "0s"
[check.web]
http = { url = "http://127.0.0.1:1/" }
interval = "30s"
timeout = "1s"
retries = 1
failure_threshold = { failures = 2, within = 2 }
success_threshold = 1
[recovery.web]
when = ["web"]
steps = [{ action = "exec", command = ["restart-web"] }]
max_retries = 1
backoff = { initial = "10s", multiplier = 2, max = "5m", jitter = 0.1 }
budget = { per_target = "3/1h", per_host = "10/1h" }
verify_timeout = "60s"
stable_for = "10m"
"#;

pub(crate) const PROGRAMS: &str = r#"
[agent]
grace = "0s"
[check.supervisor]
supervisor = { url = "unix:///run/s.sock", programs = ["*"] }
interval = "10s"
[recovery.supervisor]
when = ["supervisor"]
steps = [{ action = "supervisor.restart-program" }, { action = "exec", command = ["restart-all"] }]
max_retries = 1
backoff = { initial = "10s", multiplier = 2, max = "5m", jitter = 0.1 }
budget = { per_target = "3/1h", per_host = "10/1h" }
verify_timeout = "60s"
stable_for = "10m"
"#;

/// A host that answers each probe at once as its script says, and does what an action is meant to do.
pub(crate) struct ScriptedHost {
    pub(crate) engine: Engine,
    pub(crate) now: Moment,
    /// What a probe of each check sees.
    pub(crate) seen: BTreeMap<usize, Measurement>,
    /// Checks whose probes never come back.
    pub(crate) hanging: Vec<usize>,
    /// The run of each probe that has not come back.
    pub(crate) waits: BTreeMap<usize, u64>,
    /// What every action brings about: the check that it heals.
    pub(crate) heals: Option<usize>,
    pub(crate) acts: Vec<Act>,
    pub(crate) records: Vec<Record>,
    pub(crate) probes: BTreeMap<usize, Vec<Moment>>,
    pub(crate) overruns: usize,
    /// The last of each subject.
    pub(crate) sampled: BTreeMap<String, Sampled>,
    /// Slices as they were settled.
    pub(crate) slices: Vec<Slice>,
    /// How every action ends.
    pub(crate) ends: Ended,
    /// Actions run until [`ScriptedHost::end_actions`].
    pub(crate) slow_actions: bool,
    running: Vec<u64>,
    /// When actions started, and on what.
    pub(crate) acts_at: Vec<(Moment, String)>,
    /// Actions that should not have been.
    pub(crate) faults: Vec<String>,
    /// Why the next agent may only observe.
    pub(crate) observe_only: Option<String>,
}

impl ScriptedHost {
    pub(crate) fn new(settings: &str) -> Self {
        Self::with_past(settings, Past::default())
    }

    pub(crate) fn with_past(settings: &str, past: Past) -> Self {
        let settings = load_text("test.toml", settings).expect("settings of the test");
        let now = Moment::ORIGIN + Duration::from_secs(1_000_000);
        let start = Start { now, wall: WALL, seed: 7, spread: true, observe_only: None, past };
        Self {
            engine: Engine::new(settings, start),
            now,
            seen: BTreeMap::new(),
            hanging: Vec::new(),
            waits: BTreeMap::new(),
            heals: None,
            acts: Vec::new(),
            records: Vec::new(),
            probes: BTreeMap::new(),
            overruns: 0,
            sampled: BTreeMap::new(),
            slices: Vec::new(),
            ends: Ended::Ran,
            slow_actions: false,
            running: Vec::new(),
            acts_at: Vec::new(),
            faults: Vec::new(),
            observe_only: None,
        }
    }

    pub(crate) fn run_for(&mut self, wait: Duration) {
        let end = self.now + wait;
        let (mut since, mut turns) = (self.now, 0);
        loop {
            self.feed(Input::Tick);
            // Time goes on: an engine that is due at once for ever would keep a processor busy.
            turns += 1;
            if self.now.saturating_since(since) >= Duration::from_secs(1) {
                (since, turns) = (self.now, 0);
            }
            assert!(turns < 10_000, "due without end: {:?}", self.records.last());
            match self.engine.deadline(self.now) {
                Some(next) if next <= end => {
                    self.now = next.max(self.now + Duration::from_nanos(1));
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Tells the engine, does what it asks for, and tells it what came of that, until it asks for nothing.
    pub(crate) fn feed(&mut self, input: Input) {
        let mut inputs = vec![input];
        let mut turns = 0;
        while let Some(input) = inputs.pop() {
            turns += 1;
            assert!(turns < 10_000, "looks without end: {input:?}");
            for effect in self.engine.handle(self.now, input) {
                inputs.extend(self.perform(effect));
            }
        }
    }

    pub(crate) fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Probe { check, run } => {
                self.probes.entry(check).or_default().push(self.now);
                if self.hanging.contains(&check) {
                    self.waits.insert(check, run);
                    return None;
                }
                let measurement = self.seen.get(&check).cloned().unwrap_or_else(good);
                Some(Input::Measured { check, run, measurement })
            }
            Effect::Act(act) => {
                if let Some(check) = self.heals {
                    self.seen.insert(check, good());
                }
                let intent = act.intent;
                self.acts_at.push((self.now, act.target.clone()));
                self.find_faults(&act);
                self.acts.push(*act);
                self.running.push(intent);
                (!self.slow_actions).then(|| self.end(intent))
            }
            Effect::Record(record) => {
                self.records.push(*record);
                None
            }
            Effect::Count(Count::Overrun { .. }) => {
                self.overruns += 1;
                None
            }
            Effect::Sample(sampled) => {
                self.sampled.insert(sampled.subject.as_ref().to_owned(), sampled);
                None
            }
            Effect::Slice(slice) => {
                self.slices.push(slice);
                None
            }
            Effect::Count(Count::Attempt { .. })
            | Effect::Keep { .. }
            | Effect::Sweep { .. }
            | Effect::Clean { .. } => None,
        }
    }

    /// The probe of a check that hung comes back.
    pub(crate) fn answer_late(&mut self, check: usize, measurement: Measurement) {
        let run = self.waits.remove(&check).expect("a probe that has not come back");
        self.feed(Input::Measured { check, run, measurement });
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.feed(Input::Order(order));
    }

    pub(crate) fn at(&self, from_now: Duration) -> Moment {
        self.now + from_now
    }

    pub(crate) fn messages(&self, kind: &str) -> Vec<String> {
        self.records.iter().filter(|record| record.kind() == kind).map(Record::message).collect()
    }

    /// What anybody can see of an action that should not be: the check says something else, or an operator holds it.
    fn find_faults(&mut self, act: &Act) {
        let status = self.engine.status(self.now, WALL);
        let check = status.checks.iter().find(|check| check.name == act.target);
        if let Some(check) = check.filter(|check| check.state != "down") {
            self.faults.push(format!("{} is {}", act.target, check.state));
        }
        if self.engine.holds().iter().any(|hold| hold.target == act.target || hold.target == "*") {
            self.faults.push(format!("{} is held", act.target));
        }
        let depends_on = |name: &str| {
            let checks = &self.engine.settings().checks;
            checks.iter().find(|check| check.name == name).map(|check| check.depends_on.clone())
        };
        for needed in depends_on(&act.target).unwrap_or_default() {
            let needed = status.checks.iter().find(|check| check.name == needed);
            if let Some(needed) = needed.filter(|needed| needed.state != "up") {
                self.faults.push(format!("{} needs what is {}", act.target, needed.state));
            }
        }
    }

    /// The agent ends and starts again with what it kept; what ran goes on unseen.
    pub(crate) fn restart(&mut self, past: Past) {
        let settings = self.engine.settings().clone();
        let observe_only = self.observe_only.clone().map(Into::into);
        let start = Start { now: self.now, wall: WALL, seed: 9, spread: true, observe_only, past };
        self.engine = Engine::new(settings, start);
        self.running.clear();
    }

    fn end(&mut self, intent: u64) -> Input {
        self.running.retain(|running| *running != intent);
        Input::Acted { intent, ended: self.ends, detail: "done".into() }
    }

    /// What runs comes to its end.
    pub(crate) fn end_actions(&mut self) {
        for intent in self.running.clone() {
            let input = self.end(intent);
            self.feed(input);
        }
    }

    /// How many actions run now.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// The place of a check in the settings.
    pub(crate) fn place(&self, check: &str) -> usize {
        let checks = &self.engine.settings().checks;
        checks.iter().position(|other| other.name == check).expect("a check of the settings")
    }

    pub(crate) fn sees(&mut self, check: &str, measurement: Measurement) {
        let place = self.place(check);
        self.seen.insert(place, measurement);
    }

    /// The targets that were acted on, in order.
    pub(crate) fn acted_on(&self) -> Vec<&str> {
        self.acts.iter().map(|act| act.target.as_str()).collect()
    }

    pub(crate) fn phase(&self, target: &str) -> String {
        let status = self.engine.status(self.now, jiff::Timestamp::UNIX_EPOCH);
        let found = status.recoveries.into_iter().find(|recovery| recovery.target == target);
        found.map_or_else(|| "none".to_owned(), |recovery| recovery.phase)
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.records.iter().map(Record::kind).collect()
    }

    pub(crate) fn refusals(&self) -> Vec<&Refusal> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::Refused { reason, .. } => Some(reason),
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn measurement(outcome: Outcome, parts: Vec<Part>) -> Measurement {
    Measurement { took: Duration::from_millis(3), outcome, facts: Facts::default(), parts }
}

pub(crate) fn good() -> Measurement {
    measurement(Outcome::Good, Vec::new())
}

pub(crate) fn bad() -> Measurement {
    measurement(Outcome::bad(FailureClass::Status, "status 500"), Vec::new())
}

pub(crate) fn programs(states: &[(&str, Outcome)]) -> Measurement {
    let parts = states
        .iter()
        .map(|(name, outcome)| Part {
            name: (*name).to_owned(),
            outcome: outcome.clone(),
            facts: Facts::default(),
        })
        .collect();
    measurement(Outcome::Good, parts)
}

pub(crate) fn fatal() -> Outcome {
    Outcome::bad(FailureClass::Exit, "FATAL: exited too quickly")
}

/// 14:00 on a day in 2026.
pub(crate) const WALL: jiff::Timestamp = jiff::Timestamp::constant(1_790_000_000, 0);

pub(crate) const MINUTE: Duration = Duration::from_mins(1);

pub(crate) fn timeout() -> Measurement {
    measurement(Outcome::bad(FailureClass::Timeout, "no answer in time"), Vec::new())
}

pub(crate) fn unknown() -> Measurement {
    measurement(Outcome::unknown(FailureClass::Exit, "cannot be asked"), Vec::new())
}

/// A good look at what lives as `incarnation`.
pub(crate) fn alive(incarnation: &str) -> Measurement {
    let mut measurement = good();
    measurement.facts.set("incarnation", incarnation);
    measurement
}

/// `count` services called a, b, c, …, each with its check and its recovery; a storm is off.
pub(crate) fn services(count: usize, more: &str) -> String {
    let service = |index: usize| {
        let name = char::from(b'a' + u8::try_from(index).expect("few services"));
        format!(
            "[check.{name}]\nhttp = {{ url = \"http://127.0.0.1:1/\" }}\ninterval = \"30s\"\ntimeout = \"1s\"\n\
             failure_threshold = 2\nsuccess_threshold = 1\n{more}\n\
             [recovery.{name}]\nwhen = [\"{name}\"]\nsteps = [{{ action = \"exec\", command = [\"restart-{name}\"] }}]\n\
             max_retries = 1\n"
        )
    };
    let all: String = (0..count).map(service).collect();
    format!("[agent]\ngrace = \"0s\"\nstorm = false\n{all}")
}

//! The engine on a scripted host in virtual time: no clock, no file, no socket.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_engine::{
    Act, Count, Effect, Engine, Input, OpenIncident, Past, Record, Refusal, Start,
};
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome, Part};
use evenkeel_recovery::machine::Ended;
use proptest::prelude::*;

const WEB: &str = r#"
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

const PROGRAMS: &str = r#"
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
struct ScriptedHost {
    engine: Engine,
    now: Moment,
    /// What a probe of each check sees.
    seen: BTreeMap<usize, Measurement>,
    /// Checks whose probes never come back.
    hanging: Vec<usize>,
    /// What every action brings about: the check that it heals.
    heals: Option<usize>,
    acts: Vec<Act>,
    records: Vec<Record>,
    probes: BTreeMap<usize, Vec<Moment>>,
    overruns: usize,
}

impl ScriptedHost {
    fn new(settings: &str) -> Self {
        Self::with_past(settings, Past::default())
    }

    fn with_past(settings: &str, past: Past) -> Self {
        let settings = load_text("test.toml", settings).expect("settings of the test");
        let now = Moment::ORIGIN + Duration::from_secs(1_000_000);
        let start = Start { now, seed: 7, spread: true, observe_only: None, past };
        Self {
            engine: Engine::new(settings, start),
            now,
            seen: BTreeMap::new(),
            hanging: Vec::new(),
            heals: None,
            acts: Vec::new(),
            records: Vec::new(),
            probes: BTreeMap::new(),
            overruns: 0,
        }
    }

    /// Takes in one input, and everything that follows from it at once.
    fn feed(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.engine.handle(self.now, input) {
                inputs.extend(self.perform(effect));
            }
        }
    }

    fn run_for(&mut self, wait: Duration) {
        let end = self.now + wait;
        let mut inputs = vec![Input::Tick];
        loop {
            while let Some(input) = inputs.pop() {
                for effect in self.engine.handle(self.now, input) {
                    inputs.extend(self.perform(effect));
                }
            }
            match self.engine.deadline(self.now) {
                Some(next) if next <= end => {
                    self.now = next.max(self.now + Duration::from_nanos(1));
                }
                _ => break,
            }
            inputs.push(Input::Tick);
        }
        self.now = end;
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Probe { check, run } => {
                self.probes.entry(check).or_default().push(self.now);
                if self.hanging.contains(&check) {
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
                self.acts.push(act);
                Some(Input::Acted { intent, ended: Ended::Ran, detail: "done".into() })
            }
            Effect::Record(record) => {
                self.records.push(record);
                None
            }
            Effect::Count(Count::Overrun { .. }) => {
                self.overruns += 1;
                None
            }
            Effect::Count(Count::Attempt { .. })
            | Effect::Keep { .. }
            | Effect::Sweep { .. }
            | Effect::Clean { .. } => None,
        }
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.records.iter().map(Record::kind).collect()
    }

    fn refusals(&self) -> Vec<&Refusal> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::Refused { reason, .. } => Some(reason),
                _ => None,
            })
            .collect()
    }
}

fn measurement(outcome: Outcome, parts: Vec<Part>) -> Measurement {
    Measurement { took: Duration::from_millis(3), outcome, facts: Facts::default(), parts }
}

fn good() -> Measurement {
    measurement(Outcome::Good, Vec::new())
}

fn bad() -> Measurement {
    measurement(Outcome::bad(FailureClass::Status, "status 500"), Vec::new())
}

fn programs(states: &[(&str, Outcome)]) -> Measurement {
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

fn fatal() -> Outcome {
    Outcome::bad(FailureClass::Exit, "FATAL: exited too quickly")
}

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn a_failure_is_detected_acted_on_once_and_verified_by_the_same_check() {
    let mut host = ScriptedHost::new(WEB);
    host.run_for(MINUTE);
    host.seen.insert(0, bad());
    host.heals = Some(0);
    host.run_for(20 * MINUTE);
    assert_eq!(host.acts.len(), 1);
    let kinds = host.kinds();
    let story: Vec<_> = kinds.iter().filter(|kind| **kind != "check_changed").copied().collect();
    assert_eq!(story, ["incident_opened", "intended", "acted", "judged", "incident_closed"]);
    assert!(host.engine.status(host.now, jiff::Timestamp::UNIX_EPOCH).healthy);
}

#[test]
fn a_series_that_its_breaker_cuts_short_still_counts_as_a_failure() {
    let settings = WEB.replace(
        "success_threshold = 1",
        "success_threshold = 1\nbreaker = { error_threshold = 50, request_volume_threshold = 3, reset_timeout = \"5m\" }",
    );
    let mut host = ScriptedHost::new(&settings);
    host.seen.insert(0, bad());
    // Two attempts in the first series, and one in the second before the breaker opens.
    host.run_for(MINUTE);
    let kinds = host.kinds();
    let place = |kind| kinds.iter().position(|other| *other == kind);
    assert!(
        place("breaker_changed").expect("it opens") < place("incident_opened").expect("it is down")
    );
    assert_eq!(host.acts.len(), 1);
}

#[test]
fn an_action_that_never_helps_stops_when_its_attempts_are_used_up() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(24 * 60 * MINUTE);
    assert_eq!(host.acts.len(), 2, "one attempt and one retry, then never again by itself");
    let status = host.engine.status(host.now, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(status.recoveries[0].phase, "exhausted");
    assert!(!status.healthy);
}

#[test]
fn only_the_failed_program_is_restarted() {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.seen.insert(0, programs(&[("a", Outcome::Good), ("b", fatal()), ("c", Outcome::Good)]));
    host.run_for(MINUTE);
    let targets: Vec<_> = host.acts.iter().map(|act| act.target.as_str()).collect();
    assert!(
        !targets.is_empty() && targets.iter().all(|target| *target == "supervisor/b"),
        "{targets:?}"
    );
    assert_eq!(host.acts[0].action.name(), "supervisor.restart-program");
}

#[test]
fn a_supervisor_that_cannot_be_asked_restarts_nobody() {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.seen.insert(0, programs(&[("a", Outcome::Good)]));
    host.run_for(MINUTE);
    host.seen.insert(
        0,
        measurement(Outcome::unknown(FailureClass::Timeout, "no answer in time"), Vec::new()),
    );
    host.run_for(60 * MINUTE);
    assert!(host.acts.is_empty());
    let status = host.engine.status(host.now, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(status.checks[0].state, "unknown");
}

#[test]
fn the_whole_waits_while_one_of_its_parts_is_recovered() {
    let settings = PROGRAMS.to_owned()
        + "[check.web]\nhttp = { url = \"http://127.0.0.1:1/\" }\nfailure_threshold = 1\nretries = 0\n";
    let settings = settings.replace("when = [\"supervisor\"]", "when = [\"supervisor\", \"web\"]");
    let mut host = ScriptedHost::new(&settings);
    let (supervisor, web) = (0, 1);
    host.seen.insert(supervisor, programs(&[("web", fatal())]));
    host.seen.insert(web, bad());
    host.run_for(30 * Duration::from_secs(1));
    assert!(host.acts.iter().all(|act| act.target == "supervisor/web"), "{:?}", host.acts);
    assert!(
        host.refusals().iter().any(|refusal| matches!(refusal, Refusal::PartsFirst { .. })),
        "{:?}",
        host.refusals()
    );
}

#[test]
fn a_hanging_check_delays_no_other_and_is_not_started_twice() {
    let settings = WEB.to_owned()
        + "[check.hanging]\nhttp = { url = \"http://127.0.0.1:2/\" }\ninterval = \"30s\"\n";
    let mut host = ScriptedHost::new(&settings);
    let hanging = host.engine.settings().checks.iter().position(|check| check.name == "hanging");
    let hanging = hanging.expect("the check of the settings");
    host.hanging.push(hanging);
    host.run_for(10 * MINUTE);
    assert_eq!(host.probes[&hanging].len(), 1);
    assert_eq!(host.probes[&(1 - hanging)].len(), 20);
    assert_eq!(host.overruns, 19);
}

#[test]
fn an_agent_that_may_only_observe_acts_never_and_says_why() {
    let mut host = ScriptedHost::new(&WEB.replace("[agent]", "[agent]\nmode = \"observe\""));
    host.seen.insert(0, bad());
    host.run_for(60 * MINUTE);
    assert!(host.acts.is_empty());
    assert!(matches!(host.refusals()[..], [Refusal::ObserveOnly { .. }]), "once, not at each look");
}

#[test]
fn what_earlier_runs_spent_is_not_given_back_by_a_restart() {
    let spent = Moment::ORIGIN + Duration::from_secs(1_000_000 - 600);
    let past = Past { charged: vec![(spent, "web".to_owned()); 3], ..Past::default() };
    let mut host = ScriptedHost::with_past(WEB, past);
    host.seen.insert(0, bad());
    host.run_for(45 * MINUTE);
    assert!(host.acts.is_empty(), "three in the hour were spent ten minutes ago");
    assert!(matches!(host.refusals()[..], [Refusal::Budget { .. }]));
    host.run_for(10 * MINUTE);
    assert!(!host.acts.is_empty(), "and there is room again after the hour");
}

#[test]
fn an_action_that_was_cut_off_is_verified_and_not_repeated() {
    let past = Past { open: vec![open_incident(true)], next_incident: 5, ..Past::default() };
    let mut host = ScriptedHost::with_past(WEB, past);
    host.run_for(20 * MINUTE);
    assert!(host.acts.is_empty());
    assert!(host.kinds().contains(&"judged") && host.kinds().contains(&"incident_closed"));
}

#[test]
fn an_incident_goes_on_over_a_restart_and_its_ladder_with_it() {
    let past = Past { open: vec![open_incident(false)], next_incident: 5, ..Past::default() };
    let mut host = ScriptedHost::with_past(WEB, past);
    host.seen.insert(0, bad());
    host.run_for(60 * MINUTE);
    assert_eq!(host.acts.len(), 1, "one of the two attempts was used up before");
    assert_eq!((host.acts[0].incident, host.acts[0].attempt), (4, 1));
    assert!(!host.kinds().contains(&"incident_opened"));
}

/// Incident 4 of `web`, whose first attempt was made before the restart.
fn open_incident(unproved: bool) -> OpenIncident {
    let since = Moment::ORIGIN + Duration::from_mins(16_650);
    OpenIncident { incident: 4, target: "web".to_owned(), since, used: Some((0, 0)), unproved }
}

const ENDPOINT: &str = r#"
[agent]
grace = "0s"
[check.web]
http = { url = "http://127.0.0.1:1/" }
interval = "10s"
timeout = "1s"
startup_grace = "60s"
failure_threshold = { failures = 2, within = 2 }
success_threshold = 1
[check.web-programs]
supervisor = { url = "unix:///run/s.sock", programs = ["web"], judge_states = false }
interval = "10s"
timeout = "1s"
[recovery.web]
when = ["web", "web-programs"]
steps = [{ action = "supervisor.restart-program", program = "web" }]
"#;

/// A look at a supervisord with one program: what it is up to, for how long.
fn program(outcome: Outcome, uptime: Option<u64>) -> Measurement {
    let facts = uptime.into_iter().map(|uptime| ("uptime_seconds", uptime)).collect();
    let part = Part { name: "web".into(), outcome, facts };
    Measurement { parts: vec![part], ..good() }
}

#[test]
fn a_program_is_not_restarted_for_its_endpoint_while_it_is_stopped_or_starts() {
    let mut host = ScriptedHost::new(ENDPOINT);
    host.seen.insert(0, good());
    host.seen.insert(1, program(Outcome::Good, Some(3600)));
    host.run_for(Duration::from_mins(2));
    let stopped = Outcome::unknown(FailureClass::Missing, "`web` is stopped, as on purpose");
    host.seen.insert(0, bad());
    host.seen.insert(1, program(stopped, None));
    host.run_for(Duration::from_mins(10));
    assert_eq!(host.acts.len(), 0, "stopped on purpose");
    let said = host.records.iter().any(|record| {
        matches!(record, Record::Refused { reason: Refusal::ProgramNotReady { program, why }, .. }
            if program == "web" && why.contains("on purpose"))
    });
    assert!(said, "{:?}", host.records);
    host.seen.insert(1, program(Outcome::Good, Some(20)));
    host.run_for(Duration::from_secs(11));
    assert_eq!(host.acts.len(), 0, "it may still start");
    host.seen.insert(1, program(Outcome::Good, Some(60)));
    host.run_for(Duration::from_secs(11));
    assert_eq!(host.acts.len(), 1, "it runs for long enough, and its endpoint is still down");
}

#[test]
fn a_limit_is_for_each_program_and_restarts_only_the_one_that_passes_it() {
    let mut host = ScriptedHost::new(
        r#"
[agent]
grace = "0s"
[check.memory]
supervisor = { url = "unix:///run/s.sock", programs = ["*"], judge_states = false }
conditions = [{ field = "rss_bytes", above = "100MB", for = "20s" }]
interval = "5s"
timeout = "1s"
[recovery.memory]
when = ["memory"]
steps = [{ action = "supervisor.restart-program" }]
"#,
    );
    let part = |name: &str, rss: u64| Part {
        name: name.into(),
        outcome: Outcome::Good,
        facts: [("rss_bytes", rss), ("pid", 7)].into_iter().collect(),
    };
    let seen = |leaky| Measurement { parts: vec![part("a", 1), part("leaky", leaky)], ..good() };
    host.seen.insert(0, seen(100_000_000));
    host.run_for(Duration::from_mins(5));
    assert_eq!(host.acts.len(), 0, "exactly at the limit");
    host.seen.insert(0, seen(100_000_001));
    host.run_for(Duration::from_secs(15));
    assert_eq!(host.acts.len(), 0, "not for long enough");
    host.run_for(Duration::from_secs(15));
    assert_eq!(host.acts.len(), 1, "{:?}", host.records);
    assert_eq!(host.acts[0].target, "memory/leaky");
}

#[test]
fn a_hint_makes_a_check_look_soon_and_a_storm_of_hints_no_more_often_than_a_closer_look() {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.run_for(Duration::from_secs(12));
    let before = host.probes[&0].len();
    host.feed(Input::Hinted { check: 0 });
    assert_eq!(host.probes[&0].len(), before + 1, "at once");
    for _ in 0..1000 {
        host.feed(Input::Hinted { check: 0 });
        host.run_for(Duration::from_millis(1));
    }
    // A tenth of the interval of ten seconds lies between two looks.
    assert!(host.probes[&0].len() <= before + 3, "{}", host.probes[&0].len() - before);
    host.feed(Input::Hinted { check: 99 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_script_makes_the_engine_spend_more_than_its_budget(
        script in proptest::collection::vec((any::<bool>(), any::<bool>(), 1..900u64), 1..60),
    ) {
        let mut host = ScriptedHost::new(WEB);
        for (up, heals, seconds) in script {
            host.seen.insert(0, if up { good() } else { bad() });
            host.heals = heals.then_some(0);
            let before = host.acts.len();
            host.run_for(Duration::from_secs(seconds));
            // 3 an hour; a step of at most 15 minutes can never hold more.
            prop_assert!(host.acts.len() - before <= 3);
        }
        let intents: Vec<_> = host.acts.iter().map(|act| act.intent).collect();
        let mut unique = intents.clone();
        unique.dedup();
        prop_assert_eq!(intents, unique, "no intent runs twice");
    }

    #[test]
    fn the_same_script_gives_the_same_history(
        script in proptest::collection::vec((any::<bool>(), 1..900u64), 1..20),
    ) {
        let play = || {
            let mut host = ScriptedHost::new(WEB);
            for (up, seconds) in &script {
                host.seen.insert(0, if *up { good() } else { bad() });
                host.run_for(Duration::from_secs(*seconds));
            }
            host.records.iter().map(Record::message).collect::<Vec<_>>()
        };
        prop_assert_eq!(play(), play());
    }
}

use std::time::Duration;

use evenkeel_engine::{OpenIncident, Past, Record, Refusal};
use evenkeel_health::State;
use evenkeel_moment::Moment;
use evenkeel_probe::{FailureClass, Outcome};
use evenkeel_shown::said::NetworkCode;
use proptest::prelude::*;

use crate::host::{MINUTE, PROGRAMS, ScriptedHost, WEB, bad, fatal, good, measurement, programs};

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
fn what_a_failure_says_as_data_is_kept_wherever_its_text_is() {
    let mut host = ScriptedHost::new(WEB);
    let refused = NetworkCode::NoConnection { to: "a:1".to_owned(), error: "refused".to_owned() };
    let failed = Outcome::bad(FailureClass::Refused, refused.clone());
    host.seen.insert(0, measurement(failed, Vec::new()));
    host.run_for(5 * MINUTE);
    let code = Some(Box::new(refused.into()));
    let status = host.engine.status(host.now, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(status.checks[0].reason.as_deref(), Some("no connection to a:1: refused"));
    assert_eq!(status.checks[0].reason_code, code);
    let went_down = |record: &Record| match record {
        Record::CheckChanged { to: State::Down, reason_code, .. } => Some(reason_code.clone()),
        _ => None,
    };
    let opened = |record: &Record| match record {
        Record::IncidentOpened { evidence_code, .. } => Some(evidence_code.clone()),
        _ => None,
    };
    assert_eq!(host.records.iter().find_map(went_down), Some(code.clone()));
    assert_eq!(host.records.iter().find_map(opened), Some(code));
}

#[test]
fn a_secret_that_a_target_repeats_is_in_neither_the_text_nor_the_data() {
    let secret = "s3cr3t-value";
    let url = "url = \"http://127.0.0.1:1/\"";
    let headers = format!("{url}, headers = {{ authorization = \"{secret}\" }}");
    let breaker = "success_threshold = 1\nbreaker = { error_threshold = 50, request_volume_threshold = 3, reset_timeout = \"5m\" }";
    let settings = WEB.replacen(url, &headers, 1).replace("success_threshold = 1", breaker);
    let mut host = ScriptedHost::new(&settings);
    let says = NetworkCode::NotFoundInAnswer {
        pattern: "ok".to_owned(),
        bytes: 12,
        answer: secret.to_owned(),
    };
    let failed = Outcome::bad(FailureClass::Body, says);
    host.seen.insert(0, measurement(failed, Vec::new()));
    host.run_for(5 * MINUTE);
    let status = host.engine.status(host.now, jiff::Timestamp::UNIX_EPOCH);
    let (reason, code) = (&status.checks[0].reason, &status.checks[0].reason_code);
    let hidden = "`ok` was not found in 12 bytes of answer: `***`";
    assert_eq!(reason.as_deref(), Some(hidden));
    assert!(code.is_some() && !format!("{code:?}").contains(secret), "{code:?}");
    let told = serde_json::to_string(&host.records).unwrap();
    assert!(host.kinds().contains(&"breaker_changed"), "{told}");
    assert!(told.contains(hidden) && !told.contains(secret), "{told}");
}

#[test]
fn an_action_that_never_helps_stops_when_its_attempts_are_used_up() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(50 * MINUTE);
    assert_eq!(host.acts.len(), 2, "one attempt and one retry");
    host.run_for(24 * 60 * MINUTE);
    assert_eq!(host.acts.len(), 26, "then one an hour or so: never dead for ever");
    let mut host =
        ScriptedHost::new(&WEB.replace("max_retries", "slow_retry = \"never\"\nmax_retries"));
    host.seen.insert(0, bad());
    host.run_for(24 * 60 * MINUTE);
    assert_eq!(host.acts.len(), 2, "unless the settings want it so");
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
    let past = Past { charged: vec![(spent, "web".to_owned()); 3].into(), ..Past::default() };
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
    OpenIncident {
        stopped: Vec::new(),
        acted_on: Vec::new(),
        incident: 4,
        target: "web".to_owned(),
        since,
        used: Some((0, 0)),
        unproved,
        exhausted: false,
        again_at: None,
    }
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

#[test]
fn how_long_a_process_was_over_its_limit_says_nothing_of_the_next_one() {
    let settings = r#"
[agent]
grace = "0s"
[check.worker]
process = { pidfile = "/run/worker.pid" }
interval = "30s"
timeout = "1s"
success_threshold = 1
conditions = [{ field = "rss_bytes", above = "300MB", for = "5m" }]
"#;
    let mut host = ScriptedHost::new(settings);
    let large = |life| {
        let mut seen = crate::host::alive(life);
        seen.facts.set("rss_bytes", 4e8);
        seen
    };
    host.sees("worker", large("7@1"));
    host.run_for(4 * MINUTE);
    host.sees("worker", large("8@9"));
    host.run_for(4 * MINUTE);
    assert!(!host.messages("check_changed").iter().any(|line| line.contains("down")));
    host.run_for(2 * MINUTE);
    assert!(host.messages("check_changed").iter().any(|line| line.contains("down")));
}

#[test]
fn an_incident_stays_open_while_nobody_can_tell() {
    let mut host = ScriptedHost::new(WEB);
    host.sees("web", bad());
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1);
    host.sees("web", good());
    host.run_for(MINUTE);
    host.sees("web", crate::host::unknown());
    host.run_for(30 * MINUTE);
    assert!(host.messages("incident_closed").is_empty());
    host.sees("web", good());
    host.run_for(25 * MINUTE);
    assert_eq!(host.messages("incident_closed").len(), 1);
}

use std::time::Duration;

use clap::Parser;
use evenkeel_probe::{ProgramGlob, ProgramMemory, Target, Test};
use evenkeel_recovery::actions::Action;

use super::*;
use crate::args::{Args, Command};

/// The settings that a listener of supervisord with these options has, or why it has none.
fn settings(options: &[&str]) -> Result<Settings, String> {
    let command = ["evenkeel-recovery", "supervisor-listener"];
    let args = Args::try_parse_from(command.iter().chain(options)).map_err(|e| e.to_string())?;
    let Command::SupervisorListener(listener) = args.command else {
        panic!("a listener was asked for")
    };
    let variable = |name: &str| {
        let value = match name {
            "SUPERVISOR_SERVER_URL" => "unix:///run/s.sock",
            "SUPERVISOR_PROCESS_NAME" | "SUPERVISOR_GROUP_NAME" => "watch",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let common =
        listener.in_words(&args.common, variable).map_err(|failure| failure.to_string())?;
    common.settings_without_host().map_err(|failure| failure.to_string())
}

#[track_caller]
fn refuse(options: &[&str], words: &str) {
    let said = settings(options).unwrap_err();
    assert!(said.contains(words), "{options:?}: {said}");
}

/// Each supervisor check: what it chooses, what not, and its limit.
fn limits(settings: &Settings) -> Vec<(Vec<&str>, Vec<&str>, f64)> {
    let limit = |check: &'_ evenkeel_config::Check| match check.part_conditions.as_slice() {
        [condition] => match condition.test {
            Test::Above(bytes) => bytes,
            _ => panic!("{condition:?}"),
        },
        other => panic!("{other:?}"),
    };
    let mut limits: Vec<_> = settings
        .checks
        .iter()
        .filter_map(|check| match &check.target {
            Target::Supervisor(target) => Some((
                target.programs.iter().map(ProgramGlob::as_str).collect(),
                target.except.iter().map(ProgramGlob::as_str).collect(),
                limit(check),
            )),
            _ => None,
        })
        .collect();
    limits.sort_by(|one, other| one.2.total_cmp(&other.2));
    limits
}

#[test]
fn memmons_own_example_is_three_limits_and_each_program_has_the_lowest_of_its_own() {
    let options = [
        "memmon",
        "-p",
        "program1=200MB",
        "-p",
        "theprog:thegroup=100MB",
        "-g",
        "thegroup=100MB",
        "-a",
        "1GB",
    ];
    let settings = settings(&options).unwrap();
    let mb = |count: u32| f64::from(count) * 1024.0 * 1024.0;
    let own = "watch:watch";
    assert_eq!(
        limits(&settings),
        [
            (vec!["theprog:thegroup"], vec![own], mb(100)),
            (vec!["thegroup:*"], vec![own, "theprog:thegroup"], mb(100)),
            (vec!["program1"], vec![own, "theprog:thegroup", "thegroup:*"], mb(200)),
            (vec!["*"], vec![own, "theprog:thegroup", "thegroup:*", "program1"], mb(1024)),
        ]
    );
    let [recovery] = settings.recoveries.as_slice() else { panic!("{settings:?}") };
    assert_eq!(recovery.when.len(), 4);
    assert_eq!(settings.agent.grace, Duration::from_secs(30));
    assert_eq!((settings.agent.listen, settings.agent.socket.clone()), (None, None));
    assert_eq!(settings.agent.state_dir.to_str(), Some("/var/lib/evenkeel/listener-memmon"));
    for check in &settings.checks {
        let Target::Supervisor(target) = &check.target else { panic!("{check:?}") };
        assert_eq!((target.judge_states, target.memory), (false, ProgramMemory::Own));
        assert_eq!(check.health.startup_grace(), Duration::from_secs(30));
        assert_eq!(check.part_conditions[0].sustained_for, Some(Duration::from_secs(15)));
    }
}

#[test]
fn a_limit_that_a_lower_one_for_all_makes_pointless_is_left_out() {
    let settings = settings(&["memmon", "-p", "web=1GB", "-a", "200MB"]).unwrap();
    assert_eq!(limits(&settings), [(vec!["*"], vec!["watch:watch"], 209_715_200.0)]);
}

#[test]
fn cumulative_counts_the_tree_and_pages_that_it_shares_once() {
    let settings = settings(&["memmon", "-c", "-p", "web=1MB"]).unwrap();
    let Target::Supervisor(target) = &settings.checks[0].target else { panic!("{settings:?}") };
    assert_eq!(target.memory, ProgramMemory::TreeProportional);
    assert_eq!(settings.checks[0].part_conditions[0].field, "tree_pss_bytes");
}

#[test]
fn httpoks_options_are_a_check_of_the_endpoint_and_a_ladder_of_its_programs() {
    let options = [
        "httpok",
        "-p",
        "web",
        "-p",
        "g:api",
        "-t",
        "2",
        "-c",
        "200",
        "-c",
        "204",
        "-b",
        "a.b",
        "-E",
        "-n",
        "shop",
        "--failures",
        "2/4",
        "http://127.0.0.1:8080/tasty?x=1",
    ];
    let settings = settings(&options).unwrap();
    let check = settings.checks.iter().find(|check| check.name == "shop").unwrap();
    let Target::Http(http) = &check.target else { panic!("{check:?}") };
    assert_eq!(http.expected_status, [200..=200, 204..=204]);
    assert_eq!((check.timeout, check.interval), (Duration::from_secs(2), Duration::from_secs(5)));
    let threshold = check.health.failure_threshold();
    assert_eq!((threshold.failures, threshold.within), (2, 4));
    assert_eq!(check.health.startup_grace(), Duration::from_secs(30));
    let Test::Lacks(pattern) = &check.conditions[0].test else { panic!("{check:?}") };
    assert!(pattern.is_match("xa.by") && !pattern.is_match("xaxby"), "a text, not a pattern");
    let [recovery] = settings.recoveries.as_slice() else { panic!("{settings:?}") };
    assert_eq!(recovery.when, ["shop", "shop-programs"]);
    let restarted: Vec<_> = recovery
        .steps
        .iter()
        .map(|step| match &step.action {
            Action::SupervisorRestartProgram { program, .. } => program.as_deref().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(restarted, ["web", "g:api"]);
}

#[test]
fn an_endpoint_that_may_take_long_is_looked_at_less_often() {
    let settings = settings(&["httpok", "-p", "web", "http://127.0.0.1:1/"]).unwrap();
    let check = settings.checks.iter().find(|check| check.name == "httpok").unwrap();
    assert_eq!((check.timeout, check.interval), (Duration::from_secs(10), Duration::from_secs(10)));
}

#[test]
fn care_is_in_the_settings_and_a_set_flag_has_the_last_word() {
    let options = [
        "memmon",
        "-p",
        "web=1MB",
        "--budget",
        "5/2h",
        "--budget-all",
        "7/2h",
        "--max-retries",
        "1",
        "--backoff",
        "3s",
        "--verify-timeout",
        "40s",
        "--stable-for",
        "5m",
        "--grace",
        "0s",
        "--interval",
        "1s",
        "--state-dir",
        "/tmp/x",
        "--set",
        "recovery.memmon.stable_for=6m",
    ];
    let settings = settings(&options).unwrap();
    let recovery = &settings.recoveries[0];
    assert_eq!(recovery.budgets.per_target.to_string(), "5/2h");
    assert_eq!(recovery.verify_timeout, Duration::from_secs(40));
    assert_eq!(recovery.stable_for, Duration::from_mins(6));
    assert_eq!(settings.checks[0].interval, Duration::from_secs(1));
    assert_eq!(settings.agent.state_dir.to_str(), Some("/tmp/x"));
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    refuse(&["memmon", "-p", "web=1MB", "-m", "a@example.org"], "sends no mail");
    refuse(&["memmon", "-p", "web=1MB", "-s", "/usr/sbin/sendmail -t -i"], "sends no mail");
    refuse(&["memmon", "-p", "web=1MB", "-u", "1m"], "-u is about mail");
    refuse(&["memmon", "-c"], "no limit");
    refuse(&["memmon", "-p", "web=lots"], "such as 200MB");
    refuse(&["memmon", "-p", "web"], "such as web=200MB");
    refuse(&["memmon", "-p", "web=1MB", "-n", "Project 1"], "is not a name for a rule");
    refuse(&["httpok", "-a", "http://127.0.0.1:1/"], "-a would restart every program");
    refuse(&["httpok", "-p", "web", "-d", "/tmp", "http://127.0.0.1:1/"], "-g and -d");
    refuse(&["httpok", "http://127.0.0.1:1/"], "no program to restart");
    refuse(&["httpok", "-p", "web", "-t", "0", "http://127.0.0.1:1/"], "-t 0");
    refuse(&["httpok", "-p", "web", "--failures", "3", "http://127.0.0.1:1/"], "such as 3/5");
    refuse(
        &["httpok", "-p", "web", "--failures", "6/5", "http://127.0.0.1:1/"],
        "failure_threshold",
    );
    refuse(&["httpok", "-p", "web", "--interval", "1s", "http://127.0.0.1:1/"], "interval of 1s");
    refuse(&[], "nothing to do");
}

use std::fs;
use std::time::Duration;

use evenkeel_command::CommandSpec;
use evenkeel_probe::{
    Condition, ExecTarget, FailureClass, Outcome, Prober, Target, Test, breaches,
};

use crate::{assert_bad, assert_good, assert_unknown, measure, until};

fn sh(script: &str) -> Target {
    Target::Exec(ExecTarget::new(CommandSpec::new(["sh", "-c", script])))
}

#[tokio::test]
async fn a_command_that_succeeds_is_good_and_one_that_fails_bad() {
    let target = sh("echo ' well '; echo but >&2");
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    assert_eq!(
        (measurement.facts.text("stdout"), measurement.facts.text("stderr")),
        (Some("well"), Some("but"))
    );
    let measurement = measure(sh("exit 3")).await;
    assert_bad(&measurement, FailureClass::Exit);
    assert_eq!(measurement.facts.number("exit_code"), Some(3.0));
    assert_bad(&measure(sh("kill -KILL $$")).await, FailureClass::Exit);
}

#[tokio::test]
async fn a_condition_on_the_exit_code_takes_the_place_of_success() {
    let conditions =
        [Condition { field: "exit_code".into(), test: Test::Above(1.0), sustained_for: None }];
    for (script, expected) in [("exit 0", 0), ("exit 1", 0), ("exit 2", 1)] {
        let measurement = measure(sh(script).judged_by(&conditions)).await;
        assert_eq!(measurement.outcome, Outcome::Good, "{script}");
        assert_eq!(breaches(&conditions, &measurement.facts).len(), expected, "{script}");
    }
    // A signal is no exit code, so no condition can be content with it.
    assert_bad(&measure(sh("kill -KILL $$").judged_by(&conditions)).await, FailureClass::Exit);
}

#[tokio::test]
async fn a_command_that_cannot_be_run_tells_nothing() {
    let target = |program: &str| Target::Exec(ExecTarget::new(CommandSpec::new([program])));
    assert_unknown(&measure(target("no-such-program-here")).await, FailureClass::Missing);
    let scratch = tempfile::tempdir().unwrap();
    let plain = scratch.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    assert_unknown(&measure(target(plain.to_str().unwrap())).await, FailureClass::Denied);
}

#[tokio::test]
async fn at_the_deadline_everything_the_command_started_is_killed() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("pid");
    let script =
        format!("sleep 1000 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait", file.display());
    let measurement = Prober::new().measure(&sh(&script), Duration::from_secs(1)).await;
    assert_bad(&measurement, FailureClass::Timeout);
    let grandchild = fs::read_to_string(&file).unwrap();
    let stat = format!("/proc/{}/stat", grandchild.trim());
    let is_dead = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"));
    until("the end of the grandchild", is_dead).await;
}

#[tokio::test]
async fn a_command_that_runs_as_another_user_has_his_rights_alone() {
    let as_user = |user: &str| {
        let command = CommandSpec::new(["sh", "-c", "id -un; echo $WORD"]).env("WORD", "hello");
        Target::Exec(ExecTarget { user: Some(user.to_owned()), ..ExecTarget::new(command) })
    };
    assert_unknown(&measure(as_user("no-such-user-here")).await, FailureClass::Missing);
    let measurement = measure(as_user("nobody")).await;
    if std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0 {
        assert_eq!(measurement.facts.text("stdout"), Some("nobody\nhello"));
    } else {
        assert_unknown(&measurement, FailureClass::Denied);
    }
}

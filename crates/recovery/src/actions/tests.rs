#![allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::time::Instant;

use super::*;

const AMPLE: Duration = Duration::from_secs(30);

fn restart(socket: &str, program: Option<&str>) -> Action {
    Action::SupervisorRestartProgram { socket: socket.into(), program: program.map(str::to_owned) }
}

fn exec(script: &str) -> Action {
    Action::Exec { command: CommandSpec::new(["sh", "-c", script]) }
}

fn is_permanent(error: &ActionError) -> bool {
    matches!(error, ActionError::Permanent { .. })
}

#[test]
fn actions_are_called_as_in_the_settings() {
    let systemd = Action::SystemdRestart { unit: "supervisor".into() };
    assert_eq!(restart("/s", None).name(), "supervisor.restart-program");
    assert_eq!(restart("/s", Some("web")).describe(), "supervisor.restart-program web");
    assert_eq!(
        (systemd.name(), systemd.describe().as_str()),
        ("systemd.restart", "systemd.restart supervisor")
    );
    assert_eq!(exec("true").describe(), "exec sh -c true");
}

#[test]
fn restarting_a_program_takes_the_part_that_is_down() {
    assert_eq!(restart("/s", None).for_part(Some("web")), Some(restart("/s", Some("web"))));
    assert_eq!(restart("/s", None).for_part(None), None);
}

#[test]
fn a_program_that_the_settings_name_is_not_replaced() {
    assert_eq!(restart("/s", Some("api")).for_part(Some("web")), Some(restart("/s", Some("api"))));
    assert_eq!(restart("/s", Some("api")).for_part(None), Some(restart("/s", Some("api"))));
}

#[test]
fn other_actions_apply_to_any_part() {
    assert_eq!(exec("true").for_part(None), Some(exec("true")));
    assert_eq!(exec("true").for_part(Some("web")), Some(exec("true")));
}

#[tokio::test]
async fn a_command_that_succeeds_is_done() {
    assert_eq!(perform(&exec("exit 0"), AMPLE).await, Ok("ran `sh -c exit 0`".to_owned()));
}

#[tokio::test]
async fn a_command_that_fails_may_be_tried_again_and_says_why() {
    let error =
        perform(&exec("echo first >&2; echo disk is full >&2; exit 4"), AMPLE).await.unwrap_err();
    assert!(!is_permanent(&error));
    assert!(error.reason().ends_with("ended with exit code 4: disk is full"), "{error}");
}

#[tokio::test]
async fn a_command_that_is_not_there_is_not_tried_again() {
    let missing = Action::Exec { command: CommandSpec::new(["no-such-program-here"]) };
    assert!(is_permanent(&perform(&missing, AMPLE).await.unwrap_err()));
    let scratch = tempfile::tempdir().unwrap();
    let plain = scratch.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    let denied = Action::Exec { command: CommandSpec::new([plain]) };
    assert!(is_permanent(&perform(&denied, AMPLE).await.unwrap_err()));
}

#[tokio::test]
async fn an_action_ends_at_its_deadline_and_may_be_tried_again() {
    let started = Instant::now();
    let error = perform(&exec("sleep 1000"), Duration::from_millis(100)).await.unwrap_err();
    assert!(!is_permanent(&error));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_supervisor_that_is_gone_may_come_back() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    let error = perform(&restart(socket.to_str().unwrap(), Some("web")), AMPLE).await.unwrap_err();
    assert!(!is_permanent(&error), "{error}");
    assert!(
        error.reason().starts_with("cannot restart program `web`: there is no socket"),
        "{error}"
    );
}

#[tokio::test]
async fn no_program_to_restart_is_no_attempt() {
    assert!(is_permanent(&perform(&restart("/s", None), AMPLE).await.unwrap_err()));
}

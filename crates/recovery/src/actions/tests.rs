#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::time::Instant;

use super::*;

const AMPLE: Duration = Duration::from_secs(30);

fn restart(socket: &str, program: Option<&str>) -> Action {
    Action::SupervisorRestartProgram { socket: socket.into(), program: program.map(str::to_owned) }
}

fn exec(script: &str) -> Action {
    Action::Exec { left_overs_of: None, command: CommandSpec::new(["sh", "-c", script]) }
}

async fn act(action: &Action, timeout: Duration) -> Result<Said, ActionError> {
    perform(action, timeout, &Occasion::default(), &()).await
}

fn is_permanent(error: &ActionError) -> bool {
    matches!(error, ActionError::Permanent { .. })
}

#[test]
fn actions_are_called_as_in_the_settings() {
    let systemd = Action::SystemdRestart {
        unit: UnitName::try_new("supervisor").unwrap(),
        end_left_overs: true,
    };
    assert_eq!(restart("/s", None).name(), "supervisor.restart-program");
    assert_eq!(restart("/s", Some("web")).describe(), "supervisor.restart-program web");
    assert_eq!(
        (systemd.name(), systemd.describe().as_str()),
        ("systemd.restart", "systemd.restart supervisor.service")
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
    assert_eq!(act(&exec("exit 0"), AMPLE).await, Ok("ran `sh -c exit 0`".into()));
}

#[tokio::test]
async fn a_command_that_fails_may_be_tried_again_and_says_why() {
    let error =
        act(&exec("echo first >&2; echo disk is full >&2; exit 4"), AMPLE).await.unwrap_err();
    assert!(!is_permanent(&error));
    assert!(error.reason().ends_with("ended with exit code 4: disk is full"), "{error}");
}

#[tokio::test]
async fn a_command_that_is_not_there_is_not_tried_again() {
    let missing =
        Action::Exec { left_overs_of: None, command: CommandSpec::new(["no-such-program-here"]) };
    assert!(is_permanent(&act(&missing, AMPLE).await.unwrap_err()));
    let scratch = tempfile::tempdir().unwrap();
    let plain = scratch.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    let denied = Action::Exec { left_overs_of: None, command: CommandSpec::new([plain]) };
    assert!(is_permanent(&act(&denied, AMPLE).await.unwrap_err()));
}

#[tokio::test]
async fn an_action_ends_at_its_deadline_and_may_be_tried_again() {
    let started = Instant::now();
    let error = act(&exec("sleep 1000"), Duration::from_millis(100)).await.unwrap_err();
    assert!(!is_permanent(&error));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_supervisor_that_is_gone_may_come_back() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    let error = act(&restart(socket.to_str().unwrap(), Some("web")), AMPLE).await.unwrap_err();
    assert!(!is_permanent(&error), "{error}");
    assert!(
        error.reason().starts_with("cannot restart program `web`: there is no socket"),
        "{error}"
    );
}

#[tokio::test]
async fn no_program_to_restart_is_no_attempt() {
    assert!(is_permanent(&act(&restart("/s", None), AMPLE).await.unwrap_err()));
}

#[tokio::test]
async fn a_command_that_forks_and_takes_no_signal_ends_with_its_group_at_the_deadline() {
    let scratch = tempfile::tempdir().unwrap();
    let note = scratch.path().join("child");
    let script = format!(
        "trap '' TERM INT HUP; sh -c 'trap \"\" TERM; echo $$ > {}; sleep 1000; sleep 1000' & wait; sleep 1000",
        note.display()
    );
    let error = act(&exec(&script), Duration::from_secs(3)).await.unwrap_err();
    assert!(error.reason().contains("was killed"), "{error}");
    let child: u32 = fs::read_to_string(&note).unwrap().trim().parse().unwrap();
    let ended = |pid| {
        evenkeel_process::Process::open(pid)
            .and_then(|process| process.stat())
            .map_or(true, |stat| stat.is_dead())
    };
    let started = Instant::now();
    while !ended(child) {
        assert!(started.elapsed() < AMPLE, "the child lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_command_is_told_what_it_is_for() {
    let occasion = Occasion {
        incident: 7,
        target: "web/a".into(),
        cause: "health".into(),
        ..Occasion::default()
    };
    let script = "test \"$EVENKEEL_INCIDENT $EVENKEEL_TARGET $EVENKEEL_CAUSE\" = '7 web/a health'";
    assert!(perform(&exec(script), AMPLE, &occasion, &()).await.is_ok());
    let notify = Action::Notify { command: Some(CommandSpec::new(["sh", "-c", script])) };
    assert!(perform(&notify, AMPLE, &occasion, &()).await.is_ok());
    let said = perform(&Action::Notify { command: None }, AMPLE, &occasion, &()).await.unwrap();
    assert_eq!(said.text(), "`web/a` is down by health:  (incident 7)");
}

#[tokio::test]
async fn a_rule_that_nobody_performs_is_not_tried_again() {
    for action in [
        Action::PermissionsRepair { rule: "state".into() },
        Action::CleanupRun { rule: "state".into() },
    ] {
        assert!(is_permanent(&act(&action, AMPLE).await.unwrap_err()));
    }
}

/// Takes longer than it was given and does not notice.
struct Forgetful;

impl Rules for Forgetful {
    async fn repair(&self, _: &str, _: Duration) -> Result<Said, ActionError> {
        std::future::pending().await
    }

    async fn clean(&self, _: &str, _: Duration) -> Result<Said, ActionError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_also_for_whoever_forgets_it() {
    let action = Action::CleanupRun { rule: "old".into() };
    let begun = tokio::time::Instant::now();
    let error = perform(&action, AMPLE, &Occasion::default(), &Forgetful).await.unwrap_err();
    assert!(!is_permanent(&error));
    assert_eq!(error.reason().text(), "cleanup.run old: not done within 30s");
    assert_eq!(begun.elapsed(), AMPLE + Duration::from_secs(1));
}

#[tokio::test]
async fn what_is_left_of_a_dead_supervisord_is_ended_before_the_command() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("never.sock");
    let command = CommandSpec::new(["true"]);
    let action = Action::Exec { command: command.clone(), left_overs_of: Some(socket.clone()) };
    assert_eq!(act(&action, AMPLE).await, Ok("ran `true`".into()));
    // One that lives keeps its programs, and the command is not run beside them.
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = act(&action, Duration::from_millis(200)).await.unwrap_err();
    assert!(error.reason().contains("not left over"), "{error}");
}

#[test]
fn a_part_names_its_group() {
    let group = |group: Option<&str>| Action::SupervisorRestartGroup {
        socket: "/s".into(),
        group: group.map(str::to_owned),
    };
    assert_eq!(group(None).for_part(Some("workers:a")), Some(group(Some("workers"))));
    assert_eq!(group(None).for_part(Some("web")), Some(group(Some("web"))));
    assert_eq!(group(Some("x")).for_part(Some("web")), Some(group(Some("x"))));
    assert_eq!(group(None).for_part(None), None);
}

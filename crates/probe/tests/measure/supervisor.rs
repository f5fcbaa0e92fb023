use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_probe::{
    Condition, FailureClass, Measurement, Outcome, Prober, ProcessSelector, ProgramGlob,
    SupervisorTarget, Target, Test,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::{assert_bad, assert_good, assert_unknown, measure, measure_shortly};

/// A supervisord that always answers the same value.
struct Fake {
    _scratch: TempDir,
    socket: PathBuf,
}

impl Fake {
    fn answering(value: String) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("s.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"</methodCall>") {
                    request.push(stream.read_u8().await.unwrap());
                }
                let body = format!(
                    "<methodResponse><params><param><value>{value}</value></param></params></methodResponse>"
                );
                let head = format!("HTTP/1.0 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        });
        Self { _scratch: scratch, socket }
    }

    /// One with programs, each with its group, name, state and exit status.
    fn with(programs: &[(&str, &str, i32, i32)]) -> Self {
        let int = |name, value| {
            format!("<member><name>{name}</name><value><int>{value}</int></value></member>")
        };
        let text = |name, value| {
            format!("<member><name>{name}</name><value><string>{value}</string></value></member>")
        };
        let infos = programs.iter().map(|(group, name, state, status)| {
            let pid = if *state == 20 { i32::MAX } else { 0 };
            let members = [
                text("group", *group),
                text("name", *name),
                text("spawnerr", if *state == 200 { "Exited too quickly" } else { "" }),
                int("state", *state),
                int("exitstatus", *status),
                int("pid", pid),
                int("start", 1_000),
                int("now", 1_060),
            ];
            format!("<value><struct>{}</struct></value>", members.concat())
        });
        Self::answering(format!("<array><data>{}</data></array>", infos.collect::<String>()))
    }

    async fn measure(&self, globs: &[&str]) -> Measurement {
        measure(target(&self.socket, globs)).await
    }
}

fn target(socket: &Path, globs: &[&str]) -> Target {
    let programs = globs.iter().map(|glob| ProgramGlob::try_new(glob).unwrap()).collect();
    Target::Supervisor(SupervisorTarget::new(socket, programs))
}

fn part<'a>(measurement: &'a Measurement, name: &str) -> &'a Outcome {
    &measurement.parts.iter().find(|part| part.name == name).unwrap().outcome
}

#[tokio::test]
async fn one_running_program_hides_no_other() {
    let fake = Fake::with(&[("web", "web", 20, 0), ("api", "api", 200, 0), ("w", "w_01", 100, 2)]);
    let measurement = fake.measure(&["*"]).await;
    assert_good(&measurement, &target(&fake.socket, &["*"]));
    let facts = &measurement.facts;
    assert_eq!(
        (facts.number("programs"), facts.number("running"), facts.number("failed")),
        (Some(3.0), Some(1.0), Some(2.0))
    );
    assert_eq!(part(&measurement, "web"), &Outcome::Good);
    assert_eq!(
        part(&measurement, "api"),
        &Outcome::bad(FailureClass::Exit, "`api` is FATAL: Exited too quickly")
    );
    assert_eq!(
        part(&measurement, "w:w_01"),
        &Outcome::bad(FailureClass::Exit, "`w:w_01` exited with 2")
    );
}

#[tokio::test]
async fn each_state_is_judged_by_whether_it_is_a_fault() {
    let bad = |state, status, expected| (state, status, Some(expected));
    for (state, status, expected) in [
        (20, 0, None),
        bad(30, 0, true),
        bad(200, 0, true),
        bad(100, 1, true),
        bad(100, -1, true),
        bad(100, 0, false),
        bad(0, 0, false),
        bad(10, 0, false),
        bad(40, 0, false),
        bad(1000, 0, false),
        bad(77, 0, false),
    ] {
        let measurement = Fake::with(&[("p", "p", state, status)]).measure(&["*"]).await;
        let found = match part(&measurement, "p") {
            Outcome::Good => None,
            Outcome::Bad(_) => Some(true),
            Outcome::Unknown(_) => Some(false),
        };
        assert_eq!(found, expected, "state {state}, exit status {status}");
    }
}

#[tokio::test]
async fn where_states_are_not_judged_only_what_runs_is_good_and_nothing_is_bad() {
    let fake = Fake::with(&[("web", "web", 20, 0), ("api", "api", 200, 0), ("w", "w", 100, 2)]);
    let Target::Supervisor(mut supervisor) = target(&fake.socket, &["*"]) else { unreachable!() };
    supervisor.judge_states = false;
    let measurement = measure(Target::Supervisor(supervisor)).await;
    assert_eq!(part(&measurement, "web"), &Outcome::Good);
    for name in ["api", "w"] {
        assert!(matches!(part(&measurement, name), Outcome::Unknown(_)), "{measurement:?}");
    }
}

#[tokio::test]
async fn memory_is_measured_where_a_condition_reads_it_and_a_process_that_is_gone_is_unknown() {
    // The fake's process is a number that belongs to nobody.
    let fake = Fake::with(&[("web", "web", 20, 0)]);
    let limit = |field: &str| Condition {
        field: field.into(),
        test: Test::Above(1e6),
        sustained_for: None,
    };
    let plain = target(&fake.socket, &["*"]);
    assert_eq!(part(&measure(plain.clone()).await, "web"), &Outcome::Good);
    for field in ["rss_bytes", "tree_rss_bytes", "tree_pss_bytes"] {
        let measurement = measure(plain.clone().judged_by(&[limit(field)])).await;
        assert!(
            matches!(part(&measurement, "web"), Outcome::Unknown(failure) if failure.class == FailureClass::Missing),
            "{measurement:?}"
        );
    }
}

#[tokio::test]
async fn programs_that_are_not_chosen_are_not_looked_at() {
    let fake = Fake::with(&[("web", "a", 200, 0), ("web", "b", 20, 0), ("db", "db", 200, 0)]);
    let measurement = fake.measure(&["web:b"]).await;
    assert_eq!(measurement.parts.len(), 1);
    assert!(fake.measure(&[]).await.parts.is_empty());
    assert!(fake.measure(&["nothing-*"]).await.parts.is_empty());
}

#[tokio::test]
async fn programs_that_are_excepted_are_not_looked_at() {
    let fake = Fake::with(&[("web", "a", 200, 0), ("web", "b", 20, 0), ("db", "db", 200, 0)]);
    let Target::Supervisor(mut supervisor) = target(&fake.socket, &["*"]) else { unreachable!() };
    supervisor.except = vec![ProgramGlob::try_new("web:*").unwrap()];
    let measurement = measure(Target::Supervisor(supervisor)).await;
    let names: Vec<_> = measurement.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["db"]);
}

#[tokio::test]
async fn a_program_that_is_named_must_exist() {
    let measurement = Fake::with(&[("web", "web", 20, 0)]).measure(&["web", "wbe"]).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert!(
        matches!(part(&measurement, "wbe"), Outcome::Bad(failure) if failure.class == FailureClass::Missing)
    );
}

#[tokio::test]
async fn the_process_of_a_program_is_looked_at_and_a_mistyped_one_named() {
    let fake = Fake::with(&[("web", "web", 20, 0), ("w", "w_01", 200, 0), ("off", "off", 0, 0)]);
    let program = |program: &str| -> Target {
        let (socket, program) = (fake.socket.clone(), program.to_owned());
        ProcessSelector::Program { socket, program }.into()
    };
    // The fake says that it is process 4711, whoever that is.
    let found = measure(program("web:web")).await;
    let expected = measure(ProcessSelector::Pid(4711).into()).await;
    assert_eq!(found.facts.get("incarnation"), expected.facts.get("incarnation"));
    assert_bad(&measure(program("w:w_01")).await, FailureClass::Exit);
    assert_unknown(&measure(program("off")).await, FailureClass::Missing);
    let mistyped = measure(program("wbe")).await;
    assert_bad(&mistyped, FailureClass::Missing);
    let detail = &mistyped.outcome.failure().unwrap().detail;
    assert!(detail.ends_with("no program `wbe`; did you mean `web`?"), "{detail}");
}

#[tokio::test]
async fn a_frozen_daemon_is_unknown_and_no_program_is_blamed() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    let _frozen = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let measurement = measure_shortly(target(&socket, &["*"])).await;
    assert_unknown(&measurement, FailureClass::Timeout);
    assert!(measurement.parts.is_empty());
}

#[tokio::test]
async fn the_process_of_a_daemon_that_does_not_answer_is_who_listens() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    let _frozen = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let target = Target::from(ProcessSelector::SupervisorDaemon { socket });
    // Half of it goes by before anybody looks who listens.
    let measurement = Prober::new().measure(&target, Duration::from_secs(4)).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(measurement.facts.number("pid"), Some(f64::from(std::process::id())));
}

#[tokio::test]
async fn dead_missing_and_deleted_are_told_apart() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    assert_bad(&measure(target(&socket, &["*"])).await, FailureClass::Missing);
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::remove_file(&socket).unwrap();
    assert_unknown(&measure(target(&socket, &["*"])).await, FailureClass::Missing);
    drop(listener);
    drop(UnixListener::bind(&socket).unwrap());
    assert_bad(&measure(target(&socket, &["*"])).await, FailureClass::Refused);
}

#[tokio::test]
async fn a_daemon_that_talks_nonsense_is_unknown() {
    let fake = Fake::answering("<string>hello</string>".to_owned());
    assert_unknown(&fake.measure(&["*"]).await, FailureClass::Body);
}

#[tokio::test]
async fn the_process_of_a_daemon_is_looked_at() {
    let fake = Fake::answering(format!("<int>{}</int>", std::process::id()));
    let target: Target = ProcessSelector::SupervisorDaemon { socket: fake.socket.clone() }.into();
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    assert_eq!(measurement.facts.number("pid"), Some(f64::from(std::process::id())));
    assert!(measurement.facts.number("rss_bytes").unwrap() > 1e6);
}

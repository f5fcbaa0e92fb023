//! Answers that a real supervisord gives, and the ways in which one fails to give any.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evenkeel_supervisord::{CallError, Client, FaultCode, ProgramState};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const AMPLE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

/// What the fake says to a call.
enum Say {
    Value(String),
    Fault(i32, &'static str),
    Status(u16),
    Raw(Vec<u8>),
    Hang,
    HangUp,
}

/// A supervisord that says what it is told to, and remembers what it was asked.
struct Fake {
    _scratch: TempDir,
    socket: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn new(mut answer: impl FnMut(&str) -> Say + Send + 'static) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("s.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let method = method_of(&mut stream).await;
                log.lock().unwrap().push(method.clone());
                let reply = match answer(&method) {
                    Say::Value(value) => response(
                        200,
                        &format!(
                            "<methodResponse><params><param><value>{value}</value></param></params></methodResponse>"
                        ),
                    ),
                    Say::Fault(code, text) => response(
                        200,
                        &format!(
                            "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>{code}</int></value></member>\
                         <member><name>faultString</name><value><string>{text}</string></value></member></struct></value></fault></methodResponse>"
                        ),
                    ),
                    Say::Status(status) => response(status, "no"),
                    Say::Raw(bytes) => bytes,
                    Say::Hang => {
                        kept.push(stream);
                        continue;
                    }
                    Say::HangUp => continue,
                };
                let _ = stream.write_all(&reply).await;
            }
        });
        Self { _scratch: scratch, socket, asked }
    }

    fn client(&self) -> Client {
        Client::new(&self.socket)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn response(status: u16, body: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} x\r\ncontent-type: text/xml\r\n");
    write!(head, "content-length: {}\r\n\r\n<?xml version='1.0'?>\n{body}", body.len() + 22)
        .unwrap();
    head.into_bytes()
}

/// Reads a whole request and returns the method called, without its prefix.
async fn method_of(stream: &mut UnixStream) -> String {
    let mut request = String::new();
    let mut chunk = [0; 4096];
    while !request.ends_with("</methodCall>") {
        let length = stream.read(&mut chunk).await.unwrap();
        assert_ne!(length, 0, "the request ended early: {request}");
        request.push_str(std::str::from_utf8(&chunk[..length]).unwrap());
    }
    let (_, rest) = request.split_once("<methodName>supervisor.").unwrap();
    rest.split_once("</methodName>").unwrap().0.to_owned()
}

fn info(name: &str, state: i32) -> String {
    let int = |name, value| {
        format!("<member><name>{name}</name><value><int>{value}</int></value></member>")
    };
    let text = |name, value: &str| {
        format!("<member><name>{name}</name><value><string>{value}</string></value></member>")
    };
    let members = [
        text("name", name),
        text("group", name),
        text("description", "pid 77, uptime 0:01:00"),
        text("spawnerr", "can&apos;t find command &amp; so on"),
        text("statename", "X"),
        int("start", 1_000),
        int("stop", 0),
        int("now", 1_060),
        int("state", state),
        int("exitstatus", 3),
        int("pid", 77),
    ];
    format!("<struct>{}</struct>", members.concat())
}

fn yes() -> Say {
    Say::Value("<boolean>1</boolean>".to_owned())
}

#[tokio::test]
async fn programs_are_read_in_the_daemons_order() {
    let fake = Fake::new(|_| {
        let infos = [info("web", 20), info("cron", 200)]
            .map(|info| format!("<value>{info}</value>"))
            .concat();
        Say::Value(format!("<array><data>{infos}</data></array>"))
    });
    let programs = fake.client().programs(AMPLE).await.unwrap();
    assert_eq!(
        programs.iter().map(|program| program.name.as_str()).collect::<Vec<_>>(),
        ["web", "cron"]
    );
    assert_eq!(
        (programs[0].state, programs[1].state),
        (ProgramState::Running, ProgramState::Fatal)
    );
    assert_eq!((programs[0].pid, programs[0].exit_status), (Some(77), 3));
    assert_eq!(programs[0].spawn_error, "can't find command & so on");
    assert_eq!(fake.asked(), ["getAllProcessInfo"]);
}

#[tokio::test]
async fn the_daemon_tells_its_process() {
    let fake = Fake::new(|_| Say::Value("<int>4711</int>".to_owned()));
    assert_eq!(fake.client().daemon_pid(AMPLE).await.unwrap(), 4711);
}

#[tokio::test]
async fn a_fault_keeps_its_number_and_text() {
    let fake = Fake::new(|_| Say::Fault(10, "BAD_NAME: nope"));
    let error = fake.client().start("nope", AMPLE).await.unwrap_err();
    assert!(error.is_fault(FaultCode::BadName));
    assert_eq!(error.to_string(), "supervisord refused: BAD_NAME: nope (fault 10)");
}

#[tokio::test]
async fn a_restart_stops_and_starts() {
    let fake = Fake::new(|_| yes());
    fake.client().restart("web", AMPLE).await.unwrap();
    assert_eq!(fake.asked(), ["stopProcess", "startProcess"]);
}

#[tokio::test]
async fn a_restart_of_a_dead_program_starts_it() {
    let fake = Fake::new(|method| match method {
        "stopProcess" => Say::Fault(70, "NOT_RUNNING: web"),
        "getProcessInfo" => Say::Value(info("web", 200)),
        _ => yes(),
    });
    fake.client().restart("web", AMPLE).await.unwrap();
    assert_eq!(fake.asked(), ["stopProcess", "getProcessInfo", "startProcess"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_for_a_program_that_is_still_stopping() {
    let mut looks = 0;
    let fake = Fake::new(move |method| match method {
        "stopProcess" => Say::Fault(70, "NOT_RUNNING: web"),
        "getProcessInfo" => {
            looks += 1;
            Say::Value(info("web", if looks < 3 { 40 } else { 0 }))
        }
        _ => yes(),
    });
    fake.client().restart("web", Duration::from_hours(1)).await.unwrap();
    let expected =
        ["stopProcess", "getProcessInfo", "getProcessInfo", "getProcessInfo", "startProcess"];
    assert_eq!(fake.asked(), expected);
}

#[tokio::test]
async fn a_program_that_was_started_meanwhile_counts_as_restarted() {
    let fake = Fake::new(|method| match method {
        "startProcess" => Say::Fault(60, "ALREADY_STARTED: web"),
        _ => yes(),
    });
    fake.client().restart("web", AMPLE).await.unwrap();
}

#[tokio::test]
async fn a_program_that_does_not_come_up_is_a_failed_restart() {
    let fake = Fake::new(|method| match method {
        "startProcess" => Say::Fault(50, "SPAWN_ERROR: web"),
        _ => yes(),
    });
    let error = fake.client().restart("web", AMPLE).await.unwrap_err();
    assert!(error.is_fault(FaultCode::SpawnError), "{error}");
}

#[tokio::test]
async fn an_unknown_program_is_never_started() {
    let fake = Fake::new(|_| Say::Fault(10, "BAD_NAME: nope"));
    assert!(fake.client().restart("nope", AMPLE).await.unwrap_err().is_fault(FaultCode::BadName));
    assert_eq!(fake.asked(), ["stopProcess"]);
}

#[tokio::test]
async fn a_group_is_no_program_and_is_not_stopped() {
    let fake = Fake::new(|_| yes());
    for name in ["web:*", "web:", "*"] {
        let error = fake.client().restart(name, AMPLE).await.unwrap_err();
        assert!(error.is_fault(FaultCode::BadName), "{error}");
    }
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn a_daemon_that_never_answers_is_given_up_at_the_deadline() {
    let fake = Fake::new(|_| Say::Hang);
    let started = Instant::now();
    let error = fake.client().programs(SHORT).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn the_deadline_is_for_the_whole_restart() {
    let fake = Fake::new(|method| if method == "stopProcess" { yes() } else { Say::Hang });
    let error = fake.client().restart("web", SHORT).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_frozen_daemon_with_a_full_queue_is_slow_and_not_dead() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    // Connected and never accepted, until the kernel takes no more.
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(SHORT, UnixStream::connect(&socket)).await {
        queued.push(stream);
    }
    let error = Client::new(&socket).programs(SHORT).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    drop(listener);
}

#[tokio::test]
async fn a_dead_daemon_leaves_a_socket_that_refuses() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let error = Client::new(&socket).programs(AMPLE).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn no_socket_and_nobody_listening_is_missing() {
    let scratch = tempfile::tempdir().unwrap();
    let error = Client::new(scratch.path().join("s.sock")).programs(AMPLE).await.unwrap_err();
    assert!(matches!(error, CallError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn a_deleted_socket_of_a_living_daemon_is_told_from_a_missing_one() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    // As supervisord does it: bound under another name, then linked.
    let first = scratch.path().join("s.sock.4711");
    let listener = UnixListener::bind(&first).unwrap();
    std::fs::hard_link(&first, &socket).unwrap();
    std::fs::remove_file(&first).unwrap();
    std::fs::remove_file(&socket).unwrap();
    let error = Client::new(&socket).programs(AMPLE).await.unwrap_err();
    assert!(matches!(error, CallError::Deleted { .. }), "{error}");
    drop(listener);
}

#[tokio::test]
async fn a_daemon_that_asks_for_a_password_denies() {
    let fake = Fake::new(|_| Say::Status(401));
    let error = fake.client().programs(AMPLE).await.unwrap_err();
    assert!(matches!(error, CallError::Denied { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_answer_of_supervisord_is_a_protocol_error() {
    let long = format!("HTTP/1.1 200 x\r\ncontent-length: 9000000\r\n\r\n{}", "x".repeat(2 << 20));
    let fakes = [
        Fake::new(|_| Say::Status(500)),
        Fake::new(|_| Say::HangUp),
        Fake::new(|_| Say::Raw(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec())),
        Fake::new(|_| Say::Raw(response(200, "<html>hello</html>"))),
        Fake::new(|_| Say::Value("<string>no array</string>".to_owned())),
        // As deep as the stack of whoever follows it is not.
        Fake::new(|_| Say::Raw(response(200, &"<value><array><data>".repeat(40_000)))),
        Fake::new(|_| Say::Value("<array><data><value>".repeat(40_000))),
        Fake::new(move |_| Say::Raw(long.clone().into_bytes())),
    ];
    for fake in fakes {
        let error = fake.client().programs(AMPLE).await.unwrap_err();
        assert!(matches!(error, CallError::Protocol { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_byte_outside_utf_8_hides_nothing() {
    let fake = Fake::new(|_| {
        let infos = format!("<array><data><value>{}</value></data></array>", info("web", 20));
        let body = response(
            200,
            &format!(
                "<methodResponse><params><param><value>{infos}</value></param></params></methodResponse>"
            ),
        );
        let at = body.windows(3).position(|window| window == b"can").unwrap();
        let mut body = body;
        body[at] = 0xff;
        Say::Raw(body)
    });
    assert_eq!(fake.client().programs(AMPLE).await.unwrap()[0].name, "web");
}

#[tokio::test(start_paused = true)]
async fn a_group_is_restarted_but_for_what_was_stopped_on_purpose() {
    let in_group = |name: &str, state| {
        let member = "<name>group</name><value><string>";
        info(name, state).replace(&format!("{member}{name}<"), &format!("{member}workers<"))
    };
    let mut listed = 0;
    let fake = Fake::new(move |method| match method {
        "getAllProcessInfo" => {
            listed += 1;
            // Before; while one of them starts; at the end.
            let states = [[20, 0, 200], [10, 0, 200], [20, 0, 200]][listed - 1];
            let infos: Vec<_> = ["a", "idle", "broken"]
                .into_iter()
                .zip(states)
                .map(|(name, state)| format!("<value>{}</value>", in_group(name, state)))
                .collect();
            Say::Value(format!(
                "<array><data>{}<value>{}</value></data></array>",
                infos.concat(),
                info("web", 20)
            ))
        }
        _ => yes(),
    });
    let restarted = fake.client().restart_group("workers", Duration::from_hours(1)).await.unwrap();
    assert_eq!(restarted.running, ["workers:a"]);
    assert_eq!(restarted.left_stopped, ["workers:idle"]);
    let why = "FATAL: can't find command & so on".to_owned();
    assert_eq!(restarted.failed, [("workers:broken".to_owned(), why)]);
    let calls = fake.asked();
    let starts = calls.iter().filter(|call| *call == "startProcess").count();
    assert_eq!((calls[1].as_str(), starts), ("stopProcessGroup", 2), "{calls:?}");
}

#[tokio::test]
async fn a_group_that_is_not_there_is_not_stopped() {
    let fake = Fake::new(|_| Say::Value("<array><data></data></array>".to_owned()));
    let error = fake.client().restart_group("nope", AMPLE).await.unwrap_err();
    assert!(error.is_fault(FaultCode::BadName), "{error}");
    assert_eq!(fake.asked(), ["getAllProcessInfo"]);
}

#[tokio::test]
async fn a_signal_goes_to_one_program_and_never_to_a_group() {
    let fake = Fake::new(|_| yes());
    fake.client().signal("web", "HUP", AMPLE).await.unwrap();
    assert!(fake.client().signal("web:*", "HUP", AMPLE).await.is_err());
    assert_eq!(fake.asked(), ["signalProcess"]);
}

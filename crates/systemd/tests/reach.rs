//! Why systemd cannot be asked is told apart. What it answers when it can is tested against a real one, in `tests/host`.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use evenkeel_systemd::{Manager, SystemdError, UnitName};

const AMPLE: Duration = Duration::from_secs(30);

async fn ask(socket: &Path, deadline: Duration) -> SystemdError {
    let name = UnitName::try_new("web").unwrap();
    Manager::at(socket).unit(&name, deadline).await.expect_err("there is no systemd")
}

/// Whether this host runs systemd decides what the lack of a bus means.
fn is_booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

#[tokio::test]
async fn no_bus_is_not_the_same_as_no_systemd() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("bus");
    for _ in ["no socket", "a socket without a daemon"] {
        let error = ask(&socket, AMPLE).await;
        assert_eq!(matches!(error, SystemdError::NoBus { .. }), is_booted(), "{error}");
        assert_eq!(matches!(error, SystemdError::NotBooted), !is_booted(), "{error}");
        if !socket.exists() {
            drop(UnixListener::bind(&socket).unwrap());
        }
    }
}

#[tokio::test]
async fn a_bus_that_takes_the_connection_and_says_nothing_ends_at_the_deadline() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("bus");
    let _frozen = UnixListener::bind(&socket).unwrap();
    let error = ask(&socket, Duration::from_millis(200)).await;
    assert!(matches!(error, SystemdError::TimedOut { .. }), "{error}");
    assert!(error.may_pass());
}

#[tokio::test]
async fn who_the_bus_does_not_let_in_is_denied() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("bus");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 512];
        while stream.read(&mut asked).is_ok_and(|length| length > 0) {
            if stream.write_all(b"REJECTED EXTERNAL\r\n").is_err() {
                break;
            }
        }
    });
    let error = ask(&socket, AMPLE).await;
    assert!(matches!(error, SystemdError::Denied { .. }), "{error:?}");
    assert!(!error.may_pass());
    answers.join().unwrap();
}

#[tokio::test]
async fn what_is_no_bus_at_all_is_named_and_its_bytes_are_not_repeated() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("bus");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 512]);
        // Until the other side has had enough.
        let noise = vec![b'\x1b'; 64 * 1024];
        while stream.write_all(&noise).is_ok() {}
    });
    let error = ask(&socket, Duration::from_millis(500)).await;
    let shown = format!("{error} {error:?}");
    assert!(shown.len() < 4_000 && !shown.contains('\x1b'), "{shown}");
    answers.join().unwrap();
}

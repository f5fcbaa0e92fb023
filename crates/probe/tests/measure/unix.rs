use std::os::unix::net::UnixListener as BlockingListener;
use std::path::{Path, PathBuf};

use evenkeel_probe::{FailureClass, HttpTarget, Outcome, Pattern, Target, UnixTarget};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;

use crate::fake::{head, response};
use crate::{assert_bad, assert_good, assert_unknown, measure, measure_shortly};

/// A socket that answers each head of a request with these bytes.
fn serve(folder: &TempDir, answer: Vec<u8>) -> PathBuf {
    let path = folder.path().join("x.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            head(&mut stream).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    path
}

fn target(path: &Path) -> UnixTarget {
    UnixTarget::try_new(path).unwrap()
}

#[tokio::test]
async fn a_socket_that_is_listened_on_is_good_and_its_answer_judged() {
    let folder = tempfile::tempdir().unwrap();
    let mut unix = target(&serve(&folder, b"+PONG\r\n".to_vec()));
    assert_good(&measure(Target::Unix(unix.clone())).await, &Target::Unix(unix.clone()));
    unix.exchange.send = b"\r\n\r\n".to_vec();
    unix.exchange.expect = Some(Pattern::try_new("PONG").unwrap());
    assert_eq!(measure(Target::Unix(unix.clone())).await.outcome, Outcome::Good);
    unix.exchange.expect = Some(Pattern::try_new("PING").unwrap());
    assert_bad(&measure(Target::Unix(unix)).await, FailureClass::Body);
}

#[tokio::test]
async fn a_socket_that_is_not_there_or_left_behind_is_bad() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    assert_bad(&measure(Target::Unix(target(&path))).await, FailureClass::Missing);
    drop(BlockingListener::bind(&path).unwrap());
    assert_bad(&measure(Target::Unix(target(&path))).await, FailureClass::Refused);
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_bad(&measure(Target::Unix(target(&file))).await, FailureClass::Refused);
    let below = file.join("x.sock");
    assert_unknown(&measure(Target::Unix(target(&below))).await, FailureClass::Limit);
}

#[tokio::test]
async fn a_socket_whose_queue_stays_full_times_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    let _listener = BlockingListener::bind(&path).unwrap();
    // As a stopped daemon leaves it: nobody accepts, and at last nobody more is let in.
    let mut queued = Vec::new();
    loop {
        match tokio::net::UnixStream::connect(&path).await {
            Ok(stream) => queued.push(stream),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    let measurement = measure_shortly(Target::Unix(target(&path))).await;
    assert_bad(&measurement, FailureClass::Timeout);
}

#[tokio::test]
async fn http_is_asked_over_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = serve(&folder, response("200 OK", "", "pong"));
    let mut http = HttpTarget::try_new("http://docker/_ping").unwrap();
    http.set_unix_socket(path).unwrap();
    let target = Target::Http(http);
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    assert_eq!(measurement.facts.text("ip"), Some(""));
}

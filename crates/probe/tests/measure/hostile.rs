//! HTTP endpoints that do anything but what they should: each has its class, ends in time, and is hung up on.

use std::time::Duration;

use evenkeel_probe::{FailureClass, HttpTarget, Measurement, Outcome, Prober, Target};

use crate::fake::{Do, Fake, response};
use crate::{AMPLE, SHORT, SLACK, assert_bad};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

async fn ask(fake: &Fake, within: Duration) -> Measurement {
    let mut target = HttpTarget::try_new(&fake.url("/")).unwrap();
    target.max_body = 64 * 1024;
    Prober::new().measure(&Target::Http(target), within).await
}

/// An answer that ends the attempt by itself.
async fn at_once(act: Do, class: FailureClass) -> Measurement {
    let mut fake = Fake::new(act).await;
    let measurement = ask(&fake, AMPLE).await;
    assert_bad(&measurement, class);
    fake.closed.recv().await.unwrap();
    measurement
}

/// An answer that only the deadline ends; the message says what was waited for.
async fn at_the_deadline(act: Do, phase: &str) -> Measurement {
    let mut fake = Fake::new(act).await;
    let measurement = ask(&fake, SHORT).await;
    assert!((SHORT..SLACK).contains(&measurement.took), "{measurement:?}");
    assert_bad(&measurement, FailureClass::Timeout);
    let detail = &measurement.outcome.failure().unwrap().detail;
    assert!(detail.starts_with(phase), "{detail}");
    fake.closed.recv().await.unwrap();
    measurement
}

fn say(answer: &[u8]) -> Do {
    Do::Say(answer.to_vec())
}

fn after_ok(more: &[u8]) -> Vec<u8> {
    [OK, more].concat()
}

#[tokio::test]
async fn what_is_no_answer_is_a_bad_body() {
    for garbage in [
        b"<html>an answer of HTTP 0.9</html>".as_slice(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HTTP/1.1 2000000 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nabc",
    ] {
        at_once(say(garbage), FailureClass::Body).await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_bad() {
    for answer in [
        b"content-length: 10\r\n\r\nabc".as_slice(),
        b"transfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
        b"transfer-encoding: chunked\r\n\r\nfffffffffffffffffffff\r\nabc\r\n",
        b"transfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"transfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    ] {
        let measurement = at_once(Do::Say(after_ok(answer)), FailureClass::Body).await;
        assert_eq!(measurement.facts.number("status"), Some(200.0));
    }
}

#[tokio::test]
async fn a_body_longer_than_it_says_is_taken_at_its_word() {
    let fake = Fake::new(Do::Say(after_ok(b"content-length: 2\r\n\r\nwell"))).await;
    let measurement = ask(&fake, AMPLE).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(measurement.facts.number("body_bytes"), Some(2.0));
}

#[tokio::test]
async fn an_answer_that_is_broken_off_is_refused() {
    at_once(Do::Reset, FailureClass::Refused).await;
    at_once(say(b""), FailureClass::Refused).await;
    at_once(say(b"HTTP/1.1 200 OK\r\nserver: x"), FailureClass::Refused).await;
    let head = after_ok(b"content-length: 10\r\n\r\nabc");
    at_once(Do::SayAndReset(head), FailureClass::Refused).await;
}

#[tokio::test]
async fn headers_without_end_are_told_off() {
    let flood = Do::Flood(OK.to_vec(), b"x-more: and more and more and more\r\n".repeat(100));
    at_once(flood, FailureClass::Body).await;
    let one_line = Do::Flood(after_ok(b"x-long: "), vec![b'x'; 4096]);
    at_once(one_line, FailureClass::Body).await;
    let chunk_extension =
        Do::Flood(after_ok(b"transfer-encoding: chunked\r\n\r\n3;x="), vec![b'x'; 4096]);
    at_once(chunk_extension, FailureClass::Body).await;
    let trailers = Do::Flood(
        after_ok(b"transfer-encoding: chunked\r\n\r\n0\r\n"),
        b"x-more: and more and more and more\r\n".repeat(100),
    );
    at_once(trailers, FailureClass::Body).await;
}

#[tokio::test]
async fn a_body_without_end_is_read_up_to_its_limit() {
    let plain = Do::Flood(after_ok(b"\r\n"), vec![b'x'; 4096]);
    let chunked = Do::Flood(
        after_ok(b"transfer-encoding: chunked\r\n\r\n"),
        [b"1000\r\n".as_slice(), &[b'x'; 4096], b"\r\n"].concat(),
    );
    for act in [plain, chunked] {
        let mut fake = Fake::new(act).await;
        let measurement = ask(&fake, AMPLE).await;
        assert_eq!(measurement.outcome, Outcome::Good);
        assert_eq!(measurement.facts.number("body_bytes"), Some(65_536.0));
        fake.closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_packed_stays_packed() {
    // The first bytes of a megabyte of zeros.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xed, 0xc1][..], &[0; 1000]].concat();
    let head = format!("content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
    let fake = Fake::new(Do::Say([OK, head.as_bytes(), &bomb].concat())).await;
    let measurement = ask(&fake, AMPLE).await;
    assert_eq!(measurement.facts.number("body_bytes"), Some(1012.0));
}

#[tokio::test]
async fn what_trickles_in_is_cut_off_at_the_deadline() {
    let pause = Duration::from_millis(5);
    let head = Do::Trickle(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), b'x', pause);
    at_the_deadline(head, "no response").await;
    let body = Do::Trickle(after_ok(b"\r\n"), b'x', pause);
    let measurement = at_the_deadline(body, "the response did not end").await;
    assert_eq!(measurement.facts.number("status"), Some(200.0));
    let early = Do::Flood(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec());
    at_the_deadline(early, "no response").await;
    at_the_deadline(Do::Mute, "no response").await;
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let answer = [b"HTTP/1.1 100 Continue\r\n\r\n", response("204 x", "", "").as_slice()].concat();
    let fake = Fake::new(Do::Say(answer)).await;
    let measurement = ask(&fake, AMPLE).await;
    assert_eq!(measurement.facts.number("status"), Some(204.0));
    assert_eq!(measurement.outcome, Outcome::Good);
}

#[tokio::test]
async fn what_drives_a_terminal_is_not_passed_on() {
    let head = "location: /\u{9b}31m\u{202e}\r\ncontent-type: \u{9b}2J\r\n";
    let fake = Fake::new(Do::Say(response("302 x", head, ""))).await;
    let measurement = ask(&fake, AMPLE).await;
    let detail = &measurement.outcome.failure().unwrap().detail;
    assert!(detail.contains("\\u{9b}31m\\u{202e}"), "{detail}");
    assert!(!measurement.facts.get("content_type").unwrap().to_string().contains('\u{9b}'));
}

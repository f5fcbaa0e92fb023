use std::net::TcpListener;
use std::time::Duration;

use evenkeel_probe::{
    Condition, FailureClass, Measurement, Outcome, Pattern, Target, TcpTarget, Test,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::{assert_bad, assert_good, measure, measure_shortly};

#[tokio::test]
async fn an_open_port_is_good_and_a_closed_one_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target =
        Target::Tcp(TcpTarget::try_new(&listener.local_addr().unwrap().to_string()).unwrap());
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    assert_eq!(measurement.facts.text("ip"), Some("127.0.0.1"));
    drop(listener);
    assert_bad(&measure(target).await, FailureClass::Refused);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_failure() {
    let target = Target::Tcp(TcpTarget::try_new("no-such-host.invalid:80").unwrap());
    assert_bad(&measure(target).await, FailureClass::Dns);
}

/// What a server does that first says `greeting`, then each byte of `more` for itself, then answers a line with `answer`.
async fn server(greeting: &'static [u8], more: &'static [u8], answer: &'static [u8]) -> TcpTarget {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let _ = stream.write_all(greeting).await;
            for byte in more {
                let _ = stream.write_all(&[*byte]).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            while stream.read_u8().await.is_ok_and(|byte| byte != b'\n') {}
            let _ = stream.write_all(answer).await;
        }
    });
    TcpTarget::try_new(&address.to_string()).unwrap()
}

fn expecting(mut target: TcpTarget, send: &[u8], expect: &str) -> Target {
    target.exchange.send = send.to_vec();
    target.exchange.expect = Some(Pattern::try_new(expect).unwrap());
    Target::Tcp(target)
}

#[tokio::test]
async fn an_expected_greeting_is_waited_for_byte_by_byte() {
    let smtp = server(b"220-busy\r\n", b"220 ready\r\n", b"").await;
    let measurement = measure(expecting(smtp, b"", "(?m)^220 ready")).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(measurement.facts.get("response"), None, "no condition reads it");
}

#[tokio::test]
async fn a_question_is_sent_and_its_answer_judged() {
    let redis = server(b"", b"", b"+PONG\r\n").await;
    let good = measure(expecting(redis.clone(), b"PING\r\n", "^\\+PONG")).await;
    assert_eq!(good.outcome, Outcome::Good);
    let bad = measure(expecting(redis, b"PING\r\n", "^\\+OK")).await;
    assert_bad(&bad, FailureClass::Body);
    let detail = &bad.outcome.failure().unwrap().detail;
    assert!(detail.contains("`+PONG\\r\\n`"), "{detail}");
}

#[tokio::test]
async fn a_condition_on_the_response_is_read_for() {
    let ssh = server(b"SSH-2.0-x\r\n", b"", b"").await;
    let on = |test| Condition { field: "response".into(), test, sustained_for: None };
    let judged = |test| {
        let conditions = [on(test)];
        Target::Tcp(ssh.clone()).judged_by(&conditions)
    };
    let found = measure(judged(Test::Lacks(Pattern::try_new("^SSH-2").unwrap()))).await;
    assert_eq!(found.facts.text("response"), Some("SSH-2.0-x\r\n"));
    let line = measure(judged(Test::Matches(Pattern::try_new("dropbear").unwrap()))).await;
    assert_eq!((line.outcome, line.facts.text("response")), (Outcome::Good, Some("SSH-2.0-x\r\n")));
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out_and_one_that_hangs_up_is_refused() {
    let mute = server(b"", b"", b"").await;
    let measurement = measure_shortly(expecting(mute.clone(), b"", "x")).await;
    assert_bad(&measurement, FailureClass::Timeout);
    assert!(measurement.outcome.failure().unwrap().detail.starts_with("the expected answer"));
    assert_bad(&measure(expecting(mute, b"\n", "x")).await, FailureClass::Refused);
}

#[tokio::test]
async fn an_answer_without_end_is_read_up_to_its_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = TcpTarget::try_new(&listener.local_addr().unwrap().to_string()).unwrap();
    let ended = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.write_all(b"\x1b[2Jno, no, no\r\n").await.is_ok() {}
    });
    let measurement: Measurement = measure(expecting(target, b"", "yes")).await;
    assert_bad(&measurement, FailureClass::Body);
    let detail = &measurement.outcome.failure().unwrap().detail;
    assert!(detail.contains("16384 bytes") && !detail.contains('\u{1b}'), "{detail}");
    ended.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_nobody_lets_in_times_out() {
    // With a queue of one that is full, the kernel drops what asks for a connection: as behind a filter that drops.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _queued = tokio::net::TcpStream::connect(address).await.unwrap();
    let target = Target::Tcp(TcpTarget::try_new(&address.to_string()).unwrap());
    let measurement = measure_shortly(target).await;
    assert_bad(&measurement, FailureClass::Timeout);
    assert!(measurement.outcome.failure().unwrap().detail.starts_with("no connection"));
}

/// What only makes the target degraded is read if it comes.
#[tokio::test]
async fn an_answer_that_should_come_and_does_not_is_no_fault() {
    let wished = |target: TcpTarget| {
        let test = Test::Lacks(Pattern::try_new("^220 ").unwrap());
        let condition = Condition { field: "response".into(), test, sustained_for: None };
        let (wished, needed) = (Target::Tcp(target.clone()), Target::Tcp(target));
        (wished.keeping(std::slice::from_ref(&condition)), needed.judged_by(&[condition]))
    };
    let (silent, judged) = wished(server(b"", b"", b"").await);
    let measurement = measure_shortly(silent).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(measurement.facts.get("response"), None);
    assert!(measurement.facts.number("latency_ms").is_some(), "how long it took is known");
    assert_bad(&measure_shortly(judged).await, FailureClass::Timeout);
    let (speaks, _) = wished(server(b"421 busy\r\n", b"", b"").await);
    let measurement = measure(speaks).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(measurement.facts.text("response"), Some("421 busy\r\n"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let closes = std::thread::spawn(move || drop(listener.accept()));
    let (closing, _) = wished(TcpTarget::try_new(&address).unwrap());
    assert_eq!(measure(closing).await.outcome, Outcome::Good);
    closes.join().unwrap();
}

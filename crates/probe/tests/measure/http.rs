use std::net::TcpListener;

use evenkeel_probe::{
    Condition, FailureClass, Header, HttpTarget, Measurement, Outcome, Pattern, Target, Test,
    breaches,
};

use crate::fake::{Do, Fake, response};
use crate::{assert_bad, assert_good, assert_unknown, measure, measure_shortly};

const LIMIT: f64 = 1_048_576.0;

fn target(url: &str) -> Target {
    Target::Http(HttpTarget::try_new(url).unwrap())
}

async fn answer(bytes: Vec<u8>) -> Measurement {
    let fake = Fake::new(Do::Say(bytes)).await;
    measure(target(&fake.url("/"))).await
}

#[tokio::test]
async fn a_good_answer_has_every_fact() {
    let mut fake =
        Fake::new(Do::Say(response("200 OK", "content-type: text/plain\r\n", "well"))).await;
    let target = target(&fake.url("/health?full=1"));
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    let facts = &measurement.facts;
    assert_eq!((facts.number("status"), facts.number("body_bytes")), (Some(200.0), Some(4.0)));
    assert_eq!(
        (facts.text("content_type"), facts.text("location")),
        (Some("text/plain"), Some(""))
    );
    assert_eq!(facts.get("body"), None);
    let phases = ["resolve_ms", "connect_ms", "tls_ms", "processing_ms", "transfer_ms"];
    let sum: f64 = phases.iter().map(|phase| facts.number(phase).unwrap()).sum();
    assert!(sum <= facts.number("latency_ms").unwrap());
    let request = fake.requests.recv().await.unwrap().to_lowercase();
    assert!(request.starts_with("get /health?full=1 http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: {}\r\n", fake.address)), "{request}");
    assert!(request.contains("\r\nconnection: close\r\n"), "{request}");
}

#[tokio::test]
async fn a_connection_is_closed_after_a_good_answer() {
    // One that keeps the connection open as far as it goes.
    let mut fake = Fake::new(Do::SayAndHang(response("200 OK", "", "well"))).await;
    assert_eq!(measure(target(&fake.url("/"))).await.outcome, Outcome::Good);
    fake.closed.recv().await.unwrap();
}

#[tokio::test]
async fn method_and_headers_are_sent_and_may_replace_the_own_ones() {
    let mut fake = Fake::new(Do::Say(b"HTTP/1.1 204 x\r\n\r\n".to_vec())).await;
    let mut target = HttpTarget::try_new(&fake.url("/")).unwrap();
    target.set_method("HEAD").unwrap();
    target.headers = vec![
        Header::try_new("Host", "example.org").unwrap(),
        Header::try_new("Authorization", "Bearer x").unwrap(),
    ];
    assert_eq!(measure(Target::Http(target)).await.outcome, Outcome::Good);
    let request = fake.requests.recv().await.unwrap();
    assert!(request.starts_with("HEAD / "), "{request}");
    assert_eq!(request.to_lowercase().matches("\r\nhost: ").count(), 1, "{request}");
    assert!(request.contains("example.org") && request.contains("Bearer x"), "{request}");
}

#[tokio::test]
async fn a_wait_that_an_answer_asks_for_is_told() {
    for (header, told) in [
        ("retry-after: 120\r\n", "status 503; asks to wait for 2m"),
        (
            "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
            "status 503; asks to wait until `Wed, 21 Oct 2026 07:28:00 GMT`",
        ),
        ("", "status 503"),
    ] {
        let measurement = answer(response("503 x", header, "")).await;
        assert_bad(&measurement, FailureClass::Status);
        assert_eq!(measurement.outcome.failure().unwrap().detail, told);
    }
}

#[tokio::test]
async fn statuses_outside_the_expected_ones_are_bad() {
    for status in [300, 404, 500, 503, 599] {
        let measurement = answer(response(&format!("{status} x"), "", "")).await;
        assert_bad(&measurement, FailureClass::Status);
        assert_eq!(measurement.facts.number("status"), Some(f64::from(status)));
    }
    for status in [200, 201, 299] {
        assert_eq!(answer(response(&format!("{status} x"), "", "")).await.outcome, Outcome::Good);
    }
}

#[tokio::test]
async fn a_redirect_is_a_fact_and_not_followed() {
    let mut fake = Fake::new(Do::Say(response("302 Found", "location: /login\r\n", ""))).await;
    let measurement = measure(target(&fake.url("/"))).await;
    assert_bad(&measurement, FailureClass::Status);
    assert_eq!(measurement.facts.text("location"), Some("/login"));
    assert!(fake.requests.recv().await.is_some() && fake.requests.try_recv().is_err());
}

#[tokio::test]
async fn conditions_judge_status_and_body_in_the_place_of_the_defaults() {
    let fake = Fake::new(Do::Say(response("503 x", "", "{\"state\": \"draining\"}"))).await;
    let on = |field: &str, test| Condition { field: field.into(), test, sustained_for: None };
    let conditions = [
        on("status", Test::Differs(503.into())),
        on("body", Test::Lacks(Pattern::try_new("\"draining\"").unwrap())),
        on("body", Test::Matches(Pattern::try_new("drain").unwrap())),
    ];
    let measurement = measure(target(&fake.url("/")).judged_by(&conditions)).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    let found = breaches(&conditions, &measurement.facts);
    assert_eq!(found.iter().map(|breach| breach.condition).collect::<Vec<_>>(), [2]);
    assert_eq!(found[0].class, FailureClass::Body);
}

#[tokio::test]
async fn what_makes_it_degraded_needs_its_facts_and_switches_no_default_off() {
    let answer = || response("503 x", "X-Queue: 12\r\n", "slow");
    let on = |field: &str, test| Condition { field: field.into(), test, sustained_for: None };
    let degraded = [
        on("status", Test::Differs(200.into())),
        on("header.x-queue", Test::Matches(Pattern::try_new("1.").unwrap())),
        on("body", Test::Matches(Pattern::try_new("slow").unwrap())),
    ];
    let fake = Fake::new(Do::Say(answer())).await;
    let measurement = measure(target(&fake.url("/")).keeping(&degraded)).await;
    assert_bad(&measurement, FailureClass::Status);
    let fake = Fake::new(Do::Say(response("204 x", "X-Queue: 12\r\n", ""))).await;
    let measurement = measure(target(&fake.url("/")).keeping(&degraded)).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    let found = breaches(&degraded, &measurement.facts);
    assert_eq!(found.iter().map(|breach| breach.condition).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn an_endpoint_that_never_answers_times_out_and_is_hung_up_on() {
    let mut fake = Fake::new(Do::SayAndHang(Vec::new())).await;
    assert_bad(&measure_shortly(target(&fake.url("/"))).await, FailureClass::Timeout);
    // The work is cancelled with the wait: the other side sees the connection end.
    fake.closed.recv().await.unwrap();
}

#[tokio::test]
async fn a_body_that_never_ends_times_out_and_keeps_the_facts_before_it() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec();
    let mut fake = Fake::new(Do::SayAndHang(head)).await;
    let measurement = measure_shortly(target(&fake.url("/"))).await;
    assert_bad(&measurement, FailureClass::Timeout);
    assert_eq!(measurement.facts.number("status"), Some(200.0));
    fake.closed.recv().await.unwrap();
}

#[tokio::test]
async fn a_port_that_accepts_and_says_nothing_times_out() {
    // Nobody accepts: the kernel does, for the queue.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert_bad(&measure_shortly(target(&url)).await, FailureClass::Timeout);
}

#[tokio::test]
async fn a_reset_is_refused() {
    let fake = Fake::new(Do::Reset).await;
    assert_bad(&measure(target(&fake.url("/"))).await, FailureClass::Refused);
}

#[tokio::test]
async fn an_end_without_an_answer_is_refused() {
    assert_bad(&answer(Vec::new()).await, FailureClass::Refused);
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_bad(&measure(target(&url)).await, FailureClass::Refused);
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_body() {
    assert_bad(&answer(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()).await, FailureClass::Body);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_failure() {
    assert_bad(&measure(target("http://no-such-host.invalid/")).await, FailureClass::Dns);
}

#[tokio::test]
async fn a_name_is_resolved_and_every_address_tried() {
    // Where `localhost` is ::1 first, nobody listens there.
    let fake = Fake::new(Do::Say(response("200 OK", "", ""))).await;
    let measurement = measure(target(&format!("http://localhost:{}/", fake.address.port()))).await;
    assert_eq!(measurement.outcome, Outcome::Good);
}

#[tokio::test]
async fn a_body_without_end_is_read_up_to_the_limit() {
    let body = "x".repeat(3 << 20);
    let measurement = answer(format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes()).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_eq!(measurement.facts.number("body_bytes"), Some(LIMIT));
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let measurement = answer(chunked.as_bytes().to_vec()).await;
    assert_eq!(measurement.facts.number("body_bytes"), Some(5.0));
}

#[tokio::test]
async fn certificates_that_cannot_be_read_leave_it_unknown() {
    let fake = Fake::new(Do::Say(Vec::new())).await;
    let mut http = HttpTarget::try_new(&format!("https://{}/", fake.address)).unwrap();
    http.tls.ca_file = Some("/no/such/ca.pem".into());
    assert_unknown(&measure(Target::Http(http)).await, FailureClass::Missing);
}

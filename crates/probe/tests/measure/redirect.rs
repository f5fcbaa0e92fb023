//! Chains of redirects, followed as far as they may be.

use evenkeel_probe::{FailureClass, Header, HttpTarget, Outcome, RequestBody, Target};

use crate::fake::{Do, Fake, response};
use crate::{assert_bad, measure};

fn to(place: &str) -> Do {
    Do::Say(response("302 Found", &format!("location: {place}\r\n"), "see there"))
}

fn target(url: &str, redirects: u32) -> HttpTarget {
    let mut target = HttpTarget::try_new(url).unwrap();
    target.max_redirects = redirects;
    target
}

#[tokio::test]
async fn a_chain_is_followed_and_its_times_are_added_up() {
    let end = Fake::new(Do::Say(response("200 OK", "", "well"))).await;
    let middle = Fake::new(to(&end.url("/c"))).await;
    let mut start = Fake::new(to(&middle.url("/b"))).await;
    let measurement = measure(Target::Http(target(&start.url("/a"), 5))).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    let facts = &measurement.facts;
    assert_eq!((facts.number("status"), facts.number("redirects")), (Some(200.0), Some(2.0)));
    assert_eq!((facts.number("body_bytes"), facts.text("location")), (Some(4.0), Some("")));
    let phases = ["resolve_ms", "connect_ms", "tls_ms", "processing_ms", "transfer_ms"];
    let sum: f64 = phases.iter().map(|phase| facts.number(phase).unwrap()).sum();
    assert!(sum > 0.0 && sum <= facts.number("latency_ms").unwrap());
    start.closed.recv().await.unwrap();
}

#[tokio::test]
async fn a_circle_ends_at_the_limit_and_the_last_redirect_is_the_answer() {
    let mut fake = Fake::new(to("/again")).await;
    let measurement = measure(Target::Http(target(&fake.url("/"), 7))).await;
    assert_bad(&measurement, FailureClass::Status);
    let detail = &measurement.outcome.failure().unwrap().detail;
    assert!(detail.contains("status 302, to `/again`"), "{detail}");
    assert_eq!(measurement.facts.number("redirects"), Some(7.0));
    for request in 0..8 {
        let said = fake.requests.recv().await.unwrap();
        assert!(said.starts_with(if request == 0 { "GET / " } else { "GET /again " }), "{said}");
        fake.closed.recv().await.unwrap();
    }
    assert!(fake.requests.try_recv().is_err());
}

#[tokio::test]
async fn secrets_stay_with_the_host_that_they_are_for() {
    let mut other = Fake::new(Do::Say(response("200 OK", "", ""))).await;
    let mut own = Fake::new(to(&other.url("/"))).await;
    let mut http = target(&own.url("/"), 1);
    http.headers = vec![Header::try_new("authorization", "Bearer hunter2").unwrap()];
    assert_eq!(measure(Target::Http(http)).await.outcome, Outcome::Good);
    assert!(own.requests.recv().await.unwrap().contains("hunter2"));
    let said = other.requests.recv().await.unwrap();
    assert!(!said.contains("hunter2"), "{said}");
    assert!(said.to_lowercase().contains(&format!("host: {}\r\n", other.address)), "{said}");
}

#[tokio::test]
async fn within_an_origin_headers_and_a_body_go_along() {
    let answer = Do::Say(response("307 x", "location: /b\r\n", ""));
    let mut fake = Fake::new(answer).await;
    let mut http = target(&fake.url("/a"), 1);
    http.set_method("POST").unwrap();
    http.headers = vec![Header::try_new("x-token", "t").unwrap()];
    http.body = RequestBody(b"ping".to_vec());
    assert_bad(&measure(Target::Http(http)).await, FailureClass::Status);
    for path in ["/a", "/b"] {
        let said = fake.requests.recv().await.unwrap().to_lowercase();
        assert!(said.starts_with(&format!("post {path} ")), "{said}");
        assert!(
            said.contains("x-token: t\r\n") && said.contains("content-length: 4\r\n"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_is_not_followed_is_said_without_the_password_in_it() {
    let fake = Fake::new(to("http://me:hunter2@127.0.0.1/")).await;
    for redirects in [0, 1] {
        let measurement = measure(Target::Http(target(&fake.url("/"), redirects))).await;
        assert_bad(&measurement, FailureClass::Status);
        let shown = format!("{measurement:?} {}", serde_json::to_string(&measurement).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_the_answer() {
    for location in ["ftp://example.org/", "http://", "http://127.0.0.1:0/"] {
        let fake = Fake::new(to(location)).await;
        let measurement = measure(Target::Http(target(&fake.url("/"), 3))).await;
        assert_bad(&measurement, FailureClass::Status);
    }
    // None at all: judged by its status.
    let fake = Fake::new(Do::Say(response("304 Not Modified", "", ""))).await;
    assert_bad(&measure(Target::Http(target(&fake.url("/"), 3))).await, FailureClass::Status);
}

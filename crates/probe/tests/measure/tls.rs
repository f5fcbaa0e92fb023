use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evenkeel_probe::{
    ClientCertificate, FailureClass, HttpTarget, Measurement, Outcome, Pattern, Prober, Target,
    TcpTarget, TlsName, TlsOptions,
};
use rcgen::date_time_ymd;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fake::{Do, Fake, response};
use crate::pki::{Authority, Server};
use crate::{SLACK, assert_bad, assert_good, assert_unknown, measure};

fn https(host: &str, address: SocketAddr, authority: &Authority) -> HttpTarget {
    let url = format!("https://{host}:{}/", address.port());
    let mut http = HttpTarget::try_new(&url).unwrap();
    http.tls.ca_file = Some(authority.file("ca.pem"));
    http
}

async fn ask(host: &str, address: SocketAddr, authority: &Authority) -> Measurement {
    measure(Target::Http(https(host, address, authority))).await
}

fn days_until(unix_seconds: f64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    (unix_seconds - now) / 86_400.0
}

#[track_caller]
fn assert_days(measurement: &Measurement, expected: f64) {
    let days = measurement.facts.number("cert_days").unwrap();
    assert!((days - expected).abs() < 0.01, "{days} and not {expected}");
}

const YEAR_2090: f64 = 3_786_912_000.0;
const YEAR_2030: f64 = 1_893_456_000.0;
const YEAR_2021: f64 = 1_609_459_200.0;

#[tokio::test]
async fn a_certificate_that_the_given_file_vouches_for_is_good_and_read() {
    let authority = Authority::new();
    let shown = authority.certificate(|_| {});
    for versions in [&[&TLS12][..], &[&TLS13][..]] {
        // The vector of versions must live as long as the program.
        let versions = Box::leak(versions.to_vec().into_boxed_slice());
        let server = Server { versions, ..Server::showing(&shown) };
        let address = server.start().await;
        let target = Target::Http(https("localhost", address, &authority));
        // Twice: a session that is resumed would show no certificate.
        for _ in 0..2 {
            let measurement = measure(target.clone()).await;
            assert_good(&measurement, &target);
            assert!(measurement.facts.number("tls_ms").unwrap() > 0.0);
            assert_eq!(measurement.facts.text("cert_subject"), Some("CN=localhost"));
            assert_days(&measurement, days_until(YEAR_2090));
            assert_eq!(measurement.facts.number("cert_expiry_seconds"), Some(YEAR_2090));
        }
    }
}

#[tokio::test]
async fn the_first_of_a_chain_to_expire_counts() {
    let authority = Authority::new();
    let mut shown = authority.certificate(|_| {});
    let other = authority.certificate(|params| params.not_after = date_time_ymd(2030, 1, 1));
    shown.chain.extend(other.chain);
    let address = Server::showing(&shown).start().await;
    let measurement = ask("localhost", address, &authority).await;
    assert_eq!(measurement.outcome, Outcome::Good);
    assert_days(&measurement, days_until(YEAR_2030));
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_now_is_a_tls_failure_with_its_date() {
    let authority = Authority::new();
    let expired = authority.certificate(|params| params.not_after = date_time_ymd(2021, 1, 1));
    let address = Server::showing(&expired).start().await;
    let measurement = ask("localhost", address, &authority).await;
    assert_bad(&measurement, FailureClass::Tls);
    assert!(measurement.outcome.failure().unwrap().detail.contains("expired"), "{measurement:?}");
    assert_days(&measurement, days_until(YEAR_2021));

    let early = authority.certificate(|params| params.not_before = date_time_ymd(2080, 1, 1));
    let address = Server::showing(&early).start().await;
    let measurement = ask("localhost", address, &authority).await;
    assert_bad(&measurement, FailureClass::Tls);
    assert!(
        measurement.outcome.failure().unwrap().detail.contains("not valid yet"),
        "{measurement:?}"
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_known_vouches_for_is_a_tls_failure() {
    let (authority, other) = (Authority::new(), Authority::new());
    let shown = other.certificate(|_| {});
    let address = Server::showing(&shown).start().await;
    assert_bad(&ask("localhost", address, &authority).await, FailureClass::Tls);
    // Nor does the host.
    let url = format!("https://localhost:{}/", address.port());
    let unknown = Target::Http(HttpTarget::try_new(&url).unwrap());
    assert_bad(&measure(unknown).await, FailureClass::Tls);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_tls_failure_unless_that_name_is_meant() {
    let authority = Authority::new();
    let shown = authority.certificate(|_| {});
    let address = Server::showing(&shown).start().await;
    assert_bad(&ask("127.0.0.1", address, &authority).await, FailureClass::Tls);
    let mut named = https("127.0.0.1", address, &authority);
    named.tls.server_name = Some(TlsName::try_new("localhost").unwrap());
    assert_eq!(measure(Target::Http(named.clone())).await.outcome, Outcome::Good);
    named.tls.server_name = Some(TlsName::try_new("other.example").unwrap());
    assert_bad(&measure(Target::Http(named)).await, FailureClass::Tls);
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_gets_it_or_it_is_a_tls_failure() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    authority.client("client");
    stranger.client("client");
    let shown = authority.certificate(|_| {});
    let identity = |authority: &Authority| ClientCertificate {
        certificate: authority.file("client.pem"),
        key: authority.file("client.key"),
    };
    for versions in [&[&TLS12][..], &[&TLS13][..]] {
        let versions = Box::leak(versions.to_vec().into_boxed_slice());
        let clients = Some(&authority);
        let server = Server { versions, clients, ..Server::showing(&shown) };
        let address = server.start().await;
        let mut http = https("localhost", address, &authority);
        assert_bad(&measure(Target::Http(http.clone())).await, FailureClass::Tls);
        http.tls.client = Some(identity(&stranger));
        assert_bad(&measure(Target::Http(http.clone())).await, FailureClass::Tls);
        http.tls.client = Some(identity(&authority));
        assert_eq!(measure(Target::Http(http.clone())).await.outcome, Outcome::Good);
        // The same over plain TLS, where an answer is waited for.
        let endpoint = format!("localhost:{}", address.port());
        let mut tcp = TcpTarget::try_new(&endpoint).unwrap();
        tcp.tls = Some(TlsOptions { client: None, ..http.tls.clone() });
        tcp.exchange.send = b"GET / HTTP/1.0\r\n\r\n".to_vec();
        tcp.exchange.expect = Some(Pattern::try_new("200 OK").unwrap());
        assert_bad(&measure(Target::Tcp(tcp.clone())).await, FailureClass::Tls);
        tcp.tls = Some(http.tls);
        let measurement = measure(Target::Tcp(tcp)).await;
        assert_eq!(measurement.outcome, Outcome::Good);
        assert_days(&measurement, days_until(YEAR_2090));
    }
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_where_a_redirect_leads() {
    let authority = Authority::new();
    authority.client("client");
    let shown = authority.certificate(|_| {});
    let clients = Some(&authority);
    let wanting = Server { clients, ..Server::showing(&shown) }.start().await;
    let location = format!("location: https://localhost:{}/\r\n", wanting.port());
    let answer = response("302 Found", &location, "");
    let first = Server { answer, ..Server::showing(&shown) }.start().await;
    let mut http = https("localhost", first, &authority);
    http.max_redirects = 1;
    http.tls.client = Some(ClientCertificate {
        certificate: authority.file("client.pem"),
        key: authority.file("client.key"),
    });
    assert_bad(&measure(Target::Http(http)).await, FailureClass::Tls);
}

#[tokio::test]
async fn a_redirect_away_from_tls_is_not_followed() {
    let authority = Authority::new();
    let shown = authority.certificate(|_| {});
    let mut plain = Fake::new(Do::Say(response("200 OK", "", ""))).await;
    let answer = response("302 Found", &format!("location: {}\r\n", plain.url("/")), "");
    let address = Server { answer, ..Server::showing(&shown) }.start().await;
    let mut http = https("localhost", address, &authority);
    http.max_redirects = 1;
    let measurement = measure(Target::Http(http)).await;
    assert_bad(&measurement, FailureClass::Status);
    assert!(measurement.outcome.failure().unwrap().detail.contains("from https to http"));
    assert!(plain.requests.try_recv().is_err());
}

#[tokio::test]
async fn files_that_cannot_be_used_leave_it_unknown() {
    let authority = Authority::new();
    authority.client("one");
    authority.client("other");
    let shown = authority.certificate(|_| {});
    let address = Server::showing(&shown).start().await;
    std::fs::write(authority.file("empty.pem"), "nothing here\n").unwrap();
    let base = https("localhost", address, &authority);
    let with_ca = |name: &str| {
        let mut http = base.clone();
        http.tls.ca_file = Some(authority.file(name));
        Target::Http(http)
    };
    assert_unknown(&measure(with_ca("no-such.pem")).await, FailureClass::Missing);
    assert_unknown(&measure(with_ca("empty.pem")).await, FailureClass::Tls);
    let with_client = |certificate: &str, key: &str| {
        let mut http = base.clone();
        let (certificate, key) = (authority.file(certificate), authority.file(key));
        http.tls.client = Some(ClientCertificate { certificate, key });
        Target::Http(http)
    };
    assert_unknown(&measure(with_client("one.pem", "no-such.key")).await, FailureClass::Missing);
    assert_unknown(&measure(with_client("empty.pem", "one.key")).await, FailureClass::Tls);
    assert_unknown(&measure(with_client("one.pem", "one.pem")).await, FailureClass::Tls);
    let swapped = measure(with_client("one.pem", "other.key")).await;
    assert_unknown(&swapped, FailureClass::Tls);
    assert!(swapped.outcome.failure().unwrap().detail.contains("does not belong"), "{swapped:?}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_tls_failure() {
    let mut mute = Fake::new(Do::Mute).await;
    let authority = Authority::new();
    let target = Target::Http(https("localhost", mute.address, &authority));
    // Long enough for the file of the authority to be read before.
    let measurement = Prober::new().measure(&target, Duration::from_secs(1)).await;
    assert!(measurement.took < SLACK, "{measurement:?}");
    assert_bad(&measurement, FailureClass::Timeout);
    assert!(measurement.outcome.failure().unwrap().detail.starts_with("no TLS session"));
    mute.closed.recv().await.unwrap();
    for answer in ["220 ready when you are\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let target = Target::Http(HttpTarget::try_new(&url).unwrap());
        assert_bad(&measure(target).await, FailureClass::Tls);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read_u8().await;
        stream.set_zero_linger().unwrap();
    });
    let reset = measure(Target::Http(HttpTarget::try_new(&url).unwrap())).await;
    assert_bad(&reset, FailureClass::Refused);
}

#[tokio::test]
async fn a_chain_of_any_length_is_told_off_or_looked_at_in_part() {
    let authority = Authority::new();
    let mut long = authority.certificate(|_| {});
    let other = authority.certificate(|_| {});
    // As much as a handshake can carry, and more than that.
    for (copies, class) in [(100, None), (400, Some(FailureClass::Tls))] {
        long.chain.truncate(1);
        long.chain.extend((0..copies).map(|_| other.chain[0].clone()));
        let address = Server::showing(&long).start().await;
        let measurement = ask("localhost", address, &authority).await;
        match class {
            None => assert_eq!(measurement.outcome, Outcome::Good),
            Some(class) => assert_bad(&measurement, class),
        }
    }
}

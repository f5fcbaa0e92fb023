use std::net::SocketAddr;
use std::sync::Arc;

use evenkeel_probe::{FailureClass, HttpTarget, Target};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fake::{Do, Fake, head, response};
use crate::{assert_bad, assert_good, assert_unknown, measure, measure_shortly};

/// An HTTPS endpoint with a certificate for `localhost` that only its own file vouches for.
struct Secure {
    scratch: TempDir,
    address: SocketAddr,
}

impl Secure {
    async fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                head(&mut stream).await;
                let _ = stream.write_all(&response("200 OK", "", "well")).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { scratch, address }
    }

    fn target(&self, host: &str, ca_file: Option<&str>) -> Target {
        let mut http =
            HttpTarget::try_new(&format!("https://{host}:{}/", self.address.port())).unwrap();
        http.tls.ca_file = ca_file.map(|file| self.scratch.path().join(file));
        Target::Http(http)
    }
}

#[tokio::test]
async fn a_certificate_that_the_given_file_vouches_for_is_good() {
    let secure = Secure::new().await;
    let target = secure.target("localhost", Some("ca.pem"));
    let measurement = measure(target.clone()).await;
    assert_good(&measurement, &target);
    assert!(measurement.facts.number("tls_ms").unwrap() > 0.0);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_tls_failure() {
    let secure = Secure::new().await;
    assert_bad(&measure(secure.target("localhost", None)).await, FailureClass::Tls);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_tls_failure() {
    let secure = Secure::new().await;
    assert_bad(&measure(secure.target("127.0.0.1", Some("ca.pem"))).await, FailureClass::Tls);
}

#[tokio::test]
async fn a_file_without_a_certificate_leaves_it_unknown() {
    let secure = Secure::new().await;
    std::fs::write(secure.scratch.path().join("empty.pem"), "nothing here\n").unwrap();
    assert_unknown(
        &measure(secure.target("localhost", Some("empty.pem"))).await,
        FailureClass::Tls,
    );
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_tls_failure() {
    let fake = Fake::new(Do::Say(response("200 OK", "", ""))).await;
    // It waits for a head that TLS never sends, unless it says something first.
    let target = Target::Http(HttpTarget::try_new(&format!("https://{}/", fake.address)).unwrap());
    assert_bad(&measure_shortly(target).await, FailureClass::Timeout);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"220 ready when you are\r\n").await;
    });
    assert_bad(&measure(Target::Http(HttpTarget::try_new(&url).unwrap())).await, FailureClass::Tls);
}

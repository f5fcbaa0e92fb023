use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_shown::said::{HostCode, NetworkCode};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificate::Certificate;
use crate::prober::{Attempt, HostTrust, Prober, Shared, Step, off_thread};
use crate::{ClientCertificate, FailureClass, Outcome, TlsOptions};

/// So many certificates of a chain are looked at for their dates; chains of use are shorter.
const CHAIN: usize = 16;

/// The host's store takes 61 ms to read, so it is kept; and read anew, as an authority may be added or taken away while an agent runs.
const HOST_TRUST_LASTS: Duration = Duration::from_hours(1);
const DAY_SECONDS: f64 = 86_400.0;

/// What is spoken over the session, told to the server during the handshake.
pub(crate) const HTTP: &[&[u8]] = &[b"http/1.1"];

#[derive(Debug)]
enum SetupError {
    Read { path: PathBuf, source: pem::Error },
    ReadKey { path: PathBuf, source: pem::Error },
    Empty { path: PathBuf },
    Pair { key: PathBuf, certificate: PathBuf, source: rustls::Error },
    Setup(rustls::Error),
}

impl SetupError {
    fn code(&self) -> NetworkCode {
        let shown = |path: &Path| path.display().to_string();
        match self {
            Self::Read { path, source } => {
                let error = source.to_string();
                NetworkCode::UnreadableCertificates { file: shown(path), error }
            }
            Self::ReadKey { path, source } => {
                NetworkCode::UnreadableKey { file: shown(path), error: source.to_string() }
            }
            Self::Empty { path } => NetworkCode::NoCertificate { file: shown(path) },
            Self::Pair { key, certificate, source } => NetworkCode::KeyOfAnother {
                key: shown(key),
                certificate: shown(certificate),
                error: source.to_string(),
            },
            Self::Setup(source) => NetworkCode::NoTls { error: source.to_string() },
        }
    }
}

/// Makes a TLS session on `stream` with the host of `name`, and notes how long it took and what the certificate says.
///
/// Each session is a new one: on a resumed one the server would show no certificate, and an expired one would go unseen.
pub(crate) async fn secure<Stream: AsyncRead + AsyncWrite + Unpin>(
    prober: &Prober,
    stream: Stream,
    name: ServerName<'static>,
    options: &TlsOptions,
    protocols: &[&[u8]],
    attempt: &mut Attempt,
) -> Result<TlsStream<Stream>, Outcome> {
    // Reading files of this host: that it is slow is not the target's fault.
    attempt.step = Step::Start;
    let witness = Arc::new(Witness::new(verifier(prober, options.ca_file.as_deref()).await?));
    let config = config(witness.clone(), options.client.clone(), protocols).await?;
    attempt.step = Step::Tls;
    let begun = Instant::now();
    let shown = name.to_str().into_owned();
    let session = TlsConnector::from(config).connect(name, stream).await;
    attempt.took("tls_ms", begun);
    // Also of a session that failed: that a certificate has expired is best said with the date.
    if let Some(seen) = witness.seen() {
        attempt.facts.set("cert_days", seen.days_left);
        attempt.facts.set("cert_expiry_seconds", seen.ends);
        attempt.facts.set("cert_subject", seen.subject);
    }
    session.map_err(|error| {
        let reset = error.kind() == io::ErrorKind::ConnectionReset;
        let class = if reset { FailureClass::Refused } else { FailureClass::Tls };
        let error = error.to_string();
        Outcome::bad(class, NetworkCode::NoTlsSession { with: shown.clone(), error })
    })
}

/// Whose signatures are trusted.
async fn verifier(
    prober: &Prober,
    ca_file: Option<&Path>,
) -> Result<Arc<dyn ServerCertVerifier>, Outcome> {
    if let Some(path) = ca_file {
        let path = path.to_owned();
        return off_thread(move || with_roots(&path)).await?.map_err(|error| unknown(&error));
    }
    // A task of its own, so that it comes about also where no attempt has the time to wait for it.
    let lost = |_| Outcome::unknown(FailureClass::Limit, HostCode::BrokenOff);
    tokio::spawn(of_host(prober.shared.clone())).await.map_err(lost)?
}

async fn of_host(shared: Arc<Shared>) -> Result<Arc<dyn ServerCertVerifier>, Outcome> {
    // Held while it is read: it is read once for all who wait.
    let mut trust = shared.host_trust.lock().await;
    if let Some(known) = trust.as_ref().filter(|known| known.read.elapsed() < HOST_TRUST_LASTS) {
        return Ok(known.verifier.clone());
    }
    let verifier = off_thread(with_roots_of_host).await?.map_err(|error| unknown(&error))?;
    *trust = Some(HostTrust { read: Instant::now(), verifier: verifier.clone() });
    Ok(verifier)
}

async fn config(
    witness: Arc<Witness>,
    client: Option<ClientCertificate>,
    protocols: &[&[u8]],
) -> Result<Arc<ClientConfig>, Outcome> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unknown(&SetupError::Setup(error)))?
        .dangerous()
        .with_custom_certificate_verifier(witness);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let ClientCertificate { certificate, key } = client.clone();
            let (chain, private) =
                off_thread(move || identity(&client)).await?.map_err(|error| unknown(&error))?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|source| unknown(&SetupError::Pair { key, certificate, source }))?
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn with_roots(path: &Path) -> Result<Arc<dyn ServerCertVerifier>, SetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(path)?);
    if roots.is_empty() {
        return Err(SetupError::Empty { path: path.to_owned() });
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier
        .build()
        .map_err(|error| SetupError::Setup(rustls::Error::General(error.to_string())))?;
    Ok(verifier)
}

fn with_roots_of_host() -> Result<Arc<dyn ServerCertVerifier>, SetupError> {
    let verifier =
        rustls_platform_verifier::Verifier::new(provider()).map_err(SetupError::Setup)?;
    Ok(Arc::new(verifier))
}

fn identity(
    client: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), SetupError> {
    let chain = certificates(&client.certificate)?;
    if chain.is_empty() {
        return Err(SetupError::Empty { path: client.certificate.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&client.key)
        .map_err(|source| SetupError::ReadKey { path: client.key.clone(), source })?;
    Ok((chain, key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let read = |source| SetupError::Read { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(read)?.map(|found| found.map_err(read)).collect()
}

/// Not having found out is nobody's fault but the prober's.
fn unknown(error: &SetupError) -> Outcome {
    let class = match error {
        SetupError::Read { source: pem::Error::Io(source), .. }
        | SetupError::ReadKey { source: pem::Error::Io(source), .. } => match source.kind() {
            io::ErrorKind::NotFound => FailureClass::Missing,
            io::ErrorKind::PermissionDenied => FailureClass::Denied,
            _ => FailureClass::Limit,
        },
        _ => FailureClass::Tls,
    };
    Outcome::unknown(class, error.code())
}

/// The one place that names a provider of cryptography.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Leaves the judgement to another, and keeps what the certificates say about themselves, good or bad.
#[derive(Debug)]
struct Witness {
    judge: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug, Clone)]
struct Seen {
    /// Until the first certificate of the chain ends; below zero if it has.
    days_left: f64,
    /// When that is, in seconds of Unix time.
    ends: f64,
    subject: String,
}

impl Witness {
    fn new(judge: Arc<dyn ServerCertVerifier>) -> Self {
        Self { judge, seen: Mutex::new(None) }
    }

    fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(first) = Certificate::read(end_entity) {
            let others = intermediates.iter().take(CHAIN).filter_map(|der| Certificate::read(der));
            let ends = others.map(|other| other.not_after).fold(first.not_after, i64::min);
            #[expect(clippy::cast_precision_loss, reason = "both are far below 2^53 seconds")]
            let (ends, now) = (ends as f64, now.as_secs() as f64);
            let days_left = (ends - now) / DAY_SECONDS;
            let seen = Seen { days_left, ends, subject: first.subject };
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        self.judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::prober::{Attempt, Prober, Step, off_thread};
use crate::{Endpoint, FailureClass, Outcome};

#[derive(Debug, thiserror::Error)]
enum TrustError {
    #[error("cannot read certificates from `{}`: {source}", path.display())]
    Read { path: PathBuf, source: pem::Error },
    #[error("there is no usable certificate in `{}`", path.display())]
    Empty { path: PathBuf },
    #[error("cannot set up TLS: {0}")]
    Setup(rustls::Error),
}

/// Makes a TLS session on `stream`, and notes how long it took.
pub(crate) async fn secure(
    prober: &Prober,
    stream: TcpStream,
    endpoint: &Endpoint,
    ca_file: Option<&Path>,
    attempt: &mut Attempt,
) -> Result<TlsStream<TcpStream>, Outcome> {
    let config = trust(prober, ca_file).await?;
    let name = ServerName::try_from(endpoint.host().to_owned()).map_err(|_| {
        Outcome::bad(
            FailureClass::Tls,
            format!("`{}` cannot be the name in a certificate", endpoint.host()),
        )
    })?;
    attempt.step = Step::Tls;
    let begun = Instant::now();
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
        Outcome::bad(FailureClass::Tls, format!("no trusted TLS session with {endpoint}: {error}"))
    })?;
    attempt.took("tls_ms", begun);
    Ok(stream)
}

async fn trust(prober: &Prober, ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Outcome> {
    // Not having found out is nobody's fault but the prober's.
    let unknown = |error: TrustError| Outcome::unknown(FailureClass::Tls, error.to_string());
    if let Some(path) = ca_file {
        let path = path.to_owned();
        return off_thread(move || with_roots(&path)).await?.map_err(unknown);
    }
    let make = async || off_thread(with_roots_of_host).await?.map_err(unknown);
    prober.shared.host_trust.get_or_try_init(make).await.cloned()
}

fn with_roots(path: &Path) -> Result<Arc<ClientConfig>, TrustError> {
    let read = |source| TrustError::Read { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(read)? {
        roots.add_parsable_certificates([certificate.map_err(read)?]);
    }
    if roots.is_empty() {
        return Err(TrustError::Empty { path: path.to_owned() });
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(finished(config))
}

fn with_roots_of_host() -> Result<Arc<ClientConfig>, TrustError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(TrustError::Setup)?
        .with_no_client_auth();
    Ok(finished(config))
}

fn finished(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// The one place that names a provider of cryptography.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

//! Opens the doors of the agent: the page's address and the control socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::{AgentSettings, TlsFiles, reached_at, read_secret};
use evenkeel_safefs::escaped;
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::error::AgentError;
use crate::page::{Desk, Gate, router};
use crate::serve::serve;

/// A shorter token can be guessed.
const SHORTEST_TOKEN: usize = 16;
/// Between two tries to have an address that was not to be had.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is open; closed, and the socket's file removed, when it is dropped.
#[derive(Debug)]
pub(crate) struct Doors {
    /// The tasks that serve; they end with this.
    serving: JoinSet<()>,
    socket: Option<PathBuf>,
    address: Option<SocketAddr>,
    scheme: &'static str,
}

impl Doors {
    /// Opens the page on `listener`, or on the address of the settings as soon as that is free, and the socket if `write` allows to make it.
    pub(crate) fn open(
        settings: &AgentSettings,
        listener: Option<TcpListener>,
        write: bool,
        desk: &Desk,
    ) -> Result<Self, AgentError> {
        let mut doors =
            Self { serving: JoinSet::new(), socket: None, address: None, scheme: "http" };
        let address = listener.as_ref().map_or(settings.listen, |it| it.local_addr().ok());
        if let Some(address) = address {
            let failed = |source| AgentError::Listen { address, source };
            let listener = match listener.map_or_else(|| TcpListener::bind(address), Ok) {
                Ok(listener) => Some(accepting(listener).map_err(failed)?),
                Err(error) if may_pass(&error) => {
                    tracing::error!(
                        "cannot listen on `{address}` (agent.listen): {error}; all else goes on, and it is tried again every {} s",
                        PATIENCE.as_secs()
                    );
                    None
                }
                Err(error) => return Err(failed(error)),
            };
            let bound = listener.as_ref().and_then(|listener| listener.local_addr().ok());
            let address = bound.unwrap_or(address);
            doors.address = Some(address);
            let token = token(settings)?;
            let tls = settings.access.tls.as_ref().map(acceptor).transpose()?;
            if tls.is_some() {
                doors.scheme = "https";
            }
            let url = doors.url();
            let gate = Gate::new(address, &desk.host, token.as_deref());
            let router = router(desk.clone(), Some(gate));
            doors.serving.spawn(async move {
                let listener = match listener {
                    Some(listener) => listener,
                    None => listener_in_time(address).await,
                };
                tracing::info!("the status page is on {url}");
                serve(listener, router, tls).await;
            });
        }
        if let Some(path) = settings.socket.as_ref().filter(|_| write) {
            let failed = |source| AgentError::Socket { path: path.clone(), source };
            let listener = bind_socket(path).map_err(failed)?;
            doors.socket = Some(path.clone());
            let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
            doors.serving.spawn(serve(listener, router(desk.clone(), None), None));
        }
        Ok(doors)
    }

    /// The page's URL; empty if there is none.
    pub(crate) fn url(&self) -> String {
        let url = |address| format!("{}://{}/", self.scheme, reached_at(address));
        self.address.map_or_else(String::new, url)
    }
}

/// Whether somebody else may make room, or the host is yet to have that address: the agent keeps its host meanwhile, and whoever
/// is quick enough to take the address does not keep it from that.
fn may_pass(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
}

/// The listener, as soon as there can be one.
async fn listener_in_time(address: SocketAddr) -> tokio::net::TcpListener {
    loop {
        tokio::time::sleep(PATIENCE).await;
        if let Ok(listener) = TcpListener::bind(address).and_then(accepting) {
            return listener;
        }
    }
}

fn accepting(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

impl Drop for Doors {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            #[expect(
                clippy::disallowed_methods,
                reason = "the socket lies in the agent's own 0700 directory"
            )]
            // Gone already, with its directory: as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The token that readers must send.
fn token(settings: &AgentSettings) -> Result<Option<String>, AgentError> {
    let Some(path) = &settings.access.token_file else { return Ok(None) };
    let token = read_secret(path).map_err(AgentError::Token)?;
    if token.len() < SHORTEST_TOKEN {
        return Err(AgentError::ShortToken { path: path.clone(), shortest: SHORTEST_TOKEN });
    }
    Ok(Some(token))
}

/// Speaks TLS with these files, which are read once.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, AgentError> {
    let read = |path: &Path, source| AgentError::Certificate { path: path.to_owned(), source };
    let certificate = &files.certificate;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(|source| read(certificate, source))?
        .collect();
    let chain = chain.map_err(|source| read(certificate, source))?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|source| read(&files.key, source))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|source| AgentError::Tls { path: certificate.clone(), source })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Binds a socket that only its owner may use, in a directory that only its owner may enter.
///
/// A socket that nobody answers any more is taken over; one that answers belongs to another agent.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    if let Some(parent) = path.parent() {
        match std::fs::DirBuilder::new().mode(0o700).create(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        refuse_a_strangers(parent)?;
    }
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent answers there"));
    }
    #[expect(clippy::disallowed_methods, reason = "the socket lies in the agent's own directory")]
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Born with its mode: what the path names a moment later may be something else. The mask is the whole process's; of the other
    // threads that there are so early, only the one of the history makes files, and those are its owner's alone anyway.
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Fails where somebody else could put another file in the place of the socket.
fn refuse_a_strangers(parent: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "it is only told whose the directory is")]
    let found = std::fs::metadata(parent)?;
    let is_ours = [0, geteuid().as_raw()].contains(&found.uid());
    let is_open = found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0;
    if is_ours && !is_open {
        return Ok(());
    }
    let why = format!(
        "its directory `{}` is not this user's or root's, or others may write to it",
        escaped(parent)
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use evenkeel_config::Access;

    use super::*;

    #[test]
    fn a_socket_left_behind_is_taken_over_and_a_living_one_is_not() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("run/evenkeel.sock");
        drop(bind_socket(&path).expect("a first socket"));
        let living = bind_socket(&path).expect("the file left behind is no obstacle");
        let refused = bind_socket(&path).expect_err("somebody answers");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(living);
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(scratch.path(), mode).expect("a mode");
        };
        let path = scratch.path().join("evenkeel.sock");
        for open in [0o777, 0o770, 0o702] {
            mode(open);
            let refused = bind_socket(&path).expect_err("others may put something else there");
            assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{open:o}");
            assert!(!path.exists());
        }
        // In one such as /tmp nobody can take it away again.
        mode(0o1777);
        drop(bind_socket(&path).expect("a socket"));
    }

    #[test]
    fn a_token_that_can_be_guessed_is_refused() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("token");
        std::fs::write(&path, "secret\n").expect("a token");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        let access = Access { token_file: Some(path), ..Access::default() };
        let settings = AgentSettings { access, ..AgentSettings::default() };
        assert!(matches!(token(&settings), Err(AgentError::ShortToken { .. })));
    }

    #[test]
    fn the_url_is_one_that_can_be_asked() {
        let doors = |address: &str, scheme| Doors {
            serving: JoinSet::new(),
            socket: None,
            address: Some(address.parse().expect("an address")),
            scheme,
        };
        assert_eq!(doors("0.0.0.0:9720", "https").url(), "https://127.0.0.1:9720/");
        assert_eq!(doors("[fe80::1]:9720", "http").url(), "http://[fe80::1]:9720/");
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_the_address_keeps_the_agent_from_nothing_and_the_page_opens_once_it_is_free()
    {
        let stranger = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = stranger.local_addr().expect("an address");
        let settings = AgentSettings {
            listen: Some(address),
            socket: None,
            access: Access::default(),
            ..AgentSettings::default()
        };
        let (questions, _) = tokio::sync::mpsc::channel(1);
        let desk = Desk {
            questions,
            metrics: Arc::new(evenkeel_metrics::Metrics::new("0", std::time::UNIX_EPOCH)),
            recent: crate::history::Recent::default(),
            archive: None,
            boot_id: "".into(),
            host: "here".into(),
            hub: crate::page::Hub::default(),
        };
        let doors = Doors::open(&settings, None, true, &desk).expect("an agent without a page");
        assert_eq!(doors.url(), format!("http://{address}/"));
        tokio::time::sleep(PATIENCE * 3).await;
        drop(stranger);
        tokio::time::timeout(PATIENCE * 3, async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
        .await
        .expect("the page is open by now");
    }

    #[test]
    fn an_address_that_is_not_permitted_is_an_error() {
        for (kind, passes) in [
            (io::ErrorKind::AddrInUse, true),
            (io::ErrorKind::AddrNotAvailable, true),
            (io::ErrorKind::PermissionDenied, false),
        ] {
            assert_eq!(may_pass(&kind.into()), passes, "{kind}");
        }
    }

    #[test]
    fn files_of_tls_that_cannot_be_read_are_named() {
        let files =
            TlsFiles { certificate: "/nowhere/page.pem".into(), key: "/nowhere/page.key".into() };
        let error = acceptor(&files).err().expect("nothing is there").to_string();
        assert!(error.contains("/nowhere/page.pem"), "{error}");
    }
}

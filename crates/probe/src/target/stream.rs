use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::ServerName;

use crate::field::RESPONSE;
use crate::{AddressError, Condition, Endpoint, Pattern, Test};

/// Whom a TLS client trusts, and as whom it shows itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates (PEM) trusted in the place of the host's own.
    pub ca_file: Option<PathBuf>,
    /// Shown to a server that asks for it.
    pub client: Option<ClientCertificate>,
    /// The name in the server's certificate, where it is another than the host that is connected to.
    pub server_name: Option<TlsName>,
}

/// A certificate and its key, both read anew for each attempt, so that a renewed one is used at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate (PEM), followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// A name that may stand in a certificate: of a host, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsName(pub(crate) ServerName<'static>);

/// A TCP port.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpTarget {
    /// Where to connect.
    pub endpoint: Endpoint,
    /// Whether TLS is spoken, and with whom; in the clear unless set.
    pub tls: Option<TlsOptions>,
    /// How long a lookup of the name may take; as long as the attempt unless set.
    pub dns_timeout: Option<Duration>,
    /// What is said once connected.
    pub exchange: Exchange,
}

/// A Unix stream socket.
#[derive(Debug, Clone, PartialEq)]
pub struct UnixTarget {
    /// Where it is.
    pub path: PathBuf,
    /// What is said once connected.
    pub exchange: Exchange,
}

/// What is said on a connection; nothing unless set.
///
/// `Debug` leaves out what is sent: it may hold a password.
#[derive(Clone, Default, PartialEq)]
pub struct Exchange {
    /// Written at once.
    pub send: Vec<u8>,
    /// What must come: read until it is found, up to 16 KiB.
    pub expect: Option<Pattern>,
    /// Whether what came is kept as a fact, up to its first line end if nothing is expected; off unless a condition judges `response`.
    pub keep_response: bool,
    /// Whether something must come though nothing is expected; off where the response only makes the target degraded.
    pub needs_response: bool,
}

impl TlsName {
    /// Checks that `name` may stand in a certificate.
    pub fn try_new(name: &str) -> Result<Self, AddressError> {
        ServerName::try_from(name.to_owned())
            .map(Self)
            .map_err(|_| AddressError::new(name, "cannot be the name in a certificate"))
    }
}

impl TcpTarget {
    /// A port, written `host:port`.
    pub fn try_new(address: &str) -> Result<Self, AddressError> {
        Endpoint::try_new(address).map(Self::new)
    }

    /// A port that is to accept connections.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, tls: None, dns_timeout: None, exchange: Exchange::default() }
    }
}

impl UnixTarget {
    /// A socket that is to accept connections.
    ///
    /// Fails for a path that is longer than the kernel takes, or is not absolute.
    pub fn try_new(path: impl Into<PathBuf>) -> Result<Self, AddressError> {
        let path = path.into();
        check_socket_path(&path)?;
        Ok(Self { path, exchange: Exchange::default() })
    }
}

/// Fails for what cannot be the path of a Unix socket.
pub(super) fn check_socket_path(path: &std::path::Path) -> Result<(), AddressError> {
    let fail = |reason| Err(AddressError::new(&path.display().to_string(), reason));
    if !path.is_absolute() {
        return fail("is not an absolute path");
    }
    match std::os::unix::net::SocketAddr::from_pathname(path) {
        Ok(_) => Ok(()),
        Err(_) => fail("cannot be the path of a socket: 107 bytes are the most, and none is NUL"),
    }
}

impl Exchange {
    pub(super) fn awaited_by(&mut self, conditions: &[Condition]) {
        for condition in conditions.iter().filter(|condition| condition.field == RESPONSE) {
            self.needs_response = true;
            // What must be found is read for until it is.
            if let (Test::Lacks(pattern), None) = (&condition.test, &self.expect) {
                self.expect = Some(pattern.clone());
            }
        }
    }

    /// Whether it is no fault if no answer comes.
    pub(crate) fn only_wishes(&self) -> bool {
        self.expect.is_none() && !self.needs_response
    }

    /// Whether an answer is waited for.
    pub(crate) fn listens(&self) -> bool {
        self.expect.is_some() || self.keep_response
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Exchange")
            .field("send", &format_args!("{} bytes", self.send.len()))
            .field("expect", &self.expect)
            .field("keep_response", &self.keep_response)
            .field("needs_response", &self.needs_response)
            .finish()
    }
}

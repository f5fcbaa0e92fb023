use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};

use super::TlsOptions;
use super::stream::check_socket_path;
use crate::field::{BODY, HEADER_FIELD};
use crate::{AddressError, Condition, HttpUrl, Scope};

const GOOD_STATUS: RangeInclusive<u16> = 200..=299;

/// How much of a body is read unless told otherwise: a health page that is longer is good or bad before that.
const MAX_BODY: usize = 1024 * 1024;

/// An HTTP endpoint. Proxies of the environment are not used.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpTarget {
    /// What is asked for.
    pub url: HttpUrl,
    /// How: `GET` unless set.
    pub method: Method,
    /// Sent besides the ones every request has, to the URL's own origin alone.
    pub headers: Vec<Header>,
    /// Sent with the request, to the URL's own origin alone; nothing if empty.
    pub body: RequestBody,
    /// How many redirects are followed; one beyond them is the answer. None unless set.
    ///
    /// To another origin (scheme, host, port) go neither headers nor body nor client certificate. From `https` to `http`, and away from
    /// a Unix socket, none is followed.
    pub max_redirects: u32,
    /// Where redirects may lead; anywhere unless set.
    pub scope: Option<Scope>,
    /// Trust and identity, where the URL is `https`.
    pub tls: TlsOptions,
    /// A socket to connect to in the place of the URL's host.
    pub unix_socket: Option<PathBuf>,
    /// How long a lookup of the name may take; as long as the attempt unless set.
    pub dns_timeout: Option<Duration>,
    /// How much of a body is read, in bytes; what comes after is not waited for.
    pub max_body: usize,
    /// Statuses that are good: 2xx unless set; any if there are none here, as when a condition judges `status`.
    pub expected_status: Vec<RangeInclusive<u16>>,
    /// Whether the body is kept as a fact; off unless a condition judges `body`.
    pub keep_body: bool,
    /// Headers of the response that are facts: those that a condition judges.
    pub(crate) kept_headers: Vec<HeaderFact>,
}

/// What a request carries. `Debug` leaves it out: it may hold a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestBody(pub Vec<u8>);

/// A header of a request. `Debug` leaves its value out: it may be a secret.
#[derive(Clone, PartialEq)]
pub struct Header {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
}

/// A header of the response, and the field it is noted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderFact {
    pub(crate) field: String,
    pub(crate) name: HeaderName,
}

/// A header that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no header, or its value holds characters that cannot be sent")]
pub struct HeaderError {
    name: String,
}

impl HttpTarget {
    /// Chains of redirects that are longer lead in a circle; for whoever reads the number from settings or flags.
    pub const MOST_REDIRECTS: u32 = 20;

    /// The most that is to be read of a body, in bytes: it is held in memory while it is judged.
    pub const LARGEST_BODY: u64 = 16 * 1024 * 1024;

    /// A `GET` of `url` that expects a status of 2xx.
    pub fn new(url: HttpUrl) -> Self {
        Self {
            url,
            method: Method::GET,
            headers: Vec::new(),
            body: RequestBody::default(),
            max_redirects: 0,
            scope: None,
            tls: TlsOptions::default(),
            unix_socket: None,
            dns_timeout: None,
            max_body: MAX_BODY,
            expected_status: vec![GOOD_STATUS],
            keep_body: false,
            kept_headers: Vec::new(),
        }
    }

    /// The same for a URL that is still to be checked.
    pub fn try_new(url: &str) -> Result<Self, AddressError> {
        HttpUrl::try_new(url).map(Self::new)
    }

    /// Sets the method by its name.
    ///
    /// Fails for a name that is none, and for `CONNECT`, which asks for no resource.
    pub fn set_method(&mut self, name: &str) -> Result<(), HeaderError> {
        let method =
            Method::from_bytes(name.as_bytes()).ok().filter(|method| *method != Method::CONNECT);
        self.method = method.ok_or_else(|| HeaderError { name: name.to_owned() })?;
        Ok(())
    }

    /// Sets the socket to connect to in the place of the URL's host.
    ///
    /// Fails for a path that is longer than the kernel takes, or is not absolute.
    pub fn set_unix_socket(&mut self, path: PathBuf) -> Result<(), AddressError> {
        check_socket_path(&path)?;
        self.unix_socket = Some(path);
        Ok(())
    }

    /// Keeps a header of the response as the fact `header.NAME`, as a condition on it would. What is no name of a header is left out.
    pub fn keep_header(&mut self, name: &str) {
        let field = format!("{HEADER_FIELD}{name}");
        if let Some(name) = header_of(&field) {
            self.kept_headers.push(HeaderFact { field, name });
        }
    }

    /// Whether an answer can come over TLS, so that there is a certificate to judge.
    pub(crate) fn may_see_certificate(&self) -> bool {
        self.url.is_tls() || self.max_redirects > 0
    }

    pub(super) fn keep_for(&mut self, conditions: &[Condition]) {
        for Condition { field, .. } in conditions {
            self.keep_body |= field == BODY;
            if let Some(name) = field.strip_prefix(HEADER_FIELD) {
                self.keep_header(name);
            }
        }
    }
}

/// The header that a field of the form `header.NAME` stands for; `None` for other fields, and for what is no name.
pub(crate) fn header_of(field: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(field.strip_prefix(HEADER_FIELD)?.as_bytes()).ok()
}

impl Header {
    /// Checks that both can be sent.
    pub fn try_new(name: &str, value: &str) -> Result<Self, HeaderError> {
        let fail = || HeaderError { name: name.to_owned() };
        Ok(Self {
            name: HeaderName::from_bytes(name.as_bytes()).map_err(|_| fail())?,
            value: HeaderValue::from_str(value).map_err(|_| fail())?,
        })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Header({}: …)", self.name)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RequestBody({} bytes)", self.0.len())
    }
}

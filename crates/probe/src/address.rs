use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use evenkeel_shown::redact_url;
use hyper::Uri;

/// Where to connect: a host name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// A checked `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    tls: bool,
    endpoint: Endpoint,
    /// Path and query, never empty.
    target: String,
    /// As the `Host` header has it: without the scheme's own port.
    authority: String,
}

/// An address that cannot be probed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}")]
pub struct AddressError {
    text: String,
    reason: String,
}

impl Endpoint {
    /// Reads `host:port`; an IPv6 address stands in brackets.
    pub fn try_new(text: &str) -> Result<Self, AddressError> {
        let fail = |reason| AddressError::new(text, reason);
        let (host, port) =
            text.rsplit_once(':').ok_or_else(|| fail("lacks a port; write `host:port`"))?;
        let port = port
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| port.parse().ok())
            .flatten()
            .filter(|port| *port != 0)
            .ok_or_else(|| fail("has no port between 1 and 65535"))?;
        Ok(Self {
            host: host_of(host).ok_or_else(|| fail("has no host that can be looked up"))?,
            port,
        })
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl HttpUrl {
    /// Reads an absolute URL. A fragment is dropped, as it is never sent.
    ///
    /// Fails for other schemes, for a missing host, and for a user name or password in the URL: those would show
    /// wherever the URL is shown, and belong into a header.
    pub fn try_new(text: &str) -> Result<Self, AddressError> {
        let fail = |reason: &str| AddressError::new(text, reason);
        let uri = Uri::from_str(text).map_err(|error| fail(&format!("is no URL: {error}")))?;
        let (tls, own_port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            Some(_) => return Err(fail("has a scheme other than `http` and `https`")),
            None => return Err(fail("lacks a scheme; write `http://…` or `https://…`")),
        };
        let authority = uri.authority().ok_or_else(|| fail("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(AddressError {
                text: "the URL".to_owned(),
                reason: "holds a user name or password; send an `authorization` header instead"
                    .to_owned(),
            });
        }
        let host =
            host_of(authority.host()).ok_or_else(|| fail("has no host that can be looked up"))?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            None | Some("" | ":") => own_port,
            Some(_) => authority
                .port_u16()
                .filter(|port| *port != 0)
                .ok_or_else(|| fail("has no port between 1 and 65535"))?,
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let endpoint = Endpoint { host, port };
        let authority =
            if port == own_port { endpoint.bracketed_host() } else { endpoint.to_string() };
        Ok(Self { tls, endpoint, target, authority })
    }

    /// Whether the scheme is `https`.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Where to connect.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What is asked for: path and query.
    pub fn request_target(&self) -> &str {
        &self.target
    }

    /// What the `Host` header says.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl AddressError {
    pub(crate) fn new(text: &str, reason: &str) -> Self {
        Self { text: redact_url(text), reason: reason.to_owned() }
    }

    /// What is wrong with it, in words that follow its text.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

impl Endpoint {
    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.bracketed_host(), self.port)
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", self.authority, self.target);
        formatter.write_str(&redact_url(&url))
    }
}

/// A host without its brackets, if it is an address or may be a name.
fn host_of(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        return inner.parse::<std::net::Ipv6Addr>().ok().map(|address| address.to_string());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let valid = !text.is_empty()
        && text.len() <= 253
        && !text.starts_with(['.', '-'])
        && text.bytes().all(allowed);
    valid.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_url(text: &str, shown: &str, host: &str, port: u16, target: &str) {
        let url = HttpUrl::try_new(text).unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!((url.endpoint().host(), url.endpoint().port()), (host, port));
        assert_eq!(url.request_target(), target);
    }

    #[test]
    fn urls_are_read_with_their_defaults() {
        check_url(
            "http://127.0.0.1:8080/health",
            "http://127.0.0.1:8080/health",
            "127.0.0.1",
            8080,
            "/health",
        );
        check_url("https://Example.org", "https://example.org/", "example.org", 443, "/");
        check_url(
            "http://example.org:80/a?b=c#d",
            "http://example.org/a?b=c",
            "example.org",
            80,
            "/a?b=c",
        );
        check_url("http://example.org?x=1", "http://example.org/?x=1", "example.org", 80, "/?x=1");
        check_url("http://[::1]:81/", "http://[::1]:81/", "::1", 81, "/");
        check_url("http://[0:0::1]/", "http://[::1]/", "::1", 80, "/");
    }

    #[test]
    fn what_cannot_be_probed_is_refused_with_a_reason() {
        for text in [
            "",
            "example.org/health",
            "ftp://example.org/",
            "http://",
            "http:///x",
            "http://exa mple.org/",
            "http://example.org:0/",
            "http://example.org:65536/",
            "http://-x/",
            "/health",
        ] {
            assert!(HttpUrl::try_new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        let error = HttpUrl::try_new("http://me:hunter2@example.org/").unwrap_err().to_string();
        assert!(error.contains("authorization"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn endpoints_need_a_host_and_a_port() {
        assert_eq!(Endpoint::try_new("[::1]:22").unwrap().to_string(), "[::1]:22");
        assert_eq!(Endpoint::try_new("db.internal:5432").unwrap().port(), 5432);
        for text in
            ["", "22", ":22", "host", "host:", "host:0", "host:+1", "host:70000", "::1:22", "[::1]"]
        {
            assert!(Endpoint::try_new(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_endpoint_reads_back_as_it_is_shown(host in "[a-z][a-z0-9.-]{0,20}", port in 1..=u16::MAX) {
            let endpoint = Endpoint::try_new(&format!("{host}:{port}")).unwrap();
            prop_assert_eq!(Endpoint::try_new(&endpoint.to_string()).unwrap(), endpoint);
        }

        #[test]
        fn a_url_reads_back_as_it_is_shown(
            tls: bool,
            host in "[a-z][a-z0-9.-]{0,20}",
            port in proptest::option::of(1..=u16::MAX),
            path in "(/[a-z0-9._~-]{0,8}){0,3}",
            query in proptest::option::of("[a-z0-9=&]{0,8}"),
        ) {
            let scheme = if tls { "https" } else { "http" };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            let url = HttpUrl::try_new(&format!("{scheme}://{host}{port}{path}{query}")).unwrap();
            prop_assert_eq!(HttpUrl::try_new(&url.to_string()).unwrap(), url);
        }

        #[test]
        fn nothing_typed_makes_the_parsers_panic(text in "\\PC{0,40}") {
            let _ = Endpoint::try_new(&text);
            if let Ok(url) = HttpUrl::try_new(&text) {
                prop_assert!(url.request_target().starts_with('/'));
            }
        }
    }
}

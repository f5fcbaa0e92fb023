//! Targets that are asked over a network or a socket: the flags are the keys of settings.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_cli::Failure;
use evenkeel_config::{parse_size, parse_status};
use evenkeel_probe::{
    ClientCertificate, DnsName, DnsTarget, Exchange, Header, HttpTarget, RecordType, RequestBody,
    TcpTarget, TlsName, TlsOptions, UnixTarget,
};

use super::duration;

#[derive(Debug, clap::Args)]
pub(super) struct Http {
    /// http:// or https://
    url: String,
    /// Method of the request; GET, or POST with a body
    #[arg(long)]
    method: Option<String>,
    /// Header to send; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Body to send
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// Statuses that are good, such as 204 or 200-299 or 2xx; repeatable
    #[arg(long, value_name = "STATUS", default_value = "2xx", value_parser = status)]
    expect_status: Vec<RangeInclusive<u16>>,
    /// Follow so many redirects
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=i64::from(HttpTarget::MOST_REDIRECTS)))]
    max_redirects: u32,
    /// Connect to this socket in the place of the URL's host
    #[arg(long, value_name = "PATH")]
    unix_socket: Option<PathBuf>,
    /// Give up looking up the name after this long
    #[arg(long, value_name = "D", value_parser = duration, conflicts_with = "unix_socket")]
    dns_timeout: Option<Duration>,
    /// Read so much of the body
    #[arg(long, value_name = "S", default_value = "1MiB", value_parser = size)]
    max_body: usize,
    #[command(flatten)]
    tls: Tls,
}

#[derive(Debug, clap::Args)]
pub(super) struct Tcp {
    /// HOST:PORT, an IPv6 address in brackets
    address: String,
    /// Text to send, with \r \n \t \\ \xHH; what must come back is `--expect 'response~PATTERN'`
    #[arg(long, value_name = "TEXT", value_parser = escapes)]
    send: Option<Sent>,
    /// Speak TLS
    #[arg(long = "tls")]
    speak_tls: bool,
    /// Give up looking up the name after this long
    #[arg(long, value_name = "D", value_parser = duration)]
    dns_timeout: Option<Duration>,
    #[command(flatten)]
    tls: Tls,
}

#[derive(Debug, clap::Args)]
pub(super) struct Unix {
    /// Where the socket is
    path: PathBuf,
    /// Text to send, with \r \n \t \\ \xHH; what must come back is `--expect 'response~PATTERN'`
    #[arg(long, value_name = "TEXT", value_parser = escapes)]
    send: Option<Sent>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Dns {
    /// The name
    name: String,
    /// A, AAAA, CNAME, MX, NS, PTR, SRV or TXT
    #[arg(long = "type", value_name = "TYPE", default_value = "A")]
    record: RecordType,
    /// Ask this server in the place of the host's own resolver
    #[arg(long, value_name = "ADDRESS", value_parser = server)]
    server: Option<SocketAddr>,
    /// A value that must be among the answers; repeatable
    #[arg(long, value_name = "VALUE")]
    answer: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Tls {
    /// Trust the certificates in this PEM file, in the place of the host's
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,
    /// Show this certificate (PEM) to a server that asks for one
    #[arg(long, value_name = "PATH", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "PATH", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// The name in the server's certificate, if it is another than the host
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
}

/// Bytes of a `--send` flag. `Debug` leaves them out: they may hold a password.
#[derive(Clone)]
struct Sent(Vec<u8>);

impl std::fmt::Debug for Sent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sent({} bytes)", self.0.len())
    }
}

impl Http {
    pub(super) fn target(&self) -> Result<HttpTarget, Failure> {
        let mut target = HttpTarget::try_new(&self.url).map_err(Failure::usage)?;
        let method = match (&self.method, &self.body) {
            (Some(method), _) => method,
            (None, Some(_)) => "POST",
            (None, None) => "GET",
        };
        target.set_method(method).map_err(Failure::usage)?;
        if let Some(body) = &self.body {
            if ["GET", "HEAD"].contains(&method) {
                return Err(Failure::usage(format!("`--body` does not belong to {method}")));
            }
            target.body = RequestBody(body.clone().into_bytes());
        }
        for header in &self.header {
            // The value is not repeated: it may be a secret.
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| Failure::usage("`--header` is written `NAME: VALUE`"))?;
            target
                .headers
                .push(Header::try_new(name.trim(), value.trim()).map_err(Failure::usage)?);
        }
        target.expected_status.clone_from(&self.expect_status);
        target.max_redirects = self.max_redirects;
        target.dns_timeout = self.dns_timeout;
        target.max_body = self.max_body;
        if let Some(path) = &self.unix_socket {
            target.set_unix_socket(path.clone()).map_err(Failure::usage)?;
            if target.url.is_tls() && self.tls.server_name.is_none() {
                return Err(Failure::usage(
                    "`--unix-socket` with https needs `--server-name`: the host of the URL is not connected to",
                ));
            }
        }
        let spoken = target.url.is_tls() || target.max_redirects > 0;
        target.tls = self.tls.options(spoken)?;
        Ok(target)
    }
}

impl Tcp {
    pub(super) fn target(&self) -> Result<TcpTarget, Failure> {
        let mut target = TcpTarget::try_new(&self.address).map_err(Failure::usage)?;
        let options = self.tls.options(self.speak_tls)?;
        target.tls = Some(options).filter(|_| self.speak_tls);
        target.dns_timeout = self.dns_timeout;
        target.exchange = sending(self.send.as_ref());
        Ok(target)
    }
}

impl Unix {
    pub(super) fn target(&self) -> Result<UnixTarget, Failure> {
        let mut target = UnixTarget::try_new(&self.path).map_err(Failure::usage)?;
        target.exchange = sending(self.send.as_ref());
        Ok(target)
    }
}

impl Dns {
    pub(super) fn target(&self) -> Result<DnsTarget, Failure> {
        let mut target = DnsTarget::new(DnsName::try_new(&self.name).map_err(Failure::usage)?);
        if self.server.is_none() && !self.record.is_address() {
            return Err(Failure::usage(format!(
                "`--type {}` needs `--server`: the host's own resolver knows addresses alone",
                self.record
            )));
        }
        target.record = self.record;
        target.server = self.server;
        let values = self.answer.iter().map(|value| DnsTarget::normal(self.record, value));
        target.expect = values.collect::<Result<_, _>>().map_err(Failure::usage)?;
        Ok(target)
    }
}

impl Tls {
    fn options(&self, spoken: bool) -> Result<TlsOptions, Failure> {
        let given =
            self.ca_file.is_some() || self.client_cert.is_some() || self.server_name.is_some();
        if given && !spoken {
            return Err(Failure::usage(
                "`--ca-file`, `--client-cert` and `--server-name` are of no use without TLS",
            ));
        }
        let name = self.server_name.as_ref().map(|name| TlsName::try_new(name)).transpose();
        let client = self.client_cert.clone().zip(self.client_key.clone());
        Ok(TlsOptions {
            ca_file: self.ca_file.clone(),
            client: client.map(|(certificate, key)| ClientCertificate { certificate, key }),
            server_name: name.map_err(Failure::usage)?,
        })
    }
}

fn sending(sent: Option<&Sent>) -> Exchange {
    Exchange { send: sent.map(|sent| sent.0.clone()).unwrap_or_default(), ..Exchange::default() }
}

/// A text as a shell passes it, with the escapes that it leaves alone.
fn escapes(text: &str) -> Result<Sent, String> {
    let mut sent = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            sent.extend(char.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let byte = match chars.next() {
            Some('r') => Some(b'\r'),
            Some('n') => Some(b'\n'),
            Some('t') => Some(b'\t'),
            Some('\\') => Some(b'\\'),
            Some('x') => {
                let mut digit = || chars.next().and_then(|char| char.to_digit(16));
                digit().zip(digit()).and_then(|(high, low)| u8::try_from(high << 4 | low).ok())
            }
            _ => None,
        };
        sent.push(byte.ok_or("after `\\` comes one of `r`, `n`, `t`, `\\` or `xHH`")?);
    }
    Ok(Sent(sent))
}

fn status(text: &str) -> Result<RangeInclusive<u16>, String> {
    parse_status(text).map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    let fits =
        usize::try_from(bytes).ok().filter(|_| (1..=HttpTarget::LARGEST_BODY).contains(&bytes));
    fits.ok_or_else(|| "from 1 byte to 16MiB are taken".to_owned())
}

fn server(text: &str) -> Result<SocketAddr, String> {
    DnsTarget::parse_server(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(escapes(r"GET\r\n\t\\\x00é").unwrap().0, "GET\r\n\t\\\0é".as_bytes());
        for text in [r"\", r"\q", r"\x", r"\x1", r"\xgg", r"\x+1"] {
            assert!(escapes(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_typed_makes_the_readers_panic(text in "\\PC{0,20}|[\\\\x0-9-]{0,8}") {
            let _ = (escapes(&text), status(&text), size(&text), server(&text));
        }
    }
}

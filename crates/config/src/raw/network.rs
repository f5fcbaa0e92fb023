use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{Lasting, OneOrMany, Size, Status};

/// A URL that must answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// Needed for a check: `http` or `https`, without a user and password. Proxies of the environment are not used.
    pub(crate) url: Option<String>,
    /// The method. Default: `GET`.
    pub(crate) method: Option<String>,
    /// Headers that are sent; one takes the place of what is sent anyway, such as `host`. Their values are secrets.
    pub(crate) headers: Option<BTreeMap<String, String>>,
    /// What is sent, up to 64 KiB; needs a method other than GET and HEAD. A secret.
    pub(crate) body: Option<String>,
    /// Statuses that are good: codes, classes and ranges. Default: `2xx`.
    pub(crate) expect_status: Option<OneOrMany<Status>>,
    /// How many redirects are followed, up to 20; one beyond is the answer, and judged as such. Default: 0.
    pub(crate) max_redirects: Option<u32>,
    /// Certificates (PEM) trusted in the place of the host's.
    pub(crate) ca_file: Option<PathBuf>,
    /// The certificate that is shown (PEM); needs `client_key`. Read anew for each attempt.
    pub(crate) client_cert: Option<PathBuf>,
    /// Its key (PEM).
    pub(crate) client_key: Option<PathBuf>,
    /// The name in the certificate, and the one asked for. Default: the URL's host.
    pub(crate) server_name: Option<String>,
    /// A socket to connect to; the URL's host is then only the `host` header.
    pub(crate) unix_socket: Option<PathBuf>,
    /// How long the lookup of the name may take, at most `timeout`.
    pub(crate) dns_timeout: Option<Lasting>,
    /// How much of the body is read and judged, up to 16 MiB. Default: `1MiB`.
    pub(crate) max_body: Option<Size>,
}

/// A port that must take connections.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tcp {
    /// Needed for a check: `host:port`, an IPv6 address in brackets.
    #[cfg_attr(test, schemars(extend("examples" = ["127.0.0.1:5432", "[::1]:5432"])))]
    pub(crate) address: Option<String>,
    /// Text to send once connected, up to 64 KiB; TOML's escapes make bytes such as `"PING\r\n"`. A secret.
    pub(crate) send: Option<String>,
    /// A regular expression that must be found in what comes, within 16 KiB. Without it, that the connection stands is good.
    pub(crate) expect: Option<String>,
    /// Whether TLS is spoken. Default: `false`.
    pub(crate) tls: Option<bool>,
    /// Certificates (PEM) trusted in the place of the host's.
    pub(crate) ca_file: Option<PathBuf>,
    /// The certificate that is shown (PEM); needs `client_key`.
    pub(crate) client_cert: Option<PathBuf>,
    /// Its key (PEM).
    pub(crate) client_key: Option<PathBuf>,
    /// The name in the certificate, and the one asked for. Default: the address's host.
    pub(crate) server_name: Option<String>,
    /// How long the lookup of the name may take, at most `timeout`.
    pub(crate) dns_timeout: Option<Lasting>,
}

/// A name that must resolve.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dns {
    /// What is looked up. Needed.
    pub(crate) name: Option<String>,
    /// The kind of record; without `server` one of `A` and `AAAA`. Default: `A`.
    #[cfg_attr(test, schemars(extend("examples" = evenkeel_probe::RecordType::ALL.map(evenkeel_probe::RecordType::as_str))))]
    pub(crate) r#type: Option<String>,
    /// The server that is asked, an address with port 53 unless it says another. Default: the host's resolver.
    #[cfg_attr(test, schemars(extend("examples" = ["192.0.2.53", "[2001:db8::53]:5353"])))]
    pub(crate) server: Option<String>,
    /// Values that must be among the answers.
    pub(crate) expect: Option<OneOrMany<String>>,
}

/// A Unix socket that must take connections.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Unix {
    /// Needed for a check: an absolute path of up to 107 bytes.
    pub(crate) path: Option<PathBuf>,
    /// Text to send once connected, as for `tcp`. A secret.
    pub(crate) send: Option<String>,
    /// A regular expression that must be found in what comes, as for `tcp`.
    pub(crate) expect: Option<String>,
}

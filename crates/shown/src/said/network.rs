#![expect(missing_docs, reason = "a field is named after what it is")]

use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a look over the network found wrong; `error` is in the system's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkCode {
    NotWithin { awaited: Awaited, within: Duration },
    NoConnectionWithin { to: String, within: Duration },
    NoConnection { to: String, error: String },
    Broke { error: String },
    ClosedWithoutAnswer,
    NotFoundInAnswer { pattern: String, bytes: usize, answer: String },
    NoAddress { host: String },
    NotResolvedWithin { host: String, within: Duration },
    NotResolved { host: String, error: String },
    NoNameOfCertificate { host: String },
    NoTlsSession { with: String, error: String },
    UnreadableCertificates { file: String, error: String },
    UnreadableKey { file: String, error: String },
    NoCertificate { file: String },
    KeyOfAnother { key: String, certificate: String, error: String },
    NoTls { error: String },
    CannotSend { error: String },
    Status { status: u16, hint: Option<StatusHint> },
    NotFollowed { to: String, why: NotFollowed },
    NoRecord { name: String, record: String },
    NotAmongAnswers { value: String, answers: String },
    ServerSays { server: String, name: String, code: u8 },
    NoAnswerToQuestion { server: String },
}

/// What did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    Name,
    Connection,
    TlsSession,
    Response,
    EndOfResponse,
    Taking,
    Answer,
}

/// What an answer of an unexpected status says besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusHint {
    /// Where it redirects to.
    To(String),
    /// How long it asks to wait.
    Wait(String),
    /// Until when it asks to wait, as it is written.
    WaitUntil(String),
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotFollowed {
    OffTls,
    OffSocket,
    NotAdmitted,
    TakesBody,
    /// It is no address.
    Address(String),
}

impl Display for NetworkCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWithin { awaited, within } => write!(to, "{awaited} within {within:?}"),
            Self::NoConnectionWithin { to: peer, within } => {
                write!(to, "no connection to {peer} within {within:?}")
            }
            Self::NoConnection { to: peer, error } => {
                write!(to, "no connection to {peer}: {error}")
            }
            Self::Broke { error } => write!(to, "the connection broke: {error}"),
            Self::ClosedWithoutAnswer => {
                to.write_str("the connection was closed without an answer")
            }
            Self::NotFoundInAnswer { pattern, bytes, answer } => {
                write!(to, "`{pattern}` was not found in {bytes} bytes of answer: `{answer}`")
            }
            Self::NoAddress { host } => write!(to, "`{host}` has no address"),
            Self::NotResolvedWithin { host, within } => {
                write!(to, "`{host}` was not resolved within {within:?}")
            }
            Self::NotResolved { host, error } => {
                write!(to, "`{host}` was not resolved: {error}")
            }
            Self::NoNameOfCertificate { host } => {
                write!(to, "`{host}` cannot be the name in a certificate")
            }
            Self::NoTlsSession { with, error } => {
                write!(to, "no trusted TLS session with `{with}`: {error}")
            }
            Self::UnreadableCertificates { file, error } => {
                write!(to, "cannot read certificates from `{file}`: {error}")
            }
            Self::UnreadableKey { file, error } => {
                write!(to, "cannot read a private key from `{file}`: {error}")
            }
            Self::NoCertificate { file } => {
                write!(to, "there is no usable certificate in `{file}`")
            }
            Self::KeyOfAnother { key, certificate, error } => write!(
                to,
                "the key in `{key}` does not belong to the certificate in `{certificate}`: {error}"
            ),
            Self::NoTls { error } => write!(to, "cannot set up TLS: {error}"),
            Self::CannotSend { error } => write!(to, "the request cannot be sent: {error}"),
            Self::Status { status, hint: None } => write!(to, "status {status}"),
            Self::Status { status, hint: Some(hint) } => write!(to, "status {status}{hint}"),
            Self::NotFollowed { to: place, why } => {
                write!(to, "a redirect to `{place}` is not followed: {why}")
            }
            Self::NoRecord { name, record } => write!(to, "`{name}` has no {record} record"),
            Self::NotAmongAnswers { value, answers } => {
                write!(to, "`{value}` is not among the answers: {answers}")
            }
            Self::ServerSays { server, name, code } => {
                write!(to, "{server} says of `{name}`: ")?;
                match code {
                    1 => to.write_str("it cannot read the question (FORMERR)"),
                    2 => to.write_str("it cannot find out (SERVFAIL)"),
                    3 => to.write_str("there is no such name (NXDOMAIN)"),
                    4 => to.write_str("it does not do that (NOTIMP)"),
                    5 => to.write_str("it refuses to answer (REFUSED)"),
                    other => write!(to, "code {other}"),
                }
            }
            Self::NoAnswerToQuestion { server } => {
                write!(to, "what {server} answers is no answer to the question")
            }
        }
    }
}

impl Display for Awaited {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Name => "the name was not resolved",
            Self::Connection => "no connection",
            Self::TlsSession => "no TLS session",
            Self::Response => "no response",
            Self::EndOfResponse => "the response did not end",
            Self::Taking => "what was sent was not taken",
            Self::Answer => "the expected answer did not come",
        })
    }
}

/// Follows the status.
impl Display for StatusHint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(place) => write!(to, ", to `{place}`"),
            Self::Wait(time) => write!(to, "; asks to wait for {time}"),
            Self::WaitUntil(moment) => write!(to, "; asks to wait until `{moment}`"),
        }
    }
}

impl Display for NotFollowed {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::OffTls => "it leads from https to http",
            Self::OffSocket => "it leads away from the Unix socket",
            Self::NotAdmitted => "it leads to a host that this module may not ask",
            Self::TakesBody => "it would take the request's body to another host",
            Self::Address(reason) => reason,
        })
    }
}

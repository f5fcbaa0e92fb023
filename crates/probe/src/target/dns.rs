use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::AddressError;

/// Where name servers listen.
const PORT: u16 = 53;

/// A name that must resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsTarget {
    /// The name.
    pub name: DnsName,
    /// What is asked for.
    pub record: RecordType,
    /// The server that is asked; the host's own resolver unless set, which knows addresses alone.
    pub server: Option<SocketAddr>,
    /// Values that must be among the answers, as [`DnsTarget::normal`] writes them.
    pub expect: Vec<String>,
}

/// A name that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsName(String);

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The name that this one stands for.
    Cname,
    /// Mail exchangers, as `10 mail.example.org`.
    Mx,
    /// Name servers.
    Ns,
    /// The name of an address.
    Ptr,
    /// Where a service is, as `priority weight port host`.
    Srv,
    /// Texts.
    Txt,
}

/// A word that is no [`RecordType`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of record that is known here")]
pub struct RecordTypeError(String);

impl DnsTarget {
    /// A name of which the host's resolver must know an IPv4 address.
    pub fn new(name: DnsName) -> Self {
        Self { name, record: RecordType::A, server: None, expect: Vec::new() }
    }

    /// Reads the address of a server, with port 53 if it has none.
    pub fn parse_server(text: &str) -> Result<SocketAddr, AddressError> {
        let with_port = text.parse().ok().filter(|address: &SocketAddr| address.port() != 0);
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let alone = || Some(SocketAddr::new(bare.parse::<IpAddr>().ok()?, PORT));
        with_port.or_else(alone).ok_or_else(|| {
            AddressError::new(text, "is no address such as `192.0.2.53` or `[2001:db8::53]:5353`")
        })
    }

    /// A value as answers have it: addresses in their shortest form, names in small letters and without the last dot.
    ///
    /// Fails for an address that is none.
    pub fn normal(record: RecordType, value: &str) -> Result<String, AddressError> {
        let fail = |reason| AddressError::new(value, reason);
        match record {
            RecordType::A => std::net::Ipv4Addr::from_str(value)
                .map(|address| address.to_string())
                .map_err(|_| fail("is no IPv4 address")),
            RecordType::Aaaa => std::net::Ipv6Addr::from_str(value)
                .map(|address| address.to_string())
                .map_err(|_| fail("is no IPv6 address")),
            RecordType::Txt => Ok(value.to_owned()),
            _ => Ok(value.trim_end_matches('.').to_ascii_lowercase()),
        }
    }
}

impl DnsName {
    /// Checks that `name` can be asked for: labels of 1 to 63 letters, digits, `-` and `_`, of 253 in all.
    pub fn try_new(name: &str) -> Result<Self, AddressError> {
        let fail = |reason| AddressError::new(name, reason);
        let bare = name.strip_suffix('.').unwrap_or(name);
        if bare.is_empty() || bare.len() > 253 {
            return Err(fail("is no name: 1 to 253 characters are taken"));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && label.bytes().all(allowed)
        };
        if !bare.split('.').all(is_label) {
            return Err(fail(
                "is no name: between dots stand 1 to 63 letters, digits, `-` and `_`",
            ));
        }
        Ok(Self(bare.to_ascii_lowercase()))
    }

    /// In small letters, without the last dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RecordType {
    /// Every one that can be asked for.
    pub const ALL: [Self; 8] =
        [Self::A, Self::Aaaa, Self::Cname, Self::Mx, Self::Ns, Self::Ptr, Self::Srv, Self::Txt];

    /// The word that settings use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }

    /// Whether the host's own resolver knows it.
    pub fn is_address(self) -> bool {
        matches!(self, Self::A | Self::Aaaa)
    }
}

impl FromStr for RecordType {
    type Err = RecordTypeError;

    fn from_str(word: &str) -> Result<Self, RecordTypeError> {
        let found = Self::ALL.into_iter().find(|record| record.as_str().eq_ignore_ascii_case(word));
        found.ok_or_else(|| RecordTypeError(word.to_owned()))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_lack_the_port() {
        let shown = |text| DnsTarget::parse_server(text).map(|server| server.to_string());
        assert_eq!(shown("192.0.2.53").unwrap(), "192.0.2.53:53");
        assert_eq!(shown("2001:db8::53").unwrap(), "[2001:db8::53]:53");
        assert_eq!(shown("[2001:db8::53]").unwrap(), "[2001:db8::53]:53");
        assert_eq!(shown("[2001:db8::53]:5353").unwrap(), "[2001:db8::53]:5353");
        assert!(shown("localhost").is_err() && shown("192.0.2.53:0").is_err());
    }

    #[test]
    fn names_are_those_that_a_server_can_be_asked_for() {
        for name in
            ["example.org", "Example.ORG.", "_sip._tcp.x", "localhost", "1.2.0.192.in-addr.arpa"]
        {
            let read = DnsName::try_new(name).unwrap();
            assert_eq!(read.as_str(), name.trim_end_matches('.').to_ascii_lowercase());
        }
        let long = "a".repeat(64);
        for name in ["", ".", "a..b", "-a", "a b", "a/b", "ü", long.as_str(), &"a.".repeat(127)] {
            assert_eq!(DnsName::try_new(name).is_ok(), name.len() == 254, "{name}");
        }
    }

    #[test]
    fn values_have_one_form() {
        let normal = |record, value| DnsTarget::normal(record, value).ok();
        assert_eq!(normal(RecordType::Aaaa, "2001:DB8:0::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(normal(RecordType::Mx, "10 Mail.example.").as_deref(), Some("10 mail.example"));
        assert_eq!(normal(RecordType::Txt, "As Is.").as_deref(), Some("As Is."));
        assert_eq!(normal(RecordType::A, "::1"), None);
    }
}

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::{AddressError, DnsName, Target};

/// Where a target may be that somebody else chooses.
///
/// An entry is an address (`10.0.0.5`), a network (`10.0.0.0/24`), a host name (`db.internal`), every name below one
/// (`*.internal`), or the path of a Unix socket. A name stands for itself, whatever it resolves to; an address is never a name,
/// and a name that looks like one in another notation is not in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Network { address: IpAddr, bits: u32 },
    Name(String),
    Below(String),
    Path(PathBuf),
}

impl Scope {
    /// Reads the entries; none of them admits nothing.
    ///
    /// Fails with the first one that is none.
    pub fn try_new<Text: AsRef<str>>(entries: &[Text]) -> Result<Self, AddressError> {
        entries.iter().map(|text| entry(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the target is within.
    pub fn admits(&self, target: &Target) -> bool {
        match target {
            Target::Http(http) => self.admits_host(http.url.endpoint().host()),
            Target::Tcp(tcp) => self.admits_host(tcp.endpoint.host()),
            Target::Dns(dns) => {
                dns.server.is_some_and(|server| self.admits_host(&server.ip().to_string()))
            }
            Target::Unix(unix) => self.admits_path(&unix.path),
            _ => false,
        }
    }

    /// Whether a host, by name or address, is within.
    pub(crate) fn admits_host(&self, host: &str) -> bool {
        let found = host.parse::<IpAddr>().ok();
        let name = host.strip_suffix('.').unwrap_or(host);
        self.0.iter().any(|entry| match (entry, found) {
            (Entry::Network { address, bits }, Some(found)) => is_within(*address, *bits, found),
            (Entry::Name(known), None) => name.eq_ignore_ascii_case(known),
            (Entry::Below(suffix), None) => {
                let name = name.to_ascii_lowercase();
                name.strip_suffix(suffix.as_str())
                    .is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
            }
            _ => false,
        })
    }

    fn admits_path(&self, path: &Path) -> bool {
        self.0.iter().any(|entry| matches!(entry, Entry::Path(known) if known == path))
    }
}

fn entry(text: &str) -> Result<Entry, AddressError> {
    let fail = |reason| AddressError::new(text, reason);
    if text.starts_with('/') {
        return Ok(Entry::Path(text.into()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let address = address.to_canonical();
        return Ok(Entry::Network { address, bits: width(address) });
    }
    if let Some((address, bits)) = text.split_once('/') {
        let address: IpAddr =
            address.parse().map_err(|_| fail("is no network such as `10.0.0.0/24`"))?;
        let bits =
            bits.bytes().all(|byte| byte.is_ascii_digit()).then(|| bits.parse().ok()).flatten();
        return bits
            .filter(|bits| *bits <= width(address))
            .map(|bits| Entry::Network { address, bits })
            .ok_or_else(|| fail("is a network with more bits than an address has"));
    }
    let name = |text| DnsName::try_new(text).map(|name| name.as_str().to_owned());
    let refuse = |_| fail("is no host name, `*.NAME`, address, network or path of a socket");
    match text.strip_prefix("*.") {
        Some(suffix) => name(suffix).map(Entry::Below).map_err(refuse),
        None => name(text).map(Entry::Name).map_err(refuse),
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_within(network: IpAddr, bits: u32, found: IpAddr) -> bool {
    // An IPv4 address in the clothes of IPv6 leads to the same host.
    match (network, found.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(found)) => {
            let shift = 32 - bits;
            u32::from(network).checked_shr(shift) == u32::from(found).checked_shr(shift)
        }
        (IpAddr::V6(network), IpAddr::V6(found)) => {
            let shift = 128 - bits;
            u128::from(network).checked_shr(shift) == u128::from(found).checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_are_within_by_address_name_or_suffix() {
        let scope =
            Scope::try_new(&["10.0.0.0/24", "2001:db8::/32", "::1", "db.example", "*.Internal"])
                .unwrap();
        for host in [
            "10.0.0.1",
            "::ffff:10.0.0.255",
            "2001:db8:1::1",
            "::1",
            "DB.example.",
            "a.internal",
            "a.b.internal.",
        ] {
            assert!(scope.admits_host(host), "{host}");
        }
        for host in [
            "10.0.1.1",
            "10.0.0.com",
            "10.0.0.1.evil.example",
            "167772161",
            "0x0a000001",
            "2001:db9::1",
            "::2",
            "x.db.example",
            "internal",
            ".internal",
            "evilinternal",
            "a.internal.evil",
            "",
        ] {
            assert!(!scope.admits_host(host), "{host}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "10.0.0.*",
            "10.0.0.0/33",
            "::/129",
            "x/24",
            "10.0.0.0/+8",
            "a b",
            "*.*.a",
        ] {
            assert!(Scope::try_new(&[text]).is_err(), "{text}");
        }
        assert!(!Scope::try_new::<&str>(&[]).unwrap().admits_host("::1"));
        assert!(Scope::try_new(&["0.0.0.0/0"]).unwrap().admits_host("192.0.2.1"));
    }

    #[test]
    fn each_kind_of_target_has_its_place() {
        let scope = Scope::try_new(&["192.0.2.0/24", "/run/x.sock"]).unwrap();
        let http = Target::Http(crate::HttpTarget::try_new("https://192.0.2.7:8443/x").unwrap());
        let tcp = Target::Tcp(crate::TcpTarget::try_new("192.0.3.7:1").unwrap());
        let unix = |path: &str| Target::Unix(crate::UnixTarget::try_new(path).unwrap());
        assert!(scope.admits(&http) && !scope.admits(&tcp));
        assert!(scope.admits(&unix("/run/x.sock")) && !scope.admits(&unix("/run/y.sock")));
        assert!(!scope.admits(&Target::File(crate::FileTarget::new("/run/x.sock"))));
    }

    proptest! {
        #[test]
        fn an_address_is_in_each_of_its_networks_and_in_none_of_another(address: u32, bits in 0..=32u32, flip in 0..32u32) {
            let address = std::net::Ipv4Addr::from(address);
            let scope = Scope::try_new(&[format!("{address}/{bits}")]).unwrap();
            prop_assert!(scope.admits_host(&address.to_string()));
            let other = std::net::Ipv4Addr::from(u32::from(address) ^ 1 << flip);
            prop_assert_eq!(scope.admits_host(&other.to_string()), 32 - flip > bits);
        }

        #[test]
        fn nothing_typed_makes_it_panic(text in "\\PC{0,20}", host in "\\PC{0,20}") {
            if let Ok(scope) = Scope::try_new(&[text]) {
                scope.admits_host(&host);
            }
        }
    }
}

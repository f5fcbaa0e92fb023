//! Answers as bytes, for `tests/fuzz`: those that come within a session that is not worth opening for each of them.

use crate::certificate::Certificate;
use crate::{AddressError, DnsName, HttpUrl, RecordType, dns};

/// A reply of a name server to the question with the number `id`: the records; `None` for what is no reply to it.
pub fn dns_reply(
    message: &[u8],
    id: u16,
    name: &DnsName,
    record: RecordType,
) -> Option<Vec<String>> {
    dns::wire::reply(message, id, name, record).ok().map(|reply| reply.values)
}

/// The question that is asked for a name.
pub fn dns_question(id: u16, name: &DnsName, record: RecordType) -> Vec<u8> {
    dns::wire::question(id, name, record)
}

/// Until when a certificate is valid, in seconds of Unix time, and whose it is.
pub fn certificate(der: &[u8]) -> Option<(i64, String)> {
    Certificate::read(der).map(|certificate| (certificate.not_after, certificate.subject))
}

/// What a `location` means on the page of a URL.
pub fn redirect(page: &HttpUrl, location: &str) -> Result<HttpUrl, AddressError> {
    page.join(location)
}

//! Questions to a name server and its replies, as bytes. Source: RFC 1035, section 4; RFC 2782 for SRV; RFC 3596 for AAAA.
//!
//! A reply may hold anything: each step goes forward in it, or back to an earlier place and never twice to the same one.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{DnsName, RecordType};

const HEADER_BYTES: usize = 12;
const INTERNET: u16 = 1;
const REPLY: u8 = 0x80;
const TRUNCATED: u8 = 0x02;
const RECURSION_DESIRED: u8 = 0x01;
const CODE: u8 = 0x0f;

/// Longest name in bytes.
const NAME_BYTES: usize = 255;

/// What a server says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// 0 for a success.
    pub(crate) code: u8,
    /// Whether there is more than this, to be had over TCP.
    pub(crate) truncated: bool,
    /// The values of the records asked for, in the form of [`DnsTarget::normal`](crate::DnsTarget::normal).
    pub(crate) values: Vec<String>,
}

/// Why bytes are no reply to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyError {
    /// They answer another one, if any.
    Stray,
    /// They begin as a reply to this one and do not go on as one.
    Malformed,
}

/// The message that asks for the records of a name.
pub(crate) fn question(id: u16, name: &DnsName, record: RecordType) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([RECURSION_DESIRED, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.as_str().split('.') {
        message.push(u8::try_from(label.len()).expect("a label is at most 63 bytes"));
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(number(record).to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    message
}

/// Reads a message as the reply to that question.
pub(crate) fn reply(
    message: &[u8],
    id: u16,
    name: &DnsName,
    record: RecordType,
) -> Result<Reply, ReplyError> {
    let header: &[u8; HEADER_BYTES] = message.first_chunk().ok_or(ReplyError::Stray)?;
    if header[..2] != id.to_be_bytes() || header[2] & REPLY == 0 {
        return Err(ReplyError::Stray);
    }
    let code = header[3] & CODE;
    let mut reader = Reader { message, at: HEADER_BYTES };
    match u16::from_be_bytes([header[4], header[5]]) {
        1 => {
            let asked = reader.name().ok_or(ReplyError::Malformed)?;
            let kind = reader.number().ok_or(ReplyError::Malformed)?;
            reader.number().ok_or(ReplyError::Malformed)?;
            if asked != name.as_str() || kind != number(record) {
                return Err(ReplyError::Stray);
            }
        }
        // A server that could not even read the question says so without it.
        0 if code != 0 => return Ok(Reply { code, truncated: false, values: Vec::new() }),
        _ => return Err(ReplyError::Malformed),
    }
    let truncated = header[2] & TRUNCATED != 0;
    let mut values = Vec::new();
    if !truncated {
        for _ in 0..u16::from_be_bytes([header[6], header[7]]) {
            reader.record(record, &mut values).ok_or(ReplyError::Malformed)?;
        }
    }
    Ok(Reply { code, truncated, values })
}

fn number(record: RecordType) -> u16 {
    match record {
        RecordType::A => 1,
        RecordType::Ns => 2,
        RecordType::Cname => 5,
        RecordType::Ptr => 12,
        RecordType::Mx => 15,
        RecordType::Txt => 16,
        RecordType::Aaaa => 28,
        RecordType::Srv => 33,
    }
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.message.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    /// A name in small letters, without the last dot.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut bytes = 0;
        // Where reading goes on after a name that ends elsewhere.
        let mut resume = None;
        let mut lowest = self.at;
        loop {
            let length = self.byte()?;
            match length {
                0 => break,
                1..=63 => {
                    bytes += usize::from(length) + 1;
                    if bytes > NAME_BYTES {
                        return None;
                    }
                    if !name.is_empty() {
                        name.push('.');
                    }
                    push_label(&mut name, self.take(usize::from(length))?);
                }
                0xc0..=0xff => {
                    let to = usize::from(u16::from_be_bytes([length & 0x3f, self.byte()?]));
                    // Only ever further back, or a loop would not end.
                    if to >= lowest {
                        return None;
                    }
                    resume.get_or_insert(self.at);
                    lowest = to;
                    self.at = to;
                }
                _ => return None,
            }
        }
        self.at = resume.unwrap_or(self.at);
        Some(name)
    }

    /// Adds the value of the next record to `values`, if it is of the type that is wanted.
    fn record(&mut self, wanted: RecordType, values: &mut Vec<String>) -> Option<()> {
        self.name()?;
        let kind = self.number()?;
        let class = self.number()?;
        self.take(4)?; // How long it may be remembered.
        let length = usize::from(self.number()?);
        let end = self.at.checked_add(length)?;
        if end > self.message.len() {
            return None;
        }
        if kind != number(wanted) || class != INTERNET {
            self.at = end;
            return Some(());
        }
        let value = self.value(wanted, end)?;
        // Content that is longer or shorter than it says is none.
        (self.at == end).then(|| values.push(value))
    }

    fn value(&mut self, record: RecordType, end: usize) -> Option<String> {
        Some(match record {
            RecordType::A => Ipv4Addr::from(*self.take(4)?.first_chunk()?).to_string(),
            RecordType::Aaaa => Ipv6Addr::from(*self.take(16)?.first_chunk()?).to_string(),
            RecordType::Cname | RecordType::Ns | RecordType::Ptr => self.name()?,
            RecordType::Mx => format!("{} {}", self.number()?, self.name()?),
            RecordType::Srv => {
                let (priority, weight, port) = (self.number()?, self.number()?, self.number()?);
                format!("{priority} {weight} {port} {}", self.name()?)
            }
            RecordType::Txt => {
                let mut text = String::new();
                while self.at < end {
                    let length = usize::from(self.byte()?);
                    text.push_str(&String::from_utf8_lossy(self.take(length)?));
                }
                text
            }
        })
    }
}

fn push_label(name: &mut String, label: &[u8]) {
    for byte in label {
        // Writing to a string cannot fail.
        let _ = match byte {
            b'.' | b'\\' => write!(name, "\\{}", char::from(*byte)),
            b'!'..=b'~' => write!(name, "{}", char::from(byte.to_ascii_lowercase())),
            _ => write!(name, "\\{byte:03}"),
        };
    }
}

#[cfg(test)]
mod tests;

use crate::listener::Event;

/// A header is about a hundred bytes; one of this length is not supervisord's.
const LONGEST_HEADER: usize = 4096;
/// Of a payload so much is kept: more than the names of a program and its group take. The rest is counted and let go.
const KEPT_PAYLOAD: usize = 1024;
/// The largest payload is a program's captured output, which supervisord limits by `stdout_capture_maxbytes`.
const LARGEST_PAYLOAD: u64 = 256 * 1024 * 1024;
/// The protocol is at this version since supervisord 3.0.
const VERSION: &str = "3.0";

/// Finds events in the bytes that supervisord writes. Keeps a few kilobytes at most, whatever it is given.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The header so far, or the beginning of the payload.
    kept: Vec<u8>,
    /// The payload that is being read; `None` while a header is.
    payload: Option<Payload>,
    /// Where the next event begins is not known any more.
    lost: bool,
}

/// What comes from supervisord is not its event protocol. There is no way back: where an event begins is not known any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A header without an end.
    #[error("a header of more than {LONGEST_HEADER} bytes")]
    HeaderTooLong,
    /// A header that is not words of `key:value`.
    #[error(
        "`{word}` in a header is not `key:value`; does supervisord's `identifier` have a space in it?"
    )]
    NotKeyValue {
        /// The word, escaped for printing.
        word: String,
    },
    /// A header that lacks what every event has.
    #[error("a header without `{key}`")]
    Lacks {
        /// What it lacks.
        key: &'static str,
    },
    /// A header with a key twice.
    #[error("a header with `{key}` twice")]
    Twice {
        /// What it has twice.
        key: &'static str,
    },
    /// Another version of the protocol.
    #[error("version `{version}` of the event protocol; known is {VERSION}")]
    Version {
        /// The version, escaped for printing.
        version: String,
    },
    /// A length that is none, or of more than any program writes.
    #[error("a payload of length `{len}`; accepted: 0 to {LARGEST_PAYLOAD}")]
    Length {
        /// The length, escaped for printing.
        len: String,
    },
    /// More bytes after an event that was not answered yet.
    #[error("an event before the last one was answered")]
    Unasked,
    /// An earlier error.
    #[error("what follows an error cannot be read")]
    Lost,
}

#[derive(Debug)]
struct Payload {
    name: String,
    /// Characters that are still to come: supervisord counts those of its text, not the bytes that they become.
    left: u64,
    /// Bytes that the last character still lacks.
    of_char: u8,
}

impl Decoder {
    /// A decoder at the beginning of a header.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing of an event is pending: here supervisord may close the pipe.
    pub fn is_between_events(&self) -> bool {
        self.payload.is_none() && self.kept.is_empty()
    }

    /// Takes in what was read; `Some` when it completes an event. All of it is of that event: supervisord waits for an answer.
    ///
    /// Fails for whatever is not the protocol, and from then on.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Option<Event>, ProtocolError> {
        if self.lost {
            return Err(ProtocolError::Lost);
        }
        let taken = self.take_in(bytes);
        if taken.is_err() {
            *self = Self { lost: true, ..Self::default() };
        }
        taken
    }

    fn take_in(&mut self, mut bytes: &[u8]) -> Result<Option<Event>, ProtocolError> {
        if self.payload.is_none() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let line = &bytes[..end.unwrap_or(bytes.len())];
            if self.kept.len() + line.len() > LONGEST_HEADER {
                return Err(ProtocolError::HeaderTooLong);
            }
            self.kept.extend_from_slice(line);
            let Some(end) = end else { return Ok(None) };
            bytes = &bytes[end + 1..];
            self.payload = Some(header(&self.kept)?);
            self.kept.clear();
        }
        let Some(payload) = &mut self.payload else { return Ok(None) };
        let taken = payload.take(bytes);
        let room = KEPT_PAYLOAD - self.kept.len();
        self.kept.extend_from_slice(&bytes[..taken.min(room)]);
        if !payload.is_whole() {
            return Ok(None);
        }
        if taken < bytes.len() {
            return Err(ProtocolError::Unasked);
        }
        let event = Event::new(&payload.name, &self.kept);
        self.payload = None;
        self.kept.clear();
        Ok(Some(event))
    }
}

impl Payload {
    /// How many of these bytes belong to the payload.
    fn take(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            if self.of_char > 0 && is_continuation(*byte) {
                self.of_char -= 1;
                continue;
            }
            if self.left == 0 {
                return at;
            }
            self.left -= 1;
            self.of_char = continuations(*byte);
        }
        bytes.len()
    }

    fn is_whole(&self) -> bool {
        self.left == 0 && self.of_char == 0
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// How many bytes follow the first one of a character.
fn continuations(first: u8) -> u8 {
    match first {
        0xC2..=0xDF => 1,
        0xE0..=0xEF => 2,
        0xF0..=0xF4 => 3,
        _ => 0,
    }
}

/// The payload that a header announces.
fn header(line: &[u8]) -> Result<Payload, ProtocolError> {
    let line = String::from_utf8_lossy(line);
    let (mut version, mut name, mut len) = (None, None, None);
    for word in line.split_ascii_whitespace() {
        let Some((key, value)) = word.split_once(':') else {
            return Err(ProtocolError::NotKeyValue { word: shown(word) });
        };
        let (key, slot) = match key {
            "ver" => ("ver", &mut version),
            "eventname" => ("eventname", &mut name),
            "len" => ("len", &mut len),
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(ProtocolError::Twice { key });
        }
    }
    let lacks = |key| move || ProtocolError::Lacks { key };
    let version = version.ok_or_else(lacks("ver"))?;
    let name = name.filter(|name| !name.is_empty()).ok_or_else(lacks("eventname"))?;
    let len = len.ok_or_else(lacks("len"))?;
    if version != VERSION {
        return Err(ProtocolError::Version { version: shown(version) });
    }
    let is_number = !len.is_empty() && len.bytes().all(|byte| byte.is_ascii_digit());
    let left = len.parse().ok().filter(|len| is_number && *len <= LARGEST_PAYLOAD);
    let left = left.ok_or_else(|| ProtocolError::Length { len: shown(len) })?;
    Ok(Payload { name: name.to_owned(), left, of_char: 0 })
}

/// A piece of what was sent, short and harmless.
fn shown(word: &str) -> String {
    const SHOWN: usize = 40;
    word.chars().take(SHOWN).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests;

//! fanotify's records as bytes. Pure: no byte of them is believed to be where it should be.

/// `FANOTIFY_METADATA_VERSION`.
const VERSION: u8 = 3;
const METADATA_BYTES: usize = 24;
const INFO_HEADER_BYTES: usize = 4;
const TYPE_DFID_NAME: u8 = 2;
const TYPE_DFID: u8 = 3;
const TYPE_PIDFD: u8 = 4;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) mask: u64,
    pub(super) pid: i32,
    /// The directory that it is about, absent for an overflow.
    pub(super) directory: Option<Handle<'a>>,
    /// The entry; empty or `.` for the directory itself.
    pub(super) name: &'a [u8],
    /// A descriptor, or a negative number that says why there is none.
    pub(super) pidfd: Option<i32>,
}

/// What names an object among those of all filesystems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle<'a> {
    pub(super) fsid: u64,
    pub(super) kind: i32,
    pub(super) bytes: &'a [u8],
}

/// The bytes are no record that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Splits the first record off `bytes`; `None` at their end.
pub(super) fn split(bytes: &[u8]) -> Result<Option<(Record<'_>, &[u8])>, Malformed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields(bytes);
    let event_bytes = usize::try_from(fields.u32()?).map_err(|_| Malformed)?;
    let version = fields.u8()?;
    let _reserved = fields.u8()?;
    let metadata_bytes = usize::from(fields.u16()?);
    let mask = fields.u64()?;
    let _fd = fields.i32()?;
    let pid = fields.i32()?;
    let fits = METADATA_BYTES <= metadata_bytes && metadata_bytes <= event_bytes;
    if version != VERSION || !fits {
        return Err(Malformed);
    }
    let (event, rest) = bytes.split_at_checked(event_bytes).ok_or(Malformed)?;
    let mut record = Record { mask, pid, directory: None, name: b"", pidfd: None };
    let mut infos = Fields(event.get(metadata_bytes..).ok_or(Malformed)?);
    while !infos.0.is_empty() {
        let kind = infos.u8()?;
        let _pad = infos.u8()?;
        let length = usize::from(infos.u16()?);
        let payload = length.checked_sub(INFO_HEADER_BYTES).ok_or(Malformed)?;
        let mut info = Fields(infos.take(payload)?);
        match kind {
            TYPE_DFID_NAME | TYPE_DFID => {
                record.directory = Some(info.handle()?);
                // After the handle, up to a NUL, and perhaps padding.
                record.name = info.0.split(|byte| *byte == 0).next().unwrap_or_default();
            }
            TYPE_PIDFD => record.pidfd = Some(info.i32()?),
            // A later kernel may tell more.
            _ => {}
        }
    }
    Ok(Some((record, rest)))
}

/// Bytes, read from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_ne_bytes)
    }

    fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_ne_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_ne_bytes)
    }

    fn handle(&mut self) -> Result<Handle<'a>, Malformed> {
        // Two numbers of 32 bits, put together as `statfs(2)` is read elsewhere in this crate.
        let (low, high) = (self.u32()?, self.u32()?);
        let length = usize::try_from(self.u32()?).map_err(|_| Malformed)?;
        let kind = self.i32()?;
        Ok(Handle { fsid: u64::from(low) | u64::from(high) << 32, kind, bytes: self.take(length)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A record as the kernel writes it.
    fn build(record: &Record<'_>) -> Vec<u8> {
        let mut infos = Vec::new();
        if let Some(handle) = record.directory {
            let mut body = Vec::new();
            body.extend_from_slice(&number(handle.fsid & 0xffff_ffff).to_ne_bytes());
            body.extend_from_slice(&number(handle.fsid >> 32).to_ne_bytes());
            body.extend_from_slice(&number(handle.bytes.len() as u64).to_ne_bytes());
            body.extend_from_slice(&handle.kind.to_ne_bytes());
            body.extend_from_slice(handle.bytes);
            body.extend_from_slice(record.name);
            body.push(0);
            body.resize(body.len().next_multiple_of(4), 0);
            info(&mut infos, TYPE_DFID_NAME, &body);
        }
        // One that is not known yet.
        info(&mut infos, 77, &[1, 2, 3, 4]);
        if let Some(pidfd) = record.pidfd {
            info(&mut infos, TYPE_PIDFD, &pidfd.to_ne_bytes());
        }
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&number((METADATA_BYTES + infos.len()) as u64).to_ne_bytes());
        bytes.extend_from_slice(&[VERSION, 0]);
        bytes.extend_from_slice(&short(METADATA_BYTES).to_ne_bytes());
        bytes.extend_from_slice(&record.mask.to_ne_bytes());
        bytes.extend_from_slice(&(-1i32).to_ne_bytes());
        bytes.extend_from_slice(&record.pid.to_ne_bytes());
        bytes.extend_from_slice(&infos);
        bytes
    }

    fn info(infos: &mut Vec<u8>, kind: u8, body: &[u8]) {
        infos.extend_from_slice(&[kind, 0]);
        infos.extend_from_slice(&short(INFO_HEADER_BYTES + body.len()).to_ne_bytes());
        infos.extend_from_slice(body);
    }

    fn number(number: u64) -> u32 {
        number.try_into().unwrap()
    }

    fn short(length: usize) -> u16 {
        length.try_into().unwrap()
    }

    /// Every record of `bytes`, up to what is none.
    fn all(mut bytes: &[u8]) -> (Vec<Record<'_>>, bool) {
        let mut records = Vec::new();
        loop {
            match split(bytes) {
                Ok(Some((record, rest))) => {
                    assert!(rest.len() < bytes.len(), "it always gets on");
                    records.push(record);
                    bytes = rest;
                }
                Ok(None) => return (records, true),
                Err(Malformed) => return (records, false),
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_stand_still(bytes in vec(any::<u8>(), 0..512)) {
            all(&bytes);
        }

        #[test]
        fn a_damaged_record_is_refused_or_read_but_never_out_of_bounds(
            position in 0usize..80,
            byte in any::<u8>(),
            cut in 0usize..100,
        ) {
            let handle = Handle { fsid: 7, kind: 1, bytes: &[9; 8] };
            let record =
                Record { mask: 4, pid: 7, directory: Some(handle), name: b"a.hash", pidfd: Some(5) };
            let mut bytes = build(&record);
            if let Some(place) = bytes.get_mut(position) {
                *place = byte;
            }
            bytes.truncate(cut);
            all(&bytes);
        }

        #[test]
        fn what_was_built_is_read(
            records in vec(
                (
                    any::<u64>(),
                    any::<i32>(),
                    proptest::option::of((any::<u64>(), any::<i32>(), vec(any::<u8>(), 0..128))),
                    vec(1u8..=255, 0..255),
                    proptest::option::of(any::<i32>()),
                ),
                0..8,
            ),
        ) {
            let wanted: Vec<_> = records
                .iter()
                .map(|(mask, pid, handle, name, pidfd)| Record {
                    mask: *mask,
                    pid: *pid,
                    directory: handle
                        .as_ref()
                        .map(|(fsid, kind, bytes)| Handle { fsid: *fsid, kind: *kind, bytes }),
                    name: if handle.is_some() { name } else { b"" },
                    pidfd: *pidfd,
                })
                .collect();
            let bytes: Vec<u8> = wanted.iter().flat_map(build).collect();
            prop_assert_eq!(all(&bytes), (wanted, true));
        }
    }
}

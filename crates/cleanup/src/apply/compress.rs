//! A compressed copy takes the place of a file: made, compared with the file byte by byte, and only then put in place.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::time::{Duration, SystemTime};

use evenkeel_safefs::{Dir, Run, TakeError, escaped, find_writer};
use evenkeel_shown::said::{CleanupCode, Said, Task};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

use super::act::{Act, Not, taken};
use super::report::Taken;
use crate::plan::Step;
use crate::policy::COMPRESSED_SUFFIX;

/// So much is read between two questions whether to go on.
const BLOCK_BYTES: usize = 256 * 1024;
/// No filesystem's times are coarser.
const COARSEST_TIMES: Duration = Duration::from_secs(2);

pub(super) fn compress(
    act: &Act<'_>,
    run: &Run<'_>,
    slot: u64,
    dir: &Dir,
    name: &OsStr,
    step: &Step,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Taken, Not> {
    let mut compressed_name = name.to_owned();
    compressed_name.push(COMPRESSED_SUFFIX);
    check_free(dir, &compressed_name)?;
    let judged = act.judged(dir, name, step)?;
    let before = *judged.metadata();
    let original = judged.reader().map_err(|error| Not::cannot(Task::Open, &error))?;
    let refuse_writer = || match find_writer(&original, &step.pin) {
        Ok(None) => Ok(()),
        Ok(Some(writer)) => Err(Not::Failed(writer.said())),
        Err(error) => Err(Not::cannot(Task::SeeWriters, &error)),
    };
    refuse_writer()?;
    let mut copy = run.temporary().map_err(|error| Not::cannot(Task::MakeCopy, &error))?;
    // A change that comes within one tick of the filesystem's clock after another one does not show in the times.
    let settled = before.mtime.max(before.ctime).checked_add(COARSEST_TIMES);
    if settled.is_none_or(|settled| copy.born() < settled) {
        return Err(Not::Skipped("it was changed just now".to_owned()));
    }
    write(&original, copy.file(), before.mtime, goes_on)?;
    compare(&original, copy.file(), goes_on)?;
    let held = run.take(slot, dir, name, &step.pin, |now| {
        act.is_due(step, now) && (now.mtime, now.size) == (before.mtime, before.size)
    })?;
    // From here on nobody can open it by a name.
    if let Err(not) = refuse_writer() {
        held.give_back(dir, name)?;
        return Err(not);
    }
    let made = copy.replace(held, dir, name, &compressed_name)?;
    Ok(taken(step, before.size.saturating_sub(made.size)))
}

fn check_free(dir: &Dir, name: &OsStr) -> Result<(), Not> {
    match dir.look(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Not::cannot(Task::LookForCopy, &error)),
        Ok(_) => {
            let name = escaped(name);
            let text = format!("there is a `{name}` already");
            Err(Not::Failed(Said::new(text, CleanupCode::CopyExists { name })))
        }
    }
}

fn write(
    mut original: &File,
    copy: &mut File,
    mtime: SystemTime,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<(), Not> {
    let failed = |error| Not::cannot(Task::WriteCopy, &error);
    let seconds = mtime.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // The field ends in 2106; zero says that there is no time.
    let header = GzBuilder::new().mtime(u32::try_from(seconds).unwrap_or(0));
    let mut encoder = header.write(copy, Compression::default());
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        if !goes_on() {
            return Err(Not::Ended);
        }
        let length = original.read(&mut block).map_err(failed)?;
        if length == 0 {
            break;
        }
        encoder.write_all(&block[..length]).map_err(failed)?;
    }
    encoder.finish().map(drop).map_err(failed)
}

/// Reads the copy back, and fails if it is not the file byte by byte.
fn compare(
    mut original: &File,
    copy: &mut File,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<(), Not> {
    let failed = |error| Not::cannot(Task::ReadCopyBack, &error);
    original.rewind().and_then(|()| copy.rewind()).map_err(failed)?;
    let mut decoder = GzDecoder::new(BufReader::with_capacity(BLOCK_BYTES, copy));
    let (mut block, mut read_back) = (vec![0; BLOCK_BYTES], vec![0; BLOCK_BYTES]);
    loop {
        if !goes_on() {
            return Err(Not::Ended);
        }
        let length = original.read(&mut block).map_err(failed)?;
        if length == 0 {
            break;
        }
        match decoder.read_exact(&mut read_back[..length]) {
            Ok(()) if read_back[..length] == block[..length] => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(failed(error));
            }
            _ => return Err(TakeError::Changed.into()),
        }
    }
    // The end has the checksum, which is compared in reading it.
    match decoder.read(&mut read_back).map_err(failed)? {
        0 => Ok(()),
        _ => Err(TakeError::Changed.into()),
    }
}

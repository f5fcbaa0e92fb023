//! Files that the operator names.

use std::io::{self, Read};
use std::path::Path;

use evenkeel_cli::{Failure, escaped};

/// Far more than anybody writes by hand; `/dev/zero` ends too.
const MAX_BYTES: u64 = 1 << 20;

/// A page is for whoever gets it: no secret is in it.
const MODE: u32 = 0o644;

/// What is written in the file; `-` is standard input. Fails if it cannot be read, is too long, or is no text, with its line.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    text(path).map_err(|reason| Failure::usage(format!("cannot read {}: {reason}", escaped(path))))
}

/// Writes a page in one go; `what` it is, for the error. Whoever reads it sees the old one or the new one, and no link is followed.
pub(crate) fn write_page(file: &Path, page: &str, what: &str) -> Result<(), Failure> {
    evenkeel_safefs::write_whole(file, page.as_bytes(), MODE).map_err(|error| {
        let file = escaped(file);
        Failure::refused_because(format!("cannot write {what} to `{file}`: {error}"))
    })
}

fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        #[expect(clippy::disallowed_methods, reason = "the operator names the file, links too")]
        let file = std::fs::File::open(path);
        file.and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    }
    .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })
}

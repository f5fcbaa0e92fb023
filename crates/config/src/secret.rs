//! Secrets that lie in files of their own, so that settings can be read by more people than secrets.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;

/// Longer than any token; a file that is longer is another one than was meant.
const MOST_BYTES: u64 = 16 * 1024;
/// What others than the owner and the group may do with a file.
const OTHERS: u32 = 0o007;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It cannot be read.
    #[error("cannot read the secret in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Everybody on this host knows it, or can change it.
    #[error("`{}` has mode {mode:04o}, which gives others access; make it 0600 or 0640", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no secret.
    #[error("`{}` holds no secret: {reason}", path.display())]
    None {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Reads the one line of a file, without the white space around it.
///
/// Fails if it cannot be read, is no regular file, gives access to others than its owner and its group, or holds anything
/// but one line of at most 16 KiB. The secret itself is in no error.
pub fn read_secret(path: &Path) -> Result<String, SecretError> {
    let failed = |source| SecretError::Read { path: path.to_owned(), source };
    let none = |reason| SecretError::None { path: path.to_owned(), reason };
    // A pipe by that name must not hold anybody up.
    #[expect(
        clippy::disallowed_methods,
        reason = "settings name the file; secrets are often reached through links, and what is judged is what was opened"
    )]
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(none("it is no regular file"));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(none("it is longer than 16 KiB"));
    }
    match text.trim() {
        "" => Err(none("it is empty")),
        secret if secret.contains(char::is_control) => Err(none("it is more than one line")),
        secret => Ok(secret.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_that_everybody_may_read_is_none() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("token");
        fs::write(&path, "hunter2\n").unwrap();
        for (mode, good) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = read_secret(&path);
            assert_eq!(read.as_deref().ok() == Some("hunter2"), good, "{mode:o}: {read:?}");
        }
        let error = read_secret(&path).unwrap_err().to_string();
        assert!(error.contains("0602") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_holds_no_secret_says_why() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("token");
        for (text, why) in [("", "empty"), ("a\nb\n", "more than one line")] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = read_secret(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        fs::write(&path, vec![b'x'; 20_000]).unwrap();
        assert!(read_secret(&path).unwrap_err().to_string().contains("longer"));
        let error = read_secret(scratch.path()).unwrap_err().to_string();
        assert!(error.contains("no regular file"), "{error}");
    }
}

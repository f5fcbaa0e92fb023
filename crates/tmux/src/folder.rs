use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use evenkeel_shown::said::{BadFolder, WorkloadCode};

/// Bits that make every tmux client refuse a socket folder. Source: `TMUX_SOCK_PERM` in tmux's `tmux.h`.
const OTHERS: u32 = 0o007;

/// What is wrong with the folder of a socket that tmux made by itself, in words; `None` if nothing is, or there is none.
///
/// tmux refuses a folder that others than its owner may use. It must be mode 0700, and is never to be widened.
#[expect(
    clippy::disallowed_methods,
    reason = "tells what a client of tmux will think of it; nothing is opened"
)]
pub fn unsafe_folder(socket: &Path, owner: u32) -> Option<WorkloadCode> {
    let folder = socket.parent()?;
    let found = std::fs::symlink_metadata(folder).ok()?;
    let why = fault(&found, owner)?;
    Some(WorkloadCode::FolderRefused { folder: folder.display().to_string(), why })
}

fn fault(found: &Metadata, owner: u32) -> Option<BadFolder> {
    if !found.is_dir() {
        return Some(BadFolder::NoDirectory);
    }
    if found.uid() != owner {
        return Some(BadFolder::Owner { owner: found.uid(), wanted: owner });
    }
    let mode = found.mode() & 0o7777;
    (mode & OTHERS != 0).then(|| BadFolder::Mode(format!("{mode:04o}")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_may_use_is_unsafe() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("tmux-7");
        let socket = folder.join("default");
        let owner = fs::metadata(scratch.path()).unwrap().uid();
        assert_eq!(unsafe_folder(&socket, owner), None, "there is none");
        fs::create_dir(&folder).unwrap();
        for (mode, safe) in
            [(0o700, true), (0o755, false), (0o777, false), (0o701, false), (0o500, true)]
        {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(unsafe_folder(&socket, owner).is_none(), safe, "{mode:o}");
        }
        let told = unsafe_folder(&socket, owner + 1).unwrap().to_string();
        assert!(told.contains("belongs to user"), "{told}");
    }
}

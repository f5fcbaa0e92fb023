use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, Statx, StatxTimestamp};

const ATTRIBUTE_IMMUTABLE: u64 = 0x10;
const ATTRIBUTE_APPEND: u64 = 0x20;
const ATTRIBUTE_MOUNT_ROOT: u64 = 0x2000;

/// What makes an object itself: survives a rename, differs for a file that was put in its place.
///
/// The birth time tells apart two files that had the same inode number one after the other; it is absent where the
/// filesystem keeps none. A bind mount shows the same `dev` and `ino`, hence `mnt_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Device number of the filesystem, as the kernel packs it.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Birth time.
    pub btime: Option<SystemTime>,
    /// The mount through which the object was reached.
    pub mnt_id: u64,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; never followed below a root.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device, or something a later kernel invented.
    Device,
}

impl Kind {
    /// The kind in words, with its article.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Device => "a device",
        }
    }
}

/// Who may do what: mode, owner and group of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access {
    /// The twelve bits `07777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// One object as `statx(2)` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What makes it itself.
    pub identity: Identity,
    /// What it is.
    pub kind: Kind,
    /// Mode, owner and group.
    pub access: Access,
    /// Number of names.
    pub nlink: u32,
    /// Length in bytes.
    pub size: u64,
    /// Bytes that are really allocated; fewer than `size` in a file with holes.
    pub allocated: u64,
    /// Preferred size of one read or write; on ordinary filesystems the size of a block.
    pub block_size: u32,
    /// Last access.
    pub atime: SystemTime,
    /// Last change of the content.
    pub mtime: SystemTime,
    /// Last change of the content or of the inode.
    pub ctime: SystemTime,
    /// `chattr +i`.
    pub immutable: bool,
    /// `chattr +a`.
    pub append_only: bool,
    /// Something is mounted here.
    pub mount_root: bool,
}

impl From<&Statx> for Metadata {
    fn from(statx: &Statx) -> Self {
        let bits = |mask: u64| statx.stx_attributes.bits() & mask != 0;
        let has_btime = statx.stx_mask & rustix::fs::StatxFlags::BTIME.bits() != 0;
        Self {
            identity: Identity {
                dev: u64::from(statx.stx_dev_major) << 32 | u64::from(statx.stx_dev_minor),
                ino: statx.stx_ino,
                btime: has_btime.then(|| time(statx.stx_btime)),
                mnt_id: statx.stx_mnt_id,
            },
            kind: match FileType::from_raw_mode(u32::from(statx.stx_mode)) {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Directory,
                FileType::Symlink => Kind::Symlink,
                FileType::Fifo => Kind::Fifo,
                FileType::Socket => Kind::Socket,
                _ => Kind::Device,
            },
            access: Access {
                mode: u32::from(statx.stx_mode) & 0o7777,
                uid: statx.stx_uid,
                gid: statx.stx_gid,
            },
            nlink: statx.stx_nlink,
            size: statx.stx_size,
            allocated: statx.stx_blocks.saturating_mul(512),
            block_size: statx.stx_blksize,
            atime: time(statx.stx_atime),
            mtime: time(statx.stx_mtime),
            ctime: time(statx.stx_ctime),
            immutable: bits(ATTRIBUTE_IMMUTABLE),
            append_only: bits(ATTRIBUTE_APPEND),
            mount_root: bits(ATTRIBUTE_MOUNT_ROOT),
        }
    }
}

/// Times before 1970 exist on disks; an unrepresentable one becomes the epoch, which is old but not in the future.
fn time(stamp: StatxTimestamp) -> SystemTime {
    let whole = Duration::from_secs(stamp.tv_sec.unsigned_abs());
    let base = if stamp.tv_sec < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    base.and_then(|base| base.checked_add(Duration::from_nanos(stamp.tv_nsec.into())))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

//! Bytes of the kernel and of manifests, for `tests/fuzz`.

pub use crate::events::KernelRecord;
use crate::{events, openers, private};

/// A run's manifest, read and written again; `None` for one that cannot be read. A torn last line is not in it.
pub fn manifest(text: &[u8]) -> Option<String> {
    private::rewritten(text)
}

/// What the kernel's fanotify hands over, whole or broken off.
pub fn kernel_records(bytes: &[u8]) -> Option<Vec<KernelRecord>> {
    events::kernel_records(bytes)
}

/// The lines of a `mountinfo` about mounts at, above or below a path.
pub fn mounts_near(table: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    events::mounts_near(table, path)
}

/// The flags in `/proc/PID/fdinfo/FD`.
pub fn descriptor_flags(fdinfo: &str) -> Option<u64> {
    openers::parse_flags(fdinfo)
}

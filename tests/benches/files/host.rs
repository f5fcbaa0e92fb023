//! What the host has room for.

use std::path::Path;
use std::process::Command;

pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The type of the filesystem, such as `ext4`.
pub(crate) fn filesystem(folder: &Path) -> String {
    let told = output(Command::new("df").arg("--output=fstype").arg(folder));
    told.lines().last().unwrap_or_default().trim().to_owned()
}

/// Why no tree of so many files can be made there, if it cannot.
pub(crate) fn obstacle(folder: &Path, files: u64) -> Option<String> {
    let status = rustix::fs::statvfs(folder).ok()?;
    // Half a kilobyte of inode, a name, and room for others.
    let bytes = files * 2048;
    if status.f_files > 0 && status.f_favail < 2 * files {
        return Some(format!("only {} inodes are free", status.f_favail));
    }
    if status.f_bavail * status.f_frsize < bytes {
        return Some(format!("less than {bytes} bytes are free"));
    }
    (meminfo("MemAvailable") < 2 * bytes)
        .then(|| "too little memory to keep the tree in the kernel's cache".to_owned())
}

fn meminfo(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

fn output(command: &mut Command) -> String {
    command
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}

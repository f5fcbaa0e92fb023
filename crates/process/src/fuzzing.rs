//! The kernel's texts as bytes, for `tests/fuzz`: what is read of a process cannot be chosen from outside.

use std::path::PathBuf;

use crate::cgroup::{self, mounts};
use crate::read::Text;
use crate::{
    ListeningSocket, MapsSummary, Members, Memory, Pressure, Stat, Users, maps, memory, pidfile,
    pressure, process, sockets, stat,
};

/// `/proc/PID/stat`.
pub fn stat(text: &[u8]) -> Option<Stat> {
    stat::parse(text)
}

/// `/proc/PID/maps`, whole or cut off.
pub fn maps(text: &[u8], cut: bool) -> MapsSummary {
    maps::parse(text, cut)
}

/// `smaps_rollup`, the resident bytes of `statm`, and what `status` says is swapped out.
pub fn memory(text: &[u8]) -> (Option<Memory>, Option<u64>, u64) {
    let text = lossy(text);
    (memory::parse_rollup(&text), memory::parse_statm(&text), memory::parse_status_swap(&text))
}

/// The users in `status`.
pub fn users(text: &[u8]) -> Option<Users> {
    process::parse_users(&lossy(text))
}

/// `limits`: the lines, and how many descriptors may be open.
pub fn limits(text: &[u8]) -> (Vec<(String, String, String)>, Option<u64>) {
    let text = lossy(text);
    (process::parse_limits(&text), process::parse_limit(&text))
}

/// A pressure file.
pub fn pressure(text: &[u8]) -> Option<Pressure> {
    pressure::parse(&lossy(text))
}

/// `cgroup.procs`, whole or cut off.
pub fn members(text: &[u8], cut: bool) -> Members {
    cgroup::parse_members(&lossy(text), cut)
}

/// A limit of a cgroup, and the value of `oom_kill` in its events.
pub fn cgroup_values(text: &[u8]) -> (Option<u64>, Option<u64>) {
    let text = lossy(text);
    (cgroup::parse_limit(&text), cgroup::keyed(&text, "oom_kill"))
}

/// The number in a pid file.
pub fn pid(text: &[u8]) -> Option<u32> {
    pidfile::parse(text)
}

/// `/proc/net/unix`: the sockets that somebody listens on.
pub fn listening_sockets(text: &[u8]) -> Vec<ListeningSocket> {
    sockets::parse(text)
}

/// The directories of a process's cgroups, by its `cgroup` and this `mountinfo`; each with the place where its hierarchy is mounted.
pub fn cgroups(mountinfo: &[u8], memberships: &[u8]) -> Vec<(PathBuf, PathBuf)> {
    let mounts = mounts::parse_mounts(mountinfo);
    let memberships = mounts::parse_memberships(memberships);
    let of_mount = |mount: &mounts::Mount| {
        let of =
            memberships.iter().filter(|membership| membership.controllers == mount.controllers);
        of.filter_map(|membership| mount.directory_of(&membership.path))
            .map(|directory| (directory, mount.point.clone()))
            .collect::<Vec<_>>()
    };
    mounts.iter().flat_map(of_mount).collect()
}

fn lossy(text: &[u8]) -> String {
    Text { bytes: text.to_vec(), cut: false }.lossy().into_owned()
}

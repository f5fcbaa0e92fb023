//! Has the linker place the code that an agent runs together, and pack what the program must change of itself before it starts
//! (docs/decisions/0017).

use std::process::Command;

/// The first one whose loader unpacks it: 2.36.
const UNPACKS: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=order.ld");
    println!("cargo::rerun-if-env-changed=EVENKEEL_UNORDERED");
    // Unoptimised code is several times as large, and is linked often.
    if variable("PROFILE") != "release" || variable("CARGO_CFG_TARGET_OS") != "linux" {
        return;
    }
    // For linkers that know neither.
    if std::env::var_os("EVENKEEL_UNORDERED").is_some() {
        return;
    }
    link_with(&format!("-T{}/order.ld", variable("CARGO_MANIFEST_DIR")));
    // What is built with a library runs with that one or a later one; of another machine's nothing is known.
    let is_for_here = variable("HOST") == variable("TARGET");
    if is_for_here && glibc().is_some_and(|version| version >= UNPACKS) {
        link_with("-zpack-relative-relocs");
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn link_with(argument: &str) {
    println!("cargo::rustc-link-arg-bin=evenkeel={argument}");
}

/// This machine's; `None` where it has another library.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

//! `cargo xtask test`: installs what the tests need, builds the programs, runs every test.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, process};

/// A program that the tests start, and the Debian package it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tool {
    program: &'static str,
    package: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { program: "supervisord", package: "supervisor" },
    Tool { program: "promtool", package: "prometheus" },
    // Takes alerts from the agent, and passes them on.
    Tool { program: "prometheus-alertmanager", package: "prometheus-alertmanager" },
    // Beside whom a page of metrics is measured.
    Tool { program: "prometheus-pushgateway", package: "prometheus-pushgateway" },
    Tool { program: "chromium", package: "chromium" },
    // Drives it, so that a page is seen while things happen.
    Tool { program: "chromedriver", package: "chromium-driver" },
    // Says the same as `evenkeel-probe serve`.
    Tool { program: "prometheus-blackbox-exporter", package: "prometheus-blackbox-exporter" },
    Tool { program: "ip", package: "iproute2" },
    // Immutable files, mount namespaces, and answers that a kernel of today does not give.
    Tool { program: "chattr", package: "e2fsprogs" },
    Tool { program: "unshare", package: "util-linux" },
    Tool { program: "strace", package: "strace" },
    Tool { program: "tmux", package: "tmux" },
    // Reads the pages that the programs write for it.
    Tool { program: "man", package: "man-db" },
    // Read what the programs write for them to complete command lines; 37 MB together.
    Tool { program: "zsh", package: "zsh" },
    Tool { program: "fish", package: "fish" },
    // Times in a history that was written long ago.
    Tool { program: "sqlite3", package: "sqlite3" },
    // A host of its own, booted by a real systemd.
    Tool { program: "systemd-nspawn", package: "systemd-container" },
    Tool { program: "dbus-daemon", package: "dbus" },
    // A clock that jumps, and packets that are dropped.
    Tool { program: "faketime", package: "faketime" },
    Tool { program: "nft", package: "nftables" },
    // Beside whom recovery is measured, and an agent at rest.
    Tool { program: "monit", package: "monit" },
    Tool { program: "prometheus-process-exporter", package: "prometheus-process-exporter" },
    // Counts instructions: `cargo xtask bench gate`.
    Tool { program: "valgrind", package: "valgrind" },
];

/// Keeps Debian's packages from starting their daemons as they are installed.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Makes the host ready for the tests, then runs them all; `more` goes to `cargo test`.
pub(crate) fn run(more: &[&str]) -> Outcome {
    provide_tools()?;
    build()?;
    process::run("cargo", &[&["test", "--workspace"], more].concat())
}

/// Builds everything at once: the programs and the tests then share one set of features, and nothing is compiled twice.
pub(crate) fn build() -> Outcome {
    process::run("cargo", &["build", "--workspace", "--all-targets"])
}

/// Checks what is off by default: the `tower` layer of the breaker.
pub(crate) fn features() -> Outcome {
    let package = ["--package", "evenkeel-recovery", "--all-features"];
    let clippy = [&["clippy"], &package[..], &["--all-targets", "--", "-D", "warnings"]].concat();
    process::run("cargo", &clippy)?;
    process::run("cargo", &[&["test"], &package[..], &["breaker::layer"]].concat())
}

/// Runs the tests that try every order of the steps of threads (loom). They are built apart: loom's primitives work nowhere else.
pub(crate) fn orders() -> Outcome {
    let folder = crate::root().join("target/orders");
    let folder = folder.to_str().ok_or("the work tree's path is not UTF-8")?;
    process::run_with(
        "cargo",
        &["test", "--package", "evenkeel-recovery", "--lib", "shared::orders"],
        &[("RUSTFLAGS", "--cfg evenkeel_loom"), ("CARGO_TARGET_DIR", folder)],
    )
}

/// Installs what the tests need and is missing, or says why not.
pub(crate) fn provide_tools() -> Outcome {
    provide(&missing(process::exists))
}

fn missing(exists: impl Fn(&str) -> bool) -> Vec<Tool> {
    TOOLS.iter().copied().filter(|tool| !exists(tool.program)).collect()
}

fn provide(missing: &[Tool]) -> Outcome {
    if missing.is_empty() {
        println!("the tests need nothing that is not installed");
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    let obstacle = if !is_root() {
        "this is not root".to_owned()
    } else if !process::exists("apt-get") {
        "there is no apt-get".to_owned()
    } else {
        match install(&packages) {
            Ok(()) => return Ok(()),
            Err(problem) => problem,
        }
    };
    let words = format!(
        "not installed: {} ({obstacle}); as root: apt-get install --no-install-recommends {}",
        packages.join(", "),
        packages.join(" ")
    );
    without(&words, std::env::var_os("CI").is_some_and(|value| value == "true"))
}

/// In CI a missing program is a failure; elsewhere the tests that need it say so and the others run.
fn without(words: &str, in_ci: bool) -> Outcome {
    if in_ci {
        return Err(words.to_owned());
    }
    println!("{words}\nthe tests that need them will be left out");
    Ok(())
}

fn install(packages: &[&str]) -> Outcome {
    println!("the tests need Debian packages, which are installed now: {}", packages.join(", "));
    if !Path::new(POLICY).exists() {
        println!("writing {POLICY}, so that no daemon of theirs starts by itself");
        std::fs::write(POLICY, "#!/bin/sh\nexit 101\n")
            .map_err(|error| format!("cannot write {POLICY}: {error}"))?;
        process::run("chmod", &["755", POLICY])?;
    }
    let env = [("DEBIAN_FRONTEND", "noninteractive")];
    process::run_with("apt-get", &["update", "-q"], &env)?;
    let args = [&["install", "-y", "-q", "--no-install-recommends"], packages].concat();
    process::run_with("apt-get", &args, &env)
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_missing() {
        assert_eq!(missing(|_| true), []);
        let there = ["promtool", "prometheus-blackbox-exporter", "ip", "chattr", "unshare"];
        let packages: Vec<_> =
            missing(|program| there.contains(&program)).iter().map(|tool| tool.package).collect();
        assert_eq!(
            packages,
            [
                "supervisor",
                "prometheus-alertmanager",
                "prometheus-pushgateway",
                "chromium",
                "chromium-driver",
                "strace",
                "tmux",
                "man-db",
                "zsh",
                "fish",
                "sqlite3",
                "systemd-container",
                "dbus",
                "faketime",
                "nftables",
                "monit",
                "prometheus-process-exporter",
                "valgrind"
            ]
        );
    }

    #[test]
    fn a_missing_program_fails_in_ci_and_is_only_said_elsewhere() {
        assert!(without("not installed: x", true).is_err());
        assert!(without("not installed: x", false).is_ok());
    }
}

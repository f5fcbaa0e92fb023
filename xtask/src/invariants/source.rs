//! What source files must and must not contain.

use std::path::Path;

use super::code::{lines_naming, without_tests, without_text};
use crate::root;

/// A Rust file of the work tree.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to the top, with `/`.
    path: String,
    /// Without comments and literals.
    code: String,
}

impl SourceFile {
    fn new(path: impl Into<String>, source: &str) -> Self {
        Self { path: path.into(), code: without_text(source) }
    }

    /// Whether it is compiled into a test, a bench or an example only.
    fn is_test(&self) -> bool {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        let place = self.place();
        file == "tests.rs"
            || self.path.contains("/tests/")
            || self.path.starts_with("tests/")
            || place.starts_with("benches/")
            || place.starts_with("examples/")
    }

    /// The folder of the crate, as `crates/health`.
    fn package(&self) -> &str {
        match self.path.match_indices('/').nth(1) {
            Some((at, _)) if self.path.starts_with("crates/") || self.path.starts_with("bins/") => {
                &self.path[..at]
            }
            _ => self.path.split('/').next().unwrap_or_default(),
        }
    }

    /// Its place in the crate, as `src/lib.rs`.
    fn place(&self) -> &str {
        self.path[self.package().len()..].trim_start_matches('/')
    }

    /// Whether decisions are made here: no clock, no file, no socket, no runtime.
    fn is_pure(&self) -> bool {
        let place = self.place();
        match self.package() {
            "crates/health" | "crates/engine" | "crates/moment" | "crates/simulator" => true,
            "crates/recovery" => !place.starts_with("src/actions"),
            _ => place.ends_with("/plan.rs") || place.contains("/plan/"),
        }
    }
}

/// One invariant: what no line of the files it applies to may name.
struct Rule {
    says: &'static str,
    applies: fn(&SourceFile) -> bool,
    names: &'static [&'static str],
    /// Whether code under `#[cfg(test)]` and test files may.
    tests_may: bool,
}

const RULES: [Rule; 7] = [
    Rule {
        says: "decisions read no clock and touch nothing",
        applies: SourceFile::is_pure,
        names: &[
            "std::fs",
            "std::net",
            "std::os::fd",
            "std::os::unix::fs",
            "std::os::unix::net",
            "std::process",
            "std::env",
            "std::thread",
            "tokio",
            "nix",
            "rustix",
            "rand",
            "Instant::now",
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            ".elapsed(",
            ".await",
            "async fn",
        ],
        tests_may: true,
    },
    Rule {
        says: "only safefs has unsafe code",
        applies: |file| file.package() != "crates/safefs",
        names: &["unsafe"],
        tests_may: false,
    },
    Rule {
        says: "only safefs makes raw system calls, and changes files by descriptor",
        applies: |file| file.package() != "crates/safefs",
        names: &[
            "libc::syscall",
            "asm!",
            "nix::fcntl::openat",
            "nix::fcntl::openat2",
            "nix::fcntl::renameat",
            "nix::fcntl::renameat2",
            "nix::sys::stat::fchmod",
            "nix::sys::stat::fchmodat",
            "nix::unistd::chown",
            "nix::unistd::fchown",
            "nix::unistd::fchownat",
            "nix::unistd::ftruncate",
            "nix::unistd::truncate",
            "nix::unistd::unlink",
            "nix::unistd::unlinkat",
        ],
        tests_may: true,
    },
    Rule {
        says: "only safefs works on files, and process reads the kernel's",
        applies: |file| !matches!(file.package(), "crates/safefs" | "crates/process"),
        names: &["rustix::fs"],
        tests_may: true,
    },
    Rule {
        says: "process reads, and changes nothing",
        applies: |file| file.package() == "crates/process",
        names: &[
            "OFlags::CREATE",
            "OFlags::RDWR",
            "OFlags::TRUNC",
            "OFlags::WRONLY",
            "chmod",
            "chmodat",
            "chown",
            "chownat",
            "fchmod",
            "fchown",
            "ftruncate",
            "linkat",
            "mkdirat",
            "mknodat",
            "renameat",
            "symlinkat",
            "unlinkat",
            "rustix::io::write",
        ],
        tests_may: true,
    },
    Rule {
        says: "a library never prints, never exits, never reads the environment",
        // A build script is no part of it: cargo speaks to it by its environment.
        applies: |file| file.package().starts_with("crates/") && file.place() != "build.rs",
        names: &[
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "dbg!",
            "io::stdout",
            "io::stderr",
            "process::exit",
            "process::abort",
            "env::var",
            "env::vars",
            "env::var_os",
            "env::vars_os",
            "env::args",
            "env::args_os",
            "env::current_dir",
            "env::home_dir",
            "env::temp_dir",
            "env::set_var",
        ],
        tests_may: true,
    },
    Rule {
        says: "the crate `backoff` is used in recovery::backoff alone",
        applies: |file| {
            file.package() == "crates/recovery" && !file.place().starts_with("src/backoff")
        },
        names: &["use backoff::", "use ::backoff", "extern crate backoff", "ExponentialBackoff"],
        tests_may: false,
    },
];

/// Every Rust file below `crates`, `bins`, `tests` and `xtask`.
pub(super) fn read_all() -> Result<Vec<SourceFile>, String> {
    let mut files = Vec::new();
    for folder in ["crates", "bins", "tests", "xtask"] {
        read_below(&root().join(folder), &mut files)
            .map_err(|error| format!("cannot read `{folder}`: {error}"))?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What does not hold, one line each.
pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    let mut findings: Vec<String> = files
        .iter()
        .filter(|file| lacks_forbid(file))
        .map(|file| format!("{}: lacks `#![forbid(unsafe_code)]`", file.path))
        .collect();
    for rule in &RULES {
        for file in files.iter().filter(|file| (rule.applies)(file)) {
            if rule.tests_may && file.is_test() {
                continue;
            }
            let shown = if rule.tests_may { &without_tests(&file.code) } else { &file.code };
            for name in rule.names {
                for line in lines_naming(shown, name) {
                    findings.push(format!("{}:{line}: `{name}`: {}", file.path, rule.says));
                }
            }
        }
    }
    findings
}

fn lacks_forbid(file: &SourceFile) -> bool {
    let place = file.place();
    let is_root = matches!(place, "src/lib.rs" | "src/main.rs") || place.starts_with("src/bin/");
    is_root && file.package() != "crates/safefs" && !file.code.contains("#![forbid(unsafe_code)]")
}

fn read_below(folder: &Path, files: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_below(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative =
                path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
            files.push(SourceFile::new(relative, &std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, source: &str) -> Vec<String> {
        check(&[SourceFile::new(path, source)])
    }

    #[track_caller]
    fn broken(path: &str, source: &str) {
        assert_eq!(
            findings(path, source).len(),
            1,
            "{path}: {source}: {:?}",
            findings(path, source)
        );
    }

    #[track_caller]
    fn kept(path: &str, source: &str) {
        assert_eq!(findings(path, source), Vec::<String>::new(), "{path}: {source}");
    }

    #[test]
    fn a_decision_that_reads_a_clock_or_touches_the_host_is_found() {
        for name in RULES[0].names {
            for path in [
                "crates/health/src/state.rs",
                "crates/engine/src/step.rs",
                "crates/moment/src/more.rs",
                "crates/recovery/src/machine.rs",
                "crates/cleanup/src/plan.rs",
                "crates/permissions/src/plan/order.rs",
            ] {
                broken(path, &format!("fn f() {{ let x = {name} }}"));
            }
        }
    }

    #[test]
    fn the_shell_and_tests_of_decisions_may_use_the_host() {
        let source = "fn f() { tokio::spawn(g); Instant::now(); }";
        kept("crates/recovery/src/actions/systemd.rs", source);
        kept("crates/cleanup/src/apply.rs", source);
        kept("crates/health/tests/laws.rs", source);
        kept("crates/health/src/state/tests.rs", source);
        kept("crates/recovery/benches/breaker/contest.rs", source);
        kept("crates/recovery/examples/plain.rs", source);
        kept(
            "crates/health/src/state.rs",
            "#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }",
        );
    }

    #[test]
    fn unsafe_code_outside_safefs_is_found_also_in_tests() {
        broken("crates/probe/src/tcp.rs", "fn f() { unsafe { g() } }");
        broken("crates/probe/src/tcp.rs", "#[cfg(test)]\nmod tests { unsafe fn f() {} }");
        broken("tests/src/daemon.rs", "unsafe impl Send for X {}");
        kept("crates/safefs/src/sys.rs", "unsafe fn f() {}");
    }

    #[test]
    fn raw_system_calls_outside_safefs_are_found() {
        for name in RULES[2].names {
            broken("crates/probe/src/file.rs", &format!("fn f() {{ {name}(1) }}"));
        }
        kept("crates/safefs/src/sys.rs", "fn f() { libc::syscall(1) }");
        broken("crates/probe/src/file.rs", "use rustix::fs::openat;");
        kept("crates/process/src/read.rs", "use rustix::fs::openat;");
    }

    #[test]
    fn the_reader_of_processes_that_changes_a_file_is_found() {
        for name in RULES[4].names {
            broken("crates/process/src/read.rs", &format!("fn f() {{ {name}(1) }}"));
        }
    }

    #[test]
    fn a_root_without_the_ban_on_unsafe_code_is_found() {
        broken("crates/probe/src/lib.rs", "mod tcp;");
        broken("bins/evenkeel/src/main.rs", "fn main() {}");
        broken("xtask/src/main.rs", "// #![forbid(unsafe_code)]\nfn main() {}");
        kept("crates/probe/src/lib.rs", "#![forbid(unsafe_code)]");
        kept("crates/safefs/src/lib.rs", "mod sys;");
    }

    #[test]
    fn a_library_that_prints_exits_or_reads_the_environment_is_found() {
        for name in RULES[5].names {
            broken("crates/metrics/src/page.rs", &format!("fn f() {{ std::{name}(1) }}"));
            kept("bins/cli/src/output.rs", &format!("fn f() {{ std::{name}(1) }}"));
        }
    }

    #[test]
    fn the_crate_backoff_outside_its_module_is_found() {
        broken("crates/recovery/src/machine.rs", "use backoff::SystemClock;");
        broken("crates/recovery/src/machine.rs", "fn f(x: ::backoff::ExponentialBackoff<C>) {}");
        kept(
            "crates/recovery/src/machine.rs",
            "pub mod backoff;\npub use self::backoff::RetryPlan;",
        );
        kept("crates/recovery/src/backoff.rs", "use backoff::ExponentialBackoff;");
        kept("crates/recovery/src/backoff/clock.rs", "use backoff::Clock;");
    }
}

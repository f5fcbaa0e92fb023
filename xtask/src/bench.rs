//! `cargo xtask bench`: builds the programs as they are shipped and measures them beside others.

mod all;

use crate::{Outcome, SHIPPED, process, test};

pub(crate) use self::all::all;

/// One bench: what it needs, and how it is run.
struct Bench {
    name: &'static str,
    about: &'static str,
    /// Programs that are built before, as they are shipped.
    programs: &'static [&'static str],
    /// Whether it measures others that may have to be installed.
    has_peers: bool,
    runs: Runs,
    /// Flags that ask for the others, where it does not always measure them.
    peers: &'static [&'static str],
    /// Flags for the fewest figures that say something.
    quick: &'static [&'static str],
    /// Flags for all of them.
    full: &'static [&'static str],
}

/// How cargo is told to run it.
enum Runs {
    /// A bench of this package, which bears the bench's name; `--json` has it print one document.
    Bench(&'static str),
    /// A test of this package that is ignored otherwise; it prints the document after its tables.
    Test(&'static str, &'static str),
}

const PLAIN: Bench = Bench {
    name: "",
    about: "",
    programs: &[],
    has_peers: false,
    runs: Runs::Bench("evenkeel-tests"),
    peers: &[],
    quick: &[],
    full: &[],
};

/// In the order of the figures that must be reached.
const BENCHES: [Bench; 10] = [
    Bench {
        name: "files",
        about: "sweeps, repairs, cleanups and the watch, beside find, systemd-tmpfiles and the bare system calls",
        programs: &["evenkeel", "evenkeel-permissions", "evenkeel-cleanup"],
        quick: &["--rounds", "3"],
        full: &["--up-to", "1000000"],
        ..PLAIN
    },
    Bench {
        name: "idle",
        about: "memory and processor time of an agent at rest, beside Monit, supervisord with superlance, and Prometheus if `--peers` is given",
        programs: &["evenkeel"],
        has_peers: true,
        peers: &["--peers"],
        quick: &["--settle", "20", "--seconds", "30"],
        ..PLAIN
    },
    Bench {
        name: "breaker",
        about: "nanoseconds a call costs its circuit breaker, beside failsafe and recloser",
        runs: Runs::Bench("evenkeel-recovery"),
        ..PLAIN
    },
    Bench {
        name: "scale",
        about: "10 to 10,000 checks each 10 s on one processor: whether they keep their times, and how all costs grow",
        programs: &["evenkeel"],
        quick: &["--seconds", "30"],
        ..PLAIN
    },
    Bench {
        name: "metrics",
        about: "how long a scraper waits for a page of 10,000 series, beside the Pushgateway with the same series",
        programs: &["evenkeel"],
        has_peers: true,
        quick: &["--rounds", "100"],
        ..PLAIN
    },
    Bench {
        name: "recovery",
        about: "how soon a killed program, a hung endpoint, a leak and others are detected, healed and proved, beside Monit if `--peers` is given",
        programs: &["evenkeel"],
        has_peers: true,
        peers: &["--peers"],
        quick: &["--rounds", "2"],
        ..PLAIN
    },
    Bench {
        name: "probe",
        about: "what one HTTP probe costs, beside blackbox_exporter",
        programs: &["evenkeel-probe"],
        has_peers: true,
        quick: &["--rounds", "200"],
        ..PLAIN
    },
    Bench {
        name: "journal",
        about: "what a line, an intent, samples and a roll-up cost whoever hands them over and the thread that writes them",
        runs: Runs::Bench("evenkeel-journal"),
        ..PLAIN
    },
    Bench {
        name: "page",
        about: "what a first paint of the status page costs, with 200 targets and 30 days of history",
        runs: Runs::Test("evenkeel-agent", "page::tests::bench"),
        ..PLAIN
    },
    Bench {
        name: "trend",
        about: "nanoseconds a reading costs a forecast of a leak",
        runs: Runs::Bench("evenkeel-health"),
        ..PLAIN
    },
];

const HELP_OF_OTHERS: &str = "  \
  all        every one of them, and one table of what must be reached; `cargo xtask bench all --help` lists its flags
  gate       instructions of the hot paths beside a committed baseline; `--update` renews it

`--json` gives one document in place of tables; `--help` lists the other flags of one; docs/bench.md says how to read them.
";

/// What `cargo xtask bench` knows, as its help shows it.
pub(crate) fn help() -> String {
    let line = |Bench { name, about, .. }: &Bench| format!("  {name:<10} {about}\n");
    let lines: String = BENCHES.iter().map(line).collect();
    format!("usage: cargo xtask bench <what> [FLAG]...\n\n{lines}{HELP_OF_OTHERS}")
}

/// Runs one bench by its name; `flags` go to the program that measures. Installs whom it is measured beside.
pub(crate) fn one(name: &str, flags: &[&str]) -> Outcome {
    let bench = BENCHES.iter().find(|bench| bench.name == name);
    let bench = bench.ok_or_else(|| format!("there is no bench `{name}`\n\n{}", help()))?;
    if bench.has_peers {
        test::provide_tools()?;
    }
    build(bench.programs)?;
    process::run("cargo", &bench.command(flags))
}

fn build(programs: &[&str]) -> Outcome {
    if programs.is_empty() {
        return Ok(());
    }
    let bins = programs.iter().flat_map(|program| ["--bin", program]);
    let build = ["build", "--release"].into_iter().chain(SHIPPED);
    let args: Vec<_> = build.chain(bins).collect();
    process::run("cargo", &args)
}

impl Bench {
    /// What cargo is given.
    fn command<'a>(&self, flags: &[&'a str]) -> Vec<&'a str> {
        match self.runs {
            Runs::Bench(package) => {
                [&["bench", "--package", package, "--bench", self.name, "--"], flags].concat()
            }
            Runs::Test(package, test) => vec![
                "test",
                "--release",
                "--package",
                package,
                "--lib",
                test,
                "--",
                "--ignored",
                "--nocapture",
            ],
        }
    }

    /// The flags with which `all` runs it.
    fn flags(&self, quick: bool, peers: bool) -> Vec<&'static str> {
        let extent = if quick { self.quick } else { self.full };
        [extent, if peers { self.peers } else { &[] }, &["--json"]].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bench_has_a_name_of_its_own_and_says_what_it_is() {
        let mut names: Vec<_> = BENCHES.iter().map(|bench| bench.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BENCHES.len());
        assert!(BENCHES.iter().all(|bench| !bench.about.is_empty()));
        assert!(one("no-such", &[]).unwrap_err().contains("`no-such`"));
    }

    #[test]
    fn peers_and_the_extent_become_flags() {
        let idle = BENCHES.iter().find(|bench| bench.name == "idle").unwrap();
        assert_eq!(idle.flags(false, true), ["--peers", "--json"]);
        assert_eq!(idle.flags(true, false), ["--settle", "20", "--seconds", "30", "--json"]);
    }
}

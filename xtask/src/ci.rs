//! `cargo xtask ci`: everything a change must pass, in the order in which it fails soonest.

use std::time::Instant;

use crate::{Outcome, deny, gate, invariants, process, shipped, simulate, test};

struct Step {
    name: &'static str,
    run: fn() -> Outcome,
}

const STEPS: [Step; 11] = [
    Step { name: "fmt", run: || process::run("cargo", &["fmt", "--all", "--check"]) },
    Step { name: "invariants", run: invariants::run },
    Step { name: "deny", run: deny::run },
    Step {
        name: "clippy",
        run: || {
            process::run(
                "cargo",
                &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            )
        },
    },
    Step {
        name: "doc",
        run: || {
            process::run_with(
                "cargo",
                &["doc", "--workspace", "--no-deps", "--lib"],
                &[("RUSTDOCFLAGS", "-D warnings")],
            )
        },
    },
    Step { name: "shipped", run: shipped::run },
    Step { name: "test", run: || test::run(&[]) },
    Step { name: "seeds", run: simulate::in_ci },
    Step { name: "features", run: test::features },
    Step { name: "orders", run: test::orders },
    Step { name: "gate", run: || gate::run(&[]) },
];

/// Which steps to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    names: Vec<&'static str>,
}

impl Selection {
    /// Reads `--except STEP` (repeatable) or `--only STEP`. Fails on a step that does not exist.
    pub(crate) fn from_flags(flags: &[&str]) -> Result<Self, String> {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        let mut rest = flags;
        loop {
            rest = match rest {
                [] => return Ok(Self { names }),
                ["--except", name, rest @ ..] => {
                    let known = known(name)?;
                    names.retain(|name| *name != known);
                    rest
                }
                ["--only", name] => return Ok(Self { names: vec![known(name)?] }),
                [other, ..] => return Err(format!("`{other}` is not understood")),
            }
        }
    }
}

/// Runs the selected steps, all of them even if one fails, and says at the end which failed.
pub(crate) fn run(selection: &Selection) -> Outcome {
    let mut failed = Vec::new();
    for step in STEPS.iter().filter(|step| selection.names.contains(&step.name)) {
        println!("\n== {}", step.name);
        let started = Instant::now();
        let outcome = (step.run)();
        let seconds = started.elapsed().as_secs_f32();
        match outcome {
            Ok(()) => println!("== {}: passed in {seconds:.1} s", step.name),
            Err(problem) => {
                println!("{problem}\n== {}: FAILED after {seconds:.1} s", step.name);
                failed.push(step.name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn known(name: &str) -> Result<&'static str, String> {
    STEPS.iter().map(|step| step.name).find(|known| *known == name).ok_or_else(|| {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        format!("there is no step `{name}`; the steps are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_flags_every_step_runs() {
        assert_eq!(Selection::from_flags(&[]).unwrap().names.len(), STEPS.len());
    }

    #[test]
    fn steps_can_be_left_out_or_run_alone() {
        let some = Selection::from_flags(&["--except", "test", "--except", "doc"]).unwrap();
        assert_eq!(
            some.names,
            [
                "fmt",
                "invariants",
                "deny",
                "clippy",
                "shipped",
                "seeds",
                "features",
                "orders",
                "gate"
            ]
        );
        assert_eq!(Selection::from_flags(&["--only", "deny"]).unwrap().names, ["deny"]);
    }

    #[test]
    fn a_step_that_does_not_exist_is_refused_with_those_that_do() {
        let problem = Selection::from_flags(&["--except", "tests"]).unwrap_err();
        assert!(problem.contains("`tests`") && problem.contains("clippy"), "{problem}");
    }
}

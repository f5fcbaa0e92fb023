//! `cargo xtask simulate`: as many seeds of the deterministic simulation tests as one likes, or one of them line by line.

use crate::{Outcome, process};

/// So many seeds are run unless others are asked for, and so many a change must pass.
const SEEDS: u64 = 10_000;

/// Runs what the flags ask for: `--seeds N`, `--from SEED`, or `--seed SEED --trace`.
pub(crate) fn run(flags: &[&str]) -> Outcome {
    let (mut seeds, mut from, mut trace) = (SEEDS.to_string(), "1".to_owned(), false);
    let mut rest = flags;
    while let [flag, more @ ..] = rest {
        rest = match (*flag, more) {
            ("--seeds", [number, more @ ..]) => {
                seeds = whole(flag, number)?;
                more
            }
            ("--from", [number, more @ ..]) => {
                from = whole(flag, number)?;
                more
            }
            ("--seed", [number, more @ ..]) => {
                (from, seeds) = (whole(flag, number)?, "1".to_owned());
                more
            }
            ("--trace", more) => {
                trace = true;
                more
            }
            _ => return Err(format!("`{flag}` is not understood, or lacks its number")),
        };
    }
    if trace && seeds != "1" {
        return Err("`--trace` belongs to `--seed SEED`".to_owned());
    }
    let test = if trace { "one_seed_is_traced" } else { "no_seed_breaks_a_law" };
    // With the features that all tests together have, or most of it would be compiled once more.
    let command = ["test", "--workspace", "--test", "seeds"];
    let filter = ["--", "--exact", test, "--nocapture", "--include-ignored"];
    let variables = [("EVENKEEL_SEEDS", seeds.as_str()), ("EVENKEEL_FROM_SEED", from.as_str())];
    process::run_with("cargo", &[&command[..], &filter[..]].concat(), &variables)
}

/// As many seeds as a change must pass.
pub(crate) fn in_ci() -> Outcome {
    run(&[])
}

fn whole(flag: &str, number: &str) -> Result<String, String> {
    match number.replace('_', "").parse::<u64>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => Err(format!("{flag}: `{number}` is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_mean_nothing_are_refused_before_anything_runs() {
        let refusal = |flags: &[&str]| run(flags).expect_err("refused");
        assert!(refusal(&["--seeds"]).contains("`--seeds`"));
        assert!(refusal(&["--seeds", "many"]).contains("`many`"));
        assert!(refusal(&["--trace"]).contains("`--seed SEED`"));
        assert!(refusal(&["--sedes", "5"]).contains("`--sedes`"));
    }

    #[test]
    fn numbers_may_be_written_as_people_do() {
        assert_eq!(whole("--seeds", "100_000"), Ok("100000".to_owned()));
    }
}

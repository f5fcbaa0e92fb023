//! `cargo xtask bench gate`: instructions of the hot paths, counted by callgrind and compared with a committed baseline.
//!
//! Never times: those depend on the machine and on whoever else uses it. How a cost grows with its size, and the breaker beside others',
//! are ratios of counts of the same run, and need no baseline.

mod baseline;
mod count;
mod verdict;

use std::collections::BTreeMap;

use self::baseline::Baseline;
use self::count::Counted;
use crate::{Outcome, process, test};

/// Builds the workloads, counts them, and compares; `--update` writes what is counted as the new baseline instead.
pub(crate) fn run(flags: &[&str]) -> Outcome {
    let update = match flags {
        [] => false,
        ["--update"] => true,
        [other, ..] => return Err(format!("`{other}` is not understood; the flag is --update")),
    };
    test::provide_tools()?;
    if !process::exists("valgrind") {
        return Err("valgrind is not installed, so nothing was counted".to_owned());
    }
    process::run("cargo", &["build", "--profile", "gate", "--package", "evenkeel-gate"])?;
    let counted = count::all(&crate::target().join("gate/evenkeel-gate"))?;
    let here = baseline::toolchain()?;
    let path = crate::root().join("tests/gate/baseline.json");
    if update {
        let per_item = counted.iter().map(|one| (one.name.clone(), one.per_item()));
        let baseline = Baseline { toolchain: here, per_item: per_item.collect() };
        baseline.write(&path)?;
        print!("{}", verdict::table(&counted, &BTreeMap::new()));
        println!("\nwrote {}", path.display());
        return Ok(());
    }
    let baseline = Baseline::read(&path)?;
    print!("{}", verdict::table(&counted, &baseline.per_item));
    let tolerance = verdict::tolerance(&baseline.toolchain, &here);
    let mut missed = verdict::missed(&counted, &baseline.per_item, tolerance);
    missed.extend(verdict::dearer(&counted));
    println!("\ninstructions an item; at most {:.0} % more than the baseline", tolerance * 100.0);
    if baseline.toolchain != here {
        println!(
            "the baseline is of `{}` and this is `{here}`, so more is allowed: renew it with --update",
            baseline.toolchain
        );
    }
    if missed.is_empty() { Ok(()) } else { Err(missed.join("\n")) }
}

/// As a person reads it: 1234567 is `1,234,567`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl Counted {
    /// Instructions that one item more costs, without what is spent once.
    fn per_item(&self) -> f64 {
        (self.large.1 - self.small.1) / f64::from(self.large.0 - self.small.0)
    }

    /// By which power of its size the cost grows: 1 is linear. What is spent once makes it smaller.
    fn exponent(&self) -> f64 {
        (self.large.1 / self.small.1).ln()
            / (f64::from(self.large.0) / f64::from(self.small.0)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_an_item_leaves_out_what_is_spent_once() {
        let counted = Counted {
            name: "x".to_owned(),
            item: "thing".to_owned(),
            small: (100, 5_000.0 + 700.0),
            large: (1_000, 5_000.0 + 7_000.0),
        };
        assert!((counted.per_item() - 7.0).abs() < 1e-9);
        assert!(counted.exponent() < 1.0);
    }

    #[test]
    fn large_numbers_have_their_thousands_apart() {
        assert_eq!([7.4, 999.0, 1_234_567.0].map(grouped), ["7", "999", "1,234,567"]);
    }
}

//! What every bench does before it measures and after.

use std::fmt::Display;
use std::process::ExitCode;

use evenkeel_figures::Report;

/// Reads the words with which `cargo xtask bench NAME` starts a bench, and runs it with what they mean.
///
/// `read` is given them without cargo's own `--bench`. Without any word nothing is measured: `cargo test --all-targets` starts benches too.
/// Wrong ones are told with the usage, and exit 2.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what a person or a log reads"
)]
pub fn bench<Args>(
    name: &str,
    usage: &str,
    read: impl FnOnce(&[&str]) -> Result<Args, String>,
    run: impl FnOnce(&Args) -> ExitCode,
) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        println!("run by `cargo xtask bench {name}`");
        return ExitCode::SUCCESS;
    }
    let words: Vec<_> =
        words.iter().map(String::as_str).filter(|word| *word != "--bench").collect();
    if words.iter().any(|word| ["--help", "-h"].contains(word)) {
        print!("{usage}");
        return ExitCode::SUCCESS;
    }
    match read(&words) {
        Ok(args) => run(&args),
        Err(problem) => {
            eprintln!("{problem}\n\n{usage}");
            ExitCode::from(2)
        }
    }
}

/// Tells what was measured, as `tables` or as a document, and whether each figure that must hold does.
#[expect(clippy::print_stdout, reason = "its output is what a person or a log reads")]
pub fn tell(report: &Report, tables: impl Display, as_json: bool) -> ExitCode {
    if as_json {
        println!("{}", report.document());
    } else {
        print!("{tables}");
    }
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

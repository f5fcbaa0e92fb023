//! `cargo xtask order`: which functions an agent runs, so that the linker places them together.
//!
//! The kernel maps a program in pieces of 64 KiB around each place that runs. Of an agent's code only a part ever runs, and it would lie in nearly
//! all of the pieces (docs/decisions/0017).

mod names;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use self::names::Function;
use crate::{Outcome, SHIPPED, process, root, target};

/// What the linker is given by `bins/evenkeel/build.rs`.
const SCRIPT: &str = "bins/evenkeel/order.ld";

/// Builds the agent with the names of its functions, watches which of them run, and writes the script.
pub(crate) fn run() -> Outcome {
    let build = [&["build", "--profile", "order"], &SHIPPED[..], &["--bin", "evenkeel"]].concat();
    // What is to be made anew may be what the linker cannot read.
    process::run_with("cargo", &build, &[("EVENKEEL_UNORDERED", "1")])?;
    process::run("cargo", &["build", "--package", "evenkeel-tests", "--bin", "order"])?;
    let program = target().join("order/evenkeel");
    let read = process::output("readelf", &["-sW".as_ref(), program.as_os_str()])?;
    let functions: Vec<Function> = read.lines().filter_map(Function::parse).collect();
    let ran = watch(&program, &functions)?;
    let at_rest = names::order(&functions, &ran.at_rest);
    let others: Vec<Function> = functions
        .iter()
        .filter(|one| !at_rest.iter().any(|line| line.takes(&one.name)))
        .cloned()
        .collect();
    let later = names::order(&others, &ran.later);
    for (when, ran, lines) in [("at rest", &ran.at_rest, &at_rest), ("later", &ran.later, &later)] {
        let sum = |is_counted: &dyn Fn(&Function) -> bool| -> u64 {
            functions.iter().filter(|one| is_counted(one)).map(|one| one.size).sum()
        };
        println!(
            "{when} {} functions ran, {} of {} bytes; {} lines take {} bytes together",
            ran.len(),
            sum(&|one| ran.contains(&one.address)),
            sum(&|_| true),
            lines.len(),
            sum(&|one| lines.iter().any(|line| line.takes(&one.name))),
        );
    }
    let path = root().join(SCRIPT);
    fs::write(&path, names::script(&at_rest, &later))
        .map_err(|error| format!("`{SCRIPT}`: {error}"))?;
    println!("wrote {SCRIPT}");
    Ok(())
}

/// The section that the script makes.
const SECTION: &str = ".text.run";
/// Less than this in it, and most of the script matches nothing any more: the compiler names functions otherwise, say.
const LEAST_BYTES: u64 = 2_500_000;

/// Fails if the code that runs is not placed together in this program.
pub(crate) fn holds(program: &Path) -> Outcome {
    let sections = process::output("readelf", &["-SW".as_ref(), program.as_os_str()])?;
    match size_of(&sections, SECTION) {
        Some(bytes) if bytes >= LEAST_BYTES => Ok(()),
        found => Err(format!(
            "{} bytes of `{}` lie in `{SECTION}`, and {LEAST_BYTES} or more should: `cargo xtask order` makes `{SCRIPT}` anew",
            found.unwrap_or_default(),
            program.display()
        )),
    }
}

/// The size of one section, as `readelf -SW` has it.
fn size_of(sections: &str, name: &str) -> Option<u64> {
    sections.lines().find_map(|line| {
        let (_, rest) = line.split_once(']')?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [known, "PROGBITS", _, _, size, ..] = words[..] else { return None };
        (known == name).then(|| u64::from_str_radix(size, 16).ok())?
    })
}

/// The addresses of functions that ran.
#[derive(Debug, Default)]
struct Ran {
    /// From the start to rest.
    at_rest: BTreeSet<u64>,
    /// Of the others, those that ran later.
    later: BTreeSet<u64>,
}

/// Has `tests/order` watch an agent.
fn watch(program: &Path, functions: &[Function]) -> Result<Ran, String> {
    let addresses: BTreeSet<u64> = functions.iter().map(|function| function.address).collect();
    let lines: Vec<_> = addresses.iter().map(|address| format!("{address:x}")).collect();
    let file = target().join("order/functions");
    fs::write(&file, lines.join("\n")).map_err(|error| format!("`{}`: {error}", file.display()))?;
    println!("watching an agent for some minutes …");
    let watcher = target().join("debug/order");
    let told = process::output(watcher, &[program.as_os_str(), file.as_os_str()])?;
    let mut ran = Ran::default();
    for line in told.lines() {
        let ran = match line.split_once(' ') {
            Some(("rest", address)) => Some((&mut ran.at_rest, address)),
            Some(("later", address)) => Some((&mut ran.later, address)),
            _ => None,
        };
        let read =
            ran.and_then(|(ran, address)| Some((ran, u64::from_str_radix(address, 16).ok()?)));
        let (ran, address) = read.ok_or_else(|| format!("`order` told `{line}`"))?;
        ran.insert(address);
    }
    Ok(ran)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_section_is_read_as_readelf_writes_it() {
        let sections = "\
Section Headers:
  [Nr] Name              Type            Address          Off    Size   ES Flg Lk Inf Al
  [ 0]                   NULL            0000000000000000 000000 000000 00      0   0  0
  [15] .text.run         PROGBITS        00000000001cf000 1ce000 54cbdc 00  AX  0   0 16
  [16] .text             PROGBITS        000000000071bbe0 71abe0 5b1c3e 00  AX  0   0 16
";
        assert_eq!(size_of(sections, SECTION), Some(0x54_cbdc));
        assert_eq!(size_of(sections, ".data.run"), None);
    }
}

//! Functions by the paths that their names tell, and the lines for the linker that are made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A module of which so much runs is placed as a whole: what is new in it, or has another name with another compiler, is then with the others.
const MOST_OF_IT: (u64, u64) = (4, 5);

/// One function of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    /// As the compiler writes it.
    pub(super) name: String,
    pub(super) address: u64,
    pub(super) size: u64,
}

impl Function {
    /// A line of `readelf -sW`, if it is about a function that has a size.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, address, size, "FUNC", _, _, _, name, ..] = words[..] else { return None };
        let address = u64::from_str_radix(address, 16).ok()?;
        let size = size.parse().ok().filter(|size| *size > 0)?;
        Some(Self { name: name.to_owned(), address, size })
    }

    /// The parts of its path, each with its length before it as they stand in the name; what tells instances apart left out. Empty for what is no Rust.
    fn path(&self) -> Vec<&str> {
        let Some(mut rest) = self.name.strip_prefix("_ZN") else { return Vec::new() };
        let mut path = Vec::new();
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let length: usize = rest[..digits].parse().unwrap_or_default();
            let Some((part, after)) = rest.split_at_checked(digits + length) else { break };
            if length == 0 {
                break;
            }
            path.push(part);
            rest = after;
        }
        if path.last().is_some_and(|last| last.len() == HASH && last.starts_with("17h")) {
            path.pop();
        }
        path
    }
}

/// How long a hash at the end of a name is, with its length.
const HASH: usize = "17h0123456789abcdef".len();

/// Functions that are placed with the others that run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    /// One that is no Rust.
    Plain(String),
    /// All whose names begin so.
    Below(String),
}

impl Line {
    pub(super) fn takes(&self, name: &str) -> bool {
        match self {
            Self::Plain(whole) => name == whole,
            Self::Below(start) => name.starts_with(start),
        }
    }
}

/// A module, a type or a function, with what is in it.
#[derive(Debug, Default)]
struct Place<'a> {
    size: u64,
    size_that_ran: u64,
    within: BTreeMap<&'a str, Self>,
    /// Whether a function has this very path and ran.
    itself_ran: bool,
}

/// What is placed together, of which some ran: whole modules of which most ran, else their functions.
pub(super) fn order(functions: &[Function], ran: &BTreeSet<u64>) -> Vec<Line> {
    let mut top = Place::default();
    let mut lines = BTreeSet::new();
    for function in functions {
        let ran = ran.contains(&function.address);
        let path = function.path();
        if path.is_empty() {
            if ran {
                lines.insert(Line::Plain(function.name.clone()));
            }
            continue;
        }
        let mut place = &mut top;
        for part in path {
            place = place.within.entry(part).or_default();
            place.size += function.size;
            place.size_that_ran += if ran { function.size } else { 0 };
        }
        place.itself_ran |= ran;
    }
    // Each crate at least has a line of its own.
    for (part, place) in &top.within {
        place.lines(&format!("_ZN{part}"), &mut lines);
    }
    lines.into_iter().collect()
}

impl Place<'_> {
    fn lines(&self, start: &str, lines: &mut BTreeSet<Line>) {
        if self.size_that_ran == 0 {
            return;
        }
        let (part, whole) = MOST_OF_IT;
        if self.size_that_ran * whole >= self.size * part {
            lines.insert(Line::Below(start.to_owned()));
            return;
        }
        if self.itself_ran {
            // Up to its hash: the functions within it are looked at on their own.
            lines.insert(Line::Below(format!("{start}17h")));
        }
        for (part, place) in &self.within {
            place.lines(&format!("{start}{part}"), lines);
        }
    }
}

/// The linker's script: one section more, before that of all other code. What runs at rest comes first in it.
pub(super) fn script(at_rest: &[Line], later: &[Line]) -> String {
    let mut script = "/* The code that an agent runs, placed together: docs/decisions/0017. Made by `cargo xtask order`; a line that matches nothing does no harm.\n   \
                      lld and GNU ld read this. Others, such as gold and mold, cannot: EVENKEEL_UNORDERED=1 leaves it out of a build. */\n\
                      SECTIONS\n{\n  .text.run :\n  {\n    /* From the start to rest. */\n"
        .to_owned();
    push(&mut script, at_rest);
    script += "    /* When it is asked, repairs, and ends. */\n";
    push(&mut script, later);
    script + "  }\n}\nINSERT BEFORE .text;\n"
}

fn push(script: &mut String, lines: &[Line]) {
    let mut written = BTreeSet::new();
    for line in lines {
        let name = match line {
            Line::Plain(name) => any_build(name),
            Line::Below(start) => format!("{start}*"),
        };
        if !written.insert(name.clone()) {
            continue;
        }
        // Of `#[cold]` functions, such as a vector's growth, some run all the same.
        writeln!(script, "    *(.text.{name} .text.unlikely.{name})")
            .expect("a string takes everything");
    }
}

/// The standard library's own functions have the hashes of its crates within their names, each as `Cs…_`: those change with the compiler. A number after
/// a dot tells copies apart that whole-program optimisation made, and changes with each build.
fn any_build(name: &str) -> String {
    if !name.starts_with("_R") {
        return name.to_owned();
    }
    let mut parts = name.split("Cs");
    let mut pattern = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hash = part.bytes().take_while(u8::is_ascii_alphanumeric).count();
        // A shorter one is a part of a word.
        let is_hash = hash >= 8 && part[hash..].starts_with('_');
        pattern += "Cs";
        pattern += if is_hash { "*" } else { &part[..hash] };
        pattern += &part[hash..];
    }
    let is_copy = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit());
    match pattern.rsplit_once('.') {
        Some((name, number)) if is_copy(number) => format!("{name}*"),
        _ => pattern + "*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Optimised builds alone are linked with it, and the checks make none.
    #[test]
    fn the_script_that_ships_is_one_that_a_linker_reads() {
        let script = include_str!("../../../bins/evenkeel/order.ld");
        let inner = script.split_once("SECTIONS\n{\n  .text.run :\n  {\n").map(|(_, rest)| rest);
        let lines = inner.and_then(|rest| rest.strip_suffix("  }\n}\nINSERT BEFORE .text;\n"));
        let lines = lines.expect("one section more, before all other code");
        let mut patterns = 0;
        for line in lines.lines().map(str::trim) {
            if line.starts_with("/*") && line.ends_with("*/") {
                continue;
            }
            let both = line.strip_prefix("*(.text.").and_then(|line| line.strip_suffix(')'));
            let (hot, cold) = both.and_then(|both| both.split_once(' ')).expect(line);
            assert_eq!(cold.strip_prefix(".text.unlikely."), Some(hot), "{line}");
            assert!(hot.len() > 1 && !hot.starts_with('*'), "{line}");
            patterns += 1;
        }
        assert!(patterns > 1_000, "{patterns}");
    }

    fn function(name: &str, address: u64, size: u64) -> Function {
        Function { name: name.to_owned(), address, size }
    }

    fn lines(functions: &[Function], ran: &[u64]) -> Vec<Line> {
        order(functions, &ran.iter().copied().collect())
    }

    #[test]
    fn only_functions_that_have_a_size_are_read() {
        let line = "  12: 00000000004dfcb0   236 FUNC    LOCAL  DEFAULT   16 sqlite3_open";
        assert_eq!(Function::parse(line), Some(function("sqlite3_open", 0x4d_fcb0, 236)));
        assert_eq!(Function::parse("  12: 00000000004dfcb0 236 OBJECT LOCAL DEFAULT 16 x"), None);
        assert_eq!(Function::parse("  12: 00000000004dfcb0 0 FUNC LOCAL DEFAULT 16 x"), None);
        assert_eq!(Function::parse("Symbol table '.symtab' contains 2 entries:"), None);
    }

    #[test]
    fn a_path_leaves_out_the_hash() {
        let one = function("_ZN5tokio7runtime4poll17h0123456789abcdefE", 1, 1);
        assert_eq!(one.path(), ["5tokio", "7runtime", "4poll"]);
        assert!(function("sqlite3_open", 1, 1).path().is_empty());
        assert!(function("_ZN", 1, 1).path().is_empty());
        assert!(function("_ZN9short", 1, 1).path().is_empty());
    }

    #[test]
    fn a_module_of_which_most_ran_is_one_line() {
        let all = [
            function("_ZN1a1b1c17h0123456789abcdefE", 1, 80),
            function("_ZN1a1b1d17h0123456789abcdefE", 2, 20),
            function("_ZN1a1e1f17h0123456789abcdefE", 3, 900),
        ];
        assert_eq!(lines(&all, &[1]), [Line::Below("_ZN1a1b".to_owned())]);
        assert_eq!(lines(&all, &[2]), [Line::Below("_ZN1a1b1d".to_owned())]);
        assert_eq!(lines(&all, &[]), []);
    }

    #[test]
    fn a_function_takes_nothing_with_it_that_only_lies_within() {
        let all = [
            function("_ZN1a1b17h0123456789abcdefE", 1, 10),
            function("_ZN1a1b11$u7b$c$u7d$17h0123456789abcdefE", 2, 90),
        ];
        assert_eq!(lines(&all, &[1]), [Line::Below("_ZN1a1b17h".to_owned())]);
    }

    #[test]
    fn what_is_no_rust_has_its_whole_name() {
        let all = [function("sqlite3_open", 1, 10), function("sqlite3_close", 2, 10)];
        let order = lines(&all, &[1]);
        assert_eq!(order, [Line::Plain("sqlite3_open".to_owned())]);
        let line = "    *(.text.sqlite3_open .text.unlikely.sqlite3_open)\n";
        assert!(script(&order, &[]).contains(line));
    }

    #[test]
    fn functions_of_the_standard_library_are_known_whatever_compiler_made_it() {
        let name = "_RNvMs4_NtCslNYArtu3iFV_5alloc7raw_vecNtB5_11RawVecInner11finish_growB7_";
        let any = "_RNvMs4_NtCs*_5alloc7raw_vecNtB5_11RawVecInner11finish_growB7_*";
        assert_eq!(any_build(name), any);
        assert_eq!(any_build(&format!("{name}.1002")), any);
        assert_eq!(any_build("sqlite3CsvOpen_x"), "sqlite3CsvOpen_x");
        assert_eq!(any_build("_RNvCsab_1x"), "_RNvCsab_1x*");
    }
}

//! Functions by their names without what changes from build to build, and the patterns for the linker that are made of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Names that begin alike, of which so much runs, are one pattern: what is new among them, or has another name with another compiler, is then placed
/// with the others.
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
}

/// Functions that are placed with the others that run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pattern {
    /// One that is no Rust.
    Plain(String),
    /// All whose names begin so, with anything in the place of each `*`.
    Below(String),
}

impl Pattern {
    pub(super) fn takes(&self, name: &str) -> bool {
        let start = match self {
            Self::Plain(whole) => return name == whole,
            Self::Below(start) => start,
        };
        let mut texts = start.split('*');
        let first = texts.next().unwrap_or_default();
        name.strip_prefix(first).is_some_and(|rest| {
            texts.try_fold(rest, |rest, text| Some(rest.split_once(text)?.1)).is_some()
        })
    }
}

/// The parts of a Rust function's name (RFC 2603, "v0"), with a `*` for what changes with the compiler, `Cargo.lock` and each build: the hash of a
/// crate, the number that tells things of one name apart, the place in the name whose text is meant again. Empty for what is no Rust.
///
/// The crate at the end, for which an instance of a generic function was made, is left out: of those that need the same one, the compiler takes any.
///
/// It does not tell a type `s` (`i16`) from such a number: one `*` more then, and the function is found all the same.
fn parts(name: &str) -> Vec<Cow<'_, str>> {
    // What follows a dot tells copies apart that whole-program optimisation made.
    let name = name.split('.').next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix("_R") else { return Vec::new() };
    let mut parts = vec![Cow::Borrowed("_R")];
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '0'..='9' => identifier(rest),
            'B' => number(rest, "B").map(|length| ("B*_", length)),
            's' => number(rest, "s").map(|length| ("s*_", length)),
            'C' => number(rest, "Cs").map(|length| ("Cs*_", length)),
            // A constant's type and value, unless it is meant again or left open.
            'K' if !rest.starts_with("KB") && !rest.starts_with("Kp") => {
                number(rest, "K").map(|length| (&rest[..length], length))
            }
            _ => None,
        }
        .unwrap_or((&rest[..first.len_utf8()], first.len_utf8()));
        parts.push(part.into());
        rest = &rest[length..];
    }
    match &parts[..] {
        [path @ .., last] if last == "B*_" => parts.truncate(path.len()),
        [path @ .., root, _] if root == "Cs*_" => parts.truncate(path.len()),
        _ => {}
    }
    parts
}

/// An identifier with its length before it, and how long both are.
fn identifier(rest: &str) -> Option<(&str, usize)> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let separator = usize::from(rest[digits..].starts_with('_'));
    let length: usize = rest[..digits].parse().ok()?;
    // `0` names a closure, and what follows it is no separator.
    let whole = if length == 0 { digits } else { digits + separator + length };
    Some((rest.get(..whole)?, whole))
}

/// How long a number that ends in `_` is, with what stands before it.
fn number(rest: &str, before: &str) -> Option<usize> {
    let digits = rest.strip_prefix(before)?;
    let length = digits.bytes().take_while(u8::is_ascii_alphanumeric).count();
    digits[length..].starts_with('_').then_some(before.len() + length + 1)
}

/// Names that begin with the same parts.
#[derive(Debug, Default)]
struct Names<'a> {
    size: u64,
    size_that_ran: u64,
    /// Whether a function that ran has no further part in its name.
    itself_ran: bool,
    longer: BTreeMap<Cow<'a, str>, Self>,
}

/// What is placed together, of which some ran.
pub(super) fn order(functions: &[Function], ran: &BTreeSet<u64>) -> Vec<Pattern> {
    let mut all = Names::default();
    let mut patterns = BTreeSet::new();
    for function in functions {
        let ran = ran.contains(&function.address);
        let parts = parts(&function.name);
        if parts.is_empty() && ran {
            patterns.insert(Pattern::Plain(function.name.clone()));
        }
        let mut names = &mut all;
        for part in parts {
            names = names.longer.entry(part).or_default();
            names.size += function.size;
            names.size_that_ran += if ran { function.size } else { 0 };
        }
        names.itself_ran |= ran;
    }
    for (part, names) in &all.longer {
        names.patterns(part, part, &mut patterns);
    }
    patterns.into_iter().collect()
}

impl Names<'_> {
    /// `start` is how all of them begin, and `last` the last part of it.
    fn patterns(&self, start: &str, last: &str, patterns: &mut BTreeSet<Pattern>) {
        if self.size_that_ran == 0 {
            return;
        }
        let (part, whole) = MOST_OF_IT;
        let is_most = self.size_that_ran * whole >= self.size * part;
        // A letter alone says what kind of thing follows: in another build that would be anything.
        let is_named = last.len() > 1 && last.starts_with(|first: char| first.is_ascii_digit());
        if self.itself_ran || is_most && is_named {
            patterns.insert(Pattern::Below(start.to_owned()));
            return;
        }
        for (part, names) in &self.longer {
            names.patterns(&format!("{start}{part}"), part, patterns);
        }
    }
}

/// The linker's script: one section more, before that of all other code. What runs at rest comes first in it.
pub(super) fn script(at_rest: &[Pattern], later: &[Pattern]) -> String {
    let mut script = "/* The code that an agent runs, placed together: docs/decisions/0017. Made by `cargo xtask order`; a line that matches nothing does no harm.\n   \
                      lld and GNU ld read this. Others, such as gold and mold, cannot: EVENKEEL_UNORDERED=1 leaves it out of a build. */\n\
                      SECTIONS\n{\n  .text.run :\n  {\n    /* From the start to rest. */\n"
        .to_owned();
    push(&mut script, at_rest);
    script += "    /* When it is asked, repairs, and ends. */\n";
    push(&mut script, later);
    script + "  }\n}\nINSERT BEFORE .text;\n"
}

fn push(script: &mut String, patterns: &[Pattern]) {
    for pattern in patterns {
        let name = match pattern {
            Pattern::Plain(name) => name.clone(),
            Pattern::Below(start) => format!("{start}*"),
        };
        // Of `#[cold]` functions, such as a vector's growth, some run all the same.
        writeln!(script, "    *(.text.{name} .text.unlikely.{name})")
            .expect("a string takes everything");
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

    fn patterns(functions: &[Function], ran: &[u64]) -> Vec<Pattern> {
        order(functions, &ran.iter().copied().collect())
    }

    fn below(start: &str) -> Pattern {
        Pattern::Below(start.to_owned())
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
    fn a_name_is_known_whatever_build_it_is_of() {
        let any = |name| parts(name).concat();
        assert_eq!(
            any("_RNvMs4_NtCslNYArtu3iFV_5alloc7raw_vecNtB5_11RawVecInner11finish_growB7_.1002"),
            "_RNvMs*_NtCs*_5alloc7raw_vecNtB*_11RawVecInner11finish_grow"
        );
        // An instance, made for this crate or for another.
        assert_eq!(any("_RINvCsab_1a1bhEB3_"), "_RINvCs*_1a1bhE");
        assert_eq!(any("_RINvCsab_1a1bhECscd_1c"), "_RINvCs*_1a1bhE");
        // A closure, with and without a number, and another's that follows it.
        assert_eq!(any("_RNCNvCsab_1a1b0B3_"), "_RNCNvCs*_1a1b0");
        assert_eq!(any("_RNCNvCsab_1a1bs0_0B3_"), "_RNCNvCs*_1a1bs*_0");
        // A name that begins with an underscore, a constant, an `i16`.
        assert_eq!(any("_RNvCsab_7___rustc12___rust_alloc"), "_RNvCs*_7___rustc12___rust_alloc");
        assert_eq!(any("_RINvCsab_1a1bKj10_E"), "_RINvCs*_1a1bKj10_E");
        assert_eq!(any("_RINvCsab_1a1bKB27_E"), "_RINvCs*_1a1bKB*_E");
        assert_eq!(any("_RINvCsab_1a1bTsmEE"), "_RINvCs*_1a1bTsmEE");
        // Cut off.
        assert_eq!(any("_RNvCsab_9short"), "_RNvCs*_9short");
        assert_eq!(any("_RNvCsab"), "_RNvCsab");
        assert_eq!(any("_R"), "_R");
        assert_eq!(parts("sqlite3_open"), Vec::<Cow<'_, str>>::new());
    }

    #[test]
    fn a_pattern_takes_what_is_of_another_build() {
        let pattern = below("_RNvMs*_NtCs*_1a1bNtB*_1c1d");
        assert!(pattern.takes("_RNvMs4_NtCsabc_1a1bNtB5_1c1dB7_"));
        assert!(pattern.takes("_RNvMs_NtCsabcd_1a1bNtB6_1c1d.llvm.12"));
        assert!(!pattern.takes("_RNvMs_NtCsabcd_1a1bNtB6_1c"));
        assert!(!pattern.takes("_RNvNtCsabcd_1a1bNtB6_1c1d"));
        assert!(!Pattern::Plain("sqlite3_open".to_owned()).takes("sqlite3_open_v2"));
    }

    #[test]
    fn names_of_which_most_ran_are_one_pattern() {
        let all = [
            function("_RNvNtCsab_1a1b1c", 1, 80),
            function("_RNvNtCsab_1a1b1d", 2, 20),
            function("_RNvNtCsab_1a1e1f", 3, 900),
        ];
        assert_eq!(patterns(&all, &[1]), [below("_RNvNtCs*_1a1b")]);
        assert_eq!(patterns(&all, &[2]), [below("_RNvNtCs*_1a1b1d")]);
        assert_eq!(patterns(&all, &[]), []);
        // Of every path that begins with such a letter, no more is known than that.
        assert_eq!(patterns(&all, &[1, 2, 3]), [below("_RNvNtCs*_1a")]);
    }

    #[test]
    fn instances_of_a_generic_function_are_told_apart() {
        let all = [function("_RINvCsab_1a1bhEB3_", 1, 10), function("_RINvCsab_1a1bmEB3_", 2, 90)];
        assert_eq!(patterns(&all, &[1]), [below("_RINvCs*_1a1bhE")]);
    }

    #[test]
    fn what_is_no_rust_has_its_whole_name() {
        let all = [function("sqlite3_open", 1, 10), function("sqlite3_close", 2, 10)];
        let order = patterns(&all, &[1]);
        assert_eq!(order, [Pattern::Plain("sqlite3_open".to_owned())]);
        let line = "    *(.text.sqlite3_open .text.unlikely.sqlite3_open)\n";
        assert!(script(&order, &[]).contains(line));
    }
}

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobMatcher, GlobSetBuilder};

use crate::automaton;

/// The longest name that Linux filesystems keep. Source: `NAME_MAX` in `limits.h`.
pub const LONGEST_NAME_BYTES: usize = 255;

/// So many globs are asked one by one sooner than as a set.
const FEW: usize = 4;

/// A glob for one name: `*` any bytes, `?` one byte, `[a-z]` one of, `[!a]` one but, `{a,b}` either, `\` quotes.
#[derive(Debug, Clone)]
pub struct Glob {
    glob: globset::Glob,
    shape: Shape,
}

/// How a name is compared: most globs are so plain that no regular expression is needed, which a scan would run for each
/// of a million names.
#[derive(Debug, Clone)]
enum Shape {
    /// The very name.
    Name(Vec<u8>),
    /// `PREFIX*`; the prefix may be empty.
    Prefix(Vec<u8>),
    /// `*SUFFIX`
    Suffix(Vec<u8>),
    Other(GlobMatcher),
}

/// Several globs that are asked at once.
#[derive(Debug, Clone, Default)]
pub struct GlobSet {
    globs: Vec<Glob>,
    set: globset::GlobSet,
}

/// A glob that can never match the name of an entry, or is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}`: {message}")]
pub struct GlobError {
    /// As it was written.
    pub glob: String,
    /// What is wrong with it.
    pub message: String,
}

impl GlobError {
    /// What would be right.
    pub const ACCEPTED: &'static str = "a glob for one name, such as `*.hash`";
}

impl Glob {
    /// Reads a glob; fails if it is none, or if no name of an entry can ever match it.
    pub fn try_new(text: &str) -> Result<Self, GlobError> {
        let refuse =
            |message: &str| GlobError { glob: text.to_owned(), message: message.to_owned() };
        if text.is_empty() {
            return Err(refuse("an empty glob matches nothing"));
        }
        if text.contains('/') {
            return Err(refuse("a glob is compared with names, which contain no `/`"));
        }
        if text.contains('\0') {
            return Err(refuse("a name contains no NUL"));
        }
        if has_class_beyond_ascii(text) {
            return Err(refuse(
                "names are compared byte by byte, so that `[…]` cannot hold a letter beyond ASCII; `{…,…}` can",
            ));
        }
        let glob = globset::Glob::new(text).map_err(|error| refuse(&error.kind().to_string()))?;
        // A set is built first: unlike a matcher alone, it says what is wrong with a glob that is too large.
        GlobSetBuilder::new()
            .add(glob.clone())
            .build()
            .map_err(|error| refuse(&error.kind().to_string()))?;
        let shape = Shape::new(&glob);
        let this = Self { glob, shape };
        if !this.matches_some_name() {
            return Err(refuse("no entry of a directory can have such a name"));
        }
        Ok(this)
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        self.glob.glob()
    }

    /// Whether an entry of this name is meant.
    pub fn is_match(&self, name: impl AsRef<OsStr>) -> bool {
        let name = name.as_ref();
        let bytes = name.as_bytes();
        match &self.shape {
            Shape::Name(whole) => bytes == whole,
            Shape::Prefix(prefix) => bytes.starts_with(prefix),
            Shape::Suffix(suffix) => bytes.ends_with(suffix),
            Shape::Other(matcher) => matcher.is_match(Path::new(name)),
        }
    }

    /// Whether some name is meant by both.
    ///
    /// Globs so involved that it cannot be told within reason count as not overlapping.
    pub fn overlaps(&self, other: &Self) -> bool {
        automaton::overlap(self.glob.regex(), other.glob.regex(), LONGEST_NAME_BYTES)
            .unwrap_or(false)
    }

    /// Whether every name that `other` means is also meant by this one.
    ///
    /// Globs so involved that it cannot be told within reason count as not covered.
    pub fn covers(&self, other: &Self) -> bool {
        automaton::cover(self.glob.regex(), other.glob.regex(), LONGEST_NAME_BYTES).unwrap_or(false)
    }

    /// `.` and `..` are no entries, and a name has a longest length.
    fn matches_some_name(&self) -> bool {
        !matches!(self.as_str(), "." | "..")
            && automaton::overlap(self.glob.regex(), "(?-u)^.+$", LONGEST_NAME_BYTES)
                .unwrap_or(true)
    }
}

impl Shape {
    fn new(glob: &globset::Glob) -> Self {
        let text = glob.glob().as_bytes();
        let plain = |text: &[u8]| !text.iter().any(|byte| b"*?[]{}!,\\".contains(byte));
        match text {
            [prefix @ .., b'*'] if plain(prefix) => Self::Prefix(prefix.to_vec()),
            [b'*', suffix @ ..] if plain(suffix) => Self::Suffix(suffix.to_vec()),
            name if plain(name) => Self::Name(name.to_vec()),
            _ => Self::Other(glob.compile_matcher()),
        }
    }
}

impl GlobSet {
    /// Reads several globs; fails with the first that is none or can never match.
    pub fn try_new(texts: &[impl AsRef<str>]) -> Result<Self, GlobError> {
        let globs =
            texts.iter().map(|text| Glob::try_new(text.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let mut set = GlobSetBuilder::new();
        for glob in &globs {
            set.add(glob.glob.clone());
        }
        let set = set.build().map_err(|error| GlobError {
            glob: texts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" "),
            message: error.kind().to_string(),
        })?;
        Ok(Self { globs, set })
    }

    /// Whether one of the globs means an entry of this name.
    pub fn is_match(&self, name: impl AsRef<OsStr>) -> bool {
        let name = name.as_ref();
        if self.globs.len() <= FEW {
            return self.globs.iter().any(|glob| glob.is_match(name));
        }
        self.set.is_match(Path::new(name))
    }

    /// The globs, in the order given.
    pub fn globs(&self) -> &[Glob] {
        &self.globs
    }

    /// The first glob that alone means every name that `glob` means.
    pub fn covering(&self, glob: &Glob) -> Option<&Glob> {
        self.globs.iter().find(|outer| outer.covers(glob))
    }
}

/// Globs are equal if they were written alike.
impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A character of several bytes in a class would stand for each of its bytes alone.
fn has_class_beyond_ascii(text: &str) -> bool {
    let mut in_class = false;
    let mut quoted = false;
    for char in text.chars() {
        match char {
            _ if quoted => quoted = false,
            '\\' if !in_class => quoted = true,
            '[' => in_class = true,
            ']' => in_class = false,
            _ if in_class && !char.is_ascii() => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::try_new(text).unwrap()
    }

    #[test]
    fn globs_that_can_never_match_are_refused() {
        let long = "x".repeat(LONGEST_NAME_BYTES + 1);
        for text in [
            "",
            "a/b",
            "/",
            ".",
            "..",
            "a\0",
            "[a",
            "{a",
            "a}",
            "[z-a]",
            "[é]",
            "{}",
            long.as_str(),
        ] {
            let error = Glob::try_new(text).unwrap_err();
            assert_eq!(error.glob, text);
            assert!(!error.message.is_empty());
        }
        let longest = "x".repeat(LONGEST_NAME_BYTES);
        for text in ["*", "?", "[!a]*", "{a,b}", "\\*", "...", "é*", "[]]", longest.as_str()] {
            Glob::try_new(text).unwrap();
        }
    }

    #[test]
    fn names_are_bytes_and_a_newline_is_one_of_them() {
        use std::os::unix::ffi::OsStrExt;
        assert!(glob("*.log").is_match(OsStr::from_bytes(b"a\n\xff.log")));
        assert!(glob("?").is_match("\n"));
        assert!(!glob("?").is_match("é"), "two bytes");
    }

    proptest! {
        #[test]
        fn a_plain_glob_means_what_its_regular_expression_means(
            text in "[ab.é*]{1,4}",
            name in "[ab.é*\\n]{1,5}",
        ) {
            let Ok(plain) = Glob::try_new(&text) else { return Ok(()) };
            let expected = plain.glob.compile_matcher().is_match(&name);
            prop_assert_eq!(plain.is_match(&name), expected);
            prop_assert_eq!(GlobSet::try_new(&[&text]).unwrap().is_match(&name), expected);
        }
    }

    #[test]
    fn overlap_is_told_without_a_file() {
        for (one, other, expected) in [
            ("*.hash", "*.log", false),
            ("*.hash", "worker*", true),
            ("*.hash", "*.HASH", false),
            ("a?c", "abc", true),
            ("[a-f]*", "[g-z]*", false),
            ("[!a]*", "a*", false),
            ("{a,b}.log", "b*", true),
            ("*", "anything", true),
            ("\\*", "x", false),
            ("\\*", "*", true),
        ] {
            assert_eq!(glob(one).overlaps(&glob(other)), expected, "{one} {other}");
            assert_eq!(glob(other).overlaps(&glob(one)), expected, "{other} {one}");
        }
    }

    #[test]
    fn cover_is_told_without_a_file() {
        for (outer, inner, expected) in [
            ("*", "*.hash", true),
            ("*.hash", "*", false),
            ("*.hash", "a*.hash", true),
            ("*.hash", "*.hash", true),
            ("{a,b}*", "a?", true),
            ("{a,b}*", "[ab]", true),
            ("?*", "*", true),
            ("??*", "*", false),
            ("[!.]*", "*.log", false),
        ] {
            assert_eq!(glob(outer).covers(&glob(inner)), expected, "{outer} {inner}");
        }
    }

    #[test]
    fn a_set_names_the_glob_that_leaves_nothing_to_another() {
        let set = GlobSet::try_new(&["*.log", "*.tmp"]).unwrap();
        assert_eq!(set.covering(&glob("a.tmp")).map(Glob::as_str), Some("*.tmp"));
        assert!(set.covering(&glob("*.hash")).is_none());
        assert!(set.is_match("a.tmp") && !set.is_match("a.hash"));
        assert!(!GlobSet::default().is_match("a"));
    }

    /// Globs and names over so few letters that they often meet.
    fn some_glob() -> impl Strategy<Value = String> {
        "([ab*?]|\\[!?[ab]\\]|\\{[ab],[ab*]{1,2}\\}){1,3}"
    }

    proptest! {
        #[test]
        fn what_both_match_shows_an_overlap(one in some_glob(), other in some_glob(), name in "[ab]{1,5}") {
            let (one, other) = (glob(&one), glob(&other));
            if one.is_match(&name) && other.is_match(&name) {
                prop_assert!(one.overlaps(&other));
            }
        }

        #[test]
        fn globs_that_overlap_or_do_not_cover_show_it_on_some_short_name(one in some_glob(), other in some_glob()) {
            let (one, other) = (glob(&one), glob(&other));
            // Three tokens a side tell apart no more than names of seven letters; `c` stands for whatever neither mentions.
            let names = names("abc", 7);
            let both = names.iter().any(|name| one.is_match(name) && other.is_match(name));
            prop_assert_eq!(one.overlaps(&other), both);
            let gap = names.iter().any(|name| other.is_match(name) && !one.is_match(name));
            prop_assert_eq!(one.covers(&other), !gap);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = Glob::try_new(&text);
        }
    }

    fn names(letters: &str, longest: u32) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last
                .iter()
                .flat_map(|name| letters.chars().map(move |letter| format!("{name}{letter}")))
                .collect();
            all.extend(last.iter().cloned());
        }
        all.remove(0);
        all
    }
}

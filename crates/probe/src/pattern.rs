use std::fmt;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// A compiled pattern may take so much memory at most.
const SIZE_LIMIT: usize = 1024 * 1024;

/// A regular expression over bytes; found anywhere in a text unless anchored.
///
/// The syntax is that of the `regex` crate with ASCII classes: `\w` and `(?i)` mean ASCII letters. Matching takes time
/// linear in the text, whatever the pattern.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// A pattern that is not a regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no regular expression: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: String,
}

impl Pattern {
    /// Compiles `source`.
    pub fn try_new(source: &str) -> Result<Self, PatternError> {
        let regex = Regex::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .configure(Regex::config().utf8_empty(false).nfa_size_limit(Some(SIZE_LIMIT)))
            .build(source)
            .map_err(|error| PatternError { pattern: source.to_owned(), reason: reason(&error) })?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// A pattern that stands for `text` itself.
    ///
    /// Fails only if the text is longer than a pattern may be.
    pub fn literal(text: &str) -> Result<Self, PatternError> {
        let mut escaped = String::with_capacity(text.len());
        for char in text.chars() {
            if r"\.+*?()|[]{}^$#&-~".contains(char) {
                escaped.push('\\');
            }
            escaped.push(char);
        }
        Self::try_new(&escaped)
    }

    /// Whether it is found in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether it is found in `bytes`, which need not be UTF-8.
    pub fn is_found_in(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pattern({:?})", self.source)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

/// The syntax error alone: its own display draws the pattern over several lines.
fn reason(error: &regex_automata::meta::BuildError) -> String {
    let text = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim_start_matches("error: ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_is_found_anywhere_unless_anchored() {
        assert!(Pattern::try_new("ok").unwrap().is_match("all ok here"));
        assert!(!Pattern::try_new("^ok").unwrap().is_match("all ok here"));
        assert!(
            Pattern::try_new("\"status\"\\s*:\\s*\"(?i:UP)\"")
                .unwrap()
                .is_match("{\"status\": \"up\"}")
        );
        assert!(Pattern::try_new("正常").unwrap().is_match("状態: 正常"));
    }

    #[test]
    fn a_bad_pattern_is_refused_in_one_line() {
        let error = Pattern::try_new("(open").unwrap_err();
        assert_eq!(error.to_string(), "`(open` is no regular expression: unclosed group");
    }

    #[test]
    fn a_pattern_that_would_take_gigabytes_is_refused() {
        assert!(Pattern::try_new("(a{1000}){1000}{1000}").is_err());
    }

    proptest! {
        #[test]
        fn a_plain_word_is_a_substring_test(word in "[a-z]{1,5}", text in "[a-z ]{0,40}") {
            prop_assert_eq!(Pattern::try_new(&word).unwrap().is_match(&text), text.contains(&word));
        }

        #[test]
        fn a_literal_is_found_where_its_text_is(text in "\\PC{0,12}", around in "\\PC{0,12}") {
            let literal = Pattern::literal(&text).unwrap();
            let inside = format!("{around}{text}{around}");
            prop_assert!(literal.is_match(&inside));
            prop_assert_eq!(literal.is_match(&around), around.contains(&text));
        }

        #[test]
        fn nothing_typed_makes_it_panic(source in "\\PC{0,20}") {
            let _ = Pattern::try_new(&source);
        }
    }
}

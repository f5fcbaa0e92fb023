//! What two globs have in common, by walking both of their automata at once.

use std::collections::HashSet;

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, Input};

/// Automata of ordinary globs have some dozen states; what needs more memory than this is not worth the question.
const MOST_BYTES: usize = 1 << 20;
/// Pairs of states looked at before giving up.
const MOST_PAIRS: usize = 1 << 16;

/// The names that a glob means, as an automaton.
type Language = dense::DFA<Vec<u32>>;

/// Whether some name of at most `longest` bytes is in both; `None` if that would take too much to find out.
pub(crate) fn overlap(one: &str, other: &str, longest: usize) -> Option<bool> {
    is_reached(&language(one)?, &language(other)?, longest, |one, other| one && other)
}

/// Whether every name of at most `longest` bytes that `inner` means is one that `outer` means.
pub(crate) fn cover(outer: &str, inner: &str, longest: usize) -> Option<bool> {
    is_reached(&language(outer)?, &language(inner)?, longest, |outer, inner| inner && !outer)
        .map(|gap| !gap)
}

fn language(regex: &str) -> Option<Language> {
    // As globset builds its own: names are bytes, and a newline is one like any other.
    let syntax = regex_automata::util::syntax::Config::new().utf8(false).dot_matches_new_line(true);
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(MOST_BYTES))
        .determinize_size_limit(Some(MOST_BYTES));
    dense::Builder::new().syntax(syntax).configure(config).build(regex).ok()
}

/// Whether a name of 1 to `longest` bytes brings the two to ends of which `wanted` holds.
fn is_reached(
    one: &Language,
    other: &Language,
    longest: usize,
    wanted: impl Fn(bool, bool) -> bool,
) -> Option<bool> {
    let start = |language: &Language| {
        language.start_state_forward(&Input::new("").anchored(Anchored::Yes)).ok()
    };
    let begin = (start(one)?, start(other)?);
    let alphabet = alphabet(one, other);
    let accepts =
        |language: &Language, state| language.is_match_state(language.next_eoi_state(state));
    let mut seen: HashSet<(StateID, StateID)> = HashSet::from([begin]);
    let mut level = vec![begin];
    for _ in 0..longest {
        let mut next_level = Vec::new();
        for (a, b) in level {
            for &byte in &alphabet {
                let pair = (one.next_state(a, byte), other.next_state(b, byte));
                if !seen.insert(pair) {
                    continue;
                }
                if wanted(accepts(one, pair.0), accepts(other, pair.1)) {
                    return Some(true);
                }
                next_level.push(pair);
            }
        }
        if seen.len() > MOST_PAIRS {
            return None;
        }
        if next_level.is_empty() {
            return Some(false);
        }
        level = next_level;
    }
    Some(false)
}

/// One byte for each kind that at least one of the two tells apart; a name contains neither `/` nor NUL.
fn alphabet(one: &Language, other: &Language) -> Vec<u8> {
    let (one, other) = (one.byte_classes(), other.byte_classes());
    let mut kinds = HashSet::new();
    (1..=u8::MAX)
        .filter(|byte| *byte != b'/')
        .filter(|byte| kinds.insert((one.get(*byte), other.get(*byte))))
        .collect()
}

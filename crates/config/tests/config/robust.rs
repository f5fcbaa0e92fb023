//! Whatever was typed, the answer is settings or problems that can be shown.

use evenkeel_config::{PRESETS, Sources, load, load_text};
use proptest::prelude::*;

/// Values of every type, some of which fit somewhere.
const VALUES: [&str; 16] = [
    "1",
    "-1",
    "1.5",
    "nan",
    "true",
    "\"\"",
    "\"é\"",
    "\"5s\"",
    "\"*\"",
    "[]",
    "[1, \"a\", []]",
    "{}",
    "{ a = { b = 1 } }",
    "1979-05-27T07:32:00Z",
    "9223372036854775807",
    "\"\"\"\nlong\n\"\"\"",
];

fn check(text: &str) {
    if let Err(error) = load_text("fuzz.toml", text) {
        assert!(!error.problems().is_empty());
        for problem in error.problems() {
            assert!(!problem.to_string().is_empty());
            if let Some(place) = problem.place() {
                let _ = (place.line(), place.column(), place.value());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// One value of a preset becomes another one, of any type.
    #[test]
    fn a_value_of_any_type_at_any_key_is_taken_or_refused(
        (preset, line) in (0..PRESETS.len(), 0..80_usize),
        value in prop::sample::select(VALUES.as_slice()),
    ) {
        let mut lines: Vec<_> = PRESETS[preset].1.lines().map(str::to_owned).collect();
        let at = line % lines.len();
        if let Some((key, _)) = lines[at].clone().split_once('=') {
            lines[at] = format!("{key}= {value}");
        }
        check(&lines.join("\n"));
    }

    /// One character of a preset becomes others.
    #[test]
    fn a_slip_of_the_fingers_is_taken_or_refused(
        preset in 0..PRESETS.len(),
        at in any::<prop::sample::Index>(),
        typed in "\\PC{0,3}",
    ) {
        let mut chars: Vec<_> = PRESETS[preset].1.chars().map(String::from).collect();
        let at = at.index(chars.len());
        chars[at] = typed;
        check(&chars.concat());
    }

    #[test]
    fn any_flag_and_variable_is_taken_or_refused(
        flag in "(agent|check|recovery)?\\.?\\PC{0,12}(=\\PC{0,12})?",
        name in "EVENKEEL_[A-Z_]{0,20}",
        value in "\\PC{0,12}",
    ) {
        let sources = Sources { env: vec![(name, value)], sets: vec![flag], ..Sources::default() };
        if let Err(error) = load(&sources) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

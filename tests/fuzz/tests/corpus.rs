//! Every target with its committed inputs, with those changed by chance, and with bytes of chance alone.
#![expect(clippy::disallowed_methods, reason = "the inputs are files of this crate")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use evenkeel_fuzz::{TARGETS, Target};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// What a target may keep in the repository.
const MOST_INPUTS: usize = 30;
const MOST_BYTES: usize = 100_000;
/// Cases of chance for each target: enough to notice what is wrong everywhere, in seconds. libFuzzer looks closer.
const CASES: u32 = 48;

#[test]
fn committed_inputs_are_taken() {
    for target in TARGETS {
        for (path, input) in inputs(target) {
            let taken = catch_unwind(|| (target.run)(&input));
            assert!(taken.is_ok(), "{} does not hold for {}", target.name, path.display());
        }
    }
}

#[test]
fn committed_inputs_are_small_and_few() {
    let mut folders: BTreeSet<String> = names(&here("corpus"));
    for Target { name, .. } in TARGETS {
        assert!(folders.remove(*name), "{name} has no inputs");
        assert!(here("fuzz_targets").join(format!("{name}.rs")).is_file(), "{name} is no binary");
        let inputs = inputs_of(name);
        let bytes: usize = inputs.iter().map(|(_, input)| input.len()).sum();
        assert!(inputs.len() <= MOST_INPUTS, "{name} has {} inputs", inputs.len());
        assert!(bytes <= MOST_BYTES, "the inputs of {name} have {bytes} bytes");
    }
    assert_eq!(folders, BTreeSet::new(), "inputs of no target");
}

#[test]
fn bytes_of_chance_are_taken() {
    let bytes = vec(any::<u8>(), 0..300);
    for target in TARGETS {
        check(target, &bytes);
    }
}

#[test]
fn changed_inputs_are_taken() {
    for target in TARGETS {
        let inputs: Vec<_> = inputs(target).into_iter().map(|(_, input)| input).collect();
        let changed = (any::<Index>(), vec(any::<Change>(), 1..6));
        check(
            target,
            &changed.prop_map(move |(start, changes)| {
                let start = start.get(&inputs).clone();
                changes.iter().fold(start, |input, change| change.applied_to(input, &inputs))
            }),
        );
    }
}

/// Has proptest find and shrink an input for which the target does not hold.
#[track_caller]
fn check(target: &Target, inputs: &impl Strategy<Value = Vec<u8>>) {
    // What was found is committed as an input, where libFuzzer and the next reader find it too.
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let found = TestRunner::new(config).run(inputs, |input| {
        catch_unwind(AssertUnwindSafe(|| (target.run)(&input)))
            .map_err(|panic| TestCaseError::fail(words(panic.as_ref())))
    });
    if let Err(found) = found {
        panic!("{}: {found}", target.name);
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// One change of an input, as a slip, a cut connection or somebody with intent would make it.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index),
    Remove(Index, Index),
    /// Says a part of it again, many times.
    Repeat(Index, Index, u8),
    /// Goes on as another input does.
    GoOnAs(Index, Index, Index),
}

impl Arbitrary for Change {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let place = any::<Index>;
        // Signs that parsers stop at, and numbers that are too large for one.
        let telling = prop::sample::select(vec![
            "\n",
            "\"",
            "'",
            "\\",
            "%",
            "%%%%",
            "<",
            ">",
            "://",
            "\0",
            "\u{1b}[31m",
            "\u{202e}",
            "18446744073709551616",
            "-1",
            "1e999",
            "é",
            "\u{10ffff}",
            "[[",
            "}",
            "$",
        ]);
        let inserted =
            prop_oneof![telling.prop_map(|text| text.as_bytes().to_vec()), vec(any::<u8>(), 1..8)];
        prop_oneof![
            (place(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (place(), inserted).prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            place().prop_map(Self::Cut),
            (place(), place()).prop_map(|(from, to)| Self::Remove(from, to)),
            (place(), place(), 2..60_u8)
                .prop_map(|(from, to, times)| Self::Repeat(from, to, times)),
            (place(), place(), place()).prop_map(|(at, other, from)| Self::GoOnAs(at, other, from)),
        ]
        .boxed()
    }
}

impl Change {
    fn applied_to(&self, mut input: Vec<u8>, others: &[Vec<u8>]) -> Vec<u8> {
        // One past the end counts: there, too, something may be added.
        let place = |at: &Index, input: &[u8]| at.index(input.len() + 1);
        let part = |from: &Index, to: &Index, input: &[u8]| {
            let (from, to) = (place(from, input), place(to, input));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Set(at, byte) => {
                let at = at.index(input.len().max(1));
                if let Some(place) = input.get_mut(at) {
                    *place = *byte;
                }
            }
            Self::Insert(at, bytes) => {
                let at = place(at, &input);
                input.splice(at..at, bytes.iter().copied());
            }
            Self::Cut(at) => input.truncate(place(at, &input)),
            Self::Remove(from, to) => drop(input.drain(part(from, to, &input))),
            Self::Repeat(from, to, times) => {
                let part = part(from, to, &input);
                let end = part.end;
                let again = input[part].repeat(usize::from(*times));
                input.splice(end..end, again);
            }
            Self::GoOnAs(at, other, from) => {
                let other = other.get(others);
                input.truncate(place(at, &input));
                input.extend_from_slice(&other[place(from, other)..]);
            }
        }
        input.truncate(64 * 1024);
        input
    }
}

fn inputs(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let inputs = inputs_of(target.name);
    assert!(!inputs.is_empty(), "{} has no inputs", target.name);
    inputs
}

fn inputs_of(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = here("corpus").join(name);
    let read = |name: String| {
        let path = folder.join(name);
        let input = std::fs::read(&path).expect("an input");
        (path, input)
    };
    names(&folder).into_iter().map(read).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).expect("a folder of inputs");
    entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect()
}

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

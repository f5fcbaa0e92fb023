//! Laws of a cut, over random logs: what stays is the end of what was there, from the start of a line.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::path::Path;

use evenkeel_safefs::{Method, Root, Shortened, Terms, Trust};
use proptest::prelude::*;

const BLOCK_BYTES: usize = 4096;

fn shorten(path: &Path, keep_tail: usize) -> Option<Shortened> {
    let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    let judged = root.dir().pin(path.file_name().unwrap()).unwrap().judge(&terms).unwrap();
    judged.shorten(keep_tail as u64).unwrap()
}

/// Lines of letters, now and then longer than a block, and perhaps without an end.
fn log() -> impl Strategy<Value = String> {
    let line = prop_oneof![20 => 0..200_usize, 1 => 4000..9000_usize];
    (proptest::collection::vec(line, 1..200), any::<bool>()).prop_map(|(lengths, ends)| {
        let mut text: String = lengths
            .iter()
            .enumerate()
            .flat_map(|(index, length)| {
                let letter = char::from(b'a' + u8::try_from(index % 26).unwrap());
                std::iter::repeat_n(letter, *length).chain(['\n'])
            })
            .collect();
        if !ends {
            text.pop();
        }
        text
    })
}

/// What stays of this text on a disk, which collapses, and in memory, which punches holes.
fn check(text: &str, keep: usize) -> Result<(), TestCaseError> {
    for folder in [std::env::temp_dir(), "/dev/shm".into()].iter().filter(|folder| folder.is_dir())
    {
        let scratch = tempfile::tempdir_in(folder).unwrap();
        let path = scratch.path().join("log");
        fs::write(&path, text).unwrap();
        let done = shorten(&path, keep);
        let found = fs::read(&path).unwrap();
        prop_assert_eq!(done.is_none(), text.len() <= keep);
        let Some(Shortened { freed, method }) = done else {
            prop_assert_eq!(found, text.as_bytes());
            continue;
        };
        let holes = found.iter().take_while(|byte| **byte == 0).count();
        let rest = String::from_utf8(found[holes..].to_vec()).unwrap();
        let starts_a_line = |tail: &str| {
            text.strip_suffix(tail).is_some_and(|head| head.is_empty() || head.ends_with('\n'))
        };
        // A hole ends with the newline before the first line, and the rest of a line that lost its start is blank.
        let after_blank = rest
            .split_once('\n')
            .filter(|(blank, _)| blank.bytes().all(|byte| byte == b' '))
            .map(|(_, tail)| tail);
        let tail = after_blank.filter(|_| !starts_a_line(&rest)).unwrap_or(&rest);
        prop_assert!(text.ends_with(tail), "{method:?}: {tail:?}");
        let in_a_line = !starts_a_line(tail);
        // Only a line longer than all that is to stay is cut in its middle.
        let kept = &text[text.len() - keep..];
        prop_assert!(!in_a_line || !kept[..keep - 1].contains('\n'), "{method:?}: {}", tail.len());
        // A collapse takes whole blocks; a hole ends before a newline, which alone is an empty line.
        let more = match method {
            Method::Collapsed => BLOCK_BYTES,
            Method::Punched => 1,
            _ => 0,
        };
        prop_assert!(tail.len() <= keep + more, "{method:?}: {} of {keep}", tail.len());
        let fragment = kept.find('\n').map_or(0, |end| end + 1);
        prop_assert!(tail.len() + fragment >= keep, "{method:?}: {} of {keep}", tail.len());
        prop_assert!((1..=text.len() as u64).contains(&freed), "{freed}");
    }
    Ok(())
}

#[test]
fn an_empty_line_at_the_cut_stays() {
    let tail = "b\n".repeat(10_000);
    check(&format!("{}\n\n{tail}", "a".repeat(10_000)), tail.len()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn what_stays_is_the_end_from_the_start_of_a_line(text in log(), keep in 1..40_000_usize) {
        check(&text, keep)?;
    }
}

//! Text that comes from probes, files and names: whoever wrote it must not be able to do more with it than to be read.

use std::fmt::Write as _;

use evenkeel_shown::is_invisible;

/// Characters of a text that are shown; what is longer ends in `…`.
const MOST: usize = 600;

/// `text` without anything that acts on a reader's screen instead of being read, and not longer than fits.
///
/// Control characters become their pictures (`␛`), so that an escape sequence is seen and not obeyed; characters that turn the
/// direction of writing, or cannot be seen, are named (`⟨U+202E⟩`); line ends become a blank. Markup is not touched: escaping
/// is for whoever puts the text into a document.
pub fn clean(text: &str) -> String {
    clean_to(text, MOST)
}

/// As [`clean`], with at most `most` characters shown.
pub(crate) fn clean_to(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == most {
            shown.push('…');
            break;
        }
        match char {
            '\n' | '\r' | '\t' => shown.push(' '),
            '\0'..='\u{1f}' => {
                shown.push(char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'));
            }
            '\u{7f}' => shown.push('\u{2421}'),
            _ if is_treacherous(char) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(char));
            }
            _ => shown.push(char),
        }
    }
    shown
}

/// Whether a character changes how others are read, or hides.
const fn is_treacherous(char: char) -> bool {
    is_invisible(char) || matches!(char, '\u{80}'..='\u{9f}' | '\u{fff0}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(clean(text), expected, "{text:?}");
    }

    #[test]
    fn what_acts_on_a_screen_is_named_instead() {
        check("\u{1b}[31mred\u{1b}[0m", "␛[31mred␛[0m");
        check("a\0b\u{7f}\u{7}", "a␀b␡␇");
        check("file\u{202e}gpj.exe", "file⟨U+202E⟩gpj.exe");
        check("one\r\ntwo\tthree", "one  two three");
        check("zero\u{200b}width", "zero⟨U+200B⟩width");
    }

    #[test]
    fn what_people_write_stays() {
        check("日本語 – größer ✓ 👍", "日本語 – größer ✓ 👍");
    }

    #[test]
    fn a_line_of_a_megabyte_becomes_a_short_one() {
        let shown = clean(&"x".repeat(1 << 20));
        assert_eq!(shown.chars().count(), MOST + 1);
        assert!(shown.ends_with('…'));
    }

    proptest! {
        #[test]
        fn nothing_that_acts_is_left(text in "\\PC*|[\\x00-\\u{10ffff}]*") {
            let shown = clean(&text);
            prop_assert!(!shown.chars().any(|char| char.is_control() || is_treacherous(char)));
            prop_assert!(shown.chars().count() <= (MOST + 1) * 9);
        }

        #[test]
        fn cleaning_twice_changes_nothing_more(text in ".{0,300}") {
            let once = clean(&text);
            prop_assert_eq!(clean_to(&once, usize::MAX), once);
        }
    }
}

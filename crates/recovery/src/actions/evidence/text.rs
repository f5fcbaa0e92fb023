//! Lines of strangers, made fit to be kept and shown.

use evenkeel_shown::{is_invisible, redact};

/// One line: what is not UTF-8 replaced, what a terminal would obey escaped, secrets hidden, and cut to `limit` characters.
///
/// Secrets are recognised by how they are written: `password=…`, `"token": "…"`, `--api-key …`, `Bearer …`, and the
/// password in a URL. One that is written in no such way is not.
pub(super) fn shown(line: &[u8], limit: usize) -> String {
    // Enough for the limit also where most of it is escaped away; a line may be as long as a disk.
    let start = &line[..line.len().min(limit.saturating_mul(4))];
    let text = String::from_utf8_lossy(start);
    let mut shown = String::new();
    let mut length = 0;
    for char in redact(&text).chars() {
        let escaped: String = if char == '\t' {
            " ".to_owned()
        } else if char.is_control() || is_invisible(char) {
            char.escape_default().to_string()
        } else {
            char.to_string()
        };
        length += escaped.chars().count();
        if length > limit {
            shown.push('…');
            return shown;
        }
        shown.push_str(&escaped);
    }
    if start.len() < line.len() {
        shown.push('…');
    }
    shown
}

/// Arguments as one would type them, with secrets hidden.
pub(super) fn shown_arguments(arguments: &[Vec<u8>], limit: usize) -> String {
    let line: Vec<_> = arguments
        .iter()
        .map(|word| word.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect())
        .collect::<Vec<Vec<u8>>>();
    shown(&line.join(&b' '), limit)
}

/// The last lines of what was read of a log, `count` at most; the first may be a part of one and is left out then.
pub(super) fn last_lines(text: &[u8], count: usize, limit: usize, whole: bool) -> Vec<String> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    if !whole && lines.len() > 1 {
        lines.remove(0);
    }
    let from = lines.len().saturating_sub(count);
    lines[from..].iter().map(|line| shown(line.trim_ascii_end(), limit)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_hidden_and_what_is_none_is_left_as_it_is() {
        assert_eq!(shown(b"GET /x?token=hunter2&y=1", 500), "GET /x?token=***&y=1");
        let line = "see http://127.0.0.1:8080/health at 12:30:05";
        assert_eq!(shown(line.as_bytes(), 500), line);
    }

    #[test]
    fn a_line_that_would_read_backwards_does_not() {
        assert_eq!(shown("a\u{202e}b".as_bytes(), 99), "a\\u{202e}b");
    }

    #[test]
    fn binary_and_colours_are_escaped_and_a_huge_line_is_cut() {
        assert_eq!(
            shown(b"\x1b[31mred\x1b[0m\xff\0\r", 99),
            "\\u{1b}[31mred\\u{1b}[0m\u{fffd}\\u{0}\\r"
        );
        let huge = vec![b'x'; 50 << 20];
        let text = shown(&huge, 100);
        assert_eq!(text.chars().count(), 101);
        assert!(text.ends_with('…'));
    }

    #[test]
    fn the_last_lines_are_kept_and_the_broken_first_one_is_not() {
        let text = b"en one\ntwo\r\nthree\n";
        assert_eq!(last_lines(text, 9, 99, false), ["two", "three"]);
        assert_eq!(last_lines(text, 1, 99, true), ["three"]);
        assert_eq!(last_lines(b"only", 9, 99, false), ["only"]);
        assert_eq!(last_lines(b"", 9, 99, true), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn nothing_passes_that_a_terminal_would_obey(line: Vec<u8>, limit in 0usize..200) {
            let text = shown(&line, limit);
            prop_assert!(text.chars().all(|char| !char.is_control()));
            prop_assert!(text.chars().count() <= limit + 1);
        }

        #[test]
        fn a_value_of_a_secret_is_never_shown(
            name in "(--)?[a-z_]{0,5}(password|token|secret)",
            sign in "[=:]",
            value in "[A-Z0-9]{6,20}",
            around in "[ a-z]{0,10}",
        ) {
            let line = format!("{around} {name}{sign}{value} {around}");
            prop_assert!(!shown(line.as_bytes(), 500).contains(&value));
        }
    }
}

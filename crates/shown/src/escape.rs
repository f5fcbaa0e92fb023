/// `text` with everything escaped that a terminal would obey, that breaks a line, or that shows nothing itself but reorders or
/// hides what is beside it.
pub fn escaped(text: &str) -> String {
    excerpt(text, usize::MAX)
}

/// The first `chars` characters of `text`, [`escaped`], with `…` if there are more.
pub fn excerpt(text: &str, chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars));
    for (place, char) in text.chars().enumerate() {
        if place == chars {
            out.push('…');
            break;
        }
        if char.is_control() || is_invisible(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Marks of direction, line ends beyond ASCII, joiners, tags and characters of no width: a text with one looks like another text.
pub const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_drives_a_terminal_or_reorders_a_line_is_escaped() {
        assert_eq!(escaped("a\u{1b}[31m\r\n\u{9b}b"), "a\\u{1b}[31m\\r\\n\\u{9b}b");
        assert_eq!(escaped("abc\u{202e}def\u{200b}"), "abc\\u{202e}def\\u{200b}");
        assert_eq!(escaped("状態 é ok"), "状態 é ok");
    }

    proptest! {
        #[test]
        fn nothing_escapes_the_escape(text in any::<String>()) {
            prop_assert!(!escaped(&text).chars().any(|char| char.is_control() || is_invisible(char)));
        }

        #[test]
        fn an_excerpt_is_the_escaped_beginning(text in any::<String>(), chars in 0..50usize) {
            let beginning: String = text.chars().take(chars).collect();
            let more = if text.chars().count() > chars { "…" } else { "" };
            prop_assert_eq!(excerpt(&text, chars), escaped(&beginning) + more);
        }
    }
}

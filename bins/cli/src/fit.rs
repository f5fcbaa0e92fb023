//! Texts that fit their place on a terminal, where a character of Japanese takes two columns and a combining one none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text if it fits into so many columns, else its beginning with `…`.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for char in text.chars() {
        let wide = char.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        kept.push(char);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// As [`cut`], with blanks up to the width.
pub fn padded(text: &str, columns: usize) -> String {
    let mut text = cut(text, columns);
    text.push_str(&" ".repeat(columns.saturating_sub(text.width())));
    text
}

/// The width of the terminal that standard output is; `None` where it is none.
pub fn terminal_width() -> Option<usize> {
    use std::io::IsTerminal;
    let out = std::io::stdout();
    let size = out.is_terminal().then(|| terminal_size::terminal_size_of(out)).flatten();
    size.map(|(terminal_size::Width(width), _)| usize::from(width)).filter(|width| *width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_ends_with_a_mark_and_fits() {
        for (text, columns, shown) in [
            ("web", 5, "web"),
            ("worker", 6, "worker"),
            ("worker", 5, "work…"),
            ("状態確認", 8, "状態確認"),
            ("状態確認", 7, "状態確…"),
            ("状態確認", 6, "状態…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("web", 1, "…"),
            ("web", 0, ""),
        ] {
            assert_eq!(cut(text, columns), shown);
            assert!(width(&cut(text, columns)) <= columns);
        }
        assert_eq!(padded("状態", 6), "状態  ");
        assert_eq!(padded("worker", 5), "work…");
    }
}

//! Texts of others, made fit for a line that people read.

/// How much of a text is kept. The longest names that systemd itself gives are unit names, of 255 bytes.
const LIMIT: usize = 300;

/// The text, cut to its first characters, with everything escaped that would drive a terminal or reorder the line.
pub(crate) fn plain(text: &str) -> String {
    evenkeel_shown::excerpt(text, LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_and_can_neither_steer_a_terminal_nor_reorder_a_line() {
        assert_eq!(plain("a\n\u{1b}[31mé\u{202e}"), "a\\n\\u{1b}[31mé\\u{202e}");
        assert_eq!(plain(&"x".repeat(1_000_000)).chars().count(), LIMIT + 1);
    }
}

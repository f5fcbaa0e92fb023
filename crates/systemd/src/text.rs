//! Texts of others, made fit for a line that people read.

/// How much of a text is kept. The longest names that systemd itself gives are unit names, of 255 bytes.
const LIMIT: usize = 300;

/// The text, cut to its first characters, with control characters escaped.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == LIMIT {
            plain.push('…');
            break;
        }
        if char.is_control() {
            plain.extend(char.escape_default());
        } else {
            plain.push(char);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_and_cannot_steer_a_terminal() {
        assert_eq!(plain("a\n\u{1b}[31mé"), "a\\n\\u{1b}[31mé");
        assert_eq!(plain(&"x".repeat(1_000_000)).chars().count(), LIMIT + 1);
    }
}

//! Words of a line, with quotes and backslashes as shells and tmpfiles.d have them.

/// A word, and whether quotes kept its special characters from meaning anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) quoted: bool,
}

/// Splits a line at blanks; fails if a quote is left open.
pub(crate) fn split(line: &str) -> Result<Vec<Word>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut chars = line.chars();
    let mut within: Option<char> = None;
    while let Some(char) = chars.next() {
        let current = || Word { text: String::new(), quoted: false };
        match (within, char) {
            (Some(quote), char) if char == quote => within = None,
            (Some('\''), char) => word.get_or_insert_with(current).text.push(char),
            (_, '\\') => {
                let Some(next) = chars.next() else { return Err("it ends with a backslash") };
                let word = word.get_or_insert_with(current);
                word.quoted = true;
                word.text.push(next);
            }
            (None, '"' | '\'') => {
                within = Some(char);
                word.get_or_insert_with(current).quoted = true;
            }
            (None, char) if char.is_whitespace() => words.extend(word.take()),
            (_, char) => word.get_or_insert_with(current).text.push(char),
        }
    }
    if within.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

/// The name or number of a user or group, as settings take it.
pub(crate) fn principal(text: &str) -> Result<String, String> {
    let odd = |char: char| char.is_control() || matches!(char, ':' | '/');
    // chown(2) reads the largest number as "leave it".
    if text.is_empty() || text.contains(odd) || text.parse() == Ok(u32::MAX) {
        return Err(format!("`{text}` is no name or number of a user or group"));
    }
    Ok(text.to_owned())
}

/// Octal digits as a mode.
pub(crate) fn mode(text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if digits && mode <= 0o7777 => Ok(mode),
        _ => Err(format!("`{text}` is no mode; accepted: octal digits from `000` to `07777`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_blanks_outside_of_quotes() {
        let texts = |line| {
            split(line).map(|words| words.into_iter().map(|word| word.text).collect::<Vec<_>>())
        };
        assert_eq!(texts("  a 'b c' \"d\\\"e\" f\\ g ").unwrap(), ["a", "b c", "d\"e", "f g"]);
        assert_eq!(texts("''").unwrap(), [""]);
        assert!(texts("'a").is_err() && texts("a\\").is_err());
    }

    #[test]
    fn a_mode_is_octal() {
        assert_eq!(mode("0755"), Ok(0o755));
        for text in ["0999", "", "u+x", "77777", "-1", "+7"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }
}

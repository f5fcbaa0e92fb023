use std::fmt;
use std::sync::Arc;

use crate::{HIDDEN, redact};

/// Shorter ones are words that stand everywhere: hiding them would hide the text, and not them.
const SHORTEST: usize = 4;

/// Secrets that are known, such as those of the settings; they are hidden wherever a stranger repeats them.
///
/// Cheap to clone. Shows nothing of itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Arc<[String]>);

impl Secrets {
    /// Takes the secrets, each line of them by itself; what has fewer than four characters is none.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = secrets
            .into_iter()
            // What shows a text of several lines may show them one by one, or with the ends of lines escaped.
            .flat_map(|secret| {
                secret
                    .split(char::is_control)
                    .map(|line| line.trim().to_owned())
                    .collect::<Vec<_>>()
            })
            .filter(|line| line.chars().count() >= SHORTEST)
            .collect();
        // The longest first: one may be a part of another.
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self(all.into())
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` without the secrets, and without what is written like one; see [`redact`].
    pub fn hide(&self, text: &str) -> String {
        let redacted = redact(text);
        let mut hidden = if redacted.contains('…') { self.hide_cut(&redacted) } else { redacted };
        for secret in &*self.0 {
            if hidden.contains(secret.as_str()) {
                hidden = hidden.replace(secret.as_str(), HIDDEN);
            }
        }
        hidden
    }

    /// Hides what is left of a secret where a text was cut in the midst of it.
    fn hide_cut(&self, text: &str) -> String {
        let mut parts: Vec<String> = text.split('…').map(str::to_owned).collect();
        let last = parts.len() - 1;
        for part in &mut parts[..last] {
            let start = self.0.iter().filter_map(|secret| cut_start(part, secret)).min();
            if let Some(start) = start {
                part.replace_range(start.., HIDDEN);
            }
        }
        parts.join("…")
    }
}

/// Where in `text` its end begins that is a beginning of `secret`.
fn cut_start(text: &str, secret: &str) -> Option<usize> {
    let starts = text.char_indices().rev().map(|(at, _)| at);
    starts
        .take_while(|at| text.len() - at <= secret.len())
        .filter(|at| text.len() - at >= SHORTEST && secret.starts_with(&text[*at..]))
        .last()
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets::new(
            ["hunter2", "hunter2-and-more", "abc", "first line\r\nsecond"].map(str::to_owned),
        )
    }

    #[test]
    fn a_known_secret_is_hidden_wherever_it_stands() {
        for (text, shown) in [
            ("it said `hunter2-and-more`!", "it said `***`!"),
            ("xhunter2x", "x***x"),
            ("abc is too short to be one", "abc is too short to be one"),
            ("first line\\r\\nsecond", "***\\r\\n***"),
            ("body is `hunter2-and…`", "body is `***…`"),
            ("body is `…hunt…` and `hun…`", "body is `…***…` and `hun…`"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(secrets().hide(text), shown);
        }
    }

    #[test]
    fn what_is_written_like_a_secret_is_hidden_too() {
        assert_eq!(Secrets::default().hide("password=xyzzy"), "password=***");
    }

    #[test]
    fn secrets_do_not_show_themselves() {
        assert_eq!(format!("{:?}", secrets()), "4 secrets");
    }
}

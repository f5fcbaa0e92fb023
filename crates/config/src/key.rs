use std::fmt::{self, Write as _};

/// A key with its whole path, such as `check.health.timeout` or `recovery.api.steps[0].action`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(Vec<String>);

impl Key {
    pub(crate) fn of(segments: &[&str]) -> Self {
        Self(segments.iter().map(|segment| (*segment).to_owned()).collect())
    }

    pub(crate) fn from_segments(segments: Vec<String>) -> Self {
        Self(segments)
    }

    /// The key one level down; a dotted `name` goes as many levels down.
    #[must_use]
    pub(crate) fn child(&self, name: &str) -> Self {
        let mut segments = self.0.clone();
        segments.extend(name.split('.').map(str::to_owned));
        Self(segments)
    }

    /// The key of one named rule: the name is one segment, whatever is in it.
    #[must_use]
    pub(crate) fn named(&self, name: &str) -> Self {
        let mut segments = self.0.clone();
        segments.push(name.to_owned());
        Self(segments)
    }

    #[must_use]
    pub(crate) fn item(&self, index: usize) -> Self {
        self.named(&index.to_string())
    }

    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    pub(crate) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    pub(crate) fn segments(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// As TOML writes a dotted key, with places in an array in brackets.
impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, segment) in self.0.iter().enumerate() {
            if level > 0 && segment.bytes().all(|byte| byte.is_ascii_digit()) {
                write!(formatter, "[{segment}]")?;
                continue;
            }
            if level > 0 {
                formatter.write_str(".")?;
            }
            formatter.write_str(&quoted(segment))?;
        }
        Ok(())
    }
}

/// One segment of a key, quoted if TOML needs it.
pub(crate) fn quoted(segment: &str) -> String {
    let bare = !segment.is_empty()
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if bare { segment.to_owned() } else { text_literal(segment) }
}

/// A text as TOML writes it on one line.
pub(crate) fn text_literal(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            char if char.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

/// The known name nearest to `given`, if a slip of the fingers could lead from one to the other.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase().replace('-', "_");
    let length = given.chars().count();
    let tolerance = (length / 3).max(1);
    known
        .into_iter()
        // What differs more in length alone is not compared: a key may be as long as its file.
        .filter(|name| name.chars().count().abs_diff(length) <= tolerance)
        .map(|name| (strsim::osa_distance(&given, &name.to_lowercase().replace('-', "_")), name))
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_as_toml_writes_it() {
        let key = Key::of(&["recovery", "my api", "steps", "0", "action"]);
        assert_eq!(key.to_string(), "recovery.\"my api\".steps[0].action");
    }

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let known = ["timeout", "interval", "retries"];
        assert_eq!(nearest("timeuot", known), Some("timeout"));
        assert_eq!(nearest("Interval", known), Some("interval"));
        assert_eq!(nearest("retry", known), None);
        assert_eq!(nearest(&"x".repeat(1 << 22), known), None);
        assert_eq!(nearest("success-threshold", ["success_threshold"]), Some("success_threshold"));
    }
}

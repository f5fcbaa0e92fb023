use std::fmt;

use evenkeel_shown::{escaped, redact};
use serde::{Serialize, Serializer};

/// How much of a text is written out; a response's body is judged whole and never shown whole.
const SHOWN_CHARS: usize = 200;

/// What was seen of a target, by the name of the field.
#[derive(Clone, Default, PartialEq)]
pub struct Facts(
    /// In the order of their names: they are few, and made, kept and dropped at each look.
    Vec<(String, Value)>,
);

/// The value of a field.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// In the unit that the field's name ends in.
    Number(f64),
    /// Written out, and shown, only in part if it is long.
    Text(String),
}

impl Facts {
    /// The value of `field`, if it was seen.
    #[inline]
    pub fn get(&self, field: &str) -> Option<&Value> {
        // As of most targets.
        if self.0.is_empty() {
            return None;
        }
        self.place(field).ok().map(|place| &self.0[place].1)
    }

    /// The value of `field`, if it was seen and is a number.
    #[inline]
    pub fn number(&self, field: &str) -> Option<f64> {
        match self.get(field) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The value of `field`, if it was seen and is a text.
    #[inline]
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.get(field) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Notes what was seen.
    pub fn set(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        let (field, value) = (field.into(), value.into());
        match self.place(&field) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (field, value)),
        }
    }

    /// Forgets a field.
    pub(crate) fn remove(&mut self, field: &str) {
        if let Ok(place) = self.place(field) {
            self.0.remove(place);
        }
    }

    /// Where a field is, or would be.
    fn place(&self, field: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(field))
    }

    /// Every field with its value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }

    /// Whether nothing was seen.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<Name: Into<String>, Seen: Into<Value>> FromIterator<(Name, Seen)> for Facts {
    fn from_iter<Pairs: IntoIterator<Item = (Name, Seen)>>(pairs: Pairs) -> Self {
        let mut facts = Self::default();
        for (field, value) in pairs {
            facts.set(field, value);
        }
        facts
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => write!(formatter, "`{}`", escaped(&shortened(text))),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => write!(formatter, "{:?}", shortened(text)),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(&shortened(text)),
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact up to 8 PiB, and nothing is counted beyond"
    )]
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Its first characters, without what is written like a secret.
fn shortened(text: &str) -> String {
    // Enough to know what the first characters are once secrets are out; a body may be a megabyte.
    let looked_at = text.char_indices().nth(SHOWN_CHARS * 4).map_or(text.len(), |(end, _)| end);
    let mut shown = redact(&text[..looked_at]);
    let cut = shown.char_indices().nth(SHOWN_CHARS).map(|(end, _)| end);
    if cut.is_some() || looked_at < text.len() {
        shown.truncate(cut.unwrap_or(shown.len()));
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_like_a_secret_is_judged_and_not_shown() {
        let facts: Facts = [("body", r#"{"token":"hunter2"}"#)].into_iter().collect();
        assert_eq!(facts.text("body"), Some(r#"{"token":"hunter2"}"#));
        let value = facts.get("body").expect("it was set");
        assert_eq!(value.to_string(), r#"`{"token":"***"}`"#);
        let json = serde_json::to_string(&facts).expect("texts");
        assert!(!format!("{facts:?}{json}").contains("hunter2"), "{json}");
    }

    #[test]
    fn a_long_text_is_kept_whole_and_shown_in_part() {
        let body = "é".repeat(5_000);
        let facts: Facts = [("body", body.clone())].into_iter().collect();
        assert_eq!(facts.text("body"), Some(body.as_str()));
        assert!(serde_json::to_string(&facts).unwrap().len() < 500);
        assert!(format!("{facts:?}").len() < 500);
    }

    #[test]
    fn what_drives_a_terminal_does_not_reach_it() {
        assert_eq!(Value::from("\u{1b}[2J\n").to_string(), "`\\u{1b}[2J\\n`");
    }

    #[test]
    fn a_number_is_no_text_and_a_text_no_number() {
        let facts: Facts =
            [("status", Value::from(200)), ("mode", "0644".into())].into_iter().collect();
        assert_eq!((facts.number("status"), facts.text("status")), (Some(200.0), None));
        assert_eq!((facts.number("mode"), facts.text("mode")), (None, Some("0644")));
    }
}

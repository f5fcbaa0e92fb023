//! Where everything stands in a text of TOML: read once, asked for many keys.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value, and what is in it.
#[derive(Debug)]
pub(crate) enum Spans {
    Table(BTreeMap<String, (Found, Spans)>),
    /// An item has no key: the item itself is what an error about it points at.
    Array(Vec<(Found, Spans)>),
    /// Nothing in which something else could stand.
    Single,
}

/// Where a key and its value stand in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl Spans {
    /// Those of a whole document, as far as it can be read.
    pub(crate) fn of_document(text: &str) -> Self {
        Self::of_table(DeTable::parse_recoverable(text).0.get_ref())
    }

    /// Those of one value; `None` if it is not TOML.
    pub(crate) fn of_value(text: &str) -> Option<Self> {
        DeValue::parse(text).ok().map(|value| Self::of(&value))
    }

    /// What stands at the end of this path.
    pub(crate) fn find(&self, path: &[String]) -> Option<&Found> {
        let (first, rest) = path.split_first()?;
        let (found, inner) = match self {
            Self::Table(entries) => entries.get(first)?,
            Self::Array(items) => items.get(first.parse::<usize>().ok()?)?,
            Self::Single => return None,
        };
        if rest.is_empty() { Some(found) } else { inner.find(rest) }
    }

    fn of_table(table: &DeTable<'_>) -> Self {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &Spanned<std::borrow::Cow<'_, str>> = key;
            let found = Found { key: key.span(), value: value.span() };
            (key.get_ref().to_string(), (found, Self::of(value)))
        };
        Self::Table(table.iter().map(entry).collect())
    }

    fn of(value: &Spanned<DeValue<'_>>) -> Self {
        match value.get_ref() {
            DeValue::Table(table) => Self::of_table(table),
            DeValue::Array(items) => Self::Array(
                items
                    .iter()
                    .map(|item| (Found { key: item.span(), value: item.span() }, Self::of(item)))
                    .collect(),
            ),
            _ => Self::Single,
        }
    }
}

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a key and its value stand in a layer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// Where everything below a key stands, so that a text is parsed once, however many of its keys are looked for.
#[derive(Debug)]
pub(crate) enum Places {
    /// No key, or not one that can be looked for.
    Leaf,
    Table(BTreeMap<String, Place>),
    /// An item has no key: the item itself is what an error about it points at.
    Items(Vec<Place>),
}

#[derive(Debug)]
pub(crate) struct Place {
    found: Found,
    below: Places,
}

impl Places {
    /// The places of a table that stands `shift` bytes further on than it says.
    pub(crate) fn of_table(table: &DeTable<'_>, shift: usize) -> Self {
        let place = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Place {
            found: Found { key: shifted(key.span(), shift), value: shifted(value.span(), shift) },
            below: Self::of_value(value, shift),
        };
        let name = |key: &Spanned<std::borrow::Cow<'_, str>>| key.get_ref().to_string();
        Self::Table(table.iter().map(|(key, value)| (name(key), place((key, value)))).collect())
    }

    pub(crate) fn of_value(value: &Spanned<DeValue<'_>>, shift: usize) -> Self {
        match value.get_ref() {
            DeValue::Table(table) => Self::of_table(table, shift),
            DeValue::Array(items) => {
                let place = |item: &Spanned<DeValue<'_>>| {
                    let span = shifted(item.span(), shift);
                    let found = Found { key: span.clone(), value: span };
                    Place { found, below: Self::of_value(item, shift) }
                };
                Self::Items(items.iter().map(place).collect())
            }
            _ => Self::Leaf,
        }
    }

    /// Where the key `rest`, counted from here, stands.
    pub(crate) fn find(&self, rest: &[String]) -> Option<&Found> {
        let (first, rest) = rest.split_first()?;
        let place = match self {
            Self::Leaf => return None,
            Self::Table(places) => places.get(first)?,
            Self::Items(places) => places.get(first.parse::<usize>().ok()?)?,
        };
        if rest.is_empty() { Some(&place.found) } else { place.below.find(rest) }
    }

    /// The keys of the table under `key`.
    pub(crate) fn names(&self, key: &str) -> Vec<String> {
        let Self::Table(places) = self else { return Vec::new() };
        match places.get(key).map(|place| &place.below) {
            Some(Self::Table(below)) => below.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

fn shifted(span: Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}

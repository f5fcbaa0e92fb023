use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use figment::Figment;
use figment::providers::Format;
use figment::value::Value;
use toml::de::{DeTable, DeValue};

use crate::format::{OneValue, TomlText};
use crate::key::{Key, quoted};
use crate::problem::{Place, Problem};
use crate::secrecy;
use crate::spans::{Found, Spans};

/// Where a layer of settings comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// What is built in.
    Default,
    /// A set of settings that is shipped inside the program.
    Preset(String),
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A `--set` flag.
    Flag,
}

/// One layer: its text, and what key the text is at.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) origin: Origin,
    pub(crate) text: Arc<str>,
    /// For a variable or a flag: the key it sets. A file sets the root.
    prefix: Key,
    /// Where in `text` that key stands.
    prefix_span: Range<usize>,
    /// Where in `text` the value starts, and whether it is TOML or to be taken as a string.
    value: Range<usize>,
    bare_string: bool,
    /// Read when the first key is looked for: once for all, or reading the settings would take the square of their length.
    spans: OnceLock<Option<Spans>>,
    /// The text as it may be shown: stars stand in the place of its secrets.
    pub(crate) shown: Arc<str>,
    /// The secrets in it.
    pub(crate) secrets: Vec<String>,
}

impl Layer {
    /// A layer of TOML. Fails with every error of syntax that the parser can tell apart.
    pub(crate) fn document(origin: Origin, text: &str) -> Result<Self, Vec<Problem>> {
        let layer = Self::new(origin, text, (Key::default(), 0..0), 0..text.len(), false);
        let (_, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(layer);
        }
        Err(errors
            .into_iter()
            .map(|error| {
                let span = error.span().unwrap_or(0..0);
                Problem::new("not TOML")
                    .at(Place::new(&layer, span.clone(), span))
                    .label(error.message())
            })
            .collect())
    }

    /// A layer of one value, from a text in which the key and the value stand at these places.
    ///
    /// The value is TOML if it can be read as such, else a string: `--set agent.mode=observe` needs no quotes.
    pub(crate) fn one_value(
        origin: Origin,
        text: &str,
        key: Key,
        key_span: Range<usize>,
        value: Range<usize>,
    ) -> Self {
        let bare_string = DeValue::parse(&text[value.clone()]).is_err();
        Self::new(origin, text, (key, key_span), value, bare_string)
    }

    fn new(
        origin: Origin,
        text: &str,
        (prefix, prefix_span): (Key, Range<usize>),
        value: Range<usize>,
        bare_string: bool,
    ) -> Self {
        let (shown, secrets) = secrecy::masked(text, &prefix, value.clone(), bare_string);
        let (text, shown) = (text.into(), shown.into());
        let spans = OnceLock::new();
        Self { origin, text, prefix, prefix_span, value, bare_string, spans, shown, secrets }
    }

    /// Adds the layer on top of what `figment` has.
    pub(crate) fn merge_into(&self, figment: Figment) -> Figment {
        if self.prefix.segments().is_empty() {
            return figment.merge(TomlText::string(&self.text));
        }
        let text = &self.text[self.value.clone()];
        let value = if self.bare_string { None } else { parse_value(text) };
        figment.merge(OneValue {
            key: self.prefix.segments().to_vec(),
            value: value.unwrap_or_else(|| Value::from(text)),
        })
    }

    /// Where `key` stands in this layer, if this layer has it.
    pub(crate) fn find(&self, key: &Key) -> Option<Found> {
        if !key.starts_with(&self.prefix) {
            return None;
        }
        if *key == self.prefix {
            return self.find_below(key);
        }
        let rest = &key.segments()[self.prefix.segments().len()..];
        let found = self.spans()?.find(rest)?;
        let shift =
            |span: &Range<usize>| span.start + self.value.start..span.end + self.value.start;
        Some(Found { key: shift(&found.key), value: shift(&found.value) })
    }

    /// Where everything stands in the value; `None` if it is not TOML.
    fn spans(&self) -> Option<&Spans> {
        let text = &self.text[self.value.clone()];
        let read = || match self.prefix.segments() {
            [] => Some(Spans::of_document(text)),
            _ => Spans::of_value(text),
        };
        self.spans.get_or_init(read).as_ref()
    }

    /// Where the key of this layer stands, if it is below `table`: the layer says nothing of the table as a whole.
    pub(crate) fn find_below(&self, table: &Key) -> Option<Found> {
        let below = !self.prefix.segments().is_empty() && self.prefix.starts_with(table);
        below.then(|| Found { key: self.prefix_span.clone(), value: self.value.clone() })
    }

    /// Names of the rules of one concern, such as those below `check`.
    pub(crate) fn names(&self, section: &str) -> Vec<String> {
        if !self.prefix.segments().is_empty() {
            return Vec::new();
        }
        let table = DeTable::parse_recoverable(&self.text).0;
        let section = table.get_ref().get(section).and_then(|value| value.get_ref().as_table());
        section.map_or_else(Vec::new, |rules| {
            rules.keys().map(|name| name.get_ref().to_string()).collect()
        })
    }

    /// What a person calls this place: a path, a variable's name, a flag.
    pub(crate) fn title(&self) -> String {
        match &self.origin {
            Origin::Default => "built-in defaults".to_owned(),
            Origin::Preset(name) => format!("preset {name}"),
            Origin::File(path) => path.display().to_string(),
            Origin::Variable(_) => "environment".to_owned(),
            Origin::Flag => "--set".to_owned(),
        }
    }

    pub(crate) fn has_lines(&self) -> bool {
        !matches!(self.origin, Origin::Variable(_) | Origin::Flag)
    }
}

fn parse_value(text: &str) -> Option<Value> {
    #[derive(serde::Deserialize)]
    struct Holder {
        value: Value,
    }
    toml::from_str::<Holder>(&format!("value = {text}")).ok().map(|holder| holder.value)
}

/// Splits a dotted key as a flag has it; segments may be quoted.
pub(crate) fn split_dotted(text: &str) -> Option<Vec<String>> {
    let document = format!("{text} = 0");
    let table = DeTable::parse(&document).ok()?;
    let mut segments = Vec::new();
    let mut level = table.get_ref();
    loop {
        let mut keys = level.iter();
        let (Some((key, value)), None) = (keys.next(), keys.next()) else { return None };
        segments.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => level = inner,
            _ => return Some(segments),
        }
    }
}

/// A dotted key that [`split_dotted`] takes apart again.
pub(crate) fn dotted(segments: &[String]) -> String {
    segments.iter().map(|segment| quoted(segment)).collect::<Vec<_>>().join(".")
}

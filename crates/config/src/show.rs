use std::collections::BTreeMap;
use std::fmt::Write;

use evenkeel_shown::{HIDDEN, Secrets, place_of_url, redact, secret_ranges};
use figment::value::{Dict, Num, Value};
use serde::Serialize;

use crate::check::check_tree;
use crate::key::{Key, quoted, text_literal};
use crate::layer::Origin;
use crate::problem::{ConfigError, Place};
use crate::read::Tree;
use crate::secrecy::{self, Secrecy};
use crate::sources::{Sources, gather};

/// The effective settings, to be shown: as TOML that loads as the same settings, or as values.
#[derive(Debug)]
pub struct Shown {
    tables: Vec<Table>,
}

/// The effective settings as one tree of values, such as `check.web.timeout`.
#[derive(Debug, Serialize)]
pub struct ShownValues {
    values: Dict,
    /// By key, where its value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    origins: Option<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Table {
    key: Key,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    value: Value,
    origin: String,
}

/// The effective settings. `***` stands in the place of secrets: headers and bodies of requests, variables of commands,
/// passwords in URLs.
///
/// Fails as [`crate::load`] does: what is shown is what would be in force.
pub fn show(sources: &Sources) -> Result<Shown, ConfigError> {
    effective(sources, without_secrets)
}

/// As [`show`], with the secrets in clear, so that it loads as the same settings: for whoever hands them on.
pub fn reveal(sources: &Sources) -> Result<Shown, ConfigError> {
    effective(sources, |_, value| value.clone())
}

fn effective(
    sources: &Sources,
    as_shown: impl Fn(&Key, &Value) -> Value,
) -> Result<Shown, ConfigError> {
    let (layers, problems) = gather(sources);
    let (_, tree) = check_tree(layers, problems)?;
    let table = |key: Key, values: &Dict| {
        let entry = |(name, value): (&String, &Value)| {
            let key = key.named(name);
            let (value, origin) = (as_shown(&key, value), origin_of(&tree, &key, value));
            Entry { name: name.clone(), value, origin }
        };
        let entries = values.iter().map(entry).collect();
        Table { key, entries }
    };
    let mut tables = Vec::new();
    for (section, value) in &tree.effective {
        let Value::Dict(_, values) = value else { continue };
        let key = Key::of(&[section]);
        if section == "agent" || section == "alerts" {
            tables.push(table(key, values));
            continue;
        }
        for (name, rule) in values {
            if let Value::Dict(_, rule) = rule {
                tables.push(table(key.named(name), rule));
            }
        }
    }
    Ok(Shown { tables })
}

impl Shown {
    /// As TOML; with `origin`, a comment behind each key says where its value comes from: `file:line`, `default`, a
    /// variable's name, or the `--set` flag.
    pub fn to_toml(&self, origin: bool) -> String {
        let mut out = String::new();
        for table in &self.tables {
            if !out.is_empty() {
                out.push('\n');
            }
            table.print(origin, &mut out);
        }
        out
    }

    /// As values; with `origin`, where each comes from.
    pub fn to_values(&self, origin: bool) -> ShownValues {
        let mut values = Dict::new();
        for table in &self.tables {
            let entries = table.entries.iter();
            let entries = entries.map(|entry| (entry.name.clone(), entry.value.clone())).collect();
            put(&mut values, table.key.segments(), entries);
        }
        let origins = || {
            let of = |table: &Table| -> Vec<_> {
                let entries = table.entries.iter();
                let key = |entry: &Entry| table.key.named(&entry.name).to_string();
                entries.map(|entry| (key(entry), entry.origin.clone())).collect()
            };
            self.tables.iter().flat_map(of).collect()
        };
        ShownValues { values, origins: origin.then(origins) }
    }
}

/// Puts a table where its key says.
fn put(into: &mut Dict, segments: &[String], table: Dict) {
    let Some((first, rest)) = segments.split_first() else { return into.extend(table) };
    let below = into.entry(first.clone()).or_insert_with(|| Value::from(Dict::new()));
    if let Value::Dict(_, below) = below {
        put(below, rest, table);
    }
}

impl Table {
    fn print(&self, origin: bool, out: &mut String) {
        let _ = writeln!(out, "[{}]", crate::layer::dotted(self.key.segments()));
        let line = |entry: &Entry| format!("{} = {}", quoted(&entry.name), literal(&entry.value));
        let lines: Vec<_> = self.entries.iter().map(line).collect();
        let widths = lines.iter().map(|line| line.chars().count());
        let width = widths.filter(|width| *width <= 60).max().unwrap_or_default();
        for (line, entry) in lines.iter().zip(&self.entries) {
            let _ = if origin {
                writeln!(out, "{line:<width$}  # {}", entry.origin)
            } else {
                writeln!(out, "{line}")
            };
        }
    }
}

/// Where the value comes from; a table that several layers had a part in names them all.
fn origin_of(tree: &Tree, key: &Key, value: &Value) -> String {
    let mut places = Vec::new();
    collect_origins(tree, key, value, &mut places);
    places.dedup();
    places.join(", ")
}

fn collect_origins(tree: &Tree, key: &Key, value: &Value, places: &mut Vec<String>) {
    if let Value::Dict(_, table) = value
        && !table.is_empty()
    {
        for (name, value) in table {
            collect_origins(tree, &key.named(name), value, places);
        }
        return;
    }
    let place = tree.locate(key).map(|(layer, found)| match &layer.origin {
        Origin::Default => "default".to_owned(),
        _ => Place::new(layer, found.key, found.value).to_string(),
    });
    places.push(place.unwrap_or_else(|| "default".to_owned()));
}

/// A value with its secrets hidden.
fn without_secrets(key: &Key, value: &Value) -> Value {
    match value {
        Value::Dict(tag, table) => {
            let hide = |(name, value): (&String, &Value)| {
                (name.clone(), without_secrets(&key.named(name), value))
            };
            Value::Dict(*tag, table.iter().map(hide).collect())
        }
        Value::Array(tag, items) => {
            // Together: an option and its value are two items.
            let words: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            let line: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            let line = line.join(" ");
            let known =
                Secrets::new(secret_ranges(&line).into_iter().map(|range| line[range].to_owned()));
            let hide = |item: &Value| match item {
                Value::String(tag, text) => Value::String(*tag, known.hide(&shown_text(key, text))),
                item => without_secrets(key, item),
            };
            Value::Array(*tag, items.iter().map(hide).collect())
        }
        Value::String(tag, text) => Value::String(*tag, shown_text(key, text)),
        _ if secrecy::of(key) == Secrecy::Whole => Value::from(HIDDEN),
        value => value.clone(),
    }
}

fn shown_text(key: &Key, text: &str) -> String {
    match secrecy::of(key) {
        Secrecy::Whole => HIDDEN.to_owned(),
        Secrecy::Path => place_of_url(text),
        Secrecy::Form => redact(text),
    }
}

/// A value as TOML writes it on one line.
fn literal(value: &Value) -> String {
    match value {
        Value::String(_, text) => text_literal(text),
        Value::Char(_, char) => text_literal(&char.to_string()),
        Value::Bool(_, truth) => truth.to_string(),
        Value::Num(_, Num::F64(number)) => number_literal(*number),
        Value::Num(_, Num::F32(number)) => number_literal(f64::from(*number)),
        Value::Num(_, number) => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string()))
            .unwrap_or_default(),
        Value::Empty(..) => "\"\"".to_owned(),
        Value::Array(_, items) => {
            let items: Vec<_> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Dict(_, table) if table.is_empty() => "{}".to_owned(),
        Value::Dict(_, table) => {
            let pairs: Vec<_> = table
                .iter()
                .map(|(key, value)| format!("{} = {}", quoted(key), literal(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// TOML tells a float from an integer by its point.
fn number_literal(number: f64) -> String {
    if number.is_nan() { "nan".to_owned() } else { format!("{number:?}") }
}

use std::fmt::Write;

use evenkeel_shown::{HIDDEN, Secrets, place_of_url, redact, secret_ranges};
use figment::value::{Dict, Num, Value};

use crate::check::check_tree;
use crate::key::{Key, quoted, text_literal};
use crate::layer::Origin;
use crate::problem::{ConfigError, Place};
use crate::read::Tree;
use crate::secrecy::{self, Secrecy};
use crate::sources::{Sources, gather};

/// The effective settings as TOML that loads as the same settings; with `origin`, a comment behind each key says where
/// its value comes from: `file:line`, `default`, a variable's name, or the `--set` flag.
///
/// `***` stands in the place of secrets: headers and bodies of requests, variables of commands, passwords in URLs.
///
/// Fails as [`crate::load`] does: what is shown is what would be in force.
pub fn show(sources: &Sources, origin: bool) -> Result<String, ConfigError> {
    print(sources, origin, false)
}

/// As [`show`], with the secrets in clear, so that it loads as the same settings: for whoever hands them on.
pub fn reveal(sources: &Sources, origin: bool) -> Result<String, ConfigError> {
    print(sources, origin, true)
}

fn print(sources: &Sources, origin: bool, secrets: bool) -> Result<String, ConfigError> {
    let (layers, problems) = gather(sources);
    let (_, tree) = check_tree(layers, problems)?;
    let mut out = String::new();
    for (section, value) in &tree.effective {
        let Value::Dict(_, table) = value else { continue };
        let key = Key::of(&[section]);
        if section == "agent" || section == "alerts" {
            print_table(&tree, &key, table, (origin, secrets), &mut out);
            continue;
        }
        for (name, rule) in table {
            if let Value::Dict(_, rule) = rule {
                print_table(&tree, &key.named(name), rule, (origin, secrets), &mut out);
            }
        }
    }
    Ok(out)
}

fn print_table(
    tree: &Tree,
    key: &Key,
    table: &Dict,
    (origin, secrets): (bool, bool),
    out: &mut String,
) {
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "[{}]", crate::layer::dotted(key.segments()));
    let lines: Vec<_> = table
        .iter()
        .map(|(name, value)| {
            let key = key.named(name);
            let place = origin.then(|| origin_of(tree, &key, value));
            let shown =
                if secrets { literal(value) } else { literal(&without_secrets(&key, value)) };
            (format!("{} = {shown}", quoted(name)), place)
        })
        .collect();
    let width =
        lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max();
    for (line, place) in lines {
        match place {
            Some(place) => {
                let _ =
                    writeln!(out, "{line:<width$}  # {place}", width = width.unwrap_or_default());
            }
            None => {
                let _ = writeln!(out, "{line}");
            }
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

use std::fmt::Write;

use figment::value::{Dict, Num, Value};

use crate::check::check_tree;
use crate::key::{Key, quoted, text_literal};
use crate::layer::Origin;
use crate::problem::{ConfigError, Place};
use crate::read::Tree;
use crate::sources::{Sources, gather};

/// The effective settings as TOML that loads as the same settings; with `origin`, a comment behind each key says where
/// its value comes from: `file:line`, `default`, a variable's name, or the `--set` flag.
///
/// Fails as [`crate::load`] does: what is shown is what would be in force.
pub fn show(sources: &Sources, origin: bool) -> Result<String, ConfigError> {
    let (layers, problems) = gather(sources);
    let (_, tree) = check_tree(layers, problems)?;
    Ok(print(&tree, origin))
}

pub(crate) fn print(tree: &Tree, origin: bool) -> String {
    let mut out = String::new();
    for (section, value) in &tree.effective {
        let Value::Dict(_, table) = value else { continue };
        let key = Key::of(&[section]);
        if section == "agent" || section == "alerts" {
            print_table(tree, &key, table, origin, &mut out);
            continue;
        }
        for (name, rule) in table {
            if let Value::Dict(_, rule) = rule {
                print_table(tree, &key.named(name), rule, origin, &mut out);
            }
        }
    }
    out
}

fn print_table(tree: &Tree, key: &Key, table: &Dict, origin: bool, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "[{}]", crate::layer::dotted(key.segments()));
    let lines: Vec<_> = table
        .iter()
        .map(|(name, value)| {
            let place = origin.then(|| origin_of(tree, &key.named(name), value));
            (format!("{} = {}", quoted(name), literal(value)), place)
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

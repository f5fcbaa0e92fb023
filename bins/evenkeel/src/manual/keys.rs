//! Tables, keys and forms of values, one after another, out of a JSON Schema.

use std::collections::BTreeMap;

use roff::{Roff, bold, roman};
use serde_json::{Map, Value};

use super::{form, prose};

/// Writes what each key means, table by table, and after them what the forms of their values are.
pub(super) fn write(page: &mut Roff, schema: &Value) {
    let mut tables = Tables { schema, told: BTreeMap::new() };
    for (section, property) in keys_of(schema) {
        let (place, table) = match property.get("additionalProperties") {
            Some(rule) => (format!("{section}.NAME"), rule),
            None => (section.clone(), property),
        };
        page.control("SH", [format!("[{place}]").as_str()]);
        page.text(prose(text(property, "description")));
        // Of a rule by name, what holds for each of them.
        if place != *section {
            page.control("PP", []);
            page.text(prose(text(tables.meant(table).1, "description")));
        }
        tables.table(page, table, &place);
    }
    page.control("SH", ["VALUES"]);
    for (name, value) in definitions(schema) {
        if !is_table(value) && value.get("enum").is_none() {
            term(page, &words(name), "");
            page.text(prose(text(value, "description")));
        }
    }
}

struct Tables<'a> {
    schema: &'a Value,
    /// Where a table that several keys have was told.
    told: BTreeMap<&'a str, String>,
}

impl<'a> Tables<'a> {
    /// The keys of a table, those that are needed first, and after them the tables that are in it.
    fn table(&mut self, page: &mut Roff, property: &'a Value, place: &str) {
        let (name, table) = self.meant(property);
        self.told.insert(name, place.to_owned());
        let mut keys: Vec<_> = keys_of(table).collect();
        keys.sort_by_key(|(_, key)| !text(key, "description").contains("Needed"));
        let mut inner = Vec::new();
        for (key, property) in keys {
            let named = if property.get("additionalProperties").is_some() { ".NAME" } else { "" };
            let path = format!("{place}.{key}{named}");
            let mut form = self.form(property);
            if let Some(default) = property.get("default") {
                form = format!("{form}, default {}", literal(default));
            }
            let mut meaning = text(property, "description").to_owned();
            if let Some((name, table)) = self.table_within(property) {
                match self.told.get(name) {
                    Some(told) => meaning = format!("{meaning} Its keys are those of `{told}`."),
                    None => {
                        self.told.insert(name, path.clone());
                        inner.push((table, path));
                    }
                }
            }
            term(page, key, &form);
            page.text(prose(&meaning));
        }
        for (table, path) in inner {
            page.control("SS", [path.as_str()]);
            let meaning = text(self.meant(table).1, "description");
            if !meaning.is_empty() {
                page.text(prose(meaning));
            }
            self.table(page, table, &path);
        }
    }

    /// What a key is set to, in words.
    fn form(&self, property: &'a Value) -> String {
        if let Some(values) = property.get("enum").and_then(Value::as_array) {
            return values.iter().map(literal).collect::<Vec<_>>().join(" or ");
        }
        if let Some(forms) = property.get("anyOf").and_then(Value::as_array) {
            return match forms.as_slice() {
                [one, many] if many.get("items") == Some(one) => {
                    format!("{}, or a list", self.form(one))
                }
                forms => forms.iter().map(|form| self.form(form)).collect::<Vec<_>>().join(" or "),
            };
        }
        if let Some(value) = property.get("const") {
            return literal(value);
        }
        if property.get("$ref").is_some() {
            let (name, meant) = self.meant(property);
            return if meant.get("enum").is_some() {
                self.form(meant)
            } else if is_table(meant) {
                "table".to_owned()
            } else {
                words(name)
            };
        }
        if let Some(item) = property.get("items") {
            return format!("list of {}s", self.form(item));
        }
        match (text(property, "type"), property.get("additionalProperties")) {
            ("string", _) => "text".to_owned(),
            ("integer", _) => "whole number".to_owned(),
            ("boolean", _) => "true or false".to_owned(),
            ("object", Some(item)) => format!("table of {}s", self.form(item)),
            (other, _) => other.to_owned(),
        }
    }

    /// The table with keys that a property is, has a list of, or has one of for each name; with the name of its definition.
    fn table_within(&self, property: &'a Value) -> Option<(&'a str, &'a Value)> {
        let forms = property.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let within =
            ["items", "additionalProperties"].into_iter().filter_map(|key| property.get(key));
        let mut all = std::iter::once(property).chain(within).chain(forms);
        all.find_map(|form| {
            let (name, meant) = self.meant(form);
            (form.get("$ref").is_some() && is_table(meant)).then_some((name, form))
        })
    }

    /// What a reference leads to, with its name; anything else is itself.
    fn meant(&self, property: &'a Value) -> (&'a str, &'a Value) {
        let place = property.get("$ref").and_then(Value::as_str);
        let name = place.and_then(|place| place.strip_prefix("#/$defs/"));
        name.and_then(|name| Some((name, self.schema.get("$defs")?.get(name)?)))
            .unwrap_or(("", property))
    }
}

fn term(page: &mut Roff, name: &str, of_form: &str) {
    page.control("TP", []);
    let mut line = vec![bold(name)];
    if !of_form.is_empty() {
        line.extend([roman("  "), form(of_form)]);
    }
    page.text(line);
}

fn keys_of(table: &Value) -> impl Iterator<Item = (&String, &Value)> {
    table.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn definitions(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("$defs").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn is_table(value: &Value) -> bool {
    value.get("properties").is_some()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `NameOrNumber` as a person says it.
fn words(name: &str) -> String {
    let mut words = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(char.to_lowercase());
    }
    words
}

/// A value as TOML writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let keys: Vec<_> =
                table.iter().map(|(key, value)| format!("{key} = {}", literal(value))).collect();
            format!("{{ {} }}", keys.join(", "))
        }
        other => other.to_string(),
    }
}

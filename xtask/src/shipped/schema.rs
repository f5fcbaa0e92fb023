//! Whether settings fit the schema that editors are given.
//!
//! Knows the words of JSON Schema that the schema of the settings uses, and fails at any other: what is not judged must not pass.

use std::path::Path;

use regex_automata::meta::Regex;
use serde_json::{Map, Value};

use super::read;

/// Words that say something to a person alone.
const WORDS_FOR_PEOPLE: [&str; 7] =
    ["$schema", "$defs", "title", "description", "default", "examples", "$comment"];

/// A JSON Schema.
pub(super) struct Schema(Value);

impl Schema {
    /// Reads the one that is committed.
    pub(super) fn committed() -> Result<Self, String> {
        Self::parse(&read(Path::new("crates/config/schema.json"))?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(Self).map_err(|error| format!("schema.json: {error}"))
    }

    /// What of a document does not fit, by its key.
    pub(super) fn misfits(&self, document: &toml::Table) -> Vec<String> {
        let value = serde_json::to_value(document).expect("TOML without dates is JSON");
        let mut found = Vec::new();
        self.judge(&self.0, &value, "", &mut found);
        found
    }

    fn judge(&self, schema: &Value, value: &Value, key: &str, found: &mut Vec<String>) {
        let Value::Object(words) = schema else {
            found.push(format!("{key}: `{schema}` is no schema that is understood"));
            return;
        };
        for (word, said) in words {
            let fits = match word.as_str() {
                word if WORDS_FOR_PEOPLE.contains(&word) => true,
                "$ref" => {
                    let place = said.as_str().and_then(|place| place.strip_prefix('#'));
                    match place.and_then(|place| self.0.pointer(place)) {
                        Some(meant) => {
                            self.judge(meant, value, key, found);
                            true
                        }
                        None => false,
                    }
                }
                "type" => is_of_type(said, value),
                "const" => said == value,
                "enum" => said.as_array().is_some_and(|all| all.contains(value)),
                "pattern" => fits_pattern(said, value),
                "minimum" => compare(value, said, |value, bound| value >= bound),
                "maximum" => compare(value, said, |value, bound| value <= bound),
                "anyOf" => said.as_array().is_some_and(|forms| {
                    forms.iter().any(|form| {
                        let mut found = Vec::new();
                        self.judge(form, value, key, &mut found);
                        found.is_empty()
                    })
                }),
                "required" => value.as_object().is_none_or(|table| {
                    let mut names = said.as_array().into_iter().flatten();
                    names.all(|name| name.as_str().is_some_and(|name| table.contains_key(name)))
                }),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.judge(said, item, &format!("{key}[{index}]"), found);
                    }
                    true
                }
                "properties" | "additionalProperties" => true,
                other => {
                    found.push(format!("{key}: `{other}` is no word that is understood"));
                    true
                }
            };
            if !fits {
                found.push(format!("{key}: `{value}` does not fit {word} {said}"));
            }
        }
        if let Value::Object(table) = value {
            self.judge_keys(words, table, key, found);
        }
    }

    fn judge_keys(
        &self,
        words: &Map<String, Value>,
        table: &Map<String, Value>,
        key: &str,
        found: &mut Vec<String>,
    ) {
        for (name, value) in table {
            let key = format!("{key}.{name}");
            let known = words.get("properties").and_then(|known| known.get(name));
            match (known, words.get("additionalProperties")) {
                (Some(known), _) => self.judge(known, value, &key, found),
                (None, Some(Value::Bool(false))) => found.push(format!("{key}: no such key")),
                (None, Some(any @ Value::Object(_))) => self.judge(any, value, &key, found),
                (None, _) => {}
            }
        }
    }
}

fn is_of_type(said: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    said.as_array().map_or_else(|| is(said), |names| names.iter().any(is))
}

/// Only texts have patterns, only numbers bounds: what is neither is judged by its type.
fn fits_pattern(said: &Value, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    let pattern = said.as_str().and_then(|pattern| Regex::new(pattern).ok());
    pattern.is_some_and(|pattern| pattern.is_match(text))
}

fn compare(value: &Value, bound: &Value, holds: impl Fn(f64, f64) -> bool) -> bool {
    let Some(number) = value.as_f64() else { return true };
    bound.as_f64().is_some_and(|bound| holds(number, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfits(text: &str) -> Vec<String> {
        Schema::committed().unwrap().misfits(&text.parse().unwrap())
    }

    #[test]
    fn what_is_written_rightly_fits() {
        for text in [
            "[check.web]\nhttp = { url = \"http://h/\" }\ntimeout = \"5s\"\nretries = 2",
            "[check.web]\nfailure_threshold = 3\nflap = false",
            "[check.web]\nfailure_threshold = { failures = 3, within = 5 }",
            "[cleanup.a]\nolder_than = \"boot\"\nmatch = \"*.log\"\nlarger_than = 4096",
            "[recovery.a]\nsteps = [{ action = \"exec\", command = [\"a\"] }]\nslow_retry = \"never\"",
        ] {
            assert_eq!(misfits(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_is_written_wrongly_does_not() {
        for (text, key) in [
            ("[chekc.web]", ".chekc"),
            ("[check.web]\ntimeuot = \"5s\"", ".check.web.timeuot"),
            ("[check.web]\ntimeout = 5", ".check.web.timeout"),
            ("[check.web]\ntimeout = \"5\"", ".check.web.timeout"),
            ("[check.web]\nretries = -1", ".check.web.retries"),
            ("[check.web]\nflap = true", ".check.web.flap"),
            ("[permissions.a]\ndirectory_mode = \"0855\"", ".permissions.a.directory_mode"),
            ("[agent]\nmode = \"enforced\"", ".agent.mode"),
            ("[recovery.a]\nsteps = [{ action = \"reboot\" }]", ".recovery.a.steps[0].action"),
            ("[recovery.a]\nbudget = { per_target = \"3\" }", ".recovery.a.budget.per_target"),
        ] {
            let found = misfits(text);
            assert!(
                found.iter().any(|misfit| misfit.starts_with(&format!("{key}:"))),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn a_word_that_is_not_understood_is_a_finding() {
        let schema = Schema::parse(r#"{"multipleOf": 2}"#).unwrap();
        assert_eq!(
            schema.misfits(&toml::Table::new()),
            [": `multipleOf` is no word that is understood"]
        );
    }
}

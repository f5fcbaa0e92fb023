//! Defaults of keys, put into the schema from where they are in force.

use evenkeel_recovery::breaker;
use serde_json::{Map, Value, json};

use crate::value::format_duration;

/// Puts the default of each key that has one beside its meaning.
pub(super) fn put(schema: &mut Value) {
    let built_in = table(include_str!("../../defaults.toml"));
    let rules = table(include_str!("../../rules.toml"));
    for (section, keys) in built_in.iter().chain(&rules) {
        let of = match section.as_str() {
            // Of one kind of check; its key says so in words.
            "kinds" => continue,
            "dead_man" => "DeadMan",
            section => &capital(section),
        };
        put_into(schema, of, keys.as_object().expect("a table"));
    }
    let draft = breaker::Draft::default();
    let breaker = json!({
        "error_threshold": draft.error_threshold,
        "request_volume_threshold": draft.request_volume_threshold,
        "reset_timeout": format_duration(draft.reset_timeout),
        "reset_multiplier": draft.reset_multiplier,
        "reset_max": format_duration(draft.reset_max),
        "half_open_max_calls": draft.half_open_max_calls,
        "half_open_successes": draft.half_open_successes,
    });
    put_into(schema, "Breaker", breaker.as_object().expect("a table"));
}

fn put_into(schema: &mut Value, of: &str, keys: &Map<String, Value>) {
    for (key, default) in keys {
        let place = format!("/$defs/{of}/properties/{key}");
        let known = schema.pointer_mut(&place).unwrap_or_else(|| panic!("no key `{place}`"));
        known["default"] = default.clone();
        // A table's keys have defaults of their own, unless it stands for itself.
        let inner = referred(known);
        if let (Some(inner), Some(keys)) = (inner, default.as_object())
            && schema.pointer(&format!("/$defs/{inner}/properties")).is_some()
        {
            put_into(schema, &inner, keys);
        }
    }
}

/// The name of the definition that a key refers to, itself or in one of its forms.
fn referred(key: &Value) -> Option<String> {
    let name =
        |form: &Value| Some(form.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?.to_owned());
    name(key).or_else(|| key.get("anyOf")?.as_array()?.iter().find_map(name))
}

fn table(text: &str) -> Map<String, Value> {
    toml::from_str(text).expect("a test reads the defaults")
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

//! Makes the schema, and fails where the committed one is another.

mod defaults;
mod values;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::schema;
use crate::raw;

pub(crate) use values::RATE;

fn generated() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<raw::Settings>().to_value();
    tidy(&mut schema);
    schema["title"] = json!("Settings of evenkeel");
    defaults::put(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).expect("a tree of values");
    text.push('\n');
    text
}

/// Takes out what TOML cannot say (`null`), and what says nothing to an editor.
fn tidy(value: &mut Value) {
    let Some(table) = value.as_object_mut() else {
        value.as_array_mut().into_iter().flatten().for_each(tidy);
        return;
    };
    table.values_mut().for_each(tidy);
    // The form of a number; where it is a table, it is a key of the settings that is called so.
    if table.get("format").is_some_and(Value::is_string) {
        table.remove("format");
    }
    if table.get("default").is_some_and(Value::is_null) {
        table.remove("default");
    }
    if let Some(Value::String(text)) = table.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    if let Some(Value::Array(types)) = table.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            table["type"] = only.clone();
        }
    }
    if let Some(Value::Array(forms)) = table.get_mut("anyOf") {
        forms.retain(|form| *form != json!({ "type": "null" }));
        if let [only] = forms.as_mut_slice() {
            let only = only.take();
            table.remove("anyOf");
            table.extend(only.as_object().cloned().expect("a form is a table"));
        }
    }
}

#[test]
fn the_schema_is_that_of_the_settings() {
    let generated = generated();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.json"), &generated).unwrap();
        return;
    }
    let line = generated.lines().zip(schema().lines()).position(|(new, old)| new != old);
    assert!(
        generated == schema(),
        "schema.json is not that of the settings any more (line {}): BLESS=1 cargo test -p evenkeel-config schema",
        line.map_or(0, |line| line + 1),
    );
}

#[test]
fn every_key_says_what_it_means() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let tables = schema["$defs"].as_object().unwrap().iter();
    let tables = tables.filter_map(|(name, table)| Some((name, table.get("properties")?)));
    let mut keys = 0;
    for (name, properties) in tables.chain([(&"settings".to_owned(), &schema["properties"])]) {
        for (key, property) in properties.as_object().unwrap() {
            keys += 1;
            let meaning = property["description"].as_str().unwrap_or_default();
            assert!(meaning.ends_with(['.', ';']), "`{key}` of {name}: `{meaning}`");
        }
    }
    assert!(keys > 200, "{keys}");
}

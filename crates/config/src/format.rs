use figment::providers::Format;
use figment::value::{Dict, Map, Tag, Value};
use figment::{Error, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;

/// TOML 1.1 for figment, whose own format brings an older parser and searches the directories above.
pub(crate) struct TomlText;

impl Format for TomlText {
    type Error = toml::de::Error;

    const NAME: &'static str = "TOML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Self::Error> {
        toml::from_str(text)
    }
}

/// One value at one key, as a variable or a flag gives it.
pub(crate) struct OneValue {
    pub(crate) key: Vec<String>,
    pub(crate) value: Value,
}

impl Provider for OneValue {
    fn metadata(&self) -> Metadata {
        Metadata::named("one value")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let tree = self.key.iter().rev().fold(self.value.clone(), |value, segment| {
            Value::Dict(Tag::Default, Dict::from([(segment.clone(), value)]))
        });
        let Value::Dict(_, dict) = tree else {
            return Err(Error::from("a setting needs a key".to_owned()));
        };
        Ok(Profile::Default.collect(dict))
    }
}

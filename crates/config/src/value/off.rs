//! Values that can be switched off.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use super::{Lasting, Scalar};

/// A table, or `false` for none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrOff<T> {
    Off,
    On(T),
}

/// A duration, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrNever {
    Never,
    After(Lasting),
}

impl<T> OrOff<T> {
    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FalseOrTable(PhantomData))
    }
}

struct FalseOrTable<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FalseOrTable<T> {
    type Value = OrOff<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table, or false to switch it off")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<OrOff<T>, E> {
        if on {
            return Err(E::custom(
                "`true` says nothing\naccepted: a table, or false to switch it off",
            ));
        }
        Ok(OrOff::Off)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OrOff<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OrOff::On)
    }
}

impl<'de> Deserialize<'de> for OrNever {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Scalar::deserialize(deserializer)?;
        match &given {
            Scalar::Text(text) if text == "never" => Ok(Self::Never),
            Scalar::Text(text) => super::parse_duration(text)
                .map(|duration| Self::After(Lasting(duration)))
                .map_err(de::Error::custom),
            other => Err(de::Error::custom(format!(
                "`{other}` is not a duration\naccepted: such as \"1h\", or \"never\""
            ))),
        }
    }
}

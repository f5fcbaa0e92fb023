//! Values that may be written in more than one way.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A list, or its only item without the brackets.
#[derive(Debug, Clone)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemOrList(std::marker::PhantomData))
    }
}

struct ItemOrList<T>(std::marker::PhantomData<T>);

impl<T> ItemOrList<T> {
    fn one<'de, E: de::Error>(item: impl de::IntoDeserializer<'de, E>) -> Result<OneOrMany<T>, E>
    where
        T: Deserialize<'de>,
    {
        T::deserialize(item.into_deserializer()).map(|item| OneOrMany(vec![item]))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemOrList<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
        Self::one(text.to_owned())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<OneOrMany<T>, E> {
        Self::one(number)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<OneOrMany<T>, E> {
        Self::one(number)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(OneOrMany(list))
    }
}

/// A text or a number, as its own text; for names that may be all digits.
#[derive(Debug, Clone)]
pub(crate) struct NameOrNumber(pub(crate) String);

impl<'de> Deserialize<'de> for NameOrNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Ok(Self(text)),
            Scalar::Whole(number) if u32::try_from(number).is_ok() => Ok(Self(number.to_string())),
            other => Err(de::Error::custom(format!(
                "`{other}` is not a user or group\naccepted: a name such as \"supervisor\", or a number such as 1000"
            ))),
        }
    }
}

/// A status code as a number, or a class such as `2xx` or a range such as `200-299`.
#[derive(Debug, Clone)]
pub(crate) struct Status(pub(crate) std::ops::RangeInclusive<u16>);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Scalar::deserialize(deserializer)?;
        let text = given.to_string();
        let range = match (text.strip_suffix("xx"), text.split_once('-')) {
            (Some(class), _) => {
                class.parse::<u16>().ok().map(|class| class * 100..=class * 100 + 99)
            }
            (_, Some((from, to))) => {
                from.trim().parse().ok().zip(to.trim().parse().ok()).map(|(from, to)| from..=to)
            }
            _ => text.parse::<u16>().ok().map(|code| code..=code),
        };
        range
            .filter(|range| !range.is_empty() && *range.start() >= 100 && *range.end() <= 599)
            .map(Self)
            .ok_or_else(|| {
                de::Error::custom(format!(
                    "`{text}` is not a status\naccepted: codes from 100 to 599, such as 200, \"2xx\", \"200-299\""
                ))
            })
    }
}

/// One value without a structure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Whole(i64),
    Number(f64),
    Text(String),
    Truth(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(formatter, "{number}"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => formatter.write_str(text),
            Self::Truth(truth) => write!(formatter, "{truth}"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl Visitor<'_> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a number")
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Scalar, E> {
        Ok(Scalar::Truth(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        i64::try_from(number)
            .map(Scalar::Whole)
            .map_err(|_| E::custom(format!("`{number}` is too large")))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }
}

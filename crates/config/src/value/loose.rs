//! Values that may be written in more than one way.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::ValueError;

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
pub(crate) struct Status(pub(crate) RangeInclusive<u16>);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Scalar::deserialize(deserializer)?;
        parse_status(&given.to_string()).map(Self).map_err(de::Error::custom)
    }
}

/// Reads a status code such as `200`, a class such as `2xx` or a range such as `200-299`.
///
/// Fails for anything else, and for what is not within 100 to 599.
pub fn parse_status(text: &str) -> Result<RangeInclusive<u16>, ValueError> {
    let range = match (text.strip_suffix("xx"), text.split_once('-')) {
        (Some(class), _) => class
            .parse::<u16>()
            .ok()
            .filter(|class| (1..=5).contains(class))
            .map(|class| class * 100..=class * 100 + 99),
        (_, Some((from, to))) => {
            from.trim().parse().ok().zip(to.trim().parse().ok()).map(|(from, to)| from..=to)
        }
        _ => text.parse::<u16>().ok().map(|code| code..=code),
    };
    range
        .filter(|range| !range.is_empty() && *range.start() >= 100 && *range.end() <= 599)
        .ok_or_else(|| {
            ValueError::new(
                format!("`{text}` is not a status"),
                "codes from 100 to 599, such as 200, \"2xx\", \"200-299\"",
            )
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_codes_classes_and_ranges() {
        assert_eq!(parse_status("204"), Ok(204..=204));
        assert_eq!(parse_status("5xx"), Ok(500..=599));
        assert_eq!(parse_status("200-299"), Ok(200..=299));
        for text in ["", "xx", "0xx", "99", "600", "300-200", "9xx", "700xx", "-"] {
            assert!(parse_status(text).is_err(), "{text}");
        }
    }
}

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// So many failures within so many results; a bare number means in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold {
    pub(crate) failures: u32,
    pub(crate) within: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    failures: u32,
    within: Option<u32>,
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrTable)
    }
}

struct NumberOrTable;

impl NumberOrTable {
    fn in_a_row<E: de::Error>(
        number: Option<u32>,
        given: impl fmt::Display,
    ) -> Result<Threshold, E> {
        let failures = number.ok_or_else(|| {
            E::custom(format!(
                "`{given}` is not a number of failures\naccepted: a whole number from 1 on"
            ))
        })?;
        Ok(Threshold { failures, within: failures })
    }
}

impl<'de> Visitor<'de> for NumberOrTable {
    type Value = Threshold;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of failures in a row, or { failures = 3, within = 5 }")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Threshold, E> {
        Self::in_a_row(u32::try_from(number).ok(), number)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Threshold, E> {
        Self::in_a_row(u32::try_from(number).ok(), number)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Threshold, A::Error> {
        let Table { failures, within } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Threshold { failures, within: within.unwrap_or(failures) })
    }
}

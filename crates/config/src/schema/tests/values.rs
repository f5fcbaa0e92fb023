//! The forms of values that have a text form of their own.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::value::{
    Age, Lasting, Mode, NameOrNumber, OneOrMany, OrNever, OrOff, Scalar, Share, Size, Status,
    Threshold,
};

/// A sum of numbers with units, whose length is known.
const DURATION: &str = r"^[ \t]*([0-9]+(\.[0-9]+)?[ \t]*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w)[ \t]*)+$";
const SIZE: &str = r"^[ \t]*[0-9]+(\.[0-9]+)?[ \t]*([kKmMgGtTpPeE]([iI]?[bB]?)|[bB])?[ \t]*$";
const MODE: &str = "^0?[0-7]{3,4}$";
const SHARE: &str = r"^[ \t]*[0-9]+(\.[0-9]+)?[ \t]*%?[ \t]*$";
const STATUS: &str = r"^([1-5]xx|[1-5][0-9]{2}[ \t]*(-[ \t]*[1-5][0-9]{2})?)$";
/// How many actions within how long.
pub(crate) const RATE: &str = r"^[ \t]*[0-9]+[ \t]*/[ \t]*[0-9][0-9a-zµ. ]*$";

macro_rules! value {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

value!(Lasting, "Duration", {
    "description": "A duration: numbers with units from `ns` to `w`, such as `250ms`, `5s`, `10m`, `1h`, `7d` or `1h 30m`. Months and years have no fixed length and are none.",
    "type": "string",
    "pattern": DURATION,
    "examples": ["250ms", "5s", "10m", "1h", "7d"],
});
value!(Age, "Age", {
    "description": "An age: a duration, or `boot` for what is from before this boot of the host.",
    "anyOf": [{ "$ref": "#/$defs/Duration" }, { "const": "boot" }],
});
value!(OrNever, "DurationOrNever", {
    "description": "A duration, or `never`.",
    "anyOf": [{ "$ref": "#/$defs/Duration" }, { "const": "never" }],
});
value!(Size, "Size", {
    "description": "A number of bytes, or one with a unit: `300MB` is 300,000,000 and `100MiB` is 104,857,600.",
    "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": SIZE, "examples": ["300MB", "100MiB"] },
    ],
});
value!(Mode, "Mode", {
    "description": "The twelve bits of a mode: octal digits in quotes, such as `0644` or `2770`.",
    "type": "string",
    "pattern": MODE,
    "examples": ["0644", "0755", "2770"],
});
value!(Share, "Share", {
    "description": "A share of a whole: a percentage such as `90%`, or a number from 0 to 1.",
    "anyOf": [
        { "type": "number", "minimum": 0, "maximum": 1 },
        { "type": "string", "pattern": SHARE, "examples": ["90%"] },
    ],
});
value!(Status, "Status", {
    "description": "Statuses of HTTP: a code such as 200, a class such as `2xx`, or a range such as `200-299`.",
    "anyOf": [
        { "type": "integer", "minimum": 100, "maximum": 599 },
        { "type": "string", "pattern": STATUS, "examples": ["2xx", "200-299"] },
    ],
});
value!(NameOrNumber, "NameOrNumber", {
    "description": "A user or group, by name or by number.",
    "anyOf": [{ "type": "string" }, { "type": "integer", "minimum": 0, "maximum": u32::MAX }],
});
value!(Scalar, "Value", {
    "description": "A text, a number, or `true` or `false`.",
    "type": ["string", "number", "boolean"],
});
value!(Threshold, "Threshold", {
    "description": "So many failures in a row, or `{ failures = 3, within = 5 }`: so many within so many results.",
    "anyOf": [
        { "type": "integer", "minimum": 1 },
        {
            "type": "object",
            "properties": {
                "failures": { "description": "So many failures. Needed.", "type": "integer", "minimum": 1 },
                "within": { "description": "Among so many results. Default: as many as `failures`.", "type": "integer", "minimum": 1 },
            },
            "required": ["failures"],
            "additionalProperties": false,
        },
    ],
});

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [item.clone(), { "type": "array", "items": item }] })
    }
}

impl<T: JsonSchema> JsonSchema for OrOff<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrOff", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "const": false }] })
    }
}

mod tests {
    use proptest::prelude::*;
    use regex_automata::meta::Regex;

    use super::*;
    use crate::value::{
        format_duration, format_size, parse_duration, parse_mode, parse_size, parse_status,
    };

    fn fits(pattern: &str, text: &str) -> bool {
        Regex::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn a_pattern_takes_what_its_parser_takes() {
        for text in [
            "250ms", "5s", "1h 30m", " 7d ", "1.5h", "2 weeks", "90min", "5", "", "1month", "1y",
            "5x", "-5s", "s",
        ] {
            assert_eq!(fits(DURATION, text), parse_duration(text).is_ok(), "duration `{text}`");
        }
        for text in
            ["4096", "300MB", "100MiB", "1.5 GB", "10k", "5B", "MB", "-1", "1 parsec", ".5MB", ""]
        {
            assert_eq!(fits(SIZE, text), parse_size(text).is_ok(), "size `{text}`");
        }
        for text in ["644", "0644", "2770", "07777", "17777", "64", "0888", "rw-", "000644"] {
            assert_eq!(fits(MODE, text), parse_mode(text).is_ok(), "mode `{text}`");
        }
        for text in ["200", "2xx", "200-299", "99", "6xx", "2x", "abc"] {
            assert_eq!(fits(STATUS, text), parse_status(text).is_ok(), "status `{text}`");
        }
        for text in ["90%", "12.5 %", "0.9", "1", "x", "%", "-5%"] {
            assert_eq!(
                fits(SHARE, text),
                text.parse::<evenkeel_cleanup::Share>().is_ok(),
                "share `{text}`"
            );
        }
        for text in ["3/1h", "10 / 30m", "3", "/1h", "3/", "a/1h"] {
            let rate = text.parse::<evenkeel_recovery::budget::Rate>();
            assert_eq!(fits(RATE, text), rate.is_ok(), "rate `{text}`");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_takes_whatever_is_shown(nanos: u64, bytes in 0..u64::MAX / 4) {
            prop_assert!(fits(DURATION, &format_duration(std::time::Duration::from_nanos(nanos))));
            prop_assert!(fits(SIZE, &format_size(bytes)));
        }
    }
}

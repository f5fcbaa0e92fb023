use evenkeel_cli::Unit;
use evenkeel_config::{parse_duration, parse_size};
use evenkeel_probe::{Condition, FieldKind, Pattern, Target, Test, Value};

/// Operators as they are typed; those that begin with another one come first.
const OPERATORS: [&str; 8] = ["!=", "!~", "<=", ">=", "=", "~", "<", ">"];

/// Reads what must hold, such as `latency_ms<400`, as the fault that it excludes.
///
/// Fails with what is wrong, in words, also for a field that such a target does not have.
pub(crate) fn condition(text: &str, target: &Target) -> Result<Condition, String> {
    let start = text
        .find(['!', '<', '>', '=', '~'])
        .ok_or_else(|| format!("`{text}` is no expectation; write it as FIELD=VALUE"))?;
    let (name, rest) = text.split_at(start);
    let operator = OPERATORS
        .into_iter()
        .find(|operator| rest.starts_with(operator))
        .ok_or_else(|| format!("`{text}` has none of {}", OPERATORS.join(" ")))?;
    let (name, value) = (name.trim(), rest[operator.len()..].trim());
    let kind = target.field_kind(name).ok_or_else(|| {
        let known: Vec<_> = target.fields().iter().map(|field| field.name).collect();
        format!("{} has no field `{name}`; it has {}", target.kind(), known.join(", "))
    })?;
    if target.never_has(name) {
        return Err(format!("`{name}` is never seen of `{target}`: it speaks no TLS"));
    }
    Ok(Condition {
        field: name.to_owned(),
        test: fault(name, kind, operator, value)?,
        sustained_for: None,
    })
}

fn fault(name: &str, kind: FieldKind, operator: &str, value: &str) -> Result<Test, String> {
    let pattern = || Pattern::try_new(value).map_err(|error| error.to_string());
    match (kind, operator) {
        (FieldKind::Number, "=") => Ok(Test::Differs(number(name, value)?.into())),
        (FieldKind::Number, "!=") => Ok(Test::Equals(number(name, value)?.into())),
        (FieldKind::Number, "<") => Ok(Test::AtLeast(number(name, value)?)),
        (FieldKind::Number, "<=") => Ok(Test::Above(number(name, value)?)),
        (FieldKind::Number, ">") => Ok(Test::AtMost(number(name, value)?)),
        (FieldKind::Number, ">=") => Ok(Test::Below(number(name, value)?)),
        (FieldKind::Text, "=") => Ok(Test::Differs(Value::from(value))),
        (FieldKind::Text, "!=") => Ok(Test::Equals(Value::from(value))),
        (FieldKind::Text, "~") => Ok(Test::Lacks(pattern()?)),
        (FieldKind::Text, "!~") => Ok(Test::Matches(pattern()?)),
        (FieldKind::Number, _) => {
            Err(format!("`{name}` is a number, which `{operator}` does not look into"))
        }
        (FieldKind::Text, _) => {
            Err(format!("`{name}` is a text, which `{operator}` does not compare"))
        }
    }
}

/// A number in the unit of its field; a size or duration is taken where the field is one.
fn number(name: &str, text: &str) -> Result<f64, String> {
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return Ok(number);
    }
    #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
    let of_size = |bytes: u64| bytes as f64;
    let (parsed, accepted) = match Unit::of_field(name) {
        Unit::Bytes => (parse_size(text).ok().map(of_size), "a size such as 300MB"),
        Unit::Milliseconds => (
            parse_duration(text).ok().map(|duration| duration.as_secs_f64() * 1e3),
            "a duration such as 400ms",
        ),
        Unit::Seconds => (
            parse_duration(text).ok().map(|duration| duration.as_secs_f64()),
            "a duration such as 5m",
        ),
        _ => (None, "a number"),
    };
    parsed.ok_or_else(|| format!("`{text}` for `{name}` is not {accepted}"))
}

#[cfg(test)]
mod tests {
    use evenkeel_probe::{Facts, FileTarget, HttpTarget, breaches};
    use proptest::prelude::*;

    use super::*;

    fn http() -> Target {
        Target::Http(HttpTarget::try_new("http://localhost/").unwrap())
    }

    #[track_caller]
    fn holds(text: &str, facts: &Facts) -> bool {
        breaches(&[condition(text, &http()).unwrap()], facts).is_empty()
    }

    #[test]
    fn an_expectation_says_what_must_hold() {
        let mut facts: Facts =
            [("status", 200), ("latency_ms", 400), ("body_bytes", 1_000)].into_iter().collect();
        facts.set("body", "all is well");
        for (text, expected) in [
            ("status=200", true),
            ("status!=200", false),
            ("status = 204", false),
            ("latency_ms<400", false),
            ("latency_ms<=400", true),
            ("latency_ms<1s", true),
            ("latency_ms>=400", true),
            ("latency_ms>400", false),
            ("body_bytes<=1kB", true),
            ("body~^all .* well$", true),
            ("body!~well", false),
            ("body=all is well", true),
            ("body~a=b", false),
        ] {
            assert_eq!(holds(text, &facts), expected, "{text}");
        }
    }

    #[test]
    fn a_mode_is_a_text_and_keeps_its_zero() {
        let target = Target::File(FileTarget::new("/"));
        let mode = condition("mode=0644", &target).unwrap();
        assert_eq!(mode.test, Test::Differs("0644".into()));
    }

    #[test]
    fn what_cannot_be_expected_says_why() {
        for (text, reason) in [
            ("status", "FIELD=VALUE"),
            ("status!200", "has none of"),
            ("stauts=200", "http has no field `stauts`; it has status,"),
            ("status=ok", "not a number"),
            ("latency_ms<fast", "not a duration"),
            ("status~2..", "does not look into"),
            ("body<5", "does not compare"),
            ("body~(", "no regular expression"),
            ("status=NaN", "not a number"),
        ] {
            let error = condition(text, &http()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_expected_and_its_opposite_never_both_hold(number in -9..9i32, limit in -9..9i32) {
            let facts: Facts = [("latency_ms", number)].into_iter().collect();
            for (one, other) in [("=", "!="), ("<", ">="), (">", "<=")] {
                let holds = |operator| holds(&format!("latency_ms{operator}{limit}"), &facts);
                prop_assert_ne!(holds(one), holds(other));
            }
        }

        #[test]
        fn nothing_typed_makes_it_panic(text in "\\PC{0,30}") {
            let _ = condition(&text, &http());
        }
    }
}

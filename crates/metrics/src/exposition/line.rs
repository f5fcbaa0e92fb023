//! One line of a page.

use std::collections::HashSet;

/// What a line of a page is.
#[derive(Debug, Clone, PartialEq)]
pub enum Line<'a> {
    /// Nothing, or a comment without meaning.
    Blank,
    /// `# HELP NAME TEXT`, the text as written.
    Help(&'a str, &'a str),
    /// `# TYPE NAME KIND`.
    Type(&'a str, &'a str),
    /// `# UNIT NAME UNIT`, of `OpenMetrics`.
    Unit(&'a str, &'a str),
    /// `# EOF`, of `OpenMetrics`.
    Eof,
    /// A value.
    Sample(Sample<'a>),
}

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// Name of the metric, with any suffix.
    pub name: &'a str,
    /// Names and values of the labels in the order written, escapes resolved.
    pub labels: Vec<(&'a str, String)>,
    /// The value.
    pub value: f64,
    /// The time, if it is given, as written.
    pub timestamp: Option<&'a str>,
}

/// What keeps a line from being read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(String);

/// Reads one line, without its line feed.
pub fn parse_line(line: &str) -> Result<Line<'_>, SyntaxError> {
    if let Some(comment) = line.strip_prefix('#') {
        return parse_comment(comment);
    }
    if line.trim_matches(BLANKS).is_empty() {
        return Ok(Line::Blank);
    }
    parse_sample(line).map(Line::Sample)
}

/// Whether `name` may name a metric.
pub(super) fn is_metric_name(name: &str) -> bool {
    is_name(name, |char| char == ':')
}

const BLANKS: [char; 2] = [' ', '\t'];

fn is_name(name: &str, also: impl Fn(char) -> bool) -> bool {
    !name.starts_with(|char: char| char.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || also(char))
}

fn error<T>(message: impl Into<String>) -> Result<T, SyntaxError> {
    Err(SyntaxError(message.into()))
}

fn parse_comment(comment: &str) -> Result<Line<'_>, SyntaxError> {
    if comment == " EOF" {
        return Ok(Line::Eof);
    }
    let comment = comment.trim_start_matches(BLANKS);
    let (keyword, rest) = comment.split_once(BLANKS).unwrap_or((comment, ""));
    if !matches!(keyword, "HELP" | "TYPE" | "UNIT") {
        return Ok(Line::Blank);
    }
    let rest = rest.trim_start_matches(BLANKS);
    let (name, text) = rest.split_once(BLANKS).unwrap_or((rest, ""));
    if !is_metric_name(name) {
        return error(format!("{keyword} for `{name}`, which is no name of a metric"));
    }
    match keyword {
        "HELP" if has_bad_escape(text) => {
            error("HELP with a backslash that is neither `\\\\` nor `\\n`")
        }
        "HELP" => Ok(Line::Help(name, text)),
        "UNIT" => Ok(Line::Unit(name, text)),
        _ => match text.trim_matches(BLANKS) {
            kind @ ("counter" | "gauge" | "histogram" | "summary" | "untyped" | "unknown"
            | "info" | "stateset" | "gaugehistogram") => Ok(Line::Type(name, kind)),
            kind => {
                error(format!("`{kind}` is no type: counter, gauge, histogram, summary or untyped"))
            }
        },
    }
}

/// Prometheus itself is lenient here and shows the text as it is; a page that relies on it is not what its author meant.
fn has_bad_escape(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\\' && !matches!(chars.next(), Some('\\' | 'n' | '"')) {
            return true;
        }
    }
    false
}

fn parse_sample(line: &str) -> Result<Sample<'_>, SyntaxError> {
    let end = line.find(|char: char| char == '{' || BLANKS.contains(&char)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !is_metric_name(name) {
        return error(format!("`{name}` is no name of a metric"));
    }
    let rest = rest.trim_start_matches(BLANKS);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inner) => parse_labels(inner)?,
        None => (Vec::new(), rest),
    };
    // What follows ` # ` is an exemplar.
    let figures = rest.split_once(" # ").map_or(rest, |(figures, _)| figures);
    let mut words = figures.split(BLANKS).filter(|word| !word.is_empty());
    let Some(word) = words.next() else { return error(format!("`{name}` has no value")) };
    let Some(value) = parse_value(word) else { return error(format!("`{word}` is no number")) };
    let timestamp = words.next();
    if let Some(timestamp) =
        timestamp.filter(|word| parse_value(word).is_none_or(|time| !time.is_finite()))
    {
        return error(format!("`{timestamp}` is no time"));
    }
    if let Some(extra) = words.next() {
        return error(format!("`{extra}` after value and time"));
    }
    Ok(Sample { name, labels, value, timestamp })
}

/// Reads labels up to the closing brace and returns them with what follows it.
#[expect(clippy::type_complexity, reason = "a pair of results of a private parser")]
fn parse_labels(mut rest: &str) -> Result<(Vec<(&str, String)>, &str), SyntaxError> {
    let mut labels: Vec<(&str, String)> = Vec::new();
    let mut known = HashSet::new();
    loop {
        rest = rest.trim_start_matches(BLANKS);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let Some((name, after)) = rest.split_once('=') else {
            return error("labels without a closing `}`");
        };
        let name = name.trim_matches(BLANKS);
        if !is_name(name, |_| false) {
            return error(format!("`{name}` is no name of a label"));
        }
        if !known.insert(name) {
            return error(format!("label `{name}` twice"));
        }
        let Some(quoted) = after.trim_start_matches(BLANKS).strip_prefix('"') else {
            return error(format!("the value of label `{name}` is not in quotes"));
        };
        let (value, after) = parse_quoted(name, quoted)?;
        labels.push((name, value));
        rest = after.trim_start_matches(BLANKS);
        if let Some(after) = rest.strip_prefix(',') {
            rest = after;
        } else if !rest.starts_with('}') {
            return error(format!("neither `,` nor `}}` after label `{name}`"));
        }
    }
}

/// Reads a label's value up to its closing quote and returns it with what follows.
fn parse_quoted<'a>(name: &str, quoted: &'a str) -> Result<(String, &'a str), SyntaxError> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, char @ ('\\' | '"'))) => char,
                other => {
                    let escape = other.map(|(_, char)| char.to_string()).unwrap_or_default();
                    return error(format!("label `{name}` with `\\{escape}`: only `\\\\`, `\\\"` and `\\n` are escapes"));
                }
            }),
            char => value.push(char),
        }
    }
    error(format!("the value of label `{name}` has no closing quote"))
}

fn parse_value(word: &str) -> Option<f64> {
    match word {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        // Rust also reads `infinity` and `nan` in any case; the format does not.
        word if word
            .contains(|char: char| !matches!(char, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')) =>
        {
            None
        }
        word => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(line: &str, expected: &str) {
        assert_eq!(parse_line(line).unwrap_err().to_string(), expected, "{line}");
    }

    #[test]
    fn a_sample_has_name_labels_value_and_time() {
        let expected = Sample {
            name: "a:b_total",
            labels: vec![("path", "/tmp/\"x\"\\\n".to_owned()), ("le", "+Inf".to_owned())],
            value: 1.5e3,
            timestamp: Some("1700000000000"),
        };
        assert_eq!(
            parse_line(r#"a:b_total { path = "/tmp/\"x\"\\\n" , le="+Inf",} 1.5e3	1700000000000"#),
            Ok(Line::Sample(expected))
        );
    }

    #[test]
    fn numbers_are_those_of_the_format() {
        for (word, value) in
            [("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY), ("0", 0.0), ("-1e-3", -0.001)]
        {
            assert_eq!(parse_value(word), Some(value));
        }
        assert!(parse_value("NaN").is_some_and(f64::is_nan));
        for word in ["nan", "infinity", "1_000", "0x10", "", "e", "1.2.3"] {
            assert_eq!(parse_value(word), None, "{word}");
        }
    }

    #[test]
    fn comments_have_meaning_only_with_a_keyword() {
        assert_eq!(parse_line("# anything at all"), Ok(Line::Blank));
        assert_eq!(parse_line("#"), Ok(Line::Blank));
        assert_eq!(parse_line(" \t"), Ok(Line::Blank));
        assert_eq!(parse_line("# HELP a What it is."), Ok(Line::Help("a", "What it is.")));
        assert_eq!(parse_line("#\tTYPE a  gauge "), Ok(Line::Type("a", "gauge")));
        assert_eq!(parse_line("# EOF"), Ok(Line::Eof));
    }

    #[test]
    fn each_mistake_has_its_own_words() {
        refused("1a 2", "`1a` is no name of a metric");
        refused("a-b 2", "`a-b` is no name of a metric");
        refused("a", "`a` has no value");
        refused("a x", "`x` is no number");
        refused("a 1 soon", "`soon` is no time");
        refused("a 1 2 3", "`3` after value and time");
        refused("a{b=\"c\" 1", "neither `,` nor `}` after label `b`");
        refused("a{b=c} 1", "the value of label `b` is not in quotes");
        refused("a{b:c=\"d\"} 1", "`b:c` is no name of a label");
        refused("a{b=\"c\",b=\"d\"} 1", "label `b` twice");
        refused("a{b=\"c} 1", "the value of label `b` has no closing quote");
        refused(
            "a{b=\"\\x\"} 1",
            "label `b` with `\\x`: only `\\\\`, `\\\"` and `\\n` are escapes",
        );
        refused("a{", "labels without a closing `}`");
        refused(
            "# TYPE a number",
            "`number` is no type: counter, gauge, histogram, summary or untyped",
        );
        refused("# HELP 2 x", "HELP for `2`, which is no name of a metric");
        refused("# HELP a \\x", "HELP with a backslash that is neither `\\\\` nor `\\n`");
    }
}

//! A whole page.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::Serialize;

use super::line::{Line, Sample, parse_line};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Prometheus would not take the page, or would take something else than is meant.
    Error,
    /// Prometheus takes it, but people and rules will stumble.
    Style,
}

/// Something wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Line, counted from 1.
    pub line: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in words.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.line, self.message)
    }
}

/// Finds everything wrong with a page, in the order of its lines.
///
/// Errors: lines that cannot be read, a series twice, `HELP` or `TYPE` twice or after their samples, a metric in two places, a negative
/// counter, a histogram without its `+Inf` bucket or with falling counts, text after `# EOF`, no line feed at the end.
/// Style: no `HELP`, no `TYPE`, a counter without `_total`, anything else with it.
pub fn lint(page: &str) -> Vec<Finding> {
    let mut linter =
        Linter { openmetrics: page.trim_end_matches('\n').ends_with("# EOF"), ..Linter::default() };
    let body = page.strip_suffix('\n').unwrap_or(page);
    // `lines` would take a carriage return as part of the line feed; the format does not.
    for (at, line) in body.split('\n').enumerate() {
        linter.line = at + 1;
        linter.take(line);
    }
    if !page.is_empty() && !page.ends_with('\n') {
        linter.error("the last line has no line feed");
    }
    linter.finish()
}

/// Name and sorted labels.
type Series<'a> = (&'a str, Vec<(&'a str, String)>);

#[derive(Debug, Default)]
struct Linter<'a> {
    openmetrics: bool,
    line: usize,
    ended: bool,
    findings: Vec<Finding>,
    families: HashMap<&'a str, Family<'a>>,
    current: Option<&'a str>,
    series: HashSet<Series<'a>>,
    buckets: HashMap<Series<'a>, Bucket>,
}

#[derive(Debug, Default)]
struct Family<'a> {
    help: bool,
    kind: Option<&'a str>,
    sampled: bool,
    first_line: usize,
}

#[derive(Debug)]
struct Bucket {
    line: usize,
    bound: f64,
    count: f64,
}

impl<'a> Linter<'a> {
    fn error(&mut self, message: impl Into<String>) {
        self.findings.push(Finding {
            line: self.line,
            severity: Severity::Error,
            message: message.into(),
        });
    }

    fn style(&mut self, line: usize, message: impl Into<String>) {
        self.findings.push(Finding { line, severity: Severity::Style, message: message.into() });
    }

    fn take(&mut self, text: &'a str) {
        if self.ended {
            self.error("text after `# EOF`");
            return;
        }
        match parse_line(text) {
            Err(error) => self.error(error.to_string()),
            Ok(Line::Blank) => {}
            Ok(Line::Eof) => self.ended = true,
            Ok(Line::Unit(name, _)) => self.enter(name),
            Ok(Line::Help(name, text)) => {
                self.enter(name);
                let family = &self.families[name];
                if family.help {
                    self.error(format!("HELP for `{name}` twice"));
                } else if family.sampled {
                    self.error(format!("HELP for `{name}` after its samples"));
                }
                if text.trim().is_empty() {
                    self.style(self.line, format!("HELP for `{name}` says nothing"));
                }
                self.family(name).help = true;
            }
            Ok(Line::Type(name, kind)) => {
                self.enter(name);
                let family = &self.families[name];
                if family.kind.is_some() {
                    self.error(format!("TYPE for `{name}` twice"));
                } else if family.sampled {
                    self.error(format!("TYPE for `{name}` after its samples"));
                }
                self.family(name).kind = Some(kind);
            }
            Ok(Line::Sample(sample)) => self.sample(sample),
        }
    }

    fn family(&mut self, name: &'a str) -> &mut Family<'a> {
        let line = self.line;
        self.families
            .entry(name)
            .or_insert_with(|| Family { first_line: line, ..Family::default() })
    }

    /// Goes to the family `name`; all lines of one family must stand together.
    fn enter(&mut self, name: &'a str) {
        if self.current != Some(name) {
            if self.families.contains_key(name) {
                self.error(format!(
                    "`{name}` in a second place: all its lines must stand together"
                ));
            }
            self.current = Some(name);
        }
        self.family(name);
    }

    /// The family that a sample belongs to: its own name, or that of a declared family without one of the kind's suffixes.
    fn family_of(&self, name: &'a str) -> &'a str {
        let of_kind = |suffix: &str, kinds: &[&str]| {
            let base = name.strip_suffix(suffix)?;
            kinds.contains(&self.families.get(base)?.kind?).then_some(base)
        };
        of_kind("_bucket", &["histogram", "gaugehistogram"])
            .or_else(|| of_kind("_sum", &["histogram", "summary"]))
            .or_else(|| of_kind("_count", &["histogram", "summary"]))
            .or_else(|| of_kind("_total", &["counter"]).filter(|_| self.openmetrics))
            .or_else(|| {
                of_kind("_created", &["counter", "histogram", "summary"])
                    .filter(|_| self.openmetrics)
            })
            .or_else(|| of_kind("_info", &["info"]).filter(|_| self.openmetrics))
            .unwrap_or(name)
    }

    fn sample(&mut self, sample: Sample<'a>) {
        let name = self.family_of(sample.name);
        self.enter(name);
        let family = self.family(name);
        family.sampled = true;
        let kind = family.kind;
        let suffix = &sample.name[name.len()..];
        match kind {
            Some("counter") if sample.value < 0.0 => {
                self.error(format!("counter `{}` is negative", sample.name));
            }
            Some("histogram") if suffix == "_bucket" => self.bucket(name, &sample),
            Some("histogram") if suffix.is_empty() => {
                self.error(format!(
                    "histogram `{name}` with a sample that is no `_bucket`, `_sum` or `_count`"
                ));
            }
            _ => {}
        }
        let Sample { name, mut labels, .. } = sample;
        labels.sort_unstable();
        if !self.series.insert((name, labels)) {
            self.error(format!("the same series of `{name}` twice"));
        }
    }

    fn bucket(&mut self, name: &'a str, sample: &Sample<'a>) {
        let (bounds, mut labels): (Vec<_>, Vec<_>) =
            sample.labels.iter().cloned().partition(|(name, _)| *name == "le");
        let Some(bound) = bounds
            .first()
            .and_then(|(_, bound)| bound.parse::<f64>().ok().filter(|bound| !bound.is_nan()))
        else {
            return self.error(format!("bucket of `{name}` without a number as `le`"));
        };
        labels.sort_unstable();
        let bucket = Bucket { line: self.line, bound, count: sample.value };
        if let Some(before) = self.buckets.insert((name, labels), bucket) {
            if bound <= before.bound {
                self.error(format!("buckets of `{name}` are not in the order of `le`"));
            } else if sample.value < before.count {
                self.error(format!("buckets of `{name}` count less for a higher `le`"));
            }
        }
    }

    fn finish(mut self) -> Vec<Finding> {
        for ((name, _), bucket) in std::mem::take(&mut self.buckets) {
            if bucket.bound < f64::INFINITY {
                self.line = bucket.line;
                self.error(format!("histogram `{name}` without a bucket for `+Inf`"));
            }
        }
        for (name, family) in std::mem::take(&mut self.families) {
            if !family.help {
                self.style(family.first_line, format!("`{name}` has no HELP"));
            }
            match family.kind {
                None => self.style(family.first_line, format!("`{name}` has no TYPE")),
                Some("counter") if !self.openmetrics && !name.ends_with("_total") => {
                    self.style(
                        family.first_line,
                        format!("counter `{name}` does not end in `_total`"),
                    );
                }
                Some(kind) if kind != "counter" && name.ends_with("_total") => {
                    self.style(
                        family.first_line,
                        format!("{kind} `{name}` ends in `_total`, which is for counters"),
                    );
                }
                Some(_) => {}
            }
        }
        self.findings.sort_by(|left, right| {
            (left.line, left.severity, &left.message).cmp(&(
                right.line,
                right.severity,
                &right.message,
            ))
        });
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(page: &str, expected: &[&str]) {
        let found: Vec<String> = lint(page).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{page}");
    }

    #[test]
    fn a_good_page_has_no_finding() {
        check("", &[]);
        check("# HELP a What.\n# TYPE a gauge\na 1\na{b=\"c\"} 2\n", &[]);
        check(
            "# HELP h What.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n",
            &[],
        );
        check("# HELP c What.\n# TYPE c counter\nc_total 1 # {id=\"7\"} 0.5\n# EOF\n", &[]);
    }

    #[test]
    fn what_prometheus_would_refuse_is_an_error() {
        check("# HELP a x\n# TYPE a gauge\na 1\na 1\n", &["4: the same series of `a` twice"]);
        check(
            "# HELP a x\n# TYPE a gauge\na{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\"1\"} 1\n",
            &["4: the same series of `a` twice"],
        );
        check(
            "# HELP a x\n# HELP a x\n# TYPE a gauge\n# TYPE a gauge\n",
            &["2: HELP for `a` twice", "4: TYPE for `a` twice"],
        );
        check("# HELP a x\na 1\n# TYPE a gauge\n", &["3: TYPE for `a` after its samples"]);
        check(
            "# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\nb 1\na{c=\"d\"} 1\n",
            &["7: `a` in a second place: all its lines must stand together"],
        );
        check("# HELP a x\n# TYPE a gauge\na 1", &["3: the last line has no line feed"]);
        check("# HELP a x\n# TYPE a gauge\na 1\r\n", &["3: `1\r` is no number"]);
        check(
            "# HELP a_total x\n# TYPE a_total counter\na_total -1\n",
            &["3: counter `a_total` is negative"],
        );
    }

    #[test]
    fn a_histogram_must_add_up() {
        let page = |lines: &str| format!("# HELP h x\n# TYPE h histogram\n{lines}");
        check(&page("h_bucket{le=\"1\"} 1\n"), &["3: histogram `h` without a bucket for `+Inf`"]);
        check(
            &page("h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\n"),
            &["4: buckets of `h` count less for a higher `le`"],
        );
        check(
            &page("h_bucket{le=\"1\"} 1\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\n"),
            &["4: buckets of `h` are not in the order of `le`"],
        );
        check(
            &page("h 1\n"),
            &["3: histogram `h` with a sample that is no `_bucket`, `_sum` or `_count`"],
        );
    }

    #[test]
    fn what_people_stumble_over_is_style() {
        check("a 1\n", &["1: `a` has no HELP", "1: `a` has no TYPE"]);
        check("# HELP a x\n# TYPE a counter\na 1\n", &["1: counter `a` does not end in `_total`"]);
        check(
            "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n",
            &["1: gauge `a_total` ends in `_total`, which is for counters"],
        );
        assert!(lint("a 1\n").iter().all(|finding| finding.severity == Severity::Style));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_linter_panic(page in "(\\PC|[\n\t#{}=\", ]){0,200}") {
            lint(&page);
        }

        #[test]
        fn findings_point_into_the_page(page in "([#{}=\", a-c0-9\n]){1,100}") {
            for finding in lint(&page) {
                prop_assert!((1..=page.split('\n').count()).contains(&finding.line));
            }
        }
    }
}

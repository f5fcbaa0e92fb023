use evenkeel_metrics::exposition::{Line, lint, parse_line};

/// A page of metrics, as any exporter serves it and `evenkeel-metrics check` reads it.
///
/// Every finding is of a line that the page has, in the order of the lines; a sample that was read can be written and read again.
pub fn exposition(data: &[u8]) {
    let page = String::from_utf8_lossy(data);
    let lines = page.strip_suffix('\n').unwrap_or(&page).split('\n').count();
    for finding in lint(&page) {
        assert!((1..=lines).contains(&finding.line), "{finding} in a page of {lines} lines");
    }
    for line in page.split('\n') {
        let Ok(Line::Sample(sample)) = parse_line(line) else { continue };
        let labels: Vec<_> = sample
            .labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let time = sample.timestamp.map(|time| format!(" {time}")).unwrap_or_default();
        let value = match sample.value {
            value if value.is_nan() => "NaN".to_owned(),
            value if value == f64::INFINITY => "+Inf".to_owned(),
            value if value == f64::NEG_INFINITY => "-Inf".to_owned(),
            value => format!("{value:?}"),
        };
        let written = format!("{}{{{}}} {value}{time}", sample.name, labels.join(","));
        let Ok(Line::Sample(again)) = parse_line(&written) else {
            panic!("{written:?} is not read again")
        };
        assert_eq!((again.name, &again.labels), (sample.name, &sample.labels));
        assert_eq!(again.timestamp, sample.timestamp);
        assert!(again.value == sample.value || again.value.is_nan() && sample.value.is_nan());
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

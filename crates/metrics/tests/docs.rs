//! `docs/metrics.md` says of each metric what the page says.

use std::collections::BTreeMap;

use evenkeel_metrics::names::{PROCESS_SPECS, SPECS, Spec};
use evenkeel_metrics::{
    BreakerState, BurnWindow, CheckState, CleanupAction, Collector, FailureReason,
    NotificationOutcome, RecoveryOutcome, RepairKind, SliceVerdict,
};

const DOCS: &str = include_str!("../../../docs/metrics.md");

/// The cells of each row that begins with a metric, by its name.
fn rows() -> BTreeMap<&'static str, Vec<&'static str>> {
    let row = |line: &'static str| {
        let line = line.strip_prefix("| `")?.strip_suffix(" |")?;
        let (name, cells) = line.split_once("` | ")?;
        Some((name, cells.split(" | ").map(str::trim).collect::<Vec<_>>()))
    };
    let rows: Vec<_> = DOCS.lines().filter_map(row).filter(|(_, cells)| cells.len() >= 5).collect();
    let by_name: BTreeMap<_, _> = rows.iter().cloned().collect();
    assert_eq!(by_name.len(), rows.len(), "a metric is described twice");
    by_name
}

fn cells(spec: &Spec) -> [String; 4] {
    let labels: Vec<_> = spec.labels.iter().map(|label| format!("`{label}`")).collect();
    [
        spec.kind.as_str().to_owned(),
        spec.unit().unwrap_or_default().to_owned(),
        labels.join(", "),
        spec.help.to_owned(),
    ]
}

#[test]
fn each_metric_is_described_as_it_is_and_no_other_one() {
    let mut rows = rows();
    for spec in SPECS.iter().chain(PROCESS_SPECS) {
        let row = rows.remove(spec.name).unwrap_or_else(|| {
            let row = cells(spec).join(" | ");
            panic!("docs/metrics.md lacks:\n| `{}` | {row} | `a query` |", spec.name)
        });
        assert_eq!(row[..4], cells(spec), "{}", spec.name);
        assert!(row[4].contains(spec.name), "{}: its example is about another", spec.name);
    }
    assert!(rows.is_empty(), "nobody exports {rows:?}");
}

#[test]
fn each_word_that_a_label_may_have_is_named() {
    let mut words = Vec::new();
    words.extend(RepairKind::ALL.iter().map(|word| word.as_str()));
    words.extend(CleanupAction::ALL.iter().map(|word| word.as_str()));
    words.extend(CheckState::ALL.iter().map(|word| word.as_str()));
    words.extend(FailureReason::ALL.iter().map(|word| word.as_str()));
    words.extend(BreakerState::ALL.iter().map(|word| word.as_str()));
    words.extend(RecoveryOutcome::ALL.iter().map(|word| word.as_str()));
    words.extend(Collector::ALL.iter().map(|word| word.as_str()));
    words.extend(SliceVerdict::ALL.iter().map(|word| word.as_str()));
    words.extend(BurnWindow::ALL.iter().map(|word| word.as_str()));
    words.extend(NotificationOutcome::ALL.iter().map(|word| word.as_str()));
    for word in words {
        assert!(DOCS.contains(&format!("`{word}`")), "{word}");
    }
}

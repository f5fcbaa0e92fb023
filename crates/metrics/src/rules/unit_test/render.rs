//! The tests as YAML.

use std::fmt::Write as _;
use std::time::Duration;

use super::Case;
use crate::rules::alert::Alert;
use crate::rules::yaml::{duration, quoted, scalar};

pub(in crate::rules) fn render(alerts: &[Alert], rules_file: &str) -> String {
    let steps = alerts.iter().flat_map(|alert| &alert.cases).map(|case| case.step.as_secs());
    let every = Duration::from_secs(steps.reduce(gcd).unwrap_or(60));
    let mut out = format!(
        "rule_files:\n  - {}\nevaluation_interval: {}\ntests:\n",
        quoted(rules_file),
        duration(every)
    );
    for alert in alerts {
        for case in &alert.cases {
            render_case(&mut out, alert, case);
        }
    }
    out
}

fn render_case(out: &mut String, alert: &Alert, case: &Case) {
    let _ = writeln!(out, "  - name: {}", scalar(&format!("{}, {}", alert.name, case.what)));
    let _ = writeln!(out, "    interval: {}", duration(case.step));
    if !case.series.is_empty() {
        out.push_str("    input_series:\n");
    }
    for (series, values) in &case.series {
        let _ =
            writeln!(out, "      - series: {}\n        values: {}", scalar(series), quoted(values));
    }
    out.push_str("    alert_rule_test:\n");
    for (at, element) in &case.expected {
        let _ = writeln!(
            out,
            "      - eval_time: {}\n        alertname: {}",
            duration(*at),
            scalar(&alert.name)
        );
        let Some(element) = element else {
            out.push_str("        exp_alerts: []\n");
            continue;
        };
        out.push_str("        exp_alerts:\n          - exp_labels:\n");
        let firing = alert.firing(element);
        for (name, value) in firing.labels.iter().filter(|(name, _)| *name != "alertname") {
            let _ = writeln!(out, "              {name}: {}", scalar(value));
        }
        out.push_str("            exp_annotations:\n");
        for (name, text) in firing.annotations {
            let _ = writeln!(out, "              {name}: {}", scalar(&text));
        }
    }
}

/// The greatest common divisor, by Euclid.
pub(super) fn gcd<T: Copy + Default + PartialEq + std::ops::Rem<Output = T>>(
    left: T,
    right: T,
) -> T {
    if right == T::default() { left } else { gcd(right, left % right) }
}

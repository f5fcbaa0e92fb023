//! What people read.

use evenkeel_cleanup::{Level, Measure, Plan, Policy, Unseen};
use evenkeel_cli::{escaped_path as escaped, print_line, print_table};
use evenkeel_config::format_size;

use crate::{Applied, Planned};

pub(crate) fn plans(planned: &[Planned]) {
    let number: usize = planned.iter().map(|planned| planned.plan.steps.len()).sum();
    if number > 0 {
        let steps = planned.iter().flat_map(|planned| &planned.plan.steps).map(|step| {
            [
                escaped(&step.path),
                step.action.to_owned(),
                format_size(step.bytes),
                step.reason.to_string(),
            ]
        });
        print_table(&["path", "action", "size", "reason"], steps);
    }
    unseen(planned.iter().flat_map(|planned| &planned.plan.unseen));
    for planned in planned {
        let plan = &planned.plan;
        if let Some(level) = &plan.level {
            print_line(format_args!("{}: {}", escaped(&plan.root), level_line(level)));
        }
        if !planned.caps.is_empty() {
            print_line(format_args!("{}: {}", escaped(&plan.root), planned.caps.join(", ")));
        }
    }
    let scanned: u64 = planned.iter().map(|planned| planned.plan.scanned).sum();
    let bytes: u64 = planned.iter().map(|planned| planned.plan.total_bytes).sum();
    print_line(format_args!("{number} of {scanned} entries are due, {}", format_size(bytes)));
}

/// How far the caps of a rule are used up by a plan that keeps to them.
pub(crate) fn caps(policy: &Policy, plan: &Plan) -> Vec<String> {
    let draft = policy.draft();
    let entries = plan.steps.len();
    let files = draft.max_files.map(|cap| format!("{entries} of max_files = {cap}"));
    let bytes = draft.max_bytes.map(|cap| {
        format!("{} of max_bytes = {}", format_size(plan.total_bytes), format_size(cap))
    });
    let ratio = draft
        .max_ratio
        .map(|cap| format!("{entries} of {} that match, max_ratio = {cap}", plan.matching));
    [files, bytes, ratio].into_iter().flatten().collect()
}

fn level_line(level: &Level) -> String {
    let shown = |number: u64| match level.measure {
        Measure::Bytes | Measure::DiskBytes => format_size(number),
        Measure::Entries | Measure::Inodes => number.to_string(),
    };
    // The unit is in the sizes.
    let what = level.measure.what().trim_start_matches("bytes ");
    let limit = if level.start == level.stop {
        format!("limit {}", shown(level.stop))
    } else {
        format!("from {} down to {}", shown(level.start), shown(level.stop))
    };
    let before = shown(level.before);
    if level.before <= level.start {
        return format!("{before} {what}, within the {}", limit.trim_start_matches("limit "));
    }
    let left = shown(level.after);
    let met = if level.is_met() { "" } else { "; nothing more may be taken" };
    format!("{before} {what}, {left} after that, {limit}{met}")
}

pub(crate) fn applied(applied: &[Applied]) {
    let number: usize = applied.iter().map(|applied| applied.report.taken.len()).sum();
    if number > 0 {
        let taken = applied.iter().flat_map(|applied| &applied.report.taken).map(|taken| {
            let how = taken.method.unwrap_or_default().to_owned();
            [escaped(&taken.path), taken.action.to_owned(), format_size(taken.bytes), how]
        });
        print_table(&["path", "action", "gained", "how"], taken);
    }
    for failed in applied.iter().flat_map(|applied| &applied.report.failed) {
        print_line(format_args!("failed: {}: {}", escaped(&failed.path), failed.reason));
    }
    for skipped in applied.iter().flat_map(|applied| &applied.report.skipped) {
        print_line(format_args!("left alone: {}: {}", escaped(&skipped.path), skipped.reason));
    }
    unseen(applied.iter().flat_map(|applied| &applied.unseen));
    for applied in applied {
        if let Some(level) = applied.level.filter(|level| !level.is_met()) {
            print_line(format_args!("not met: {}: {}", applied.rule, level_line(&level)));
        }
    }
    for recovered in applied.iter().flat_map(|applied| &applied.report.recovered) {
        print_line(format_args!(
            "after run {} was cut off: {}: {}",
            recovered.run,
            escaped(&recovered.path),
            recovered.outcome
        ));
    }
    for Applied { rule, report, .. } in applied {
        if report.purged.entries > 0 {
            let (entries, bytes) = (report.purged.entries, format_size(report.purged.bytes));
            print_line(format_args!("{rule}: {entries} went from the trash, {bytes} gained"));
        }
        if let Some(run) = &report.run {
            print_line(format_args!("{rule}: `evenkeel-cleanup undo {run}` brings them back"));
        }
        if report.not_reached > 0 {
            let left = report.not_reached;
            print_line(format_args!("{rule}: ended before its end, {left} entries not come to"));
        }
    }
    let taken = applied.iter().flat_map(|applied| &applied.report.taken);
    let bytes = format_size(taken.map(|taken| taken.bytes).fold(0, u64::saturating_add));
    print_line(format_args!("{number} taken, {bytes}"));
}

fn unseen<'a>(unseen: impl Iterator<Item = &'a Unseen>) {
    for unseen in unseen {
        print_line(format_args!("not seen: {}: {}", escaped(&unseen.path), unseen.reason));
    }
}

//! What of the counts is too much.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use evenkeel_figures::MOST_EXPONENT;

use super::count::Counted;
use super::grouped;

/// Counts are the same from run to run to a per mille; what a change costs beyond this is to be looked at.
const TOLERANCE: f64 = 0.03;
/// Between compilers counts differ by some per cent without any change of ours; what doubles is still found.
const TOLERANCE_OF_OTHERS: f64 = 0.25;

/// Ours, another's, and how many times the other's instructions ours may take. With the same build, in the same run. failsafe's keeps no
/// window of time, only how many failures came in a row.
const BESIDE: [(&str, &str, f64); 2] =
    [("breaker", "breaker-failsafe", 1.6), ("breaker", "breaker-recloser", 0.6)];

/// How much more than the baseline is let pass, as a share of it.
pub(super) fn tolerance(baseline: &str, here: &str) -> f64 {
    if baseline == here { TOLERANCE } else { TOLERANCE_OF_OTHERS }
}

/// Old, new, ratio and growth of each workload.
pub(super) fn table(counted: &[Counted], baseline: &BTreeMap<String, f64>) -> String {
    let mut table = String::from(
        "\n| workload | an item is a | baseline | now | ratio | grows by the power |\n",
    );
    table.push_str("|---|---|---:|---:|---:|---:|\n");
    for one in counted {
        let (now, before) = (one.per_item(), baseline.get(&one.name));
        let old = before.map_or_else(String::new, |before| grouped(*before));
        let ratio = before.map_or_else(String::new, |before| format!("{:.3}", now / before));
        writeln!(
            table,
            "| {} | {} | {old} | {} | {ratio} | {:.2} |",
            one.name,
            one.item,
            grouped(now),
            one.exponent()
        )
        .expect("a string takes everything");
    }
    table
}

/// What is too much, one line each: beyond the baseline, or growing faster than its size.
pub(super) fn missed(
    counted: &[Counted],
    baseline: &BTreeMap<String, f64>,
    tolerance: f64,
) -> Vec<String> {
    let mut missed = Vec::new();
    for one in counted {
        let now = one.per_item();
        match baseline.get(&one.name) {
            Some(before) if now > before * (1.0 + tolerance) => missed.push(format!(
                "{}: {} instructions for each {}, {:.1} % more than the {} of the baseline; if that is worth it, say why and renew it \
                 with `cargo xtask bench gate --update`",
                one.name,
                grouped(now),
                one.item,
                (now / before - 1.0) * 100.0,
                grouped(*before),
            )),
            Some(_) => {}
            None => missed.push(format!(
                "{}: has no baseline; `cargo xtask bench gate --update` makes it",
                one.name
            )),
        }
        if one.exponent() > MOST_EXPONENT {
            missed.push(format!(
                "{}: from {} to {} items the cost grows by the power {:.2} of their number, more than {MOST_EXPONENT}",
                one.name,
                one.small.0,
                one.large.0,
                one.exponent(),
            ));
        }
    }
    missed
}

/// Which of ours are dearer than others', one line each.
pub(super) fn dearer(counted: &[Counted]) -> Vec<String> {
    let per_item = |name: &str| counted.iter().find(|one| one.name == name).map(Counted::per_item);
    let judged = BESIDE.iter().filter_map(|(ours, theirs, most)| {
        let (Some(cost), Some(other)) = (per_item(ours), per_item(theirs)) else {
            return Some(format!(
                "{ours}: not compared with {theirs}: one of them was not counted"
            ));
        };
        let times = cost / other;
        (times > *most).then(|| format!("{ours}: {times:.2} times {theirs}, more than {most}"))
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, small: f64, large: f64) -> Counted {
        let (small, large) = ((10, small), (100, large));
        Counted { name: name.to_owned(), item: "thing".to_owned(), small, large }
    }

    fn baseline(name: &str, per_item: f64) -> BTreeMap<String, f64> {
        BTreeMap::from([(name.to_owned(), per_item)])
    }

    #[test]
    fn a_few_per_cent_are_let_pass_and_more_is_not() {
        let page = [counted("page", 1_000.0, 10_000.0)];
        assert_eq!(missed(&page, &baseline("page", 100.0), 0.03), Vec::<String>::new());
        assert_eq!(missed(&page, &baseline("page", 97.5), 0.03), Vec::<String>::new());
        let found = missed(&page, &baseline("page", 96.0), 0.03);
        assert!(found.len() == 1 && found[0].contains("4.2 % more"), "{found:?}");
        assert!(missed(&page, &BTreeMap::new(), 0.03)[0].contains("no baseline"));
    }

    #[test]
    fn what_grows_faster_than_its_size_is_found_whatever_the_baseline_says() {
        let engine = [counted("engine", 1_000.0, 100_000.0)];
        let found = missed(&engine, &baseline("engine", 1e9), 0.03);
        assert!(found.len() == 1 && found[0].contains("by the power 2.00"), "{found:?}");
    }

    #[test]
    fn what_is_dearer_than_others_is_found() {
        let ours = counted("breaker", 10.0, 2_000.0);
        let others =
            ["breaker-failsafe", "breaker-recloser"].map(|name| counted(name, 10.0, 1_000.0));
        let [failsafe, recloser] = others;
        let found = dearer(&[ours, failsafe, recloser]);
        assert!(found[0].contains("times breaker-failsafe, more than 1.6"), "{found:?}");
        assert!(found[1].contains("times breaker-recloser, more than 0.6"), "{found:?}");
    }

    #[test]
    fn what_was_not_counted_is_not_taken_for_cheap() {
        let found = dearer(&[counted("breaker", 10.0, 1_000.0)]);
        assert!(found.len() == 2 && found[0].contains("not compared with"), "{found:?}");
    }

    #[test]
    fn another_compiler_may_need_more() {
        assert!(
            tolerance("rustc 1.95.0", "rustc 1.96.0") > tolerance("rustc 1.95.0", "rustc 1.95.0")
        );
    }
}

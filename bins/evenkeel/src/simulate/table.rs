//! A simulation as tables.

use std::time::Duration;

use evenkeel_cli::{escaped, print_line, print_table};
use evenkeel_config::format_duration;
use evenkeel_simulator::{Lane, Spread as Times};

use super::compare::{Comparison, Difference, Spread, Verdict, spreads};
use super::figures::Unit;
use super::outcome::{
    Ends, MOST_BUDGETS, Outcome, down_seconds, found_seconds, median, outcomes, seen_availability,
};
use super::play::Runs;
use super::setting::Setting;
use crate::written::{lasting, percent, seconds_only};

pub(super) fn print(setting: &Setting, runs: &[Runs], comparison: Option<&Comparison>) {
    for (letter, run) in ['A', 'B'].into_iter().zip(runs) {
        let headline = run.first.headline();
        match comparison {
            Some(_) => print_line(format!("{letter} {}: {headline}", run.name)),
            None => print_line(headline),
        }
    }
    print_line(format!(
        "from {} until {}, {}, seed {}",
        seconds_only(setting.began),
        runs.first().map_or_else(String::new, |run| seconds_only(run.first.chronicled.until)),
        setting.faults,
        setting.seed
    ));
    print_line(format!("again: {}", setting.again));
    match comparison {
        Some(comparison) => compared(comparison, runs),
        None => runs.iter().for_each(|run| one(setting, run)),
    }
}

fn one(setting: &Setting, run: &Runs) {
    if run.seeds.len() > 1 {
        title(&format!("over {} seeds", run.seeds.len()));
        print_table(
            &["FIGURE", "MEDIAN", "LEAST", "MOST"],
            spreads(run).into_iter().map(|(figure, spread)| {
                let [median, least, most] = written(figure.unit, &spread);
                [escaped(&figure.name), median, least, most]
            }),
        );
        title(&format!("of seed {}", setting.seed));
    } else {
        print_line("");
    }
    let outcome = &run.first;
    targets(outcome);
    budgets(outcome);
    objectives(outcome);
    rules(outcome);
    if !setting.is_recorded {
        faults(outcome);
    }
    host(outcome);
}

fn title(text: &str) {
    print_line("");
    print_line(format!("{text}:"));
}

fn targets(outcome: &Outcome) {
    let eventful = outcome.eventful();
    print_table(
        &[
            "TARGET",
            "OUTAGES",
            "FOUND",
            "LONGEST",
            "HEALED",
            "ACTIONS",
            "FALSE",
            "REFUSED",
            "DOWN",
            "AVAILABILITY",
        ],
        eventful.iter().map(|(name, lane)| target(outcome, name, lane)),
    );
    let others = outcome.chronicled.targets.len() - eventful.len();
    if others > 0 {
        print_line(format!("nothing happened to {others} of {}", outcome.chronicled.targets.len()));
    }
}

fn target(outcome: &Outcome, name: &str, lane: &Lane) -> [String; 10] {
    let found = found_seconds(std::iter::once(lane));
    let ends = Ends::of(lane);
    let summary = outcome.summary.targets.get(name);
    let refused = summary.into_iter().flat_map(|summary| &summary.refused);
    let refused: Vec<_> = refused.map(|(reason, count)| format!("{count} {reason}")).collect();
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    [
        escaped(name),
        ends.all.to_string(),
        median(&found).map_or("-".to_owned(), lasting),
        found.last().copied().map_or("-".to_owned(), lasting),
        ends.healed.to_string(),
        or_none(outcomes(&lane.actions)),
        lane.actions.iter().filter(|done| done.needless).count().to_string(),
        or_none(refused.join(", ")),
        lasting(down_seconds(lane)),
        percent(seen_availability(lane)),
    ]
}

fn budgets(outcome: &Outcome) {
    let budgets = &outcome.chronicled.budgets;
    if budgets.is_empty() {
        return;
    }
    print_line("");
    print_table(
        &["BUDGET", "OF", "USED AT MOST", "LIMIT", "WINDOW", "OVER"],
        budgets.iter().take(MOST_BUDGETS).map(|budget| {
            [
                budget.scope.to_owned(),
                if budget.of.is_empty() { "-".to_owned() } else { escaped(&budget.of) },
                budget.used.to_string(),
                budget.limit.to_string(),
                format_duration(Duration::from_secs(budget.window_seconds)),
                budget.over.to_string(),
            ]
        }),
    );
    if budgets.len() > MOST_BUDGETS {
        print_line(format!("{} more were used less", budgets.len() - MOST_BUDGETS));
    }
}

fn objectives(outcome: &Outcome) {
    let objectives = &outcome.chronicled.objectives;
    if objectives.is_empty() {
        return;
    }
    print_line("");
    print_table(
        &["PROMISE", "OBJECTIVE", "WINDOW", "AVAILABILITY", "COVERAGE", "BUDGET LEFT", "USED"],
        objectives.iter().map(|objective| {
            let left = objective.availability.map(|_| objective.budget_remaining);
            [
                escaped(&objective.name),
                percent(Some(objective.objective)),
                lasting(Duration::from_secs(objective.window_seconds).as_secs_f64()),
                percent(objective.availability),
                percent(objective.coverage),
                left.map_or("-".to_owned(), |left| format!("{:.1} %", left * 100.0)),
                format!(
                    "{} of {}",
                    lasting(objective.used_seconds),
                    lasting(objective.budget_seconds)
                ),
            ]
        }),
    );
}

fn millis(millis: u64) -> String {
    lasting(Duration::from_millis(millis).as_secs_f64())
}

fn rules(outcome: &Outcome) {
    let summary = &outcome.summary;
    let permissions = summary.permissions.iter().filter(|(_, rule)| rule.drifted > 0);
    let permissions = permissions.map(|(name, rule)| {
        let more = match (rule.fights, rule.wrong_at_end) {
            (0, 0) => "-".to_owned(),
            (fights, wrong) => format!("{fights} fights, {wrong} wrong at the end"),
        };
        [
            escaped(name),
            format!("{} drifted", rule.drifted),
            format!("{} repaired", rule.repaired),
            format!("wrong for {} at most", millis(rule.longest_wrong_ms)),
            more,
        ]
    });
    let cleanups = summary.cleanups.iter().filter(|(_, rule)| rule.due > 0);
    let cleanups = cleanups.map(|(name, rule)| {
        [
            escaped(name),
            format!("{} due", rule.due),
            format!("{} taken", rule.taken),
            format!("{} due at most", rule.most_due),
            format!("{} refused", rule.refused),
        ]
    });
    let rows: Vec<_> = permissions.chain(cleanups).collect();
    if !rows.is_empty() {
        print_line("");
        print_table(&["RULE", "WHAT", "DONE", "AT MOST", "BESIDES"], rows);
    }
}

fn faults(outcome: &Outcome) {
    let struck = || outcome.summary.faults.iter().filter(|(_, fault)| fault.struck > 0);
    if struck().next().is_none() {
        return;
    }
    let spread = |times: &Times| match times.count {
        0 => "-".to_owned(),
        _ => {
            format!("{}, {} at most", millis(times.p50_ms), millis(times.max_ms))
        }
    };
    print_line("");
    print_table(
        &[
            "FAULT",
            "KIND",
            "STRUCK",
            "HEALED",
            "BY ITSELF",
            "FORESEEN",
            "MISSED",
            "FOUND",
            "HEALED AFTER",
        ],
        struck().map(|(name, fault)| {
            [
                escaped(name),
                fault.kind.clone(),
                fault.struck.to_string(),
                fault.healed.to_string(),
                fault.ceased.to_string(),
                fault.foreseen.to_string(),
                fault.missed.to_string(),
                spread(&fault.detected_after),
                spread(&fault.healed_after),
            ]
        }),
    );
}

fn host(outcome: &Outcome) {
    let (host, totals) = (&outcome.summary.host, &outcome.summary.totals);
    print_line("");
    print_line(format!(
        "agent: {} crashes, {} starts, {} of them only to observe; {} storms, starved {} times, {} reboots; {} looks, {} late; \
         {} lines and {} intents not written",
        host.agent_crashes,
        host.agent_starts,
        host.observing_starts,
        host.storms,
        host.starved,
        host.reboots,
        totals.attempts,
        totals.overruns,
        host.lines_lost,
        host.intents_lost
    ));
}

fn compared(comparison: &Comparison, runs: &[Runs]) {
    let seeds = runs.first().map_or(0, |run| run.seeds.len());
    print_line("");
    if seeds > 1 {
        print_line(format!("medians of {seeds} seeds; B − A is taken seed by seed:"));
        print_table(
            &["FIGURE", "A", "B", "B − A", "LEAST", "MOST", "BETTER IN", "WORSE IN", "B IS"],
            comparison.figures.iter().map(|figure| {
                let [_, least, most] = differences(figure);
                let [name, first, second, difference, verdict] = figure_row(figure);
                [
                    name,
                    first,
                    second,
                    difference,
                    least,
                    most,
                    figure.better_in.to_string(),
                    figure.worse_in.to_string(),
                    verdict,
                ]
            }),
        );
    } else {
        print_table(
            &["FIGURE", "A", "B", "B − A", "B IS"],
            comparison.figures.iter().map(figure_row),
        );
    }
    if comparison.targets.is_empty() {
        return;
    }
    print_line("");
    print_table(
        &["TARGET", "OUTAGES A", "B", "ACTIONS A", "B", "DOWN A", "B", "B − A", "B IS"],
        comparison.targets.iter().map(|target| {
            let count = |count: f64| Unit::Count.write(Some(count));
            let (first, second) = (&target.first, &target.second);
            let [_, down_first, down_second, difference, verdict] = figure_row(&target.down);
            [
                escaped(&target.name),
                count(first.outages),
                count(second.outages),
                count(first.actions),
                count(second.actions),
                down_first,
                down_second,
                difference,
                verdict,
            ]
        }),
    );
    if seeds == 1 {
        print_line("");
        print_line("one seed does not tell luck from policy: --seeds 20 does");
    }
}

fn figure_row(figure: &Difference) -> [String; 5] {
    [
        escaped(&figure.name),
        figure.unit.write(figure.first.median),
        figure.unit.write(figure.second.median),
        figure.unit.write_difference(figure.change.median),
        said(figure.verdict).to_owned(),
    ]
}

fn differences(figure: &Difference) -> [String; 3] {
    let Spread { median, least, most } = figure.change;
    [median, least, most].map(|value| figure.unit.write_difference(value))
}

fn written(unit: Unit, spread: &Spread) -> [String; 3] {
    [spread.median, spread.least, spread.most].map(|value| unit.write(value))
}

const fn said(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::MayBeLuck => "maybe luck",
        Verdict::Neither => "-",
    }
}

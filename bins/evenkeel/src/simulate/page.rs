//! A simulation as a page with pictures.

use std::collections::BTreeMap;
use std::ops::Range;

use evenkeel_pages::{
    BarKind, Bars, BudgetBar, DifferenceRow, Lang, Look, Mark, PolicyRun, SimulationData, SloRow,
    Stretch, TargetLane, Theme, Verdict, View,
};
use evenkeel_simulator::{Chronicled, Done, Lane, Look as Seen, Objective};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::compare::{Comparison, Difference, Verdict as Judgement};
use super::many;
use super::outcome::{Ends, MOST_BUDGETS, down_seconds, outcomes, seen_availability};
use super::play::Runs;
use super::setting::Setting;
use crate::written::lasting;

/// Targets that are drawn: those with the longest downtime.
const MOST_TARGETS: usize = 60;
/// Bars of a chart at most: one a day, or for longer times one for several days.
const MOST_BARS: i64 = 62;

/// What comes of an action, and how that looks.
const KINDS: [(&str, Look); 5] = [
    ("recovered", Look::Good),
    ("relapsed", Look::Warn),
    ("failed", Look::Bad),
    ("not judged", Look::Calm),
    ("refused", Look::None),
];
const NOT_JUDGED: usize = 3;
const REFUSED: usize = 4;

const NOTES: [&str; 6] = [
    "Was: whether what the checks look at did what it is for, as only a simulation knows it; a restart counts as down. Seen: what evenkeel knew of it by its checks.",
    "A check with parts, such as the programs of a supervisor, is seen as bad while one of its parts is; how the part was stands at the part.",
    "An outage is found when evenkeel is sure of it; it is healed if an action ended it, and not if it ended by itself.",
    "A false action began while nothing was wrong with what it acts on.",
    "Availability is what evenkeel would report: outages from their first failed result, in slices as long as the interval of the check.",
    "The host is a model: its faults come as often, and its actions help as often, as was said. What nobody said does not happen here.",
];

/// The page of these runs.
pub(super) fn draw(setting: &Setting, runs: &[Runs], comparison: Option<&Comparison>) -> String {
    let until = runs.first().map_or(setting.began, |run| run.first.chronicled.until);
    let span = setting.began..until;
    let (targets, more_targets) = targets(runs, &span);
    let room_for = runs.iter().flat_map(|run| day_counts(&run.first.chronicled, &span));
    let room_for = room_for.map(|bar| bar.iter().sum()).max().unwrap_or(0);
    let headlines: Vec<_> = runs.iter().map(|run| run.first.headline()).collect();
    let data = SimulationData {
        headline: match comparison {
            Some(comparison) => verdict(comparison, runs),
            None => headlines.first().cloned().unwrap_or_default(),
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        facts: facts(setting, runs),
        again: setting.again.clone(),
        runs: runs.iter().map(|run| policy(run, &span, room_for)).collect(),
        differences: comparison
            .map(|comparison| comparison.figures.iter().map(difference).collect())
            .unwrap_or_default(),
        targets,
        more_targets,
        notes: NOTES.map(str::to_owned).to_vec(),
        span,
    };
    let view = View { lang: Lang::En, theme: Theme::Auto, zone: TimeZone::UTC, now: until };
    evenkeel_pages::simulation(&view, &data)
}

fn facts(setting: &Setting, runs: &[Runs]) -> Vec<(String, String)> {
    let seeds = runs.first().map_or(0, |run| run.seeds.len());
    let seed = if seeds > 1 {
        format!("{}, and the {} that follow for the comparison", setting.seed, seeds - 1)
    } else {
        setting.seed.to_string()
    };
    let names: Vec<_> = runs.iter().map(|run| run.name.as_str()).collect();
    [
        ("Settings", names.join(", then ")),
        ("What goes wrong", setting.faults.clone()),
        ("Seed", seed),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// What is to be thought of the second policy, in a sentence.
fn verdict(comparison: &Comparison, runs: &[Runs]) -> String {
    let names = |wanted: Judgement| {
        let figures = comparison.figures.iter().filter(|figure| figure.verdict == wanted);
        let names: Vec<_> = figures.map(|figure| figure.name.as_str()).collect();
        match names.as_slice() {
            [] => String::new(),
            [name] => (*name).to_owned(),
            [names @ .., last] => format!("{} and {last}", names.join(", ")),
        }
    };
    let (better, worse) = (names(Judgement::Better), names(Judgement::Worse));
    let seeds = runs.first().map_or(0, |run| run.seeds.len());
    let under =
        if seeds > 1 { format!("Over {seeds} seeds") } else { "Under this seed".to_owned() };
    match (better.is_empty(), worse.is_empty()) {
        (true, true) => format!("{under} nothing tells B from A."),
        (false, true) => format!("{under} B is better in {better}, and worse in nothing."),
        (true, false) => format!("{under} B is worse in {worse}, and better in nothing."),
        (false, false) => format!("{under} B is better in {better}, and worse in {worse}."),
    }
}

fn policy(run: &Runs, span: &Range<Timestamp>, room_for: u64) -> PolicyRun {
    let chronicled = &run.first.chronicled;
    let budget = |budget: &evenkeel_simulator::BudgetUse| BudgetBar {
        name: match (budget.scope, budget.of.as_str()) {
            (scope, "") => scope.to_owned(),
            (scope, of) => format!("{scope} {of}"),
        },
        window: SignedDuration::from_secs(i64::try_from(budget.window_seconds).unwrap_or(i64::MAX)),
        used: budget.used,
        limit: budget.limit,
    };
    PolicyRun {
        name: run.name.clone(),
        headline: run.first.headline(),
        actions: Bars {
            title: run.name.clone(),
            span: span.clone(),
            kinds: KINDS.map(|(name, look)| BarKind { name: name.to_owned(), look }).to_vec(),
            bars: day_counts(chronicled, span),
            room_for,
        },
        budgets: chronicled.budgets.iter().take(MOST_BUDGETS).map(budget).collect(),
        slos: chronicled.objectives.iter().map(|one| slo(one, span)).collect(),
    }
}

/// How many actions there were on each day, by what came of them, and how many were refused.
fn day_counts(chronicled: &Chronicled, span: &Range<Timestamp>) -> Vec<Vec<u64>> {
    let day = 24 * 3_600;
    let whole = span.end.duration_since(span.start).as_secs().max(1);
    // Whole days, unless there are too many or hardly any.
    let step = match (whole + day - 1) / day {
        days if days > MOST_BARS => (days + MOST_BARS - 1) / MOST_BARS * day,
        0..=2 => 3_600,
        _ => day,
    };
    let bars = usize::try_from((whole + step - 1) / step).unwrap_or(1);
    let mut counts = vec![vec![0; KINDS.len()]; bars];
    let mut add = |at: Timestamp, kind: usize| {
        let place = at.duration_since(span.start).as_secs().max(0) / step;
        if let Some(bar) = counts.get_mut(usize::try_from(place).unwrap_or(usize::MAX)) {
            bar[kind] += 1;
        }
    };
    for done in chronicled.targets.values().flat_map(|lane| &lane.actions) {
        let kind = KINDS.iter().position(|(kind, _)| Some(*kind) == done.outcome);
        add(done.at, kind.unwrap_or(NOT_JUDGED));
    }
    for at in &chronicled.refused {
        add(*at, REFUSED);
    }
    counts
}

/// The targets of all runs on which anything happened, those with the longest downtime first; and how many more there are.
fn targets(runs: &[Runs], span: &Range<Timestamp>) -> (Vec<TargetLane>, usize) {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, lane) in runs.iter().flat_map(|run| run.first.eventful()) {
        let down = worst.entry(name).or_default();
        *down = down.max(down_seconds(lane));
    }
    let mut names: Vec<_> = worst.into_iter().collect();
    names.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    names.truncate(MOST_TARGETS);
    let all = runs.iter().map(|run| run.first.chronicled.targets.len()).max().unwrap_or(0);
    let nothing = Lane::default();
    let lanes = names.iter().map(|(name, _)| TargetLane {
        name: (*name).to_owned(),
        runs: runs
            .iter()
            .map(|run| lane(run.first.chronicled.targets.get(*name).unwrap_or(&nothing), span))
            .collect(),
    });
    (lanes.collect(), all.saturating_sub(names.len()))
}

fn lane(lane: &Lane, span: &Range<Timestamp>) -> evenkeel_pages::Lane {
    let ends = Ends::of(lane);
    let mut said = format!(
        "{}, {} healed, down {}",
        many(ends.all as u64, "outage"),
        ends.healed,
        lasting(down_seconds(lane))
    );
    if !lane.actions.is_empty() {
        said = format!(
            "{said}; {}: {}",
            many(lane.actions.len() as u64, "action"),
            outcomes(&lane.actions)
        );
    }
    let false_actions = lane.actions.iter().filter(|done| done.needless).count();
    if false_actions > 0 {
        said = format!("{said}, {false_actions} of them false");
    }
    let mark = |done: &Done| Mark {
        at: done.at,
        look: match done.outcome {
            Some("recovered") => Look::Good,
            Some("relapsed") => Look::Warn,
            Some(_) => Look::Bad,
            None => Look::Calm,
        },
    };
    evenkeel_pages::Lane {
        said,
        availability: seen_availability(lane),
        truth: truth(&lane.down, span),
        seen: seen(&lane.seen),
        marks: lane.actions.iter().map(mark).collect(),
    }
}

/// What was so: down at these times, and well at all others.
fn truth(down: &[Range<Timestamp>], span: &Range<Timestamp>) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut add = |from: Timestamp, until: Timestamp, verdict| {
        if from < until {
            stretches.push(Stretch { from, until, verdict });
        }
    };
    let mut until = span.start;
    for time in down {
        add(until, time.start, Verdict::Good);
        add(time.start, time.end, Verdict::Bad);
        until = time.end;
    }
    add(until, span.end, Verdict::Good);
    stretches
}

fn seen(stretches: &[evenkeel_simulator::Stretch]) -> Vec<Stretch> {
    let stretch = |stretch: &evenkeel_simulator::Stretch| Stretch {
        from: stretch.from,
        until: stretch.until,
        verdict: match stretch.look {
            Seen::Good => Verdict::Good,
            Seen::Bad => Verdict::Bad,
            Seen::Unknown => Verdict::Unknown,
            Seen::Maintenance => Verdict::Maintenance,
        },
    };
    stretches.iter().map(stretch).collect()
}

fn slo(objective: &Objective, span: &Range<Timestamp>) -> SloRow {
    let seconds = |seconds: f64| SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    SloRow {
        name: objective.name.clone(),
        checks: objective.checks.clone(),
        objective: objective.objective,
        window: SignedDuration::from_secs(
            i64::try_from(objective.window_seconds).unwrap_or(i64::MAX),
        ),
        availability: objective.availability,
        coverage: objective.coverage,
        budget_remaining: objective.availability.map(|_| objective.budget_remaining),
        bad: seconds(objective.used_seconds),
        span: span.clone(),
        stretches: seen(&objective.seen),
    }
}

fn difference(figure: &Difference) -> DifferenceRow {
    DifferenceRow {
        name: figure.name.clone(),
        first: figure.unit.write(figure.first.median),
        second: figure.unit.write(figure.second.median),
        difference: figure.unit.write_difference(figure.change.median),
        better: match figure.verdict {
            Judgement::Better => Some(true),
            Judgement::Worse => Some(false),
            Judgement::MayBeLuck | Judgement::Neither => None,
        },
    }
}

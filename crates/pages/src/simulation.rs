//! A simulation: one file that shows what a time would have been like under one set of settings, or under two side by side.
//!
//! In English alone: its sentences are those of the command that wrote it.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::bars::{Bars, Look, bars};
use crate::curve::share;
use crate::figures::{SloRow, slos};
use crate::file::{File, file};
use crate::report::legend;
use crate::strip::{Stretch, strip};
use crate::text::clean;
use crate::view::{View, percent};

/// Marks of actions in one lane that are drawn: more than a screen shows apart are not.
const MOST_MARKS: usize = 400;
/// A mark's place in the drawing, of so many.
const COLUMNS: f64 = 360.0;

/// What a simulation shows.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationData {
    /// What matters, in a sentence.
    pub headline: String,
    /// The version of evenkeel.
    pub version: String,
    /// The time that was simulated.
    pub span: Range<Timestamp>,
    /// What the run depends on, such as its seed, each with its name.
    pub facts: Vec<(String, String)>,
    /// The command that gives the same again.
    pub again: String,
    /// The runs: one, or two that are compared.
    pub runs: Vec<PolicyRun>,
    /// What differs between two runs.
    pub differences: Vec<DifferenceRow>,
    /// The targets on which something happened, the worst first; of two runs those of either.
    pub targets: Vec<TargetLane>,
    /// How many targets more there are, on which nothing happened or less than is shown.
    pub more_targets: usize,
    /// What a reader must know to read the figures right, a sentence each.
    pub notes: Vec<String>,
}

/// What came of one set of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRun {
    /// The settings, by their file.
    pub name: String,
    /// What came of them, in a sentence.
    pub headline: String,
    /// Actions over time, by what came of them.
    pub actions: Bars,
    /// What was used of budgets.
    pub budgets: Vec<BudgetBar>,
    /// The promises of availability.
    pub slos: Vec<SloRow>,
}

/// How much of a budget was used at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetBar {
    /// Whose it is.
    pub name: String,
    /// Over which time.
    pub window: SignedDuration,
    /// The most that was used within such a time.
    pub used: u64,
    /// How much there is.
    pub limit: u64,
}

/// One figure of two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceRow {
    /// What it is.
    pub name: String,
    /// Of the first run, as text.
    pub first: String,
    /// Of the second.
    pub second: String,
    /// The second less the first.
    pub difference: String,
    /// Whether the second is better; `None`: neither is, or neither can be called so.
    pub better: Option<bool>,
}

/// A target over time, in each run.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetLane {
    /// Its name.
    pub name: String,
    /// In each run, in their order.
    pub runs: Vec<Lane>,
}

/// A target over time, in one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// What is to be said of it, such as its downtime.
    pub said: String,
    /// The share of the time that it was up, as evenkeel counts it.
    pub availability: Option<f64>,
    /// How it was.
    pub truth: Vec<Stretch>,
    /// What evenkeel saw of it.
    pub seen: Vec<Stretch>,
    /// What was done to it, and when.
    pub marks: Vec<Mark>,
}

/// An action on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When it began.
    pub at: Timestamp,
    /// How it ended.
    pub look: Look,
}

/// The simulation as one HTML file that loads nothing and runs nothing.
pub fn simulation(view: &View, data: &SimulationData) -> String {
    let lasts = view.span(data.span.end.duration_since(data.span.start));
    let about: Vec<_> = data.runs.iter().map(|run| run.name.as_str()).collect();
    let main = html! {
        h1 { "Simulation" small { (lasts) " in virtual time" } }
        p.verdict { (clean(&data.headline)) }
        (facts(data))
        @if !data.differences.is_empty() { (differences(data)) }
        section {
            h2 { "Actions" span.soft { "by what came of them" } }
            div.charts { @for run in &data.runs { (bars(view, &run.actions)) } }
        }
        (promises(view, data))
        (lanes(view, data))
        (budgets(view, data))
        @if !data.notes.is_empty() {
            section { h2 { "How to read this" } ul.notes { @for note in &data.notes { li { (clean(note)) } } } }
        }
    };
    let footer = html! {
        "The times are those of the simulated host, from " (view.date_time(data.span.start)) " to " (view.date_time(data.span.end))
        " UTC. The same settings, faults and seed give this very file again."
    };
    let about = about.join(" and ");
    let title = format!("Simulation of {} · evenkeel", clean(&about));
    file(view, &File { title: &title, about: &about, version: &data.version, main, footer })
}

fn facts(data: &SimulationData) -> Markup {
    html! {
        section {
            dl.facts { @for (name, value) in &data.facts { div { dt { (clean(name)) } dd { (clean(value)) } } } }
            p.empty { code { (clean(&data.again)) } }
        }
    }
}

/// What a run is called where there are two.
fn letter(place: usize) -> &'static str {
    if place == 0 { "A" } else { "B" }
}

fn differences(data: &SimulationData) -> Markup {
    html! {
        section {
            h2 { "A beside B" span.soft { "under the same faults, by the same chance" } }
            @for (place, run) in data.runs.iter().enumerate() {
                p.pad { strong { (letter(place)) } " " code { (clean(&run.name)) } ": " (clean(&run.headline)) }
            }
            div.scroll { table.differences {
                thead { tr {
                    th scope="col" { "Figure" }
                    th.num scope="col" { "A" } th.num scope="col" { "B" } th.num scope="col" { "B − A" }
                    th scope="col" { "B is" }
                } }
                tbody { @for row in &data.differences { tr {
                    th scope="row" { (clean(&row.name)) }
                    td.num { (clean(&row.first)) } td.num { (clean(&row.second)) } td.num { (clean(&row.difference)) }
                    td { @match row.better {
                        Some(true) => span.badge.good { "✓ better" },
                        Some(false) => span.badge.bad { "✕ worse" },
                        None => span.soft { "–" },
                    } }
                } } }
            } }
        }
    }
}

fn promises(view: &View, data: &SimulationData) -> Markup {
    let several = data.runs.len() > 1;
    html! {
        @if data.runs.iter().any(|run| !run.slos.is_empty()) {
            section {
                h2 { "Promises" span.soft { "as evenkeel would count them" } }
                @for (place, run) in data.runs.iter().enumerate() {
                    @if several { h3 { (letter(place)) " " code { (clean(&run.name)) } } }
                    (slos(view, &run.slos, false))
                }
            }
        }
    }
}

fn lanes(view: &View, data: &SimulationData) -> Markup {
    html! {
        section {
            h2 { "Targets" span.soft { "how it was, what evenkeel saw, what it did" } }
            (legend(view))
            ul.legend { @for (look, name) in [
                (Look::Good, "action, recovered"), (Look::Warn, "relapsed"), (Look::Bad, "failed"), (Look::Calm, "not judged"),
            ] {
                li { svg viewBox="0 0 12 20" aria-hidden="true" { path class=(look.class()) d="M6 4l6 12h-12z" {} } " " (name) }
            } }
            @if data.targets.is_empty() { p.empty { "Nothing happened to any target." } }
            @for target in &data.targets { (lane(view, data, target)) }
            @if data.more_targets > 0 {
                p.empty { "Not shown: " (data.more_targets) " more, on which nothing happened or less than on these." }
            }
        }
    }
}

fn lane(view: &View, data: &SimulationData, target: &TargetLane) -> Markup {
    let several = data.runs.len() > 1;
    html! {
        div.dayrow.lane {
            strong { (clean(&target.name)) }
            @for (place, lane) in target.runs.iter().enumerate() {
                div.dayname.soft {
                    span { @if several { strong { (letter(place)) } " " } (clean(&lane.said)) }
                    span.num { (lane.availability.map_or("–".to_owned(), percent)) }
                }
                div.rows {
                    span.soft { "was" } (strip(view, &data.span, &lane.truth))
                    span.soft { "seen" } (strip(view, &data.span, &lane.seen))
                    @if !lane.marks.is_empty() { span.soft { "done" } (marks(&data.span, &lane.marks)) }
                }
            }
            div.ends { span { (view.time(data.span.start)) } span { (view.time(data.span.end)) } }
        }
    }
}

/// Actions as small triangles; the last ones of a kind, if there are more than can be told apart.
fn marks(span: &Range<Timestamp>, marks: &[Mark]) -> Markup {
    let mut ordered = marks.to_vec();
    // What failed is drawn over what did not.
    ordered.sort_by_key(|mark| {
        (matches!(mark.look, Look::Bad), matches!(mark.look, Look::Warn), mark.at)
    });
    let shown = &ordered[ordered.len().saturating_sub(MOST_MARKS)..];
    let said = format!("{} {}", marks.len(), if marks.len() == 1 { "action" } else { "actions" });
    html! {
        svg.marks role="img" aria-label=(said) viewBox="0 0 360 10" preserveAspectRatio="none" {
            title { (said) }
            @for mark in shown {
                @let x = COLUMNS * share(span, mark.at);
                path class=(mark.look.class()) d=(format!("M{x:.2} 0l1.2 10h-2.4z")) {}
            }
        }
    }
}

fn budgets(view: &View, data: &SimulationData) -> Markup {
    let several = data.runs.len() > 1;
    html! {
        section {
            h2 { "Budgets" span.soft { "the most that was used within one window" } }
            @for (place, run) in data.runs.iter().enumerate() {
                @if several { h3 { (letter(place)) " " code { (clean(&run.name)) } } }
                @if run.budgets.is_empty() { p.empty { "Nothing was charged to any budget." } } @else {
                    div.scroll { table.budgets {
                        thead { tr {
                            th scope="col" { "Budget" } th.num scope="col" { "Used at most" } th.num scope="col" { "Limit" }
                            th.num scope="col" { "Within" } th.wide scope="col" { "Share" }
                        } }
                        tbody { @for budget in &run.budgets { (budget_row(view, budget)) } }
                    } }
                }
            }
        }
    }
}

fn budget_row(view: &View, budget: &BudgetBar) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "a width in a picture")]
    let share = budget.used as f64 / budget.limit.max(1) as f64;
    let look = match budget.used {
        used if used >= budget.limit => Look::Bad,
        used if used * 2 > budget.limit => Look::Warn,
        _ => Look::Good,
    };
    html! {
        tr {
            th scope="row" { (clean(&budget.name)) }
            td.num { (budget.used) } td.num { (budget.limit) } td.num { (view.span(budget.window)) }
            td.wide {
                svg.meter.wide viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                    rect.meter-back width="100" height="6" {}
                    rect class=(look.class()) width=(format!("{:.1}", share.clamp(0.0, 1.0) * 100.0)) height="6" {}
                }
                @if budget.used >= budget.limit { span.soft { "used up" } }
            }
        }
    }
}

#[cfg(test)]
mod tests;

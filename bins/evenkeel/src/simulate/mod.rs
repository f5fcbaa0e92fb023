//! `evenkeel simulate`: what would come of settings, by the real engine against a scripted host in virtual time.
//!
//! All that is printed is a function of settings, faults and seed; what else there is to say goes to standard error.

mod compare;
mod document;
mod figures;
mod outcome;
mod page;
mod play;
mod recorded;
mod setting;
mod table;

use std::sync::Arc;
use std::time::Instant;

use evenkeel_cli::{Common, Exit, Failure, print_json, print_remark};

use self::compare::Comparison;
use self::play::Played;
use self::setting::Setting;
use crate::args::Simulate as Args;
use crate::named;

pub(crate) fn simulate(common: &Common, args: &Args) -> Result<Exit, Failure> {
    let setting = Arc::new(Setting::read(common, args)?);
    for remark in &setting.remarks {
        print_remark(format_args!("evenkeel: {remark}"));
    }
    let begun = Instant::now();
    let Played { runs, stopped } = play::play(common, &setting)?;
    if !common.quiet {
        let seeds = runs.first().map_or(0, |run| run.seeds.len());
        let took = begun.elapsed().as_secs_f64();
        if stopped {
            print_remark(format_args!(
                "evenkeel: stopped after {seeds} of {} seeds",
                setting.seeds
            ));
        }
        let days = setting.lasts.as_secs_f64() / 86_400.0;
        print_remark(format_args!(
            "evenkeel: {} of {days:.1} days in {took:.1} s",
            many((seeds * runs.len()) as u64, "run")
        ));
    }
    let comparison = Comparison::of(&runs);
    if let Some(file) = &args.html {
        let page = page::draw(&setting, &runs, comparison.as_ref());
        named::write_page(file, &page, "the simulation")?;
    }
    if common.json {
        print_json(&document::Document::new(&setting, &runs, comparison.as_ref()));
    } else if args.html.is_none() {
        table::print(&setting, &runs, comparison.as_ref());
    }
    Ok(Exit::Holds)
}

/// A number of things in words: `1 run`, `2 runs`.
fn many(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

//! What the history costs: whoever hands something over to the thread that writes, and that thread. `cargo xtask bench journal`
//! runs it in a directory below the working directory, so that it measures a disk and not memory.
#![forbid(unsafe_code)]

use std::error::Error;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use evenkeel_figures::{Bar, Figure, Limit, Report};
use evenkeel_journal::{Durability, Entry, Intent, Journal, Sample, Stretch};
use evenkeel_moment::Moment;
use jiff::Timestamp;
use serde_json::json;

/// What a call may cost the agent's loop.
const BAR: Duration = Duration::from_millis(1);
const CHECKS: usize = 10;
const FIELDS: [&str; 3] = ["latency_ms", "rss_bytes", "fds"];

/// What the agent hands over with one result.
struct Seen {
    at: Timestamp,
    subject: String,
    values: Vec<(&'static str, f64)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut report = Report::new("journal");
    let mut show = |what: &str, costs: &[Duration]| report.figures.push(figure(what, costs));
    let scratch = tempfile::tempdir_in(".")?;
    let (mut journal, _) = Journal::open(&scratch.path().join("state"), at(0))?;
    journal.begin_run(at(0))?;

    let hand_over = hand_over()?;
    show("hand over one result", &hand_over);

    let mut event = Vec::new();
    for second in 0..2_000 {
        let data = json!({ "from": "up", "to": "down", "reason": "status 500" });
        let (kind, target, message) = ("check_changed", "health", "up -> down: status 500");
        let entry = Entry { kind, target, incident: None, message, data };
        let begun = Instant::now();
        journal.together(Durability::Soon, |journal| journal.append(at(second), &entry))?;
        event.push(begun.elapsed());
    }
    show("write a line of history", &event);

    let mut intent = Vec::new();
    for second in 0..200 {
        let begun = Instant::now();
        journal.intend(&wanted(second))?;
        intent.push(begun.elapsed());
    }
    show("write an intent, to the disk", &intent);

    let subjects: Vec<_> = (0..CHECKS).map(|number| format!("check-{number}")).collect();
    let mut flush = Vec::new();
    let mut samples = 0;
    for second in (0..7_200).step_by(5) {
        let seen: Vec<_> = subjects
            .iter()
            .flat_map(|subject| FIELDS.map(|field| (subject, field)))
            .map(|(subject, field)| Sample { subject, field, at: at(second), value: 12.345 })
            .collect();
        let begun = Instant::now();
        journal.together(Durability::Soon, |journal| {
            samples += journal.observe(&seen)?;
            for subject in &subjects {
                journal.extend(&slice(subject, second))?;
            }
            journal.alive(at(second), false)
        })?;
        flush.push(begun.elapsed());
    }
    show("write five seconds of ten checks", &flush);

    let mut portions = Vec::new();
    loop {
        let begun = Instant::now();
        let rolled = journal.roll_up_some(at(7_320))?;
        portions.push(begun.elapsed());
        if !rolled.goes_on {
            break;
        }
    }
    show("roll up a portion of it", &portions);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let [samples, bytes] = [samples as f64, journal.size_bytes().unwrap_or_default() as f64];
    report.figures.push(
        Figure::new("lines, log and roll-up on disk", "journal")
            .with("samples", samples)
            .with("bytes", bytes),
    );
    let p99 = micros(&hand_over, 99);
    let limit = Limit::AtMost(BAR.as_secs_f64() * 1e6);
    report.bars.push(Bar::new("journal: hand over one result, p99", p99, "µs", limit, 1.0));
    let as_json = std::env::args().any(|arg| arg == "--json");
    let tables = || format!("{}\n{}", report.figures_table(), report.bars_table());
    #[expect(clippy::print_stdout, reason = "this is what a bench is for")]
    {
        println!("{}", if as_json { report.document() } else { tables() });
    }
    if report.holds() { Ok(()) } else { Err("a figure that must hold is missed".into()) }
}

/// What it costs to hand over results, one by one, to a thread that writes each at once: more than an agent makes of it.
fn hand_over() -> Result<Vec<Duration>, Box<dyn Error>> {
    let scratch = tempfile::tempdir_in(".")?;
    let (mut journal, _) = Journal::open(&scratch.path().join("state"), at(0))?;
    let (sender, inbox) = mpsc::channel::<Seen>();
    let writer = std::thread::spawn(move || {
        for Seen { at, subject, values } in inbox {
            let subject = subject.as_str();
            let samples: Vec<_> = values
                .iter()
                .map(|(field, value)| Sample { subject, field, at, value: *value })
                .collect();
            journal.observe(&samples)?;
        }
        Ok::<_, evenkeel_journal::JournalError>(())
    });
    let mut costs = Vec::new();
    for second in 0..20_000 {
        let begun = Instant::now();
        let values = FIELDS.map(|field| (field, 12.345)).to_vec();
        let _ = sender.send(Seen { at: at(second), subject: "check-1".to_owned(), values });
        costs.push(begun.elapsed());
    }
    drop(sender);
    writer.join().map_err(|_| "the writer ended by a defect")??;
    Ok(costs)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or(Timestamp::MAX)
}

fn slice(subject: &str, second: i64) -> Stretch {
    let (subject, verdict) = (subject.to_owned(), "good".to_owned());
    Stretch { subject, verdict, from: at(second), until: at(second + 5), slices: 1 }
}

fn wanted(second: i64) -> Intent {
    Intent {
        incident: 1,
        target: "web".to_owned(),
        step: 0,
        attempt: 0,
        action: "restart".to_owned(),
        boot_id: "boot".to_owned(),
        boottime: Moment::ORIGIN,
        wall: at(second),
    }
}

fn percentile(costs: &[Duration], percent: usize) -> Duration {
    let mut costs = costs.to_vec();
    costs.sort_unstable();
    costs.get((costs.len() * percent / 100).min(costs.len() - 1)).copied().unwrap_or_default()
}

fn micros(costs: &[Duration], percent: usize) -> f64 {
    percentile(costs, percent).as_secs_f64() * 1e6
}

fn figure(what: &str, costs: &[Duration]) -> Figure {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = costs.len() as f64;
    Figure::new(what, "journal")
        .with("p50_micros", micros(costs, 50))
        .with("p99_micros", micros(costs, 99))
        .with("of", all)
}

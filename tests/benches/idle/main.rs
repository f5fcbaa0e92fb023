//! `cargo xtask bench idle`: memory and processor time of an agent at rest, with ten HTTP checks, ten processes and a directory of a
//! thousand files, each looked at every five seconds; in the same minute as others that do the same. Fails when a figure is missed.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "its output is what a person or a log reads")]
#![expect(clippy::disallowed_methods, reason = "it works in scratch directories of its own")]

mod args;
mod contender;
mod group;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use evenkeel_figures::{Bar, Figure, Limit, Report, quantile, version};
use evenkeel_tests::{Job, Memory, Scratch};

use crate::args::Args;
use crate::contender::Contender;

/// Endpoints, and processes.
const EACH: u64 = 10;
const MOST_RSS_MB: f64 = 10.0;
const MOST_CPU_SECONDS: f64 = 0.2;
/// What the noise of a machine that others use may add to processor time.
const TOLERANCE: f64 = 1.1;

fn main() -> ExitCode {
    evenkeel_tests::bench("idle", args::USAGE, args::read, bench)
}

fn bench(args: &Args) -> ExitCode {
    let mut report = Report::new("idle");
    if let Some(obstacle) = group::obstacle() {
        eprintln!("{obstacle}");
        report.left_out.push(obstacle.clone());
        report.bars.extend(bars(None, None, &obstacle));
    } else {
        measure(args, &mut report);
    }
    let tables = format!("{}\n{}", report.figures_table(), report.bars_table());
    evenkeel_tests::tell(&report, tables, args.json)
}

/// What was measured of one contender.
struct Taken {
    name: &'static str,
    processes: usize,
    memory: Vec<Memory>,
    /// Processor time in a minute.
    cpu: f64,
    /// HTTP requests in a minute.
    requests: f64,
}

fn measure(args: &Args, report: &mut Report) {
    let scratch = Scratch::new();
    let job = Job::new(&scratch, EACH);
    let mut running = vec![Contender::evenkeel(&job)];
    if args.peers {
        report.peer("monit", version("monit", "-V"));
        report.peer("supervisord", version("supervisord", "--version"));
        for program in contender::PROMETHEUS {
            report.peer(program, version(program, "--version"));
        }
        for peer in [
            Contender::monit(&job),
            Contender::superlance(&job, args.superlance.as_deref()),
            Contender::prometheus(&job),
        ] {
            match peer {
                Ok(peer) => running.push(peer),
                Err(why) => report.left_out.push(why),
            }
        }
    }
    eprintln!(
        "{} contenders; at rest for {:?} before they are measured …",
        running.len(),
        args.settle
    );
    std::thread::sleep(args.settle);
    let taken = watch(&running, &job, args.lasts);
    for one in &taken {
        // Each HTTP check, each five seconds; a cycle may fall out of the window at either end.
        let wanted = job.each * 60 / Job::EVERY.as_secs();
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let least = wanted as f64 * 0.75;
        assert!(one.requests >= least, "{} asked {:.0} times a minute", one.name, one.requests);
    }
    report.figures.extend(taken.iter().map(Taken::figure));
    let monit = taken.iter().find(|taken| taken.name == contender::MONIT);
    report.bars.extend(bars(taken.first(), monit, ""));
}

/// Looks at all of them each second.
fn watch(running: &[Contender], job: &Job<'_>, lasts: Duration) -> Vec<Taken> {
    let seen = || -> Vec<(Duration, u64)> {
        let figures = |one: &Contender| (one.group.cpu(), job.asked(one.name));
        running.iter().map(figures).collect()
    };
    let (began, before) = (Instant::now(), seen());
    let mut memory = vec![Vec::new(); running.len()];
    while began.elapsed() < lasts {
        std::thread::sleep(Duration::from_secs(1));
        for (one, memory) in running.iter().zip(&mut memory) {
            memory.push(one.group.memory());
        }
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let change = before.into_iter().zip(seen());
    let each = running.iter().zip(change).zip(memory);
    each.map(|((one, ((cpu, asked), (cpu_then, asked_then))), memory)| {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let requests = (asked_then - asked) as f64 / minutes;
        let cpu = (cpu_then.saturating_sub(cpu)).as_secs_f64() / minutes;
        Taken { name: one.name, processes: one.group.processes().len(), memory, cpu, requests }
    })
    .collect()
}

impl Taken {
    fn megabytes(&self, which: fn(&Memory) -> u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        quantile(self.memory.iter().map(|memory| which(memory) as f64 / 1e6), 0.5)
    }

    fn figure(&self) -> Figure {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        Figure::new("at rest", self.name)
            .with("rss_mb", self.megabytes(|memory| memory.rss))
            .with("pss_mb", self.megabytes(|memory| memory.pss))
            .with("private_mb", self.megabytes(|memory| memory.private))
            .with("cpu_seconds_a_minute", self.cpu)
            .with("processes", self.processes as f64)
            .with("requests_a_minute", self.requests)
    }
}

fn bars(ours: Option<&Taken>, monit: Option<&Taken>, why_not: &str) -> [Bar; 2] {
    let bar = |what: &str, unit: &str, most, tolerance, figure: &dyn Fn(&Taken) -> f64| {
        let (what, limit) = (format!("idle agent: {what}"), Limit::AtMost(most));
        let Some(ours) = ours else { return Bar::unmeasured(what, unit, limit, why_not) };
        let bar = Bar::new(what, figure(ours), unit, limit, tolerance);
        monit.map_or(bar.clone(), |monit| bar.beside(monit.name, figure(monit)))
    };
    [
        bar("resident memory", "MB", MOST_RSS_MB, 1.0, &|taken| {
            taken.megabytes(|memory| memory.rss)
        }),
        bar("processor time", "CPU-s/min", MOST_CPU_SECONDS, TOLERANCE, &|taken| taken.cpu),
    ]
}

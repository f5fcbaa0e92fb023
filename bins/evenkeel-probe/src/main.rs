//! `evenkeel-probe`: measures one target once, with flags alone, or whatever is asked for over HTTP.
#![forbid(unsafe_code)]

mod args;
mod expect;
mod exposition;
mod nagios;
mod report;
mod serve;

use std::process::ExitCode;

use evenkeel_cli::Failure;
use evenkeel_probe::{Prober, Target};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Series};
use crate::report::{Conditions, Report};

fn main() -> ExitCode {
    let args = match evenkeel_cli::try_parse::<Args>() {
        Ok(args) => args,
        // To Nagios, 2 would mean that the target is down.
        Err(error) if error.use_stderr() && std::env::args_os().any(|word| word == "--nagios") => {
            let _ = error.print();
            return nagios::exit_code(None);
        }
        Err(error) => error.exit(),
    };
    let mut verdict = None;
    let code = evenkeel_cli::run("evenkeel-probe", &args.common, || {
        if let Some(serve) = args.serve() {
            if args.series.is_for_one() {
                return Err(Failure::usage(
                    "`--expect`, `--prefer` and `--nagios` are for one measurement; modules have conditions",
                ));
            }
            return serve::serve(&args.common, serve);
        }
        let (target, down, degraded) = args.target()?;
        let conditions = Conditions { down: &down, degraded: &degraded };
        let report = measure(&target, conditions, &args.series)?;
        match (args.common.json, args.series.nagios) {
            (true, _) => report.print_json(),
            (false, true) => nagios::print(&report),
            (false, false) => report.print(args.common.quiet),
        }
        let found = *verdict.insert(report.verdict());
        Ok(found.exit())
    });
    if args.series.nagios { nagios::exit_code(verdict) } else { code }
}

/// Makes attempts until one finds the target up or degraded, or there are no more.
fn measure<'a>(
    target: &'a Target,
    conditions: Conditions<'a>,
    series: &Series,
) -> Result<Report<'a>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(&error))?;
    let prober = Prober::new();
    let series = async {
        let mut attempts = 1;
        loop {
            let measurement = prober.measure(target, series.timeout).await;
            let report = Report::new(target, conditions, attempts, measurement);
            if report.verdict().is_good() || attempts > series.retries {
                return report;
            }
            tokio::time::sleep(series.retry_delay).await;
            attempts += 1;
        }
    };
    let report = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            report = series => Ok(Some(report)),
            // What was started is ended with the work that is dropped here: a command's whole process group.
            _ = terminate.recv() => Ok(None),
            _ = interrupt.recv() => Ok(None),
        }
    });
    let report = report.map_err(|error: std::io::Error| Failure::refused(&error))?;
    // A lookup that never ends must not hold up the end.
    runtime.shutdown_background();
    report.ok_or_else(|| Failure::refused_because("interrupted before there was a result"))
}

use std::io;

use evenkeel_cli::{Common, Exit, Failure, print_json, print_line};
use evenkeel_permissions::{Repair, Watcher, apply, sweep};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::failure;
use crate::rules::Named;

/// Puts right what deviates, whenever something changes, until SIGINT or SIGTERM.
pub(crate) fn watch(common: &Common, rules: Vec<Named>) -> Result<Exit, Failure> {
    // What cannot work at all is said before anything starts.
    for rule in &rules {
        sweep(&rule.policy).map_err(|error| failure(&error))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(&error))?;
    runtime.block_on(run(common, rules)).map_err(|error| Failure::refused(&error))?;
    Ok(Exit::Holds)
}

async fn run(common: &Common, rules: Vec<Named>) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (repaired, mut repairs) = mpsc::channel(64);
    for rule in rules {
        let watcher = Watcher::new(&rule.policy)?;
        tokio::spawn(keep(rule, watcher, repaired.clone()));
    }
    // Held by the tasks alone, so that their end is noticed.
    drop(repaired);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            repair = repairs.recv() => match repair {
                Some(repair) => print(common, &repair),
                None => return Ok(()),
            },
        }
    }
}

async fn keep(rule: Named, mut watcher: Watcher, repaired: mpsc::Sender<Repair>) {
    let mut interval = tokio::time::interval(rule.interval);
    loop {
        tokio::select! {
            _ = watcher.next() => {}
            _ = interval.tick() => {}
        }
        match sweep(&rule.policy) {
            Ok(plan) => {
                for repair in apply(&rule.policy, plan).repaired {
                    if repaired.send(repair).await.is_err() {
                        return;
                    }
                }
            }
            // The root may be on its way: it is looked at again at the next event.
            Err(error) => tracing::warn!(rule = rule.name, error = %error, "cannot look"),
        }
    }
}

fn print(common: &Common, repair: &Repair) {
    if common.json {
        print_json(repair);
    } else {
        let path = evenkeel_cli::escaped_path(&repair.path);
        print_line(format_args!(
            "{path}: {} {} -> {}",
            repair.kind.as_str(),
            repair.before,
            repair.after
        ));
    }
}

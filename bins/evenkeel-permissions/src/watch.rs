use std::io;

use evenkeel_cli::{Common, Exit, Failure, escaped_path as escaped, print_json_line, print_line};
use evenkeel_permissions::{Fight, Keeper, News, Preference, Repair, Task, sweep};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

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
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut running = rules.len();
    let mut clocks = JoinSet::new();
    for rule in rules {
        let keeper = keeper(&rule, tell.clone())?;
        let mut interval = tokio::time::interval(rule.interval);
        clocks.spawn(async move {
            loop {
                interval.tick().await;
                keeper.sweep();
            }
        });
    }
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            Some((name, news)) = told.recv() => {
                if matches!(news, News::Ended) {
                    return Err(io::Error::other(format!("rule `{name}` is kept no longer")));
                }
                print(common, &name, news);
            }
        }
    }
    // The keepers go with the tasks that hold them; what they are about is done, and printed.
    clocks.shutdown().await;
    while running > 0
        && let Some((name, news)) = told.recv().await
    {
        running -= usize::from(matches!(news, News::Ended));
        print(common, &name, news);
    }
    Ok(())
}

fn keeper(rule: &Named, tell: mpsc::UnboundedSender<(String, News)>) -> io::Result<Keeper> {
    let name = rule.name.clone();
    let (policy, watch) = (rule.policy.clone(), Some(Preference::Best));
    Keeper::start(Task { name: name.clone(), policy, write: true, watch }, move |news| {
        // Nobody listens any more: the program ends.
        let _ = tell.send((name.clone(), news));
    })
}

fn print(common: &Common, rule: &str, news: News) {
    let (repaired, fights) = match news {
        News::Swept(Ok(swept)) => (swept.repaired, swept.fights),
        News::Kept(kept) => (kept.repaired, kept.fights),
        // The root may be on its way: it is looked at again at the next event.
        News::Swept(Err(error)) => return tracing::warn!(rule, %error, "cannot look"),
        News::Watched(_) | News::Ended => return,
    };
    for repair in &repaired {
        print_repair(common, repair);
    }
    // A document on standard output is a repair; a fight is in the log, as are all repairs.
    for fight in fights.iter().filter(|_| !common.json) {
        print_fight(fight);
    }
}

fn print_repair(common: &Common, repair: &Repair) {
    if common.json {
        return print_json_line(repair);
    }
    let (path, kind) = (escaped(&repair.path), repair.kind.as_str());
    let by = repair.by.as_ref().map(|by| format!(" (by {by})")).unwrap_or_default();
    print_line(format_args!("{path}: {kind} {} -> {}{by}", repair.before, repair.after));
}

fn print_fight(fight: &Fight) {
    let (path, kind, pause) = (escaped(&fight.path), fight.kind.as_str(), fight.pause.as_secs());
    print_line(format_args!(
        "{path}: {kind} was put right {} times and is undone again and again; left alone for {pause} s",
        fight.times
    ));
}

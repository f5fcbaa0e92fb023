//! `evenkeel demo`: a scratch host with real files and processes, faults, and the real agent that heals them.

mod bystanders;
mod fault;
mod host;
pub(crate) mod part;
mod story;

use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use evenkeel_agent::{Agent, Until};
use evenkeel_cli::agent::{block_on, boot_id, stop_signal};
use evenkeel_cli::{Common, Exit, Failure, print_json, print_line, print_table};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::args::Demo;

use self::fault::Fault;
use self::host::Host;
use self::story::{Row, Story};

/// Where the page is, if nobody else is there.
const PAGE: &str = "127.0.0.1:9720";
/// How long the demo rests between two faults when it keeps going.
const REST: Duration = Duration::from_secs(5);

/// Runs the demo until all faults were healed once, or until Ctrl-C.
pub(crate) fn run(common: &Common, args: &Demo) -> Result<Exit, Failure> {
    block_on(async {
        let stop = stop_signal()?;
        let mut host = Host::new(args.seed).map_err(Failure::refused_because)?;
        let exit = play(common, args, &mut host, stop).await;
        // Whatever happened, nothing stays.
        host.remove().map_err(Failure::refused_because)?;
        exit
    })
}

async fn play(
    common: &Common,
    args: &Demo,
    host: &mut Host,
    stop: impl Future<Output = ()>,
) -> Result<Exit, Failure> {
    host.start_parts().await.map_err(Failure::refused_because)?;
    let settings = host.settings(common)?;
    let listener = TcpListener::bind(PAGE)
        .or_else(|_| TcpListener::bind("127.0.0.1:0"))
        .map_err(|error| Failure::refused(&error))?;
    let page = listener.local_addr().map_err(|error| Failure::refused(&error))?;
    let agent = Agent {
        settings,
        part: false,
        observe: false,
        seed: args.seed,
        boot_id: boot_id(),
        until: Until::Stopped,
        listener: Some(listener),
        watchdog: None,
        notify: |_| {},
    };
    let (end, ended) = oneshot::channel::<()>();
    let (_keep, reloads) = mpsc::channel(1);
    let agent = tokio::spawn(evenkeel_agent::run(agent, reloads, async {
        // Dropping the sender is as good a word to end as sending.
        let _ = ended.await;
    }));
    let exit = tokio::select! {
        exit = tell(common, args, host, page) => exit,
        () = stop => interrupted(args),
    };
    drop(end);
    match agent.await {
        Ok(Ok(_)) => exit,
        Ok(Err(error)) => Err(Failure::refused(&error)),
        Err(error) => Err(Failure::refused(&error)),
    }
}

/// Injects one fault after the other and watches each being healed.
async fn tell(
    common: &Common,
    args: &Demo,
    host: &Host,
    page: std::net::SocketAddr,
) -> Result<Exit, Failure> {
    let story = Story::new(host);
    let faults = Fault::all_in_order(args.seed);
    let bar = progress(common, faults.len());
    bar.set_message("waiting for the first look");
    story.settled().await.map_err(Failure::refused_because)?;
    if !args.once && !common.json {
        print_line(format!(
            "the status page is on http://{page}/ ; Ctrl-C ends the demo and removes everything"
        ));
        print_line(format!("the scratch host is in {}", host.dir().display()));
    }
    let before = host.bystanders().map_err(Failure::refused_because)?;
    let mut rows = Vec::new();
    loop {
        for fault in &faults {
            bar.set_message(fault.name());
            let row = story.play(*fault).await.map_err(Failure::refused_because)?;
            bar.inc(1);
            if !args.once {
                bar.suspend(|| print_line(row.sentence()));
                bar.set_message("resting");
                tokio::time::sleep(REST).await;
            }
            rows.push(row);
        }
        if args.once {
            break;
        }
        // Keeps its memory small however long it goes on.
        rows.clear();
        bar.reset();
        host.begin_round();
    }
    bar.finish_and_clear();
    let touched = host.bystanders().map_err(Failure::refused_because)?.differences(&before);
    print(common, &rows, &touched);
    let healed = rows.iter().all(Row::is_healed);
    Ok(if healed && touched.is_empty() { Exit::Holds } else { Exit::Deviates })
}

/// Ctrl-C is how a demo that keeps going ends; one that was to end by itself has not done its work.
fn interrupted(args: &Demo) -> Result<Exit, Failure> {
    if args.once {
        return Err(Failure::refused_because("interrupted; the scratch host is removed"));
    }
    print_line("the scratch host is removed");
    Ok(Exit::Holds)
}

fn print(common: &Common, rows: &[Row], touched: &[String]) {
    let healed = rows.iter().filter(|row| row.is_healed()).count();
    if common.json {
        print_json(&json!({ "faults": rows, "healed": healed, "touched_besides": touched }));
        return;
    }
    print_table(&["FAULT", "DETECTED", "REPAIRED", "VERIFIED", "MS"], rows.iter().map(Row::cells));
    print_line(format!("\n{healed} of {} faults healed and verified", rows.len()));
    if touched.is_empty() {
        print_line("nothing else was touched");
    }
    for touched in touched {
        print_line(format!("touched besides: {touched}"));
    }
}

fn progress(common: &Common, faults: usize) -> ProgressBar {
    if common.json || common.quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg} {elapsed}");
    let bar = ProgressBar::new(faults as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

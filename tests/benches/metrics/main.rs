//! `cargo xtask bench metrics`: how long a scraper waits for a page of 10,000 series of a running agent, over a connection that it keeps; beside
//! the Pushgateway with the very same series, and beside bare bytes from memory.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "its output is what a person or a log reads")]

mod client;
mod report;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use evenkeel_tests::Scratch;

use crate::client::Client;
use crate::report::{Report, Row};
use crate::server::Server;

const USAGE: &str = "\
usage: cargo xtask bench metrics [FLAG]...

  --rounds N       how many pages are asked of each [default: 500]
  --json           one JSON document in place of a table
";

/// As many as the figure is promised for.
const SERIES: usize = 10_000;

struct Args {
    rounds: usize,
    json: bool,
}

fn main() -> ExitCode {
    evenkeel_tests::bench("metrics", USAGE, read, bench)
}

fn read(args: &[&str]) -> Result<Args, String> {
    let mut read = Args { rounds: 500, json: false };
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "--json" => read.json = true,
            "--rounds" => {
                let value = rest.next().ok_or("`--rounds` needs a number")?;
                read.rounds = value
                    .parse()
                    .ok()
                    .filter(|rounds| *rounds > 0)
                    .ok_or_else(|| format!("`{value}` is not a number above 0"))?;
            }
            other => return Err(format!("`{other}` is not understood")),
        }
    }
    Ok(read)
}

/// Everyone is asked in turns, another one first in each round, after a tenth of the rounds to warm up.
fn bench(args: &Args) -> ExitCode {
    let scratch = Scratch::new();
    let agent = Server::agent(&scratch, SERIES);
    let page = agent.page();
    let mut servers = vec![agent];
    servers.extend(Server::pushgateway(&scratch, &page));
    servers.push(Server::bare(page.clone()));

    let mut clients: Vec<_> = servers
        .iter()
        .flat_map(|server| server.formats().iter().map(move |format| (server, *format)))
        .map(|(server, format)| Client::connect(server, format))
        .collect();
    for _ in 0..=args.rounds / 10 {
        for client in &mut clients {
            client.scrape();
        }
    }
    let mut times = vec![Vec::<Duration>::with_capacity(args.rounds); clients.len()];
    for round in 0..args.rounds {
        for place in 0..clients.len() {
            let place = (place + round) % clients.len();
            let took = clients[place].scrape();
            times[place].push(took);
        }
    }
    let rows = clients.iter().zip(times).map(|(client, times)| Row::new(client, times)).collect();
    let report = Report { rows, rounds: args.rounds };
    let shared = report.shared();
    let tables = format!("{}\n{}", report.table(), shared.bars_table());
    evenkeel_tests::tell(&shared, tables, args.json)
}

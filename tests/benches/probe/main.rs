//! `cargo xtask bench probe`: what one HTTP probe costs `evenkeel-probe serve`, beside `blackbox_exporter` with the same target in the same run, and
//! beside a bare request. Fails when a figure is missed.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use evenkeel_figures::{Bar, Figure, Limit, Report, quantile, version};
use evenkeel_tests::{
    Connection, Daemon, Endpoint, LONG, Scratch, cpu_time, find_bin, free_port, get, installed,
    until,
};

const USAGE: &str = "\
usage: cargo xtask bench probe [FLAG]...

  --rounds N       how many probes are asked of each [default: 1000]
  --json           one JSON document in place of tables
";

const BLACKBOX: &str = "prometheus-blackbox-exporter";
/// Two of a kind in the same run; what noise is left after many rounds in turns.
const TOLERANCE: f64 = 1.1;

struct Args {
    rounds: usize,
    json: bool,
}

/// Somebody who is asked to probe the endpoint; the first part of the path says who.
struct Prober {
    name: &'static str,
    path: String,
    connection: Connection,
    daemon: Daemon,
    times: Vec<Duration>,
    cpu: Duration,
}

fn main() -> ExitCode {
    evenkeel_tests::bench("probe", USAGE, read, bench)
}

fn read(args: &[&str]) -> Result<Args, String> {
    let mut read = Args { rounds: 1_000, json: false };
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "--json" => read.json = true,
            "--rounds" => {
                let value = rest.next().unwrap_or_default();
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
    let endpoint = Endpoint::start();
    let mut report = Report::new("probe");
    let mut probers = vec![evenkeel(&scratch, &endpoint)];
    if installed(BLACKBOX) {
        report.peer(BLACKBOX, version(BLACKBOX, "--version"));
        probers.push(blackbox(&scratch, &endpoint));
    } else {
        report.peer(BLACKBOX, None);
    }
    let mut bare = Vec::new();
    for _ in 0..=args.rounds / 10 {
        for prober in &mut probers {
            prober.probe();
        }
    }
    for round in 0..args.rounds {
        let first = round % probers.len();
        probers.rotate_left(first);
        for prober in &mut probers {
            let (took, cpu) = prober.probe();
            prober.times.push(took);
            prober.cpu += cpu;
        }
        probers.rotate_right(first);
        bare.push(Connection::open(endpoint.address()).get("/bare/", "").as_secs_f64() * 1e3);
    }
    let asked = |who: &str| usize::try_from(endpoint.asked(who)).unwrap_or_default();
    for prober in &probers {
        assert!(asked(prober.name) >= args.rounds, "{} probed too seldom", prober.name);
    }
    let rounds = u32::try_from(args.rounds).unwrap_or(u32::MAX);
    let p50 = quantile(bare.iter().copied(), 0.5);
    report.figures = probers.iter().map(|prober| prober.figure(rounds, p50)).collect();
    report.figures.push(
        Figure::new("one HTTP probe", "bare request")
            .with("p50_ms", p50)
            .with("p99_ms", quantile(bare, 0.99)),
    );
    if let [ours, theirs] = &probers[..] {
        let bar = |what: &str, ours: f64, theirs: f64| {
            let what = format!("HTTP probe, no dearer than blackbox_exporter: {what}");
            Bar::new(what, ours, "ms", Limit::AtMost(theirs), TOLERANCE)
                .beside("blackbox_exporter", theirs)
        };
        let cpu = |prober: &Prober| (prober.cpu / rounds).as_secs_f64() * 1e3;
        report.bars.push(bar("median", ours.quantile(0.5), theirs.quantile(0.5)));
        report.bars.push(bar("processor time", cpu(ours), cpu(theirs)));
    }
    let tables = format!("{}\n{}", report.figures_table(), report.bars_table());
    evenkeel_tests::tell(&report, tables, args.json)
}

impl Prober {
    fn start(
        name: &'static str,
        scratch: &Scratch,
        endpoint: &Endpoint,
        command: &[String],
    ) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (program, args) = command.split_first().expect("a command has a program");
        let args = args.iter().map(|arg| arg.replace("ADDRESS", &address.to_string()));
        let daemon = Daemon::start(name, program, args, &scratch.join(&format!("{name}.log")));
        let target = format!("http://{}/{name}/", endpoint.address());
        let path = format!("/probe?module=http_2xx&target={target}");
        until("it probes", LONG, || {
            get(address, &path).is_ok_and(|answer| answer.body.contains("probe_success 1"))
        });
        let connection = Connection::open(address);
        Self { name, path, connection, daemon, times: Vec::new(), cpu: Duration::ZERO }
    }

    /// One probe: how long it took, and how much processor time.
    fn probe(&mut self) -> (Duration, Duration) {
        let before = cpu_time(self.daemon.pid());
        let took = self.connection.get(&self.path, "");
        (took, cpu_time(self.daemon.pid()).saturating_sub(before))
    }

    fn quantile(&self, share: f64) -> f64 {
        quantile(self.times.iter().map(|took| took.as_secs_f64() * 1e3), share)
    }

    fn figure(&self, rounds: u32, bare_p50: f64) -> Figure {
        Figure::new("one HTTP probe", self.name)
            .with("p50_ms", self.quantile(0.5))
            .with("p99_ms", self.quantile(0.99))
            .with("p50_beyond_bare_ms", self.quantile(0.5) - bare_p50)
            .with("cpu_ms", (self.cpu / rounds).as_secs_f64() * 1e3)
    }
}

fn evenkeel(scratch: &Scratch, endpoint: &Endpoint) -> Prober {
    let settings = scratch.file("probe.toml", "[module.http_2xx]\nhttp = {}\n", 0o600);
    let program = find_bin("evenkeel-probe").display().to_string();
    let settings = settings.display().to_string();
    let command = ["serve", "--config", &settings, "--listen", "ADDRESS"].map(str::to_owned);
    let command: Vec<_> = [program].into_iter().chain(command).collect();
    Prober::start("evenkeel-probe", scratch, endpoint, &command)
}

fn blackbox(scratch: &Scratch, endpoint: &Endpoint) -> Prober {
    let modules =
        "modules: {http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n";
    let modules = scratch.file("blackbox.yml", modules, 0o600).display().to_string();
    let command = [
        BLACKBOX.to_owned(),
        format!("--config.file={modules}"),
        "--web.listen-address=ADDRESS".to_owned(),
    ];
    Prober::start("blackbox_exporter", scratch, endpoint, &command)
}

//! `evenkeel simulate`: the same bytes for the same seed, two policies beside one another, a recorded time played again, a page.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_tests::{
    Agent, Browser, Daemon, Finished, LONG, Scratch, evenkeel, find_bin, free_port, installed,
    until,
};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::page_live::picture;

const SETTINGS: &str = r#"
[check.web]
http = { url = "http://127.0.0.1:8080/health" }
interval = "30s"

[check.idle]
tcp = { address = "127.0.0.1:8081" }
interval = "60s"

[recovery.site]
when = ["web"]
steps = [{ action = "exec", command = ["/usr/local/bin/restart-web"] }]
stable_for = "2m"
budget = { per_target = "3/1h", per_host = "10/1h" }

[slo.site]
checks = ["web"]
objective = 0.99
window = "1d"
"#;

/// Two outages: one that an action ends, and one that none does.
const FAULTS: &str = r#"
[fault.dies]
kind = "crash"
targets = ["site"]
at = ["1h"]

[fault.gone]
kind = "crash"
targets = ["site"]
at = ["3h"]
lasts = "30m"
cured_by = []
"#;

struct Bench {
    scratch: Scratch,
    settings: PathBuf,
    faults: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let scratch = Scratch::new();
        let settings = scratch.file("now.toml", SETTINGS, 0o644);
        let faults = scratch.file("faults.toml", FAULTS, 0o644);
        Self { scratch, settings, faults }
    }

    fn simulate(&self, more: &[&str]) -> Finished {
        let faults = ["--faults", text(&self.faults), "--for", "6h"];
        simulate(&self.settings, &[&faults[..], more].concat())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn simulate(settings: &Path, more: &[&str]) -> Finished {
    evenkeel(["simulate", "--config", text(settings)].iter().chain(more))
}

#[track_caller]
fn told(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.json()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_other_ones() {
    let bench = Bench::new();
    let page = |seed: &str, name: &str| {
        let file = bench.scratch.join(name);
        let finished = bench.simulate(&["--seed", seed, "--html", text(&file)]);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""), "{finished:?}");
        fs::read(file).expect("a page")
    };
    let out = |more: &[&str]| {
        let finished = bench.simulate(more);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    };
    assert_eq!(out(&["--seed", "7"]), out(&["--seed", "7"]));
    assert_eq!(out(&["--seed", "7", "--json"]), out(&["--seed", "7", "--json"]));
    assert!(page("7", "a.html") == page("7", "b.html"), "two pages of one seed differ");
    let trace = |seed: &str| {
        let document = told(&bench.simulate(&["--seed", seed, "--json"]));
        document["policies"][0]["summary"]["trace"].as_str().expect("a trace").to_owned()
    };
    assert_ne!(trace("7"), trace("8"));
}

#[test]
fn what_the_faults_did_is_told_and_how_to_play_it_again() {
    let bench = Bench::new();
    let table = bench.simulate(&["--seed", "3"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    let first = table.stdout.lines().next().unwrap_or_default();
    assert!(first.contains("2 outages, 1 healed by an action, 1 ended by themselves"), "{table:?}");
    assert!(first.contains("0 of them false") && first.contains("0 over budget"), "{first}");
    let again = format!(
        "again: evenkeel simulate --config {} --faults {} --for 6h --seed 3",
        text(&bench.settings),
        text(&bench.faults)
    );
    assert!(table.stdout.contains(&again), "{}", table.stdout);
    for word in
        ["TARGET", "BUDGET", "PROMISE", "FAULT", "dies", "gone", "nothing happened to 1 of 2"]
    {
        assert!(table.stdout.contains(word), "{word}: {}", table.stdout);
    }
    assert!(table.stderr.contains("1 run of 0.2 days in "), "{}", table.stderr);

    let document = told(&bench.simulate(&["--seed", "3", "--json"]));
    let site = &document["policies"][0]["targets"]["site"];
    let outages = site["outages"].as_array().expect("outages");
    assert_eq!(outages[0]["from"], "2026-01-05T01:00:00Z");
    assert_eq!((&outages[0]["healed"], &outages[1]["healed"]), (&true.into(), &false.into()));
    let actions = site["actions"].as_array().expect("actions");
    assert_eq!(actions[0]["outcome"], "recovered");
    assert!(actions.len() > 1 && actions[1..].iter().all(|done| done["outcome"] != "recovered"));
    let budgets = document["policies"][0]["budgets"].as_array().expect("budgets");
    assert!(!budgets.is_empty() && budgets.iter().all(|budget| budget["over"] == 0), "{budgets:?}");
}

#[test]
fn two_policies_are_compared_under_the_same_faults_and_luck_is_told_from_policy() {
    let bench = Bench::new();
    let quick = SETTINGS.replace("interval = \"30s\"", "interval = \"5s\"");
    let quick = bench.scratch.file("quick.toml", &quick, 0o644);
    let document = told(&bench.simulate(&["--compare", text(&quick), "--seeds", "6", "--json"]));
    let figures = document["comparison"]["figures"].as_array().expect("figures");
    let figure = |name: &str| {
        figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    };
    let found = figure("median until found");
    assert_eq!((&found["b_is"], &found["better_in"]), (&"better".into(), &6.into()), "{found}");
    assert!(found["difference"].as_f64().is_some_and(|seconds| seconds < -5.0), "{found}");
    assert_eq!(figure("outages")["b_is"], "neither");
    let seeds = document["policies"][1]["seeds"].as_array().expect("seeds");
    assert_eq!(seeds.iter().map(|seed| seed["seed"].as_u64().unwrap()).sum::<u64>(), 21);

    let same = told(&bench.simulate(&["--compare", text(&bench.settings), "--json"]));
    let same = same["comparison"]["figures"].as_array().expect("figures");
    assert!(!same.is_empty() && same.iter().all(|figure| figure["b_is"] == "neither"), "{same:?}");
    let table = bench.simulate(&["--compare", text(&quick)]);
    assert!(table.stdout.contains("B − A") && table.stdout.contains("--seeds 20"), "{table:?}");
}

#[test]
fn what_cannot_be_simulated_is_refused_with_its_place() {
    let bench = Bench::new();
    let refused = |code: i32, more: &[&str], words: &[&str]| {
        let finished = simulate(&bench.settings, more);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(code), ""), "{finished:?}");
        for word in words {
            assert!(finished.stderr.contains(word), "{word}: {}", finished.stderr);
        }
    };
    let file = |name: &str, text: &str| bench.scratch.file(name, text, 0o644);
    let unknown = file("unknown.toml", "[fault.x]\nkind = \"crsh\"\nevery = \"1d\"\n");
    refused(2, &["--faults", text(&unknown)], &["unknown.toml:2", "crsh", "crash"]);
    let negative = file("negative.toml", "[fault.x]\nkind = \"crash\"\nat = \"-5m\"\n");
    refused(2, &["--faults", text(&negative)], &["negative.toml:3", "-5m", "negative"]);
    let stranger =
        file("stranger.toml", "[fault.x]\nkind = \"crash\"\nevery = \"1d\"\ntargets = \"sote\"\n");
    refused(2, &["--faults", text(&stranger)], &["stranger.toml:4", "sote", "site"]);
    let wrong =
        file("wrong.toml", "[check.web]\nhttp = { url = \"http://[::1]/\" }\ntimeuot = \"5s\"\n");
    refused(2, &["--compare", text(&wrong)], &["wrong.toml:3", "timeout"]);
    refused(2, &["--faults", "/nowhere.toml"], &["cannot read /nowhere.toml"]);
    refused(2, &["--for", "0s"], &["above 0 and up to 3650d"]);
    refused(2, &["--for", "11y"], &["above 0 and up to 3650d"]);
    refused(2, &["--seeds", "0"], &["0 is not in 1..=1000"]);
    refused(2, &["--since", "1d"], &["--from-journal"]);
    refused(3, &["--from-journal", text(&bench.scratch.join("none"))], &["no history in"]);
    let page = bench.scratch.join("no-such-directory/page.html");
    refused(3, &["--for", "10m", "--html", text(&page)], &["cannot write the simulation to"]);
}

/// The endpoint: it takes connections for as long as it lives.
fn listen(port: u16) -> TcpListener {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut listener = None;
    until("the port is free", LONG, || {
        listener = TcpListener::bind(address).ok();
        listener.is_some()
    });
    listener.expect("it was bound")
}

#[test]
fn a_time_that_a_real_agent_recorded_is_played_again_under_other_settings() {
    let scratch = Scratch::new();
    let port = free_port();
    let check = |name: &str| {
        format!(
            "[check.{name}]\ntcp = {{ address = \"127.0.0.1:{port}\" }}\ntimeout = \"500ms\"\nretries = 0\n\
             interval = \"1s\"\nfailure_threshold = 2\nsuccess_threshold = 1\n"
        )
    };
    let endpoint = listen(port);
    let mut agent = Agent::start(&scratch, &check("web"));
    agent.await_check("web", "up", LONG);
    drop(endpoint);
    agent.await_check("web", "down", LONG);
    let endpoint = listen(port);
    agent.await_check("web", "up", LONG);
    drop(endpoint);
    let status = agent.status();
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);
    let state = scratch.join("state");
    let recovery = "[recovery.site]\nwhen = [\"web\"]\nsteps = [{ action = \"exec\", command = [\"/bin/true\"] }]\n\
                    stable_for = \"5s\"\n";
    let new = scratch.file("new.toml", &(check("web") + recovery), 0o644);
    let replay = |settings: &Path| simulate(settings, &["--from-journal", text(&state), "--json"]);
    let document = told(&replay(&new));
    assert_eq!(replay(&new).stdout, replay(&new).stdout, "the same history gives the same bytes");
    let outages =
        document["policies"][0]["targets"]["site"]["outages"].as_array().expect("outages");
    assert!(!outages.is_empty(), "{document}\n{status}");
    let struck = document["policies"][0]["summary"]["faults"]["web down, 1"]["struck"].as_u64();
    assert_eq!(struck, Some(1), "{document}");

    let strange = scratch.file("strange.toml", &check("wbe"), 0o644);
    let refused = replay(&strange);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("check `wbe`: did you mean `web`?"), "{}", refused.stderr);
}

#[test]
fn the_page_shows_what_was_so_what_was_seen_and_what_was_done_in_a_real_browser() {
    if !installed("chromium") || !installed("chromedriver") {
        return;
    }
    let bench = Bench::new();
    let few = SETTINGS.replace("3/1h", "1/6h");
    let few = bench.scratch.file("few.toml", &few, 0o644);
    let page = bench.scratch.join("page.html");
    let finished = bench.simulate(&["--compare", text(&few), "--html", text(&page)]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let browser = Browser::open(&bench.scratch, 1_100, "en");
    browser.load(&format!("file://{}", text(&page)));
    let shown = browser.document();
    for word in [
        "Under this seed B is",
        "A beside B",
        "site",
        "2 outages, 1 healed",
        "used up",
        "How to read this",
    ] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    for (part, count) in
        [("class=\"strip\"", 6), ("class=\"marks\"", 2), ("class=\"plot bars\"", 2)]
    {
        assert_eq!(shown.matches(part).count(), count, "{part}: {shown}");
    }
    assert!(shown.matches("class=\"v-bad\"").count() >= 4, "{shown}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    picture(&browser, "simulation.png");
}

#[test]
fn a_signal_ends_it_and_nothing_is_written() {
    let bench = Bench::new();
    let page = bench.scratch.join("page.html");
    let args =
        ["simulate", "--config", text(&bench.settings), "--for", "3650d", "--html", text(&page)];
    let log = bench.scratch.join("simulate.log");
    let program = find_bin("evenkeel");
    let mut daemon = Daemon::start("evenkeel", program, args, &log);
    // It takes minutes; the signals have their handler as soon as it has its threads.
    until("it plays", LONG, || threads(daemon.pid()) >= 3);
    daemon.signal(Signal::SIGINT);
    daemon.wait(Duration::from_secs(30));
    assert!(daemon.log().contains("stopped before anything was done"), "{}", daemon.log());
    assert!(!page.exists());
}

fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

//! Faults of processes, clocks and networks: how each is brought about, and how the world is looked at afterwards.

use std::fs;
use std::path::PathBuf;

use evenkeel_tests::{Chance, Samples, exists, get, signal_if};
use nix::sys::signal::Signal;

use crate::fault::Before;
use crate::peer::{Answer, is_good};
use crate::world::{OF_DAEMON, World, must, runs};

/// Signals a process of this world: each has the world's folder in its command or its environment.
fn signal(world: &World, pid: u32, signal: Signal) {
    let place = world.place();
    signal_if(pid, signal, |_| {
        ["cmdline", "environ"].iter().any(|file| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(&place)
        })
    });
}

pub(crate) fn number(number: impl Into<u64>) -> Before {
    Before { number: number.into(), words: Vec::new() }
}

/// The process that a worker noted when it was started last.
fn last_start(world: &World, name: &str) -> Option<u32> {
    let starts = fs::read_to_string(world.join(&format!("starts.{name}"))).ok()?;
    starts.lines().last()?.parse().ok()
}

pub(crate) fn worker(world: &World, name: &str, with: Signal) -> Before {
    let pid = last_start(world, name).unwrap_or_default();
    signal(world, pid, with);
    number(pid)
}

pub(crate) fn is_other_worker(world: &World, name: &str, before: &Before) -> bool {
    last_start(world, name).is_some_and(|pid| u64::from(pid) != before.number && runs(pid))
}

/// Supervisord's process, and those of its programs.
fn of_daemon(world: &World) -> Before {
    let words = OF_DAEMON.iter().filter_map(|name| last_start(world, name));
    let words = words.map(|pid| pid.to_string()).collect();
    Before { number: world.daemon_pid().unwrap_or_default().into(), words }
}

pub(crate) fn daemon(world: &World, with: Signal) -> Before {
    let before = of_daemon(world);
    signal(world, u32::try_from(before.number).unwrap_or_default(), with);
    before
}

/// The same supervisord runs, with the same programs, each of which runs.
pub(crate) fn same_daemon_runs(world: &World, before: &Before) -> bool {
    let now = of_daemon(world);
    let all_run = now.words.iter().all(|pid| pid.parse().is_ok_and(runs));
    (now.number, &now.words) == (before.number, &before.words)
        && all_run
        && runs(u32::try_from(now.number).unwrap_or_default())
}

pub(crate) fn same_daemon_answers(world: &World, before: &Before) -> bool {
    same_daemon_runs(world, before) && world.daemon.socket().exists()
}

/// Another supervisord runs, with one new copy of each program and none of the old ones.
pub(crate) fn new_daemon_runs(world: &World, before: &Before) -> bool {
    let now = of_daemon(world);
    let is_new = |name: &&str| match world.copies(name).as_slice() {
        [pid] => runs(*pid) && !before.words.contains(&pid.to_string()),
        _ => false,
    };
    now.number != before.number
        && runs(u32::try_from(now.number).unwrap_or_default())
        && OF_DAEMON.iter().all(is_new)
}

/// Another name of the socket, by which it can be brought back: only supervisord could make a new one.
fn second_name(world: &World) -> PathBuf {
    world.daemon.socket().with_extension("kept")
}

pub(crate) fn delete_socket(world: &World) -> Before {
    let _ = fs::hard_link(world.daemon.socket(), second_name(world));
    let _ = fs::remove_file(world.daemon.socket());
    of_daemon(world)
}

pub(crate) fn bring_socket_back(world: &World) {
    let _ = fs::rename(second_name(world), world.daemon.socket());
}

pub(crate) fn tmux_server(world: &World) -> Before {
    let pid = world.tmux(&["display-message", "-p", "#{pid}"]);
    let pid = pid.and_then(|pid| pid.parse().ok()).unwrap_or_default();
    signal(world, pid, Signal::SIGKILL);
    number(pid)
}

pub(crate) fn tmux_session(world: &World) -> Before {
    let before = pane(world);
    world.tmux(&["kill-session", "-t", "work"]);
    number(before.unwrap_or_default())
}

pub(crate) fn tmux_pane(world: &World) -> Before {
    let pid = pane(world).unwrap_or_default();
    signal(world, pid, Signal::SIGKILL);
    number(pid)
}

/// What runs in the pane, if it does.
fn pane(world: &World) -> Option<u32> {
    let said = world.tmux(&["list-panes", "-t", "work", "-F", "#{pane_dead} #{pane_pid}"])?;
    said.strip_prefix("0 ")?.parse().ok()
}

/// Another process runs in the pane.
pub(crate) fn tmux_is_well(world: &World, before: &Before) -> bool {
    pane(world).is_some_and(|pid| runs(pid) && u64::from(pid) != before.number)
}

pub(crate) fn jump(world: &World, chance: &mut Chance) -> Before {
    let seconds = 60 + chance.below(26 * 3600);
    let sign = if chance.below(2) == 0 { '-' } else { '+' };
    world.keeper.set_clock(&format!("{sign}{seconds}s"));
    Before { number: seconds, words: vec![sign.to_string()] }
}

pub(crate) fn young_is_there(world: &World, _: &Before) -> bool {
    (0..3).all(|number| world.join(&format!("young/{number}.tmp")).exists())
}

pub(crate) fn peer(world: &World, answer: Answer) -> Before {
    world.peer.answer(answer);
    Before::default()
}

pub(crate) fn peer_is_well(world: &World, _: &Before) -> bool {
    is_good(world.peer.address)
}

/// The run has a network of its own, in which it may filter packets.
pub(crate) fn has_packet_filter() -> bool {
    exists("nft")
}

pub(crate) fn filter(world: &World, verdict: &str) -> Before {
    let port = world.far.address.port();
    let rules = format!(
        "table inet chaos {{\nchain out {{\ntype filter hook output priority 0\ntcp dport {port} {verdict}\n}}\n}}\n"
    );
    let file = world.scratch.file("rules.nft", &rules, 0o600);
    must("nft", &["-f".as_ref(), file.as_os_str()]);
    Before::default()
}

pub(crate) fn no_filter() {
    must("nft", &["delete", "table", "inet", "chaos"].map(AsRef::as_ref));
}

pub(crate) fn far_is_up(world: &World, _: &Before) -> bool {
    let page = get(world.keeper.address, "/metrics");
    let up = |body: &str| Samples::parse(body).sum("evenkeel_check_up", &[("check", "far")]);
    page.is_ok_and(|page| up(&page.body) == Some(1.0))
}

pub(crate) fn kill_agent(world: &World) -> Before {
    let before = number(world.keeper.pid());
    world.keeper.kill();
    before
}

pub(crate) fn other_agent_answers(world: &World, before: &Before) -> bool {
    u64::from(world.keeper.pid()) != before.number && world.keeper.answers()
}

/// When settings were last taken into force, in milliseconds.
fn taken_at(world: &World) -> Option<u64> {
    let name = "evenkeel_agent_config_last_reload_success_timestamp_seconds";
    let page = get(world.keeper.address, "/metrics").ok()?;
    let seconds = Samples::parse(&page.body).sum(name, &[])?;
    format!("{:.0}", seconds * 1000.0).parse().ok()
}

pub(crate) fn reload(world: &World) -> Before {
    let before = taken_at(world);
    let text = fs::read_to_string(world.keeper.config()).unwrap_or_default();
    let next = world.join("settings.next");
    let _ = fs::write(&next, text + "# again\n");
    let _ = fs::rename(&next, world.keeper.config());
    world.keeper.signal(Signal::SIGHUP);
    number(before.unwrap_or_default())
}

pub(crate) fn reloaded(world: &World, before: &Before) -> bool {
    taken_at(world).is_some_and(|at| at != before.number)
}

pub(crate) fn unit(world: &World, name: &str) -> Before {
    let Some(unit) = &world.unit else { return Before::default() };
    let words = unit.invocation().into_iter().collect();
    unit.signal(name);
    Before { number: 0, words }
}

pub(crate) fn is_other_run(world: &World, before: &Before) -> bool {
    let run = world.unit.as_ref().and_then(crate::unit::Unit::invocation);
    run.is_some_and(|run| !before.words.contains(&run))
}

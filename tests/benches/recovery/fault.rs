//! The faults, and what each tool is told to do about them: the same limits, the same cycle of 5 s, the same restart.

use nix::sys::signal::Signal;

use crate::stage::{Stage, is_alive, rss_bytes, signal, touch};

/// The workers of the stage of left-overs.
const WORKERS: [&str; 2] = ["one", "two"];
/// What a program of the stage of leaks may hold.
const LIMIT: u64 = 60 << 20;

/// A fault, how it is brought about, and what heals it.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) set_up: fn(&mut Stage),
    /// Brings the fault about; returns what was there before.
    pub(crate) inject: fn(&mut Stage) -> u32,
    /// Whether all is well again, given what was there before.
    pub(crate) is_well: fn(&Stage, u32) -> bool,
    /// Settings of evenkeel; `PLACE` and `PORT` stand for those of the stage.
    pub(crate) evenkeel: &'static str,
    /// Lines of Monit.
    pub(crate) monit: &'static str,
    /// A figure that only this fault has: what it is, and its value when all is quiet again.
    pub(crate) after: Option<Figure>,
}

/// What is counted, and how.
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) count: fn(&Stage) -> usize,
}

const SUPERVISORCTL: &str = "/usr/bin/supervisorctl -c PLACE/supervisor/supervisord.conf";

/// `CONTROL` in Monit's lines.
pub(crate) fn with_control(text: &str) -> String {
    text.replace("CONTROL", SUPERVISORCTL)
}

pub(crate) const FAULTS: [Fault; 6] = [
    Fault {
        name: "killed",
        what: "a program is killed (SIGKILL; supervisord does not restart it by itself)",
        set_up: |stage| stage.workers(&["worker"]),
        inject: |stage| kill_program(stage, "worker", Signal::SIGKILL),
        is_well: |stage, before| {
            stage.pid("worker").is_some_and(|pid| pid != before && is_alive(pid))
        },
        evenkeel: r#"
[check.worker]
supervisor = { url = "unix://PLACE/supervisor/s.sock", programs = ["worker"] }
interval = "5s"
timeout = "2s"
[recovery.worker]
when = ["worker"]
steps = [{ action = "supervisor.restart-program" }]
"#,
        monit: "check process worker with pidfile PLACE/worker.pid
  start program = \"CONTROL start worker\" with timeout 10 seconds
  stop program = \"CONTROL stop worker\"
  if does not exist then restart
  if 3 restarts within 20 cycles then unmonitor
",
        after: None,
    },
    Fault {
        name: "frozen",
        what: "a program is frozen (SIGSTOP); its endpoint must answer within 1 s, two failures in a row count",
        set_up: Stage::server,
        inject: |stage| kill_program(stage, "web", Signal::SIGSTOP),
        is_well: |stage, before| stage.pid("web") != Some(before) && stage.answers(),
        evenkeel: ENDPOINT,
        monit: ENDPOINT_OF_MONIT,
        after: None,
    },
    Fault {
        name: "hung",
        what: "an endpoint accepts and never answers; it must within 1 s, two failures in a row count",
        set_up: Stage::server,
        inject: |stage| {
            touch(&stage.join("hang"));
            stage.pid("web").unwrap_or_default()
        },
        is_well: |stage, before| stage.pid("web") != Some(before) && stage.answers(),
        evenkeel: ENDPOINT,
        monit: ENDPOINT_OF_MONIT,
        after: None,
    },
    Fault {
        name: "leak",
        what: "a program takes 100 MB, allowed are 60 MB; two looks in a row count",
        set_up: Stage::eater,
        inject: |stage| {
            touch(&stage.join("leak"));
            stage.pid("eater").unwrap_or_default()
        },
        is_well: |stage, before| {
            let fresh = stage.pid("eater").filter(|pid| *pid != before);
            fresh.is_some_and(|pid| is_alive(pid) && rss_bytes(pid) < LIMIT)
        },
        evenkeel: r#"
[check.eater]
supervisor = { url = "unix://PLACE/supervisor/s.sock", programs = ["eater"] }
conditions = [{ field = "rss_bytes", above = "60MiB", for = "4s" }]
interval = "5s"
timeout = "2s"
[recovery.eater]
when = ["eater"]
steps = [{ action = "supervisor.restart-program" }]
"#,
        monit: "check process eater with pidfile PLACE/eater.pid
  start program = \"CONTROL start eater\" with timeout 10 seconds
  stop program = \"CONTROL stop eater\"
  if memory > 60 MB for 2 cycles then restart
  if 3 restarts within 20 cycles then unmonitor
",
        after: None,
    },
    Fault {
        name: "left-overs",
        what: "supervisord is killed (SIGKILL) and its two workers live on; it is started anew, and starts them",
        set_up: |stage| stage.workers(&WORKERS),
        inject: Stage::kill_supervisord,
        is_well: |stage, _| {
            !stage.processes("supervisor/again.conf").is_empty()
                && stage.starts() >= 2 * WORKERS.len()
        },
        evenkeel: r#"
[check.supervisord]
supervisor = { url = "unix://PLACE/supervisor/s.sock", programs = ["*"] }
interval = "5s"
timeout = "2s"
[recovery.supervisord]
when = ["supervisord"]
steps = [{ action = "exec", command = ["/usr/bin/supervisord", "-c", "PLACE/supervisor/again.conf"], end_left_overs = true, url = "unix://PLACE/supervisor/s.sock" }]
"#,
        monit: "check process supervisord with pidfile PLACE/supervisor/s.pid
  start program = \"/usr/bin/supervisord -c PLACE/supervisor/again.conf\" with timeout 10 seconds
  stop program = \"CONTROL shutdown\"
  if does not exist then restart
  if 3 restarts within 20 cycles then unmonitor
",
        after: Some(Figure {
            what: "workers running, of 2",
            count: |stage| stage.copies(&WORKERS),
        }),
    },
    Fault {
        name: "tmux",
        what: "a tmux server is killed (SIGKILL); two failures of `tmux has-session` in a row count",
        set_up: Stage::tmux,
        inject: |stage| {
            let pid = stage.tmux_pid();
            signal(pid, Signal::SIGKILL);
            pid
        },
        is_well: |stage, _| stage.tmux_says(&["has-session", "-t", "work"]).is_some(),
        evenkeel: r#"
[check.tmux]
exec = { command = ["/usr/bin/tmux", "-S", "PLACE/tmux.sock", "has-session", "-t", "work"] }
interval = "5s"
timeout = "2s"
failure_threshold = { failures = 2, within = 2 }
success_threshold = 1
[recovery.tmux]
when = ["tmux"]
steps = [{ action = "exec", command = ["PLACE/start-tmux"] }]
"#,
        monit: "check program tmux with path \"/usr/bin/tmux -S PLACE/tmux.sock has-session -t work\" timeout 2 seconds
  if status != 0 for 2 cycles then exec \"PLACE/start-tmux\"
",
        after: None,
    },
];

const ENDPOINT: &str = r#"
[check.web]
http = { url = "http://127.0.0.1:PORT/" }
interval = "5s"
timeout = "1s"
failure_threshold = { failures = 2, within = 2 }
success_threshold = 1
[recovery.web]
when = ["web"]
steps = [{ action = "supervisor.restart-program", program = "web", url = "unix://PLACE/supervisor/s.sock" }]
"#;

const ENDPOINT_OF_MONIT: &str = "check process web with pidfile PLACE/web.pid
  start program = \"CONTROL start web\" with timeout 10 seconds
  stop program = \"CONTROL stop web\"
  if failed host 127.0.0.1 port PORT protocol http request \"/\" with timeout 1 seconds for 2 cycles then restart
  if 3 restarts within 20 cycles then unmonitor
";

fn kill_program(stage: &Stage, name: &str, with: Signal) -> u32 {
    let pid = stage.pid(name).expect("it was started");
    signal(pid, with);
    pid
}

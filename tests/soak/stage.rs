//! The host that is kept: peers, files, logs, a worker of supervisord.

use std::fmt::Write as _;
use std::path::PathBuf;

use evenkeel_tests::{Program, Scratch, Supervisord, exists, free_port};

use crate::peer::Peers;

/// Files whose permissions are kept.
pub(crate) const FILES: u64 = 1000;
/// HTTP checks.
const CHECKS: u32 = 10;

/// Everything that the agent looks at; it ends with this.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) scratch: Scratch,
    pub(crate) port: u16,
    /// Two settings that are both right, and differ by a check, a rule and thresholds.
    pub(crate) settings: [String; 2],
    supervisord: Option<Supervisord>,
}

impl Stage {
    pub(crate) fn new(rate: u32, peers: &Peers) -> Self {
        let scratch = Scratch::new();
        for folder in ["kept", "logs", "litter"] {
            scratch.folder(folder, 0o755);
        }
        for number in 0..FILES {
            scratch.file(&format!("kept/{number:04}.hash"), "x", 0o644);
        }
        let supervisord = exists("supervisord").then(|| {
            let pid_file = scratch.join("worker.pid");
            let script = format!("echo $$ > '{}'; exec sleep 100000", pid_file.display());
            let supervisord = Supervisord::start(&scratch, &[Program::new("worker", &script)]);
            supervisord.await_running("worker");
            supervisord
        });
        let port = free_port();
        let settings = [0, 1].map(|variant| {
            let socket = supervisord.as_ref().map(Supervisord::socket);
            let mut text = agent(&scratch, port);
            checks(&mut text, rate, peers, variant);
            files(&mut text, rate, &scratch, variant);
            if let Some(socket) = socket {
                worker(&mut text, rate, &socket.display().to_string());
            }
            text
        });
        Self { scratch, port, settings, supervisord }
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// The file with the worker's process number, and its parent, where there is a worker.
    pub(crate) fn worker(&self) -> Option<(PathBuf, u32)> {
        let supervisord = self.supervisord.as_ref()?;
        Some((self.join("worker.pid"), supervisord.daemon.pid()))
    }
}

fn agent(scratch: &Scratch, port: u16) -> String {
    let place = scratch.path().display();
    format!(
        "[agent]\nstate_dir = \"{place}/state\"\nlisten = \"127.0.0.1:{port}\"\nsocket = \"{place}/evenkeel.sock\"\n\
         grace = \"0s\"\nstorm = false\n"
    )
}

/// What an ordinary host does every 5 s; some checks with a breaker, some with a recovery, which does nothing but be run.
fn checks(text: &mut String, rate: u32, peers: &Peers, variant: u32) {
    let interval = 5_000 / rate;
    let timeout = (interval * 4 / 5).max(2);
    for number in 0..CHECKS + variant {
        let breaker = match number % 3 {
            0 => {
                "breaker = { error_threshold = 50, request_volume_threshold = 10, reset_timeout = \"2s\" }\n"
            }
            _ => "",
        };
        put(
            text,
            format_args!(
                "\n[check.web{number}]\nhttp = {{ url = \"http://{}/{number}\" }}\ninterval = \"{interval}ms\"\n\
             timeout = \"{timeout}ms\"\nfailure_threshold = {{ failures = {}, within = 5 }}\n{breaker}",
                peers.address,
                3 + variant
            ),
        );
    }
    for number in 0..4 {
        put(
            text,
            format_args!(
                "\n[recovery.web{number}]\nwhen = [\"web{number}\"]\nsteps = [{{ action = \"exec\", command = [\"/bin/true\"] }}]\n\
             backoff = {{ initial = \"100ms\", multiplier = 2, max = \"1s\", jitter = 0.1 }}\n\
             budget = {{ per_target = \"200/1h\", per_group = \"200/1h\", per_host = \"600/1h\" }}\nverify_timeout = \"2s\"\nstable_for = \"1s\"\n"
            ),
        );
    }
    put(
        text,
        format_args!(
            "\n[slo.web]\nchecks = [\"web0\", \"web1\"]\nobjective = 0.9\nwindow = \"1d\"\n"
        ),
    );
}

fn files(text: &mut String, rate: u32, scratch: &Scratch, variant: u32) {
    let place = scratch.path().display();
    let sweep = 5_000 / rate * 10;
    let clean = 60_000 / rate;
    put(
        text,
        format_args!(
            "\n[permissions.kept]\npath = \"{place}/kept\"\ndirectory_mode = \"0755\"\n\
         files = [{{ match = \"*.hash\", mode = \"064{}\" }}]\nwatch = true\ninterval = \"{sweep}ms\"\n\
         \n[cleanup.logs]\npath = \"{place}/logs\"\nmatch = [\"*.log\"]\nlarger_than = \"1MiB\"\naction = \"truncate\"\n\
         keep_tail = \"64KiB\"\ninterval = \"{clean}ms\"\n\
         \n[cleanup.litter]\npath = \"{place}/litter\"\nmatch = [\"*.tmp\"]\nmax_count = 50\naction = \"delete\"\n\
         interval = \"{clean}ms\"\n\
         \n[check.disk]\ndisk = {{ path = \"{place}\" }}\nconditions = [{{ field = \"used_percent\", above = 99.9 }}]\n\
         interval = \"{sweep}ms\"\ntimeout = \"{}ms\"\n\
         \n[check.exec]\nexec = {{ command = [\"/bin/true\"] }}\ninterval = \"{clean}ms\"\ntimeout = \"{}ms\"\n",
            if variant == 0 { '4' } else { '0' },
            sweep * 4 / 5,
            clean * 4 / 5
        ),
    );
}

fn worker(text: &mut String, rate: u32, socket: &str) {
    let interval = 50_000 / rate;
    put(
        text,
        format_args!(
            "\n[check.worker]\nsupervisor = {{ url = \"unix://{socket}\", programs = [\"*\"] }}\ninterval = \"{interval}ms\"\n\
         timeout = \"{}ms\"\n\
         \n[recovery.worker]\nwhen = [\"worker\"]\nsteps = [{{ action = \"supervisor.restart-program\" }}]\n\
         backoff = {{ initial = \"100ms\", multiplier = 2, max = \"1s\", jitter = 0.1 }}\n\
         budget = {{ per_target = \"1000/1h\", per_group = \"1000/1h\", per_host = \"10000/1h\" }}\nverify_timeout = \"5s\"\nstable_for = \"1s\"\n",
            interval * 4 / 5
        ),
    );
}

fn put(text: &mut String, lines: std::fmt::Arguments<'_>) {
    text.write_fmt(lines).expect("a string takes everything");
}

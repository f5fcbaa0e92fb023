//! Who does the job: evenkeel, Monit, supervisord with superlance, and Prometheus with its exporters.

use std::fmt::Write as _;
use std::path::Path;

use evenkeel_tests::{
    Agent, Daemon, Job, LONG, Program, Supervisord, free_port, get, installed, until,
};

use crate::group::Group;

pub(crate) const MONIT: &str = "monit";
pub(crate) const PROMETHEUS: [&str; 3] =
    ["prometheus", "prometheus-blackbox-exporter", "prometheus-process-exporter"];

/// One that runs. Everything of it ends with this, before its group.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    _runs: Runs,
    pub(crate) group: Group,
}

enum Runs {
    Agent(#[expect(dead_code, reason = "ends when it is dropped")] Box<Agent>),
    Daemons(#[expect(dead_code, reason = "end when they are dropped")] Vec<Daemon>),
    Supervisord(#[expect(dead_code, reason = "ends when it is dropped")] Box<Supervisord>),
}

impl Contender {
    /// With the status page, the journal, and a watch on the directory besides the sweeps, as it is installed.
    pub(crate) fn evenkeel(job: &Job<'_>) -> Self {
        let name = "evenkeel";
        let group = Group::new(name);
        let agent = group.with(|| Agent::start(job.scratch, &job.settings(name)));
        until("all is up", LONG, || {
            let checks = agent.status()["checks"].as_array().cloned().unwrap_or_default();
            !checks.is_empty() && checks.iter().all(|check| check["state"] == "up")
        });
        Self { name, _runs: Runs::Agent(Box::new(agent)), group }
    }

    /// With its page. `Err`: why it is not measured.
    pub(crate) fn monit(job: &Job<'_>) -> Result<Self, String> {
        if !installed("monit") {
            return Err("monit is not installed".to_owned());
        }
        let place = job.scratch.folder(MONIT, 0o700);
        let (place, page) = (place.display(), free_port());
        let mut text = format!(
            "set daemon {}\nset log {place}/log\nset pidfile {place}/pid\nset idfile {place}/id\nset statefile {place}/state\n\
             set httpd port {page} and use address 127.0.0.1 allow localhost\n",
            Job::EVERY.as_secs()
        );
        let port = job.port();
        text += &job.lines(
            |number| {
                let path = Job::path(MONIT, number);
                format!(
                    "check host http-{number} with address 127.0.0.1\n  if failed port {port} protocol http request \"{path}\" with timeout 3 seconds then alert"
                )
            },
            |number| {
                let file = job.pid_file(number);
                format!(
                    "check process process-{number} with pidfile {}\n  if memory > 60 MB for 2 cycles then alert",
                    file.display()
                )
            },
            |file| {
                let name = file.file_name().unwrap_or_default().display();
                format!(
                    "check file {name} with path {path}\n  if failed permission 644 then exec \"/bin/chmod 644 {path}\"",
                    path = file.display()
                )
            },
        );
        let conf = job.scratch.file("monit/monitrc", &text, 0o600);
        let group = Group::new(MONIT);
        let args = ["-I".as_ref(), "-c".as_ref(), conf.as_os_str()];
        let log = job.scratch.join("monit/out");
        let daemon = group.with(|| Daemon::start(MONIT, MONIT, args, &log));
        until("Monit asks", LONG, || job.asked(MONIT) >= job.each);
        Ok(Self { name: MONIT, _runs: Runs::Daemons(vec![daemon]), group })
    }

    /// With one `httpok` for each endpoint and `memmon` for the processes; nothing of it looks at files. `Err`: why it is not measured.
    pub(crate) fn superlance(job: &Job<'_>, folder: Option<&Path>) -> Result<Self, String> {
        let name = "superlance";
        let command = |program: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let mut folders: Vec<_> = folder.map(Path::to_owned).into_iter().collect();
            folders.extend(std::env::split_paths(&path));
            folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
        };
        let (Some(memmon), Some(httpok)) = (command("memmon"), command("httpok")) else {
            return Err("superlance is not installed (pip install superlance in a venv, then --superlance DIR)".to_owned());
        };
        let programs: Vec<_> =
            (0..job.each).map(|number| Program::idle(&format!("p{number}"))).collect();
        let mut more = format!(
            "[eventlistener:memmon]\ncommand={} -a 60MB\nevents=TICK_5\nbuffer_size=100\n",
            memmon.display()
        );
        for number in 0..job.each {
            write!(
                more,
                "[eventlistener:httpok{number}]\ncommand={} -p p{number} -t 3 {}\nevents=TICK_5\nbuffer_size=100\n",
                httpok.display(),
                job.url(name, number)
            )
            .expect("a string takes everything");
        }
        let group = Group::new(name);
        let further = 1 + usize::try_from(job.each).unwrap_or_default();
        let supervisord =
            group.with(|| Supervisord::start_with(job.scratch, &programs, &more, further));
        until("httpok asks", LONG, || job.asked(name) >= job.each);
        Ok(Self { name, _runs: Runs::Supervisord(Box::new(supervisord)), group })
    }

    /// Prometheus, `blackbox_exporter` for the endpoints, process-exporter for the processes; nothing of it looks at files. `Err`: why it is
    /// not measured.
    pub(crate) fn prometheus(job: &Job<'_>) -> Result<Self, String> {
        let name = "prometheus";
        if let Some(missing) = PROMETHEUS.iter().find(|program| !installed(program)) {
            return Err(format!("{missing} is not installed"));
        }
        let [page, blackbox, processes] = [(); 3].map(|()| free_port());
        let targets: Vec<_> =
            (0..job.each).map(|number| format!("\"{}\"", job.url(name, number))).collect();
        let place = job.scratch.folder("prometheus", 0o700);
        let write = |file: &str, text: &str| {
            job.scratch.file(&format!("prometheus/{file}"), text, 0o600).display().to_string()
        };
        let every = Job::EVERY.as_secs();
        let conf = write(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: {every}s, evaluation_interval: {every}s}}\nscrape_configs:\n\
                 - job_name: blackbox\n  metrics_path: /probe\n  params: {{module: [http_2xx]}}\n  static_configs: [{{targets: [{targets}]}}]\n\
                 \x20 relabel_configs:\n  - {{source_labels: [__address__], target_label: __param_target}}\n\
                 \x20 - {{target_label: __address__, replacement: '127.0.0.1:{blackbox}'}}\n\
                 - job_name: processes\n  static_configs: [{{targets: ['127.0.0.1:{processes}']}}]\n",
                targets = targets.join(", ")
            ),
        );
        let modules = write(
            "blackbox.yml",
            "modules: {http_2xx: {prober: http, timeout: 3s, http: {preferred_ip_protocol: ip4}}}\n",
        );
        let names = write("processes.yml", "process_names:\n- comm: [sleep]\n");
        let commands = [
            (
                PROMETHEUS[1],
                vec![
                    format!("--config.file={modules}"),
                    format!("--web.listen-address=127.0.0.1:{blackbox}"),
                ],
            ),
            (
                PROMETHEUS[2],
                vec![
                    "-config.path".to_owned(),
                    names,
                    format!("-web.listen-address=127.0.0.1:{processes}"),
                ],
            ),
            (
                PROMETHEUS[0],
                vec![
                    format!("--config.file={conf}"),
                    format!("--storage.tsdb.path={}/data", place.display()),
                    format!("--web.listen-address=127.0.0.1:{page}"),
                ],
            ),
        ];
        let group = Group::new(name);
        let start = |(program, args): (&'static str, Vec<String>)| {
            Daemon::start(program, program, args, &place.join(format!("{program}.log")))
        };
        let daemons = group.with(|| commands.map(start).into_iter().collect());
        until("Prometheus is ready", LONG, || {
            get(([127, 0, 0, 1], page).into(), "/-/ready").is_ok_and(|answer| answer.status == 200)
        });
        until("blackbox_exporter asks", LONG, || job.asked(name) >= job.each);
        Ok(Self { name, _runs: Runs::Daemons(daemons), group })
    }
}

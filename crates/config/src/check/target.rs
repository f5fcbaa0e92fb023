//! What a check measures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel_probe::{
    ExecTarget, FileTarget, ProcessTarget, ProgramGlob, SupervisorTarget, Target,
};

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;

/// How a supervisor's URL begins: XML-RPC over a Unix socket.
const UNIX_URL: &str = "unix://";

impl Checker {
    pub(super) fn target(
        &mut self,
        rule: &Key,
        kind: &str,
        raw: &raw::Check,
        rules: &BTreeMap<String, raw::Check>,
    ) -> Option<Target> {
        let table = rule.child(kind);
        let timeout = raw.timeout.map(|timeout| timeout.0);
        match kind {
            "http" => self.http(&table, raw.http.as_ref()?, timeout).map(Target::Http),
            "tcp" => self.tcp(&table, raw.tcp.as_ref()?, timeout).map(Target::Tcp),
            "dns" => self.dns(&table, raw.dns.as_ref()?).map(Target::Dns),
            "unix" => self.unix(&table, raw.unix.as_ref()?).map(Target::Unix),
            "exec" => {
                let command = self.need(
                    &table,
                    "command",
                    raw.exec.as_ref()?.command.as_ref(),
                    "command = [\"true\"]",
                )?;
                let command = self.command(&table.child("command"), command)?;
                Some(Target::Exec(ExecTarget::new(command)))
            }
            "process" => self.process(&table, raw.process.as_ref()?, rules).map(Target::Process),
            "supervisor" => {
                self.supervisor(&table, raw.supervisor.as_ref()?).map(Target::Supervisor)
            }
            "tmux" => self.tmux(&table, raw.tmux.as_ref()?).map(Target::Tmux),
            "systemd" => self.systemd(&table, raw.systemd.as_ref()?).map(Target::Systemd),
            _ => {
                let path = self.need(
                    &table,
                    "path",
                    raw.file.as_ref()?.path.as_ref(),
                    "path = \"/run/app.ready\"",
                )?;
                let path = self.absolute(&table.child("path"), path)?;
                Some(Target::File(FileTarget { path }))
            }
        }
    }

    fn process(
        &mut self,
        table: &Key,
        raw: &raw::Process,
        rules: &BTreeMap<String, raw::Check>,
    ) -> Option<ProcessTarget> {
        let choices = [
            ("supervisor_daemon", raw.supervisor_daemon == Some(true)),
            ("pidfile", raw.pidfile.is_some()),
            ("name", raw.name.is_some()),
        ];
        let chosen: Vec<_> =
            choices.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        let [chosen] = chosen.as_slice() else {
            let problem = Problem::new(format!("`{table}` must say in one way which process is meant"))
                .key_is(table)
                .at(self.tree.place_of_value(table))
                .label(if chosen.is_empty() { "in no way".to_owned() } else { format!("in {} ways: {}", chosen.len(), chosen.join(", ")) })
                .help("accepted: supervisor_daemon = true, or pidfile = \"/run/app.pid\", or name = \"app\" with or without user = \"app\"");
            self.tree.add(table, problem);
            return None;
        };
        let with = match *chosen {
            "supervisor_daemon" => "url",
            "name" => "user",
            _ => "",
        };
        for (stray, given) in [("url", raw.url.is_some()), ("user", raw.user.is_some())] {
            if given && stray != with {
                let key = table.child(stray);
                self.refuse(
                    &key,
                    format!("`{key}` does not belong to `{chosen}`"),
                    "of no use here",
                );
            }
        }
        match *chosen {
            "supervisor_daemon" => {
                let socket = match &raw.url {
                    Some(url) => self.supervisor_socket(&table.child("url"), url),
                    None => self.the_supervisor(table, rules),
                };
                Some(ProcessTarget::SupervisorDaemon { socket: socket? })
            }
            "pidfile" => {
                let path = self.absolute(&table.child("pidfile"), raw.pidfile.clone()?)?;
                Some(ProcessTarget::Pidfile(path))
            }
            _ => {
                let name = raw.name.clone().filter(|name| !name.is_empty() && !name.contains('/'));
                if name.is_none() {
                    let accepted = "the name of a program without its directory, such as `nginx`";
                    self.refuse_policy(
                        &table.child("name"),
                        raw.name.as_deref()?,
                        "no process is called so",
                        accepted,
                    );
                }
                Some(ProcessTarget::Name { name: name?, user: raw.user.clone() })
            }
        }
    }

    /// The socket of the only supervisor that the settings speak of.
    fn the_supervisor(
        &mut self,
        table: &Key,
        rules: &BTreeMap<String, raw::Check>,
    ) -> Option<PathBuf> {
        let mut sockets: Vec<_> = rules
            .iter()
            .filter_map(|(name, check)| Some((name, check.supervisor.as_ref()?.url.as_ref()?)))
            .collect();
        sockets.sort_by_key(|(_, url)| *url);
        sockets.dedup_by_key(|(_, url)| *url);
        if let [(name, url)] = sockets.as_slice() {
            return self
                .supervisor_socket(&Key::of(&["check"]).named(name).child("supervisor.url"), url);
        }
        let names: Vec<_> = sockets.iter().map(|(name, _)| format!("`{name}`")).collect();
        let label = if names.is_empty() {
            "there is no supervisor check".to_owned()
        } else {
            format!("there are several supervisor checks: {}", names.join(", "))
        };
        let problem = Problem::new(format!("`{table}` does not say which supervisor is meant"))
            .key_is(table.child("url"))
            .at(self.tree.place_of_value(table))
            .label(label)
            .help(
                "such as: { supervisor_daemon = true, url = \"unix:///var/run/supervisor.sock\" }",
            );
        self.tree.add(&table.child("url"), problem);
        None
    }

    fn supervisor(&mut self, table: &Key, raw: &raw::Supervisor) -> Option<SupervisorTarget> {
        let url =
            self.need(table, "url", raw.url.as_ref(), "url = \"unix:///var/run/supervisor.sock\"");
        let programs = self.need(table, "programs", raw.programs.as_ref(), "programs = [\"*\"]");
        let socket = url.and_then(|url| self.supervisor_socket(&table.child("url"), &url));
        let mut globs = Vec::new();
        for (index, program) in programs.as_ref()?.0.iter().enumerate() {
            match ProgramGlob::try_new(program) {
                Ok(glob) => globs.push(glob),
                Err(error) => {
                    let key = table.child("programs").item(index);
                    let accepted =
                        "accepted: the name of a program, or a glob such as \"worker-*\"";
                    self.refuse_with(
                        &key,
                        format!("`{key}` names no program"),
                        error.to_string(),
                        &[accepted],
                    );
                }
            }
        }
        let whole = globs.len() == programs?.0.len();
        let judge_states = raw.judge_states.unwrap_or(true);
        whole.then_some(SupervisorTarget { judge_states, ..SupervisorTarget::new(socket?, globs) })
    }

    pub(super) fn supervisor_socket(&mut self, key: &Key, url: &str) -> Option<PathBuf> {
        let path = url.strip_prefix(UNIX_URL).map(PathBuf::from).filter(|path| path.is_absolute());
        if path.is_none() {
            let accepted = "the URL of a Unix socket, such as `unix:///var/run/supervisor.sock`";
            self.refuse_policy(key, url, "supervisord is asked over its Unix socket", accepted);
        }
        path
    }

    pub(super) fn absolute(&mut self, key: &Key, path: PathBuf) -> Option<PathBuf> {
        if path.is_absolute() {
            return Some(path);
        }
        let given = Path::new(&path).display().to_string();
        self.refuse_policy(key, &given, "not an absolute path", "a path from `/` on");
        None
    }
}

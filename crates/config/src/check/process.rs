//! How a process, and a supervisor with its programs, are named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use evenkeel_probe::{ProcessSelector, ProcessTarget, ProgramGlob, SupervisorTarget};

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;

/// How a supervisor's URL begins: XML-RPC over a Unix socket.
const UNIX_URL: &str = "unix://";
const WAYS: &str = "accepted: one of pidfile = \"/run/app.pid\", name = \"app\" with or without user = \"app\", unit = \"app.service\", program = \"app\", cgroup = \"/system.slice/app.service\", supervisor_daemon = true";

impl Checker {
    pub(super) fn process(
        &mut self,
        table: &Key,
        raw: &raw::Process,
        rules: &BTreeMap<String, raw::Check>,
    ) -> Option<ProcessTarget> {
        let choices = [
            ("supervisor_daemon", raw.supervisor_daemon == Some(true)),
            ("pidfile", raw.pidfile.is_some()),
            ("name", raw.name.is_some()),
            ("unit", raw.unit.is_some()),
            ("program", raw.program.is_some()),
            ("cgroup", raw.cgroup.is_some()),
        ];
        let chosen: Vec<_> =
            choices.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        let [chosen] = chosen.as_slice() else {
            let problem =
                Problem::new(format!("`{table}` must say in one way which process is meant"))
                    .key_is(table)
                    .at(self.tree.place_of_value(table))
                    .label(if chosen.is_empty() {
                        "in no way".to_owned()
                    } else {
                        format!("in {} ways: {}", chosen.len(), chosen.join(", "))
                    })
                    .help(WAYS);
            self.tree.add(table, problem);
            return None;
        };
        let with = match *chosen {
            "supervisor_daemon" | "program" => "url",
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
        let selector = self.selector(table, chosen, raw, rules)?;
        Some(ProcessTarget { tree: raw.tree.unwrap_or(false), ..ProcessTarget::new(selector) })
    }

    fn selector(
        &mut self,
        table: &Key,
        chosen: &str,
        raw: &raw::Process,
        rules: &BTreeMap<String, raw::Check>,
    ) -> Option<ProcessSelector> {
        let mut socket = || match &raw.url {
            Some(url) => self.supervisor_socket(&table.child("url"), url),
            None => self.the_supervisor(table, rules),
        };
        match chosen {
            "supervisor_daemon" => Some(ProcessSelector::SupervisorDaemon { socket: socket()? }),
            "program" => {
                let socket = socket();
                let program = raw.program.clone()?;
                let glob = ProgramGlob::try_new(&program);
                if glob.is_ok_and(|glob| glob.exact_name().is_some()) {
                    return Some(ProcessSelector::Program { socket: socket?, program });
                }
                let accepted = "the name of one program, such as `web` or `workers:worker_01`";
                self.refuse_policy(
                    &table.child("program"),
                    &program,
                    "one process is looked at, and not a pattern",
                    accepted,
                );
                None
            }
            "pidfile" => {
                let path = self.absolute(&table.child("pidfile"), raw.pidfile.clone()?)?;
                Some(ProcessSelector::Pidfile(path))
            }
            "cgroup" => {
                let path = self.absolute(&table.child("cgroup"), raw.cgroup.clone()?)?;
                Some(ProcessSelector::Cgroup(path))
            }
            "unit" => self.process_unit(&table.child("unit"), raw.unit.as_deref()?),
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
                Some(ProcessSelector::Name { name: name?, user: raw.user.clone() })
            }
        }
    }

    fn process_unit(&mut self, key: &Key, unit: &str) -> Option<ProcessSelector> {
        let fits = !unit.is_empty() && unit.len() < 256 && !unit.contains(['/', '\0', '*', '?']);
        if !fits {
            let accepted = "the name of a unit, such as `app.service`";
            self.refuse_policy(key, unit, "no unit is called so", accepted);
            return None;
        }
        // As systemctl takes it.
        let has_kind = ProcessSelector::UNIT_KINDS.iter().any(|kind| unit.ends_with(kind));
        let unit = if has_kind { unit.to_owned() } else { format!("{unit}.service") };
        Some(ProcessSelector::Unit(unit))
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

    pub(super) fn supervisor(
        &mut self,
        table: &Key,
        raw: &raw::Supervisor,
    ) -> Option<SupervisorTarget> {
        let url =
            self.need(table, "url", raw.url.as_ref(), "url = \"unix:///var/run/supervisor.sock\"");
        let programs = self.need(table, "programs", raw.programs.as_ref(), "programs = [\"*\"]");
        let socket = url.and_then(|url| self.supervisor_socket(&table.child("url"), &url));
        let globs = programs.and_then(|programs| self.globs(&table.child("programs"), &programs.0));
        let except = raw.except.as_ref().map(|except| except.0.as_slice()).unwrap_or_default();
        let except = self.globs(&table.child("except"), except)?;
        let judge_states = raw.judge_states.unwrap_or(true);
        let target = SupervisorTarget::new(socket?, globs?);
        Some(SupervisorTarget { except, judge_states, ..target })
    }

    /// The globs, all of them good; else `None`.
    fn globs(&mut self, key: &Key, given: &[String]) -> Option<Vec<ProgramGlob>> {
        let mut globs = Vec::new();
        for (index, program) in given.iter().enumerate() {
            match ProgramGlob::try_new(program) {
                Ok(glob) => globs.push(glob),
                Err(error) => {
                    let key = key.item(index);
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
        (globs.len() == given.len()).then_some(globs)
    }

    pub(super) fn supervisor_socket(&mut self, key: &Key, url: &str) -> Option<PathBuf> {
        let path = url.strip_prefix(UNIX_URL).map(PathBuf::from).filter(|path| path.is_absolute());
        if path.is_none() {
            let accepted = "the URL of a Unix socket, such as `unix:///var/run/supervisor.sock`";
            self.refuse_policy(key, url, "supervisord is asked over its Unix socket", accepted);
        }
        path
    }
}

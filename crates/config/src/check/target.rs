//! What a check measures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel_command::CommandSpec;
use evenkeel_probe::{DiskTarget, ExecTarget, FileTarget, Target};

use super::Checker;
use crate::key::Key;
use crate::raw;

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
            "exec" => self.exec_target(&table, raw.exec.as_ref()?).map(Target::Exec),
            "process" => self.process(&table, raw.process.as_ref()?, rules).map(Target::Process),
            "supervisor" => {
                self.supervisor(&table, raw.supervisor.as_ref()?).map(Target::Supervisor)
            }
            "tmux" => self.tmux(&table, raw.tmux.as_ref()?).map(Target::Tmux),
            "disk" => {
                let raw = raw.disk.as_ref()?.path.as_ref();
                let path = self.need(&table, "path", raw, "path = \"/var/lib\"")?;
                let path = self.absolute(&table.child("path"), path)?;
                Some(Target::Disk(DiskTarget::new(path)))
            }
            "systemd" => self.systemd(&table, raw.systemd.as_ref()?).map(Target::Systemd),
            _ => {
                let path = self.need(
                    &table,
                    "path",
                    raw.file.as_ref()?.path.as_ref(),
                    "path = \"/run/app.ready\"",
                )?;
                let path = self.absolute(&table.child("path"), path)?;
                Some(Target::File(FileTarget::new(path)))
            }
        }
    }

    fn exec_target(&mut self, table: &Key, raw: &raw::Exec) -> Option<ExecTarget> {
        let example = "command = [\"true\"]";
        let command = self.need(table, "command", raw.command.as_ref(), example)?;
        let command = self.command(&table.child("command"), command)?;
        let environment = table.child("environment");
        let command = self.with_environment(command, &environment, raw.environment.as_ref())?;
        let user = raw.user.as_ref().map(|user| user.0.clone());
        Some(ExecTarget { user, ..ExecTarget::new(command) })
    }

    /// The command with the variables of the table `key`.
    pub(super) fn with_environment(
        &mut self,
        mut command: CommandSpec,
        key: &Key,
        variables: Option<&BTreeMap<String, String>>,
    ) -> Option<CommandSpec> {
        for (name, value) in variables.into_iter().flatten() {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let key = key.named(name);
                self.refuse(&key, format!("`{key}` cannot be set"), "no variable is called so");
                return None;
            }
            command = command.env(name, value);
        }
        Some(command)
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

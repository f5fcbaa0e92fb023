//! memmon's options as settings.

use std::slice::from_ref;

use evenkeel_cli::Failure;

use super::args::{Mail, Memmon};
use super::size::setting;
use super::supervisor::{Supervisor, timeout_within};
use crate::toml::{list, quoted};

/// A limit for the programs that a glob chooses.
struct Rule {
    option: String,
    glob: String,
    bytes: u64,
}

impl Memmon {
    /// The settings of the checks and of what they recover, without the care that both kinds of listeners share.
    pub(crate) fn settings(
        &self,
        supervisor: &Supervisor,
        interval: &str,
    ) -> Result<Vec<String>, Failure> {
        self.mail.refuse()?;
        if self.uptime.is_some() {
            return Err(Failure::usage(
                "-u is about mail, which evenkeel does not send: see `evenkeel-metrics rules` for alerts. A program is left alone for \
                 --grace after its start",
            ));
        }
        let rules = self.rules();
        if rules.is_empty() {
            return Err(Failure::usage(
                "no limit: name a program with -p NAME=BYTES, a group with -g NAME=BYTES, or all with -a BYTES",
            ));
        }
        let field = if self.cumulative { "tree_pss_bytes" } else { "rss_bytes" };
        let mut sets = Vec::new();
        let mut names = Vec::new();
        // A program under several limits is judged by the lowest, once: so it is excepted from those above.
        let mut except: Vec<_> = supervisor.own.iter().cloned().collect();
        for (index, rule) in rules.iter().enumerate() {
            let name = match index {
                0 => self.name.clone(),
                _ => format!("{}-{}", self.name, index + 1),
            };
            let key = format!("check.{}", quoted(&name));
            sets.push(format!("{key}.supervisor.url={}", quoted(&supervisor.url)));
            sets.push(format!("{key}.supervisor.programs={}", list(from_ref(&rule.glob))));
            sets.push(format!("{key}.supervisor.except={}", list(&except)));
            sets.push(format!("{key}.supervisor.judge_states=false"));
            sets.push(format!(
                "{key}.conditions=[{{ field = \"{field}\", above = \"{}\", for = {} }}]",
                setting(rule.bytes),
                quoted(&self.r#for)
            ));
            sets.push(format!("{key}.interval={}", quoted(interval)));
            sets.extend(timeout_within(&key, interval));
            except.push(rule.glob.clone());
            names.push(name);
        }
        let recovery = format!("recovery.{}", quoted(&self.name));
        sets.push(format!("{recovery}.when={}", list(&names)));
        sets.push(format!(
            "{recovery}.steps=[{{ action = \"supervisor.restart-program\", url = {} }}]",
            quoted(&supervisor.url)
        ));
        Ok(sets)
    }

    /// The limits, the lowest first; one that another makes pointless is left out, and said.
    fn rules(&self) -> Vec<Rule> {
        let programs = self.program.iter().map(|limit| Rule {
            option: format!("-p {}", limit.name),
            glob: limit.name.clone(),
            bytes: limit.bytes,
        });
        let groups = self.group.iter().map(|limit| Rule {
            option: format!("-g {}", limit.name),
            glob: format!("{}:*", limit.name),
            bytes: limit.bytes,
        });
        let any = self.any.iter().map(|bytes| Rule {
            option: "-a".to_owned(),
            glob: "*".to_owned(),
            bytes: *bytes,
        });
        let mut rules: Vec<_> = programs.chain(groups).chain(any).collect();
        rules.sort_by_key(|rule| rule.bytes);
        let mut kept: Vec<Rule> = Vec::new();
        for rule in rules {
            match kept.iter().find(|lower| lower.glob == "*" || lower.glob == rule.glob) {
                Some(lower) => {
                    let (lower, bytes) = (&lower.option, setting(lower.bytes));
                    tracing::warn!("{} is of no effect: {lower} is lower, {bytes}", rule.option);
                }
                None => kept.push(rule),
            }
        }
        kept
    }
}

impl Mail {
    pub(crate) fn refuse(&self) -> Result<(), Failure> {
        if self.email.is_none() && self.sendmail.is_none() {
            return Ok(());
        }
        Err(Failure::usage(
            "evenkeel sends no mail, so -m and -s would promise what does not happen: leave them out. `evenkeel-metrics rules` writes \
             alerts for Prometheus, --listen gives their metrics, and superlance's crashmail can stay beside this listener",
        ))
    }
}

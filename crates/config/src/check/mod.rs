//! Raw settings into policies; whatever cannot work is refused, with the place and the arithmetic.

mod access;
mod advice;
mod agent;
mod alerts;
mod breaker;
mod checks;
mod cleanup;
mod condition;
mod contradiction;
mod dependencies;
mod host;
mod managers;
mod modules;
mod network;
mod permissions;
mod process;
mod recovery;
mod satisfiable;
mod slo;
mod steps;
mod target;

use std::time::Duration;

use crate::key::{Key, nearest};
use crate::layer::Layer;
use crate::problem::{ConfigError, Problem};
use crate::read::Tree;
use crate::settings::{OnCall, Settings};
use crate::value::{Lasting, format_duration};

pub(crate) use agent::OFF;
#[cfg(test)]
pub(crate) use steps::ACTIONS;
pub use steps::action_names;

/// What is said of a number that a policy does not take; which ones it takes stands below.
const OUT_OF_BOUNDS: &str = "out of bounds";

/// Longest name of a rule: names are labels of metrics and columns of tables.
const MAX_NAME: usize = 64;

/// Checks what the layers say, taken together.
pub(crate) fn check(layers: Vec<Layer>, problems: Vec<Problem>) -> Result<Settings, ConfigError> {
    check_tree(layers, problems).map(|(settings, _)| settings)
}

/// As [`check`], and the tree that the settings were made from.
pub(crate) fn check_tree(
    layers: Vec<Layer>,
    problems: Vec<Problem>,
) -> Result<(Settings, Tree), ConfigError> {
    let unread = !problems.is_empty();
    let (tree, raw) = Tree::read(layers, problems);
    if unread {
        // What rules say of each other cannot be judged while a part of them is missing.
        return Err(ConfigError::new(tree.into_problems()));
    }
    let mut checker = Checker { tree };
    let agent = agent::agent(&mut checker, &raw.agent);
    let permissions = checker.permissions(&raw.permissions);
    let cleanup = checker.cleanup(&raw.cleanup);
    if let Some(agent) = &agent {
        checker.refuse_own_history(&cleanup, &agent.state_dir);
    }
    let checks = checker.checks(&raw.check);
    let recoveries = checker.recoveries(&raw, &checks);
    let slos = checker.slos(&raw.slo, &raw.check, &checks);
    let modules = checker.modules(&raw.module);
    let alerts = checker.alerts(&raw.alerts);
    let complete = permissions.len() == raw.permissions.len()
        && cleanup.len() == raw.cleanup.len()
        && checks.len() == raw.check.len()
        && recoveries.len() == raw.recovery.len()
        && slos.len() == raw.slo.len()
        && modules.len() == raw.module.len();
    let sound = complete && checker.tree.problems.is_empty();
    let (Some(agent), Some(alerts)) = (agent.filter(|_| sound), alerts) else {
        let mut problems = checker.tree.into_problems();
        if problems.is_empty() {
            // A rule that was dropped without a word would not be kept by anyone.
            problems.push(Problem::new("a rule could not be read, and no reason is known"));
        }
        return Err(ConfigError::new(problems));
    };
    let mut settings = Settings {
        agent,
        permissions,
        on_call: OnCall::default(),
        cleanup,
        checks,
        recoveries,
        slos,
        modules,
        alerts,
        advice: Vec::new(),
        secrets: checker.tree.secrets(),
    };
    let advice = advice::advice(&settings);
    settings.advice = advice.iter().map(|advice| settings.secrets.hide(advice)).collect();
    for check in &mut settings.checks {
        check.secrets = settings.secrets.clone();
    }
    Ok((settings, checker.tree))
}

/// As [`check`], and what of this host stands in the way.
pub(crate) fn check_on_host(
    layers: Vec<Layer>,
    problems: Vec<Problem>,
) -> Result<(Settings, Vec<Problem>), ConfigError> {
    let (settings, tree) = check_tree(layers, problems)?;
    let unfit = host::unfit(&settings, &tree);
    Ok((settings, unfit))
}

/// Puts together policies and problems.
struct Checker {
    tree: Tree,
}

impl Checker {
    /// Refuses the value of `key`.
    fn refuse(&mut self, key: &Key, message: impl Into<String>, label: impl Into<String>) {
        self.refuse_with(key, message, label, &[]);
    }

    /// Refuses the value of `key` and says what is accepted.
    fn refuse_with(
        &mut self,
        key: &Key,
        message: impl Into<String>,
        label: impl Into<String>,
        help: &[&str],
    ) {
        let problem =
            Problem::new(message).key_is(key).at(self.tree.place_of_value(key)).label(label);
        let problem = help.iter().fold(problem, |problem, help| problem.help(*help));
        self.tree.add(key, problem);
    }

    /// Refuses a value that names something unknown.
    fn refuse_unknown(&mut self, key: &Key, message: String, given: &str, known: &[&str]) {
        let label = match nearest(given, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "not known".to_owned(),
        };
        let accepted = if known.is_empty() {
            "nothing, as there is none".to_owned()
        } else {
            known.join(", ")
        };
        self.refuse_with(key, message, label, &[&format!("accepted: {accepted}")]);
    }

    /// Says that the table `rule` lacks `name`.
    fn lacks(&mut self, rule: &Key, name: &str, example: &str) {
        let key = rule.child(name);
        let problem = Problem::new(format!("`{rule}` needs `{name}`"))
            .key_is(&key)
            .at(self.tree.place_of_key(rule))
            .label(format!("`{name}` is missing"))
            .help(format!("such as: {example}"));
        self.tree.add(&key, problem);
    }

    /// The value, or `None` and a problem if it is missing.
    fn need<T: Clone>(
        &mut self,
        rule: &Key,
        name: &str,
        value: Option<&T>,
        example: &str,
    ) -> Option<T> {
        if value.is_none() {
            self.lacks(rule, name, example);
        }
        value.cloned()
    }

    /// A duration above zero.
    fn above_zero(&mut self, rule: &Key, name: &str, value: Option<Lasting>) -> Option<Duration> {
        let Lasting(duration) = value?;
        if duration.is_zero() {
            self.refuse(
                &rule.child(name),
                format!("`{}` must be longer than 0s", rule.child(name)),
                "no time at all",
            );
            return None;
        }
        Some(duration)
    }

    /// Whether a rule may be called so; if not, a problem.
    fn name_is_good(&mut self, rule: &Key) -> bool {
        let name = rule.last();
        let good = !name.is_empty()
            && name.len() <= MAX_NAME
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !good {
            let problem = Problem::new(format!("`{rule}` is not a name for a rule"))
                .key_is(rule)
                .at(self.tree.place_of_key(rule))
                .help(format!(
                    "accepted: letters, digits, `-`, `_` and `.`, at most {MAX_NAME} of them"
                ));
            self.tree.add(rule, problem);
        }
        good
    }
}

/// `1 run`, `2 runs`.
fn counted(count: impl Into<u64>, what: &str) -> String {
    let count = count.into();
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A duration as arithmetic reads best: in seconds with decimals below a minute's worth of them.
fn plain(duration: Duration) -> String {
    let whole_units = duration.subsec_nanos() == 0 || duration < Duration::from_secs(1);
    if whole_units { format_duration(duration) } else { format!("{}s", duration.as_secs_f64()) }
}

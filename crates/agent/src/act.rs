//! Performs one action, and what it needs of the rules of the settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use evenkeel_cleanup::Clock;
use evenkeel_config::{CleanupRule, PermissionRule, Settings};
use evenkeel_engine::{Act, CleanOutcome, Record, Remaining};
use evenkeel_recovery::actions::evidence::{Bounds, Scene, gather};
use evenkeel_recovery::actions::{ActionError, Rules, StoppedProgram, perform};
use evenkeel_recovery::machine::Ended;
use evenkeel_safefs::escaped;
use evenkeel_shown::Secrets;
use evenkeel_shown::said::{ActionCode, Left, Repair, Said};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::executor::clean;
use crate::history::Written;

/// How many entries a line about a rule names.
const NAMED: usize = 3;

/// The rules that actions may name, performed by this process with their own policies and caps.
pub(crate) struct OwnRules {
    permissions: Vec<PermissionRule>,
    cleanup: Vec<CleanupRule>,
    /// The agent is about to end: what can stop between two entries does.
    ending: Arc<AtomicBool>,
    announce: Announce,
    /// What must not be repeated of what was seen or said.
    secrets: Secrets,
}

/// Has it written which programs are about to be stopped.
pub(crate) type Announce =
    Box<dyn Fn(Vec<StoppedProgram>) -> oneshot::Receiver<Written> + Send + Sync>;

/// What is to be seen of the target before the action changes it; `None` if nobody wants to know.
pub(crate) async fn evidence(act: &Act, rules: &OwnRules) -> Option<Record> {
    if !act.evidence {
        return None;
    }
    let scene = Scene::of(&act.action, &act.occasion);
    let mut evidence = Box::new(gather(&scene, Bounds::default()).await);
    evidence.hide(&rules.secrets);
    let (incident, target) = (act.incident, act.target.clone());
    let (kind, took_ms) = ("evidence", evidence.took_ms);
    let intent = act.occasion.intent;
    tracing::info!(kind, target, incident, intent, took_ms, "evidence: {}", evidence.summary());
    Some(Record::Evidence { incident, target, evidence })
}

/// One line of the log about an action, with the numbers by which the history has it.
pub(crate) fn log(act: &Act, kind: &'static str, what: &str) {
    let Act { target, incident, occasion, action, step, attempt, .. } = act;
    let (intent, name) = (occasion.intent, action.name());
    tracing::info!(
        kind,
        target,
        incident,
        intent,
        action = name,
        step,
        attempt,
        "{}: {what}",
        action.describe()
    );
}

/// Performs the action; how it ended, and what was done.
pub(crate) async fn act(act: &Act, rules: &OwnRules) -> (Ended, Said) {
    let (ended, said) = ended(act, rules).await;
    // A command's last words may repeat what it was given.
    (ended, said.hide(&rules.secrets))
}

async fn ended(act: &Act, rules: &OwnRules) -> (Ended, Said) {
    let performed = perform(&act.action, act.timeout, &act.occasion, rules).await;
    if !act.action.may_heal() {
        // Told or not, it is no attempt: the ladder goes on.
        let said = performed.unwrap_or_else(ActionError::into_reason);
        return (Ended::Told, said);
    }
    match performed {
        Ok(done) => (Ended::Ran, done),
        Err(ActionError::Retryable { reason }) => (Ended::CutOff, reason),
        Err(ActionError::Permanent { reason }) => (Ended::Impossible, reason),
    }
}

impl OwnRules {
    pub(crate) fn new(settings: &Settings, ending: &Arc<AtomicBool>, announce: Announce) -> Self {
        Self {
            permissions: [&settings.permissions[..], &settings.on_call.permissions].concat(),
            cleanup: [&settings.cleanup[..], &settings.on_call.cleanup].concat(),
            ending: Arc::clone(ending),
            announce,
            secrets: settings.secrets.clone(),
        }
    }
}

impl Rules for OwnRules {
    async fn stopping(&self, programs: Vec<StoppedProgram>) -> Result<(), ActionError> {
        let told = (self.announce)(programs).await;
        let written =
            told.unwrap_or_else(|_| Err("the history's thread has ended".to_owned())).map(drop);
        // Who is stopped without a trace of it would be taken for stopped on purpose, if this process ended now.
        written.map_err(|why| {
            let text = format!("not done: it could not be written: {why}");
            retryable(Said::new(text, ActionCode::NotWritten { why }))
        })
    }

    async fn repair(&self, rule: &str, _timeout: Duration) -> Result<Said, ActionError> {
        let found = self.permissions.iter().find(|known| known.name == rule).cloned();
        let rule = found.ok_or_else(|| ActionError::no_permission_rule(rule))?;
        off_thread(move || repair(&rule)).await
    }

    async fn clean(&self, rule: &str, timeout: Duration) -> Result<Said, ActionError> {
        let found = self.cleanup.iter().find(|known| known.name == rule).cloned();
        let rule = found.ok_or_else(|| ActionError::no_cleanup_rule(rule))?;
        let (ending, deadline) = (Arc::clone(&self.ending), Instant::now() + timeout);
        off_thread(move || {
            let goes_on = || !ending.load(Ordering::Relaxed) && Instant::now() < deadline;
            let outcome = clean(&rule, Clock::of_host(), true, goes_on).map_err(retryable)?;
            Ok(ran(&rule.name, outcome))
        })
        .await
    }
}

/// What a cleanup rule did as a step.
fn ran(rule: &str, outcome: CleanOutcome) -> Said {
    let (entries, bytes, action) = (outcome.taken.len(), outcome.bytes, outcome.action);
    let mut said =
        vec![format!("cleanup rule `{rule}`: {entries} entries, {bytes} bytes ({action})")];
    let undo = outcome.run;
    said.extend(undo.iter().map(|run| format!("`evenkeel undo {run}` brings them back")));
    let left = outcome.remaining.len();
    let left = outcome.remaining.into_iter().next().map(|Remaining { path, reason }| {
        said.push(format!("{left} left: {path}: {reason}"));
        Left { entries: left, path, why: Box::new(reason.into_code()) }
    });
    let rule = rule.to_owned();
    let code = ActionCode::CleanupRan { rule, entries, bytes, action, undo, left };
    Said::new(said.join("; "), code)
}

/// A keeper of the same rule may be at it too: each of them opens, judges and changes an entry by itself, and the later one
/// finds it right.
fn repair(rule: &PermissionRule) -> Result<Said, ActionError> {
    let name = &rule.name;
    let plan = evenkeel_permissions::sweep(&rule.policy).map_err(|error| {
        let said = error.said();
        let text = format!("permission rule `{name}`: {said}");
        let (rule, why) = (name.clone(), Box::new(said.into_code()));
        retryable(Said::new(text, ActionCode::RuleFailed { rule, why }))
    })?;
    let (found, refused) = (plan.steps.len(), plan.refused.first().cloned());
    let report = evenkeel_permissions::apply(&rule.policy, plan);
    let repaired: Vec<_> = report
        .repaired
        .iter()
        .take(NAMED)
        .map(|repair| Repair {
            what: repair.kind.as_str().to_owned(),
            path: escaped(&repair.path),
            before: repair.before.to_string(),
            after: repair.after.to_string(),
        })
        .collect();
    let done = report.repaired.len();
    let one = |Repair { what, path, before, after }: &Repair| {
        format!("{what} of {path}: {before} -> {after}")
    };
    let said = if repaired.is_empty() && found == 0 {
        let text = format!("permission rule `{name}`: everything is as it says");
        Said::new(text, ActionCode::RuleHolds { rule: name.clone() })
    } else {
        let mut text = format!("permission rule `{name}`: put {done} of {found} right");
        if !repaired.is_empty() {
            let repairs = repaired.iter().map(one).collect::<Vec<_>>().join(", ");
            text = format!("{text}: {repairs}");
        }
        let (rule, repairs) = (name.clone(), repaired);
        Said::new(text, ActionCode::RuleApplied { rule, done, found, repairs })
    };
    let failed = report.failed.first().map(|failed| (&failed.path, &failed.reason));
    let left = failed.or_else(|| refused.as_ref().map(|refused| (&refused.path, &refused.reason)));
    match left {
        None => Ok(said),
        Some((path, reason)) => {
            let left = Said::at(&escaped(path), reason.clone());
            Err(retryable(Said::joined(vec![said, left])))
        }
    }
}

async fn off_thread(
    work: impl FnOnce() -> Result<Said, ActionError> + Send + 'static,
) -> Result<Said, ActionError> {
    let done = tokio::task::spawn_blocking(work).await;
    let defect = || Said::new("it ended by a defect, which is in the log", ActionCode::Defect);
    done.unwrap_or_else(|_| Err(retryable(defect())))
}

fn retryable(reason: Said) -> ActionError {
    ActionError::Retryable { reason }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a scratch directory of its own")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use evenkeel_config::load_text;
    use evenkeel_recovery::actions::{Action, Occasion};

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn rules(scratch: &std::path::Path) -> OwnRules {
        let place = scratch.display();
        let user = rustix::process::geteuid().as_raw();
        let settings = format!(
            "[permissions.state]\npath = \"{place}\"\nowner = \"{user}\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\n\
             [cleanup.old]\npath = \"{place}\"\nmatch = \"*.tmp\"\nmax_count = 1\naction = \"delete\"\nmax_files = 2\n"
        );
        OwnRules::new(
            &load_text("x.toml", &settings).unwrap(),
            &Arc::default(),
            Box::new(|_| oneshot::channel().1),
        )
    }

    async fn run(rules: &OwnRules, action: &Action) -> Result<Said, ActionError> {
        perform(action, LONG, &Occasion::default(), rules).await
    }

    #[tokio::test]
    async fn a_step_repairs_by_the_rules_own_policy_and_says_what() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("a.hash");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let rules = rules(scratch.path());
        let action = Action::PermissionsRepair { rule: "state".into() };
        let said = run(&rules, &action).await.unwrap();
        assert!(said.starts_with("permission rule `state`: put 1 of 1 right: mode of "), "{said}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        let again = run(&rules, &action).await;
        assert_eq!(again, Ok("permission rule `state`: everything is as it says".into()));
    }

    #[tokio::test]
    async fn a_step_cleans_within_the_rules_own_caps() {
        let scratch = tempfile::tempdir().unwrap();
        for number in 0..3 {
            fs::write(scratch.path().join(format!("{number}.tmp")), "").unwrap();
        }
        let rules = rules(scratch.path());
        let action = Action::CleanupRun { rule: "old".into() };
        let said = run(&rules, &action).await.unwrap();
        assert!(said.starts_with("cleanup rule `old`: 2 entries, "), "{said}");
        for number in 0..9 {
            fs::write(scratch.path().join(format!("{number}.tmp")), "").unwrap();
        }
        let refused = run(&rules, &action).await.unwrap_err();
        assert!(refused.reason().contains("max_files"), "{refused}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 9, "none was taken");
    }
}

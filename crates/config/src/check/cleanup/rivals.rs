//! Cleanup rules that want the same entries: one that leaves the other nothing, or takes away where the other works.

use std::path::Path;

use evenkeel_cleanup::{Action, AgeBy, Draft, GlobSet, Stamp, Trigger, Unit};

use crate::check::Checker;
use crate::check::contradiction::{below, is_within};
use crate::key::Key;
use crate::problem::Problem;
use crate::settings::CleanupRule;
use crate::value::{format_duration, format_size};

/// What is wrong between two rules, and the key of each that says so.
struct Rivalry {
    message: String,
    keys: (&'static str, &'static str),
    help: String,
}

impl Checker {
    pub(super) fn refuse_rivals(&mut self, earlier: &CleanupRule, later: &CleanupRule) {
        let rivalry = takes_the_root(earlier, later)
            .or_else(|| takes_the_root(later, earlier).map(Rivalry::turned))
            .or_else(|| at_odds(earlier, later))
            .or_else(|| leaves_nothing(earlier, later))
            .or_else(|| leaves_nothing(later, earlier).map(Rivalry::turned));
        let Some(Rivalry { message, keys, help }) = rivalry else { return };
        let key =
            |rule: &CleanupRule, name: &str| Key::of(&["cleanup"]).named(&rule.name).child(name);
        let (first, second) = (key(earlier, keys.0), key(later, keys.1));
        let problem = Problem::new(message)
            .key_is(&second)
            .at(self.tree.place_of_value(&second))
            .label("this one")
            .see(self.tree.place_of_value(&first), "and this one")
            .help(help);
        self.tree.add(&second, problem);
    }
}

impl Checker {
    /// A cleanup must not reach what the agent itself keeps: the history tells what was done, and why.
    pub(in crate::check) fn refuse_own_history(&mut self, rules: &[CleanupRule], state_dir: &Path) {
        for rule in rules {
            let policy = &rule.policy;
            let Some(names) = below(policy.path(), state_dir)
                .or_else(|| is_within(policy.path(), state_dir).then(Vec::new))
            else {
                continue;
            };
            let excluded = names.iter().any(|name| policy.excluded().is_match(name));
            let takes = policy.draft().unit == Unit::Directory
                && names.first().is_some_and(|name| policy.matching().is_match(name));
            if excluded || !(names.is_empty() || policy.draft().recursive || takes) {
                continue;
            }
            let key = called(rule).child("path");
            let message = format!("`{}` reaches `agent.state_dir`", called(rule));
            let label = format!("the history is in `{}`", state_dir.display());
            self.refuse_with(
                &key,
                message,
                label,
                &["another directory, or `exclude` for that one"],
            );
        }
    }
}

impl Rivalry {
    /// As the other rule of the two says it.
    fn turned(self) -> Self {
        Self { keys: (self.keys.1, self.keys.0), ..self }
    }
}

fn called(rule: &CleanupRule) -> Key {
    Key::of(&["cleanup"]).named(&rule.name)
}

/// A rule about directories that would take the very directory in which the other works, with what is in its trash.
fn takes_the_root(taker: &CleanupRule, other: &CleanupRule) -> Option<Rivalry> {
    let (policy, inner) = (&taker.policy, other.policy.path());
    if policy.draft().unit != Unit::Directory {
        return None;
    }
    let names = below(policy.path(), inner)?;
    let reach = if policy.draft().recursive { policy.max_depth() as usize + 1 } else { 1 };
    let within_reach = names.iter().take(reach);
    let not_excluded = within_reach.take_while(|name| !policy.excluded().is_match(name));
    let name = not_excluded.into_iter().find(|name| policy.matching().is_match(name))?;
    Some(Rivalry {
        message: format!(
            "`{}` takes the directory `{name}` away, in which `{}` works",
            called(taker),
            called(other)
        ),
        keys: ("match", "path"),
        help: format!("give `{}` the line `exclude = [\"{name}\"]`", called(taker)),
    })
}

/// A rule whose entries the other always takes before they are due by it.
fn leaves_nothing(first: &CleanupRule, never: &CleanupRule) -> Option<Rivalry> {
    let (a, b) = (first.policy.draft(), never.policy.draft());
    let takes_away = matches!(a.action, Action::Delete | Action::Trash { .. });
    let ranks = matches!(a.trigger, Trigger::MaxTotal(_) | Trigger::MaxCount(_));
    let reach = if ranks { same_tree(a, b) } else { reaches(first, never) };
    // What a first rule leaves out, the other can still take.
    let all_of_it = a.exclude.iter().all(|glob| b.exclude.contains(glob))
        && a.keep_newest.is_none()
        && a.unit == b.unit
        && (!a.skip_in_use || b.skip_in_use);
    if !takes_away || !reach || !all_of_it || !sooner(a, b) {
        return None;
    }
    let (mine, theirs) = (first.policy.matching(), never.policy.matching());
    if !covers(mine, theirs) || (ranks && !covers(theirs, mine)) {
        return None;
    }
    let key = a.trigger.as_str();
    Some(Rivalry {
        message: format!(
            "`{}` can never take anything: `{}` takes it before, at {}",
            called(never),
            called(first),
            limit(a.trigger)
        ),
        keys: (key, b.trigger.as_str()),
        help: format!("keep one of them, or let `{}` have the lower `{key}`", called(never)),
    })
}

/// Two rules that do different things to the same entries at the same moment.
fn at_odds(one: &CleanupRule, other: &CleanupRule) -> Option<Rivalry> {
    let (a, b) = (one.policy.draft(), other.policy.draft());
    let meet = (reaches(one, other) || reaches(other, one)) && a.unit == b.unit;
    if !meet || a.trigger != b.trigger || a.action == b.action {
        return None;
    }
    let globs = one.policy.matching().globs().iter();
    let both = globs.flat_map(|a| {
        let meets = other.policy.matching().globs().iter().filter(|b| a.overlaps(b));
        meets.map(move |b| (a, b))
    });
    let excluded = |rule: &CleanupRule, glob| rule.policy.excluded().covering(glob).is_some();
    let (a_glob, _) = both.into_iter().find(|(a, b)| !excluded(one, b) && !excluded(other, a))?;
    Some(Rivalry {
        message: format!(
            "`{}` and `{}` do different things to the same entries, such as `{a_glob}`, at the same {}",
            called(one),
            called(other),
            a.trigger.as_str()
        ),
        keys: ("action", "action"),
        help: "which of them comes first is chance: keep one, or make their names differ"
            .to_owned(),
    })
}

fn covers(outer: &GlobSet, inner: &GlobSet) -> bool {
    inner.globs().iter().all(|glob| outer.covering(glob).is_some())
}

/// Whether both look at exactly the same directories.
fn same_tree(a: &Draft, b: &Draft) -> bool {
    is_within(&a.path, &b.path)
        && is_within(&b.path, &a.path)
        && (a.recursive, a.max_depth) == (b.recursive, b.max_depth)
}

/// Whether one rule looks at every directory at which the other looks.
fn reaches(outer: &CleanupRule, inner: &CleanupRule) -> bool {
    let (a, b) = (outer.policy.draft(), inner.policy.draft());
    let Some(names) = below(&a.path, &b.path) else { return false };
    if names.is_empty() {
        return a.recursive || !b.recursive;
    }
    let depth = u32::try_from(names.len()).unwrap_or(u32::MAX);
    // Beyond its depth a rule fails, so how deep the inner one goes makes no difference.
    a.recursive
        && depth <= outer.policy.max_depth()
        && names.iter().all(|name| !outer.policy.excluded().is_match(name))
}

/// Whether what is due by `b` was due by `a` before.
fn sooner(a: &Draft, b: &Draft) -> bool {
    match (a.trigger, b.trigger) {
        (Trigger::OlderThan(first), Trigger::OlderThan(then)) => {
            first < then && is_part(a.age_by, b.age_by)
        }
        (Trigger::LargerThan(first), Trigger::LargerThan(then))
        | (Trigger::MaxTotal(first), Trigger::MaxTotal(then))
        | (Trigger::MaxCount(first), Trigger::MaxCount(then)) => first < then,
        _ => false,
    }
}

/// By fewer times an entry is never younger.
fn is_part(few: AgeBy, more: AgeBy) -> bool {
    Stamp::ALL.into_iter().all(|stamp| !few.contains(stamp) || more.contains(stamp))
}

fn limit(trigger: Trigger) -> String {
    match trigger {
        Trigger::OlderThan(age) => format_duration(age),
        Trigger::BeforeBoot => "the boot".to_owned(),
        Trigger::LargerThan(bytes) | Trigger::MaxTotal(bytes) => format_size(bytes),
        Trigger::MaxCount(count) => count.to_string(),
        Trigger::Watermark(mark) => mark.high.to_string(),
    }
}

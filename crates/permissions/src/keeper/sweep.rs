//! A look at everything, by the thread of a keeper.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_safefs::events::Preference;
use evenkeel_safefs::{Identity, Root, Trust};
use evenkeel_shown::said::{PermissionsCode, Said};

use super::round::{self, Outcome, Round};
use super::thread::Keeping;
use super::watch::{Touch, Watch};
use super::{Left, News, Swept, WATCH_AGAIN};
use crate::apply::{Report, create};
use crate::observe::{SweepError, look, open_root, working_as};
use crate::plan::{Ids, Kind, Plan, Refused};
use crate::principals;

/// After a look at everything that nobody asked for there is none for so many times as long: whoever provokes them gets a
/// third of a processor and no more.
const REST: u32 = 2;
const SHORTEST_REST: Duration = Duration::from_millis(20);
/// A root that is made, or comes while its absence is noted, is looked at again.
const MOST_LOOKS: u32 = 3;

impl<F: FnMut(News)> Keeping<'_, F> {
    /// Looks at everything, laying watches on the way, and sees to what deviates.
    pub(super) fn sweep(&mut self) {
        let begun = Instant::now();
        // Already here: an order that comes in while it is done is for the next one.
        let again = std::mem::take(&mut self.anew).is_some();
        self.root = None;
        self.fights.forget(begun);
        if again || self.watch.as_ref().is_some_and(|watch| !watch.is_on(self.root_now())) {
            self.watch = None;
        }
        let result = self.look_and_see_to().map(|outcome| Swept {
            repaired: outcome.repaired,
            fights: outcome.fights,
            left: outcome.left,
            took: begun.elapsed(),
        });
        self.left = match &result {
            Ok(swept) => swept
                .left
                .iter()
                .map(|left| (left.path.clone(), left.reason.text().to_owned()))
                .collect(),
            Err(_) => BTreeMap::new(),
        };
        self.describe();
        (self.tell)(News::Swept(result));
        if again {
            let rest = begun.elapsed().saturating_mul(REST).max(SHORTEST_REST);
            self.rested = Instant::now() + rest;
        }
    }

    fn root_now(&self) -> Option<Identity> {
        let root = Root::open(self.task.policy.path(), Trust::Owners).ok()?;
        Some(root.metadata().identity)
    }

    fn look_and_see_to(&mut self) -> Result<Outcome, SweepError> {
        let mut all = Outcome::default();
        let mut looks = 0;
        loop {
            looks += 1;
            self.open_watch();
            // Who cannot be looked up is nobody's owner: until the next sweep nothing is done.
            self.ids = None;
            let ids = principals::ids(&self.task.policy)?;
            self.ids = Some(ids.clone());
            let plan = self.look(&ids);
            if self.task.watch == Some(Preference::Best)
                && self.watch.as_ref().is_some_and(Watch::is_unsupported)
            {
                tracing::info!(rule = self.task.name, "fanotify cannot watch this filesystem");
                self.task.watch = Some(Preference::Inotify);
                self.watch = None;
                continue;
            }
            let missing = match &plan {
                Ok(plan) => plan.steps.iter().any(|step| step.kind == Kind::Created),
                Err(_) => true,
            };
            if missing && self.task.write && looks < MOST_LOOKS && plan.is_ok() {
                let mut report = Report::default();
                create(&self.task.policy, &ids, &mut report);
                // What was heard before is about the root's absence.
                self.watch = None;
                let made = !report.repaired.is_empty();
                all.repaired.extend(report.repaired);
                if made && report.failed.is_empty() {
                    continue;
                }
                self.open_watch();
                self.lay_above();
                all.left = report
                    .failed
                    .into_iter()
                    .map(|failed| Left { path: failed.path, reason: failed.reason })
                    .collect();
                return Ok(all);
            }
            if missing {
                self.lay_above();
                // It may have come before the watch did.
                if looks < MOST_LOOKS && self.root_now().is_some() {
                    self.watch = None;
                    continue;
                }
            }
            let plan = plan?;
            let outcome = self.carry_out(plan, &ids)?;
            all.repaired.extend(outcome.repaired);
            all.fights.extend(outcome.fights);
            all.left = outcome.left;
            return Ok(all);
        }
    }

    fn look(&mut self, ids: &Ids) -> Result<Plan, SweepError> {
        let (policy, watch) = (&self.task.policy, self.watch.as_mut());
        working_as(policy, ids.worker.as_ref(), || look(policy, ids.clone(), watch))?
    }

    /// Puts right what deviates, by the same body as what events name: judged anew, each by itself.
    fn carry_out(&mut self, plan: Plan, ids: &Ids) -> Result<Outcome, SweepError> {
        let mut left = Vec::new();
        let mut leave = |path, reason: Said| {
            let reason = reason.in_list(left.len());
            left.push(Left { path, reason });
        };
        for Refused { path, reason } in plan.refused {
            leave(path, reason);
        }
        if plan.steps.is_empty() || !self.task.write {
            let entries = plan.steps.chunk_by(|one, next| one.path == next.path);
            for steps in entries {
                leave(steps[0].path.clone(), round::difference(steps));
            }
            return Ok(Outcome { left, ..Outcome::default() });
        }
        let touch = Touch { appeared: false, noticed: Instant::now(), who: None };
        let policy = &self.task.policy;
        let relative = |path: &Path| path.strip_prefix(policy.path()).map(Path::to_owned).ok();
        let entries: BTreeMap<_, _> = plan
            .steps
            .iter()
            .filter_map(|step| Some((relative(&step.path)?, touch.clone())))
            .collect();
        let (task, fights, stop) = (&self.task, &mut self.fights, &self.orders.stop);
        let watch = self.watch.as_mut();
        let mut outcome = working_as(&task.policy, ids.worker.as_ref(), || {
            let root = open_root(&task.policy)?;
            let root =
                root.ok_or_else(|| SweepError::Missing { path: task.policy.path().to_owned() })?;
            let ids = ids.clone().with_root_owner(root.metadata().access.uid);
            let rule = (&task.policy, task.write);
            let mut round = Round::new(rule, &ids, &root, fights, watch, stop).sweeping();
            round.see_to(entries);
            Ok(round.done())
        })??;
        // A directory that was closed to us has been opened and read by now.
        let seen: HashSet<_> = outcome.hold.iter().collect();
        left.retain(|left| !seen.contains(&left.path));
        outcome.left.extend(left);
        Ok(outcome)
    }

    fn open_watch(&mut self) {
        let Some(preference) = self.task.watch.filter(|_| self.watch.is_none()) else { return };
        match Watch::open(preference, self.task.policy.path()) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                let text = format!("not watched, only swept: {error}");
                let code = PermissionsCode::NotWatched { error: error.to_string() };
                self.anew = Some(Instant::now() + WATCH_AGAIN);
                self.say(Said::new(text, code));
            }
        }
    }

    fn lay_above(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.lay_above(self.task.policy.path());
        }
    }

    fn describe(&mut self) {
        let Some(watch) = &self.watch else { return };
        tracing::debug!(rule = self.task.name, directories = watch.directories(), "watching");
        let how = watch.describe();
        self.say(how);
    }

    fn say(&mut self, how: Said) {
        if how != self.described {
            tracing::info!(rule = self.task.name, "watched by {how}");
            self.described = how.clone();
            (self.tell)(News::Watched(how));
        }
    }
}

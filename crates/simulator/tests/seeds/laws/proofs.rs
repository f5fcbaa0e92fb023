//! What counts as recovered was seen to be good, as often in a row as its checks ask for, since the action.

use evenkeel_engine::{Outcome, Record};

use super::known::{part_of, recovery_of};
use super::{Law, Seen};

#[derive(Default)]
pub(super) struct Proofs;

impl Law for Proofs {
    fn name(&self) -> &'static str {
        "proofs"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Some(Record::Judged { target, outcome, .. }) = seen.event.record() else {
            return Ok(());
        };
        let settings = seen.host.settings();
        let Some(recovery) =
            recovery_of(settings, target).filter(|_| *outcome == Outcome::Recovered)
        else {
            return Ok(());
        };
        let part = part_of(target).map(str::to_owned);
        for name in &recovery.when {
            let Some(spec) = settings.checks.iter().find(|spec| spec.name == *name) else {
                continue;
            };
            // What has no parts says nothing of one.
            if part.is_some() && spec.target.part_fields().is_empty() {
                continue;
            }
            let Some(of) = seen.known.check(name) else {
                return Err(format!("{target}: nobody looked at `{name}`"));
            };
            // Of a part, those checks speak that have it.
            if part.is_some() && !of.newest.contains_key(&part) {
                continue;
            }
            let goods = of.goods.get(&part).copied().unwrap_or_default();
            let needed = spec.health.success_threshold();
            if goods < needed {
                return Err(format!("{target}: `{name}` was good {goods} times, not {needed}"));
            }
        }
        Ok(())
    }
}

//! Restarts by others: a person, a script, systemd itself. They count on the same budget, since what they mean for the target
//! and for whoever waits for it is the same.

use evenkeel_moment::Moment;
use evenkeel_recovery::machine::Phase;

use crate::engine::Engine;
use crate::event::Effect;
use crate::record::Record;
use crate::recovery::RecoveryCore;

impl Engine {
    /// Records and charges what a check saw to be started anew, unless an action of ours explains it.
    pub(crate) fn note_restarts(&mut self, now: Moment, check: usize, effects: &mut Vec<Effect>) {
        if self.checks[check].reborn.is_empty() {
            return;
        }
        let reborn = std::mem::take(&mut self.checks[check].reborn);
        // Also one of another recovery: it may restart what this check looks at as well.
        let ours = self.recoveries.iter().flat_map(RecoveryCore::targets).any(|target| {
            matches!(target.machine.phase(), Phase::Acting | Phase::Verifying { .. })
        });
        for part in reborn {
            let listening = self.listeners[check]
                .iter()
                .map(|listener| &self.recoveries[*listener])
                .filter(|recovery| recovery.checks.contains(&check));
            if ours {
                continue;
            }
            let mut charged = Vec::new();
            for recovery in listening {
                let id = match &part {
                    Some(part) => format!("{}/{part}", recovery.spec.name),
                    None => recovery.spec.name.clone(),
                };
                // A full budget is not made fuller: what restarts all the time must not make the ledger grow.
                let rate = recovery.spec.budgets.per_target;
                if self.ledger.used(now, &id, rate) < rate.count() {
                    self.ledger.charge(now, &id);
                    charged.push(id);
                }
            }
            let name = self.checks[check].spec.name.clone();
            effects.push(Effect::from(Record::RestartedByOthers { check: name, part, charged }));
        }
    }
}

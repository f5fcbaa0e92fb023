//! The host as a whole ends and starts again: nothing that ran is left, and no agent knows by a clock of its own how long ago
//! anything was.
//!
//! The moments of a run go on all the same, as if the clock of each boot had another origin. What of an earlier boot survives is on
//! [`Disk`](crate::disk::Disk), which gives its moments by the time of day.

use jiff::SignedDuration;

use super::{Host, Plan};
use crate::faults::{Orphan, Reboot};
use crate::observer::Event;

impl Host<'_, '_> {
    /// Everything that runs ends at once.
    pub(super) fn reboot(&mut self, reboot: Reboot) {
        if self.is_booting {
            return;
        }
        self.tally.rebooted();
        self.end_agent();
        self.orphan_actions(Orphan::IsCut);
        self.is_booting = true;
        // Who sleeps or is starved then does so no more.
        self.frozen_until = self.frozen_until.min(self.now);
        for unit in 0..self.world.units.len() {
            self.world.units[unit].restarting += 1;
            self.world.refresh(unit, self.now);
        }
        self.show(&Event::HostWentDown);
        let lasts = self.chance.within(reboot.lasts);
        self.queue.plan(self.now + lasts, Plan::Booted { clock: reboot.clock });
    }

    /// What starts with the host runs anew: what ailed it as it ran before is over.
    pub(super) fn booted(&mut self, clock: SignedDuration) {
        self.is_booting = false;
        self.step_clock(clock);
        self.disk.booted();
        for unit in &mut self.world.units {
            unit.restarting = unit.restarting.saturating_sub(1);
            unit.restarted(self.now);
        }
        let ailments = self.world.ailments.iter();
        let over = ailments.filter(|(_, ailment)| ailment.ends_with_a_boot()).map(|(id, _)| *id);
        for id in over.collect::<Vec<_>>() {
            self.heal(id, false);
        }
        for unit in 0..self.world.units.len() {
            self.world.refresh(unit, self.now);
        }
        self.show(&Event::HostCameUp);
        self.plan_start();
    }
}

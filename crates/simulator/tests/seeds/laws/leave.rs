//! Nothing is done about what is held, blocked, in a storm, flapping, not known, or was seen to be good.

use evenkeel_config::{Mode, Recovery, Settings};
use evenkeel_engine::{Act, Effect};
use evenkeel_recovery::actions::Action;
use evenkeel_simulator::Event;

use super::known::{dependencies, part_of, recovery_of};
use super::sight::Sight;
use super::{Known, Law, Seen};

#[derive(Default)]
pub(super) struct Leave;

impl Law for Leave {
    fn name(&self) -> &'static str {
        "leave"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.event {
            Event::Effect(Effect::Act(act)) => {
                may_act(seen, act).map_err(|why| format!("{}: {why}", act.target))
            }
            Event::Effect(Effect::Keep { write: true, .. } | Effect::Clean { write: true, .. }) => {
                let writes = !observes(seen);
                writes.then_some(()).ok_or_else(|| "files are written to".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn observes(seen: &Seen<'_>) -> bool {
    seen.known.withheld || seen.host.settings().agent.mode == Mode::Observe
}

fn may_act(seen: &Seen<'_>, act: &Act) -> Result<(), &'static str> {
    let (known, settings) = (seen.known, seen.host.settings());
    let recovery = recovery_of(settings, &act.target).ok_or("there is no such target")?;
    let part = part_of(&act.target);
    refuse_if(known.is_held(seen.now, recovery, &act.target), "it is held")?;
    let checks = settings.checks.iter().filter(|check| recovery.when.contains(&check.name));
    let open = checks.into_iter().any(|check| known.has_open_window(seen.wall, check));
    refuse_if(open, "a maintenance window of it is open")?;
    refuse_if(observes(seen), "the agent only observes")?;
    refuse_if(known.open.get(&act.target) != Some(&act.incident), "its incident is not open")?;
    // What was let through and charged is brought to its end, whatever came up since.
    if matches!(act.action, Action::SupervisorFinishRestart { .. }) {
        return Ok(());
    }
    refuse_if(seen.now < known.started + settings.agent.grace, "the agent has just started")?;
    refuse_if(known.storm, "a storm rages")?;
    let flaps = recovery.when.iter().filter_map(|check| known.check(check));
    let flaps = flaps.into_iter().any(|of| of.flapping.contains(&part.map(str::to_owned)));
    refuse_if(flaps, "it flaps")?;
    refuse_if(is_victim(known, settings, recovery, part), "what it depends on is down")?;
    refuse_if(!has_failed(known, recovery, part), "no newest look at it was bad")
}

fn refuse_if(stands: bool, why: &'static str) -> Result<(), &'static str> {
    if stands { Err(why) } else { Ok(()) }
}

/// Whether each check that says that it is down depends on one that is down, by what history was told.
fn is_victim(known: &Known, settings: &Settings, recovery: &Recovery, part: Option<&str>) -> bool {
    let mut down =
        recovery.when.iter().filter(|check| known.check(check).is_some_and(|of| of.is_down(part)));
    let blocked = |check: &String| {
        let mut needed = dependencies(settings, check).into_iter();
        needed.any(|needed| known.check(needed).is_some_and(super::known::OfCheck::fails))
    };
    down.clone().next().is_some() && down.all(blocked)
}

/// Whether the newest look of one of its checks was bad, or may have been; or saw a program stopped that a restart of ours stopped.
fn has_failed(known: &Known, recovery: &Recovery, part: Option<&str>) -> bool {
    let checks = recovery.when.iter().filter_map(|name| Some((name, known.check(name)?)));
    checks.into_iter().any(|(name, of)| {
        let newest = of.newest.get(&part.map(str::to_owned));
        let ours = || part.is_some_and(|part| known.stopped_by_us(name, part));
        match newest {
            Some(Sight::Bad | Sight::Depends) => true,
            Some(Sight::Nothing) => ours(),
            Some(Sight::Good) | None => false,
        }
    })
}

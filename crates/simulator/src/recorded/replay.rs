use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use evenkeel_config::Settings;
use jiff::Timestamp;

use super::{Action, Recorded, Subject};
use crate::faults::{ActionModel, Fault, Faults, Span, Strike, What, When};

/// A recorded time as faults, and what is to be known of how it became that.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The faults: one for each outage, gap and hold.
    pub faults: Faults,
    /// How many outages there were.
    pub outages: usize,
    /// How many of them an action ended.
    pub healed: usize,
    /// How many ended though actions did not help, or were not over at the end.
    pub unhealed: usize,
    /// The subjects that the history knows and the settings do not look at: left out.
    pub left_out: Vec<String>,
}

impl Recorded {
    /// The checks of `settings` that the history knows nothing of.
    pub fn unknown_checks<'a>(&self, settings: &'a Settings) -> Vec<&'a str> {
        let known = |name: &str| self.subjects.iter().any(|subject| subject.name == name);
        settings
            .checks
            .iter()
            .map(|check| check.name.as_str())
            .filter(|name| !known(name))
            .collect()
    }

    /// How long it is.
    pub fn lasts(&self) -> Duration {
        length(&(self.from..self.until))
    }

    /// The time as faults for `settings`, whichever the settings of then were.
    ///
    /// - An outage begins as recorded. If an action ended it then, it lasts until an action ends it now, and never shorter than the
    ///   longest outage of the same subject that no action ended; without such a one it never ends by itself.
    /// - An outage that ended by itself ends so again, or sooner by an action that restarts.
    /// - An outage during which actions did not help is one that no action ends; it lasts as recorded.
    /// - An outage that was not over at the end does not end by itself.
    /// - An action heals as often, and takes as long, as the actions of then did to the same checks, counted over outages that some
    ///   action ended; where none is known it heals.
    /// - While no agent ran, or a check could not be told, it can be told nothing; what was held is held.
    ///
    /// Outages of one subject between which nobody looked are one: nobody saw it end.
    pub fn faults(&self, settings: &Settings) -> Replay {
        let is_known = |subject: &&Subject| {
            let check = subject.name.split('/').next().unwrap_or_default();
            settings.checks.iter().any(|known| known.name == check)
        };
        let mut replay = Replay {
            faults: Faults::none(),
            outages: 0,
            healed: 0,
            unhealed: 0,
            left_out: Vec::new(),
        };
        for subject in &self.subjects {
            if is_known(&subject) {
                self.strike(subject, &mut replay);
            } else {
                replay.left_out.push(subject.name.clone());
            }
        }
        for (number, gap) in (1..).zip(&self.gaps) {
            let strike = Strike::on(settings.checks.iter().map(|check| check.name.as_str()));
            let lasts = self.within(gap).map(|gap| (self.since(gap.start), length(&gap)));
            if let Some((at, lasts)) = lasts {
                let what = What::Blind(strike.together().lasting(Span::of(lasts)));
                let fault = Fault { when: When::at([at]), what };
                replay.faults.faults.insert(format!("no agent, {number}"), fault);
            }
        }
        replay.faults.actions = self.models(settings);
        replay.faults.parts = self.parts();
        replay
    }

    /// All that befell one subject.
    fn strike(&self, subject: &Subject, replay: &mut Replay) {
        let outages = joined(&subject.down, &subject.unknown);
        let outages: Vec<_> = outages.iter().filter_map(|outage| self.within(outage)).collect();
        let ends: Vec<_> = outages.iter().map(|outage| self.end_of(subject, outage)).collect();
        let by_itself = outages.iter().zip(&ends).filter(|(_, end)| **end != End::Healed);
        let longest = by_itself.map(|(outage, _)| length(outage)).max();
        let strike = || Strike { checks_alone: true, ..Strike::on([subject.name.as_str()]) };
        let mut add = |what: &str, number: usize, at: &Range<Timestamp>, fault: What| {
            let name = format!("{} {what}, {number}", subject.name);
            let fault = Fault { when: When::at([self.since(at.start)]), what: fault };
            replay.faults.faults.insert(name, fault);
        };
        for (number, (outage, end)) in (1..).zip(outages.iter().zip(&ends)) {
            let recorded = Span::of(length(outage));
            let strike = match end {
                End::Healed => match longest.map(|longest| longest.max(length(outage))) {
                    Some(longest) => strike().lasting(Span::of(longest)),
                    None => strike(),
                },
                End::ByItself => strike().lasting(recorded),
                End::InVain => Strike { cured_by: Some(Vec::new()), ..strike() }.lasting(recorded),
                End::Open => strike(),
            };
            add("down", number, outage, What::Crash(strike));
        }
        let told = |ranges: &[Range<Timestamp>]| -> Vec<_> {
            ranges.iter().filter_map(|range| self.within(range)).collect()
        };
        // Within an outage it is down all the same, and nobody sees it.
        for (number, unknown) in (1..).zip(told(&subject.unknown)) {
            let what = What::Blind(strike().lasting(Span::of(length(&unknown))));
            add("unknown", number, &unknown, what);
        }
        for (number, held) in (1..).zip(told(&subject.held)) {
            let targets = vec![subject.name.clone()];
            let what = What::Hold { targets, lasts: Some(Span::of(length(&held))) };
            add("held", number, &held, what);
        }
        replay.outages += outages.len();
        replay.healed += ends.iter().filter(|end| **end == End::Healed).count();
        replay.unhealed += ends.iter().filter(|end| matches!(end, End::InVain | End::Open)).count();
    }

    fn end_of(&self, subject: &Subject, outage: &Range<Timestamp>) -> End {
        let during = |action: &&Action| {
            action.is_about(&subject.name) && (outage.start..=outage.end).contains(&action.began)
        };
        let mut during = self.actions.iter().filter(during).peekable();
        if outage.end >= self.until {
            End::Open
        } else if during.peek().is_none() {
            End::ByItself
        } else if during.any(|action| action.recovered) {
            End::Healed
        } else {
            End::InVain
        }
    }

    /// How actions on each recovery of these settings behave, where the history knows any on one of its checks.
    fn models(&self, settings: &Settings) -> Vec<ActionModel> {
        let healed: Vec<_> = self
            .subjects
            .iter()
            .flat_map(|subject| {
                let outages = joined(&subject.down, &subject.unknown);
                let healed =
                    move |outage: &Range<Timestamp>| self.end_of(subject, outage) == End::Healed;
                outages.into_iter().filter(healed).map(move |outage| (subject, outage))
            })
            .collect();
        let counts = |action: &&Action| {
            healed.iter().any(|(subject, outage)| {
                action.is_about(&subject.name)
                    && (outage.start..=outage.end).contains(&action.began)
            })
        };
        let mut models = Vec::new();
        for recovery in &settings.recoveries {
            let about =
                |action: &&Action| action.causes.iter().any(|cause| recovery.when.contains(cause));
            let of_these: Vec<_> = self.actions.iter().filter(about).filter(counts).collect();
            let good = of_these.iter().filter(|action| action.recovered).count();
            if good == 0 {
                continue;
            }
            let took = of_these.iter().filter_map(|action| action.took);
            let default = ActionModel::default();
            let takes = match (took.clone().min(), took.max()) {
                (Some(least), Some(most)) => Span::between(least, most),
                _ => default.takes,
            };
            models.push(ActionModel {
                targets: vec![recovery.name.clone()],
                heals: share(good, of_these.len()),
                takes,
                ..default
            });
        }
        models
    }

    /// The parts of each check that anything is known of.
    fn parts(&self) -> BTreeMap<String, Vec<String>> {
        let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for subject in &self.subjects {
            if let Some((check, part)) = subject.name.split_once('/') {
                parts.entry(check.to_owned()).or_default().push(part.to_owned());
            }
        }
        parts
    }

    /// What of a time lies in that which is replayed.
    fn within(&self, time: &Range<Timestamp>) -> Option<Range<Timestamp>> {
        let time = time.start.max(self.from)..time.end.min(self.until);
        (time.start < time.end).then_some(time)
    }

    fn since(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.from)).unwrap_or_default()
    }
}

/// How an outage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// An action ended it.
    Healed,
    /// Nothing was done.
    ByItself,
    /// What was done did not help.
    InVain,
    /// It was not over at the end.
    Open,
}

impl Action {
    fn is_about(&self, subject: &str) -> bool {
        let (check, part) = match subject.split_once('/') {
            Some((check, part)) => (check, Some(part)),
            None => (subject, None),
        };
        // What acts on all of a recovery acts on its parts; what acts on one part does not act on another.
        let on_part = self.target.split_once('/').map(|(_, part)| part);
        self.causes.iter().any(|cause| cause == check)
            && (part.is_none() || on_part.is_none() || part == on_part)
    }
}

fn length(time: &Range<Timestamp>) -> Duration {
    Duration::try_from(time.end.duration_since(time.start)).unwrap_or_default()
}

/// Times in their order, those joined that overlap, meet, or have nothing but `gaps` between them.
fn joined(times: &[Range<Timestamp>], gaps: &[Range<Timestamp>]) -> Vec<Range<Timestamp>> {
    let mut sorted = times.to_vec();
    sorted.sort_by_key(|time| (time.start, time.end));
    let bridged = |from: Timestamp, until: Timestamp| {
        from >= until || gaps.iter().any(|gap| gap.start <= from && gap.end >= until)
    };
    let mut joined: Vec<Range<Timestamp>> = Vec::new();
    for time in sorted {
        match joined.last_mut() {
            Some(last) if bridged(last.end, time.start) => last.end = last.end.max(time.end),
            _ => joined.push(time),
        }
    }
    joined
}

fn share(part: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of actions")]
    let share = part as f64 / of.max(1) as f64;
    share
}

#[cfg(test)]
mod tests;

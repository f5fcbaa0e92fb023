use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_health as health;
use evenkeel_probe::{Condition, Target};
use evenkeel_shown::Secrets;

use super::{Checker, OUT_OF_BOUNDS, plain};

use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::{Check, longest_run};
use crate::value::{Lasting, OrOff, Share};

/// A check is stale after so many intervals without a result.
const STALE_INTERVALS: u32 = 3;

/// When a check runs and how long it takes, as far as that is known to be right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) retry_delay: Duration,
    pub(super) interval: Duration,
}

impl Timing {
    /// How long a run takes in which every attempt fails at its deadline.
    pub(super) fn longest_run(self) -> Duration {
        longest_run(self.timeout, self.retries, self.retry_delay)
    }

    /// Attempts of one run in which every attempt fails.
    pub(super) fn attempts(self) -> u32 {
        self.retries.saturating_add(1)
    }
}

impl Checker {
    pub(super) fn checks(&mut self, rules: &BTreeMap<String, raw::Check>) -> Vec<Check> {
        let checked = rules.iter().filter_map(|(name, raw)| self.check(name, raw, rules)).collect();
        self.refuse_circles(rules);
        self.refuse_program_twice(rules);
        checked
    }

    fn check(
        &mut self,
        name: &str,
        raw: &raw::Check,
        rules: &BTreeMap<String, raw::Check>,
    ) -> Option<Check> {
        let rule = Key::of(&["check"]).named(name);
        let named = self.name_is_good(&rule);
        let target =
            self.one_kind(&rule, raw).and_then(|kind| self.target(&rule, kind, raw, rules));
        let conditions = target.as_ref().and_then(|target| {
            self.conditions(&rule.child("conditions"), raw.conditions.as_deref(), target)
        });
        let degraded = target.as_ref().and_then(|target| {
            self.conditions(&rule.child("degraded"), raw.degraded.as_deref(), target)
        });
        let depends_on = self.dependencies(&rule, name, raw.depends_on.as_ref(), rules);
        let flap = self.flap(&rule, raw.flap);
        let maintenance = raw.maintenance.as_ref();
        let maintenance =
            maintenance.map(|texts| self.daily(&rule.child("maintenance"), texts)).transpose();
        let timing = self.timing(&rule, raw);
        let health = self.health(&rule, raw);
        let breaker = timing.and_then(|timing| match &raw.breaker {
            Some(breaker) => self.breaker(&rule, breaker, timing).map(Some),
            None => Some(None),
        });
        let (timing, conditions, target) = (timing?, conditions?, target?);
        let far_enough = self.refuse_short_sight(&rule, &conditions, timing.interval);
        let degraded = degraded?;
        let target = target.judged_by(&conditions).keeping(&degraded);
        let of_parts = |condition: &Condition| {
            target.part_fields().iter().any(|field| field.name == condition.field)
        };
        let (part_conditions, conditions) = conditions.into_iter().partition(of_parts);
        let (part_degraded, degraded) = degraded.into_iter().partition(of_parts);
        (named && far_enough).then_some(Check {
            name: name.to_owned(),
            target,
            conditions,
            part_conditions,
            degraded,
            part_degraded,
            depends_on: depends_on?,
            maintenance: maintenance.ok()?,
            flap: flap?.into_option(),
            timeout: timing.timeout,
            retries: timing.retries,
            retry_delay: timing.retry_delay,
            interval: timing.interval,
            initial_delay: raw.initial_delay?.0,
            health: health?,
            breaker: breaker?,
            secrets: Secrets::default(),
        })
    }

    /// The one kind that the check is of.
    fn one_kind(&mut self, rule: &Key, raw: &raw::Check) -> Option<&'static str> {
        // As many as there are kinds, so that none is forgotten.
        let given: [bool; Target::KINDS.len()] = [
            raw.http.is_some(),
            raw.tcp.is_some(),
            raw.dns.is_some(),
            raw.unix.is_some(),
            raw.exec.is_some(),
            raw.process.is_some(),
            raw.supervisor.is_some(),
            raw.systemd.is_some(),
            raw.tmux.is_some(),
            raw.file.is_some(),
            raw.disk.is_some(),
        ];
        let kinds: Vec<_> = Target::KINDS
            .into_iter()
            .zip(given)
            .filter(|(_, given)| *given)
            .map(|(kind, _)| kind)
            .collect();
        match kinds.as_slice() {
            [kind] => return Some(kind),
            [] if !self.tree.all_sound(rule, &Target::KINDS) => {}
            [] => {
                let problem = Problem::new(format!("`{rule}` does not say what is measured"))
                    .key_is(rule)
                    .at(self.tree.place_of_key(rule))
                    .label("no target")
                    .help(format!("one of these is needed: {}", Target::KINDS.join(", ")))
                    .help("such as: http = { url = \"http://127.0.0.1:8080/health\" }");
                self.tree.add(rule, problem);
            }
            [first, second, ..] => {
                let (one, other) = (rule.child(first), rule.child(second));
                let problem =
                    Problem::new(format!("`{rule}` measures two things: `{first}` and `{second}`"))
                        .key_is(&other)
                        .at(self.tree.place_of_key(&other))
                        .label("the second one")
                        .see(self.tree.place_of_key(&one), "the first one")
                        .help("write two checks");
                self.tree.add(&other, problem);
            }
        }
        None
    }

    fn timing(&mut self, rule: &Key, raw: &raw::Check) -> Option<Timing> {
        let timeout = self.above_zero(rule, "timeout", raw.timeout);
        let interval = self.above_zero(rule, "interval", raw.interval);
        let Lasting(retry_delay) = raw.retry_delay?;
        let timing =
            Timing { timeout: timeout?, retries: raw.retries?, retry_delay, interval: interval? };
        let run = timing.longest_run();
        if run <= timing.interval {
            return Some(timing);
        }
        // The arithmetic stands beside a value that was written, not beside a default.
        let written = |name: &&str| self.tree.is_written(&rule.child(name));
        let blamed =
            ["interval", "timeout", "retries", "retry_delay"].iter().find(|name| written(name));
        let key = rule.child(blamed.copied().unwrap_or("interval"));
        let Timing { timeout, retries, retry_delay, interval } = timing;
        let arithmetic = match retries {
            0 => format!(
                "one attempt of {} is longer than the interval of {}",
                plain(timeout),
                plain(interval)
            ),
            _ => format!(
                "(1 + {retries}) × {} + {retries} × {} = {}, more than the interval of {}",
                plain(timeout),
                plain(retry_delay),
                plain(run),
                plain(interval)
            ),
        };
        let problem = Problem::new(format!("a run of `{rule}` can take longer than its interval"))
            .key_is(&key)
            .at(self.tree.place_of_value(&key))
            .label(arithmetic)
            .help("needed: (1 + retries) × timeout + retries × retry_delay ≤ interval");
        self.tree.add(&key, problem);
        None
    }

    fn health(&mut self, rule: &Key, raw: &raw::Check) -> Option<health::Policy> {
        let threshold = raw.failure_threshold?;
        let threshold =
            health::Threshold { failures: threshold.failures, within: threshold.within };
        // What is wrong with the interval is said elsewhere.
        let Lasting(interval) = raw.interval.filter(|interval| !interval.0.is_zero())?;
        let stale_after = interval.saturating_mul(STALE_INTERVALS);
        let Lasting(grace) = raw.startup_grace?;
        let policy = health::Policy::try_new(threshold, raw.success_threshold?, grace, stale_after);
        policy
            .map_err(|error| {
                self.refuse_policy(
                    &rule.child(error.key),
                    &error.value,
                    OUT_OF_BOUNDS,
                    &error.accepted,
                );
            })
            .ok()
    }

    /// When the check flaps.
    fn flap(
        &mut self,
        rule: &Key,
        raw: Option<OrOff<raw::Flap>>,
    ) -> Option<OrOff<health::FlapPolicy>> {
        let OrOff::On(raw) = raw? else { return Some(OrOff::Off) };
        let percent = |share: Option<Share>| share.map(|Share(share)| share.ratio() * 100.0);
        let policy =
            health::FlapPolicy::try_new(percent(raw.low)?, percent(raw.high)?, raw.hold?.0);
        policy
            .map(OrOff::On)
            .map_err(|error| {
                let key = rule.child(error.key);
                self.refuse_policy(&key, &error.value, OUT_OF_BOUNDS, &error.accepted);
            })
            .ok()
    }

    /// A program that two checks judge would be restarted for the sake of both.
    fn refuse_program_twice(&mut self, rules: &BTreeMap<String, raw::Check>) {
        let mut seen: BTreeMap<(&str, &str), Key> = BTreeMap::new();
        for (name, raw) in rules {
            let Some(supervisor) = &raw.supervisor else { continue };
            let (Some(url), Some(programs)) = (&supervisor.url, &supervisor.programs) else {
                continue;
            };
            for (index, program) in programs.0.iter().enumerate() {
                let key = Key::of(&["check"]).named(name).child("supervisor.programs").item(index);
                let Some(earlier) = seen.insert((url, program), key.clone()) else { continue };
                let problem = Problem::new(format!("the program `{program}` is watched twice"))
                    .key_is(&key)
                    .at(self.tree.place_of_value(&key))
                    .label("the second time")
                    .see(self.tree.place_of_value(&earlier), "the first time")
                    .help("each check judges, and each recovery acts, on its own: name it once");
                self.tree.add(&key, problem);
            }
        }
    }
}

//! The task that evaluates: each interval it takes a page, as a scrape would, evaluates every rule, and posts what changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::{SEVERITIES, Settings, process_jobs, rule_inputs};
use evenkeel_engine::Status;
use evenkeel_metrics::process_page_text;
use evenkeel_metrics::rules::{AGENT_JOB, ProcessJob, RuleInputs, alerts as rules, recordings};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc};

use super::evaluator::Evaluator;
use super::outbox::Posted;
use super::receivers::Receivers;
use super::state::{Alert, Phase};
use super::store::Job;
use super::{Board, Kept, Office, keep};
use crate::page::process::stats as process_stats;
use crate::page::{Question, ask};

/// How often series are written down.
const KEEP_SERIES: SignedDuration = SignedDuration::from_mins(5);
/// However long the intervals of checks are, the end of an alert is not put off for longer after a start.
const LONGEST_UNSETTLED: Duration = Duration::from_hours(1);
/// So many evaluations may be late before the agent counts as not working.
const LATE: u32 = 3;

/// One evaluation after the other.
#[derive(Debug)]
pub(crate) struct Rounds {
    evaluator: Evaluator,
    receivers: Receivers,
    processes: Vec<ProcessJob>,
    interval: Duration,
    instance: String,
    office: Office,
    board: Board,
    /// A receiver was told something.
    changed: Arc<Notify>,
    series_kept_at: Timestamp,
    /// Whether alerts found no room at the last evaluation, which is said once.
    overflowing: bool,
}

impl Rounds {
    pub(crate) fn new(settings: &Settings, kept: Kept, office: Office, board: Board) -> Self {
        let now = office.timeline.now();
        let mut rounds = Self {
            evaluator: Evaluator::default(),
            receivers: Receivers::default(),
            processes: Vec::new(),
            interval: settings.alerts.interval,
            instance: String::new(),
            office,
            board,
            changed: Arc::default(),
            series_kept_at: now,
            overflowing: false,
        };
        let left = kept.alerts.and_then(|value| keep::read_alerts(value, now)).unwrap_or_default();
        let mut receivers = left.receivers;
        rounds.take(settings, &mut receivers, now);
        if let Some(series) = kept.series {
            keep::read_series(series, now, rounds.evaluator.store_mut());
        }
        let settles_at = now.checked_add(unsettled(settings)).unwrap_or(now);
        let orphans = rounds.evaluator.inherit(left.alerts, left.last_seen, now, settles_at);
        rounds.receivers.post(|| orphans.iter());
        rounds
    }

    /// Evaluates each interval, until there are no more orders.
    pub(crate) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Settings>) {
        let timeline = self.office.timeline.clone();
        let changed = Arc::clone(&self.changed);
        let mut next = timeline.now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(timeline.until(next)), if !self.receivers.is_empty() => {
                    self.round(next).await;
                    next = after(next, self.interval, timeline.now());
                }
                () = changed.notified() => self.keep_alerts(),
                settings = orders.recv() => match settings {
                    Some(settings) => {
                        self.renew(&settings);
                        next = timeline.now();
                    }
                    None => break,
                },
            }
        }
        self.keep_alerts();
        self.keep_series(timeline.now());
    }

    /// One evaluation, which was due at `at`: so series are as regular as the evaluations were meant to be.
    async fn round(&mut self, at: Timestamp) {
        let Ok(status) = ask(&self.office.desk, Question::Status).await else { return };
        let page = self.office.desk.metrics.encode_text();
        self.scrape(at, AGENT_JOB, Some(&page));
        for process in self.processes.clone() {
            let page = page_of(&status, &process.process).await;
            self.scrape(at, &process.job, page.as_deref());
        }
        let phases =
            |alerts: &Evaluator| alerts.alerts().map(|alert| alert.phase).collect::<Vec<_>>();
        let before = phases(&self.evaluator);
        let evaluated = self.evaluator.evaluate(at);
        for (rule, why) in &evaluated.failed {
            tracing::error!(
                rule,
                why,
                "an alert rule cannot be evaluated; its alerts stay as they are"
            );
        }
        let mut posted = self.receivers.post(|| self.evaluator.alerts());
        if evaluated.settled {
            let firing = self.evaluator.firing();
            for post in self.receivers.posts() {
                posted.changed |= post.outbox().end_others(|key| firing.contains(&key), at);
                post.ring();
            }
        }
        self.say_overflow(
            evaluated.turned_away + posted.turned_away + self.evaluator.store().turned_away,
        );
        self.show(at);
        if posted.changed || before != phases(&self.evaluator) {
            self.keep_alerts();
        }
        if at.duration_since(self.series_kept_at) >= KEEP_SERIES {
            self.keep_series(at);
        }
    }

    fn scrape(&mut self, at: Timestamp, job: &str, page: Option<&str>) {
        let job = Job { job, instance: &self.instance };
        self.evaluator.scrape(at, job, page);
    }

    /// Takes new settings: alerts of rules that are no more are resolved.
    fn renew(&mut self, settings: &Settings) {
        let Posted { changed, .. } =
            self.take(settings, &mut BTreeMap::new(), self.office.timeline.now());
        if changed {
            self.keep_alerts();
        }
    }

    fn take(
        &mut self,
        settings: &Settings,
        left: &mut BTreeMap<String, Vec<super::outbox::Parcel>>,
        now: Timestamp,
    ) -> Posted {
        self.interval = settings.alerts.interval;
        self.instance = settings.alerts.instance.clone().unwrap_or_else(host_name);
        self.processes = process_jobs(settings);
        self.receivers.renew(&settings.alerts, left, &self.office, &self.changed);
        // For nobody, nothing is evaluated.
        let told = !self.receivers.is_empty();
        let inputs = if told { rule_inputs(settings) } else { RuleInputs::default() };
        let (rules, recordings) =
            if told { (rules(&inputs), recordings(&inputs)) } else { Default::default() };
        let orphans = self.evaluator.renew(rules, recordings, self.interval, now);
        let posted = self.receivers.post(|| orphans.iter());
        self.show(now);
        posted
    }

    fn show(&self, at: Timestamp) {
        let metrics = &self.office.desk.metrics;
        let firing = |severity: &str| {
            let of = |alert: &&Alert| {
                alert.phase == Phase::Firing && alert.label("severity") == severity
            };
            self.evaluator.alerts().filter(of).count()
        };
        for severity in SEVERITIES {
            if self.receivers.is_empty() {
                metrics.forget_alerts(severity);
            } else {
                metrics.set_alerts_firing(severity, firing(severity) as u64);
            }
        }
        let overdue_at = at.checked_add(self.interval * LATE).ok();
        let overdue_at = overdue_at.filter(|_| !self.receivers.is_empty());
        self.board.show(self.evaluator.alerts(), self.office.timeline.ahead(), overdue_at);
    }

    fn say_overflow(&mut self, turned_away: usize) {
        if turned_away > 0 && !self.overflowing {
            tracing::error!(
                turned_away,
                "there are more series or alerts than are kept; the rest is not told"
            );
        }
        self.overflowing = turned_away > 0;
    }

    fn stamp(&self) -> keep::Stamp {
        let at = self.office.timeline.now();
        keep::Stamp { at, wall: at.checked_add(self.office.timeline.ahead()).unwrap_or(at) }
    }

    fn keep_alerts(&self) {
        let alerts = self.evaluator.alerts();
        let value = keep::alerts(self.stamp(), alerts, self.receivers.parcels());
        // The other end is there for as long as the agent runs.
        let _ = self.office.keeper.send((keep::ALERTS, value));
    }

    fn keep_series(&mut self, at: Timestamp) {
        self.series_kept_at = at;
        if let Some(value) = keep::series(self.stamp(), self.evaluator.store()) {
            let _ = self.office.keeper.send((keep::SERIES, value));
        }
    }
}

/// When the next evaluation is due. Those that were missed are left out, and the others stay where they were.
fn after(at: Timestamp, interval: Duration, now: Timestamp) -> Timestamp {
    let late = u128::try_from(now.duration_since(at).as_millis()).unwrap_or_default();
    let missed = late / interval.as_millis().max(1);
    let steps = u32::try_from(missed + 1).unwrap_or(u32::MAX);
    at.checked_add(interval.saturating_mul(steps)).unwrap_or(now)
}

/// How long after its start an agent cannot know of everything: each check has to run, and what it may do has to be done.
fn unsettled(settings: &Settings) -> Duration {
    let longest = settings.checks.iter().map(|check| check.interval + check.timeout).max();
    let twice = settings.alerts.interval * 2;
    (longest.unwrap_or_default().max(settings.agent.grace) + twice).min(LONGEST_UNSETTLED)
}

/// What a scrape of a process would give; `None` if it is gone.
async fn page_of(status: &Status, process: &str) -> Option<String> {
    process_stats(status, process).await.ok().map(|stats| process_page_text(&stats))
}

fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn evaluations_that_were_missed_are_left_out() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let interval = Duration::from_secs(10);
        assert_eq!(after(at(0), interval, at(5)), at(10_000));
        assert_eq!(after(at(0), interval, at(9_999)), at(10_000));
        assert_eq!(after(at(0), interval, at(35_000)), at(40_000));
    }

    #[test]
    fn receivers_can_choose_among_the_severities_that_rules_have() {
        let inputs = RuleInputs::plan();
        let known: BTreeSet<_> = rules(&inputs).iter().map(|rule| rule.severity.as_str()).collect();
        assert!(known.iter().all(|severity| SEVERITIES.contains(severity)), "{known:?}");
    }
}

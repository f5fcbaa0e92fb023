//! The receivers: their outboxes, and their tasks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::{Alerts, Receiver, ReceiverKind};
use jiff::SignedDuration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Office;
use super::outbox::{Parcel, Posted, Terms};
use super::receiver::{Clerk, Post, deliver};
use super::state::Alert;

/// How soon an Alertmanager is told again of what still fires, as Prometheus does (`rules.alert.resend-delay`).
const RESEND: Duration = Duration::from_mins(1);
/// What was not told again for so many of these has ended, as Prometheus has it.
const MISSED: u32 = 4;

/// All receivers.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    by_name: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    receiver: Receiver,
    terms: Terms,
    post: Arc<Post>,
    task: JoinHandle<()>,
}

impl Receivers {
    /// Has these receivers from now on. Those that stay know what they knew; `left` is what they were told by earlier runs.
    pub(crate) fn renew(
        &mut self,
        alerts: &Alerts,
        left: &mut BTreeMap<String, Vec<Parcel>>,
        office: &Office,
        changed: &Arc<Notify>,
    ) {
        let mut before = std::mem::take(&mut self.by_name);
        for receiver in &alerts.receivers {
            let terms = terms(receiver, alerts);
            let known = before.remove(&receiver.name);
            let known = match known {
                Some(known) if known.receiver == *receiver && known.terms == terms => known,
                known => {
                    let post = known.map(|known| Arc::clone(&known.post));
                    let post = post.unwrap_or_else(|| Arc::new(Post::new(terms.clone())));
                    post.outbox().set_terms(terms.clone());
                    post.outbox().restore(left.remove(&receiver.name).unwrap_or_default());
                    let clerk = Clerk {
                        prober: office.prober.clone(),
                        metrics: Arc::clone(&office.desk.metrics),
                        timeline: office.timeline.clone(),
                        url: Arc::clone(&office.url),
                        changed: Arc::clone(changed),
                        valid_for: resend(alerts) * MISSED,
                    };
                    office.desk.metrics.add_alert_receiver(&receiver.name);
                    let task = tokio::spawn(deliver(receiver.clone(), Arc::clone(&post), clerk));
                    Known { receiver: receiver.clone(), terms, post, task }
                }
            };
            self.by_name.insert(receiver.name.clone(), known);
        }
        for name in before.keys() {
            office.desk.metrics.forget_alert_receiver(name);
        }
    }

    /// Offers alerts to all of them, and lets them know.
    pub(crate) fn post<'a, I: Iterator<Item = &'a Alert>>(&self, alerts: impl Fn() -> I) -> Posted {
        let mut all = Posted::default();
        for known in self.by_name.values() {
            let mut outbox = known.post.outbox();
            for alert in alerts() {
                let posted = outbox.post(alert);
                all.changed |= posted.changed;
                all.turned_away += posted.turned_away;
            }
            drop(outbox);
            known.post.ring();
        }
        all
    }

    /// The outboxes.
    pub(crate) fn posts(&self) -> impl Iterator<Item = &Post> {
        self.by_name.values().map(|known| &*known.post)
    }

    /// What is to be kept of each.
    pub(crate) fn parcels(&self) -> BTreeMap<String, Vec<Parcel>> {
        let parcels = |known: &Known| known.post.outbox().parcels().cloned().collect();
        self.by_name.iter().map(|(name, known)| (name.clone(), parcels(known))).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

/// Its task ends with it.
impl Drop for Known {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn terms(receiver: &Receiver, alerts: &Alerts) -> Terms {
    let is_alertmanager = matches!(receiver.kind, ReceiverKind::Alertmanager { .. });
    let repeat = if is_alertmanager { resend(alerts) } else { alerts.repeat };
    Terms {
        repeat: SignedDuration::try_from(repeat).unwrap_or(SignedDuration::MAX),
        resolved: receiver.resolved,
        severities: receiver.severities.clone(),
        grouped: !is_alertmanager,
    }
}

fn resend(alerts: &Alerts) -> Duration {
    RESEND.max(alerts.interval)
}

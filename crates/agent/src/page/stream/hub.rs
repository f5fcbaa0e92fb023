//! Who listens, and the one task that looks for changes while somebody does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_engine::Status;
use tokio::sync::{Notify, mpsc};

use super::change::Change;
use crate::clock::HostClock;
use crate::page::{Desk, Question, ask};

/// Listeners at one time; each holds a connection.
const LISTENERS: usize = 16;
/// Messages that wait for a listener; one who takes them more slowly is let go, and comes back by itself.
const WAITING: usize = 32;
/// Messages that are kept for those who come back.
const KEPT: usize = 64;
/// At most so often is looked, however much happens.
const PAUSE: Duration = Duration::from_millis(500);
/// So often is told that figures have moved on, though nothing else happened.
const STROLL: Duration = Duration::from_secs(10);

/// One thing that is told.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// By which a listener says what it heard last.
    pub(super) id: Arc<str>,
    /// hello, changed or reset.
    pub(super) kind: &'static str,
    /// JSON.
    pub(super) data: Arc<str>,
}

/// The meeting point of the agent, which says that something happened, and those who listen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hub(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    happened: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    listeners: Vec<mpsc::Sender<Message>>,
    /// Which teller gives the numbers: they mean nothing to another, nor to another agent.
    teller: String,
    told: u64,
    kept: VecDeque<(u64, Message)>,
    telling: bool,
}

impl Hub {
    /// Says that something may have changed. Costs next to nothing, also where nobody listens.
    pub(crate) fn happened(&self) {
        self.0.happened.notify_one();
    }

    /// Another listener, who has heard all up to `last`; `None` if there are as many as there may be.
    pub(super) fn join(&self, desk: &Desk, last: Option<&str>) -> Option<mpsc::Receiver<Message>> {
        let mut state = self.lock();
        state.listeners.retain(|listener| !listener.is_closed());
        if state.listeners.len() >= LISTENERS {
            return None;
        }
        if !state.telling {
            state.telling = true;
            state.teller = format!("{:x}", HostClock.wall().as_microsecond());
            state.told = 0;
            state.kept.clear();
            tokio::spawn(tell(self.clone(), desk.clone()));
        }
        let (sender, inbox) = mpsc::channel(WAITING);
        for message in state.greetings(last) {
            // It is empty, and the greetings fit.
            let _ = sender.try_send(message);
        }
        state.listeners.push(sender);
        Some(inbox)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all who listen; whoever cannot keep up is let go. Returns whether anybody is left.
    fn send(&self, data: &str) -> bool {
        let mut state = self.lock();
        state.told += 1;
        let message = state.message("changed", data);
        let told = state.told;
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back((told, message.clone()));
        state.listeners.retain(|listener| listener.try_send(message.clone()).is_ok());
        !state.end_if_alone()
    }

    /// Whether nobody listens any more; then the teller has ended, and the next who comes starts another.
    fn is_alone(&self) -> bool {
        let mut state = self.lock();
        state.listeners.retain(|listener| !listener.is_closed());
        state.end_if_alone()
    }
}

impl State {
    fn message(&self, kind: &'static str, data: &str) -> Message {
        Message { id: format!("{}-{}", self.teller, self.told).into(), kind, data: data.into() }
    }

    /// What a listener gets first: a greeting with a number to come back with, then what it missed, or that it missed too much.
    fn greetings(&self, last: Option<&str>) -> Vec<Message> {
        let mut all = vec![self.message("hello", "{}")];
        let Some(last) = last else { return all };
        let heard = last
            .strip_prefix(self.teller.as_str())
            .and_then(|rest| rest.strip_prefix('-')?.parse::<u64>().ok())
            .filter(|heard| *heard <= self.told);
        let oldest = self.told - self.kept.len() as u64;
        match heard.filter(|heard| *heard >= oldest && self.told - heard < WAITING as u64) {
            Some(heard) => {
                all.extend(
                    self.kept
                        .iter()
                        .filter(|(at, _)| *at > heard)
                        .map(|(_, message)| message.clone()),
                );
            }
            None => all.push(self.message("reset", "{}")),
        }
        all
    }

    fn end_if_alone(&mut self) -> bool {
        if self.listeners.is_empty() {
            self.telling = false;
        }
        self.listeners.is_empty()
    }
}

/// Looks for changes and tells them, until nobody listens or the agent ends.
async fn tell(hub: Hub, desk: Desk) {
    let mut before: Option<Status> = None;
    let mut strolled = tokio::time::Instant::now();
    loop {
        let told = match ask(&desk, Question::Status).await {
            Err(_) => return,
            Ok(now) => {
                let change = before.as_ref().and_then(|before| Change::between(before, &now));
                let data = match &change {
                    Some(change) => serde_json::to_string(change).ok(),
                    None if before.is_some() && strolled.elapsed() >= STROLL => {
                        Some(format!("{{\"healthy\":{}}}", now.healthy))
                    }
                    None => None,
                };
                before = Some(now);
                data
            }
        };
        let heard = match told {
            Some(data) => {
                strolled = tokio::time::Instant::now();
                hub.send(&data)
            }
            None => !hub.is_alone(),
        };
        if !heard {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        // A permit of what happened meanwhile is kept; else the figures move on.
        let _ = tokio::time::timeout(STROLL, hub.0.happened.notified()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(told: u64) -> State {
        let mut state = State { teller: "t".to_owned(), ..State::default() };
        for at in 1..=told {
            state.told = at;
            let message = state.message("changed", "{}");
            state.kept.push_back((at, message));
            if state.kept.len() > KEPT {
                state.kept.pop_front();
            }
        }
        state
    }

    #[track_caller]
    fn check(told: u64, last: Option<&str>, expected: &[&str]) {
        let all = state(told).greetings(last);
        let said: Vec<_> =
            all.iter().map(|message| format!("{} {}", message.kind, message.id)).collect();
        assert_eq!(said, expected);
        assert!(said.len() <= WAITING);
    }

    #[test]
    fn who_comes_first_is_greeted_with_a_number() {
        check(3, None, &["hello t-3"]);
    }

    #[test]
    fn who_comes_back_hears_what_it_missed() {
        check(3, Some("t-1"), &["hello t-3", "changed t-2", "changed t-3"]);
        check(3, Some("t-3"), &["hello t-3"]);
    }

    #[test]
    fn who_missed_too_much_or_heard_another_asks_for_all() {
        check(500, Some("t-3"), &["hello t-500", "reset t-500"]);
        for other in ["u-3", "t-4", "t", "", "t-", "t--1", "t-99999999999999999999"] {
            check(3, Some(other), &["hello t-3", "reset t-3"]);
        }
    }

    #[test]
    fn who_does_not_take_what_it_is_told_is_let_go() {
        let hub = Hub::default();
        let (slow, inbox) = mpsc::channel(2);
        hub.lock().listeners.push(slow);
        assert!(hub.send("{}") && hub.send("{}"));
        assert!(!hub.send("{}"), "the third does not fit, and nobody else listens");
        drop(inbox);
    }
}

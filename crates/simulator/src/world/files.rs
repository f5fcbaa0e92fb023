//! Entries of permission rules that deviate, and files that are due for cleanup rules.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{Fight, Remaining, Repaired};
use evenkeel_moment::Moment;
use evenkeel_permissions::{FIGHT_TIMES, FIGHT_WINDOW, FIRST_PAUSE, LONGEST_PAUSE};

/// The files of a host, rule by rule.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) permissions: Vec<Kept>,
    pub(crate) cleanups: Vec<Cleaned>,
}

/// The entries of one permission rule.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) watch: bool,
    /// Whether somebody keeps it, and may write.
    pub(crate) keeper: Option<bool>,
    /// Those that deviate, did not long ago, or are fought over.
    pub(crate) entries: BTreeMap<u32, Entry>,
    pub(crate) drifted: u64,
    pub(crate) repaired: u64,
    pub(crate) fights: u64,
    pub(crate) wrong_for: Duration,
    pub(crate) longest_wrong: Duration,
}

/// One entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) wrong_since: Option<Moment>,
    /// Until when somebody undoes its repairs.
    fought_until: Option<Moment>,
    recent: Vec<Moment>,
    times: u32,
    rounds: u32,
    paused_until: Option<Moment>,
    told: bool,
}

/// The files of one cleanup rule.
#[derive(Debug)]
pub(crate) struct Cleaned {
    pub(crate) name: String,
    /// What is due: how many, and how large they are together.
    pub(crate) due: u64,
    pub(crate) due_bytes: u64,
    pub(crate) fell_due: u64,
    pub(crate) taken: u64,
    pub(crate) taken_bytes: u64,
    pub(crate) refused: u64,
    /// The most that were due at one time.
    pub(crate) most_due: u64,
}

/// What a look at the entries of a rule did.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub(crate) repaired: Vec<Repaired>,
    pub(crate) fights: Vec<Fight>,
    pub(crate) remaining: Vec<Remaining>,
    /// Repairs that somebody undoes again.
    pub(crate) undone: Vec<u32>,
    /// When entries that are left alone are looked at again.
    pub(crate) again: Vec<Moment>,
}

impl Files {
    pub(super) fn new(settings: &Settings) -> Self {
        let permissions = settings.permissions.iter().map(|rule| Kept {
            name: rule.name.clone(),
            watch: rule.watch,
            keeper: None,
            entries: BTreeMap::new(),
            drifted: 0,
            repaired: 0,
            fights: 0,
            wrong_for: Duration::ZERO,
            longest_wrong: Duration::ZERO,
        });
        let cleanups = settings.cleanup.iter().map(|rule| Cleaned {
            name: rule.name.clone(),
            due: 0,
            due_bytes: 0,
            fell_due: 0,
            taken: 0,
            taken_bytes: 0,
            refused: 0,
            most_due: 0,
        });
        Self { permissions: permissions.collect(), cleanups: cleanups.collect() }
    }

    /// Nobody keeps anything any more.
    pub(crate) fn forget_keepers(&mut self) {
        for rule in &mut self.permissions {
            rule.keeper = None;
            for entry in rule.entries.values_mut() {
                // What is known of fights is known to the one who fights.
                let Entry { wrong_since, fought_until, .. } = *entry;
                *entry = Entry { wrong_since, fought_until, ..Entry::default() };
            }
        }
    }
}

impl Kept {
    /// An entry is changed by somebody who undoes its repairs until `fought_until`.
    pub(crate) fn drift(&mut self, entry: u32, now: Moment, fought_until: Option<Moment>) {
        let entry = self.entries.entry(entry).or_default();
        entry.fought_until = entry.fought_until.max(fought_until);
        if entry.wrong_since.is_none() {
            entry.wrong_since = Some(now);
            self.drifted += 1;
        }
    }

    /// Somebody undoes a repair, if he still cares.
    pub(crate) fn undo(&mut self, number: u32, now: Moment) -> bool {
        let Some(entry) = self.entries.get(&number) else { return false };
        let cares = entry.fought_until.is_some_and(|until| now < until);
        if cares {
            self.drift(number, now, None);
        }
        cares
    }

    /// Puts right what deviates, if it may, and says what was done and what is left.
    pub(crate) fn look(&mut self, now: Moment, write: bool, all: bool) -> Looked {
        let mut looked = Looked::default();
        for (number, entry) in &mut self.entries {
            let Some(since) = entry.wrong_since else { continue };
            let path = format!("entry-{number}");
            if let Some(until) = entry.paused_until.filter(|until| now < *until) {
                if all {
                    let reason = "somebody keeps undoing its repair; it is left alone".into();
                    looked.remaining.push(Remaining { path, reason });
                }
                looked.again.push(until);
                continue;
            }
            if !write {
                if all || !entry.told {
                    let reason = "observe only".into();
                    looked.remaining.push(Remaining { path, reason });
                }
                entry.told = true;
                continue;
            }
            let wrong_for = now.saturating_since(since);
            entry.wrong_since = None;
            self.repaired += 1;
            self.wrong_for += wrong_for;
            self.longest_wrong = self.longest_wrong.max(wrong_for);
            looked.repaired.push(Repaired {
                path: path.clone(),
                what: "mode".to_owned(),
                before: "0666".to_owned(),
                after: "0644".to_owned(),
                by: None,
                wrong_for: Some(wrong_for),
            });
            if let Some(pause) = entry.repaired(now) {
                self.fights += 1;
                let times = entry.times;
                looked.fights.push(Fight {
                    path,
                    what: "mode".to_owned(),
                    ours: "0644".to_owned(),
                    theirs: "0666".to_owned(),
                    by: None,
                    times,
                    pause,
                });
                looked.again.push(now + pause);
            }
            if entry.fought_until.is_some_and(|until| now < until) {
                looked.undone.push(*number);
            }
        }
        self.entries.retain(|_, entry| {
            entry.wrong_since.is_some() || entry.fought_until.is_some_and(|until| now < until)
        });
        looked
    }
}

impl Entry {
    /// Counts a repair; the pause that follows if it is one of a fight. As `evenkeel_permissions::Fights` counts.
    fn repaired(&mut self, now: Moment) -> Option<Duration> {
        self.recent.retain(|at| now.saturating_since(*at) < FIGHT_WINDOW);
        self.recent.push(now);
        self.times += 1;
        // A fight goes on where it was: one more repair after a pause is one more round.
        if self.rounds == 0 && self.recent.len() < FIGHT_TIMES as usize {
            return None;
        }
        let pause =
            FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.rounds)).min(LONGEST_PAUSE);
        self.rounds += 1;
        self.paused_until = Some(now + pause);
        Some(pause)
    }
}
